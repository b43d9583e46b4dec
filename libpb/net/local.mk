if WITH_NET
net_layers += libpb_net.la
libpb_net_la_SOURCES = \
	%D%/adopt.c \
	%D%/client.c \
	%D%/conn.c \
	%D%/conn.h \
	%D%/descriptor.c \
	%D%/descriptor.h \
	%D%/debug.c \
	%D%/defaults.h \
	%D%/dial.c \
	%D%/dial.h \
	%D%/endpoint.c \
	%D%/endpoint.h \
	%D%/published_folder.c \
	%D%/connection_timeouts.c \
	%D%/loop.c \
	%D%/loop_poll.c \
	%D%/loop_poll.h \
	%D%/loop.h \
	%D%/loop_uv.c \
	%D%/password_file.c \
	%D%/peer.c \
	%D%/peer.h \
	%D%/post.c \
	%D%/post.h \
	%D%/process.c \
	%D%/process.h \
	%D%/resolve.c \
	%D%/resolve.h \
	%D%/default_loop.c \
	%D%/server.c \
	%D%/service.c \
	%D%/socket.c \
	%D%/socket.h \
	%D%/target.c \
	%D%/target.h \
	%D%/tls.h \
	%D%/queued_calls.c \
	%D%/queued_calls.h
if WITH_TLS
libpb_net_la_SOURCES += %D%/tls.c %D%/tls_context.c %D%/tls_context.h %D%/tls_peer.c
else
libpb_net_la_SOURCES += %D%/tls_none.c
endif
libpb_net_la_LIBADD = $(LIBUV_LIBS) $(OPENSSL_LIBS)
net_libs = libpb_net.la $(broker_libs)

unit_tests += \
	%D%/tests/test_callbacks \
	%D%/tests/test_callbacks_loop \
	%D%/tests/test_client \
	%D%/tests/test_conn \
	%D%/tests/test_deadlines \
	%D%/tests/test_debug \
	%D%/tests/test_descriptors \
	%D%/tests/test_dial \
	%D%/tests/test_endpoint \
	%D%/tests/test_published_folder \
	%D%/tests/test_fork \
	%D%/tests/test_connection_timeouts \
	%D%/tests/test_loop \
	%D%/tests/test_loop_uv \
	%D%/tests/test_null \
	%D%/tests/test_null_client \
	%D%/tests/test_password_file \
	%D%/tests/test_peer \
	%D%/tests/test_post \
	%D%/tests/test_pressure \
	%D%/tests/test_server \
	%D%/tests/test_service \
	%D%/tests/test_silence \
	%D%/tests/test_waits
%C%_tests_test_callbacks_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_callbacks_loop_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_client_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_conn_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_deadlines_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_debug_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_descriptors_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
%C%_tests_test_dial_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_endpoint_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_published_folder_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_fork_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
%C%_tests_test_connection_timeouts_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_loop_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_loop_uv_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
%C%_tests_test_null_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_null_client_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_password_file_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_peer_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
%C%_tests_test_post_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_pressure_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_server_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_service_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
%C%_tests_test_silence_LDADD = $(net_libs) $(test_libs)
%C%_tests_test_waits_LDADD = $(net_libs) $(test_libs)
if WITH_TLS
unit_tests += %D%/tests/test_tls
%C%_tests_test_tls_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS)
else
unit_tests += %D%/tests/test_tls_none
%C%_tests_test_tls_none_LDADD = $(net_libs) $(test_libs)
endif
if HAVE_GLIB
unit_tests += %D%/tests/test_loop_glib
%C%_tests_test_loop_glib_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
%C%_tests_test_loop_glib_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS) $(GLIB_LIBS)
endif
if HAVE_LIBEV
unit_tests += %D%/tests/test_loop_libev
%C%_tests_test_loop_libev_CFLAGS = $(AM_CFLAGS) -fno-strict-aliasing
%C%_tests_test_loop_libev_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS) -lev
endif
if HAVE_LIBEVENT
unit_tests += %D%/tests/test_loop_libevent
%C%_tests_test_loop_libevent_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
%C%_tests_test_loop_libevent_LDADD = $(net_libs) $(test_libs) $(OPENSSL_LIBS) $(LIBEVENT_LIBS)
endif
endif
EXTRA_DIST += %D%/tests/certificate.h %D%/tests/loop.h %D%/tests/matrix_server.h %D%/tests/peers.h %D%/tests/under_loop.h

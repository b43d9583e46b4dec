# Built for the tests, which run them; not installed.
if WITH_EXAMPLES
noinst_PROGRAMS += \
	%D%/firefly_node \
	%D%/firefly_root \
	%D%/login_client \
	%D%/login_server \
	%D%/one_two_client \
	%D%/one_two_server \
	%D%/paging_client \
	%D%/paging_server \
	%D%/poll_client \
	%D%/words_client
%C%_firefly_node_SOURCES = %D%/firefly.c %D%/firefly.h %D%/firefly_node.c
%C%_firefly_node_LDADD = $(pb_libs)
%C%_firefly_root_SOURCES = %D%/firefly.c %D%/firefly.h %D%/firefly_root.c
%C%_firefly_root_LDADD = $(pb_libs)
%C%_login_client_LDADD = $(pb_libs)
%C%_login_server_LDADD = $(pb_libs)
%C%_one_two_client_LDADD = $(pb_libs)
%C%_one_two_server_LDADD = $(pb_libs)
%C%_paging_client_LDADD = $(pb_libs)
%C%_paging_server_LDADD = $(pb_libs)
%C%_poll_client_SOURCES = %D%/loop.h %D%/poll_client.c
%C%_poll_client_LDADD = $(pb_libs)
%C%_words_client_LDADD = $(pb_libs)
if HAVE_LIBEVENT
noinst_PROGRAMS += %D%/libevent_client
%C%_libevent_client_SOURCES = %D%/libevent_client.c %D%/loop.h
%C%_libevent_client_CFLAGS = $(AM_CFLAGS) $(LIBEVENT_CFLAGS)
%C%_libevent_client_LDADD = $(pb_libs) $(LIBEVENT_LIBS)
endif
if HAVE_LIBEV
noinst_PROGRAMS += %D%/libev_client
%C%_libev_client_SOURCES = %D%/libev_client.c %D%/loop.h
%C%_libev_client_CFLAGS = $(AM_CFLAGS) -fno-strict-aliasing
%C%_libev_client_LDADD = $(pb_libs) -lev
endif
if HAVE_GLIB
noinst_PROGRAMS += %D%/glib_client
%C%_glib_client_SOURCES = %D%/glib_client.c %D%/loop.h
%C%_glib_client_CFLAGS = $(AM_CFLAGS) $(GLIB_CFLAGS)
%C%_glib_client_LDADD = $(pb_libs) $(GLIB_LIBS)
endif
endif
example_tests += %D%/check-examples

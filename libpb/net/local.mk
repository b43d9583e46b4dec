lib_layers += libpb_net.la
libpb_net_la_SOURCES = \
	%D%/client.c \
	%D%/conn.c \
	%D%/conn.h \
	%D%/dial.c \
	%D%/dial.h \
	%D%/endpoint.c \
	%D%/endpoint.h \
	%D%/run.c \
	%D%/server.c \
	%D%/socket.c \
	%D%/socket.h
libpb_net_la_LIBADD = $(LIBUV_LIBS)
net_libs = libpb_net.la $(broker_libs)

unit_tests += \
	%D%/tests/test_endpoint
%C%_tests_test_endpoint_LDADD = $(net_libs) $(test_libs)

lib_layers += libpb_broker.la
libpb_broker_la_SOURCES = \
	%D%/answer.c \
	%D%/call.c \
	%D%/deadline.c \
	%D%/decref.c \
	%D%/dump.c \
	%D%/error.c \
	%D%/exception.c \
	%D%/exception.h \
	%D%/failure.c \
	%D%/invoker.c \
	%D%/message.c \
	%D%/negotiate.c \
	%D%/object.c \
	%D%/proto.c \
	%D%/remote.c \
	%D%/request.c \
	%D%/session.c \
	%D%/session.h \
	%D%/write.c
broker_libs = libpb_broker.la $(jelly_libs)

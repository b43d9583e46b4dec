bin_PROGRAMS += %D%/pb
%C%_pb_SOURCES = \
	%D%/args.c \
	%D%/args.h \
	%D%/bench.c \
	%D%/bench.h \
	%D%/bench_call.c \
	%D%/call.c \
	%D%/json.c \
	%D%/json.h \
	%D%/json_write.c \
	%D%/pb.c \
	%D%/pb.h \
	%D%/serve.c
%C%_pb_LDADD = $(net_libs) libpb_mem.la $(JANSSON_LIBS) $(ZLIB_LIBS) -lm
script_tests += %D%/tests/check-pb

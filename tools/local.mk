bin_PROGRAMS += %D%/pb
%C%_pb_SOURCES = \
	%D%/args.c \
	%D%/args.h \
	%D%/bench.c \
	%D%/bench.h \
	%D%/bench_call.c \
	%D%/call.c \
	%D%/capture.c \
	%D%/capture.h \
	%D%/expect.c \
	%D%/expect.h \
	%D%/form.c \
	%D%/form.h \
	%D%/jelly.c \
	%D%/json.c \
	%D%/json.h \
	%D%/json_scalar.c \
	%D%/json_scalar.h \
	%D%/json_write.c \
	%D%/pb.c \
	%D%/pb.h \
	%D%/replay.c \
	%D%/replay.h \
	%D%/replay_broker.c \
	%D%/replay_calls.c \
	%D%/replay_scenario.c \
	%D%/replay_scenario.h \
	%D%/replay_vectors.c \
	%D%/serve.c \
	%D%/tree.c \
	%D%/tree.h
%C%_pb_LDADD = $(net_libs) libpb_mem.la $(JANSSON_LIBS) $(ZLIB_LIBS) -lm
script_tests += %D%/tests/check-pb

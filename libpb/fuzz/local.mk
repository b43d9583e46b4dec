# Fuzz targets as plain programs, which run their seeds. With --enable-fuzzing they are
# fuzzers: see ./dev fuzz.
if WITH_FUZZING
fuzz_main =
fuzz_flags = $(AM_LDFLAGS) $(LIB_FUZZING_ENGINE)
else
fuzz_main = %D%/main.c
fuzz_flags = $(AM_LDFLAGS)
endif

fuzz_tests += %D%/fuzz_banana
%C%_fuzz_banana_SOURCES = %D%/fuzz_banana.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_banana_LDADD = $(banana_libs) libpb_mem.la
%C%_fuzz_banana_LDFLAGS = $(fuzz_flags)

fuzz_tests += %D%/fuzz_jelly
%C%_fuzz_jelly_SOURCES = %D%/fuzz_jelly.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_jelly_LDADD = $(jelly_libs) libpb_mem.la
%C%_fuzz_jelly_LDFLAGS = $(fuzz_flags)

fuzz_tests += %D%/fuzz_session
%C%_fuzz_session_SOURCES = %D%/fuzz_session.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_session_LDADD = $(broker_libs) libpb_mem.la
%C%_fuzz_session_LDFLAGS = $(fuzz_flags)

fuzz_tests += %D%/fuzz_pair
%C%_fuzz_pair_SOURCES = %D%/fuzz_pair.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_pair_LDADD = $(broker_libs) libpb_failing_mem.la
%C%_fuzz_pair_LDFLAGS = $(fuzz_flags)

fuzz_tests += %D%/fuzz_literal
%C%_fuzz_literal_SOURCES = %D%/fuzz_literal.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_literal_LDADD = $(compat_libs) libpb_failing_mem.la
%C%_fuzz_literal_LDFLAGS = $(fuzz_flags)

if WITH_NET
fuzz_tests += %D%/fuzz_endpoint
%C%_fuzz_endpoint_SOURCES = %D%/fuzz_endpoint.c %D%/fuzz.h $(fuzz_main)
%C%_fuzz_endpoint_LDADD = $(net_libs) libpb_failing_mem.la
%C%_fuzz_endpoint_LDFLAGS = $(fuzz_flags)
endif

if WITH_TOOLS
fuzz_tests += %D%/fuzz_traffic
%C%_fuzz_traffic_SOURCES = %D%/fuzz_traffic.c %D%/fuzz.h $(fuzz_main) \
	tools/common/broker_expression.c \
	tools/common/capture_file.c \
	tools/common/conversation.c \
	tools/common/input.c \
	tools/common/pcap_file.c \
	tools/common/tcp_reassembly.c \
	tools/common/traffic_file.c \
	tools/common/traversal.c
%C%_fuzz_traffic_LDADD = $(broker_libs) libpb_mem.la $(JANSSON_LIBS) $(PCAP_LIBS) $(ZLIB_LIBS)
%C%_fuzz_traffic_LDFLAGS = $(fuzz_flags)
endif

EXTRA_DIST += %D%/seeds

# Fuzz targets as plain programs, which run their seeds. As a fuzzer:
#   clang -fsanitize=fuzzer,address,undefined -D_GNU_SOURCE -I. -Ilibpb/include \
#     libpb/fuzz/fuzz_banana.c libpb/banana/*.c libpb/base/*.c
fuzz_tests += %D%/fuzz_banana
%C%_fuzz_banana_SOURCES = %D%/fuzz_banana.c %D%/fuzz.h %D%/main.c
%C%_fuzz_banana_LDADD = $(banana_libs) libpb_mem.la

fuzz_tests += %D%/fuzz_jelly
%C%_fuzz_jelly_SOURCES = %D%/fuzz_jelly.c %D%/fuzz.h %D%/main.c
%C%_fuzz_jelly_LDADD = $(jelly_libs) libpb_mem.la

fuzz_tests += %D%/fuzz_session
%C%_fuzz_session_SOURCES = %D%/fuzz_session.c %D%/fuzz.h %D%/main.c
%C%_fuzz_session_LDADD = $(broker_libs) libpb_mem.la

EXTRA_DIST += %D%/seeds

EXTRA_DIST += \
	%D%/calls_twisted.py \
	%D%/codec_twisted.py \
	%D%/make_corpora.py \
	%D%/python/asyncio_end.py \
	%D%/python/cases.py \
	%D%/python/cpu.py \
	%D%/python/msgpack_end.py \
	%D%/python/twisted_end.py \
	%D%/python.py \
	%D%/record.py \
	%D%/run.py

EXTRA_PROGRAMS += %D%/codec %D%/connections
# The counts are compared only where the library is optimised as it is installed.
check_PROGRAMS += %D%/instructions
EXTRA_DIST += %D%/count_instructions.py %D%/instructions.txt
if WITH_LTO
program_tests += %D%/count_instructions.py
endif
%C%_instructions_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=posix_memalign $(PB_LDFLAGS) $(PB_PIE_LDFLAGS)
%C%_instructions_LDADD = $(broker_libs) libpb_mem.la $(PCRE2_LIBS) -lm
%C%_connections_SOURCES = %D%/connections.c tools/call/bench.h
%C%_connections_LDADD =
%C%_codec_SOURCES = \
	%D%/codec.c \
	%D%/codec.h \
	%D%/codec_peers.c \
	tools/call/bench.h
%C%_codec_CFLAGS = $(AM_CFLAGS) $(PEERS_CFLAGS)
%C%_codec_LDFLAGS = $(PB_LDFLAGS) $(PB_PIE_LDFLAGS)
%C%_codec_LDADD = $(jelly_libs) libpb_mem.la $(PCRE2_LIBS) $(PEERS_LIBS) -lm
if HAVE_PEERS
bench_peers = %D%/codec
endif

if WITH_TOOLS
bench: tools/pb %D%/connections $(bench_peers)
	/usr/bin/python3 $(srcdir)/%D%/run.py tools/pb %D%/connections $(bench_peers)
if WITH_PYTHON
	srcdir='$(srcdir)' builddir='$(builddir)' \
		$(PY_LOG_COMPILER) $(PYTHON) $(srcdir)/%D%/python.py
	srcdir='$(srcdir)' builddir='$(builddir)' \
		$(PY_LOG_COMPILER) $(PYTHON) $(srcdir)/%D%/python/cpu.py
endif
	/usr/bin/python3 $(srcdir)/%D%/record.py tools/pb
endif
.PHONY: bench

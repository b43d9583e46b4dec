EXTRA_DIST += \
	%D%/calls_twisted.py \
	%D%/codec_twisted.py \
	%D%/make_corpora.py \
	%D%/python.py \
	%D%/record.py \
	%D%/run.py

EXTRA_PROGRAMS += %D%/codec %D%/connections
%C%_connections_SOURCES = %D%/connections.c tools/call/bench.h
%C%_codec_SOURCES = \
	%D%/codec.c \
	%D%/codec.h \
	%D%/codec_peers.c \
	tools/call/bench.h
%C%_codec_CFLAGS = $(AM_CFLAGS) $(PEERS_CFLAGS)
%C%_codec_LDFLAGS = $(PB_LDFLAGS)
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
endif
	/usr/bin/python3 $(srcdir)/%D%/record.py tools/pb
endif
.PHONY: bench

EXTRA_DIST += \
	%D%/calls_twisted.py \
	%D%/codec_twisted.py \
	%D%/make_corpora.py \
	%D%/run.py

bench: tools/pb
	/usr/bin/python3 $(srcdir)/%D%/run.py tools/pb
.PHONY: bench

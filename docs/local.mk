EXTRA_DIST += \
	%D%/make-api \
	%D%/guides.py \
	%D%/headers.py \
	%D%/pages.py \
	%D%/site/search.js \
	%D%/site/style.css \
	%D%/README.md \
	%D%/decisions.md \
	%D%/guide-c.md \
	%D%/guide-twisted.md \
	%D%/porting.md \
	%D%/protocol.md \
	%D%/replay.md \
	%D%/twisted.md
dist_man_MANS = \
	%D%/man/libpb.3 \
	%D%/man/pb-bench.1 \
	%D%/man/pb-call.1 \
	%D%/man/pb-dump.1 \
	%D%/man/pb-jelly.1 \
	%D%/man/pb-record.1 \
	%D%/man/pb-replay.1 \
	%D%/man/pb-serve.1 \
	%D%/man/pb-shell.1 \
	%D%/man/pb-unjelly.1 \
	%D%/man/pb.1

# The API reference and the documents as a site, docs/html/ in the build folder: begin with
# index.html there. It needs python3 and cmark-gfm.
docs:
	$(srcdir)/%D%/make-api $(srcdir) %D%/html
clean-local:
	rm -rf %D%/html
.PHONY: docs

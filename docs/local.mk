EXTRA_DIST += \
	%D%/make-api \
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

# The API reference, out of the headers: HTML in docs/api/ of the build folder.
docs:
	$(srcdir)/%D%/make-api $(srcdir)/libpb/include %D%/api
clean-local:
	rm -rf %D%/api
.PHONY: docs

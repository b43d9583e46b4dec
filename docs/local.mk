EXTRA_DIST += \
	%D%/collect-errors \
	%D%/make-api \
	%D%/make-man \
	%D%/guides.py \
	%D%/headers.py \
	%D%/pages.py \
	%D%/layers.svg \
	%D%/site/search.js \
	%D%/site/style.css \
	%D%/README.md \
	%D%/cheatsheet.md \
	%D%/decisions.md \
	%D%/errors.md \
	%D%/guide-c.md \
	%D%/guide-servers.md \
	%D%/guide-twisted.md \
	%D%/limits.md \
	%D%/performance.md \
	%D%/platforms.md \
	%D%/porting.md \
	%D%/protocol.md \
	%D%/replay.md \
	%D%/twisted.md
EXTRA_DIST += %D%/man/libpb.3 $(tool_pages)
man_MANS += %D%/man/libpb.3
tool_pages = \
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
if WITH_TOOLS
man_MANS += $(tool_pages)
endif

# The manual pages of section 3 that are made of the headers: one for each header, and for
# each name a page that leads there. A release has them, for machines without python3.
if HAVE_PYTHON3
api_man = %D%/man3
noinst_DATA += %D%/man3.stamp
%D%/man3.stamp: %D%/make-man %D%/headers.py %D%/man/libpb.3 $(pbinclude_HEADERS) \
		$(pbadaptersinclude_HEADERS)
	rm -rf %D%/man3
	$(PYTHON3) $(srcdir)/%D%/make-man $(srcdir) %D%/man3
	touch $@
else
api_man = $(srcdir)/%D%/man3
endif

install-data-local:
	$(MKDIR_P) '$(DESTDIR)$(man3dir)'
	for page in $(api_man)/*.3; do \
		test ! -f "$$page" || $(INSTALL_DATA) "$$page" '$(DESTDIR)$(man3dir)' || exit 1; \
	done
uninstall-local:
	for page in $(api_man)/*.3; do \
		rm -f '$(DESTDIR)$(man3dir)'/"$${page##*/}"; \
	done
dist-hook: $(noinst_DATA)
	test ! -d $(api_man) || cp -R $(api_man) '$(distdir)/%D%'

# The API reference and the documents as a site, docs/html/ in the build folder: begin with
# index.html there. It needs python3 and cmark-gfm.
docs:
	$(srcdir)/%D%/make-api $(srcdir) %D%/html
clean-local:
	rm -rf %D%/html
if HAVE_PYTHON3
	rm -rf %D%/man3 %D%/man3.stamp
endif
.PHONY: docs

# The Python package. With --with-python it is built against this tree, installed into the
# site packages, and tested with that Python.
bindings_python_modules = \
	%D%/libpb/__init__.py \
	%D%/libpb/_core.pyi \
	%D%/libpb/accelerate.py \
	%D%/libpb/banana.py \
	%D%/libpb/client.py \
	%D%/libpb/connection.py \
	%D%/libpb/endpoints.py \
	%D%/libpb/errors.py \
	%D%/libpb/fingerprints.py \
	%D%/libpb/flavors.py \
	%D%/libpb/jelly.py \
	%D%/libpb/paging.py \
	%D%/libpb/py.typed \
	%D%/libpb/server.py \
	%D%/libpb/service.py
bindings_python_tests = \
	%D%/tests/compare_twisted.py \
	%D%/tests/test_accelerate.py \
	%D%/tests/test_asyncio.py \
	%D%/tests/test_banana.py \
	%D%/tests/test_caches.py \
	%D%/tests/test_closing.py \
	%D%/tests/test_copies.py \
	%D%/tests/test_examples.py \
	%D%/tests/test_exceptions.py \
	%D%/tests/test_fuzz.py \
	%D%/tests/test_interpreters.py \
	%D%/tests/test_jelly.py \
	%D%/tests/test_leaks.py \
	%D%/tests/test_live.py \
	%D%/tests/test_plain.py \
	%D%/tests/test_services.py \
	%D%/tests/test_session.py \
	%D%/tests/test_tasters.py \
	%D%/tests/test_typing.py \
	%D%/tests/test_unknown.py \
	%D%/tests/test_values.py
EXTRA_DIST += \
	$(bindings_python_modules) \
	$(bindings_python_tests) \
	%D%/LICENSE \
	%D%/MANIFEST.in \
	%D%/README.md \
	%D%/examples/client.py \
	%D%/examples/server.py \
	%D%/_libpb_accelerate.py \
	%D%/libpb-accelerate.pth \
	%D%/pyproject.toml \
	%D%/setup.py \
	%D%/src/README.md \
	%D%/tests/compared.py \
	%D%/tests/run \
	%D%/tests/served.py \
	%D%/tests/twisted_caches.py \
	%D%/tests/typed_program.py \
	%D%/tests/twisted_peer.py
script_tests += %D%/tests/pip.test

if WITH_PYTHON
pbpydir = $(PYTHON_SITE)/libpb
pbpy_DATA = $(bindings_python_modules)
pbpy_LTLIBRARIES = %D%/_core.la
%C%__core_la_SOURCES = \
	%D%/src/accelerate/data_received.c \
	%D%/src/accelerate/jelly.c \
	%D%/src/accelerate/send_encoded.c \
	%D%/src/accelerate/twisted.c \
	%D%/src/accelerate/twisted.h \
	%D%/src/accelerate/unjelly.c \
	%D%/src/codec/banana.c \
	%D%/src/codec/codec.h \
	%D%/src/codec/jelly_dumps.c \
	%D%/src/codec/jelly_loads.c \
	%D%/src/common/address_map.h \
	%D%/src/common/big_integer.c \
	%D%/src/common/container.h \
	%D%/src/common/expression_read.c \
	%D%/src/common/expression_read.h \
	%D%/src/common/expression_write.c \
	%D%/src/common/expression_write.h \
	%D%/src/common/state.c \
	%D%/src/common/state.h \
	%D%/src/module.c \
	%D%/src/session/cache.c \
	%D%/src/session/cache.h \
	%D%/src/session/call.c \
	%D%/src/session/handle.c \
	%D%/src/session/local_object.c \
	%D%/src/session/login_attempt.c \
	%D%/src/session/object_to_value.c \
	%D%/src/session/remote.c \
	%D%/src/session/request.c \
	%D%/src/session/session.c \
	%D%/src/session/session.h \
	%D%/src/session/value_to_object.c \
	%D%/src/session/visited.h
%C%__core_la_CPPFLAGS = -I$(srcdir)/%D%/src -I$(top_srcdir)/libpb/include \
	$(PYTHON_CPPFLAGS)
%C%__core_la_CFLAGS = $(AM_CFLAGS) -Wno-missing-field-initializers
%C%__core_la_LDFLAGS = $(PB_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^PyInit__core$$'
%C%__core_la_LIBADD = libpb-core.la
# Relinking at installation needs the library. (A variable, or automake would take this for
# the whole rule.) Python needs no .la file.
pbpy_install = install-pbpyLTLIBRARIES
$(pbpy_install): install-libLTLIBRARIES
pbpyinfo = $(DESTDIR)$(PYTHON_SITE)/libpb-$(PACKAGE_VERSION).dist-info
install-data-hook:
	rm -f $(DESTDIR)$(pbpydir)/_core.la
	mv $(DESTDIR)$(pbpydir)/_core.so '$(DESTDIR)$(pbpydir)/_core$(PYTHON_EXT)'
	mkdir -p '$(pbpyinfo)'
	printf 'Metadata-Version: 2.1\nName: libpb\nVersion: %s\n' $(PACKAGE_VERSION) \
		>'$(pbpyinfo)/METADATA'
	echo make >'$(pbpyinfo)/INSTALLER'
uninstall-hook:
	rm -f $(DESTDIR)$(pbpydir)/_core.so '$(DESTDIR)$(pbpydir)/_core$(PYTHON_EXT)'
	rm -f '$(pbpyinfo)/METADATA' '$(pbpyinfo)/INSTALLER'
	! test -d '$(pbpyinfo)' || rmdir '$(pbpyinfo)'
pbpthdir = $(PYTHON_SITE)
pbpth_DATA = %D%/libpb-accelerate.pth %D%/_libpb_accelerate.py

PY_LOG_COMPILER = $(srcdir)/%D%/tests/run
AM_PY_LOG_FLAGS = $(PYTHON)
python_tests += $(bindings_python_tests)
endif

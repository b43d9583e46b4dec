# The Python package: with --with-python it is built against this tree, installed among the
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
	%D%/libpb/flavors.py \
	%D%/libpb/jelly.py \
	%D%/libpb/py.typed \
	%D%/libpb/server.py
bindings_python_tests = \
	%D%/tests/compare_twisted.py \
	%D%/tests/test_accelerate.py \
	%D%/tests/test_asyncio.py \
	%D%/tests/test_banana.py \
	%D%/tests/test_examples.py \
	%D%/tests/test_jelly.py \
	%D%/tests/test_leaks.py \
	%D%/tests/test_live.py \
	%D%/tests/test_plain.py \
	%D%/tests/test_session.py \
	%D%/tests/test_values.py
EXTRA_DIST += \
	$(bindings_python_modules) \
	$(bindings_python_tests) \
	%D%/LICENSE \
	%D%/MANIFEST.in \
	%D%/README.md \
	%D%/examples/client.py \
	%D%/examples/server.py \
	%D%/libpb-accelerate.pth \
	%D%/pyproject.toml \
	%D%/setup.py \
	%D%/tests/compared.py \
	%D%/tests/run \
	%D%/tests/served.py \
	%D%/tests/twisted_peer.py
script_tests += %D%/tests/pip.test

if WITH_PYTHON
pbpydir = $(PYTHON_SITE)/libpb
pbpy_DATA = $(bindings_python_modules)
pbpy_LTLIBRARIES = %D%/_core.la
%C%__core_la_SOURCES = \
	%D%/src/call.c \
	%D%/src/codec.h \
	%D%/src/core.c \
	%D%/src/core.h \
	%D%/src/dump.c \
	%D%/src/handle.c \
	%D%/src/jelly.c \
	%D%/src/live.h \
	%D%/src/load.c \
	%D%/src/login.c \
	%D%/src/map.h \
	%D%/src/number.c \
	%D%/src/object.c \
	%D%/src/plain.c \
	%D%/src/read.c \
	%D%/src/read.h \
	%D%/src/receive.c \
	%D%/src/session.c \
	%D%/src/twisted.c \
	%D%/src/twisted.h \
	%D%/src/unjelly.c \
	%D%/src/value_in.c \
	%D%/src/value_out.c \
	%D%/src/write.c \
	%D%/src/write.h
%C%__core_la_CPPFLAGS = -I$(top_srcdir)/libpb/include $(PYTHON_CPPFLAGS)
%C%__core_la_CFLAGS = $(AM_CFLAGS) -Wno-missing-field-initializers
%C%__core_la_LDFLAGS = $(PB_LDFLAGS) -module -avoid-version -shared \
	-export-symbols-regex '^PyInit__core$$'
%C%__core_la_LIBADD = libpb-core.la
# The relinking needs the library (through a variable, or automake would take this for the
# whole rule), and Python needs no .la file.
pbpy_install = install-pbpyLTLIBRARIES
$(pbpy_install): install-libLTLIBRARIES
install-data-hook:
	rm -f $(DESTDIR)$(pbpydir)/_core.la
uninstall-hook:
	rm -f $(DESTDIR)$(pbpydir)/_core.so
pbpthdir = $(PYTHON_SITE)
pbpth_DATA = %D%/libpb-accelerate.pth

PY_LOG_COMPILER = $(srcdir)/%D%/tests/run
AM_PY_LOG_FLAGS = $(PYTHON)
python_tests += $(bindings_python_tests)
endif

core_layers += libpb_base.la
libpb_base_la_SOURCES = \
	%D%/block.c \
	%D%/block.h \
	%D%/buf.c \
	%D%/buf.h \
	%D%/error.c \
	%D%/error.h \
	%D%/export.h \
	%D%/list.h \
	%D%/map.c \
	%D%/map.h \
	%D%/mem.h \
	%D%/secret.c \
	%D%/secret.h \
	%D%/slab.c \
	%D%/slab.h \
	%D%/spares.h \
	%D%/span.h \
	%D%/system.h \
	%D%/version.c
base_libs = libpb_base.la
libpb_mem_la_SOURCES = %D%/mem.c

unit_tests += \
	%D%/tests/test_block \
	%D%/tests/test_buf \
	%D%/tests/test_error \
	%D%/tests/test_list \
	%D%/tests/test_map \
	%D%/tests/test_slab \
	%D%/tests/test_version
%C%_tests_test_block_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_buf_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_error_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_list_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_map_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_slab_LDADD = $(base_libs) $(test_libs)
%C%_tests_test_version_LDADD = $(base_libs) $(test_libs)

# In place of mem.c, for tests and for fuzz targets.
check_LTLIBRARIES += libpb_failing_mem.la
libpb_failing_mem_la_SOURCES = %D%/tests/failing_mem.c %D%/tests/failing_mem.h

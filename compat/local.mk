core_layers += libpb_compat.la
libpb_compat_la_SOURCES = \
	%D%/build.c \
	%D%/compare.h \
	%D%/copy.c \
	%D%/decimal.c \
	%D%/decimal.h \
	%D%/equal.c \
	%D%/floats.c \
	%D%/floats.h \
	%D%/hash.c \
	%D%/integer.c \
	%D%/integer.h \
	%D%/island.c \
	%D%/island.h \
	%D%/limbs.c \
	%D%/limbs.h \
	%D%/literal.c \
	%D%/literal.h \
	%D%/literal_call.c \
	%D%/literal_number.c \
	%D%/literal_text.c \
	%D%/datetime.c \
	%D%/datetime.h \
	%D%/names.c \
	%D%/number.c \
	%D%/number.h \
	%D%/printable.h \
	%D%/profile.c \
	%D%/profile.h \
	%D%/repr_text.c \
	%D%/remove.c \
	%D%/repr.c \
	%D%/repr.h \
	%D%/sequence.c \
	%D%/siphash.c \
	%D%/siphash.h \
	%D%/table.c \
	%D%/table.h \
	%D%/text.c \
	%D%/unpack.c \
	%D%/value.c \
	%D%/value.h
compat_libs = libpb_compat.la $(base_libs)
EXTRA_DIST += %D%/printable.py

unit_tests += \
	%D%/tests/test_build \
	%D%/tests/test_copy \
	%D%/tests/test_decimal \
	%D%/tests/test_equal \
	%D%/tests/test_floats \
	%D%/tests/test_integer \
	%D%/tests/test_island \
	%D%/tests/test_literal \
	%D%/tests/test_datetime \
	%D%/tests/test_names \
	%D%/tests/test_null \
	%D%/tests/test_profile \
	%D%/tests/test_remove \
	%D%/tests/test_repr \
	%D%/tests/test_sequence \
	%D%/tests/test_siphash \
	%D%/tests/test_table \
	%D%/tests/test_text \
	%D%/tests/test_unpack \
	%D%/tests/test_value
%C%_tests_test_build_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_copy_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_decimal_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_equal_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_floats_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_integer_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_island_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_literal_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_datetime_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_names_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_null_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_profile_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_remove_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_repr_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_sequence_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_siphash_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_table_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_text_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_unpack_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_value_LDADD = $(compat_libs) $(test_libs)

# The same values in C and in Python.
check_PROGRAMS += %D%/tests/oracle
%C%_tests_oracle_LDADD = $(compat_libs) libpb_mem.la
script_tests += %D%/tests/against_python.py

lib_layers += libpb_compat.la
libpb_compat_la_SOURCES = \
	%D%/build.c \
	%D%/compare.h \
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
	%D%/moment.c \
	%D%/moment.h \
	%D%/names.c \
	%D%/number.c \
	%D%/number.h \
	%D%/printable.h \
	%D%/profile.c \
	%D%/quote.c \
	%D%/repr.c \
	%D%/repr.h \
	%D%/seq.c \
	%D%/table.c \
	%D%/table.h \
	%D%/text.c \
	%D%/unpack.c \
	%D%/value.c \
	%D%/value.h
compat_libs = libpb_compat.la $(base_libs)
EXTRA_DIST += %D%/printable.py

unit_tests += \
	%D%/tests/test_island \
	%D%/tests/test_value
%C%_tests_test_island_LDADD = $(compat_libs) $(test_libs)
%C%_tests_test_value_LDADD = $(compat_libs) $(test_libs)

# Compared with Python itself.
check_PROGRAMS += %D%/tests/oracle
%C%_tests_oracle_LDADD = $(compat_libs) libpb_mem.la
script_tests += %D%/tests/against_python.py

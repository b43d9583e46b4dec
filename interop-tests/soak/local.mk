example_tests += %D%/soak.test
if WITH_EXAMPLES
check_PROGRAMS += %D%/soak
%C%_soak_SOURCES = \
	%D%/objects.c \
	%D%/operations.c \
	%D%/random_value.c \
	%D%/soak.c \
	%D%/soak.h
%C%_soak_LDADD = $(pb_libs) $(LIBUV_LIBS)
endif
EXTRA_DIST += \
	%D%/twisted_side.py \
	%D%/soak_test.py

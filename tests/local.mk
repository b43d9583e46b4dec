if HAVE_CRITERION
check_LTLIBRARIES += libpb_test_support.la
endif
libpb_test_support_la_SOURCES = %D%/support.c %D%/support.h
test_libs = libpb_test_support.la $(CRITERION_LIBS)

script_tests += \
	%D%/check-api \
	%D%/check-docs \
	%D%/check-exports \
	%D%/check-format \
	%D%/check-guides \
	%D%/check-headers \
	%D%/check-includes \
	%D%/check-man \
	%D%/check-null \
	%D%/check-threads
EXTRA_DIST += %D%/check-package %D%/exported-symbols.txt %D%/null.h %D%/plain/criterion/criterion.h %D%/plain/main.c

# What the clients of the guides and of the examples are run against.
check_PROGRAMS += %D%/failing_server
%C%_failing_server_LDADD = libpb.la

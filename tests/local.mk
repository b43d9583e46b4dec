check_LTLIBRARIES += libpb_test_support.la
libpb_test_support_la_SOURCES = %D%/support.c %D%/support.h
if !HAVE_CRITERION
libpb_test_support_la_SOURCES += %D%/plain/criterion/criterion.h %D%/plain/main.c
endif
test_libs = libpb_test_support.la libpb_failing_mem.la $(CRITERION_LIBS)

script_tests += \
	%D%/check-abi \
	%D%/check-abi-growth \
	%D%/check-api \
	%D%/check-exports \
	%D%/check-format \
	%D%/check-hardening \
	%D%/check-headers \
	%D%/check-includes \
	%D%/check-install \
	%D%/check-limits \
	%D%/check-null \
	%D%/check-parts \
	%D%/check-static-names \
	%D%/check-tested \
	%D%/check-threads
tool_tests += %D%/check-docs %D%/check-man
tls_tests += %D%/check-guides
EXTRA_DIST += %D%/build-package %D%/check-reproducible %D%/matrix %D%/check-package %D%/coverage %D%/abi %D%/cmake/CMakeLists.txt %D%/core_alone.c %D%/exported-symbols.txt %D%/null.h %D%/plain/criterion/criterion.h %D%/plain/main.c

# Linked as a user's program is; the second is what the clients of the guides and of the
# examples are run against.
if WITH_NET
check_PROGRAMS += %D%/use_structs %D%/failing_server
%C%_use_structs_LDADD = $(pb_libs)
%C%_failing_server_LDADD = $(pb_libs)
program_tests += %D%/use_structs
endif

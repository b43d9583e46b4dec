EXTRA_DIST += %D%/check-example
if WITH_BINDINGS
script_tests += %D%/check-example
pbhppdir = $(pbincludedir)
pbhpp_HEADERS = %D%/pb/pb.hpp
noinst_PROGRAMS += %D%/example
%C%_example_SOURCES = %D%/example.cpp
%C%_example_CXXFLAGS = $(PB_CXXFLAGS)
%C%_example_LDADD = $(pb_libs)
check_PROGRAMS += %D%/test_cpp
%C%_test_cpp_SOURCES = %D%/test_cpp.cpp
%C%_test_cpp_CXXFLAGS = $(PB_CXXFLAGS)
%C%_test_cpp_LDADD = $(pb_libs)
program_tests += %D%/test_cpp
endif

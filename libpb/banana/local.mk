core_layers += libpb_banana.la
libpb_banana_la_SOURCES = \
	%D%/decode.c \
	%D%/decode.h \
	%D%/encode.c \
	%D%/encode.h \
	%D%/encode_check.c \
	%D%/fault.c \
	%D%/fault.h \
	%D%/limits.c \
	%D%/limits.h \
	%D%/vocab.c \
	%D%/vocab.h \
	%D%/type_bytes.h
banana_libs = libpb_banana.la $(base_libs)

EXTRA_DIST += %D%/tests/recorder.h
unit_tests += \
	%D%/tests/test_decode \
	%D%/tests/test_decode_cut \
	%D%/tests/test_decode_sink \
	%D%/tests/test_encode \
	%D%/tests/test_limits \
	%D%/tests/test_null \
	%D%/tests/test_vocab \
	%D%/tests/test_type_bytes
%C%_tests_test_decode_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_decode_cut_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_decode_sink_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_encode_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_limits_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_null_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_vocab_LDADD = $(banana_libs) $(test_libs)
%C%_tests_test_type_bytes_LDADD = $(banana_libs) $(test_libs)

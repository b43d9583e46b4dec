core_layers += libpb_jelly.la
libpb_jelly_la_SOURCES = \
	%D%/crefs.c \
	%D%/crefs.h \
	%D%/crefs_end.c \
	%D%/cycles.c \
	%D%/jelly.h \
	%D%/path.c \
	%D%/path.h \
	%D%/pattern.h \
	%D%/read.c \
	%D%/read.h \
	%D%/read_ahead.h \
	%D%/read_build.c \
	%D%/read_complete.c \
	%D%/read_head.c \
	%D%/read_refuse.c \
	%D%/read_frames.c \
	%D%/read_scalar.c \
	%D%/read_text.c \
	%D%/read_text.h \
	%D%/taster.c \
	%D%/unjelly.c \
	%D%/write.c \
	%D%/write.h \
	%D%/write_opening.c \
	%D%/write_instance.c \
	%D%/write_object.c \
	%D%/write_scalar.c \
	%D%/write_share.c
if WITH_PCRE2
libpb_jelly_la_SOURCES += %D%/pattern.c
else
libpb_jelly_la_SOURCES += %D%/pattern_none.c
endif
libpb_jelly_la_LIBADD = $(PCRE2_LIBS)
jelly_libs = libpb_jelly.la libpb_banana.la $(compat_libs)

EXTRA_DIST += %D%/tests/reading.h %D%/tests/tasting.h %D%/tests/writing.h
unit_tests += \
	%D%/tests/test_cycles \
	%D%/tests/test_null \
	%D%/tests/test_read \
	%D%/tests/test_read_message \
	%D%/tests/test_read_refuse \
	%D%/tests/test_taster \
	%D%/tests/test_write \
	%D%/tests/test_write_refuse \
	%D%/tests/test_write_share
%C%_tests_test_cycles_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_null_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_read_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_read_message_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_read_refuse_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_taster_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_write_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_write_refuse_LDADD = $(jelly_libs) $(test_libs)
%C%_tests_test_write_share_LDADD = $(jelly_libs) $(test_libs)
if WITH_PCRE2
unit_tests += %D%/tests/test_pattern
%C%_tests_test_pattern_LDADD = $(jelly_libs) $(test_libs)
else
unit_tests += %D%/tests/test_pattern_none
%C%_tests_test_pattern_none_LDADD = $(jelly_libs) $(test_libs)
endif

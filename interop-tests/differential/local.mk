if WITH_TOOLS
check_PROGRAMS += %D%/roundtrip
%C%_roundtrip_SOURCES = \
	%D%/roundtrip.c \
	tools/json/json_read.c \
	tools/json/json.h \
	tools/json/json_read_scalar.c \
	tools/json/json_read_scalar.h
%C%_roundtrip_LDADD = $(jelly_libs) libpb_mem.la $(JANSSON_LIBS) -lm
endif
tool_tests += %D%/check-differential
EXTRA_DIST += %D%/differential.py %D%/graphs.py

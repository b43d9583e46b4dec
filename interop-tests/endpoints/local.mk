if WITH_NET
check_PROGRAMS += %D%/parse
%C%_parse_LDADD = $(net_libs) libpb_mem.la
script_tests += %D%/check-endpoints
endif
EXTRA_DIST += %D%/check-endpoints %D%/endpoints.py

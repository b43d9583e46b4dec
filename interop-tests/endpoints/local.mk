check_PROGRAMS += %D%/parse
%C%_parse_LDADD = $(net_libs) libpb_mem.la
script_tests += %D%/check-endpoints
EXTRA_DIST += %D%/endpoints.py

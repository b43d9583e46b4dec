# Built for the tests, which run them; not installed.
noinst_PROGRAMS += \
	%D%/one_two_client \
	%D%/one_two_server
%C%_one_two_client_SOURCES = %D%/one_two_client.c
%C%_one_two_client_LDADD = libpb.la
%C%_one_two_server_SOURCES = %D%/one_two_server.c
%C%_one_two_server_LDADD = libpb.la

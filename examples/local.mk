# Built for the tests, which run them; not installed.
noinst_PROGRAMS += \
	%D%/login_client \
	%D%/login_server \
	%D%/one_two_client \
	%D%/one_two_server
%C%_login_client_SOURCES = %D%/login_client.c
%C%_login_client_LDADD = libpb.la
%C%_login_server_SOURCES = %D%/login_server.c
%C%_login_server_LDADD = libpb.la
%C%_one_two_client_SOURCES = %D%/one_two_client.c
%C%_one_two_client_LDADD = libpb.la
%C%_one_two_server_SOURCES = %D%/one_two_server.c
%C%_one_two_server_LDADD = libpb.la
script_tests += %D%/check-examples

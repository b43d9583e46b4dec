example_tests += %D%/live.test %D%/pairs.test %D%/record.test
if WITH_EXAMPLES
check_PROGRAMS += %D%/pairs/pairs
%C%_pairs_pairs_SOURCES = \
	%D%/pairs/arguments.c \
	%D%/pairs/avatars.c \
	%D%/pairs/caches.c \
	%D%/pairs/caching.c \
	%D%/pairs/chat.c \
	%D%/pairs/copies.c \
	%D%/pairs/copying.c \
	%D%/pairs/counts.c \
	%D%/pairs/errors.c \
	%D%/pairs/failures.c \
	%D%/pairs/local.c \
	%D%/pairs/logins.c \
	%D%/pairs/minds.c \
	%D%/pairs/paging.c \
	%D%/pairs/pair.c \
	%D%/pairs/pair.h \
	%D%/pairs/portal.c \
	%D%/pairs/publishing.c \
	%D%/pairs/references.c \
	%D%/pairs/simple.c \
	%D%/pairs/views.c
%C%_pairs_pairs_LDADD = $(pb_libs) $(LIBUV_LIBS)
endif
EXTRA_DIST += \
	%D%/calling.py \
	%D%/demo \
	%D%/harness.py \
	%D%/nursery.py \
	%D%/official.py \
	%D%/one_two.py \
	%D%/pairing.py \
	%D%/pairs/arguments.py \
	%D%/pairs/as_it_is.py \
	%D%/pairs/avatars.py \
	%D%/pairs/caches.py \
	%D%/pairs/chat.py \
	%D%/pairs/caching.py \
	%D%/pairs/copies.py \
	%D%/pairs/copying.py \
	%D%/pairs/counts.py \
	%D%/pairs/errors.py \
	%D%/pairs/failures.py \
	%D%/pairs/local.py \
	%D%/pairs/logins.py \
	%D%/pairs/minds.py \
	%D%/pairs/pair.py \
	%D%/pairs/paging.py \
	%D%/pairs/publishing.py \
	%D%/pairs/references.py \
	%D%/pairs/simple.py \
	%D%/pairs/views.py \
	%D%/peers/caller.py \
	%D%/peers/one_two_client.py \
	%D%/peers/one_two_server.py \
	%D%/peers/peer.py \
	%D%/peers/service.py \
	%D%/peers/service_client.py \
	%D%/proxy.py \
	%D%/recording.py \
	%D%/run.py \
	%D%/serving.py \
	%D%/values.py \
	%D%/vanishing.py

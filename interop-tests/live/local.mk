example_tests += %D%/live.test %D%/pairs.test %D%/record.test
if WITH_EXAMPLES
check_PROGRAMS += %D%/pairs/pairs
%C%_pairs_pairs_SOURCES = \
	%D%/pairs/pair.c \
	%D%/pairs/pair.h \
	%D%/pairs/pair_login.c \
	%D%/pairs/concepts/arguments.c \
	%D%/pairs/concepts/caching.c \
	%D%/pairs/concepts/copying.c \
	%D%/pairs/concepts/counts.c \
	%D%/pairs/concepts/failures.c \
	%D%/pairs/concepts/local.c \
	%D%/pairs/concepts/minds.c \
	%D%/pairs/concepts/paging.c \
	%D%/pairs/concepts/publishing.c \
	%D%/pairs/concepts/views.c \
	%D%/pairs/examples/avatars.c \
	%D%/pairs/examples/caches.c \
	%D%/pairs/examples/chat.c \
	%D%/pairs/examples/copies.c \
	%D%/pairs/examples/errors.c \
	%D%/pairs/examples/logins.c \
	%D%/pairs/examples/references.c \
	%D%/pairs/examples/simple.c
%C%_pairs_pairs_LDADD = $(pb_libs) $(LIBUV_LIBS)
endif
EXTRA_DIST += \
	%D%/broken_peers.py \
	%D%/demo \
	%D%/fork_server.py \
	%D%/harness.py \
	%D%/live_test.py \
	%D%/one_two.py \
	%D%/pairs/pair.py \
	%D%/pairs/concepts/arguments.py \
	%D%/pairs/concepts/caching.py \
	%D%/pairs/concepts/copying.py \
	%D%/pairs/concepts/counts.py \
	%D%/pairs/concepts/failures.py \
	%D%/pairs/concepts/local.py \
	%D%/pairs/concepts/minds.py \
	%D%/pairs/concepts/paging.py \
	%D%/pairs/concepts/publishing.py \
	%D%/pairs/concepts/views.py \
	%D%/pairs/examples/avatars.py \
	%D%/pairs/examples/caches.py \
	%D%/pairs/examples/chat.py \
	%D%/pairs/examples/copies.py \
	%D%/pairs/examples/errors.py \
	%D%/pairs/examples/logins.py \
	%D%/pairs/examples/references.py \
	%D%/pairs/examples/simple.py \
	%D%/pairs_test.py \
	%D%/pb_call.py \
	%D%/pb_serve.py \
	%D%/peers/caller.py \
	%D%/peers/one_two_client.py \
	%D%/peers/one_two_server.py \
	%D%/peers/peer.py \
	%D%/peers/service.py \
	%D%/peers/service_client.py \
	%D%/proxy.py \
	%D%/record_test.py \
	%D%/run_twisted_example.py \
	%D%/twisted_examples.py \
	%D%/values.py

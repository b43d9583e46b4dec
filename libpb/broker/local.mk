core_layers += libpb_broker.la
libpb_broker_la_SOURCES = \
	%D%/answer.c \
	%D%/arguments.c \
	%D%/attached.h \
	%D%/back_pressure.c \
	%D%/back_pressure.h \
	%D%/cacheable.c \
	%D%/cacheable.h \
	%D%/cacheable_observer.c \
	%D%/caches.h \
	%D%/calls.h \
	%D%/checker.c \
	%D%/class.c \
	%D%/collector.c \
	%D%/copyable.c \
	%D%/copyable.h \
	%D%/deadline.c \
	%D%/defaults.h \
	%D%/decache.c \
	%D%/decref.c \
	%D%/digest.c \
	%D%/disconnect.c \
	%D%/error.c \
	%D%/exception.c \
	%D%/exception.h \
	%D%/exports.c \
	%D%/exports.h \
	%D%/failure.c \
	%D%/failure_state.c \
	%D%/failures.h \
	%D%/incoming_call.c \
	%D%/invoker.c \
	%D%/invoker.h \
	%D%/jellyable.c \
	%D%/local_as_remote.c \
	%D%/log.c \
	%D%/log.h \
	%D%/login.c \
	%D%/login.h \
	%D%/logout.c \
	%D%/message.c \
	%D%/messages.h \
	%D%/negotiate.c \
	%D%/object.c \
	%D%/objects.h \
	%D%/outgoing_call.c \
	%D%/pager.c \
	%D%/pager.h \
	%D%/peer.c \
	%D%/portal.c \
	%D%/proto.c \
	%D%/publish.c \
	%D%/read_context.c \
	%D%/read_context.h \
	%D%/registry.c \
	%D%/registry.h \
	%D%/remote.c \
	%D%/remote.h \
	%D%/remote_cache.c \
	%D%/remote_cache.h \
	%D%/remote_copy.c \
	%D%/remote_copy.h \
	%D%/request.c \
	%D%/requests.h \
	%D%/session.c \
	%D%/session.h \
	%D%/session_dump.c \
	%D%/shared_config.c \
	%D%/shared_config.h \
	%D%/trace.c \
	%D%/uncache.c \
	%D%/viewpoint.c \
	%D%/write_message.c \
	%D%/write_message.h
libpb_broker_la_LIBADD = $(LIBMD_LIBS)
broker_libs = libpb_broker.la $(jelly_libs)

EXTRA_DIST += %D%/tests/bytes.h %D%/tests/captured.h %D%/tests/captured_copies.h %D%/tests/copyable_objects.h %D%/tests/cacheable_objects.h %D%/tests/hostile.h %D%/tests/pair.h %D%/tests/users.h %D%/tests/service.h
unit_tests += \
	%D%/tests/test_arguments \
	%D%/tests/test_remote_cache \
	%D%/tests/test_remote_cache_refused \
	%D%/tests/test_cacheable \
	%D%/tests/test_outgoing_call \
	%D%/tests/test_class \
	%D%/tests/test_collector \
	%D%/tests/test_remote_copy \
	%D%/tests/test_copyable \
	%D%/tests/test_deadline \
	%D%/tests/test_disconnect \
	%D%/tests/test_exception \
	%D%/tests/test_failure \
	%D%/tests/test_forward \
	%D%/tests/test_log \
	%D%/tests/test_hostile_text \
	%D%/tests/test_memory_factor \
	%D%/tests/test_jellyable \
	%D%/tests/test_local_as_remote \
	%D%/tests/test_login \
	%D%/tests/test_negotiate \
	%D%/tests/test_nested \
	%D%/tests/test_nomem \
	%D%/tests/test_null \
	%D%/tests/test_null_flavors \
	%D%/tests/test_null_login \
	%D%/tests/test_null_session \
	%D%/tests/test_pager \
	%D%/tests/test_portal \
	%D%/tests/test_back_pressure \
	%D%/tests/test_reentry \
	%D%/tests/test_reference \
	%D%/tests/test_publish \
	%D%/tests/test_registry \
	%D%/tests/test_replay \
	%D%/tests/test_role \
	%D%/tests/test_session \
	%D%/tests/test_shared \
	%D%/tests/test_simulate
%C%_tests_test_arguments_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_remote_cache_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_remote_cache_refused_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_cacheable_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_outgoing_call_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_class_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_collector_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_remote_copy_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_copyable_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_deadline_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_disconnect_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_exception_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_failure_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_forward_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_log_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_hostile_text_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_memory_factor_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_jellyable_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_local_as_remote_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_login_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_negotiate_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_nested_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_nomem_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_null_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_null_flavors_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_null_login_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_null_session_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_pager_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_portal_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_back_pressure_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_reentry_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_reference_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_publish_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_registry_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_replay_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_role_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_session_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_shared_LDADD = $(broker_libs) $(test_libs)
%C%_tests_test_simulate_LDADD = $(broker_libs) $(test_libs)

if WITH_TOOLS
bin_PROGRAMS += %D%/pb
%C%_pb_SOURCES = \
	%D%/pb.c \
	%D%/pb.h \
	%D%/call/argument_value.c \
	%D%/call/argument_value.h \
	%D%/call/bench.c \
	%D%/call/bench.h \
	%D%/call/bench_call.c \
	%D%/call/call.c \
	%D%/call/call_arguments.c \
	%D%/call/call_arguments.h \
	%D%/call/call_parallel.c \
	%D%/call/call_repeat.c \
	%D%/call/call_repeat.h \
	%D%/call/client_connection.c \
	%D%/call/client_options.c \
	%D%/call/client_options.h \
	%D%/call/client_report.c \
	%D%/call/client_trace.c \
	%D%/call/client_trace.h \
	%D%/call/endpoint_file.c \
	%D%/call/endpoint_file.h \
	%D%/call/password.c \
	%D%/call/password.h \
	%D%/call/serve.c \
	%D%/call/shell.c \
	%D%/call/shell_line.c \
	%D%/call/shell_line.h \
	%D%/common/broker_expression.c \
	%D%/common/broker_expression.h \
	%D%/common/capture_file.c \
	%D%/common/capture_file.h \
	%D%/common/command.c \
	%D%/common/command.h \
	%D%/common/connector.c \
	%D%/common/connector.h \
	%D%/common/conversation.c \
	%D%/common/conversation.h \
	%D%/common/first_contact.c \
	%D%/common/first_contact.h \
	%D%/common/hex.h \
	%D%/common/input.c \
	%D%/common/input.h \
	%D%/common/message_text.c \
	%D%/common/message_text.h \
	%D%/common/options.c \
	%D%/common/options.h \
	%D%/common/pcap_file.c \
	%D%/common/socket_writer.c \
	%D%/common/socket_writer.h \
	%D%/common/tcp_reassembly.c \
	%D%/common/tcp_reassembly.h \
	%D%/common/traffic_file.c \
	%D%/common/traffic_file.h \
	%D%/common/traversal.c \
	%D%/common/traversal.h \
	%D%/common/value_text.h \
	%D%/dump/dump.c \
	%D%/dump/dump.h \
	%D%/dump/html.c \
	%D%/dump/html.h \
	%D%/dump/print.c \
	%D%/dump/statistics.c \
	%D%/json/answer_text.c \
	%D%/json/answer_text.h \
	%D%/json/jelly.c \
	%D%/json/json.h \
	%D%/json/json_parse.c \
	%D%/json/json_read.c \
	%D%/json/json_read_scalar.c \
	%D%/json/json_read_scalar.h \
	%D%/json/json_text.h \
	%D%/json/json_tree.c \
	%D%/json/json_write.c \
	%D%/json/plain.c \
	%D%/json/plain.h \
	%D%/record/capture_writer.c \
	%D%/record/capture_writer.h \
	%D%/record/password_mask.c \
	%D%/record/password_mask.h \
	%D%/record/record.c \
	%D%/record/record_statistics.c \
	%D%/record/record_statistics.h \
	%D%/record/relay.c \
	%D%/record/relay.h \
	%D%/replay/blocking_socket.c \
	%D%/replay/blocking_socket.h \
	%D%/replay/live.c \
	%D%/replay/live.h \
	%D%/replay/played_side.c \
	%D%/replay/played_side.h \
	%D%/replay/played_side_match.c \
	%D%/replay/played_side_report.c \
	%D%/replay/played_side_write.c \
	%D%/replay/recording.c \
	%D%/replay/recording.h \
	%D%/replay/replay.c \
	%D%/replay/rules.c \
	%D%/replay/rules.h \
	%D%/replay/value_diff.c \
	%D%/replay/value_diff.h \
	%D%/replay/engine/answers.c \
	%D%/replay/engine/application.c \
	%D%/replay/engine/check.c \
	%D%/replay/engine/check.h \
	%D%/replay/engine/decode_message.c \
	%D%/replay/engine/expectations.c \
	%D%/replay/engine/expected_value.c \
	%D%/replay/engine/expected_value.h \
	%D%/replay/engine/failures.c \
	%D%/replay/engine/held_references.c \
	%D%/replay/engine/inferred_config.c \
	%D%/replay/engine/list_builder.c \
	%D%/replay/engine/list_builder.h \
	%D%/replay/engine/logins.c \
	%D%/replay/engine/objects.c \
	%D%/replay/engine/output.c \
	%D%/replay/engine/paging.c \
	%D%/replay/engine/player.c \
	%D%/replay/engine/player.h \
	%D%/replay/engine/receiving_broker.c \
	%D%/replay/engine/scenario.c \
	%D%/replay/engine/scenario.h \
	%D%/replay/engine/vectors.c
%C%_pb_LDADD = $(pb_libs) $(LIBUV_LIBS) $(EDIT_LIBS) \
	$(JANSSON_LIBS) $(PCAP_LIBS) $(PCRE2_LIBS) $(ZLIB_LIBS) -lm
endif
# The page of `pb dump --html`, as a string of C.
%D%/dump/page.inc: %D%/dump/page.html
	$(AM_V_GEN)$(MKDIR_P) %D%/dump && \
	sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$$/\\n"/' $(srcdir)/%D%/dump/page.html >$@
%D%/dump/html.$(OBJEXT): %D%/dump/page.inc
CLEANFILES += %D%/dump/page.inc
EXTRA_DIST += %D%/dump/page.html
tool_tests += \
	%D%/tests/check-call \
	%D%/tests/check-completion \
	%D%/tests/check-contact \
	%D%/tests/check-dump \
	%D%/tests/check-endpoints \
	%D%/tests/check-html \
	%D%/tests/check-options \
	%D%/tests/check-pb \
	%D%/tests/check-record \
	%D%/tests/check-replay \
	%D%/tests/check-serve \
	%D%/tests/check-shell \
	%D%/tests/check-twisted \
	%D%/tests/check-wireshark
EXTRA_DIST += \
	%D%/README.md \
	%D%/call/README.md \
	%D%/common/README.md \
	%D%/dump/README.md \
	%D%/json/README.md \
	%D%/record/README.md \
	%D%/replay/README.md \
	%D%/replay/engine/README.md \
	%D%/tests/checking.py \
	%D%/tests/frames.py \
	%D%/tests/twisted_server.py

EXTRA_DIST += $(pb_completion) $(pb_dissector)
pb_completion = %D%/completions/pb %D%/completions/_pb %D%/completions/pb.fish
pb_dissector = \
	%D%/wireshark/pb.lua \
	%D%/wireshark/pb_banana.lua \
	%D%/wireshark/pb_jelly.lua
if WITH_TOOLS
bashcompdir = $(datadir)/bash-completion/completions
bashcomp_DATA = %D%/completions/pb
zshcompdir = $(datadir)/zsh/site-functions
zshcomp_DATA = %D%/completions/_pb
fishcompdir = $(datadir)/fish/vendor_completions.d
fishcomp_DATA = %D%/completions/pb.fish
wiresharkdir = $(pkgdatadir)/wireshark
wireshark_DATA = $(pb_dissector)
endif

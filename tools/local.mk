if WITH_TOOLS
bin_PROGRAMS += %D%/pb
%C%_pb_SOURCES = \
	%D%/args.c \
	%D%/args.h \
	%D%/bench.c \
	%D%/bench.h \
	%D%/bench_call.c \
	%D%/call.c \
	%D%/capture.c \
	%D%/capture.h \
	%D%/differ.c \
	%D%/differ.h \
	%D%/dump.c \
	%D%/dump.h \
	%D%/dump_print.c \
	%D%/dump_stats.c \
	%D%/expect.c \
	%D%/expect.h \
	%D%/form.c \
	%D%/form.h \
	%D%/jelly.c \
	%D%/json.c \
	%D%/json.h \
	%D%/json_scalar.c \
	%D%/json_scalar.h \
	%D%/json_write.c \
	%D%/knock.c \
	%D%/knock.h \
	%D%/mask.c \
	%D%/mask.h \
	%D%/outlet.c \
	%D%/outlet.h \
	%D%/packets.c \
	%D%/pb.c \
	%D%/pb.h \
	%D%/reach.c \
	%D%/reach.h \
	%D%/record.c \
	%D%/record_file.c \
	%D%/record_file.h \
	%D%/relay.c \
	%D%/relay.h \
	%D%/replay.c \
	%D%/replay.h \
	%D%/replay_answer.c \
	%D%/replay_app.c \
	%D%/replay_broker.c \
	%D%/replay_calls.c \
	%D%/replay_facts.c \
	%D%/replay_hold.c \
	%D%/replay_live.c \
	%D%/replay_live.h \
	%D%/replay_login.c \
	%D%/replay_output.c \
	%D%/replay_pages.c \
	%D%/replay_play.h \
	%D%/replay_scenario.c \
	%D%/replay_scenario.h \
	%D%/replay_session.c \
	%D%/replay_things.c \
	%D%/replay_vectors.c \
	%D%/rules.c \
	%D%/rules.h \
	%D%/script.c \
	%D%/script.h \
	%D%/serve.c \
	%D%/shell.c \
	%D%/shell_line.c \
	%D%/shell_line.h \
	%D%/source.c \
	%D%/source.h \
	%D%/stand_in.c \
	%D%/stand_in.h \
	%D%/stand_in_match.c \
	%D%/stand_in_report.c \
	%D%/stand_in_write.c \
	%D%/talk.c \
	%D%/talk.h \
	%D%/tcp.c \
	%D%/tcp.h \
	%D%/tree.c \
	%D%/tree.h \
	%D%/walk.c \
	%D%/walk.h \
	%D%/wire.c \
	%D%/wire.h
%C%_pb_LDADD = $(pb_libs) $(LIBUV_LIBS) $(EDIT_LIBS) \
	$(JANSSON_LIBS) $(PCAP_LIBS) $(PCRE2_LIBS) $(ZLIB_LIBS) -lm
endif
tool_tests += %D%/tests/check-completion %D%/tests/check-dump %D%/tests/check-endpoints %D%/tests/check-pb %D%/tests/check-record %D%/tests/check-replay \
	%D%/tests/check-wireshark
EXTRA_DIST += %D%/tests/frames.py

EXTRA_DIST += $(pb_completion) $(pb_dissector)
pb_completion = %D%/completions/pb %D%/completions/_pb
pb_dissector = \
	%D%/wireshark/pb.lua \
	%D%/wireshark/pb_banana.lua \
	%D%/wireshark/pb_jelly.lua
if WITH_TOOLS
bashcompdir = $(datadir)/bash-completion/completions
bashcomp_DATA = %D%/completions/pb
zshcompdir = $(datadir)/zsh/site-functions
zshcomp_DATA = %D%/completions/_pb
wiresharkdir = $(pkgdatadir)/wireshark
wireshark_DATA = $(pb_dissector)
endif

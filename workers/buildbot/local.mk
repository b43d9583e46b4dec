if WITH_WORKERS
bin_PROGRAMS += %D%/pb-buildbot-worker
%C%_pb_buildbot_worker_SOURCES = \
	%D%/arguments.c \
	%D%/bot.c \
	%D%/bot.h \
	%D%/command.c \
	%D%/command.h \
	%D%/filesystem.c \
	%D%/glob.c \
	%D%/logfile.c \
	%D%/logfile.h \
	%D%/main.c \
	%D%/output.c \
	%D%/output.h \
	%D%/process.c \
	%D%/process.h \
	%D%/settings.c \
	%D%/settings.h \
	%D%/shell.c \
	%D%/spawn.c \
	%D%/spawn.h \
	%D%/transfer.c
%C%_pb_buildbot_worker_LDADD = $(pb_libs) $(LIBUV_LIBS)
endif
worker_tests += %D%/tests/check-malformed
EXTRA_DIST += \
	%D%/README.md \
	%D%/pb-buildbot-worker.1 \
	%D%/pb-buildbot-worker@.service.in \
	%D%/tests/malformed_master.py
if WITH_WORKERS
man_MANS += %D%/pb-buildbot-worker.1
systemdunitdir = $(prefix)/lib/systemd/system
nodist_systemdunit_DATA = %D%/pb-buildbot-worker@.service
CLEANFILES += $(nodist_systemdunit_DATA)
$(nodist_systemdunit_DATA): %D%/pb-buildbot-worker@.service.in
	$(AM_V_GEN)sed 's|[@]bindir@|$(bindir)|' $(srcdir)/%D%/pb-buildbot-worker@.service.in >$@
endif

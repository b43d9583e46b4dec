worker_tests += %D%/buildbot.test
EXTRA_DIST += \
	%D%/master.cfg \
	%D%/buildbot_test.py \
	%D%/run_buildbot.py

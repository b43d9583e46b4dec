example_tests += %D%/buildbot.test
EXTRA_DIST += \
	%D%/master.cfg \
	%D%/run.py \
	%D%/service.py

example_tests += %D%/firefly.test
EXTRA_DIST += \
	%D%/node.py \
	%D%/root.py \
	%D%/run.py \
	%D%/service.py

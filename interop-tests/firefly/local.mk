example_tests += %D%/firefly.test
EXTRA_DIST += \
	%D%/node.py \
	%D%/root.py \
	%D%/firefly_test.py \
	%D%/service.py

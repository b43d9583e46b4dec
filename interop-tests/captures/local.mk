tool_tests += %D%/check-captures
EXTRA_DIST += \
	%D%/README.md \
	%D%/8.2.0-py2 \
	%D%/16.6.0-py2 \
	%D%/20.3.0-py2 \
	%D%/20.3.0-py3 \
	%D%/21.2.0-py3 \
	%D%/22.4.0-py3 \
	%D%/23.10.0-py3

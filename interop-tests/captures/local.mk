tool_tests += \
	%D%/check-captures \
	%D%/check-installed
EXTRA_DIST += \
	%D%/README.md \
	%D%/8.2.0-py2 \
	%D%/16.6.0-py2 \
	%D%/20.3.0-py2 \
	%D%/20.3.0-py3 \
	%D%/21.2.0-py3 \
	%D%/22.4.0-py3 \
	%D%/23.10.0-py3 \
	%D%/24.10.0-py3 \
	%D%/24.11.0-py3 \
	%D%/26.4.0-py3 \
	%D%/capture.py

EXTRA_DIST += \
	%D%/decisions.md \
	%D%/protocol.md \
	%D%/twisted.md

EXTRA_DIST += \
	%D%/decisions.md \
	%D%/protocol.md \
	%D%/replay.md \
	%D%/twisted.md

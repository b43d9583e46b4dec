EXTRA_DIST += \
	%D%/README.md \
	%D%/decisions.md \
	%D%/guide-c.md \
	%D%/protocol.md \
	%D%/replay.md \
	%D%/twisted.md

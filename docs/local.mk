EXTRA_DIST += \
	%D%/README.md \
	%D%/decisions.md \
	%D%/guide-c.md \
	%D%/guide-twisted.md \
	%D%/porting.md \
	%D%/protocol.md \
	%D%/replay.md \
	%D%/twisted.md

pbincludedir = $(includedir)/pb
pbinclude_HEADERS = \
	%D%/pb/banana.h \
	%D%/pb/broker.h \
	%D%/pb/core.h \
	%D%/pb/error.h \
	%D%/pb/flavors.h \
	%D%/pb/jelly.h \
	%D%/pb/local.h \
	%D%/pb/login.h \
	%D%/pb/paging.h \
	%D%/pb/profile.h \
	%D%/pb/publish.h \
	%D%/pb/value.h \
	%D%/pb/version.h
if WITH_NET
pbinclude_HEADERS += \
	%D%/pb/files.h \
	%D%/pb/loop.h \
	%D%/pb/net.h \
	%D%/pb/pb.h \
	%D%/pb/service.h
pbadaptersincludedir = $(pbincludedir)/adapters
pbadaptersinclude_HEADERS = \
	%D%/pb/adapters/glib.h \
	%D%/pb/adapters/libev.h \
	%D%/pb/adapters/libevent.h
endif

pbincludedir = $(includedir)/pb
pbinclude_HEADERS = \
	%D%/pb/banana.h \
	%D%/pb/broker.h \
	%D%/pb/error.h \
	%D%/pb/files.h \
	%D%/pb/flavors.h \
	%D%/pb/jelly.h \
	%D%/pb/local.h \
	%D%/pb/login.h \
	%D%/pb/loop.h \
	%D%/pb/net.h \
	%D%/pb/paging.h \
	%D%/pb/pb.h \
	%D%/pb/profile.h \
	%D%/pb/publish.h \
	%D%/pb/service.h \
	%D%/pb/value.h
pbadaptersincludedir = $(pbincludedir)/adapters
pbadaptersinclude_HEADERS = \
	%D%/pb/adapters/glib.h \
	%D%/pb/adapters/libev.h \
	%D%/pb/adapters/libevent.h

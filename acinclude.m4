# SPDX-License-Identifier: MIT
# The macros of configure.ac.

# PB_ONE_OF(SWITCH, VALUE, YES|NO|...)
AC_DEFUN([PB_ONE_OF],
  [AS_CASE([$2], [$3], [], [AC_MSG_ERROR([$1=$2: it is one of $3])])])

# PB_PART(NAME, WHAT IT IS, WHAT IT USES BESIDES: a shell expression of yes and no)
# A part that --disable-NAME leaves out: $enable_NAME.
AC_DEFUN([PB_PART],
  [AS_CASE([$3], [*no*], [pb_can=no], [pb_can=yes])
   AC_ARG_ENABLE([$1], [AS_HELP_STRING([--disable-$1], [leave out $2])], [], [enable_$1=$pb_can])
   PB_ONE_OF([--enable-$1], [$enable_$1], [yes|no])
   AS_IF([test "$enable_$1,$pb_can" = yes,no],
     [AC_MSG_ERROR([--enable-$1: $2 uses what another switch leaves out])])
   AM_CONDITIONAL(m4_toupper([WITH_$1]), [test "$enable_$1" = yes])])

# PB_WITH(NAME, LIBRARY, WHAT GOES WITHOUT, DEFAULT)
# A library that --without-NAME does without: $with_NAME.
AC_DEFUN([PB_WITH],
  [AC_ARG_WITH([$1], [AS_HELP_STRING([--without-$1], [do without $2: $3])], [], [with_$1=$4])
   PB_ONE_OF([--with-$1], [$with_$1], [yes|no])
   AM_CONDITIONAL(m4_toupper([WITH_$1]), [test "$with_$1" = yes])])

# PB_NEED(VARIABLE, MODULE, DEBIAN PACKAGE, WHAT NEEDS IT, [SWITCH THAT DOES WITHOUT])
# A library that has to be there.
AC_DEFUN([PB_NEED],
  [PKG_CHECK_MODULES([$1], [$2], [],
    [AC_MSG_ERROR([$2 is missing, which $4 needs: apt-get install $3]m4_ifval([$5],
      [[, or configure with $5]]))])])

# PB_MAY_HAVE(NAME, VARIABLE, MODULES, FOR WHAT, WHETHER THAT IS BUILT)
# Libraries that are used where they are there, unless --with-NAME says otherwise. MODULES
# ends in .h where the library has no .pc file.
AC_DEFUN([PB_MAY_HAVE],
  [AC_ARG_WITH([$1], [AS_HELP_STRING([--with-$1=yes|no|auto], [for $4])],
     [], [with_$1=auto])
   PB_ONE_OF([--with-$1], [$with_$1], [yes|no|auto])
   AS_IF([test "$5" != yes], [with_$1=no])
   AS_IF([test "$with_$1" != no],
     [m4_bmatch([$3], [\.h$],
        [AC_CHECK_HEADER([$3], [pb_have=yes], [pb_have=no])],
        [PKG_CHECK_MODULES([$2], [$3], [pb_have=yes], [pb_have=no])])
      AS_IF([test "$with_$1,$pb_have" = yes,no],
        [AC_MSG_ERROR([--with-$1: $3 is missing])])
      with_$1=$pb_have])
   AM_CONDITIONAL([HAVE_$2], [test "$with_$1" = yes])])

# PB_SWITCH(NAME, HELP, IF ENABLED)
AC_DEFUN([PB_SWITCH],
  [AC_ARG_ENABLE([$1], [AS_HELP_STRING([--enable-$1], [$2])],
    [AS_IF([test "$enableval" = yes], [$3])])])

# PB_TRY(WHAT FOR, CFLAGS OR LDFLAGS, FLAGS, IF THEY WORK, [IF THEY DON'T])
AC_DEFUN([PB_TRY],
  [AC_MSG_CHECKING([for $1])
   pb_saved=$$2
   $2="$$2 $3"
   AC_LINK_IFELSE([AC_LANG_PROGRAM([@%:@include <string.h>])], [pb_works=yes], [pb_works=no])
   $2=$pb_saved
   AC_MSG_RESULT([$pb_works])
   AS_IF([test "$pb_works" = yes], [$4], [$5])])

# PB_HARDENING
# Hardening, where the compiler has it, in PB_CFLAGS, PB_CPPFLAGS, PB_LDFLAGS and, for programs
# alone, PB_PIE_LDFLAGS. What CPPFLAGS and CFLAGS say about the same wins: _FORTIFY_SOURCE is left
# to them if they set it, and needs optimisation. A sanitizer checks more, and misses what
# _FORTIFY_SOURCE replaces.
AC_DEFUN([PB_HARDENING],
  [AC_ARG_ENABLE([hardening],
     [AS_HELP_STRING([--disable-hardening], [without stack protector, _FORTIFY_SOURCE, -z now and PIE])],
     [], [enable_hardening=yes])
   PB_ONE_OF([--enable-hardening], [$enable_hardening], [yes|no])
   PB_PIE_LDFLAGS=
   AS_IF([test "$enable_hardening" = yes],
     [PB_TRY([-fstack-protector-strong], [CFLAGS], [-Werror -fstack-protector-strong],
        [PB_CFLAGS="-fstack-protector-strong $PB_CFLAGS"])
      AS_CASE([$PB_CFLAGS], [*-fsanitize*|*--coverage*], [],
        [PB_TRY([_FORTIFY_SOURCE=3], [CPPFLAGS], [-Werror -D_FORTIFY_SOURCE=3],
           [PB_CPPFLAGS="$PB_CPPFLAGS -D_FORTIFY_SOURCE=3"])])
      PB_TRY([-z relro -z now], [LDFLAGS], [-Wl,-z,relro,-z,now],
        [PB_LDFLAGS="$PB_LDFLAGS -Wl,-z,relro,-z,now"])
      PB_TRY([position-independent programs], [CFLAGS], [-Werror -fPIE -pie],
        [PB_CFLAGS="-fPIE $PB_CFLAGS"
         PB_PIE_LDFLAGS=-pie])])
   AC_SUBST([PB_PIE_LDFLAGS])])

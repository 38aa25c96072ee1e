# VAC_CHECK_FLAGS(FLAGS, IF-YES, IF-NO, [PROLOGUE])
# Whether the compiler takes all of FLAGS and can link with them.
AC_DEFUN([VAC_CHECK_FLAGS], [
    AC_MSG_CHECKING([whether $CC accepts $1])
    vac_saved_CFLAGS=$CFLAGS
    CFLAGS="$CFLAGS $1"
    AC_LINK_IFELSE([AC_LANG_PROGRAM([$4])],
        [CFLAGS=$vac_saved_CFLAGS; AC_MSG_RESULT([yes]); $2],
        [CFLAGS=$vac_saved_CFLAGS; AC_MSG_RESULT([no]); $3])
])

# VAC_LIBRARY(VARIABLE, PKG-CONFIG-NAME, LIBRARY, FUNCTION, DEBIAN-PACKAGE)
# Sets VARIABLE_CFLAGS and VARIABLE_LIBS, from pkg-config or, where a library has no .pc file, plainly.
AC_DEFUN([VAC_LIBRARY], [
    PKG_CHECK_MODULES([$1], [$2], [], [
        AC_CHECK_LIB([$3], [$4], [$1_LIBS=-l$3],
            [AC_MSG_ERROR([library $3 is missing: install $5 (Debian) or what your system calls it])])
    ])
])

# VAC_OPENBLAS(DIR or "auto")
# Sets OPENBLAS_CFLAGS, OPENBLAS_LIBS and vac_openblas, which says what was found. The threads of this
# program come from OpenMP, so of several OpenBLAS builds on one machine the one made with OpenMP is
# taken, and the program remembers its folder: the system's default may be changed at any time.
AC_DEFUN([VAC_OPENBLAS], [
    AC_MSG_CHECKING([for OpenBLAS])
    vac_blas_dir=
    AS_CASE([$1],
        [auto], [
            for vac_triplet in $($CC -print-multiarch 2>/dev/null) \
                               $(gcc -print-multiarch 2>/dev/null); do
                vac_dir=/usr/lib/$vac_triplet/openblas-openmp
                AS_IF([test -e $vac_dir/libopenblas.so], [vac_blas_dir=$vac_dir; break])
            done],
        [yes|no], [AC_MSG_ERROR([--with-openblas wants the folder that holds libopenblas.so])],
        [vac_blas_dir=$1])
    AS_IF([test "x$vac_blas_dir" != x], [
        vac_header_dir=$(AS_ECHO(["$vac_blas_dir"]) | sed 's,/lib/,/include/,')
        OPENBLAS_LIBS="-L$vac_blas_dir -Wl,-rpath,$vac_blas_dir -lopenblas"
        AS_IF([test -e "$vac_header_dir/cblas.h"], [OPENBLAS_CFLAGS="-I$vac_header_dir"],
              [test -e "$vac_blas_dir/../include/cblas.h"],
              [OPENBLAS_CFLAGS="-I$vac_blas_dir/../include"])
        vac_openblas=$vac_blas_dir
        AC_MSG_RESULT([$vac_blas_dir])
    ], [
        AC_MSG_RESULT([no build of its own for OpenMP, so the system's])
        PKG_CHECK_MODULES([OPENBLAS], [openblas], [], [OPENBLAS_LIBS=-lopenblas])
        vac_openblas="the system's ($OPENBLAS_LIBS)"
    ])
    vac_saved_LIBS=$LIBS
    vac_saved_CPPFLAGS=$CPPFLAGS
    LIBS="$OPENBLAS_LIBS $LIBS"
    CPPFLAGS="$CPPFLAGS $OPENBLAS_CFLAGS"
    AC_MSG_CHECKING([whether a program with OpenBLAS links])
    AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <cblas.h>]],
            [[openblas_set_num_threads(1); return openblas_get_config() == 0;]])],
        [AC_MSG_RESULT([yes])],
        [AC_MSG_RESULT([no])
         AC_MSG_ERROR([OpenBLAS is missing or does not link: libopenblas-openmp-dev on Debian, or --with-openblas=DIR])])
    LIBS=$vac_saved_LIBS
    CPPFLAGS=$vac_saved_CPPFLAGS
    AC_SUBST([OPENBLAS_CFLAGS])
    AC_SUBST([OPENBLAS_LIBS])
])

# VAC_ONEDNN(yes, no or "auto")
# Sets ONEDNN_CFLAGS and ONEDNN_LIBS, and vac_onednn, which says whether it was found.
AC_DEFUN([VAC_ONEDNN], [
    vac_onednn=no
    ONEDNN_CFLAGS=
    ONEDNN_LIBS=
    AS_IF([test "x$1" != xno], [
        AC_MSG_CHECKING([for oneDNN])
        vac_saved_LIBS=$LIBS
        LIBS="-ldnnl $LIBS"
        AC_LINK_IFELSE([AC_LANG_PROGRAM([[#include <oneapi/dnnl/dnnl.h>
                #if DNNL_VERSION_MAJOR < 2
                #error too old
                #endif]],
                [[return dnnl_version()->major < 2 || !dnnl_get_effective_cpu_isa();]])],
            [vac_onednn=yes; ONEDNN_CFLAGS=-DHAVE_ONEDNN; ONEDNN_LIBS=-ldnnl])
        LIBS=$vac_saved_LIBS
        AC_MSG_RESULT([$vac_onednn])
        AS_IF([test "x$1" = xyes && test $vac_onednn = no],
            [AC_MSG_ERROR([oneDNN is missing or does not link: libdnnl-dev on Debian])])
    ])
    AC_SUBST([ONEDNN_CFLAGS])
    AC_SUBST([ONEDNN_LIBS])
])

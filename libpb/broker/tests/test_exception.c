/* SPDX-License-Identifier: MIT
 *
 * The table of exceptions: the method resolution order is that of Python. */
#include <string.h>

#include "libpb/broker/exception.h"
#include "tests/support.h"

/* The classes of an exception, separated by spaces. */
static const char *mro(const char *exception, pb_profile profile)
{
    static char text[1024];
    text[0] = '\0';
    struct pb__mro m;
    pb__mro_begin(&m, exception, profile);
    while (pb__mro_next(&m)) {
        strcat(strcat(text, *text ? " " : ""), m.name);
    }
    cr_assert_not(pb__mro_next(&m));
    return text;
}

static const pb_profile python3 = {.python_major = 3};
static const pb_profile python2 = {.python_major = 2};

#define PYTHON3_END " builtins.Exception builtins.BaseException builtins.object"
#define PYTHON2_END " exceptions.Exception exceptions.BaseException __builtin__.object"

PB_TEST(exception, walks_up_in_python3)
{
    cr_assert_str_eq(mro("builtins.KeyError", python3),
                     "builtins.KeyError builtins.LookupError" PYTHON3_END);
    cr_assert_str_eq(mro("builtins.UnicodeDecodeError", python3),
                     "builtins.UnicodeDecodeError builtins.UnicodeError "
                     "builtins.ValueError" PYTHON3_END);
    cr_assert_str_eq(mro("builtins.OSError", python3), "builtins.OSError" PYTHON3_END);
    cr_assert_str_eq(mro("builtins.KeyboardInterrupt", python3),
                     "builtins.KeyboardInterrupt builtins.BaseException builtins.object");
    cr_assert_str_eq(mro("builtins.object", python3), "builtins.object");
}

PB_TEST(exception, walks_up_in_python2)
{
    cr_assert_str_eq(mro("builtins.KeyError", python2),
                     "exceptions.KeyError exceptions.LookupError "
                     "exceptions.StandardError" PYTHON2_END);
    cr_assert_str_eq(mro("exceptions.OSError", python2),
                     "exceptions.OSError exceptions.EnvironmentError "
                     "exceptions.StandardError" PYTHON2_END);
    cr_assert_str_eq(mro("exceptions.UserWarning", python2),
                     "exceptions.UserWarning exceptions.Warning" PYTHON2_END);
}

PB_TEST(exception, knows_those_of_twisted)
{
    cr_assert_str_eq(mro("twisted.spread.pb.Error", python3),
                     "twisted.spread.pb.Error" PYTHON3_END);
    cr_assert_str_eq(mro("twisted.spread.flavors.NoSuchMethod", python3),
                     "twisted.spread.flavors.NoSuchMethod "
                     "builtins.AttributeError" PYTHON3_END);
    cr_assert_str_eq(
        mro("twisted.cred.error.UnauthorizedLogin", python3),
        "twisted.cred.error.UnauthorizedLogin twisted.cred.error.LoginFailed "
        "twisted.cred.error.Unauthorized" PYTHON3_END);
}

PB_TEST(exception, follows_the_bases_that_are_named)
{
    cr_assert_str_eq(mro("shop.SoldOut", python3), "shop.SoldOut" PYTHON3_END);
    cr_assert_str_eq(mro("shop.SoldOut shop.Error twisted.spread.pb.Error", python2),
                     "shop.SoldOut shop.Error twisted.spread.pb.Error" PYTHON2_END);
    cr_assert_str_eq(mro(" shop.NoKey  builtins.KeyError ", python3),
                     "shop.NoKey builtins.KeyError builtins.LookupError" PYTHON3_END);
}

PB_TEST(exception, is_what_it_inherits_from)
{
    cr_assert(pb__exception_is("builtins.KeyError", "builtins.LookupError"));
    cr_assert(pb__exception_is("builtins.KeyError", "exceptions.KeyError"));
    cr_assert(pb__exception_is("shop.SoldOut twisted.spread.pb.Error",
                               "twisted.spread.pb.Error"));
    cr_assert_not(pb__exception_is("builtins.KeyError", "builtins.ValueError"));
    cr_assert_not(pb__exception_is("shop.SoldOut", "twisted.spread.pb.Error"));
    cr_assert(pb__exception_same("exceptions.KeyError", "builtins.KeyError"));
    cr_assert_not(pb__exception_same("shop.KeyError", "builtins.KeyError"));
}

PB_TEST(exception, every_code_stands_for_one)
{
#define ROW(name, number, text)                                                        \
    cr_assert(pb__exception_is(pb__exception_of(PB_ERR_##name), "builtins.Exception"), \
              #name);
    PB_ERR_MAP(ROW)
#undef ROW
    cr_assert_str_eq(pb__exception_of(PB_ERR_LOST), "twisted.spread.pb.PBConnectionLost");
    cr_assert_str_eq(pb__exception_of(-1000), "builtins.RuntimeError");
}

/* SPDX-License-Identifier: MIT
 *
 * The table of exceptions. Built-in ones are listed without their module, which is
 * builtins in Python 3 and exceptions in Python 2. */
#include <stdio.h>
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/span.h"
#include "libpb/broker/exception.h"

/* A class, and the classes after it in the method resolution order, up to one that has a
 * row of its own. Rows of bases that exist only in Python 2 are skipped for Python 3. */
static const struct {
    const char *name, *bases;
} rows[] = {
    {"BaseException", "object"},
    {"Exception", "BaseException"},
    {"StandardError", "Exception"},
    {"GeneratorExit", "BaseException"},
    {"KeyboardInterrupt", "BaseException"},
    {"SystemExit", "BaseException"},
    {"StopIteration", "Exception"},
    {"StopAsyncIteration", "Exception"},
    {"Warning", "Exception"},
    {"BytesWarning", "Warning"},
    {"DeprecationWarning", "Warning"},
    {"FutureWarning", "Warning"},
    {"ImportWarning", "Warning"},
    {"PendingDeprecationWarning", "Warning"},
    {"ResourceWarning", "Warning"},
    {"RuntimeWarning", "Warning"},
    {"SyntaxWarning", "Warning"},
    {"UnicodeWarning", "Warning"},
    {"UserWarning", "Warning"},
    {"ArithmeticError", "StandardError"},
    {"FloatingPointError", "ArithmeticError"},
    {"OverflowError", "ArithmeticError"},
    {"ZeroDivisionError", "ArithmeticError"},
    {"AssertionError", "StandardError"},
    {"AttributeError", "StandardError"},
    {"BufferError", "StandardError"},
    {"EOFError", "StandardError"},
    {"EnvironmentError", "StandardError"},
    {"IOError", "EnvironmentError"},
    {"OSError", "EnvironmentError"},
    {"BlockingIOError", "OSError"},
    {"ChildProcessError", "OSError"},
    {"ConnectionError", "OSError"},
    {"BrokenPipeError", "ConnectionError"},
    {"ConnectionAbortedError", "ConnectionError"},
    {"ConnectionRefusedError", "ConnectionError"},
    {"ConnectionResetError", "ConnectionError"},
    {"FileExistsError", "OSError"},
    {"FileNotFoundError", "OSError"},
    {"InterruptedError", "OSError"},
    {"IsADirectoryError", "OSError"},
    {"NotADirectoryError", "OSError"},
    {"PermissionError", "OSError"},
    {"ProcessLookupError", "OSError"},
    {"TimeoutError", "OSError"},
    {"ImportError", "StandardError"},
    {"ModuleNotFoundError", "ImportError"},
    {"LookupError", "StandardError"},
    {"IndexError", "LookupError"},
    {"KeyError", "LookupError"},
    {"MemoryError", "StandardError"},
    {"NameError", "StandardError"},
    {"UnboundLocalError", "NameError"},
    {"ReferenceError", "StandardError"},
    {"RuntimeError", "StandardError"},
    {"NotImplementedError", "RuntimeError"},
    {"RecursionError", "RuntimeError"},
    {"SyntaxError", "StandardError"},
    {"IndentationError", "SyntaxError"},
    {"TabError", "IndentationError"},
    {"SystemError", "StandardError"},
    {"TypeError", "StandardError"},
    {"ValueError", "StandardError"},
    {"UnicodeError", "ValueError"},
    {"UnicodeDecodeError", "UnicodeError"},
    {"UnicodeEncodeError", "UnicodeError"},
    {"UnicodeTranslateError", "UnicodeError"},
    {"twisted.cred.error.LoginDenied", "twisted.cred.error.LoginFailed"},
    {"twisted.cred.error.UnauthorizedLogin",
     "twisted.cred.error.LoginFailed twisted.cred.error.Unauthorized"},
    {"twisted.cred.error.UnhandledCredentials", "twisted.cred.error.LoginFailed"},
    {"twisted.internet.error.ConnectionAborted", "twisted.internet.error.ConnectionLost"},
    {"twisted.internet.error.ConnectionDone", "twisted.internet.error.ConnectionClosed"},
    {"twisted.internet.error.ConnectionLost", "twisted.internet.error.ConnectionClosed"},
    {"twisted.internet.error.ConnectionRefusedError",
     "twisted.internet.error.ConnectError"},
    {"twisted.internet.error.TimeoutError", "twisted.internet.error.UserError"},
    {"twisted.internet.error.UserError", "twisted.internet.error.ConnectError"},
    {"twisted.spread.flavors.NoSuchMethod", "AttributeError"},
    {"twisted.spread.pb.DeadReferenceError", "twisted.spread.pb.ProtocolError"},
};

/* The name of a built-in class without its module; any other name unchanged. */
static pb_span plain_name(pb_span name)
{
    static const char *const modules[] = {"builtins.", "exceptions.", "__builtin__."};
    for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
        size_t len = strlen(modules[i]);
        if (name.len > len && memcmp(name.data, modules[i], len) == 0) {
            return (pb_span){name.data + len, name.len - len};
        }
    }
    return name;
}

/* The classes that follow; NULL after the last. */
static const char *bases_of(pb_span name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (pb__span_is(name, rows[i].name)) {
            return rows[i].bases;
        }
    }
    return pb__span_is(name, "object") ? NULL : "Exception";
}

/* Takes the next name from *at; empty at the end. */
static pb_span exception_take_name(const char **at)
{
    *at += strspn(*at, " ");
    pb_span name = {(const uint8_t *)*at, strcspn(*at, " ")};
    *at += name.len;
    return name;
}

void pb__mro_begin(struct pb__mro *m, const char *exception, pb_profile profile)
{
    *m = (struct pb__mro){.profile = profile, .at = exception};
}

bool pb__mro_next(struct pb__mro *m)
{
    bool in_exceptions = pb__profile_has(m->profile, PB__PROFILE_BUILTINS_IN_EXCEPTIONS);
    bool standard = pb__profile_has(m->profile, PB__PROFILE_STANDARD_ERROR);
    pb_span name;
    do {
        name = exception_take_name(&m->at);
        if (name.len == 0) {
            m->at = bases_of(m->last);
            if (!m->at) {
                m->at = "";
                return false;
            }
            name = exception_take_name(&m->at);
        }
        name = plain_name(name);
        m->last = name;
    } while (!standard && (pb__span_is(name, "StandardError") ||
                           pb__span_is(name, "EnvironmentError")));
    const char *module = "";
    if (!memchr(name.data, '.', name.len)) {
        module = !in_exceptions                ? "builtins."
                 : pb__span_is(name, "object") ? "__builtin__."
                                               : "exceptions.";
    }
    snprintf(m->name, sizeof m->name, "%s%.*s", module,
             (int)(name.len < sizeof m->name ? name.len : sizeof m->name),
             (const char *)name.data);
    return true;
}

bool pb__exception_same(const char *a, const char *b)
{
    pb_span x = plain_name((pb_span){(const uint8_t *)a, strlen(a)});
    pb_span y = plain_name((pb_span){(const uint8_t *)b, strlen(b)});
    return x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
}

bool pb__exception_is(const char *exception, const char *class_name)
{
    struct pb__mro m;
    pb__mro_begin(&m, exception, (pb_profile){0});
    while (pb__mro_next(&m)) {
        if (pb__exception_same(m.name, class_name)) {
            return true;
        }
    }
    return false;
}

const char *pb__exception_of(int code)
{
    switch (code) {
    case PB_ERR_NOMEM:
        return "builtins.MemoryError";
    case PB_ERR_ARG:
    case PB_ERR_SYNTAX:
        return "builtins.ValueError";
    case PB_ERR_TYPE:
        return "builtins.TypeError";
    case PB_ERR_RANGE:
        return "builtins.OverflowError";
    case PB_ERR_LIMIT:
        return "twisted.spread.banana.BananaError";
    case PB_ERR_INSECURE:
        return "twisted.spread.jelly.InsecureJelly";
    case PB_ERR_PROTOCOL:
        return "twisted.spread.pb.ProtocolError";
    case PB_ERR_DEAD:
        return "twisted.spread.pb.DeadReferenceError";
    case PB_ERR_LOST:
        return "twisted.spread.pb.PBConnectionLost";
    case PB_ERR_TIMEOUT:
        return "twisted.internet.defer.TimeoutError";
    case PB_ERR_CANCELLED:
        return "twisted.internet.defer.CancelledError";
    case PB_ERR_AUTH:
        return "twisted.cred.error.UnauthorizedLogin";
    case PB_ERR_TLS:
    case PB_ERR_SYSTEM:
        return "builtins.OSError";
    case PB_ERR_REMOTE:
        return "twisted.spread.pb.RemoteError";
    default:
        return "builtins.RuntimeError";
    }
}

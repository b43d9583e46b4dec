/* SPDX-License-Identifier: MIT
 *
 * Endpoint strings: what they mean, and what is wrong with those that mean nothing. */
#include "libpb/net/endpoint.h"

#include <stdio.h>
#include <string.h>

#include "tests/support.h"

struct good {
    const char *text;
    enum pb__endpoint_role role;
    const char *host; /* or the path */
    int port;         /* -1: UNIX */
    int backlog;
    int timeout;
};

PB_TEST(endpoint, meaning)
{
    static const enum pb__endpoint_role C = PB__ENDPOINT_CLIENT, S = PB__ENDPOINT_SERVER;
    const struct good rows[] = {
        {"localhost:8800", C, "localhost", 8800, 0, 0},
        {"tcp:localhost:8800", C, "localhost", 8800, 0, 0},
        {"tcp:host=localhost:port=8800", C, "localhost", 8800, 0, 0},
        {"tcp:port=8800:host=localhost", C, "localhost", 8800, 0, 0},
        {"tcp:host=localhost:8800", C, "localhost", 8800, 0, 0},
        {"tcp:8800:host=localhost", C, "localhost", 8800, 0, 0},
        {"tcp:localhost:8800:timeout=5", C, "localhost", 8800, 0, 5000},
        {"tcp:a:65535", C, "a", 65535, 0, 0},
        {"tcp:a:1", C, "a", 1, 0, 0},
        {"tcp:\\:\\:1:8800", C, "::1", 8800, 0, 0},
        {"tcp:[::1]:8800", C, "::1", 8800, 0, 0},
        {"[::1]:8800", C, "::1", 8800, 0, 0},
        {"tcp:host=[fe80::1%eth0]:port=80", C, "fe80::1%eth0", 80, 0, 0},
        {"tcp:a\\\\b\\=\\:c:80", C, "a\\b=:c", 80, 0, 0},
        {"tcp:host=a=b:80", C, "a=b", 80, 0, 0},
        {"unix:/run/a", C, "/run/a", -1, 0, 0},
        {"unix:path=/run/a:timeout=7", C, "/run/a", -1, 0, 7000},
        {"unix:/a\\:b", C, "/a:b", -1, 0, 0},
        {"unix:/a[b", C, "/a[b", -1, 0, 0},
        {"tcp:8800", S, "", 8800, 1024, 0},
        {"tcp:0", S, "", 0, 1024, 0},
        {"tcp:port=8800", S, "", 8800, 1024, 0},
        {"tcp:8800:interface=127.0.0.1", S, "127.0.0.1", 8800, 1024, 0},
        {"tcp:8800:127.0.0.1:50", S, "127.0.0.1", 8800, 50, 0},
        {"tcp:8800:interface=\\:\\:1:backlog=7", S, "::1", 8800, 7, 0},
        {"tcp:8800:interface=", S, "", 8800, 1024, 0},
        {"127.0.0.1:0", S, "127.0.0.1", 0, 1024, 0},
        {"unix:/run/a", S, "/run/a", -1, 1024, 0},
        {"unix:address=/run/a:backlog=3", S, "/run/a", -1, 3, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct good *r = &rows[i];
        struct pb__endpoint e;
        pb_error err = {0};
        cr_assert_eq(pb__endpoint_parse(r->text, r->role, &e, &err), 0, "%s: %s", r->text,
                     err.text);
        cr_assert_eq(e.is_unix, r->port < 0, "%s", r->text);
        cr_assert_str_eq(e.is_unix ? e.path : e.host, r->host, "%s", r->text);
        cr_assert_eq(e.is_unix ? -1 : e.port, r->port, "%s", r->text);
        cr_assert_eq(e.backlog, r->backlog, "%s", r->text);
        cr_assert_eq(e.timeout, r->timeout, "%s", r->text);
        cr_assert_str_eq(e.spelling, r->text);
        pb__endpoint_fini(&e);
    }
}

/* A text that is refused, and what is said of it. */
struct refused {
    const char *text;
    enum pb__endpoint_role role;
    size_t offset; /* of the fault in the text */
    const char *says;
};

static const struct refused refused[] = {
    {"", PB__ENDPOINT_CLIENT, 0, "the host is empty"},
    {"localhost", PB__ENDPOINT_CLIENT, 9, "port is missing"},
    {"tcp:localhost", PB__ENDPOINT_CLIENT, 13, "port is missing"},
    {"tcp:port=80", PB__ENDPOINT_CLIENT, 11, "host is missing"},
    {"tcp", PB__ENDPOINT_SERVER, 3, "port is missing"},
    {"unix", PB__ENDPOINT_CLIENT, 4, "port is missing"},
    {"tcp::80", PB__ENDPOINT_CLIENT, 4, "the host is empty"},
    {":80", PB__ENDPOINT_CLIENT, 0, "the host is empty"},
    {"a:", PB__ENDPOINT_CLIENT, 2, "\"\" is not a valid port (1 to 65535)"},
    {"a:0", PB__ENDPOINT_CLIENT, 2, "\"0\" is not a valid port (1 to 65535)"},
    {"a:65536", PB__ENDPOINT_CLIENT, 2, "\"65536\" is not a valid port (1 to 65535)"},
    {"a:99999999999999999999", PB__ENDPOINT_CLIENT, 2,
     "\"99999999999999999999\" is not a valid port (1 to 65535)"},
    {"a:-1", PB__ENDPOINT_CLIENT, 2, "\"-1\" is not a valid port (1 to 65535)"},
    {"a: 80", PB__ENDPOINT_CLIENT, 2, "\" 80\" is not a valid port (1 to 65535)"},
    {"tcp:a:80x", PB__ENDPOINT_CLIENT, 6, "\"80x\" is not a valid port (1 to 65535)"},
    {"tcp:http", PB__ENDPOINT_SERVER, 4, "\"http\" is not a valid port (0 to 65535)"},
    {"tcp:80:backlog=0", PB__ENDPOINT_SERVER, 7,
     "\"0\" is not a valid backlog (1 to 65535)"},
    {"tcp:a:80:timeout=0", PB__ENDPOINT_CLIENT, 9,
     "\"0\" is not a valid number of seconds (1 to 86400)"},
    {"tcp:a:80:timeout=9223372036854775807", PB__ENDPOINT_CLIENT, 9,
     "\"9223372036854775807\" is not a valid number of seconds (1 to 86400)"},
    {"dtls:a:443", PB__ENDPOINT_CLIENT, 0, "unknown type of endpoint \"dtls\""},
    {"tls:a:443:certificate=", PB__ENDPOINT_CLIENT, 10, "certificate is empty"},
    {"ssl:a:443:trustRoots=x", PB__ENDPOINT_CLIENT, 10,
     "unknown parameter \"trustRoots\""},
    {"ssl:0:mode=7", PB__ENDPOINT_SERVER, 6, "unknown parameter \"mode\""},
    {"unix:a:mode=8", PB__ENDPOINT_SERVER, 7, "\"8\" is not a mode in octal digits"},
    {"unix:a:mode=1000", PB__ENDPOINT_SERVER, 7,
     "\"1000\" is not a mode in octal digits"},
    {"unix:a:lockfile=2", PB__ENDPOINT_SERVER, 7, "\"2\" is not a valid flag (0 to 1)"},
    {"systemd:domain=INET", PB__ENDPOINT_SERVER, 19, "either index or name is needed"},
    {"systemd:domain=INET:index=0:name=x", PB__ENDPOINT_SERVER, 34,
     "either index or name is needed"},
    {"systemd:domain=X:index=0", PB__ENDPOINT_SERVER, 8,
     "\"X\" is not a domain (INET, INET6 or UNIX)"},
    {"systemd:index=1024", PB__ENDPOINT_SERVER, 8,
     "\"1024\" is not a valid index (0 to 1023)"},
    {"systemd:0", PB__ENDPOINT_SERVER, 8, "\"0\" is not a domain (INET, INET6 or UNIX)"},
    {"systemd:index=0", PB__ENDPOINT_SERVER, 15, "domain is missing"},
    {"tcp:a:80:90", PB__ENDPOINT_CLIENT, 9, "\"90\" is an extra part"},
    {"tcp:a:80:prot=6", PB__ENDPOINT_CLIENT, 9, "unknown parameter \"prot\""},
    {"tcp:a:80:port=6", PB__ENDPOINT_CLIENT, 6, "\"80\" is an extra part"},
    {"tcp:port=1:port=2:a", PB__ENDPOINT_CLIENT, 11, "port is given twice"},
    {"tcp:[::1:80", PB__ENDPOINT_CLIENT, 4, "\"[\" has no \"]\""},
    {"tcp:a:80\\", PB__ENDPOINT_CLIENT, 8, "a character is missing after \"\\\""},
    {"unix:", PB__ENDPOINT_CLIENT, 5, "the path is empty"},
    {"1:2:3:4:5:6:7:8:9:0:1:2:3", PB__ENDPOINT_CLIENT, 23,
     "an endpoint has at most 12 parts"},
};

static void check_refused(const struct refused *r)
{
    struct pb__endpoint e;
    pb_error err = {0};
    cr_assert_eq(pb__endpoint_parse(r->text, r->role, &e, &err), PB_ERR_SYNTAX, "%s",
                 r->text);
    cr_assert_str_eq(err.text, r->says, "%s: %s", r->text, err.text);
    cr_assert_eq(err.offset, r->offset, "%s: %zu", r->text, (size_t)err.offset);
}

PB_TEST(endpoint, errors)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        check_refused(&refused[i]);
    }
}

/* The longest path that a UNIX socket takes, and one byte more. */
PB_TEST(endpoint, length_of_a_path)
{
    static const char longest[] =
        "unix:/23456789012345678901234567890123456789012345678901234"
        "56789012345678901234567890123456789012345678901234567";
    char longer[sizeof longest + 1];
    snprintf(longer, sizeof longer, "%s8", longest);
    check_refused(&(struct refused){longer, PB__ENDPOINT_CLIENT, 5,
                                    "the path is longer than 107 bytes"});
    struct pb__endpoint e;
    cr_assert_eq(pb__endpoint_parse(longest, PB__ENDPOINT_CLIENT, &e, NULL), 0);
    cr_assert_eq(strlen(e.path), 107);
    pb__endpoint_fini(&e);
}

static int parse_one(void *user_data)
{
    (void)user_data;
    struct pb__endpoint e;
    pb_error err = {0};
    int status = pb__endpoint_parse("tcp:a:80", PB__ENDPOINT_CLIENT, &e, &err);
    cr_assert_eq(err.code, status);
    if (status == 0) {
        pb__endpoint_fini(&e);
    }
    return status;
}

PB_TEST(endpoint, memory)
{
    pb__test_each_failure(parse_one, NULL);
}

PB_TEST(endpoint, of_tls)
{
    struct pb__endpoint e;
    const char *client = "tls:a.b:443:trustRoots=r:certificate=c:privateKey=k:hostname=h:"
                         "bindAddress=1.2.3.4";
    cr_assert_eq(pb__endpoint_parse(client, PB__ENDPOINT_CLIENT, &e, NULL), 0);
    cr_assert(e.is_tls && !e.is_unix && e.port == 443);
    cr_assert_str_eq(e.host, "a.b");
    cr_assert_str_eq(e.tls_host, "h");
    cr_assert_str_eq(e.tls.ca, "r");
    cr_assert_str_eq(e.tls.certificate, "c");
    cr_assert_str_eq(e.tls.key, "k");
    cr_assert_str_eq(e.bind_address, "1.2.3.4");
    pb__endpoint_fini(&e);

    cr_assert_eq(pb__endpoint_parse("ssl:1:privateKey=k", PB__ENDPOINT_SERVER, &e, NULL),
                 0);
    cr_assert_str_eq(e.tls.key, "k");
    cr_assert_str_eq(e.tls.certificate, "k");
    pb__endpoint_fini(&e);
    cr_assert_eq(pb__endpoint_parse("ssl:1", PB__ENDPOINT_SERVER, &e, NULL), 0);
    cr_assert(!e.tls.certificate && !e.tls.key);
    pb__endpoint_fini(&e);
    cr_assert_eq(pb__endpoint_parse("ssl:a:1", PB__ENDPOINT_CLIENT, &e, NULL), 0);
    cr_assert_null(e.tls.certificate);
    pb__endpoint_fini(&e);
}

PB_TEST(endpoint, of_servers)
{
    struct pb__endpoint e;
    cr_assert_eq(
        pb__endpoint_parse("unix:a:mode=600:lockfile=1", PB__ENDPOINT_SERVER, &e, NULL),
        0);
    cr_assert(e.is_unix && e.mode == 0600 && e.replace);
    pb__endpoint_fini(&e);
    cr_assert_eq(
        pb__endpoint_parse("systemd:domain=UNIX:name=pb", PB__ENDPOINT_SERVER, &e, NULL),
        0);
    cr_assert(e.is_systemd && e.is_unix && e.index == -1);
    cr_assert_str_eq(e.name, "pb");
    pb__endpoint_fini(&e);
    cr_assert_eq(
        pb__endpoint_parse("systemd:domain=INET6:index=2", PB__ENDPOINT_SERVER, &e, NULL),
        0);
    cr_assert(e.is_systemd && !e.is_unix && e.index == 2 && !e.name);
    pb__endpoint_fini(&e);
    cr_assert_eq(pb__endpoint_parse("systemd:UNIX:3", PB__ENDPOINT_SERVER, &e, NULL), 0);
    cr_assert(e.is_systemd && e.is_unix && e.index == 3);
    pb__endpoint_fini(&e);
    cr_assert_eq(pb__endpoint_parse("tcp6:80", PB__ENDPOINT_SERVER, &e, NULL), 0);
    cr_assert_str_eq(e.host, "::");
    pb__endpoint_fini(&e);
}

/* SPDX-License-Identifier: MIT
 *
 * Looks at a server from outside: its addresses, its first bytes, its certificate. */
#include "tools/common/first_contact.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "compat/repr.h"
#include "tools/common/command.h"
#include "tools/common/connector.h"

enum { BANNER_WAIT = 150, ANSWER_WAIT = 300 }; /* milliseconds */

/* The target of an endpoint without what the program configured; NULL if it is
 * malformed. */
static struct pb__target *contact_target(const char *endpoint)
{
    pb_net_config config = {.connect_timeout = 5000};
    pb_error err = {0};
    return pb__target_new(endpoint, PB__ENDPOINT_CLIENT, &config, &err);
}

/* ---- The first bytes ---- */

struct contact {
    int fd; /* -1: not connected */
    uint8_t bytes[256];
    size_t len;
};

static void contact_connected(int fd, const pb_error *why, void *ctx)
{
    (void)why;
    ((struct contact *)ctx)->fd = fd;
}

static void contact_open(struct contact *c, struct pb__target *t)
{
    uv_loop_t loop;
    c->fd = -1;
    if (uv_loop_init(&loop) == 0) {
        (void)connector_new(&loop, t, contact_connected, c);
        uv_run(&loop, UV_RUN_DEFAULT);
        uv_loop_close(&loop);
    }
}

/* Waits for bytes, for a time in milliseconds. */
static void contact_read(struct contact *c, int wait)
{
    struct pollfd p = {.fd = c->fd, .events = POLLIN};
    if (poll(&p, 1, wait) == 1) {
        ssize_t n =
            recv(c->fd, c->bytes + c->len, sizeof c->bytes - c->len, MSG_DONTWAIT);
        c->len += n > 0 ? (size_t)n : 0;
    }
}

static bool contact_begins(const struct contact *c, const char *text)
{
    return c->len >= strlen(text) && memcmp(c->bytes, text, strlen(text)) == 0;
}

/* The protocols that a server is known by, and what to do if it speaks Perspective Broker
 * by them. */
static const struct protocol {
    const char *begin, *name, *hint;
} protocols[] = {
    {"SSH-", "SSH", NULL},
    {"HTTP/", "HTTP", NULL},
    {"220 ", "SMTP or FTP", NULL},
    {"220-", "SMTP or FTP", NULL},
    {"* OK", "IMAP", NULL},
    {"+OK", "POP3", NULL},
    {"-ERR", "Redis", NULL},
    {"\x15\x03", "TLS", "with TLS: tls:HOST:PORT"},
    {"\x02\x80\x02\x82pb", "Perspective Broker without TLS",
     "without TLS: tcp:HOST:PORT"},
};

static const struct protocol *contact_protocol(const struct contact *c)
{
    for (size_t i = 0; i < sizeof protocols / sizeof *protocols; i++) {
        if (contact_begins(c, protocols[i].begin)) {
            return &protocols[i];
        }
    }
    return NULL;
}

/* Prints what a server said that speaks something else. */
static void contact_print_other(const struct contact *c, const char *endpoint)
{
    enum { SHOWN = 60 };
    tool_error("%s does not speak Perspective Broker", endpoint);
    tool_hint("its first bytes are: %.*s", (int)(c->len < SHOWN ? c->len : SHOWN),
              (const char *)c->bytes);
}

/* Opens a connection, waits for the server to speak, and if it is silent, for its answer
 * to a request. */
static void contact_try(struct contact *c, struct pb__target *t, int wait,
                        pb_span request)
{
    contact_open(c, t);
    if (c->fd < 0) {
        return;
    }
    contact_read(c, wait);
    if (c->len == 0 && send(c->fd, request.data, request.len, MSG_NOSIGNAL) > 0) {
        contact_read(c, ANSWER_WAIT);
    }
    close(c->fd);
}

bool first_contact_explain(const char *endpoint)
{
    /* A request of HTTP; then a ClientHello without content, to which TLS has an
     * alert. */
    static const uint8_t http[] = "GET / HTTP/1.0\r\n\r\n",
                         tls[] = {0x16, 3, 1, 0, 4, 1, 0, 0, 0};
    struct pb__target *t = contact_target(endpoint);
    struct contact c = {.fd = -1};
    if (t) {
        contact_try(&c, t, BANNER_WAIT, (pb_span){http, sizeof http - 1});
    }
    if (t && c.fd >= 0 && c.len == 0) {
        contact_try(&c, t, 0, (pb_span){tls, sizeof tls});
    }
    const struct protocol *p = contact_protocol(&c);
    bool plain_as_expected =
        p && strncmp(p->name, "Perspective", 11) == 0 && !t->at.is_tls;
    bool tls_as_expected = p && strcmp(p->name, "TLS") == 0 && t->at.is_tls;
    bool explains = c.len > 0 && !plain_as_expected && !tls_as_expected;
    if (explains && p) {
        tool_error("%s speaks %s%s", endpoint, p->name,
                   p->hint ? "" : ", not Perspective Broker");
    } else if (explains) {
        contact_print_other(&c, endpoint);
    }
    if (explains && p && p->hint) {
        tool_hint("%s", p->hint);
    }
    pb__target_unref(t);
    return explains;
}

/* ---- The certificate ---- */

static void contact_print_peer(pb_session *s, void *user_data)
{
    (void)user_data;
    const pb_peer *peer = pb_session_peer(s);
    const pb_peer_tls *tls = peer ? peer->tls : NULL;
    struct pb__buf names = {0};
    for (const char *const *n = tls ? tls->names : NULL; n && *n; n++) {
        (void)pb__buf_printf(&names, "%s%s", names.len ? ", " : "", *n);
    }
    if (names.len) {
        tool_hint("its certificate is for %s", (const char *)names.data);
    } else if (tls && tls->subject) {
        tool_hint("its certificate names no host; its subject is %s", tls->subject);
    }
    pb__buf_fini(&names);
}

void first_contact_print_names(const char *endpoint, const pb_net_config *config)
{
    enum { WAIT = 2000 };
    pb_net_config any = {
        .connect_timeout = WAIT,
        .tls_insecure = true,
        .tls_certificate = config->tls_certificate,
        .tls_key = config->tls_key,
        .session = {.negotiation_timeout = WAIT, .on_ready = contact_print_peer}};
    pb_error err = {0};
    pb_client_free(pb_client_open(endpoint, &any, &err));
}

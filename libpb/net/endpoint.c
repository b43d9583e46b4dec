/* SPDX-License-Identifier: MIT
 *
 * Endpoint strings: split into parts, whose meaning a table of endpoint types gives. */
#include "libpb/net/endpoint.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "libpb/base/error.h"
#include "libpb/base/mem.h"

enum {
    PARTS_MAX = 12,
    PARAMETERS_MAX = 10,
    BACKLOG_DEFAULT = 1024,
    BACKLOG_MAX = 65535,
    TIMEOUT_MAX = 86400,
    INDEX_MAX = 1023,
};

struct part {
    const char *name; /* NULL: positional */
    const char *value;
    size_t offset;
};

struct parts {
    struct part part[PARTS_MAX];
    size_t count;
};

/* Sets the field for a parameter. */
typedef int set_fn(struct pb__endpoint *e, const struct part *p, pb_error *err);

static int endpoint_set_number(const struct part *p, const char *what, long min, long max,
                               long *out, pb_error *err)
{
    char *end;
    const char *s = p->value;
    *out = *s >= '0' && *s <= '9' ? strtol(s, &end, 10) : -1;
    if (*out < min || *out > max || *end) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset,
                             "\"%s\" is not a valid %s (%ld to %ld)", s, what, min, max);
    }
    return 0;
}

static int endpoint_set_port(struct pb__endpoint *e, const struct part *p, pb_error *err)
{
    long port;
    int status =
        endpoint_set_number(p, "port", e->backlog ? 0 : 1, UINT16_MAX, &port, err);
    e->port = (uint16_t)port;
    return status;
}

static int endpoint_set_backlog(struct pb__endpoint *e, const struct part *p,
                                pb_error *err)
{
    long backlog;
    int status = endpoint_set_number(p, "backlog", 1, BACKLOG_MAX, &backlog, err);
    e->backlog = (int)backlog;
    return status;
}

static int endpoint_set_timeout(struct pb__endpoint *e, const struct part *p,
                                pb_error *err)
{
    long seconds;
    int status =
        endpoint_set_number(p, "number of seconds", 1, TIMEOUT_MAX, &seconds, err);
    e->timeout = status ? 0 : (int64_t)seconds * 1000;
    return status;
}

/* Removes the brackets of an IPv6 address. */
static int endpoint_set_host(struct pb__endpoint *e, const struct part *p, pb_error *err)
{
    size_t len = strlen(p->value);
    if (len == 0 && !e->backlog) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset, "the host is empty");
    }
    e->host = p->value;
    if (p->value[0] == '[') {
        if (p->value[len - 1] != ']') {
            return pb__error_set(err, PB_ERR_SYNTAX, p->offset, "\"[\" has no \"]\"");
        }
        e->memory[p->value + len - 1 - e->memory] = '\0';
        e->host++;
    }
    return 0;
}

static int endpoint_set_path(struct pb__endpoint *e, const struct part *p, pb_error *err)
{
    if (!*p->value) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset, "the path is empty");
    }
    if (strlen(p->value) >= sizeof((struct sockaddr_un *)0)->sun_path) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset,
                             "the path is longer than %zu bytes",
                             sizeof((struct sockaddr_un *)0)->sun_path - 1);
    }
    e->path = p->value;
    return 0;
}

/* Parameters whose text is used unchanged. */
#define SET_TEXT(parameter, place)                                                       \
    static int set_##parameter(struct pb__endpoint *e, const struct part *p,             \
                               pb_error *err)                                            \
    {                                                                                    \
        if (!*p->value) {                                                                \
            return pb__error_set(err, PB_ERR_SYNTAX, p->offset, #parameter " is empty"); \
        }                                                                                \
        (place) = p->value;                                                              \
        return 0;                                                                        \
    }

SET_TEXT(bind_address, e->bind_address)
SET_TEXT(certificate, e->tls.certificate)
SET_TEXT(key, e->tls.key)
SET_TEXT(chain, e->tls.chain)
SET_TEXT(trust, e->tls.ca)
SET_TEXT(host_name, e->tls_host)
SET_TEXT(name, e->name)

static int endpoint_set_mode(struct pb__endpoint *e, const struct part *p, pb_error *err)
{
    char *end;
    long mode = *p->value >= '0' && *p->value <= '7' ? strtol(p->value, &end, 8) : -1;
    if (mode < 0 || mode > 0777 || *end) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset,
                             "\"%s\" is not a mode in octal digits", p->value);
    }
    e->mode = (int)mode;
    return 0;
}

static int endpoint_set_lockfile(struct pb__endpoint *e, const struct part *p,
                                 pb_error *err)
{
    long yes;
    int status = endpoint_set_number(p, "flag", 0, 1, &yes, err);
    e->replace = yes == 1;
    return status;
}

static int endpoint_set_index(struct pb__endpoint *e, const struct part *p, pb_error *err)
{
    long index;
    int status = endpoint_set_number(p, "index", 0, INDEX_MAX, &index, err);
    e->index = (int)index;
    return status;
}

static int endpoint_set_domain(struct pb__endpoint *e, const struct part *p,
                               pb_error *err)
{
    e->is_unix = strcmp(p->value, "UNIX") == 0;
    return e->is_unix || strcmp(p->value, "INET") == 0 || strcmp(p->value, "INET6") == 0
               ? 0
               : pb__error_set(err, PB_ERR_SYNTAX, p->offset,
                               "\"%s\" is not a domain (INET, INET6 or UNIX)", p->value);
}

/* A type of endpoint and its parameters: the first `needed` are required, and the first
 * `positional` may be given without a name. */
struct type {
    const char *name; /* "": the string has no type */
    enum pb__endpoint_role role;
    enum { TCP, TCP6, UNIX, TLS, SYSTEMD } kind;
    size_t needed, positional;
    struct {
        const char *name;
        set_fn *set;
    } parameters[PARAMETERS_MAX + 1]; /* the last has no name */
};

static const struct type types[] = {
    {"tcp",
     PB__ENDPOINT_CLIENT,
     TCP,
     2,
     2,
     {{"host", endpoint_set_host},
      {"port", endpoint_set_port},
      {"timeout", endpoint_set_timeout},
      {"bindAddress", set_bind_address}}},
    {"unix",
     PB__ENDPOINT_CLIENT,
     UNIX,
     1,
     1,
     {{"path", endpoint_set_path},
      {"timeout", endpoint_set_timeout},
      {"lockfile", endpoint_set_lockfile}}},
    {"tls",
     PB__ENDPOINT_CLIENT,
     TLS,
     2,
     7,
     {{"host", endpoint_set_host},
      {"port", endpoint_set_port},
      {"timeout", endpoint_set_timeout},
      {"bindAddress", set_bind_address},
      {"certificate", set_certificate},
      {"privateKey", set_key},
      {"trustRoots", set_trust},
      {"hostname", set_host_name}}},
    {"ssl",
     PB__ENDPOINT_CLIENT,
     TLS,
     2,
     2,
     {{"host", endpoint_set_host},
      {"port", endpoint_set_port},
      {"timeout", endpoint_set_timeout},
      {"bindAddress", set_bind_address},
      {"certKey", set_certificate},
      {"privateKey", set_key},
      {"caCertsDir", set_trust},
      {"hostname", set_host_name}}},
    {"",
     PB__ENDPOINT_CLIENT,
     TCP,
     2,
     2,
     {{"host", endpoint_set_host}, {"port", endpoint_set_port}}},
    {"tcp",
     PB__ENDPOINT_SERVER,
     TCP,
     1,
     3,
     {{"port", endpoint_set_port},
      {"interface", endpoint_set_host},
      {"backlog", endpoint_set_backlog}}},
    {"tcp6",
     PB__ENDPOINT_SERVER,
     TCP6,
     1,
     3,
     {{"port", endpoint_set_port},
      {"backlog", endpoint_set_backlog},
      {"interface", endpoint_set_host}}},
    {"unix",
     PB__ENDPOINT_SERVER,
     UNIX,
     1,
     4,
     {{"address", endpoint_set_path},
      {"mode", endpoint_set_mode},
      {"backlog", endpoint_set_backlog},
      {"lockfile", endpoint_set_lockfile}}},
    {"ssl",
     PB__ENDPOINT_SERVER,
     TLS,
     1,
     3,
     {{"port", endpoint_set_port},
      {"privateKey", set_key},
      {"certKey", set_certificate},
      {"extraCertChain", set_chain},
      {"interface", endpoint_set_host},
      {"backlog", endpoint_set_backlog},
      {"caCertsDir", set_trust}}},
    {"tls",
     PB__ENDPOINT_SERVER,
     TLS,
     1,
     1,
     {{"port", endpoint_set_port},
      {"privateKey", set_key},
      {"certificate", set_certificate},
      {"extraCertChain", set_chain},
      {"interface", endpoint_set_host},
      {"backlog", endpoint_set_backlog},
      {"trustRoots", set_trust}}},
    {"systemd",
     PB__ENDPOINT_SERVER,
     SYSTEMD,
     1,
     3,
     {{"domain", endpoint_set_domain},
      {"index", endpoint_set_index},
      {"name", set_name}}},
    {"",
     PB__ENDPOINT_SERVER,
     TCP,
     2,
     2,
     {{"interface", endpoint_set_host}, {"port", endpoint_set_port}}},
};

static const struct type *endpoint_find_type(const char *name,
                                             enum pb__endpoint_role role)
{
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        if (types[i].role == role && strcmp(types[i].name, name) == 0) {
            return &types[i];
        }
    }
    return NULL;
}

/* Splits text at its colons into parts, and writes them, without escapes, to `to`. A
 * colon between brackets does not split. */
static int endpoint_split(const char *text, char *to, struct parts *out, pb_error *err)
{
    struct part *p = &out->part[0];
    *p = (struct part){.value = to};
    bool bracketed = false;
    for (const char *s = text;; s++) {
        size_t offset = (size_t)(s - text);
        if (!*s || (*s == ':' && !bracketed)) {
            *to++ = '\0';
            out->count++;
            if (!*s) {
                return 0;
            }
            if (out->count == PARTS_MAX) {
                return pb__error_set(err, PB_ERR_SYNTAX, offset,
                                     "an endpoint has at most %d parts", PARTS_MAX);
            }
            *++p = (struct part){.value = to, .offset = offset + 1};
        } else if (*s == '=' && !p->name && !bracketed) {
            *to++ = '\0';
            p->name = p->value;
            p->value = to;
        } else {
            bool escaped = *s == '\\';
            if (escaped && !*++s) {
                return pb__error_set(err, PB_ERR_SYNTAX, offset,
                                     "a character is missing after \"\\\"");
            }
            if (!escaped) {
                bracketed = (bracketed || (*s == '[' && to == p->value)) && *s != ']';
            }
            *to++ = *s;
        }
    }
}

/* Applies one part. A part without a name is the first parameter that was not given
 * yet. */
static int endpoint_apply(struct pb__endpoint *e, const struct type *t,
                          const struct part *p, bool *given, pb_error *err)
{
    size_t i = 0;
    if (p->name) {
        while (t->parameters[i].name && strcmp(p->name, t->parameters[i].name) != 0) {
            i++;
        }
        if (!t->parameters[i].name) {
            return pb__error_set(err, PB_ERR_SYNTAX, p->offset,
                                 "unknown parameter \"%s\"", p->name);
        }
    } else {
        while (i < t->positional && given[i]) {
            i++;
        }
        if (i == t->positional) {
            return pb__error_set(err, PB_ERR_SYNTAX, p->offset, "\"%s\" is an extra part",
                                 p->value);
        }
    }
    if (given[i]) {
        return pb__error_set(err, PB_ERR_SYNTAX, p->offset, "%s is given twice", p->name);
    }
    given[i] = true;
    return t->parameters[i].set(e, p, err);
}

static int endpoint_parse(struct pb__endpoint *e, const char *text,
                          enum pb__endpoint_role role, char *to, pb_error *err)
{
    struct parts parts = {0};
    int status = endpoint_split(text, to, &parts, err);
    if (status) {
        return status;
    }
    size_t first = parts.count > 1 && !parts.part[0].name && *parts.part[0].value;
    const struct type *t = first ? endpoint_find_type(parts.part[0].value, role) : NULL;
    if (!t && parts.count > 2) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "unknown type of endpoint \"%s\"",
                             parts.part[0].value);
    }
    if (!t) {
        first = 0;
        t = endpoint_find_type("", role);
    }
    e->is_unix = t->kind == UNIX;
    e->is_tls = t->kind == TLS;
    e->is_systemd = t->kind == SYSTEMD;
    bool given[PARAMETERS_MAX] = {0};
    for (int named = 1; named >= 0; named--) {
        for (size_t i = first; i < parts.count && !status; i++) {
            if (!parts.part[i].name == !named) {
                status = endpoint_apply(e, t, &parts.part[i], given, err);
            }
        }
    }
    for (size_t i = 0; i < t->needed && !status; i++) {
        if (!given[i]) {
            status = pb__error_set(err, PB_ERR_SYNTAX, strlen(text), "%s is missing",
                                   t->parameters[i].name);
        }
    }
    if (!status && e->is_systemd && (e->index >= 0) == (e->name != NULL)) {
        status = pb__error_set(err, PB_ERR_SYNTAX, strlen(text),
                               "either index or name is needed");
    }
    if (t->kind == TCP6 && !*e->host) {
        e->host = "::";
    }
    if (!e->tls.certificate) { /* the certificate may be in the same file as its key */
        e->tls.certificate = e->tls.key;
    }
    return status;
}

int pb__endpoint_parse(const char *text, enum pb__endpoint_role role,
                       struct pb__endpoint *out, pb_error *err)
{
    if (!text) {
        return pb__error_null(err, "the endpoint");
    }
    size_t size = strlen(text) + 1, both;
    *out = (struct pb__endpoint){.host = "", .mode = -1, .index = -1};
    if (role == PB__ENDPOINT_SERVER) {
        out->backlog = BACKLOG_DEFAULT;
    }
    out->memory = pb__mul(size, 2, &both) ? pb__malloc(both) : NULL;
    if (!out->memory) {
        return pb__error_nomem(err);
    }
    out->spelling = memcpy(out->memory + size, text, size);
    int status = endpoint_parse(out, text, role, out->memory, err);
    if (status) {
        pb__endpoint_fini(out);
    }
    return status;
}

void pb__endpoint_fini(struct pb__endpoint *e)
{
    pb__free(e->memory);
    *e = (struct pb__endpoint){0};
}

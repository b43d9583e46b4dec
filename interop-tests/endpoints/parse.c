/* SPDX-License-Identifier: MIT
 *
 * libpb's part of endpoints.py. Reads lines: "client" or "server", a blank, and an
 * endpoint; writes for each what is in it, texts in hexadecimal digits, or the error. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libpb/net/endpoint.h"

static void put_text(const char *name, const char *text)
{
    if (text) {
        printf(" %s=", name);
        for (; *text; text++) {
            printf("%02x", (unsigned char)*text);
        }
    }
}

static void put(const struct pb__endpoint *e)
{
    printf("%s port=%d timeout=%" PRId64 " backlog=%d mode=%d lockfile=%d",
           e->is_unix  ? "unix"
           : e->is_tls ? "tls"
                       : "tcp",
           e->port, e->timeout / 1000, e->backlog, e->mode, e->replace);
    put_text("host", e->is_unix ? NULL : e->host);
    put_text("bindAddress", e->bind_address);
    put_text("path", e->path);
    put_text("certificate", e->tls.certificate);
    put_text("privateKey", e->tls.key);
    put_text("chain", e->tls.chain);
    put_text("trustRoots", e->tls.ca);
    put_text("hostname", e->tls_host);
    putchar('\n');
}

int main(void)
{
    char line[4096];
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        bool server = strncmp(line, "server ", 7) == 0;
        struct pb__endpoint e;
        pb_error err = {0};
        if (pb__endpoint_parse(line + 7,
                               server ? PB__ENDPOINT_SERVER : PB__ENDPOINT_CLIENT, &e,
                               &err) == 0) {
            put(&e);
            pb__endpoint_fini(&e);
        } else {
            printf("error %d %s\n", (int)err.offset, err.text);
        }
    }
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The libpb side of endpoints.py. Each line of the input is "client" or "server", a
 * space and an endpoint. For each it prints a line with the fields of the parsed
 * endpoint, texts in hexadecimal digits, or the error and its offset. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "libpb/net/endpoint.h"

static void print_text_field(const char *name, const char *text)
{
    if (text) {
        printf(" %s=", name);
        for (; *text; text++) {
            printf("%02x", (unsigned char)*text);
        }
    }
}

static void print_endpoint(const struct pb__endpoint *e)
{
    printf("%s port=%d timeout=%" PRId64 " backlog=%d mode=%d lockfile=%d",
           e->is_unix  ? "unix"
           : e->is_tls ? "tls"
                       : "tcp",
           e->port, e->timeout / 1000, e->backlog, e->mode, e->replace);
    print_text_field("host", e->is_unix ? NULL : e->host);
    print_text_field("bindAddress", e->bind_address);
    print_text_field("path", e->path);
    print_text_field("certificate", e->tls.certificate);
    print_text_field("privateKey", e->tls.key);
    print_text_field("chain", e->tls.chain);
    print_text_field("trustRoots", e->tls.ca);
    print_text_field("hostname", e->tls_host);
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
            print_endpoint(&e);
            pb__endpoint_fini(&e);
        } else {
            printf("error %d %s\n", (int)err.offset, err.text);
        }
    }
    return 0;
}

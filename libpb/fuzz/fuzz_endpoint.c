/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the parser of endpoint strings. The first byte selects the role, and the
 * allocation that fails. */
#include <stdlib.h>
#include <string.h>

#include "libpb/base/tests/failing_mem.h"
#include "libpb/fuzz/fuzz.h"
#include "libpb/net/endpoint.h"

const char pb__fuzz_name[] = "endpoint";

/* The fields that a program uses without further checks. */
static void endpoint_check(const struct pb__endpoint *e, enum pb__endpoint_role role)
{
    must(e->spelling != NULL);
    must(!e->is_unix || e->is_systemd || e->path != NULL);
    must(e->is_unix || e->is_systemd || e->host != NULL);
    must(e->timeout >= 0 && e->backlog >= 0);
    must(role == PB__ENDPOINT_SERVER || !e->is_systemd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) {
        return 0;
    }
    long before = pb__test_live();
    char *text = malloc(size);
    must(text);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = '\0';
    struct pb__endpoint e = {0};
    pb_error err = {0};
    enum pb__endpoint_role role = data[0] & 1 ? PB__ENDPOINT_SERVER : PB__ENDPOINT_CLIENT;
    pb__test_fail_at(data[0] >> 1, false);
    int failed = pb__endpoint_parse(text, role, &e, &err);
    pb__test_fail_at(0, false);
    must(failed == err.code);
    must((failed == 0) == (err.text[0] == '\0'));
    must(err.offset < size + 1);
    if (!failed) {
        endpoint_check(&e, role);
    }
    pb__endpoint_fini(&e);
    free(text);
    must(pb__test_live() == before);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Fuzzes the parser of Python literals. The first byte is the allocation that fails; 0:
 * none. What was parsed has a repr that is a literal again, of the same repr. */
#include <stdlib.h>
#include <string.h>

#include "libpb/base/tests/failing_mem.h"
#include "libpb/fuzz/fuzz.h"
#include "pb/value.h"

const char pb__fuzz_name[] = "literal";

/* Long texts are cut in a repr, and a number may have more digits than are parsed. */
static void parse_again(pb_value *v)
{
    char *repr = pb_value_repr(v);
    must(repr);
    pb_value *again = pb_value_parse(repr, NULL);
    if (again) {
        char *same = pb_value_repr(again);
        must(same && strcmp(repr, same) == 0);
        must(pb_value_kind(v) == pb_value_kind(again));
        pb_free(same);
        pb_value_unref(again);
    }
    pb_free(repr);
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
    pb_error err = {0};
    pb__test_fail_at(data[0], false);
    pb_value *v = pb_value_parse(text, &err);
    pb__test_fail_at(0, false);
    must((v == NULL) == (err.code != 0));
    must(!v || err.text[0] == '\0');
    must(v || (err.text[0] != '\0' && err.offset <= size));
    if (v) {
        parse_again(v);
    }
    pb_value_unref(v);
    free(text);
    must(pb__test_live() == before);
    return 0;
}

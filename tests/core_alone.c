/* SPDX-License-Identifier: MIT
 *
 * A program that needs libpb-core only: tests/check-install links it as a user would. */
#include <pb/core.h>
#include <stdio.h>

int main(void)
{
    pb_error err = {0};
    pb_value *v = pb_value_parse("[1, 2.5, 'three']", &err), *back = NULL;
    uint8_t *bytes = NULL;
    size_t len = 0;
    int e = pb_jelly_bytes(v, NULL, PB_DIALECT_PB, &bytes, &len, &err);
    e = e ? e : pb_unjelly_bytes((pb_span){bytes, len}, NULL, PB_DIALECT_PB, &back, &err);
    char *text = e ? NULL : pb_value_repr(back);
    printf("%s %s\n", pb_version(), text ? text : err.text);
    pb_free(text);
    pb_free(bytes);
    pb_value_unref(back);
    pb_value_unref(v);
    return e != 0;
}

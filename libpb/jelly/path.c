/* SPDX-License-Identifier: MIT
 *
 * The steps of error paths that need more than a format. */
#include "libpb/jelly/path.h"

#include <inttypes.h>

#include "libpb/base/error.h"

#define KEY_SHOWN 40 /* bytes of a key that are printed */

/* Copies the beginning of a text, with ? for characters that cannot be printed. Returns
 * the length. */
static int path_printable(const struct pb__text *t, char out[KEY_SHOWN + 1])
{
    size_t len = t->len < KEY_SHOWN ? t->len : KEY_SHOWN;
    for (size_t i = 0; i < len; i++) {
        uint8_t c = t->data[i];
        bool prints = c >= 0x80 ? t->head.kind == PB_STR : c >= 0x20 && c != 0x7f;
        out[i] = prints ? (char)c : '?';
    }
    /* Do not split a character. */
    while (len < t->len && len > 0 && (t->data[len] & 0xc0) == 0x80) {
        len--;
    }
    out[len] = '\0';
    return (int)len;
}

void pb__path_key(pb_error *err, const pb_value *key, size_t pair)
{
    pb_kind kind = pb__kind(key);
    if (kind == PB_STR || kind == PB_BYTES) {
        char text[KEY_SHOWN + 1];
        int len = path_printable((const struct pb__text *)key, text);
        pb__error_where(err, "[%s'%.*s']", kind == PB_BYTES ? "b" : "", len, text);
    } else if (pb__is_small(key)) {
        pb__error_where(err, "[%" PRId64 "]", pb__small_of(key));
    } else {
        pb__error_where(err, ".values[%zu]", pair);
    }
}

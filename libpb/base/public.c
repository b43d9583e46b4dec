/* SPDX-License-Identifier: MIT
 *
 * The public functions of this layer. They stand apart from the rest of it, which is linked
 * into each library and into the pb command: these are exported by libpb-core alone. */
#include <string.h>

#include "libpb/base/mem.h"
#include "pb/error.h"
#include "pb/version.h"

const char *pb_strerror(int code)
{
    switch (code) {
    case PB_OK:
        return "no error";
#define PB_ERR_CASE(name, number, text) \
    case PB_ERR_##name:                 \
        return text;
        PB_ERR_MAP(PB_ERR_CASE)
#undef PB_ERR_CASE
    default:
        return "unknown error";
    }
}

void pb_error_clear(pb_error *err)
{
    if (err) {
        memset(err, 0, sizeof *err);
    }
}

void pb_free(void *p)
{
    pb__free(p);
}

const char *pb_version(void)
{
    return PB_VERSION;
}

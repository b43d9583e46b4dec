/* SPDX-License-Identifier: MIT
 *
 * The codes and texts of errors of the decoder and the encoder. */
#include "libpb/banana/fault.h"

#include <assert.h>

#include "libpb/base/error.h"

static const int codes[] = {
#define FAULT_CODE(kind, code, ...) [PB__FAULT_##kind] = PB_ERR_##code,
    PB__FAULT_MAP(FAULT_CODE)
#undef FAULT_CODE
};
static_assert(sizeof codes / sizeof *codes == PB__FAULT_KINDS, "a fault has no code");
static_assert(PB__FAULT_KINDS <= UINT8_MAX + 1,
              "struct pb__fault stores a kind in a byte");

int pb__fault_set(struct pb__fault *f, enum pb__fault_kind kind, uint64_t offset,
                  uint64_t number, uint64_t limit)
{
    *f = (struct pb__fault){offset, number, limit, codes[kind], (uint8_t)kind};
    return f->code;
}

int pb__fault_report(const struct pb__fault *f, pb_error *err)
{
    switch (f->kind) {
#define FAULT_TEXT(kind, code, ...)                                \
    case PB__FAULT_##kind:                                         \
        pb__error_set(err, PB_ERR_##code, f->offset, __VA_ARGS__); \
        break;
        PB__FAULT_MAP(FAULT_TEXT)
#undef FAULT_TEXT
    }
    return f->code;
}

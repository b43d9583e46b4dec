/* SPDX-License-Identifier: MIT
 *
 * Saved state of publishables in a folder, one file per name, as Twisted saves it in the
 * working folder. */
#include <stdio.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/base/span.h"
#include "pb/files.h"

/* The peer chooses the name; it must not lead out of the folder. */
static FILE *published_file_open(const char *folder, const char *name, const char *mode)
{
    struct pb__buf path = {0};
    FILE *f = NULL;
    if (folder && name && !strchr(name, '/') &&
        pb__buf_printf(&path, "%s/%s", folder, name) == 0) {
        f = fopen((const char *)path.data, mode);
    }
    pb__buf_fini(&path);
    return f;
}

pb_value *pb_published_folder_load(const char *name, void *folder)
{
    struct pb__buf data = {0};
    FILE *f = published_file_open(folder, name, "rb");
    size_t n = f ? 1 : 0;
    int e = f ? 0 : PB_ERR_SYSTEM;
    while (e == 0 && n > 0) {
        char part[4096];
        n = fread(part, 1, sizeof part, f);
        e = ferror(f) ? PB_ERR_SYSTEM : pb__buf_append(&data, part, n);
    }
    if (f) {
        fclose(f);
    }
    pb_value *v = e ? NULL : pb_bytes((pb_span){data.data, data.len});
    pb__buf_fini(&data);
    return v;
}

int pb_published_folder_save(const char *name, pb_span data, void *folder)
{
    if (!name || !folder || pb__span_is_null(data)) {
        return PB_ERR_ARG;
    }
    FILE *f = published_file_open(folder, name, "wb");
    if (!f) {
        return PB_ERR_SYSTEM;
    }
    bool written = fwrite(data.data, 1, data.len, f) == data.len;
    return fclose(f) == 0 && written ? 0 : PB_ERR_SYSTEM;
}

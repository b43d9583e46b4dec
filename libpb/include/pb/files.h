/* SPDX-License-Identifier: MIT
 *
 * Ready-made parts that use files: users in a password file, and a folder for the saved
 * state of RemotePublished objects. They are in libpb; libpb-core uses no files. */
#ifndef PB_FILES_H
#define PB_FILES_H

#include "pb/login.h"
#include "pb/publish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A password file with one user per line. It is read at each login. Zero is the default
 * of every field except path. Mirrors FilePasswordDB. */
typedef struct {
    const char *path;
    const char *delimiter; /* NULL: ":" */
    size_t username_field; /* fields count from 0 */
    size_t password_field; /* 0: the one after username_field */
    bool ignore_case;      /* user names are converted to lower case */
    bool md5;              /* passwords are hexadecimal MD5 digests, not plain text */
    void *reserved[4];
} pb_password_file;

/* Checks names and passwords against a password file. The strings of f are copied. If the
 * file cannot be opened, the error is logged, and every login is refused.
 * PB_ERR_NOMEM. */
PB_API int pb_portal_set_password_file(pb_portal *p, const pb_password_file *f);

/* Loads state from a file in a folder, whose path is the user_data, for
 * pb_published_config.load: *new*, or NULL. This function and the next ignore names with
 * a slash, which could lead out of the folder. */
PB_API pb_value *pb_published_folder_load(const char *name, void *folder);
/* Saves state to a file in a folder, for pb_published_config.save: 0 or PB_ERR_SYSTEM. */
PB_API int pb_published_folder_save(const char *name, pb_span data, void *folder);

#ifdef __cplusplus
}
#endif
#endif

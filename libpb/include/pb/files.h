/* SPDX-License-Identifier: MIT
 *
 * Ready-made parts that touch files: users in a password file, and a folder that keeps what
 * RemotePublished objects save. They are in libpb, not in libpb-core, which touches none. */
#ifndef PB_FILES_H
#define PB_FILES_H

#include "pb/login.h"
#include "pb/publish.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A file of users, a line each, which is read at each login. Zero is the default of every
 * field but path. Mirrors FilePasswordDB. */
typedef struct {
    const char *path;
    const char *delimiter; /* NULL: ":" */
    size_t username_field; /* fields count from 0 */
    size_t password_field; /* 0: the one after username_field */
    bool ignore_case;      /* of user names, which become lower case */
    bool md5;              /* passwords are hexadecimal MD5 digests, not plain text */
    void *reserved[4];
} pb_password_file;

/* Checks names and passwords by a file; its texts are copied. A file that cannot be opened
 * is logged, and lets nobody in. PB_ERR_NOMEM. */
PB_API int pb_portal_set_password_file(pb_portal *p, const pb_password_file *f);

/* A ready-made pair for a folder of files, whose path is the user_data. Names with a
 * slash, which would lead out of it, are never saved. For pb_published_config.load: *new*, or NULL. */
PB_API pb_value *pb_published_folder_load(const char *name, void *folder);
/* For pb_published_config.save: 0 or PB_ERR_SYSTEM. */
PB_API int pb_published_folder_save(const char *name, pb_span data, void *folder);

#ifdef __cplusplus
}
#endif
#endif

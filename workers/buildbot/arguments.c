/* SPDX-License-Identifier: MIT
 *
 * The arguments of a command, which a master may send in any shape, and the paths and
 * texts that are made of them. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "workers/buildbot/command.h"

/* An argument, borrowed; NULL if it is absent or None. */
static pb_value *argument(const command *c, const char *key)
{
    pb_value *v = pb_dict_get(c->args, key);
    return pb_is(v, PB_NONE) ? NULL : v;
}

const char *command_text(const command *c, const char *key, pb_error *err)
{
    pb_span text;
    pb_value *v = argument(c, key);
    if (!v) {
        refuse(err, PB_ERR_ARG, "%s is missing args: %s", c->name, key);
        return NULL;
    }
    if (pb_as_text(v, &text) != 0 || memchr(text.data, 0, text.len)) {
        refuse(err, PB_ERR_TYPE, "the argument '%s' of %s is no text", key, c->name);
        return NULL;
    }
    return (const char *)text.data;
}

int command_number(const command *c, const char *key, double absent, double *out,
                   pb_error *err)
{
    pb_value *v = argument(c, key);
    *out = absent;
    if (v && (pb_as_float(v, out) != 0 || !(*out >= 0 && *out <= 1e15))) {
        return refuse(err, PB_ERR_TYPE, "the argument '%s' of %s is no number from 0 on",
                      key, c->name);
    }
    return 0;
}

int command_flag(const command *c, const char *key, bool absent, bool *out, pb_error *err)
{
    pb_value *v = argument(c, key);
    int64_t number;
    *out = absent;
    if (v && pb_as_int(v, &number) != 0) {
        return refuse(err, PB_ERR_TYPE, "the argument '%s' of %s is no boolean", key,
                      c->name);
    }
    if (v) {
        *out = number != 0;
    }
    return 0;
}

int path_join(char out[PATH_MAX], const char *folder, const char *name, pb_error *err)
{
    const char *slash = *folder && folder[strlen(folder) - 1] == '/' ? "" : "/";
    int n = *name == '/' ? snprintf(out, PATH_MAX, "%s", name)
                         : snprintf(out, PATH_MAX, "%s%s%s", folder, slash, name);
    return n < PATH_MAX
               ? 0
               : refuse(err, PB_ERR_LIMIT, "a path has more than %d bytes", PATH_MAX - 1);
}

int command_path(const command *c, const char *key, const char *workdir,
                 char out[PATH_MAX], pb_error *err)
{
    char folder[PATH_MAX], name[PATH_MAX];
    const char *home = getenv("HOME");
    const char *text = command_text(c, key, err);
    const char *below = workdir ? command_text(c, workdir, err) : "";
    if (!text || !below) {
        return err->code;
    }
    if (*text == '~' && (text[1] == '/' || text[1] == '\0') && home) {
        int e = path_join(name, home, text[1] ? text + 2 : "", err);
        if (e) {
            return e;
        }
        text = name;
    }
    int e = *below ? path_join(folder, c->folder, below, err) : 0;
    return e ? e : path_join(out, *below ? folder : c->folder, text, err);
}

int make_folders(const char *path)
{
    char part[PATH_MAX];
    struct stat st;
    size_t len = strlen(path);
    if (len >= sizeof part) {
        return ENAMETOOLONG;
    }
    memcpy(part, path, len + 1);
    for (char *p = part + 1; len && (p = strchr(p, '/')); p++) {
        *p = '\0';
        if (mkdir(part, 0777) != 0 && errno != EEXIST && stat(part, &st) != 0) {
            return errno;
        }
        *p = '/';
    }
    if (mkdir(part, 0777) == 0 || (stat(part, &st) == 0 && S_ISDIR(st.st_mode))) {
        return 0;
    }
    return errno ? errno : ENOTDIR;
}

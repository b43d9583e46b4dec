/* SPDX-License-Identifier: MIT
 *
 * The command `glob`, as Python's glob.glob with recursive=True: the parts of a pattern
 * are matched one after the other, and "**" is any number of folders. Hidden files match
 * only a part that begins with a dot. Symbolic links to folders are not followed by
 * "**". */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "workers/buildbot/command.h"

enum { MATCHES_MAX = 100000 };

/* A list of paths. */
typedef struct {
    char **list;
    size_t n;
    int failed; /* an error code */
} paths;

static void paths_free(paths *p)
{
    for (size_t i = 0; i < p->n; i++) {
        free(p->list[i]);
    }
    free(p->list);
    *p = (paths){0};
}

/* Adds the path of a name in a folder. */
static void paths_add(paths *p, const char *folder, const char *name)
{
    size_t len = strlen(folder);
    bool slash = len && folder[len - 1] != '/' && *name && *name != '/';
    char *path = malloc(len + strlen(name) + 2);
    char **list = path ? realloc(p->list, (p->n + 1) * sizeof *list) : NULL;
    if (!list || p->n == MATCHES_MAX) {
        p->failed = list ? PB_ERR_LIMIT : PB_ERR_NOMEM;
        p->list = list ? list : p->list;
        free(path);
        return;
    }
    memcpy(path, folder, len);
    strcpy(path + len, slash ? "/" : "");
    strcat(path, name);
    p->list = list;
    list[p->n++] = path;
}

static bool is_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Adds what in a folder matches a part of the pattern. */
static void match_part(paths *out, const char *path, const char *part)
{
    DIR *folder = opendir(*path ? path : "/");
    const struct dirent *entry;
    while (folder && !out->failed && (entry = readdir(folder))) {
        bool special =
            strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!special && fnmatch(part, entry->d_name, FNM_PERIOD) == 0) {
            paths_add(out, path, entry->d_name);
        }
    }
    if (folder) {
        closedir(folder);
    }
}

/* Adds a path, and what is below it: the folders, or at the end of the pattern all. The
 * list is the queue of what is still to be looked into. */
static void match_below(paths *out, const char *path, bool folders_only)
{
    size_t i = out->n;
    paths_add(out, path, folders_only ? "" : "/"); /* as Python writes it */
    for (; i < out->n && !out->failed; i++) {
        paths found = {0};
        if (is_folder(out->list[i])) {
            match_part(&found, out->list[i], "*");
        }
        for (size_t k = 0; k < found.n; k++) {
            if (!folders_only || is_folder(found.list[k])) {
                paths_add(out, found.list[k], "");
            }
        }
        out->failed = out->failed ? out->failed : found.failed;
        paths_free(&found);
    }
}

static void match_one(paths *out, const char *path, const char *part, bool last)
{
    struct stat st;
    if (strcmp(part, "**") == 0) {
        match_below(out, path, !last);
    } else if (strpbrk(part, "*?[")) {
        match_part(out, path, part);
    } else {
        size_t n = out->n;
        paths_add(out, path, part);
        if (out->n > n && lstat(out->list[n], &st) != 0) {
            free(out->list[--out->n]);
        }
    }
}

/* Replaces the paths by those that match the next part of the pattern. */
static void match_next(paths *p, const char *part, bool last)
{
    paths out = {0};
    for (size_t i = 0; i < p->n && !out.failed; i++) {
        match_one(&out, p->list[i], part, last);
    }
    paths_free(p);
    *p = out;
}

static int compare_paths(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The matches as a *new* list without repeats. */
static pb_value *sorted_list(paths *p)
{
    pb_value *files = pb_list();
    if (p->n) {
        qsort(p->list, p->n, sizeof *p->list, compare_paths);
    }
    for (size_t i = 0; i < p->n; i++) {
        if (i == 0 || strcmp(p->list[i], p->list[i - 1]) != 0) {
            pb_append_steal(files, text_value(p->list[i], strlen(p->list[i])));
        }
    }
    return files;
}

int glob_start(command *c, pb_error *err)
{
    char pattern[PATH_MAX];
    paths p = {0};
    int e = command_path(c, "path", NULL, pattern, err);
    if (e) {
        return e;
    }
    paths_add(&p, "/", "");
    char *rest = pattern, *part;
    while (!p.failed && (part = strsep(&rest, "/"))) {
        if (*part) {
            match_next(&p, part, !rest);
        }
    }
    e = p.failed ? refuse(err, p.failed, "glob: out of memory, or more than %d matches",
                          MATCHES_MAX)
                 : 0;
    if (!e) {
        command_update(c, "files", sorted_list(&p), NULL, NULL);
        command_rc(c, 0);
        command_complete(c);
    }
    paths_free(&p);
    return e;
}

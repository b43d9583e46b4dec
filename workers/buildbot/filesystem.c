/* SPDX-License-Identifier: MIT
 *
 * The commands that change or look at files and folders without moving them to the
 * master: mkdir, rmdir, cpdir, stat, listdir and rmfile. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workers/buildbot/process.h"

/* Ends a command: with the status 0, or with an error number and a text. */
static int end_with(command *c, int error, const char *path)
{
    if (error) {
        command_header(c, "%s: %s: %s", c->name, strerror(error), path);
    }
    command_rc(c, error);
    command_complete(c);
    return 0;
}

/* ---- The paths of mkdir and rmdir ---- */

/* The number of folders in the argument `dir`, which is a text or a list of texts. */
static size_t count_folders(const command *c)
{
    pb_value *dir = pb_dict_get(c->args, "dir");
    return pb_is(dir, PB_LIST) ? pb_len(dir) : 1;
}

static int folder_path(const command *c, size_t i, char path[PATH_MAX], pb_error *err)
{
    pb_value *dir = pb_dict_get(c->args, "dir");
    const char *text;
    if (!pb_is(dir, PB_LIST)) {
        return command_path(c, "dir", NULL, path, err);
    }
    if (pb_unpack(pb_item(dir, i), NULL, "s", &text) != 0) {
        return refuse(err, PB_ERR_TYPE, "the argument 'dir' of %s has no text at %zu",
                      c->name, i);
    }
    return path_join(path, c->folder, text, err);
}

/* Checks all of them before the first one is used. */
static int check_folders(const command *c, pb_error *err)
{
    char path[PATH_MAX];
    int e = count_folders(c) ? 0 : refuse(err, PB_ERR_ARG, "%s: no folder", c->name);
    for (size_t i = 0; !e && i < count_folders(c); i++) {
        e = folder_path(c, i, path, err);
    }
    return e;
}

int mkdir_start(command *c, pb_error *err)
{
    char path[PATH_MAX] = "";
    int e = check_folders(c, err), failed = 0;
    for (size_t i = 0; !e && !failed && i < count_folders(c); i++) {
        e = folder_path(c, i, path, err);
        failed = e ? 0 : make_folders(path);
    }
    return e ? e : end_with(c, failed, path);
}

/* ---- rmdir and cpdir, which run programs ---- */

static int run_program(command *c, char *const *argv, void (*done)(command *, int),
                       pb_error *err)
{
    process_options o = {.argv = argv, .folder = c->base, .done = done};
    bool log_environ;
    int e = command_number(c, "timeout", 120, &o.timeout, err);
    e = e ? e : command_number(c, "maxTime", 0, &o.max_time, err);
    e = e ? e : command_flag(c, "logEnviron", true, &log_environ, err);
    o.hide_environ = !e && !log_environ;
    return e ? e : process_start(c, &o, err);
}

/* The removal of the folders, one after the other: rm, and if that fails, chmod and rm
 * once more. */
typedef struct {
    size_t at;
    int rc;
    bool again; /* after chmod */
} removal;

static void removal_end(command *c, const char *why)
{
    removal *r = c->user;
    int rc = r->rc;
    free(r);
    c->user = NULL;
    if (*why) {
        command_header(c, "%s: %s\n", c->name, why);
    }
    command_rc(c, rc);
    command_complete(c);
}

static int removal_run(command *c, void (*done)(command *, int), bool change_mode,
                       pb_error *err)
{
    char path[PATH_MAX];
    const removal *r = c->user;
    char *rm[] = {"rm", "-rf", path, NULL};
    char *chmod[] = {"chmod", "-Rf", "u+rwx", path, NULL};
    int e = folder_path(c, r->at, path, err);
    return e ? e : run_program(c, change_mode ? chmod : rm, done, err);
}

static void removal_done(command *c, int rc);

static void mode_changed(command *c, int rc)
{
    removal *r = c->user;
    pb_error err = {0};
    (void)rc;
    r->again = true;
    if (removal_run(c, removal_done, false, &err) != 0) {
        r->rc = 1;
        removal_end(c, err.text);
    }
}

static void removal_done(command *c, int rc)
{
    removal *r = c->user;
    pb_error err = {0};
    int e = 0;
    if (rc != 0 && !r->again && !c->interrupted) {
        e = removal_run(c, mode_changed, true, &err);
    } else {
        r->rc = rc ? rc : r->rc;
        r->again = false;
        r->at++;
        if (r->at == count_folders(c) || c->interrupted) {
            removal_end(c, "");
            return;
        }
        e = removal_run(c, removal_done, false, &err);
    }
    if (e) {
        r->rc = 1;
        removal_end(c, err.text);
    }
}

int rmdir_start(command *c, pb_error *err)
{
    int e = check_folders(c, err);
    if (e) {
        return e;
    }
    c->user = calloc(1, sizeof(removal));
    if (!c->user) {
        return refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    e = removal_run(c, removal_done, false, err);
    if (e) {
        free(c->user);
        c->user = NULL;
    }
    return e;
}

static void copy_done(command *c, int rc)
{
    command_rc(c, rc);
    command_complete(c);
}

int cpdir_start(command *c, pb_error *err)
{
    char from[PATH_MAX], to[PATH_MAX], above[PATH_MAX];
    char *argv[] = {"cp", "-R", "-P", "-p", "-v", from, to, NULL};
    int e = command_path(c, "fromdir", NULL, from, err);
    e = e ? e : command_path(c, "todir", NULL, to, err);
    if (e) {
        return e;
    }
    strcpy(above, to);
    char *slash = strrchr(above, '/');
    if (slash && slash != above) {
        *slash = '\0';
        (void)make_folders(above); /* if it fails, cp says so */
    }
    return run_program(c, argv, copy_done, err);
}

/* ---- Looking, and removing one file ---- */

int stat_start(command *c, pb_error *err)
{
    char path[PATH_MAX];
    struct stat s;
    bool in_folder = pb_dict_get(c->args, "workdir") != NULL;
    int e = command_path(c, "file", in_folder ? "workdir" : NULL, path, err);
    if (e) {
        return e;
    }
    if (stat(path, &s) != 0) {
        return end_with(c, errno, path);
    }
    pb_value *told = pb_build(
        NULL, "(LLLLLLLLLL)", (int64_t)s.st_mode, (int64_t)s.st_ino, (int64_t)s.st_dev,
        (int64_t)s.st_nlink, (int64_t)s.st_uid, (int64_t)s.st_gid, (int64_t)s.st_size,
        (int64_t)s.st_atim.tv_sec, (int64_t)s.st_mtim.tv_sec, (int64_t)s.st_ctim.tv_sec);
    command_update(c, "stat", told, NULL, NULL);
    return end_with(c, 0, path);
}

int listdir_start(command *c, pb_error *err)
{
    char path[PATH_MAX];
    int e = command_path(c, "dir", NULL, path, err);
    if (e) {
        return e;
    }
    DIR *folder = opendir(path);
    if (!folder) {
        return end_with(c, errno, path);
    }
    pb_value *files = pb_list();
    const struct dirent *entry;
    while ((entry = readdir(folder))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            pb_append_steal(files, text_value(entry->d_name, strlen(entry->d_name)));
        }
    }
    closedir(folder);
    command_update(c, "files", files, NULL, NULL);
    return end_with(c, 0, path);
}

int rmfile_start(command *c, pb_error *err)
{
    char path[PATH_MAX];
    int e = command_path(c, "path", NULL, path, err);
    if (e) {
        return e;
    }
    return end_with(c, unlink(path) == 0 ? 0 : errno, path);
}

/* SPDX-License-Identifier: MIT
 *
 * The commands that move files: uploadFile, uploadDirectory (as a tar archive) and
 * downloadFile. One block at a time is in memory. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "workers/buildbot/process.h"

enum { BLOCK_MAX = 512 << 10, NO_LIMIT = -1 };

typedef struct {
    command *command;
    pb_remote *peer; /* the file of the master */
    char path[PATH_MAX];
    int fd;
    size_t block;
    int64_t left; /* bytes that may still be moved; NO_LIMIT */
    int rc;
    bool keepstamp, directory;
    struct stat before;
    char error[PATH_MAX + 100]; /* what the step is told at the end */
    char failure[200];          /* an exception of the master */
    char archive[40];           /* the path of that of a folder */
} transfer;

static void transfer_end(transfer *t)
{
    command *c = t->command;
    char failure[sizeof t->failure];
    memcpy(failure, t->failure, sizeof failure);
    if (t->fd >= 0) {
        close(t->fd);
    }
    command_rc(c, t->rc);
    if (*t->error) {
        command_stderr(c, "%s\n", t->error);
    }
    pb_remote_unref(t->peer);
    free(t);
    c->state = NULL;
    c->interrupt = NULL;
    if (*failure) {
        command_fail(c, "twisted.spread.pb.RemoteError twisted.spread.pb.Error", failure);
    } else {
        command_complete(c);
    }
}

/* The step is told, at the end, what went wrong with the file. */
static void transfer_refuse(transfer *t, const char *what, const char *where)
{
    t->rc = 1;
    if (!*t->error) {
        snprintf(t->error, sizeof t->error, "%s '%s'%s", what, t->path, where);
    }
}

static void transfer_note_failure(transfer *t, const pb_failure *failure)
{
    if (failure && !*t->failure) {
        t->rc = 1;
        snprintf(t->failure, sizeof t->failure, "%s: %s", pb_failure_type(failure),
                 pb_failure_text(failure));
    }
}

/* Calls the file of the master; takes args, a tuple or NULL. The transfer ends if it is
 * gone. */
static void transfer_call(transfer *t, const char *method, pb_value *args,
                          pb_answer_cb cb)
{
    int e = pb_remote_call_values(t->peer, method, args, NULL, NULL, cb, t, NULL, NULL);
    pb_value_unref(args);
    if (e) {
        t->rc = 1;
        transfer_end(t);
    }
}

static void transfer_interrupt(command *c)
{
    transfer *t = c->state;
    t->rc = 1; /* it stops at the next block */
}

static void transfer_ended(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)answer;
    transfer_note_failure(user_data, failure);
    transfer_end(user_data);
}

/* ---- Uploads ---- */

static void upload_closed(pb_value *answer, pb_failure *failure, void *user_data)
{
    transfer *t = user_data;
    if (failure || !t->keepstamp || t->fd < 0) {
        transfer_ended(answer, failure, t);
        return;
    }
    double access =
        (double)t->before.st_atim.tv_sec + (double)t->before.st_atim.tv_nsec / 1e9;
    double change =
        (double)t->before.st_mtim.tv_sec + (double)t->before.st_mtim.tv_nsec / 1e9;
    transfer_call(t, "utime", pb_build(NULL, "((dd))", access, change), transfer_ended);
}

/* Reads the next block: its length; 0 at the end, or if no more may be sent. */
static size_t upload_block(transfer *t, uint8_t *block)
{
    size_t most = t->block;
    if (t->fd < 0 || t->rc || t->command->interrupted) {
        return 0;
    }
    if (t->left != NO_LIMIT && (size_t)t->left < most) {
        most = (size_t)t->left;
    }
    if (most == 0) {
        transfer_refuse(t, "Maximum filesize reached, truncating file", "");
        return 0;
    }
    ssize_t n = read(t->fd, block, most);
    if (n < 0) {
        transfer_refuse(t, "Cannot read file", "");
        return 0;
    }
    t->left -= t->left == NO_LIMIT ? 0 : n;
    return (size_t)n;
}

static void upload_on(pb_value *answer, pb_failure *failure, void *user_data)
{
    static uint8_t block[BLOCK_MAX];
    transfer *t = user_data;
    (void)answer;
    transfer_note_failure(t, failure);
    size_t n = failure ? 0 : upload_block(t, block);
    if (n > 0) {
        pb_span data = {block, n};
        transfer_call(t, "write", pb_build(NULL, "(N)", pb_bytes(data)), upload_on);
    } else if (t->directory && !failure) {
        transfer_call(t, "unpack", NULL, transfer_ended);
    } else if (t->directory) {
        transfer_end(t);
    } else {
        transfer_call(t, "close", NULL, upload_closed);
    }
}

/* ---- Downloads ---- */

static void download_on(pb_value *answer, pb_failure *failure, void *user_data);

static void download_next(transfer *t)
{
    size_t most = t->block;
    if (t->left != NO_LIMIT && (size_t)t->left < most) {
        most = (size_t)t->left;
    }
    if (most == 0) {
        transfer_refuse(t, "Maximum filesize reached, truncating file", "");
    }
    if (t->rc || t->command->interrupted) {
        transfer_call(t, "close", NULL, transfer_ended);
    } else {
        transfer_call(t, "read", pb_build(NULL, "(L)", (int64_t)most), download_on);
    }
}

static void download_write(transfer *t, pb_span block)
{
    while (block.len > 0) {
        ssize_t n = write(t->fd, block.data, block.len);
        if (n < 0 && errno != EINTR) {
            transfer_refuse(t, "Cannot write file", "");
            return;
        }
        n = n < 0 ? 0 : n;
        block = (pb_span){block.data + n, block.len - (size_t)n};
    }
}

static void download_on(pb_value *answer, pb_failure *failure, void *user_data)
{
    transfer *t = user_data;
    pb_span block = {0};
    transfer_note_failure(t, failure);
    if (!failure && pb_as_text(answer, &block) != 0) {
        transfer_refuse(t, "The master sent no bytes for file", "");
    } else if (t->left != NO_LIMIT && block.len > (size_t)t->left) {
        transfer_refuse(t, "The master sent too much for file", "");
    } else {
        t->left -= t->left == NO_LIMIT ? 0 : (int64_t)block.len;
        download_write(t, block);
    }
    if (failure || block.len == 0) {
        transfer_call(t, "close", NULL, transfer_ended);
    } else {
        download_next(t);
    }
}

/* ---- The start ---- */

/* Reads what the arguments of all three have in common. */
static transfer *transfer_new(command *c, const char *path, const char *peer,
                              pb_error *err)
{
    transfer *t = calloc(1, sizeof *t);
    double block, limit;
    if (!t) {
        refuse(err, PB_ERR_NOMEM, "out of memory");
        return NULL;
    }
    int e = command_path(c, path, "workdir", t->path, err);
    e = e ? e : command_number(c, "blocksize", 0, &block, err);
    e = e ? e : command_number(c, "maxsize", NO_LIMIT, &limit, err);
    pb_remote *file = pb_as_remote(pb_dict_get(c->args, peer));
    if (!e && !file) {
        e = refuse(err, PB_ERR_ARG, "the argument '%s' of %s is no file of the master",
                   peer, c->name);
    }
    if (!e && block < 1) {
        e = refuse(err, PB_ERR_ARG, "%s is missing args: blocksize", c->name);
    }
    if (e) {
        free(t);
        return NULL;
    }
    t->block = block < BLOCK_MAX ? (size_t)block : BLOCK_MAX;
    t->left = (int64_t)limit;
    t->peer = pb_remote_ref(file);
    t->fd = -1;
    t->command = c;
    return t;
}

static void transfer_run(transfer *t)
{
    t->command->state = t;
    t->command->interrupt = transfer_interrupt;
}

static void transfer_free(transfer *t)
{
    if (t) {
        pb_remote_unref(t->peer);
        free(t);
    }
}

int upload_file_start(command *c, pb_error *err)
{
    transfer *t = transfer_new(c, "workersrc", "writer", err);
    if (!t || command_flag(c, "keepstamp", false, &t->keepstamp, err) != 0) {
        transfer_free(t);
        return err->code;
    }
    t->fd = open(t->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (t->fd < 0 || fstat(t->fd, &t->before) != 0 || S_ISDIR(t->before.st_mode)) {
        transfer_refuse(t, "Cannot open file", " for upload");
    }
    command_header(c, "sending %s\n", t->path);
    transfer_run(t);
    upload_on(NULL, NULL, t);
    return 0;
}

int download_file_start(command *c, pb_error *err)
{
    double mode;
    transfer *t = transfer_new(c, "workerdest", "reader", err);
    if (!t || command_number(c, "mode", NO_LIMIT, &mode, err) != 0) {
        transfer_free(t);
        return err->code;
    }
    char folder[PATH_MAX];
    strcpy(folder, t->path);
    char *slash = strrchr(folder, '/');
    if (slash && slash != folder) {
        *slash = '\0';
        (void)make_folders(folder); /* if it fails, open fails */
    }
    t->fd = open(t->path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (t->fd < 0 || (mode >= 0 && fchmod(t->fd, (mode_t)((int64_t)mode & 07777)) != 0)) {
        transfer_refuse(t, "Cannot open file", " for download");
    }
    transfer_run(t);
    download_next(t);
    return 0;
}

/* The archive is complete: it is sent. */
static void archive_done(command *c, int rc)
{
    transfer *t = c->user;
    c->user = NULL;
    unlink(t->archive);
    transfer_run(t);
    if (rc != 0) {
        snprintf(t->failure, sizeof t->failure, "tar ended with status %d", rc);
        t->rc = 1;
        transfer_end(t);
        return;
    }
    (void)lseek(t->fd, 0, SEEK_SET);
    command_header(c, "sending %s\n", t->path);
    upload_on(NULL, NULL, t);
}

/* Runs tar, which writes the folder to a temporary file. */
static int archive_start(transfer *t, const char *compress, pb_error *err)
{
    strcpy(t->archive, "/tmp/buildbot-transfer-XXXXXX");
    t->fd = mkostemp(t->archive, O_CLOEXEC);
    if (t->fd < 0) {
        return refuse(err, PB_ERR_SYSTEM, "%s: %s", t->archive, strerror(errno));
    }
    const char *option = strcmp(compress, "gz") == 0    ? "-z"
                         : strcmp(compress, "bz2") == 0 ? "-j"
                                                        : "--";
    char *argv[] = {
        "tar",   "-c",           "-f", t->archive, "-C",
        t->path, (char *)option, ".",  NULL}; /* no program changes its words here */
    process_options o = {.argv = argv,
                         .folder = t->command->base,
                         .hide_environ = true,
                         .done = archive_done};
    int e = process_start(t->command, &o, err);
    if (e) {
        close(t->fd);
        unlink(t->archive);
    }
    return e;
}

int upload_directory_start(command *c, pb_error *err)
{
    const char *compress = "";
    pb_value *kind = pb_dict_get(c->args, "compress");
    if (kind && !pb_is(kind, PB_NONE) && !(compress = command_text(c, "compress", err))) {
        return err->code;
    }
    transfer *t = transfer_new(c, "workersrc", "writer", err);
    if (!t) {
        return err->code;
    }
    t->directory = true;
    c->user = t;
    int e = archive_start(t, compress, err);
    if (e) {
        c->user = NULL;
        transfer_free(t);
    }
    return e;
}

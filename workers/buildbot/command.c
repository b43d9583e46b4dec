/* SPDX-License-Identifier: MIT
 *
 * The life of a command, the same for all kinds: it is started with checked arguments,
 * tells its step updates, and ends exactly once. */
#include "workers/buildbot/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

/* The version of the commands of Buildbot 4, which tells the master what they can do. */
static const char commands_version[] = "3.3";

static const command_kind kinds[] = {
    {"shell", shell_start},
    {"uploadFile", upload_file_start},
    {"uploadDirectory", upload_directory_start},
    {"downloadFile", download_file_start},
    {"mkdir", mkdir_start},
    {"rmdir", rmdir_start},
    {"cpdir", cpdir_start},
    {"stat", stat_start},
    {"glob", glob_start},
    {"listdir", listdir_start},
    {"rmfile", rmfile_start},
};
enum { KINDS = sizeof kinds / sizeof *kinds };

pb_value *command_versions(void)
{
    pb_value *versions = pb_dict();
    for (size_t i = 0; i < KINDS; i++) {
        pb_dict_set_steal(versions, kinds[i].name, pb_str(commands_version));
    }
    return versions;
}

int refuse(pb_error *err, int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->code = code;
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return code;
}

/* ---- Start and end ---- */

static void step_lost(pb_remote *step, void *user_data)
{
    (void)step;
    command_silence(user_data);
}

static void command_free(command *c)
{
    pb_value_unref(c->args);
    free(c->folder);
    free(c->base);
    free(c);
}

static command *command_new(command_place place, pb_remote *step, const char *name,
                            pb_value *args)
{
    command *c = calloc(1, sizeof *c);
    if (!c) {
        return NULL;
    }
    c->name = name;
    c->folder = strdup(place.folder);
    c->base = strdup(place.base);
    c->args = pb_value_ref(args);
    if (!c->folder || !c->base ||
        pb_remote_notify_on_disconnect(step, step_lost, c) != 0) {
        command_free(c);
        return NULL;
    }
    c->step = pb_remote_ref(step);
    c->slot = place.slot;
    c->started = uv_hrtime();
    return c;
}

/* Forgets the step: nothing is told to it any more. */
static void command_forget_step(command *c)
{
    pb_remote *step = c->step;
    c->step = NULL;
    if (step) {
        pb_remote_dont_notify_on_disconnect(step, step_lost, c);
        pb_remote_unref(step);
    }
}

static void command_leave_slot(command *c)
{
    if (c->slot) {
        *c->slot = NULL;
        c->slot = NULL;
    }
}

int command_start(command_place place, pb_remote *step, const char *name, pb_value *args,
                  pb_error *err)
{
    size_t i = 0;
    while (i < KINDS && strcmp(kinds[i].name, name) != 0) {
        i++;
    }
    if (i == KINDS) {
        return refuse(err, PB_ERR_ARG, "unrecognized WorkerCommand '%.100s'", name);
    }
    if (pb_value_kind(args) != PB_DICT) {
        return refuse(err, PB_ERR_TYPE, "the arguments of %s are no dict", name);
    }
    command *c = command_new(place, step, kinds[i].name, args);
    if (!c) {
        return refuse(err, PB_ERR_NOMEM, "out of memory");
    }
    *place.slot = c;
    int e = kinds[i].start(c, err);
    if (e) {
        command_leave_slot(c);
        command_forget_step(c);
        command_free(c);
    }
    return e;
}

void command_interrupt(command *c)
{
    c->interrupted = true;
    if (c->interrupt) {
        c->interrupt(c);
    }
}

void command_silence(command *c)
{
    command_forget_step(c);
    command_leave_slot(c);
    command_interrupt(c);
}

/* Takes failure. */
static void command_end(command *c, pb_value *failure)
{
    double seconds = (double)(uv_hrtime() - c->started) / 1e9;
    command_update(c, "elapsed", pb_float(seconds), NULL, NULL);
    pb_value *args = pb_build(NULL, "(O)", failure);
    if (c->step) {
        (void)pb_remote_call_values(c->step, "complete", args, NULL, NULL, NULL, NULL,
                                    NULL, NULL);
    }
    pb_value_unref(args);
    pb_value_unref(failure);
    command_forget_step(c);
    command_leave_slot(c);
    command_free(c);
}

void command_complete(command *c)
{
    command_end(c, pb_none());
}

void command_fail(command *c, const char *type, const char *text)
{
    pb_failure *failure = pb_failure_new(type, text, NULL);
    command_end(c, pb_failure_to_value(failure));
    pb_failure_unref(failure);
}

/* ---- Updates ---- */

bool command_update(command *c, const char *key, pb_value *value, pb_answer_cb cb,
                    void *user_data)
{
    if (!c->step) {
        pb_value_unref(value);
        return false;
    }
    /* the 0 is a number that masters expect, and do not use */
    return pb_remote_call(c->step, "update", cb, user_data, NULL, "[[{s:N}i]]", key,
                          value, 0) == 0;
}

static void command_line(command *c, const char *key, const char *format, va_list args)
{
    char *text = NULL;
    int len = vasprintf(&text, format, args);
    if (len >= 0) {
        command_update(c, key, text_value(text, (size_t)len), NULL, NULL);
        free(text);
    }
}

void command_header(command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    command_line(c, "header", format, args);
    va_end(args);
}

void command_stderr(command *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    command_line(c, "stderr", format, args);
    va_end(args);
}

void command_rc(command *c, int64_t rc)
{
    command_update(c, "rc", pb_int(rc), NULL, NULL);
}

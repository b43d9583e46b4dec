/* SPDX-License-Identifier: MIT
 *
 * One command of a master: its arguments, its updates to the step of the master, and its
 * end. shell.c, filesystem.c and transfer.c implement the commands; bot.c starts them. */
#ifndef BUILDBOT_COMMAND_H
#define BUILDBOT_COMMAND_H

#include <limits.h>
#include <pb/pb.h>

typedef struct command command;

/* A command that the master may start. */
typedef struct {
    const char *name;
    /* Checks the arguments, and starts. 0: command_complete or command_fail will be
     * called once, or has been. Otherwise nothing was started, and err says why. */
    int (*start)(command *c, pb_error *err);
} command_kind;

struct command {
    const char *name;
    char *folder; /* of the builder, absolute */
    char *base;   /* of the worker, absolute */
    pb_value *args;
    pb_remote *step; /* NULL: the command is silenced */
    command **slot;  /* where the builder holds its running command; NULL: nowhere */
    uint64_t started;
    bool interrupted;
    /* Ends what runs, soon. NULL: it cannot be interrupted. */
    void (*interrupt)(command *c);
    void *state; /* of what runs, which frees it before the command ends */
    void *user;  /* of the implementation that runs a program: the same */
};

/* Where a command runs. Strings are copied. */
typedef struct {
    const char *base, *folder;
    command **slot;
} command_place;

/* Starts a command, and stores it in *place.slot until it ends. Returns 0, or an error
 * code with a text. */
int command_start(command_place place, pb_remote *step, const char *name, pb_value *args,
                  pb_error *err);
/* Interrupts a command, which ends soon after that. */
void command_interrupt(command *c);
/* Interrupts a command, and drops what it still has to tell the master. Its slot is
 * empty afterwards. */
void command_silence(command *c);
/* The names of all commands with their version: a *new* dict. */
pb_value *command_versions(void);

/* ---- For the implementations ---- */

/* Tells the step {key: value}; takes value. cb may be NULL; it runs if true is
 * returned. */
bool command_update(command *c, const char *key, pb_value *value, pb_answer_cb cb,
                    void *user_data);
/* Tells the step a line of the header, made as by printf. */
void command_header(command *c, const char *format, ...) PB_PRINTF(2, 3);
/* Tells the step a line of the standard error. */
void command_stderr(command *c, const char *format, ...) PB_PRINTF(2, 3);
/* Tells the step the exit status of the command. */
void command_rc(command *c, int64_t rc);
/* Tells that the command has ended, and frees it. */
void command_complete(command *c);
/* The same, with an exception, after which the step of the master is an EXCEPTION. */
void command_fail(command *c, const char *type, const char *text);

/* ---- Arguments. An absent one and None are the same. ---- */

/* A text: NULL with err if it is absent or no text. Borrowed. */
const char *command_text(const command *c, const char *key, pb_error *err);
/* A number of at least 0; `absent` if there is none. */
int command_number(const command *c, const char *key, double absent, double *out,
                   pb_error *err);
/* A boolean, or an int as one. */
int command_flag(const command *c, const char *key, bool absent, bool *out,
                 pb_error *err);
/* The path of name in a folder (an absolute name is a path itself); PB_ERR_LIMIT. */
int path_join(char out[PATH_MAX], const char *folder, const char *name, pb_error *err);
/* The path of an argument in the folder of the builder, and in its folder workdir if
 * that is given. "~" at the beginning is the home folder. */
int command_path(const command *c, const char *key, const char *workdir,
                 char out[PATH_MAX], pb_error *err);
/* Makes a folder and those above it; 0 or an error number. */
int make_folders(const char *path);
/* Text as UTF-8: a *new* str, in which what is not UTF-8 is U+FFFD. */
pb_value *text_value(const char *text, size_t len);
/* Fills err with a code and a text; returns the code. */
int refuse(pb_error *err, int code, const char *format, ...) PB_PRINTF(3, 4);

/* ---- The implementations ---- */

int shell_start(command *c, pb_error *err);
int upload_file_start(command *c, pb_error *err);
int upload_directory_start(command *c, pb_error *err);
int download_file_start(command *c, pb_error *err);
int mkdir_start(command *c, pb_error *err);
int rmdir_start(command *c, pb_error *err);
int cpdir_start(command *c, pb_error *err);
int stat_start(command *c, pb_error *err);
int glob_start(command *c, pb_error *err);
int listdir_start(command *c, pb_error *err);
int rmfile_start(command *c, pb_error *err);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Each update is answered before the next piece is read, so that neither a program that
 * prints without end nor a large file fills the memory of either side. */
#include "examples/buildbot_command.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

enum { STREAMS = 2, TEXT_MAX = 64 << 10, BLOCK_MAX = 512 << 10, WORDS_MAX = 1000 };

/* What a program prints, up to where a line ends. */
struct stream {
    uv_pipe_t pipe;
    command *command;
    const char *name;
    size_t len;
    char text[TEXT_MAX];
};

struct command {
    struct place place;
    pb_remote *step;
    int rc;
    int users; /* callbacks to come, and one as long as it runs */
    uv_process_t process;
    struct stream streams[STREAMS];
    int handles; /* that are open: the process and its streams */
    pb_remote *file_there;
    int file_here;
    int64_t block, left; /* bytes to be read at once, and in all; left < 0: no end */
};

static void release(command *c)
{
    if (--c->users == 0) {
        pb_remote_unref(c->step);
        pb_remote_unref(c->file_there);
        pb_object_unref(c->place.owner);
        free(c);
    }
}

/* ---- What the step is told ---- */

static void told(pb_value *answer, pb_failure *failure, void *user_data)
{
    (void)answer;
    (void)failure; /* the connection is gone: on_lost has seen to it */
    release(user_data);
}

/* Gives the step [[{key: value}, 0]]; whether cb will run. Takes value. */
static bool update(command *c, pb_answer_cb cb, void *user_data, const char *key,
                   pb_value *value)
{
    bool sent = pb_remote_call(c->step, "update", cb, user_data, NULL, "[[{s:N}i]]", key,
                               value, 0) == 0;
    c->users += sent;
    return sent;
}

static void say(command *c, const char *key, const char *what, const char *why)
{
    char line[PATH_MAX + 200];
    snprintf(line, sizeof line, "%s: %s\n", what, why);
    update(c, told, c, key, pb_str(line));
}

static void on_lost(pb_remote *step, void *user_data)
{
    (void)step;
    command_interrupt(user_data);
}

static void complete(command *c)
{
    update(c, told, c, "rc", pb_int(c->rc));
    pb_remote_dont_notify_on_disconnect(c->step, on_lost, c);
    c->users += pb_remote_call(c->step, "complete", told, c, NULL, "z", NULL) == 0;
    *c->place.command = NULL;
    release(c);
}

static void fail(command *c, const char *what, const char *why)
{
    say(c, "stderr", what, why);
    c->rc = 1;
}

/* ---- Files and folders ---- */

static const char *text_of(pb_value *args, const char *key)
{
    const char *text = "";
    (void)pb_unpack(args, NULL, "{s?s}", key, &text);
    return text;
}

/* The path of a name in the working folder of the step; both folders are made. */
static bool place_path(const command *c, pb_value *args, const char *name,
                       char path[PATH_MAX])
{
    int n = snprintf(path, PATH_MAX, "%s/%s/%s", c->place.folder,
                     text_of(args, "workdir"), name);
    for (char *p = path + 1; n < PATH_MAX && (p = strchr(p, '/')); p++) {
        *p = '\0';
        (void)mkdir(path, 0777); /* what lacks will be seen when it is used */
        *p = '/';
    }
    return n < PATH_MAX;
}

/* ---- shell: runs a program ---- */

static void on_closed(uv_handle_t *handle)
{
    command *c = handle->data;
    if (--c->handles == 0) {
        complete(c);
    }
}

/* Text as UTF-8; what is none, with question marks. */
static pb_value *text_value(char *text, size_t len)
{
    pb_span span = {(uint8_t *)text, len};
    pb_value *v = pb_strn(span, NULL);
    for (size_t i = 0; !v && i < len; i++) {
        text[i] = (signed char)text[i] < 0 ? '?' : text[i];
    }
    return v ? v : pb_strn(span, NULL);
}

static void read_on(struct stream *s);

static void stream_told(pb_value *answer, pb_failure *failure, void *user_data)
{
    struct stream *s = user_data;
    if (!uv_is_closing((uv_handle_t *)&s->pipe)) {
        read_on(s);
    }
    told(answer, failure, s->command);
}

/* Sends what there is up to byte n, and reads on when it has arrived. */
static void send_text(struct stream *s, size_t n)
{
    uv_read_stop((uv_stream_t *)&s->pipe);
    bool sent = update(s->command, stream_told, s, s->name, text_value(s->text, n));
    s->len -= n;
    memmove(s->text, s->text + n, s->len);
    if (!sent) {
        read_on(s); /* nobody is there to hear it */
    }
}

static void on_room(uv_handle_t *handle, size_t wanted, uv_buf_t *buf)
{
    struct stream *s = (struct stream *)handle;
    (void)wanted;
    *buf = uv_buf_init(s->text + s->len, (unsigned)(sizeof s->text - 1 - s->len));
}

static void on_text(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
    struct stream *s = (struct stream *)pipe;
    (void)buf;
    if (n < 0) {
        if (s->len) {
            s->text[s->len++] = '\n';
            update(s->command, told, s->command, s->name, text_value(s->text, s->len));
        }
        uv_close((uv_handle_t *)pipe, on_closed);
        return;
    }
    s->len += (size_t)n;
    size_t end = s->len;
    while (end > 0 && s->text[end - 1] != '\n') {
        end--;
    }
    if (end == 0 && s->len == sizeof s->text - 1) { /* a line that is too long is cut */
        s->text[s->len++] = '\n';
        end = s->len;
    }
    if (end > 0) {
        send_text(s, end);
    }
}

static void read_on(struct stream *s)
{
    uv_read_start((uv_stream_t *)&s->pipe, on_room, on_text);
}

static void on_end(uv_process_t *process, int64_t status, int signal)
{
    command *c = process->data;
    c->rc = signal ? -1 : (int)status;
    if (signal) {
        say(c, "header", "process killed by signal", strsignal(signal));
    }
    uv_close((uv_handle_t *)process, on_closed);
}

/* What a program is run by: the words of env(1), then its own. */
struct words {
    char *list[WORDS_MAX + 1];
    size_t n;
    char settings[128 << 10];
    size_t used;
};

static bool add_word(struct words *w, const char *word)
{
    bool room = w->n < WORDS_MAX;
    if (room) {
        w->list[w->n++] = (char *)word; /* uv_spawn changes none */
    }
    return room;
}

/* One change of the environment: a text is set, and None takes the name out. */
static bool add_setting(struct words *w, pb_value *name, pb_value *value, bool out)
{
    const char *key, *text = "";
    bool set = pb_value_kind(value) != PB_NONE;
    if (set == out) {
        return true;
    }
    if (pb_unpack(name, NULL, "s", &key) != 0 ||
        (set && pb_unpack(value, NULL, "s", &text) != 0)) {
        return false;
    }
    char *at = w->settings + w->used;
    size_t room = sizeof w->settings - w->used;
    int len = snprintf(at, room, set ? "%s=%s" : "--unset=%s%s", key, text);
    w->used += (size_t)len + 1;
    return (size_t)len < room && add_word(w, at);
}

/* The words, some of them borrowed from args; false if they are too many, or no texts. */
static bool make_words(struct words *w, pb_value *args)
{
    pb_value *name, *value, *line = pb_dict_get(args, "command");
    const char *text;
    bool good = add_word(w, "env");
    for (int out = 1; out >= 0; out--) { /* env takes its options first */
        size_t pos = 0;
        while (good && pb_dict_next(pb_dict_get(args, "env"), &pos, &name, &value)) {
            good = add_setting(w, name, value, out);
        }
    }
    if (pb_unpack(line, NULL, "s", &text) == 0) {
        good = good && add_word(w, "/bin/sh") && add_word(w, "-c") && add_word(w, text);
    }
    for (size_t i = 0; good && (value = pb_item(line, i)); i++) {
        good = pb_unpack(value, NULL, "s", &text) == 0 && add_word(w, text);
    }
    w->list[w->n] = NULL;
    return good;
}

static void run_shell(command *c, pb_value *args)
{
    static const char *const names[STREAMS] = {"stdout", "stderr"};
    char folder[PATH_MAX];
    struct words words = {.n = 0};
    uv_stdio_container_t stdio[1 + STREAMS] = {{.flags = UV_IGNORE}};
    if (!place_path(c, args, "", folder) || !make_words(&words, args)) {
        fail(c, "the command cannot be run", "it is too long, or no list of texts");
        complete(c);
        return;
    }
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &c->streams[i];
        s->command = c;
        s->name = names[i];
        uv_pipe_init(uv_default_loop(), &s->pipe, 0);
        s->pipe.data = c;
        stdio[1 + i].flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE;
        stdio[1 + i].data.stream = (uv_stream_t *)&s->pipe;
    }
    uv_process_options_t options = {.exit_cb = on_end,
                                    .file = words.list[0],
                                    .args = words.list,
                                    .cwd = folder,
                                    .flags = UV_PROCESS_DETACHED,
                                    .stdio_count = 1 + STREAMS,
                                    .stdio = stdio};
    c->process.data = c;
    c->handles = 1 + STREAMS;
    say(c, "header", "in folder", folder);
    int e = uv_spawn(uv_default_loop(), &c->process, &options);
    if (e) {
        fail(c, folder, uv_strerror(e));
        uv_close((uv_handle_t *)&c->process, on_closed);
    }
    for (int i = 0; i < STREAMS; i++) {
        if (e) {
            uv_close((uv_handle_t *)&c->streams[i].pipe, on_closed);
        } else {
            read_on(&c->streams[i]);
        }
    }
}

void command_interrupt(command *c)
{
    if (c->handles && uv_is_active((uv_handle_t *)&c->process)) {
        (void)uv_kill(-c->process.pid, SIGKILL); /* and all that it has started */
    }
}

/* ---- uploadFile and downloadFile ---- */

static void end_file(command *c)
{
    close(c->file_here);
    complete(c);
}

/* Calls the file on the master's side; the command ends if that is gone. */
static void call_file(command *c, pb_answer_cb cb, const char *method, pb_value *arg)
{
    pb_value *args = arg ? pb_build(NULL, "(N)", arg) : NULL;
    if (pb_remote_call_values(c->file_there, method, args, NULL, NULL, cb, c, NULL,
                              NULL) == 0) {
        c->users++;
    } else {
        end_file(c);
    }
    pb_value_unref(args);
}

static void file_closed(pb_value *answer, pb_failure *failure, void *user_data)
{
    command *c = user_data;
    (void)answer;
    if (failure) {
        fail(c, "close", pb_failure_text(failure));
    }
    end_file(c);
    release(c);
}

static void upload_on(pb_value *answer, pb_failure *failure, void *user_data)
{
    static uint8_t block[BLOCK_MAX];
    command *c = user_data;
    (void)answer;
    ssize_t n = failure ? 0 : read(c->file_here, block, (size_t)c->block);
    if (failure || n < 0) {
        fail(c, "write", failure ? pb_failure_text(failure) : strerror(errno));
    } else if (c->left >= 0 && n > c->left) {
        fail(c, "read", "maximum filesize reached, truncating file");
        n = (ssize_t)c->left;
    }
    c->left -= c->left >= 0 ? n : 0;
    if (n > 0) {
        call_file(c, upload_on, "write", pb_bytes((pb_span){block, (size_t)n}));
    } else {
        call_file(c, file_closed, "close", NULL);
    }
    release(c);
}

static void download_on(pb_value *answer, pb_failure *failure, void *user_data);

static void ask_for_block(command *c)
{
    int64_t n = c->left >= 0 && c->left < c->block ? c->left : c->block;
    call_file(c, download_on, "read", pb_int(n));
}

static void download_on(pb_value *answer, pb_failure *failure, void *user_data)
{
    command *c = user_data;
    pb_span block = {0};
    if (failure || pb_as_text(answer, &block) != 0) {
        fail(c, "read", failure ? pb_failure_text(failure) : "no bytes came");
        block.len = 0;
    }
    c->left -= c->left >= 0 ? (int64_t)block.len : 0;
    while (block.len > 0) {
        ssize_t n = write(c->file_here, block.data, block.len);
        if (n < 0) {
            fail(c, "write", strerror(errno));
            break;
        }
        block = (pb_span){block.data + n, block.len - (size_t)n};
    }
    if (failure || c->rc || c->left == 0 || pb_len(answer) == 0) {
        call_file(c, file_closed, "close", NULL);
    } else {
        ask_for_block(c);
    }
    release(c);
}

/* Opens the file here, and finds the one there. */
static bool open_files(command *c, pb_value *args, const char *here, const char *there,
                       int flags)
{
    char path[PATH_MAX];
    int mode = 0666;
    c->file_there = pb_remote_ref(pb_as_remote(pb_dict_get(args, there)));
    c->left = -1;
    (void)pb_unpack(args, NULL, "{s?L}", "maxsize", &c->left);
    (void)pb_unpack(args, NULL, "{s?L}", "blocksize", &c->block);
    (void)pb_unpack(args, NULL, "{s?i}", "mode", &mode);
    c->block = c->block > 0 && c->block < BLOCK_MAX ? c->block : BLOCK_MAX;
    bool good = c->file_there && place_path(c, args, text_of(args, here), path);
    c->file_here = good ? open(path, flags, mode) : -1;
    if (c->file_here < 0) {
        fail(c, good ? path : here,
             good ? strerror(errno) : "it is missing, or too long");
    }
    return c->file_here >= 0;
}

static void run_upload(command *c, pb_value *args)
{
    if (open_files(c, args, "workersrc", "writer", O_RDONLY)) {
        c->users++;
        upload_on(NULL, NULL, c);
    } else {
        complete(c);
    }
}

static void run_download(command *c, pb_value *args)
{
    if (open_files(c, args, "workerdest", "reader", O_WRONLY | O_CREAT | O_TRUNC)) {
        ask_for_block(c);
    } else {
        complete(c);
    }
}

/* ---- All of them ---- */

static const struct {
    const char *name;
    void (*run)(command *c, pb_value *args);
} commands[] = {
    {"shell", run_shell},
    {"uploadFile", run_upload},
    {"downloadFile", run_download},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

bool command_start(struct place place, pb_remote *step, const char *name, pb_value *args)
{
    for (size_t i = 0; i < COMMANDS; i++) {
        if (strcmp(name, commands[i].name) == 0) {
            command *c = calloc(1, sizeof *c);
            if (!c) {
                return false;
            }
            c->place = place;
            c->users = 1;
            c->step = pb_remote_ref(step);
            pb_object_ref(place.owner);
            *place.command = c;
            (void)pb_remote_notify_on_disconnect(step, on_lost, c);
            commands[i].run(c, args);
            return true;
        }
    }
    return false;
}

pb_value *command_versions(void)
{
    pb_value *versions = pb_dict();
    for (size_t i = 0; i < COMMANDS; i++) {
        pb_dict_set_value_steal(versions, pb_str(commands[i].name), pb_str("3.1"));
    }
    return versions;
}

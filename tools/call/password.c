/* SPDX-License-Identifier: MIT
 *
 * Reads the password: typed at the terminal, the first line of a file, or the variable
 * PB_PASSWORD. */
#include "tools/call/password.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "tools/common/command.h"

/* Ends a line that was read before its newline; returns its length. */
static size_t line_end(const char *line, ssize_t got)
{
    size_t len = got > 0 ? (size_t)got : 0;
    return len - (len && line[len - 1] == '\n');
}

/* Reads the first line of a file, *new* (free) in *line with its length, without the
 * newline. */
static int password_file_read(const char *path, char **line, size_t *len)
{
    FILE *f = tool_open_passwords(path);
    size_t size = 0;
    if (!f) {
        return TOOL_USAGE;
    }
    int status = TOOL_DONE;
    ssize_t got = getline(line, &size, f);
    if (got < 0 && !feof(f)) {
        tool_error("%s: %s", path, strerror(errno));
        status = TOOL_USAGE;
    }
    *len = line_end(*line, got);
    if (f != stdin) {
        fclose(f);
    }
    return status;
}

/* Asks for the password at the terminal of this process, whatever standard input is. */
static int password_prompt(const struct client_options *o, char **line, size_t *len)
{
    struct termios shown, hidden;
    FILE *in = fopen("/dev/tty", "r"), *out = fopen("/dev/tty", "w");
    int status = in && out && tcgetattr(fileno(in), &shown) == 0 ? TOOL_DONE : TOOL_USAGE;
    if (status == TOOL_DONE) {
        size_t size = 0;
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(fileno(in), TCSAFLUSH, &hidden);
        tool_print(out, "Password of %s: ", o->credentials.username);
        fflush(out);
        ssize_t got = getline(line, &size, in);
        *len = line_end(*line, got);
        tcsetattr(fileno(in), TCSAFLUSH, &shown);
        fputs("\n", out);
    } else {
        tool_error("cannot ask for the password: there is no terminal");
    }
    if (in) {
        fclose(in);
    }
    if (out) {
        fclose(out);
    }
    return status;
}

int client_read_password(struct client_options *o)
{
    const char *given = getenv("PB_PASSWORD");
    size_t *len = &o->credentials.password_len;
    int status = TOOL_DONE;
    if (!o->log_in || o->credentials.anonymous) {
        return TOOL_DONE;
    }
    if (o->password_prompt) {
        status = password_prompt(o, &o->password, len);
    } else if (o->password_file) {
        status = password_file_read(o->password_file, &o->password, len);
    } else if (!o->password && given) {
        *len = strlen(given);
        o->password = tool_copy_text(given, *len);
        status = o->password ? TOOL_DONE : tool_nomem();
    } else if (!o->password && isatty(STDIN_FILENO) && isatty(STDERR_FILENO)) {
        status = password_prompt(o, &o->password, len);
    } else if (!o->password) {
        tool_error("--login needs a password: --password, --password-file, or "
                   "PB_PASSWORD in the environment");
        status = TOOL_USAGE;
    }
    o->credentials.password = *len ? o->password : "";
    return status;
}

/* SPDX-License-Identifier: MIT
 *
 * The checker that reads a file of users, at each login: the only part of the login that
 * does input. Mirrors twisted.cred.checkers.FilePasswordDB. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/base/system.h"
#include "libpb/broker/login.h"
#include "libpb/broker/log.h"
#include "pb/files.h"

struct file {
    pb_password_file config; /* its texts are stored behind it */
    char texts[];
};

/* Field n of a line; data is NULL if there are fewer. */
static pb_span password_field(pb_span line, const char *delimiter, size_t n)
{
    size_t width = strlen(delimiter);
    for (;;) {
        const uint8_t *end =
            line.len ? memmem(line.data, line.len, delimiter, width) : NULL;
        if (n-- == 0) {
            return end ? (pb_span){line.data, (size_t)(end - line.data)} : line;
        }
        if (!end) {
            return (pb_span){0};
        }
        end += width;
        line = (pb_span){end, line.len - (size_t)(end - line.data)};
    }
}

/* As Python's bytes.rstrip. */
static pb_span password_strip(pb_span line)
{
    while (line.len &&
           (line.data[line.len - 1] == ' ' ||
            (line.data[line.len - 1] >= 9 && line.data[line.len - 1] <= 13))) {
        line.len--;
    }
    return line;
}

/* Reads one line of any length into out. 1; 0 at the end of the file; or an error. */
static int password_read_line(FILE *f, struct pb__buf *out)
{
    int c;
    out->len = 0;
    while ((c = getc(f)) != EOF) {
        uint8_t byte = (uint8_t)c;
        if (pb__buf_append(out, &byte, 1) != 0) {
            return PB_ERR_NOMEM;
        }
        if (c == '\n') {
            return 1;
        }
    }
    return out->len > 0;
}

/* As Python's bytes.lower. */
static void password_lower(uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s[i] = (uint8_t)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    }
}

/* Finds the password for a name: a span of `line`. 1; 0 if the file does not have the
 * name; or an error. */
static int password_find(const pb_password_file *c, FILE *f, pb_span name,
                         struct pb__buf *line, pb_span *password)
{
    int got;
    while ((got = password_read_line(f, line)) == 1) {
        pb_span whole = password_strip((pb_span){line->data, line->len});
        pb_span user = password_field(whole, c->delimiter, c->username_field);
        *password = password_field(whole, c->delimiter, c->password_field);
        if (!user.data || !password->data) {
            continue;
        }
        if (c->ignore_case) {
            password_lower(line->data + (user.data - line->data), user.len);
        }
        if (user.len == name.len &&
            (user.len == 0 || memcmp(user.data, name.data, user.len) == 0)) {
            return 1;
        }
    }
    return got;
}

static int password_digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool password_is_right(const pb_password_file *c, const pb_attempt *a,
                              pb_span password)
{
    if (!c->md5) {
        return pb_attempt_check_password(a, password);
    }
    uint8_t md5[PB_MD5_LEN];
    for (size_t i = 0; i < PB_MD5_LEN; i++) {
        int high =
            password.len == 2 * PB_MD5_LEN ? password_digit(password.data[2 * i]) : -1;
        int low = high < 0 ? -1 : password_digit(password.data[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        md5[i] = (uint8_t)(high << 4 | low);
    }
    return pb_attempt_check_md5(a, md5);
}

/* Looks up the name in the current file. If that fails, the login fails as for an unknown
 * user. */
static int password_look_up(const pb_attempt *a, const pb_password_file *c, pb_span name,
                            struct pb__buf *line, pb_span *password)
{
    FILE *f = fopen(c->path, "rbe");
    if (!f) {
        pb__log(pb_attempt_session(a), PB_LOG_ERROR,
                "Unable to load credentials db: %s: %s", c->path, strerror(errno));
        return 0;
    }
    char buffer[4096];
    setvbuf(f, buffer, _IOFBF, sizeof buffer);
    int found = password_find(c, f, name, line, password);
    fclose(f);
    pb__wipe(buffer, sizeof buffer);
    return found;
}

static int password_check(pb_attempt *a, void *user_data)
{
    const pb_password_file *c = &((struct file *)user_data)->config;
    struct pb__buf name = {0}, line = {0};
    pb_span asked = pb_attempt_username(a);
    pb_span password;
    if (!asked.data) {
        return pb_attempt_refuse(a);
    }
    if (pb__buf_append(&name, asked.data, asked.len) != 0) {
        return PB_ERR_NOMEM;
    }
    if (c->ignore_case) {
        password_lower(name.data, name.len);
    }
    asked = (pb_span){name.data, name.len};
    int found = password_look_up(a, c, asked, &line, &password);
    int result = found < 0 ? found
                 : found && password_is_right(c, a, password)
                     ? pb_attempt_accept(a, asked)
                     : pb_attempt_refuse(a);
    pb__buf_fini(&name);
    if (line.data) {
        pb__wipe(line.data, line.cap);
    }
    pb__buf_fini(&line);
    return result;
}

static void password_file_destroy(void *user_data)
{
    pb__free(user_data);
}

int pb_portal_set_password_file(pb_portal *p, const pb_password_file *f)
{
    if (!p || !f || !f->path) {
        return PB_ERR_ARG;
    }
    const char *delimiter = f->delimiter && *f->delimiter ? f->delimiter : ":";
    size_t path = strlen(f->path) + 1, width = strlen(delimiter) + 1;
    struct file *own = pb__malloc(sizeof *own + path + width);
    if (!own) {
        return PB_ERR_NOMEM;
    }
    own->config = *f;
    own->config.path = memcpy(own->texts, f->path, path);
    own->config.delimiter = memcpy(own->texts + path, delimiter, width);
    if (!f->password_field) {
        own->config.password_field = f->username_field + 1;
    }
    pb__portal_set_checker(
        p, &(struct pb__checker){password_check, password_file_destroy, own});
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * The ready-made checkers: a table in memory, a file, everybody. Mirrors
 * twisted.cred.checkers. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "libpb/base/buf.h"
#include "libpb/broker/login.h"
#include "pb/value.h"

int pb__check_anybody(pb_attempt *a, void *user_data)
{
    (void)user_data;
    return pb_attempt_accept(a, (pb_span){0});
}

void pb__checker_fini(struct pb__checker *c)
{
    if (c->destroy) {
        c->destroy(c->user_data);
    }
    *c = (struct pb__checker){0};
}

/* ---- A table: a dict of bytes ---- */

static int check_table(pb_attempt *a, void *user_data)
{
    pb_span name = pb_attempt_username(a);
    pb_value *key = pb_bytes(name);
    if (!key) {
        return PB_ERR_NOMEM;
    }
    pb_value *found = pb_dict_get_value(user_data, key);
    pb_value_unref(key);
    pb_span password;
    return found && pb_as_bytes(found, &password) == 0 &&
                   pb_attempt_check_password(a, password)
               ? pb_attempt_accept(a, name)
               : pb_attempt_refuse(a);
}

static void destroy_table(void *user_data)
{
    pb_value_unref(user_data);
}

bool pb__checker_table(struct pb__checker *c)
{
    *c = (struct pb__checker){check_table, destroy_table, pb_dict()};
    if (!c->user_data) {
        *c = (struct pb__checker){0};
    }
    return c->check;
}

bool pb__checker_is_table(const struct pb__checker *c)
{
    return c->check == check_table;
}

int pb__checker_table_add(struct pb__checker *c, pb_span username, pb_span password)
{
    pb_value *key = pb_bytes(username), *value = pb_bytes(password);
    if (!key || !value) {
        pb_value_unref(key);
        pb_value_unref(value);
        return PB_ERR_NOMEM;
    }
    return pb_dict_set_steal(c->user_data, key, value);
}

/* ---- A file ---- */

struct file {
    pb_password_file config; /* its texts lie behind */
    char texts[];
};

/* Field n of a line, by the delimiter; data NULL where there are not so many. */
static pb_span field(pb_span line, const char *delimiter, size_t n)
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

/* bytes.rstrip. */
static pb_span strip(pb_span line)
{
    while (line.len &&
           (line.data[line.len - 1] == ' ' ||
            (line.data[line.len - 1] >= 9 && line.data[line.len - 1] <= 13))) {
        line.len--;
    }
    return line;
}

/* Reads one line into out, without bound but that of memory: 1, 0 at the end. */
static int read_line(FILE *f, struct pb__buf *out)
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

/* bytes.lower. */
static void lower(uint8_t *s, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        s[i] = (uint8_t)(s[i] >= 'A' && s[i] <= 'Z' ? s[i] + 32 : s[i]);
    }
}

/* The password of a name, a span of `line`: 1, or 0 if the file has no such name. */
static int find(const pb_password_file *c, FILE *f, pb_span name, struct pb__buf *line,
                pb_span *password)
{
    int got;
    while ((got = read_line(f, line)) == 1) {
        pb_span whole = strip((pb_span){line->data, line->len});
        pb_span user = field(whole, c->delimiter, c->username_field);
        *password = field(whole, c->delimiter, c->password_field);
        if (!user.data || !password->data) {
            continue;
        }
        if (c->ignore_case) {
            lower(line->data + (user.data - line->data), user.len);
        }
        if (user.len == name.len &&
            (user.len == 0 || memcmp(user.data, name.data, user.len) == 0)) {
            return 1;
        }
    }
    return got;
}

static int digit(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool is_right(const pb_password_file *c, const pb_attempt *a, pb_span password)
{
    if (!c->md5) {
        return pb_attempt_check_password(a, password);
    }
    uint8_t md5[PB_MD5_LEN];
    for (size_t i = 0; i < PB_MD5_LEN; i++) {
        int high = password.len == 2 * PB_MD5_LEN ? digit(password.data[2 * i]) : -1;
        int low = high < 0 ? -1 : digit(password.data[2 * i + 1]);
        if (low < 0) {
            return false;
        }
        md5[i] = (uint8_t)(high << 4 | low);
    }
    return pb_attempt_check_md5(a, md5);
}

static int check_file(pb_attempt *a, void *user_data)
{
    const pb_password_file *c = &((struct file *)user_data)->config;
    struct pb__buf name = {0}, line = {0};
    pb_span asked = pb_attempt_username(a);
    pb_span password;
    if (pb__buf_append(&name, asked.data, asked.len) != 0) {
        return PB_ERR_NOMEM;
    }
    if (c->ignore_case) {
        lower(name.data, name.len);
    }
    asked = (pb_span){name.data, name.len};
    FILE *f = fopen(c->path, "rbe");
    int found = f ? find(c, f, asked, &line, &password) : 0;
    if (f) {
        fclose(f);
    }
    int result = found < 0                           ? found
                 : found && is_right(c, a, password) ? pb_attempt_accept(a, asked)
                                                     : pb_attempt_refuse(a);
    pb__buf_fini(&name);
    pb__buf_fini(&line);
    return result;
}

static void destroy_file(void *user_data)
{
    pb__free(user_data);
}

int pb__checker_file(struct pb__checker *c, const pb_password_file *f)
{
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
    *c = (struct pb__checker){check_file, destroy_file, own};
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Logins by a file of users, which Twisted's FilePasswordDB reads in the same way. */
#include <unistd.h>

#include "libpb/broker/tests/users.h"
#include "pb/files.h"

/* A file with the text, which the caller removes; valid until the next one. */
static const char *file_of(const char *text)
{
    static char path[32];
    strcpy(path, "/tmp/pb-users-XXXXXX");
    int fd = mkstemp(path);
    cr_assert_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
    return path;
}

static void logged(pb_session *s, pb_log_level level, const char *text, void *user_data)
{
    (void)s;
    if (level == PB_LOG_ERROR) {
        note(user_data, "%s", text);
    }
}

/* Whether the login gives an avatar. What the avatar calls itself, and what was logged,
 * is in p->log. */
static bool lets_in(struct pair *p, const pb_password_file *file, const char *name,
                    const char *password)
{
    struct service v;
    struct client client = {p, NULL};
    *p = (struct pair){0};
    cr_assert(
        open_service_with(p, &v, true, false, (pb_session_config){.on_log = logged}));
    cr_assert_eq(pb_portal_set_password_file(v.portal, file), 0);
    cr_assert_eq(pb_portal_add_user(v.portal, SPAN("a"), SPAN("b")), PB_ERR_STATE);
    log_in(&client, name, password);
    talk(p);
    bool in = client.avatar != NULL;
    give_back(&client);
    close_service(p, &v);
    return in;
}

struct file_case {
    pb_password_file file;
    const char *name, *password;
    bool right;
};

PB_TEST(password_file, is_read_as_twisted_reads_it)
{
    const char *path =
        file_of("alice:sesame\r\nbob:two words : x \nshort\n\n:empty\nAlice:second\n"
                "alice:third\n7;9;dave;fifth\nerin::after\nfred:last\t\v");
    const struct file_case cases[] = {
        {{.path = path}, "alice", "sesame", true},
        {{.path = path}, "alice", "third", false},
        {{.path = path}, "ALICE", "sesame", false},
        {{.path = path}, "bob", "two words ", true},
        {{.path = path}, "bob", "two words", false},
        {{.path = path}, "short", "", false},
        {{.path = path}, "", "empty", true},
        {{.path = path}, "", "", false},
        {{.path = path}, "Alice", "second", true},
        {{.path = path}, "erin", "", true},
        {{.path = path}, "fred", "last", true},
        {{.path = path, .delimiter = "::"}, "erin", "after", true},
        {{.path = path, .ignore_case = true}, "ALICE", "sesame", true},
        {{.path = path, .ignore_case = true}, "Alice", "second", false},
        {{.path = path, .delimiter = ";", .username_field = 2}, "dave", "fifth", true},
        {{.path = path, .delimiter = ";", .username_field = 2, .password_field = 1},
         "dave",
         "9",
         true},
    };
    struct pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct file_case *c = &cases[i];
        cr_expect_eq(lets_in(p, &c->file, c->name, c->password), c->right, "%zu: %s %s",
                     i, c->name, c->password);
    }
    free(p);
    remove(path);
}

PB_TEST(password_file, may_hold_digests)
{
    const char *path = file_of("md:5F4DCC3B5AA765D61D8327DEB882CF99\n"
                               "low:5f4dcc3b5aa765d61d8327deb882cf99\n"
                               "cut:5F4D\nlong:5f4dcc3b5aa765d61d8327deb882cf9900\n"
                               "odd:5g4dcc3b5aa765d61d8327deb882cf99\n"
                               "end:5f4dcc3b5aa765d61d8327deb882cf9 x\n");
    const struct file_case cases[] = {
        {{.md5 = true}, "md", "password", true},
        {{.md5 = true}, "md", "Password", false},
        {{.md5 = true}, "low", "password", true},
        {{.md5 = true}, "cut", "password", false},
        {{.md5 = true}, "long", "password", false},
        {{.md5 = true}, "odd", "password", false},
        {{.md5 = true}, "end", "password", false},
        {{.md5 = false}, "cut", "5F4D", true},
    };
    struct pair *p = malloc(sizeof *p);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct file_case *c = &cases[i];
        const pb_password_file file = {.path = path, .md5 = c->file.md5};
        cr_expect_eq(lets_in(p, &file, c->name, c->password), c->right, "%s", c->name);
    }
    free(p);
    remove(path);
}

/* The avatar's id is the name in lower case. */
PB_TEST(password_file, names_users_without_case)
{
    const char *path = file_of("ALICE:sesame");
    const pb_password_file file = {.path = path, .ignore_case = true};
    struct pair *p = malloc(sizeof *p);
    cr_assert(lets_in(p, &file, "Alice", "sesame"));
    cr_assert(strstr(p->log, "\nalice is gone\n"), "%s", p->log);
    free(p);
    remove(path);
}

/* A name that is no bytes is none of the file, also not the empty one. */
PB_TEST(password_file, knows_bytes_only)
{
    const char *path = file_of(":key");
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client c = {p, NULL};
    cr_assert(open_service(p, &v, false, false));
    cr_assert_eq(pb_portal_set_password_file(v.portal, &(pb_password_file){.path = path}),
                 0);
    pb_credentials text = {.username = "", .password = "key"};
    text.username_as_text = true;
    pb_login(p->client, &text, NULL, NULL, logged_in, &c, NULL, NULL);
    talk(p);
    cr_assert_null(c.avatar);
    log_in(&c, "", "key");
    talk(p);
    cr_assert_not_null(c.avatar);
    give_back(&c);
    close_service(p, &v);
    free(p);
    remove(path);
}

PB_TEST(password_file, that_cannot_be_opened_is_logged)
{
    const pb_password_file file = {.path = "/nowhere/at/all"};
    struct pair *p = malloc(sizeof *p);
    cr_assert_not(lets_in(p, &file, "alice", "sesame"));
    cr_assert(strstr(p->log, "Unable to load credentials db: /nowhere/at/all: "
                             "No such file or directory\n"),
              "%s", p->log);
    free(p);
}

static int by_file(void *user_data)
{
    struct pair *p = calloc(1, sizeof *p);
    struct service v;
    struct client c = {p, NULL};
    const pb_password_file file = {.path = user_data, .ignore_case = true};
    int failed = PB_ERR_NOMEM;
    if (open_service(p, &v, false, false)) {
        failed = pb_portal_set_password_file(v.portal, &file);
        failed = failed ? failed : log_in(&c, "alice", "sesame");
        talk(p);
        pb_session_lost(p->client, NULL);
        pb_session_lost(p->server, NULL);
        failed = failed || c.avatar ? failed : PB_ERR_NOMEM;
    }
    pb_remote_unref(c.avatar);
    pb_session_free(p->client);
    pb_session_free(p->server);
    pb_portal_unref(v.portal);
    cr_assert_eq(v.logouts, v.grants);
    free(p);
    return failed;
}

PB_TEST(password_file, without_memory)
{
    const char *path = file_of("alice:sesame\n");
    pb__test_each_failure(by_file, (void *)(uintptr_t)path);
    remove(path);
}

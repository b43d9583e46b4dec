/* SPDX-License-Identifier: MIT
 *
 * The functions that the C sides of the pairs share. A pair is a server and a client that
 * both exist in C and in Python (pair.py). Each side prints the same lines whatever the
 * language of the other side is. All C sides are one program: pairs ENDPOINT NAME
 * server|client. */
#ifndef PAIR_H
#define PAIR_H

#include <pb/pb.h>
#include <stdio.h>

/* A client's connection, and the error of its last call. */
struct test_client {
    pb_client *client;
    pb_remote *root;
    pb_error err;
};

struct pair {
    const char *name;
    /* Sets the root and whatever else the server needs; the caller releases the root and
     * the registry. */
    void (*serve)(pb_net_config *config);
    /* The client's calls. */
    void (*run)(struct test_client *t);
    /* Sets what the client needs before it connects, released likewise; may be NULL. */
    void (*prepare)(pb_net_config *config);
};

/* The files in examples/ and concepts/. Each defines an array pairs_FILE of its pairs,
 * which ends with a row of zeros. */
#define PAIR_FILES(X) \
    X(arguments)      \
    X(avatars)        \
    X(caches)         \
    X(caching)        \
    X(chat)           \
    X(copies)         \
    X(copying)        \
    X(counts)         \
    X(errors)         \
    X(failures)       \
    X(local)          \
    X(logins)         \
    X(minds)          \
    X(paging)         \
    X(publishing)     \
    X(references)     \
    X(simple)         \
    X(views)
#define PAIR_TABLE(file) extern const struct pair pairs_##file[];
PAIR_FILES(PAIR_TABLE)
#undef PAIR_TABLE

/* ---- Output ---- */

/* "True" or "False", as Python prints a bool. */
const char *python_bool(bool b);
/* The value's repr, but the same in every run: a reference or an object is described by
 * its kind. *New*, for free(). */
char *value_text(pb_value *v);
/* Prints the label and the value's text. */
void print_value(const char *label, pb_value *v);
/* Prints how a call ended, and takes its answer, which is NULL after a failure:
 *     print_answer_steal(t, "three",
 *                        pb_client_call(t->client, two, "three", &t->err, "i", 12)); */
void print_answer_steal(struct test_client *t, const char *label, pb_value *answer);

/* How many objects, references and calls a session holds, worded as in peers/peer.py. */
#define COUNTS_SIZE 160
void session_counts(const pb_session *session, char text[COUNTS_SIZE]);
/* Prints "the client keeps" and the counts of the client's session. */
void print_client_counts(const struct test_client *t);
/* Prints the answer to the root's method `counts`. */
void print_server_counts(struct test_client *t, const char *label);
/* The server's method `counts`: answers with the counts of its session. */
int answer_counts(void *self, pb_request *req);

/* ---- Both sides ---- */

/* Calls a method of the root until the connection is closed, and clears the error. */
void call_until_closed(struct test_client *t, const char *method);
/* The server's method `shutdown`: stops the server. */
int stop_server(void *self, pb_request *req);
/* An object whose method `tell` prints its arguments after the name. The name is
 * borrowed. *New*. */
pb_object *printer_new(const char *name);

/* ---- Logins ---- */

struct account {
    const char *name, *password;
};

/* Makes the root a portal with these accounts; the array ends with a row of zeros. */
void serve_portal(pb_net_config *config, pb_realm_cb realm, void *user_data,
                  const struct account *accounts, bool anonymous);
/* The user's name, or "nobody" for an anonymous login. *New*, for free(). */
char *attempt_name(const pb_attempt *a);
/* Logs in, anonymously if name is NULL. Takes mind, which may be NULL. */
pb_remote *log_in_steal(struct test_client *t, const char *name, const char *password,
                        pb_value *mind);
/* Prints how a login ended, and takes the avatar. */
void print_login_steal(struct test_client *t, const char *label, pb_remote *avatar);

#endif

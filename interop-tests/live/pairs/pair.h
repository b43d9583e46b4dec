/* SPDX-License-Identifier: MIT
 *
 * What the C sides of the pairs share. A pair is a conversation of two programs which
 * both are there in C and in Python (pair.py), and print the same whoever the other
 * is. One program has them all: pairs ENDPOINT NAME server|client. */
#ifndef PAIR_H
#define PAIR_H

#include <pb/pb.h>
#include <stdio.h>

/* A client's connection, and the error of its last call. */
struct talk {
    pb_client *client;
    pb_remote *root;
    pb_error err;
};

struct pair {
    const char *name;
    /* Makes the root, and what else the server needs; the caller gives back the root and
     * the registry. */
    void (*serve)(pb_net_config *config);
    void (*converse)(struct talk *t);
    /* What a client needs before it connects, given back likewise; may be NULL. */
    void (*prepare)(pb_net_config *config);
};

/* The files, each with a table that ends with a row of zeros. */
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

/* The value as Python shows it, but alike in every run: references and objects by what
 * they are. *New*, for free(). */
char *shown(pb_value *v);
/* Says how a call ended, and takes its answer:
 *     tell(t, "three", pb_client_call(t->client, two, "three", &t->err, "i", 12)); */
void tell(struct talk *t, const char *what, pb_value *answer);
/* Calls a method of the root until the connection has gone, and forgets the errors. */
void call_until_gone(struct talk *t, const char *method);
/* What a session keeps, as Twisted's sides count it. */
#define TABLES_SIZE 160
void tables(const pb_session *session, char text[TABLES_SIZE]);
/* The method `shutdown` of a server. */
int stop_serving(void *self, pb_request *req);

/* ---- Logins ---- */

struct account {
    const char *name, *password;
};

/* Has the server ask for a login. accounts ends with a row of zeros. */
void serve_portal(pb_net_config *config, pb_realm_cb realm, void *user_data,
                  const struct account *accounts, bool anonymous);
/* Who logs in, *new*, for free(); "nobody" where it is anonymous. */
char *id_of(const pb_attempt *a);
/* Logs in, anonymously where name is NULL; takes mind, which may be NULL. */
pb_remote *log_in(struct talk *t, const char *name, const char *password, pb_value *mind);
/* Says how a login ended, and takes the avatar. */
void tell_login(struct talk *t, const char *what, pb_remote *avatar);

/* An object with a name, borrowed, which says what it is told: *new*. */
pb_object *told_new(const char *name);

#endif

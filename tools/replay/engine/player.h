/* SPDX-License-Identifier: MIT
 *
 * A scenario played by a real session: one side's session gets what the other side's
 * broker wrote, and behind it stands an application that does what this side's broker was
 * seen to say. Shared by replay_session.c, which feeds the session, replay_facts.c, which
 * finds out how it was set up, replay_things.c, which makes the objects and values,
 * replay_hold.c, which keeps what came, replay_app.c, which serves and calls,
 * replay_answer.c, replay_login.c, replay_pages.c, and replay_output.c, which compares what comes out. */
#ifndef PB__TOOLS_REPLAY_ENGINE_PLAYER_H
#define PB__TOOLS_REPLAY_ENGINE_PLAYER_H

#include "pb/flavors.h"
#include "pb/login.h"
#include "pb/paging.h"
#include "tools/replay/engine/scenario.h"

/* An object of the application's, or a class of what it receives. */
struct thing {
    struct thing *next;
    struct play *play;
    int64_t luid; /* by which this side's broker sent it; 0: it has none */
    char *name;   /* its class, or its type tag */
    pb_class cls;
    pb_method *methods;  /* of its role */
    pb_object *object;   /* one count; NULL: it is only a class, or a copy */
    pb_value *state;     /* of a copy, or a cache */
    pb_remote *observer; /* of a cache that was sent */
    size_t pages;        /* that a collector was given */
};

/* A call or login that came and has not been answered yet. */
struct pending {
    const struct spoken *call;
    pb_request *request; /* one count of one of the two */
    pb_attempt *attempt;
};

/* A login in the capture. */
struct login {
    const struct spoken *first;     /* login or loginAnonymous */
    const struct spoken *challenge; /* the answer, where there was a challenge; or NULL */
    const struct spoken *respond;   /* or NULL */
    const struct spoken *end;       /* what came of it; NULL: nothing */
    const json_t *does;             /* of the expectations; NULL: none */
    bool anonymous;
    bool challenged, checked, granted; /* the server's portal has asked */
    bool is_masked; /* the password is unknown, and so what is responded */
};

/* One side of a scenario. */
struct play {
    struct replay *r;
    const struct scenario *s;
    int who;       /* of the sides */
    bool bytewise; /* the session gets each byte on its own */
    pb_session *session;
    bool failed; /* what follows would be judged by a state that is wrong */

    /* What this side's broker says: where the application, and the comparison, are. */
    size_t cursor, compared; /* indices of what was spoken */
    size_t due;              /* what began before this line is to be said */
    size_t heard;            /* index after the last call of the peer's that was served */
    size_t raised;           /* index after the last of the calls that were looked at */
    const struct spoken *ready; /* whose value was made beforehand */
    pb_value *ready_value;
    const pb_request *serving; /* its method has not returned yet; NULL: none */

    pb_limits limits;    /* of the session */
    json_t *instances;   /* the names of classes of instances in the expectations */
    struct pb__buf out;  /* what the session wrote and was not compared yet */
    struct pb__buf late; /* const struct spoken *: decrefs that are still to come */

    struct thing *things;
    struct pb__map objects, caches; /* luid to struct thing */
    struct pb__buf held;            /* pb_value *: references and caches that came */
    struct pb__buf pending;         /* struct pending */
    struct pb__buf logins;          /* struct login */
    pb_portal *portal;
    size_t served;       /* calls that the expectations say were served */
    size_t asked;        /* calls of its own that have not ended yet */
    size_t paged;        /* how many times getAllPages was called */
    const char *strikes; /* why an answer was refused: there are too many references */
    bool refused;        /* an answer was, by security */
};

/* ---- replay_facts.c ---- */

/* How this side was set up, as far as it shows: limits, dialects, security. The taster and
 * the registry in c are the caller's to give back. */
int facts_config(struct play *p, pb_session_config *c, pb_error *err);
/* Whether a message of the peer's was read, and not refused by this side's security. */
bool facts_accepted(const struct play *p, const struct spoken *m);
/* The state of the failure in an error message, and its class; NULL and "" where it is no
 * CopyableFailure. */
pb_value *facts_failure(const struct spoken *m);
const char *facts_failure_type(const struct spoken *m);
/* The text in a member of a failure's state; "" where there is none. */
const char *facts_text(const pb_value *state, const char *member);
/* Whether Python's own exceptions have such a name. */
bool facts_is_builtin(const char *type);
/* Whether instances of that class are so called in the expectations. */
bool facts_is_instance(const struct play *p, const char *class_name);

/* ---- replay_things.c ---- */

/* The object that this side sends under that number; NULL for lack of memory. */
struct thing *things_object(struct play *p, int64_t luid);
struct thing *things_cache(struct play *p, int64_t luid);
/* The root, whose methods are called by its name. */
struct thing *things_root(struct play *p);
/* The class of the peer's caches, and of copies, that come with a tag. */
struct thing *things_class(struct play *p, pb_span tag, bool cache);
/* The members of a message of this side's, *new*, as the application has them: its objects
 * for those that are sent, what it holds for those that came. NULL with err. */
pb_value *things_read(struct play *p, const struct spoken *m, pb_error *err);
void things_fini(struct play *p);

/* ---- replay_hold.c ---- */

/* Keeps the references and caches in a value that came. */
void hold(struct play *p, pb_value *v);
/* One that is held, borrowed; NULL if there is none. */
pb_value *hold_find(struct play *p, int64_t luid, bool cache);
/* The same; where there is none, a reference that owes nothing is made. */
pb_remote *hold_remote(struct play *p, int64_t luid);
/* Lets the oldest go; false if there is none. */
bool hold_drop(struct play *p, int64_t luid, bool cache);
void hold_fini(struct play *p);

/* ---- replay_app.c ---- */

/* Does what is due, up to the message `last` (NULL: all of it). */
void app_do(struct play *p, const struct spoken *last);
/* Serves a call: pb_method.call, of every method. */
int app_called(void *self, pb_request *req);
/* Makes the calls that were never sent and come before `next` (NULL: all). */
void app_raise(struct play *p, const json_t *next);
/* Compares how a call ended; call may be NULL. */
void app_ended(struct play *p, const json_t *call, pb_value *result, pb_failure *failure);

/* ---- replay_answer.c ---- */

/* Keeps a call or login until it is answered, and answers it now where that may be done;
 * takes the count of the one that is not NULL. */
void answer_later(struct play *p, const struct spoken *call, const struct spoken *reply,
                  pb_request *request, pb_attempt *attempt);
/* Makes the value of a reply, before references that it needs are let go. */
void answer_ready(struct play *p, const struct spoken *reply);
/* Answers what waits for this reply; nothing does where the broker gives it by itself. */
void answer_give(struct play *p, const struct spoken *reply);
/* Answers with something new, for which there is no room any more: the capture doesn't
 * tell what it was. */
void answer_one_more(struct play *p, pb_request *r);
void answer_fini(struct play *p);

/* ---- replay_login.c ---- */

/* Finds the logins. */
int login_begin(struct play *p);
/* The login that the message is part of; NULL if it is of none. */
struct login *login_of(const struct play *p, const struct spoken *m);
/* Whether the number is an avatar's. */
bool login_is_avatar(const struct play *p, int64_t luid);
/* The client's side. */
int login_call(struct play *p, struct login *l, pb_error *err);
/* The server's side: the portal's root, *new*; NULL for lack of memory. */
pb_object *login_root(struct play *p);

/* ---- replay_pages.c ---- */

/* Whether the call with these members asks for all pages (and does so), or is the first
 * page of some (and sends them all), or one that follows. */
bool pages_call(struct play *p, const struct spoken *m, pb_value *members, int *failed,
                pb_error *err);
/* The object that collects pages in a thing's stead, *new*; NULL where none come. */
pb_object *pages_collector(struct thing *t);

/* ---- replay_output.c ---- */

/* Takes what the session wrote, and compares it with what was due. */
void output_compare(struct play *p);
/* Nothing more may have been written. */
void output_end(struct play *p);
void output_fini(struct play *p);

/* ---- replay_session.c ---- */

void play_fail(struct play *p, size_t line, const char *format, ...) PB_PRINTF(3, 4);

static inline pb_span spoken_bytes(const struct scenario *s, const struct spoken *m)
{
    return (pb_span){s->sides[m->from].wire.data + m->at, m->len};
}

/* Whether a message is a call. */
static inline bool spoken_is_call(const struct spoken *m)
{
    return spoken_is(m, "message") || spoken_is(m, "cachemessage");
}

/* Argument i of a call; NULL where there is none. */
static inline pb_value *spoken_argument(const struct spoken *m, size_t i)
{
    const pb_value *args = spoken_member(m, 5);
    return args ? pb_item(args, i) : NULL;
}

static inline bool spoken_is_reply(const struct spoken *m)
{
    return spoken_is(m, "answer") || spoken_is(m, "error");
}

#endif

/* SPDX-License-Identifier: MIT
 *
 * A side of a scenario that is played by a real session. The session receives the bytes
 * of the other side; an application made up from the capture stands behind it, and makes
 * the calls and gives the answers that this side's broker was seen to send. The session
 * has to write the captured bytes of this side.
 *
 * player.c feeds the session; inferred_config.c finds out how the side was configured;
 * failures.c reads failures in messages; objects.c makes the application's objects and
 * values; held_references.c holds references that were received; application.c makes
 * and serves calls; answers.c, logins.c and paging.c are parts of it; output.c
 * compares the bytes. */
#ifndef PB__TOOLS_REPLAY_ENGINE_PLAYER_H
#define PB__TOOLS_REPLAY_ENGINE_PLAYER_H

#include "pb/flavors.h"
#include "pb/login.h"
#include "pb/paging.h"
#include "tools/replay/engine/scenario.h"

/* An object of the application, or a class of received copies and caches. */
struct player_object {
    struct player_object *next;
    struct player *player;
    int64_t luid; /* under which this side's broker sent it; 0: none */
    char *name;   /* its class, or its type tag */
    pb_class cls;
    pb_method *methods;  /* in one of the tables of cls */
    pb_object *object;   /* one count; NULL: only a class, or a copy */
    pb_value *state;     /* of a copy or a cache */
    pb_remote *observer; /* of a cache that was sent */
    size_t pages;        /* of a collector: pages received so far */
};

/* A call or login that was received and has not been answered yet. */
struct player_request {
    const struct scenario_message *call;
    pb_request *request; /* one count of one of the two; the other is NULL */
    pb_attempt *attempt;
};

/* A login in the capture; its messages are NULL if there are none. */
struct player_login {
    const struct scenario_message *first;     /* login or loginAnonymous */
    const struct scenario_message *challenge; /* the answer with the challenge */
    const struct scenario_message *respond;
    const struct scenario_message *end; /* the answer or error at the end */
    const json_t *does;                 /* the step of the expectations; NULL: none */
    bool anonymous;
    bool challenged, checked, granted; /* which callbacks of the portal have run */
    bool is_masked;                    /* the password, and so the response, is unknown */
};

struct player {
    struct check *check;
    const struct scenario *s;
    int side;
    bool bytewise; /* the session receives one byte at a time */
    pb_session *session;
    bool failed; /* after a failure by which the state is wrong */

    /* Positions in the messages of the scenario. */
    size_t position; /* index: of the next one for the application */
    size_t compared; /* index: of the next one to compare with the output */
    size_t due; /* messages that began before this line of the file may be sent now */
    size_t next_call;    /* index: after the last call of the peer that was served */
    size_t next_refused; /* index after the last expected call that was looked at */
    const struct scenario_message *prepared; /* the reply whose values are ready */
    pb_value *prepared_values;               /* its members */
    const pb_request *serving; /* the call whose method is running; NULL: none */

    pb_limits limits;    /* of the session */
    json_t *instances;   /* the names of classes of instances in the expectations */
    struct pb__buf out;  /* output of the session that has not been compared yet */
    struct pb__buf late; /* const struct scenario_message *: decrefs not written yet */

    struct player_object *objects_list;
    struct pb__map objects, caches; /* luid to struct player_object */
    struct pb__buf held;            /* pb_value *: references and caches received */
    struct pb__buf pending;         /* struct player_request */
    struct pb__buf logins;          /* struct player_login */
    pb_portal *portal;
    size_t served;         /* calls that the expectations list as served */
    size_t asked;          /* own calls that have not ended yet */
    size_t paged;          /* calls of getAllPages */
    struct pb__buf pagers; /* int64_t: the objects to which pages are being sent */
    const char
        *strikes; /* the failure by which a limit of references refused an answer */
    bool refused; /* security refused an answer */
};

/* ---- player.c ---- */

/* Fails the check, at a line of the file; only the first failure of a player counts. */
void player_fail(struct player *p, size_t line, const char *format, ...) PB_PRINTF(3, 4);

/* ---- inferred_config.c ---- */

/* How the side was configured, as far as its messages show: limits, dialects,
 * security. The caller releases the taster and the registry in c. */
int inferred_config(struct player *p, pb_session_config *c, pb_error *err);
/* Whether a message of the peer was read, and not refused by this side's security. */
bool was_accepted(const struct player *p, const struct scenario_message *m);
/* Whether the expectations contain instances of that class. */
bool is_instance_class(const struct player *p, const char *class_name);

/* ---- failures.c ---- */

#define COPYABLE_FAILURE "twisted.spread.pb.CopyableFailure"

/* The state of the failure in an error message, borrowed; NULL if it is not a
 * CopyableFailure. */
pb_value *failure_state(const struct scenario_message *m);
/* The class of the exception in it; "" as above. */
const char *failure_type(const struct scenario_message *m);
/* The text of a member of a failure's state; "" if there is none, or state is NULL. */
const char *failure_text(const pb_value *state, const char *member);
/* Whether a class is one of Python's built-in exceptions. */
bool is_builtin_exception(const char *type);
/* Whether it is Python's built-in AttributeError. */
bool is_attribute_error(const char *type);

/* ---- objects.c ---- */

/* The object, or the cache, that this side sends under a luid; NULL for lack of
 * memory. */
struct player_object *exported_object(struct player *p, int64_t luid);
struct player_object *exported_cache(struct player *p, int64_t luid);
/* The root object; NULL for lack of memory. */
struct player_object *exported_root(struct player *p);
/* The class of received copies, or caches, with a type tag; NULL for lack of memory. */
struct player_object *received_class(struct player *p, pb_span tag, bool cache);
/* The members of a message of this side as values of the application, *new*: its
 * objects where references to them were sent, held references where these were sent
 * back. NULL with err. */
pb_value *application_values(struct player *p, const struct scenario_message *m,
                             pb_error *err);
void objects_fini(struct player *p);

/* ---- held_references.c ---- */

/* Holds the references and caches in a value that was received. */
void held_add(struct player *p, pb_value *v);
/* A reference or cache that is held, borrowed; NULL if there is none. */
pb_value *held_find(struct player *p, int64_t luid, bool cache);
/* The same for references; if there is none, makes one that owes no decref. NULL for lack
 * of memory. */
pb_remote *held_remote(struct player *p, int64_t luid);
/* Releases the one that was received first, if there is any. */
void held_release(struct player *p, int64_t luid, bool cache);
void held_fini(struct player *p);

/* ---- application.c ---- */

/* Does what is due, up to the message `last` (NULL: everything). */
void application_run(struct player *p, const struct scenario_message *last);
/* Serves a call: the pb_method.call of every method. */
int application_serve(void *self, pb_request *req);
/* Makes the calls of the expectations that were refused before they were sent, up to the
 * call `next` (NULL: all). */
void application_make_refused_calls(struct player *p, const json_t *next);

/* A call, login or paging of the application that has been started, *new*, with its
 * call or step in the expectations, which may be NULL. NULL for lack of memory. */
struct started_call;
struct started_call *started_call_new(struct player *p, const json_t *call);
/* Frees one that could not be started after all. NULL is allowed. */
void started_call_discard(struct started_call *started);
/* The pb_answer_cb of all of them: compares the end with the expectations, and frees
 * it. */
void started_call_ended(pb_value *result, pb_failure *failure, void *started);

/* ---- answers.c ---- */

/* Keeps a request or a login attempt, whose count it takes (the other is NULL), until
 * it is answered, and answers it now if that is due. */
void answers_add(struct player *p, const struct scenario_message *call,
                 const struct scenario_message *reply, pb_request *request,
                 pb_attempt *attempt);
/* Makes the values of a reply, before references that these need are released. */
void answers_prepare(struct player *p, const struct scenario_message *reply);
/* Answers the request for which this is the reply, if the application has to. */
void answers_send(struct player *p, const struct scenario_message *reply);
/* Answers with a new reference or cache beyond the limit of these. The capture does not
 * contain which object was returned. */
void answers_exceed_limit(struct player *p, pb_request *r);
void answers_fini(struct player *p);

/* ---- logins.c ---- */

/* Finds the logins of the capture. PB_ERR_NOMEM. */
int logins_find(struct player *p);
/* The login that a message is part of; NULL if there is none. */
struct player_login *login_of_message(const struct player *p,
                                      const struct scenario_message *m);
/* Whether a luid is that of an avatar. */
bool is_avatar_luid(const struct player *p, int64_t luid);
/* Logs in, as the client. */
int login_start(struct player *p, struct player_login *l, pb_error *err);
/* The root of the server's portal, *new*; NULL for lack of memory. */
pb_object *login_portal_root(struct player *p);

/* ---- paging.c ---- */

/* Handles a call, with its members as values of the application, if it belongs to a
 * paging: asks for all pages, or sends all pages at the first one. Returns whether it
 * does belong to one; *failed as from a call. */
bool paging_take_call(struct player *p, const struct scenario_message *m,
                      pb_value *members, int *failed, pb_error *err);
/* A collector of pages, *new*, in the place of the object o; NULL if none come for it. */
pb_object *paging_collector(struct player_object *o);

/* ---- output.c ---- */

/* Takes the output of the session, and compares it with the messages that are due. */
void output_compare(struct player *p);
/* Fails if there is more output. */
void output_end(struct player *p);
void output_fini(struct player *p);

#endif

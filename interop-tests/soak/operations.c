/* SPDX-License-Identifier: MIT
 *
 * The operations of the C side of the soak test: each makes one or more calls of the
 * peer, and checks every answer. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/soak/soak.h"

struct operation;

/* One kind of operation. `answered` is called when a call has ended, other than by the
 * loss of the connection; it returns whether it has made another call. */
struct operation_kind {
    const char *name;
    void (*start)(struct operation *o);
    bool (*answered)(struct operation *o, pb_value *result, pb_failure *failure);
    bool may_fail;    /* `answered` gets failures too */
    bool client_only; /* a login */
};

struct operation {
    struct side *side;
    const struct operation_kind *kind;
    pb_value *sent, *received;
    pb_object *mine;  /* of this side, with one count */
    int64_t n, total; /* of calls to make; what a counter has to show */
    pb_call *call;
};

static void operation_start(struct side *side);

static void operation_end(struct operation *o)
{
    struct side *side = o->side;
    pb_value_unref(o->sent);
    pb_value_unref(o->received);
    pb_object_unref(o->mine);
    free(o);
    side->in_progress--;
    side->ended++;
    if (side->running && side->on_operation) {
        side->on_operation(side);
    }
    if (side->running && side->session && !pb_session_is_closed(side->session)) {
        operation_start(side);
    } else if (side->in_progress == 0 && side->on_quiet) {
        side->on_quiet(side);
    }
}

/* Whether a call has ended with the connection. */
static bool is_lost(const pb_failure *failure)
{
    int code = failure ? pb_failure_code(failure) : PB_OK;
    return code == PB_ERR_LOST || code == PB_ERR_DEAD;
}

static void operation_answered(pb_value *result, pb_failure *failure, void *user_data)
{
    struct operation *o = user_data;
    o->call = NULL;
    if (failure && !is_lost(failure) && !o->kind->may_fail) {
        soak_fail(o->side, "%s failed: %s: %s", o->kind->name, pb_failure_type(failure),
                  pb_failure_text(failure));
    }
    if (is_lost(failure) || !o->kind->answered(o, result, failure)) {
        operation_end(o);
    }
}

/* Checks that a call was made, or could not be because the connection has ended. */
static void operation_check_call(struct operation *o, int e, const pb_error *err)
{
    if (e == 0) {
        o->side->did.calls++;
    } else if (e == PB_ERR_DEAD || e == PB_ERR_LOST) {
        operation_end(o);
    } else {
        soak_fail(o->side, "%s was not called: %s", o->kind->name, err->text);
    }
}

/* Calls a method; takes args, a tuple. */
static void operation_call_steal(struct operation *o, pb_remote *to, const char *method,
                                 pb_value *args)
{
    pb_error err = {0};
    SOAK_CHECK(o->side, args);
    int e = pb_remote_call_values(to, method, args, NULL, NULL, operation_answered, o,
                                  &o->call, &err);
    pb_value_unref(args);
    operation_check_call(o, e, &err);
}

/* ---- Values and failures ---- */

static void echo_start(struct operation *o)
{
    o->sent = random_value(o->side, 4);
    operation_call_steal(o, o->side->peer, "echo", pb_build(NULL, "(O)", o->sent));
}

static bool echo_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)failure;
    SOAK_CHECK(o->side, pb_value_equal(result, o->sent));
    SOAK_CHECK(o->side, pb_value_kind(result) == pb_value_kind(o->sent));
    return false;
}

static void fail_start(struct operation *o)
{
    char text[40];
    o->n = (int64_t)random_below(o->side, 2);
    snprintf(text, sizeof text, "number %d", (int)random_below(o->side, 1000));
    o->sent = pb_str(text);
    operation_call_steal(o, o->side->peer, "fail",
                         pb_build(NULL, "(pO)", (int)o->n, o->sent));
}

static bool fail_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)result;
    SOAK_CHECK(o->side, failure);
    SOAK_CHECK(o->side, pb_failure_check(failure, o->n ? "twisted.spread.pb.Error"
                                                       : "builtins.ValueError"));
    pb_value *text = pb_str(pb_failure_text(failure));
    SOAK_CHECK(o->side, pb_value_equal(text, o->sent));
    pb_value_unref(text);
    return false;
}

static void missing_start(struct operation *o)
{
    operation_call_steal(o, o->side->peer, "nothing", pb_build(NULL, "()"));
}

static bool missing_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)result;
    SOAK_CHECK(o->side, failure);
    SOAK_CHECK(o->side, pb_failure_check(failure, "twisted.spread.flavors.NoSuchMethod"));
    return false;
}

static void cancelled_start(struct operation *o)
{
    pb_error err = {0};
    pb_value *args = pb_build(NULL, "(N)", random_value(o->side, 3));
    int e = pb_remote_call_values(o->side->peer, "echo", args, NULL, NULL,
                                  operation_answered, o, &o->call, &err);
    pb_value_unref(args);
    if (e) {
        operation_check_call(o, e, &err);
        return;
    }
    o->side->did.calls++;
    pb_call_cancel(o->call);
}

static bool cancelled_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    SOAK_CHECK(o->side, !result && pb_failure_code(failure) == PB_ERR_CANCELLED);
    o->side->did.cancelled++;
    return false;
}

/* ---- References ---- */

static void counter_start(struct operation *o)
{
    o->n = (int64_t)random_below(o->side, 8);
    operation_call_steal(o, o->side->peer, "counter", pb_build(NULL, "()"));
}

/* Adds to the peer's counter n times, then has the reference sent back. */
static bool counter_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    int64_t got;
    (void)failure;
    if (o->n < 0) {
        SOAK_CHECK(o->side,
                   pb_remote_equal(pb_as_remote(result), pb_as_remote(o->received)));
        return false;
    }
    if (!o->received) {
        SOAK_CHECK(o->side, pb_as_remote(result));
        o->received = pb_value_ref(result);
        o->side->did.references++;
    } else {
        SOAK_CHECK(o->side, pb_as_int(result, &got) == 0 && got == o->total);
    }
    if (o->n-- > 0) {
        int64_t more = (int64_t)random_below(o->side, 1000);
        o->total += more;
        operation_call_steal(o, pb_as_remote(o->received), "add",
                             pb_build(NULL, "(L)", more));
    } else {
        operation_call_steal(o, o->side->peer, "echo",
                             pb_build(NULL, "(O)", o->received));
    }
    return true;
}

static void call_start(struct operation *o)
{
    o->mine = counter_new(o->side);
    o->n = 1 + (int64_t)random_below(o->side, 6);
    o->side->did.references++;
    operation_call_steal(o, o->side->peer, "call",
                         pb_build(NULL, "(NL)", pb_object_value(o->mine), o->n));
}

static bool call_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    int64_t got, wanted = o->n * (o->n + 1) / 2;
    (void)failure;
    SOAK_CHECK(o->side, pb_as_int(result, &got) == 0 && got == wanted);
    SOAK_CHECK(o->side, counter_total(o->mine) == wanted);
    return false;
}

static void hold_start(struct operation *o)
{
    o->mine = counter_new(o->side);
    o->side->did.references++;
    operation_call_steal(o, o->side->peer, "hold",
                         pb_build(NULL, "(N)", pb_object_value(o->mine)));
}

static bool hold_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)failure;
    SOAK_CHECK(o->side, pb_as_object(result) == o->mine);
    return false;
}

/* ---- Copies, caches and published objects ---- */

static void card_start(struct operation *o)
{
    o->sent = random_value(o->side, 2);
    operation_call_steal(o, o->side->peer, "card", pb_build(NULL, "(O)", o->sent));
}

static bool card_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)failure;
    const pb_value *state = pb_object_state(pb_as_object(result));
    SOAK_CHECK(o->side, pb_value_equal(pb_dict_get(state, "text"), o->sent));
    o->side->did.copies++;
    return false;
}

static void shelf_start(struct operation *o)
{
    o->n = (int64_t)random_below(o->side, 8);
    o->sent = pb_list();
    for (uint64_t i = random_below(o->side, 4); i > 0; i--) {
        pb_append_steal(o->sent, random_value(o->side, 1));
    }
    operation_call_steal(o, o->side->peer, "shelf", pb_build(NULL, "(O)", o->sent));
}

/* Each book that is put on the shelf has to be in the cache once that is answered. */
static bool shelf_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    (void)failure;
    if (!o->received) {
        o->received = pb_value_ref(result);
        o->side->did.caches++;
    }
    const pb_value *state = pb_object_state(pb_as_object(o->received));
    SOAK_CHECK(o->side, pb_value_equal(pb_dict_get(state, "books"), o->sent));
    if (o->n-- <= 0) {
        return false;
    }
    pb_value *book = random_value(o->side, 1);
    pb_append(o->sent, book);
    operation_call_steal(o, o->side->peer, "put",
                         pb_build(NULL, "(ON)", o->received, book));
    return true;
}

static void song_start(struct operation *o)
{
    pb_error err = {0};
    pb_value *args = pb_build(NULL, "(ip)", (int)random_below(o->side, SONGS),
                              (int)random_below(o->side, 2));
    int e = pb_when_ready(o->side->peer, "song", args, NULL, NULL, operation_answered, o,
                          &o->call, &err);
    pb_value_unref(args);
    operation_check_call(o, e, &err);
}

/* The words tell the time of a change: that of the timestamp or, if the song was changed
 * again before its words were fetched, a later one. */
static bool song_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    const pb_value *state = pb_object_state(pb_as_object(result));
    const char *words;
    double timestamp, changed;
    (void)failure;
    SOAK_CHECK(o->side, pb_unpack(state, NULL, "{s:s, s:d}", "words", &words, "timestamp",
                                  &timestamp) == 0);
    SOAK_CHECK(o->side, sscanf(words, "la la %lf", &changed) == 1);
    SOAK_CHECK(o->side, changed >= timestamp);
    o->side->did.songs++;
    return false;
}

static void pages_start(struct operation *o)
{
    pb_error err = {0};
    o->n = (int64_t)random_below(o->side, random_below(o->side, 4) ? 3000 : 60000);
    int chunk = 1 + (int)random_below(o->side, 8000);
    chunk = chunk < o->n / 50 ? (int)(o->n / 50) : chunk; /* 50 pages at most */
    pb_value *args = pb_build(NULL, "(Li)", o->n, chunk);
    int e = pb_get_all_pages(o->side->peer, "pages", args, NULL, NULL, operation_answered,
                             o, &err);
    pb_value_unref(args);
    operation_check_call(o, e, &err);
}

static bool pages_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    pb_span wanted, page;
    size_t at = 0;
    (void)failure;
    o->sent = paged_bytes((size_t)o->n);
    pb_as_bytes(o->sent, &wanted);
    for (size_t i = 0; i < pb_len(result); i++) {
        SOAK_CHECK(o->side, pb_as_bytes(pb_item(result, i), &page) == 0);
        SOAK_CHECK(o->side, page.len <= wanted.len - at);
        SOAK_CHECK(o->side,
                   page.len == 0 || memcmp(page.data, wanted.data + at, page.len) == 0);
        at += page.len;
        o->side->did.pages++;
    }
    SOAK_CHECK(o->side, at == wanted.len);
    return false;
}

/* ---- Logins ---- */

enum { LOGIN_REFUSED_MAX = 4 /* of a connection: the server ends it after ten */ };

static const struct login_case {
    pb_credentials who;
    const char *name; /* what the avatar answers; NULL: the login is refused */
} login_cases[] = {
    {{.username = "ada", .password = "lace"}, "ada"},
    {{.anonymous = true}, ""},
    {{.username = "ada", .password = "wrong"}, NULL},
    {{.username = "nobody", .password = "lace"}, NULL},
};

static void login_start(struct operation *o)
{
    bool refused = o->side->refused < LOGIN_REFUSED_MAX && random_below(o->side, 2);
    pb_error err = {0};
    o->n = (int64_t)random_below(o->side, 2) + (refused ? 2 : 0);
    o->side->refused += refused;
    o->mine = counter_new(o->side);
    pb_value *mind = pb_object_value(o->mine);
    int e = pb_login(o->side->session, &login_cases[o->n].who, mind, NULL,
                     operation_answered, o, NULL, &err);
    pb_value_unref(mind);
    operation_check_call(o, e, &err);
}

/* Asks the avatar for its name, then has it call its mind. */
static bool login_answered(struct operation *o, pb_value *result, pb_failure *failure)
{
    const char *name = login_cases[o->n].name;
    pb_span text;
    int64_t got;
    if (!name) {
        SOAK_CHECK(o->side, failure);
        SOAK_CHECK(o->side,
                   pb_failure_check(failure, "twisted.cred.error.UnauthorizedLogin"));
        o->side->did.logins++;
        return false;
    }
    SOAK_CHECK(o->side, !failure);
    if (!o->received) {
        SOAK_CHECK(o->side, pb_as_remote(result));
        o->received = pb_value_ref(result);
        o->side->did.logins++;
        operation_call_steal(o, pb_as_remote(result), "who", pb_build(NULL, "()"));
        return true;
    }
    if (!o->total) {
        SOAK_CHECK(o->side, pb_as_text(result, &text) == 0);
        SOAK_CHECK(o->side,
                   text.len == strlen(name) && memcmp(text.data, name, text.len) == 0);
        o->total = 1 + (int64_t)random_below(o->side, 1000);
        operation_call_steal(o, pb_as_remote(o->received), "ask",
                             pb_build(NULL, "(L)", o->total));
        return true;
    }
    SOAK_CHECK(o->side, pb_as_int(result, &got) == 0 && got == o->total);
    SOAK_CHECK(o->side, counter_total(o->mine) == got);
    return false;
}

/* ---- All of them ---- */

static const struct operation_kind kinds[] = {
    {"echo", echo_start, echo_answered, false, false},
    {"fail", fail_start, fail_answered, true, false},
    {"missing", missing_start, missing_answered, true, false},
    {"cancelled", cancelled_start, cancelled_answered, true, false},
    {"counter", counter_start, counter_answered, false, false},
    {"call", call_start, call_answered, false, false},
    {"hold", hold_start, hold_answered, false, false},
    {"card", card_start, card_answered, false, false},
    {"shelf", shelf_start, shelf_answered, false, false},
    {"song", song_start, song_answered, false, false},
    {"pages", pages_start, pages_answered, false, false},
    {"login", login_start, login_answered, true, true},
};

static void operation_start(struct side *side)
{
    struct operation *o = calloc(1, sizeof *o);
    o->side = side;
    do {
        o->kind = &kinds[random_below(side, sizeof kinds / sizeof *kinds)];
    } while (o->kind->client_only && !side->client);
    side->in_progress++;
    o->kind->start(o);
}

void operations_start(struct side *side)
{
    side->running = true;
    for (int i = 0; i < SIDE_BY_SIDE; i++) {
        operation_start(side);
    }
}

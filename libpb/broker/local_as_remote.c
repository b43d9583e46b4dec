/* SPDX-License-Identifier: MIT
 *
 * Calls to local objects through references: a request without a session, whose answer
 * goes to the callback. Mirrors util.LocalAsRemote and LocalAsyncForwarder. */
#include "pb/local.h"

#include <string.h>

#include "libpb/broker/session.h"

/* What such a reference has besides. */
struct pb__local_target {
    pb_object *object;        /* one count */
    const char *const *names; /* NULL: all methods */
    bool strict;              /* fail_when_not_implemented */
};

/* Where the answer goes. */
struct pb__local_answer {
    pb_remote *remote; /* one count */
    pb_answer_cb cb;
    void *user_data;
};

static pb_remote *local_remote_new(pb_object *o, const char *const *names, bool strict)
{
    struct pb__local_target *t = o ? pb__malloc(sizeof *t) : NULL;
    pb_remote *r = t ? pb__remote_new_local(t) : NULL;
    if (!r) {
        pb__free(t);
        return NULL;
    }
    *t = (struct pb__local_target){
        .object = pb_object_ref(o), .names = names, .strict = strict};
    return r;
}

pb_remote *pb_local_as_remote(pb_object *o)
{
    return local_remote_new(o, NULL, false);
}

pb_remote *pb_local_async_forwarder(pb_object *forwarded, const char *const *names,
                                    bool fail_when_not_implemented)
{
    static const char *const none[] = {NULL};
    return local_remote_new(forwarded, names ? names : none, fail_when_not_implemented);
}

void pb__local_target_free(struct pb__local_target *t)
{
    if (t) {
        pb_object *o = t->object;
        pb__free(t);
        pb_object_unref(o);
    }
}

/* ---- Answers ---- */

int pb__local_answer(pb_request *r, pb_value *result, pb_failure *f)
{
    const struct pb__local_answer *to = r->local;
    if (r->answered) {
        return PB_ERR_STATE;
    }
    r->answered = true;
    pb_request_ref(r);
    if (to->cb) {
        to->cb(result, f, to->user_data);
    }
    pb_request_unref(r);
    return 0;
}

int pb__local_fail_steal(pb_request *r, pb_failure *f)
{
    if (!f) {
        f = pb__failure_new(PB_ERR_NOMEM, pb_strerror(PB_ERR_NOMEM));
    }
    int failed = pb__local_answer(r, NULL, f);
    pb_failure_unref(f);
    return failed;
}

void pb__local_fini(pb_request *r)
{
    if (r->local) {
        pb_remote_unref(r->local->remote);
        pb__free(r->local);
    }
}

/* ---- Calls ---- */

static bool is_named(const struct pb__local_target *t, const char *method)
{
    const char *const *name = t->names;
    while (name && *name && strcmp(*name, method) != 0) {
        name++;
    }
    return !name || *name;
}

/* The members of a message, as a request has them: *new*. */
static pb_value *local_message(const char *method, bool wanted, pb_value *args,
                               pb_value *kwargs)
{
    pb_value *all =
        pb_build(NULL, "[OOOypOO]", pb_none(), pb_none(), pb_none(), method, wanted,
                 args ? args : pb_none(), kwargs ? kwargs : pb_none());
    int failed = all ? 0 : PB_ERR_NOMEM;
    if (!failed && !args) {
        failed = pb_item_set_steal(all, PB__ARGS, pb_seq(PB_TUPLE, 0));
    }
    if (!failed && !kwargs) {
        failed = pb_item_set_steal(all, PB__KWARGS, pb_dict());
    }
    if (failed) {
        pb_value_unref(all);
        return NULL;
    }
    return all;
}

static pb_request *request_new(pb_remote *to, const char *method, pb_value *args,
                               pb_value *kwargs, bool wanted, pb_answer_cb cb,
                               void *user_data)
{
    pb_request *r = pb__malloc(sizeof *r);
    struct pb__local_answer *answer = pb__malloc(sizeof *answer);
    pb_value *list = local_message(method, wanted, args, kwargs);
    if (!r || !answer || !list) {
        pb__free(r);
        pb__free(answer);
        pb_value_unref(list);
        return NULL;
    }
    *answer = (struct pb__local_answer){pb_remote_ref(to), cb, user_data};
    *r = (pb_request){.list = list,
                      .called = pb_object_ref(to->target->object),
                      .callee = {.role = PB_ROLE_REMOTE},
                      .refs = 1,
                      .wants_answer = wanted,
                      .local = answer};
    pb__callee(r->called, &r->callee);
    pb__list_init(&r->link);
    return r;
}

int pb__local_call(pb_remote *to, const char *method, pb_value *args, pb_value *kwargs,
                   const pb_call_options *options, pb_answer_cb cb, void *user_data,
                   pb_error *err)
{
    const struct pb__local_target *t = to->target;
    bool wanted = !options || !options->no_answer;
    pb_request *r = request_new(to, method, args, kwargs, wanted, cb, user_data);
    if (!r) {
        return pb__error_nomem(err);
    }
    if (is_named(t, method)) {
        pb__serve_local(r);
    } else if (t->strict) {
        pb_request_fail(r, "builtins.NotImplementedError",
                        "No Such Method in Interface: %s", method);
    } else {
        pb_request_answer_steal(r, pb_none());
    }
    pb_request_unref(r);
    return 0;
}

/* SPDX-License-Identifier: MIT
 *
 * Callbacks for the end of the connection, registered with the session or with one of its
 * references. Those of a reference are all called at the position of the first of them.
 * Mirrors notifyOnDisconnect and dontNotifyOnDisconnect of Broker and RemoteReference. */
#include "libpb/base/mem.h"
#include "libpb/broker/attached.h"
#include "libpb/broker/remote.h"
#include "libpb/broker/session.h"

struct pb__notifier {
    struct pb__notifier *next;
    pb_remote *remote; /* one count; NULL: registered with the session */
    pb_session_cb session_cb;
    pb_remote_cb remote_cb;
    void *user_data;
};

static bool notifier_same(const struct pb__notifier *a, const struct pb__notifier *b)
{
    return a->remote == b->remote && a->session_cb == b->session_cb &&
           a->remote_cb == b->remote_cb && a->user_data == b->user_data;
}

/* The place for a new notifier: after the last one of the same reference, or at the
 * end. */
static struct pb__notifier **notifier_place(pb_session *s, const pb_remote *remote)
{
    struct pb__notifier **at = &s->attached->notifiers;
    struct pb__notifier **behind = NULL;
    for (; *at; at = &(*at)->next) {
        if (remote && (*at)->remote == remote) {
            behind = &(*at)->next;
        }
    }
    return behind ? behind : at;
}

static int notifier_add(pb_session *s, const struct pb__notifier *wanted)
{
    struct pb__notifier *n = pb__attached(s) ? pb__malloc(sizeof *n) : NULL;
    if (!n) {
        return PB_ERR_NOMEM;
    }
    *n = *wanted;
    pb_remote_ref(n->remote);
    struct pb__notifier **at = notifier_place(s, n->remote);
    n->next = *at;
    *at = n;
    return 0;
}

static void notifier_take(pb_session *s, const struct pb__notifier *unwanted)
{
    if (!s->attached) {
        return;
    }
    struct pb__notifier **at = &s->attached->notifiers;
    while (*at && !notifier_same(*at, unwanted)) {
        at = &(*at)->next;
    }
    struct pb__notifier *n = *at;
    if (n) {
        *at = n->next;
        pb_remote *r = n->remote;
        pb__free(n);
        pb_remote_unref(r);
    }
}

int pb_session_notify_on_disconnect(pb_session *s, pb_session_cb cb, void *user_data)
{
    if (!s || !cb) {
        return PB_ERR_ARG;
    }
    return pb__session_open(s)
               ? notifier_add(
                     s, &(struct pb__notifier){.session_cb = cb, .user_data = user_data})
               : PB_ERR_STATE;
}

void pb_session_dont_notify_on_disconnect(pb_session *s, pb_session_cb cb,
                                          void *user_data)
{
    if (s) {
        notifier_take(s,
                      &(struct pb__notifier){.session_cb = cb, .user_data = user_data});
    }
}

int pb_remote_notify_on_disconnect(pb_remote *r, pb_remote_cb cb, void *user_data)
{
    if (!r || !cb) {
        return PB_ERR_ARG;
    }
    return pb_remote_session(r)
               ? notifier_add(r->session, &(struct pb__notifier){.remote = r,
                                                                 .remote_cb = cb,
                                                                 .user_data = user_data})
               : PB_ERR_DEAD;
}

void pb_remote_dont_notify_on_disconnect(pb_remote *r, pb_remote_cb cb, void *user_data)
{
    if (r && r->session) {
        notifier_take(
            r->session,
            &(struct pb__notifier){.remote = r, .remote_cb = cb, .user_data = user_data});
    }
}

void pb__disconnect_notify(pb_session *s)
{
    while (s->attached && s->attached->notifiers) {
        struct pb__notifier n = *s->attached->notifiers;
        pb__free(s->attached->notifiers);
        s->attached->notifiers = n.next;
        if (n.remote) {
            n.remote_cb(n.remote, n.user_data);
            pb_remote_unref(n.remote);
        } else {
            n.session_cb(s, n.user_data);
        }
    }
}

/* SPDX-License-Identifier: MIT
 *
 * Sending an avatar, and logging it out once: when the peer has released it, or when the
 * connection ends. Mirrors _JellyableAvatarMixin. */
#include "libpb/base/mem.h"
#include "libpb/broker/exports.h"
#include "libpb/broker/login.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/session.h"

struct logout {
    pb_session *session;
    void (*cb)(void *user_data);
    void *user_data;
};

static void logout_run_callback(struct logout *l)
{
    struct logout was = *l;
    pb__free(l);
    was.cb(was.user_data);
}

static void logout_on_disconnect(pb_session *s, void *user_data)
{
    (void)s;
    logout_run_callback(user_data);
}

static void on_given_back(void *user_data)
{
    struct logout *l = user_data;
    pb_session_dont_notify_on_disconnect(l->session, logout_on_disconnect, l);
    logout_run_callback(l);
}

/* The object that is sent for an avatar: an AsReferenceable for one with `perspective`
 * methods, as for every pb.Avatar; otherwise the avatar itself. */
static pb_object *avatar_jellyable(pb_object *avatar)
{
    const pb_class *cls = pb_object_class(avatar);
    struct pb__callee c = {.role = PB_ROLE_REMOTE};
    pb__callee(avatar, &c);
    bool itself = c.object != avatar || cls->flavor != PB_FLAVOR_REFERENCEABLE ||
                  (pb__class_has_role(cls, PB_ROLE_REMOTE) &&
                   !pb__class_has_role(cls, PB_ROLE_PERSPECTIVE));
    return itself ? pb_object_ref(avatar)
                  : pb_referenceable_new(avatar, PB_ROLE_PERSPECTIVE);
}

static struct logout *logout_watch(pb_session *s, void (*cb)(void *user_data),
                                   void *user_data)
{
    struct logout *l = pb__malloc(sizeof *l);
    if (l) {
        *l = (struct logout){.session = s, .cb = cb, .user_data = user_data};
        if (pb_session_notify_on_disconnect(s, logout_on_disconnect, l) != 0) {
            pb__free(l);
            l = NULL;
        }
    }
    return l;
}

/* If the same avatar object was sent for an earlier login, the peer's counts of it are
 * added up, and the later login ends when they are all released. */
static int avatar_send(pb_request *r, pb_object *sent, struct logout *l)
{
    pb_session *s = pb_request_session(r);
    int failed = pb_request_answer_steal(r, pb_object_value(sent));
    if (l && failed && pb__session_open(s)) {
        on_given_back(l);
    } else if (l && !failed) {
        pb__export_set_cleanup(s, sent, on_given_back, l);
    }
    return failed;
}

int pb__avatar_answer(pb_request *r, pb_object *avatar, void (*logout)(void *user_data),
                      void *user_data)
{
    pb_session *s = pb_request_session(r);
    pb_object *sent = s && avatar ? avatar_jellyable(avatar) : NULL;
    struct logout *l = sent && logout ? logout_watch(s, logout, user_data) : NULL;
    if (!sent || (logout && !l)) {
        pb_object_unref(sent);
        int failed = pb_request_answer_steal(r, NULL);
        if (logout) {
            logout(user_data);
        }
        return failed == PB_ERR_ARG && avatar ? PB_ERR_NOMEM : failed;
    }
    pb__session_enter(s);
    int failed = avatar_send(r, sent, l);
    pb__session_leave(s);
    pb_object_unref(sent);
    return failed;
}

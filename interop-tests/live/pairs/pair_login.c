/* SPDX-License-Identifier: MIT
 *
 * The functions for pairs whose clients log in. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

void serve_portal(pb_net_config *config, pb_realm_cb realm, void *user_data,
                  const struct account *accounts, bool anonymous)
{
    pb_portal *p = pb_portal_new(realm, user_data);
    for (; accounts->name; accounts++) {
        pb_portal_add_user(p, pb_span_of(accounts->name), pb_span_of(accounts->password));
    }
    if (anonymous) {
        pb_portal_allow_anonymous(p);
    }
    config->session.root = pb_portal_root(p);
    pb_portal_unref(p);
}

char *attempt_name(const pb_attempt *a)
{
    pb_span id = pb_attempt_avatar_id(a);
    return pb_attempt_is_anonymous(a) ? strdup("nobody")
                                      : strndup((const char *)id.data, id.len);
}

pb_remote *log_in_steal(struct test_client *t, const char *name, const char *password,
                        pb_value *mind)
{
    const pb_credentials who =
        name ? (pb_credentials){.username = name, .password = password}
             : (pb_credentials){.anonymous = true};
    pb_remote *avatar = pb_client_login(t->client, &who, mind, &t->err);
    pb_value_unref(mind);
    return avatar;
}

void print_login_steal(struct test_client *t, const char *label, pb_remote *avatar)
{
    print_answer_steal(t, label, avatar ? pb_remote_value(avatar) : NULL);
    pb_remote_unref(avatar);
}

/* SPDX-License-Identifier: MIT
 *
 * The built-in checkers: a table in memory, and one that accepts everybody. The checker
 * that reads a file is in net/, as nothing here reads files. Mirrors
 * twisted.cred.checkers. */
#include <string.h>

#include "compat/value.h"
#include "libpb/base/system.h"
#include "libpb/broker/login.h"
#include "pb/value.h"

int pb__check_anybody(pb_attempt *a, void *user_data)
{
    (void)user_data;
    return pb_attempt_accept(a, (pb_span){0});
}

void pb__checker_fini(struct pb__checker *c)
{
    if (c->destroy) {
        c->destroy(c->user_data);
    }
    *c = (struct pb__checker){0};
}

/* ---- A table: a dict of bytes ---- */

static int check_table(pb_attempt *a, void *user_data)
{
    pb_span name = pb_attempt_username(a);
    if (!name.data) {
        return pb_attempt_refuse(a);
    }
    pb_value *key = pb_bytes(name);
    if (!key) {
        return PB_ERR_NOMEM;
    }
    pb_value *found = pb_dict_get_value(user_data, key);
    pb_value_unref(key);
    pb_span password;
    return found && pb_as_bytes(found, &password) == 0 &&
                   pb_attempt_check_password(a, password)
               ? pb_attempt_accept(a, name)
               : pb_attempt_refuse(a);
}

/* Passwords do not stay in memory that was freed. */
static void destroy_table(void *user_data)
{
    size_t at = 0;
    pb_value *key, *password;
    while (pb_dict_next(user_data, &at, &key, &password)) {
        struct pb__text *t = (struct pb__text *)password;
        pb__wipe(t->data, t->len);
    }
    pb_value_unref(user_data);
}

bool pb__checker_table(struct pb__checker *c)
{
    *c = (struct pb__checker){check_table, destroy_table, pb_dict()};
    if (!c->user_data) {
        *c = (struct pb__checker){0};
    }
    return c->check;
}

bool pb__checker_is_table(const struct pb__checker *c)
{
    return c->check == check_table;
}

int pb__checker_table_add(struct pb__checker *c, pb_span username, pb_span password)
{
    pb_value *key = pb_bytes(username), *value = pb_bytes(password);
    if (!key || !value) {
        pb_value_unref(key);
        pb_value_unref(value);
        return PB_ERR_NOMEM;
    }
    return pb_dict_set_value_steal(c->user_data, key, value);
}

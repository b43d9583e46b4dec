/* SPDX-License-Identifier: MIT
 *
 * Looking up methods and callbacks of a class and its bases. */
#include <string.h>

#include "libpb/broker/objects.h"

/* The maximum number of classes to look at, the object's own included. This also ends a
 * cycle of bases. */
enum { BASES = 64 };

const char *pb__class_short(const pb_class *cls)
{
    const char *name = pb__class_name(cls), *dot = strrchr(name, '.');
    return dot ? dot + 1 : name;
}

static const pb_method *class_table(const pb_class *cls, pb_role role)
{
    switch (role) {
    case PB_ROLE_REMOTE:
        return cls->remote;
    case PB_ROLE_PERSPECTIVE:
        return cls->perspective;
    case PB_ROLE_VIEW:
        return cls->view;
    default:
        return cls->observe;
    }
}

const pb_method *pb__class_method(const pb_class *cls, pb_role role, pb_span name)
{
    for (int i = 0; cls && i < BASES; i++, cls = cls->base) {
        for (const pb_method *m = class_table(cls, role); m && m->name; m++) {
            if (strlen(m->name) == name.len &&
                memcmp(m->name, name.data, name.len) == 0) {
                return m;
            }
        }
    }
    return NULL;
}

bool pb__class_has_role(const pb_class *cls, pb_role role)
{
    for (int i = 0; cls && i < BASES; i++, cls = cls->base) {
        if (class_table(cls, role)) {
            return true;
        }
    }
    return false;
}

const pb_class *pb__class_with(const pb_class *cls, size_t callback)
{
    static void (*const none)(void);
    for (int i = 0; cls && i < BASES; i++, cls = cls->base) {
        if (memcmp((const char *)cls + callback, &none, sizeof none) != 0) {
            return cls;
        }
    }
    return NULL;
}

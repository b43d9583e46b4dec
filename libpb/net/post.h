/* SPDX-License-Identifier: MIT
 *
 * Posts with items that the caller allocates. */
#ifndef PB__POST_H
#define PB__POST_H

#include "libpb/base/list.h"
#include "pb/net.h"

/* A function to run in the loop's thread. */
struct pb__posted {
    struct pb__list link;
    void (*run)(struct pb__posted *posted);
};

/* As pb_post_run, but cannot fail for lack of memory. The item belongs to the post until
 * it runs. */
int pb__post_add(pb_post *p, struct pb__posted *posted);

#endif

/* SPDX-License-Identifier: MIT
 *
 * Posts whose items need no memory. */
#ifndef PB__POST_H
#define PB__POST_H

#include "libpb/base/list.h"
#include "pb/net.h"

/* Something to run in the loop's thread. */
struct pb__posted {
    struct pb__list link;
    void (*run)(struct pb__posted *posted);
};

/* As pb_post_run, but cannot lack memory. The item is the post's until it runs. */
int pb__post_add(pb_post *p, struct pb__posted *posted);

#endif

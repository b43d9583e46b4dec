/* SPDX-License-Identifier: MIT
 *
 * Classes of the copies and caches that are received, by type tag. */
#ifndef PB__REGISTRY_H
#define PB__REGISTRY_H

#include "pb/publish.h"

struct pb__registered {
    const pb_class *cls;
    pb_factory_cb factory; /* NULL: there is only a class, or only data */
    pb_unjelly_cb unjelly; /* gets all members; NULL: none */
    bool reference;        /* a reference whose number is the last member */
    void *user_data;       /* of the factory or of unjelly */
    bool publishes;        /* what arrives is a RemotePublished */
    pb_published_config published;
    char tag[];
};

/* NULL if the tag is not registered. g may be NULL. */
const struct pb__registered *pb__registry_find(const pb_registry *g, pb_span tag);

#endif

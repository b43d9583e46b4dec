/* SPDX-License-Identifier: MIT
 *
 * Sharing between the sessions of one config. */
#include "compat/profile.h"
#include "libpb/broker/copies.h"

#define MAX_PENDING 65536
#define MAX_REFS 1024 /* MAX_BROKER_REFS */
#define MAX_CACHES 65536
#define MAX_QUEUED ((size_t)256 << 20)
#define HIGH_MARK ((size_t)1 << 20)
#define NEGOTIATION_TIMEOUT 30000

struct pb__shared *pb__shared_new(const pb_session_config *c)
{
    struct pb__shared *sh = pb__malloc(sizeof *sh);
    if (!sh) {
        return NULL;
    }
    *sh = (struct pb__shared){.owners = 1, .config = *c, .limits = c->jelly.limits};
    pb_session_config *own = &sh->config;
    own->jelly.limits = (pb_limits){0}; /* the encoder's and the decoder's hold */
    pb_object_ref(own->root);
    pb_taster_ref(own->jelly.taster);
    pb_registry_ref(own->registry);
    for (size_t i = 0; i < 2; i++) {
        bool is_one = pb__dialect_name(own->dialects[i]);
        own->dialects[i] = is_one ? own->dialects[i] : PB_DIALECT_UNKNOWN;
    }
    if (own->dialects[0] == PB_DIALECT_UNKNOWN) {
        own->dialects[0] = PB_DIALECT_PB;
        own->dialects[1] = PB_DIALECT_NONE;
    }
    own->max_pending = own->max_pending ? own->max_pending : MAX_PENDING;
    own->max_refs = own->max_refs ? own->max_refs : MAX_REFS;
    own->max_caches = own->max_caches ? own->max_caches : MAX_CACHES;
    own->max_queued = own->max_queued ? own->max_queued : MAX_QUEUED;
    own->high_mark = own->high_mark ? own->high_mark : HIGH_MARK;
    own->low_mark = own->low_mark ? own->low_mark : own->high_mark / 4;
    own->low_mark = own->low_mark < own->high_mark ? own->low_mark : own->high_mark;
    own->negotiation_timeout =
        own->negotiation_timeout ? own->negotiation_timeout : NEGOTIATION_TIMEOUT;
    own->log_level = !own->on_log ? 0 : own->log_level ? own->log_level : PB_LOG_INFO;
    return sh;
}

struct pb__shared *pb__shared_ref(struct pb__shared *sh)
{
    sh->owners++;
    return sh;
}

static void free_kit(struct pb__kit *kit)
{
    if (kit) {
        pb__reader_free(kit->reader);
        pb__copies_forget(&kit->arriving);
        pb__decoder_fini(&kit->decoder);
        pb__free(kit);
    }
}

void pb__shared_unref(struct pb__shared *sh)
{
    if (sh && --sh->owners == 0) {
        free_kit(sh->idle);
        pb_object_unref(sh->config.root);
        pb_taster_unref(sh->config.jelly.taster);
        pb_registry_unref(sh->config.registry);
        pb__free(sh);
    }
}

static struct pb__kit *new_kit(struct pb__shared *sh)
{
    struct pb__kit *kit = pb__calloc(1, sizeof *kit);
    if (!kit) {
        return NULL;
    }
    pb__list_init(&kit->arriving);
    kit->invoker = pb__invoker(&kit->session);
    kit->reader = pb__reader_new(&(struct pb__reader_config){
        .jelly = &sh->config.jelly,
        .invoker = &kit->invoker,
        .messages = true,
        .done = pb__proto_complete,
        .member_name = pb__proto_member,
        .ctx = kit,
    });
    if (!kit->reader) {
        pb__free(kit);
        return NULL;
    }
    return kit;
}

static void turn_to(struct pb__kit *kit, pb_session *s)
{
    kit->session = s;
    pb__decoder_fini(&kit->decoder);
    const pb_limits limits = pb__limits_public(&s->encoder.limits);
    pb__decoder_init(&kit->decoder, s->encoder.dialect, &limits,
                     pb__reader_sink(kit->reader));
    kit->decoder.count = s->messages;
    pb__decoder_allow_vocab(&kit->decoder,
                            pb__profile_has(pb__profile(s), PB__PROFILE_VOCAB_IN_NONE));
}

int pb__kit_take(pb_session *s)
{
    if (s->kit) {
        return 0;
    }
    struct pb__shared *sh = s->shared;
    struct pb__kit *kit = sh->idle ? sh->idle : new_kit(sh);
    if (!kit) {
        return PB_ERR_NOMEM;
    }
    sh->idle = NULL;
    if (kit->session != s) {
        turn_to(kit, s);
    }
    s->kit = kit;
    return 0;
}

void pb__kit_give(pb_session *s)
{
    struct pb__kit *kit = s->kit;
    s->kit = NULL;
    if (s->shared->idle) {
        free_kit(kit);
    } else {
        s->shared->idle = kit;
    }
}

void pb__kit_drop(pb_session *s)
{
    struct pb__kit *kit = s->kit;
    s->kit = NULL;
    free_kit(kit);
}

void pb__kit_forget(pb_session *s)
{
    if (s->shared->idle && s->shared->idle->session == s) {
        s->shared->idle->session = NULL;
    }
}

/* SPDX-License-Identifier: MIT
 *
 * The configuration that sessions share, with defaults.h in place of zeros. */
#include "compat/profile.h"
#include "libpb/base/mem.h"
#include "libpb/broker/defaults.h"
#include "libpb/broker/read_context.h"
#include "libpb/broker/shared_config.h"
#include "pb/flavors.h"

#define FREED_LEAST ((size_t)4 << 20) /* bytes of a message that count as freed */
#define FREED_MOST ((size_t)32 << 20) /* freed bytes after which memory is returned */

struct pb__shared *pb__shared_new(const pb_session_config *c)
{
    struct pb__shared *sh = pb__malloc(sizeof *sh);
    if (!sh) {
        return NULL;
    }
    *sh = (struct pb__shared){.owners = 1, .config = *c, .limits = c->jelly.limits};
    pb_session_config *own = &sh->config;
    own->jelly.limits = (pb_limits){0}; /* each session has its own */
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
    own->max_pending = own->max_pending ? own->max_pending : PB__DEFAULT_MAX_PENDING;
    own->max_pending = own->max_pending < UINT32_MAX ? own->max_pending : UINT32_MAX;
    own->max_refs = own->max_refs ? own->max_refs : PB__DEFAULT_MAX_REFS;
    own->max_caches = own->max_caches ? own->max_caches : PB__DEFAULT_MAX_CACHES;
    own->max_held = own->max_held ? own->max_held : PB__DEFAULT_MAX_HELD;
    own->max_held = own->max_held < UINT32_MAX ? own->max_held : UINT32_MAX;
    own->max_memory = own->max_memory ? own->max_memory : PB__DEFAULT_MAX_MEMORY;
    own->max_queued = own->max_queued ? own->max_queued : PB__DEFAULT_MAX_QUEUED;
    own->high_mark = own->high_mark ? own->high_mark : PB__DEFAULT_HIGH_MARK;
    own->low_mark = own->low_mark ? own->low_mark : own->high_mark / 4;
    own->low_mark = own->low_mark < own->high_mark ? own->low_mark : own->high_mark;
    own->negotiation_timeout = own->negotiation_timeout ? own->negotiation_timeout
                                                        : PB__DEFAULT_NEGOTIATION_TIMEOUT;
    own->message_timeout =
        own->message_timeout ? own->message_timeout : PB__DEFAULT_MESSAGE_TIMEOUT;
    own->max_failed_logins =
        own->max_failed_logins ? own->max_failed_logins : PB__DEFAULT_MAX_FAILED_LOGINS;
    own->log_level = !own->on_log ? 0 : own->log_level ? own->log_level : PB_LOG_INFO;
    return sh;
}

void pb__shared_freed(struct pb__shared *sh, size_t memory)
{
    sh->freed += memory >= FREED_LEAST ? memory : 0;
    if (sh->freed >= FREED_MOST) {
        sh->freed = 0;
        pb__mem_trim();
    }
}

struct pb__shared *pb__shared_ref(struct pb__shared *sh)
{
    sh->owners++;
    return sh;
}

void pb__shared_unref(struct pb__shared *sh)
{
    if (sh && --sh->owners == 0) {
        pb__read_context_free(sh->idle);
        pb__spares_fini(&sh->requests);
        pb__spares_fini(&sh->calls);
        pb_value_unref(sh->arguments);
        pb_object_unref(sh->config.root);
        pb_taster_unref(sh->config.jelly.taster);
        pb_registry_unref(sh->config.registry);
        pb__free(sh);
    }
}

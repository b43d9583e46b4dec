/* SPDX-License-Identifier: MIT
 *
 * The read context: taken by a session for a message, and returned after it. */
#include "compat/profile.h"
#include "libpb/base/mem.h"
#include "libpb/broker/failures.h"
#include "libpb/broker/invoker.h"
#include "libpb/broker/read_context.h"
#include "libpb/broker/remote_copy.h"
#include "libpb/broker/session.h"

void pb__read_context_free(struct pb__read_context *rc)
{
    if (rc) {
        pb__reader_free(rc->reader);
        pb__copies_forget(&rc->arriving);
        pb__decoder_fini(&rc->decoder);
        pb__free(rc);
    }
}

static bool read_context_ended(void *ctx)
{
    struct pb__read_context *rc = ctx;
    return !pb__session_open(rc->session);
}

static struct pb__read_context *read_context_new(
    struct pb__shared *sh, int (*done)(struct pb__message *message, void *context),
    const char *(*member_name)(const pb_value *command, size_t i, void *context))
{
    struct pb__read_context *rc = pb__calloc(1, sizeof *rc);
    if (!rc) {
        return NULL;
    }
    pb__list_init(&rc->arriving);
    rc->invoker = pb__invoker(&rc->session);
    rc->reader = pb__reader_new(&(struct pb__reader_config){
        .jelly = &sh->config.jelly,
        .invoker = &rc->invoker,
        .messages = true,
        .done = done,
        .member_name = member_name,
        /* A class that is not an Exception is sent there as itself. No failure is to
         * lose its type and text for that. */
        .lenient_copy = PB__COPYABLE_FAILURE,
        .lenient_key = "parents",
        .ended = read_context_ended,
        .ctx = rc,
    });
    if (!rc->reader) {
        pb__free(rc);
        return NULL;
    }
    return rc;
}

/* Sets up the decoder for the messages of s. */
static void read_context_serve(struct pb__read_context *rc, pb_session *s)
{
    rc->session = s;
    pb__decoder_fini(&rc->decoder);
    const pb_limits limits = pb__limits_public(pb__encoder_limits(&s->encoder));
    pb__decoder_init(&rc->decoder, pb__encoder_dialect(&s->encoder), &limits,
                     pb__reader_sink(rc->reader));
    pb__decoder_set_count(&rc->decoder, s->messages);
    pb__decoder_allow_vocab(&rc->decoder,
                            pb__profile_has(pb__profile(s), PB__PROFILE_VOCAB_IN_NONE));
}

int pb__read_context_take(pb_session *s,
                          int (*done)(struct pb__message *message, void *context),
                          const char *(*member_name)(const pb_value *command, size_t i,
                                                     void *context))
{
    if (s->read_context) {
        return 0;
    }
    struct pb__shared *sh = s->shared;
    struct pb__read_context *rc =
        sh->idle ? sh->idle : read_context_new(sh, done, member_name);
    if (!rc) {
        return PB_ERR_NOMEM;
    }
    sh->idle = NULL;
    if (rc->session != s) {
        read_context_serve(rc, s);
    }
    s->read_context = rc;
    return 0;
}

void pb__read_context_return(pb_session *s)
{
    struct pb__read_context *rc = s->read_context;
    s->read_context = NULL;
    if (s->shared->idle) {
        pb__read_context_free(rc);
    } else {
        s->shared->idle = rc;
    }
}

void pb__read_context_drop(pb_session *s)
{
    struct pb__read_context *rc = s->read_context;
    s->read_context = NULL;
    pb__read_context_free(rc);
}

void pb__read_context_reset(pb_session *s)
{
    if (s->shared->idle && s->shared->idle->session == s) {
        s->shared->idle->session = NULL;
    }
}

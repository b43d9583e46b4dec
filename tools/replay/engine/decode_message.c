/* SPDX-License-Identifier: MIT
 *
 * Decodes one message to values. */
#include "libpb/base/error.h"
#include "tools/replay/engine/scenario.h"

static int decoded_on_message(struct pb__message *m, void *ctx)
{
    struct decoded_message *out = ctx;
    out->value = m->value;
    out->refused = m->refused ? *m->refused : (pb_error){0};
    pb_decoder_pause(out->decoder);
    return 0;
}

int scenario_decode(const pb_jelly_config *jelly, const struct pb__invoker *invoker,
                    pb_dialect dialect, const pb_limits *limits, pb_span in,
                    struct decoded_message *out, pb_error *err)
{
    *out = (struct decoded_message){0};
    struct pb__reader *reader =
        pb__reader_new(&(struct pb__reader_config){.jelly = jelly,
                                                   .invoker = invoker,
                                                   .messages = true,
                                                   .done = decoded_on_message,
                                                   .ctx = out});
    out->decoder =
        reader ? pb_decoder_new(dialect, limits, pb__reader_sink(reader)) : NULL;
    int failed =
        out->decoder ? pb_decoder_recv(out->decoder, in, err) : pb__error_nomem(err);
    if (!failed) {
        out->len = in.len - pb_decoder_rest(out->decoder);
    }
    pb_decoder_free(out->decoder);
    pb__reader_free(reader);
    return failed;
}

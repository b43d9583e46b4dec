/* SPDX-License-Identifier: MIT
 *
 * Playing: what this side says in the capture is said when all has come that came before
 * it there. So nothing is said that depends on what is not known yet, and nobody waits for
 * what depends on what was not said. */
#include "tools/replay/played_side.h"

#include <stdio.h>

#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "tools/common/command.h"

enum { CHUNK = 64 << 10 };

/* ---- The peer ---- */

static void on_message(const struct talk_message *m, void *ctx)
{
    struct stand_in *s = ctx;
    pb_span name;
    if (m->kind == TALK_DIALECT && pb_as_bytes(m->value, &name) == 0) {
        pb_encoder_set_dialect(s->encoder, pb__dialect_find(name));
    }
    if (m->from != s->who) {
        stand_in_hear(s, m);
    }
}

static void on_damage(int from, double time, uint64_t offset, const pb_error *why,
                      void *ctx)
{
    struct stand_in *s = ctx;
    (void)time;
    stand_in_tell(s, NULL, "what the %s says cannot be read on from byte %llu: %s%s%s",
                  talk_sides[from], (unsigned long long)offset, why->where,
                  *why->where ? ": " : "", why->text);
    s->ended = true;
}

/* Whether a line is one that the peer has to say before we go on. */
static bool is_awaited(const struct stand_in *s, const struct line *l)
{
    return !l->done && l->from != s->who && !stand_in_is_loose(l->value);
}

/* The first line before `end` that is awaited; NULL if there is none. */
static const struct line *awaited(struct stand_in *s, size_t end)
{
    while (s->first < end && !is_awaited(s, script_line(&s->script, s->first))) {
        s->first++;
    }
    return s->first < end ? script_line(&s->script, s->first) : NULL;
}

/* Tells of the first line before `end` that has not come, and how many more there are. */
static void tell_missing(struct stand_in *s, size_t end, const char *how)
{
    const struct line *first = awaited(s, end);
    size_t more = 0;
    for (size_t i = s->first + 1; i < end; i++) {
        more += is_awaited(s, script_line(&s->script, i));
    }
    if (first) {
        stand_in_tell(s, first, "this %s", how);
    }
    if (more) {
        printf("%s: and %zu more\n", s->file, more);
        s->differences += more;
    }
}

/* Hears the peer once. False where it has ended, or keeps silent: PB_ERR_TIMEOUT. */
static bool hear(struct stand_in *s, pb_error *err)
{
    static uint8_t chunk[CHUNK];
    int n = wire_read(&s->wire, chunk, sizeof chunk, s->timeout, err);
    if (n > 0 &&
        talk_hear(&s->live, !s->who, s->live.time, (pb_span){chunk, (size_t)n}) != 0) {
        s->status = tool_nomem();
    }
    if (n <= 0 && n != PB_ERR_TIMEOUT) {
        s->ended = true;
    }
    return n > 0;
}

static bool goes_on(const struct stand_in *s)
{
    return !s->ended && s->status == TOOL_DONE;
}

/* Waits for what came before line `end` in the capture: false where it does not come. */
static bool await(struct stand_in *s, size_t end)
{
    while (goes_on(s) && awaited(s, end)) {
        pb_error err = {0};
        if (hear(s, &err)) {
            continue;
        }
        if (err.code == PB_ERR_TIMEOUT) {
            tell_missing(s, end, "did not come in time");
            s->status = TOOL_TIMEOUT;
        } else {
            s->why = err;
        }
    }
    return goes_on(s);
}

/* ---- This side ---- */

static void say(struct stand_in *s, struct line *l)
{
    const char *why;
    l->done = true;
    if (stand_in_write(s, l, &why)) {
        return;
    }
    if (why) {
        stand_in_tell(s, l, "this is not said: %s", why);
    }
    if (l->kind == TALK_CALL && l->answer != NO_LINE) {
        script_line(&s->script, l->answer)->done = true; /* none can come */
    }
}

/* Calls that are left out are answered as they come, not where the capture has them. */
static void leave_out_ignored(struct stand_in *s)
{
    for (size_t i = 0; i < script_count(&s->script); i++) {
        struct line *l = script_line(&s->script, i);
        if (l->kind == TALK_CALL && l->from != s->who &&
            rules_ignore(&s->rules, l->method)) {
            l->done = true;
            if (l->answer != NO_LINE) {
                script_line(&s->script, l->answer)->done = true;
            }
        }
    }
}

/* Ends as the capture does. */
static void end(struct stand_in *s)
{
    bool theirs = s->script.closed_by == !s->who;
    pb_error err = {0};
    if (!theirs) {
        wire_finish(&s->wire);
    }
    while (goes_on(s) && hear(s, &err)) {
    }
    if (theirs && err.code == PB_ERR_TIMEOUT) {
        stand_in_tell(s, NULL, "the %s does not end the connection", talk_sides[!s->who]);
    }
}

static void play(struct stand_in *s)
{
    size_t n = script_count(&s->script);
    leave_out_ignored(s);
    for (size_t i = 0; i < n && goes_on(s); i++) {
        struct line *l = script_line(&s->script, i);
        if (l->from == s->who && !l->done && await(s, i)) {
            say(s, l);
        }
    }
    if (await(s, n)) {
        end(s);
    } else if (s->status == TOOL_DONE && awaited(s, n)) {
        stand_in_tell(s, NULL, "the %s ended the connection%s%s", talk_sides[!s->who],
                      s->why.code ? ": " : "", s->why.text);
        tell_missing(s, n, "did not come");
    }
}

void stand_in_run(struct stand_in *s, struct wire wire)
{
    s->wire = wire;
    s->status = TOOL_DONE;
    if (talk_init(&s->live) != 0 || stand_in_begin(s) != 0) {
        s->status = tool_nomem();
    } else {
        s->live.message = on_message;
        s->live.damage = on_damage;
        s->live.ctx = s;
        play(s);
    }
    if (s->status == TOOL_DONE && s->differences) {
        s->status = TOOL_FAILED;
    }
    pb_encoder_free(s->encoder);
    talk_fini(&s->live);
    wire_fini(&s->wire);
    for (int i = 0; i < DIFFER_LUIDS; i++) {
        pb__map_fini(&s->luids[i]);
        pb__map_fini(&s->back[i]);
    }
    pb__map_fini(&s->requests);
}

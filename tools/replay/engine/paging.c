/* SPDX-License-Identifier: MIT
 *
 * Pages in a scenario: if a side sent pages, or asked for all pages, the session's own
 * pagers and collectors do it here. */
#include <string.h>

#include "libpb/base/error.h"
#include "tools/common/broker_expression.h"
#include "tools/common/value_text.h"
#include "tools/replay/engine/player.h"

/* Whether m is a call of a method of pagers, on an object by its luid, that no method
 * of the application served. */
static bool is_page_call(const struct scenario_message *m, int from, const char *method,
                         int64_t *luid)
{
    return m->from == from && scenario_is(m, "message") && !m->served &&
           value_is_text(scenario_member(m, CALL_METHOD), method) &&
           pb_as_int(scenario_member(m, CALL_OBJECT), luid) == 0;
}

/* The i-th page that a side sent to an object; NULL if there are not so many. */
static pb_value *find_page(const struct player *p, int from, int64_t luid, size_t i)
{
    for (size_t k = 0; k < scenario_message_count(p->s); k++) {
        const struct scenario_message *m = scenario_message_at(p->s, k);
        int64_t id;
        if (is_page_call(m, from, "gotPage", &id) && id == luid && i-- == 0) {
            return scenario_argument(m, 0);
        }
    }
    return NULL;
}

/* ---- Asking for pages ---- */

/* Whether a call is a getAllPages: it is not among the calls of the expectations, and its
 * first argument is an object of this side that receives pages. */
static bool is_get_all_pages(const struct player *p, const struct scenario_message *m)
{
    pb_value *args = scenario_member(m, CALL_ARGS), *id;
    int64_t luid;
    return !expected_call_of(p->s, m) && args && pb_value_kind(args) == PB_TUPLE &&
           pb_len(args) > 0 && broker_expression_is(pb_item(args, 0), "remote", &id) &&
           pb_as_int(id, &luid) == 0 && find_page(p, !p->side, luid, 0);
}

static int paging_get_all(struct player *p, pb_value *members, pb_error *err)
{
    pb_value *all = pb_item(members, CALL_ARGS);
    pb_value *args = pb_seq(PB_TUPLE, pb_len(all));
    struct started_call *started =
        started_call_new(p, expected_step(p->s, "getAllPages(", p->paged));
    pb_span method;
    pb_remote *root = pb_session_root(p->session);
    int e = args && started && root ? pb_as_text(pb_item(members, CALL_METHOD), &method)
                                    : PB_ERR_NOMEM;
    for (size_t i = 1; e == 0 && i < pb_len(all); i++) {
        e = pb_append(args, pb_item(all, i));
    }
    if (e == 0) {
        p->paged++;
        e = pb_get_all_pages(root, (const char *)method.data, args,
                             pb_item(members, CALL_KWARGS), NULL, started_call_ended,
                             started, err);
    }
    if (e) {
        pb__error_set(err, e, 0, "%s", pb_strerror(e));
        started_call_discard(started);
    }
    pb_value_unref(args);
    pb_remote_unref(root);
    return e;
}

/* ---- Sending pages ---- */

/* All pages to a collector, joined, *new*; *chunk is the length of the first. NULL unless
 * all are bytes, and all but the last have that length. */
static pb_value *paging_join(const struct player *p, int64_t luid, size_t *chunk)
{
    struct pb__buf all = {0};
    pb_value *page;
    bool fits = true;
    for (size_t i = 0; fits && (page = find_page(p, p->side, luid, i)); i++) {
        pb_span s = {0};
        fits = pb_as_bytes(page, &s) == 0 && (i == 0 || all.len == i * *chunk) &&
               (i == 0 || s.len <= *chunk) && pb__buf_append(&all, s.data, s.len) == 0;
        *chunk = i == 0 ? s.len : *chunk;
    }
    pb_value *v = fits ? pb_bytes((pb_span){all.data, all.len}) : NULL;
    pb__buf_fini(&all);
    return v;
}

static bool is_first_page(const struct player *p, const struct scenario_message *m,
                          int64_t *luid)
{
    return is_page_call(m, p->side, "gotPage", luid) && !expected_call_of(p->s, m) &&
           scenario_argument(m, 0) == find_page(p, p->side, *luid, 0);
}

static bool has_pager(const struct player *p, int64_t luid)
{
    for (size_t i = 0; i < p->pagers.len; i += sizeof luid) {
        if (memcmp(p->pagers.data + i, &luid, sizeof luid) == 0) {
            return true;
        }
    }
    return false;
}

static int pager_start(struct player *p, int64_t luid)
{
    size_t chunk = 0;
    pb_value *bytes = has_pager(p, luid) ? NULL : paging_join(p, luid, &chunk);
    if (!bytes) {
        return 0;
    }
    pb_remote *to = held_remote(p, luid);
    int e = to ? pb__buf_append(&p->pagers, &luid, sizeof luid) : PB_ERR_NOMEM;
    e = e ? e : pb_page_bytes(to, bytes, chunk, NULL, NULL, NULL);
    pb_value_unref(bytes);
    return e;
}

/* Starts the pager whose first page is m. In each turn a broker sends the page of its
 * newest pager first. So the pagers whose first pages follow, before the second page of
 * this one, were started before it, the last of them first. */
static int pagers_start(struct player *p, const struct scenario_message *m, int64_t luid)
{
    const struct scenario_message *end =
        scenario_message_at(p->s, scenario_message_count(p->s));
    const struct scenario_message *last = m + 1;
    int64_t other;
    int e = 0;
    while (last < end && !((is_page_call(last, p->side, "gotPage", &other) ||
                            is_page_call(last, p->side, "endedPaging", &other)) &&
                           other == luid)) {
        last++;
    }
    while (e == 0 && --last >= m) {
        e = is_first_page(p, last, &other) ? pager_start(p, other) : 0;
    }
    return e;
}

bool paging_take_call(struct player *p, const struct scenario_message *m,
                      pb_value *members, int *failed, pb_error *err)
{
    int64_t luid;
    size_t chunk = 0;
    if (is_get_all_pages(p, m)) {
        *failed = paging_get_all(p, members, err);
        return true;
    }
    bool page = is_page_call(m, p->side, "gotPage", &luid) && !expected_call_of(p->s, m);
    bool end =
        is_page_call(m, p->side, "endedPaging", &luid) && !expected_call_of(p->s, m);
    pb_value *bytes = page || end ? paging_join(p, luid, &chunk) : NULL;
    if (!bytes) {
        return false;
    }
    pb_value_unref(bytes);
    if (page && is_first_page(p, m, &luid)) {
        *failed = pagers_start(p, m, luid);
    }
    return true;
}

/* ---- Collecting pages ---- */

static int paging_got_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)err;
    struct player_object *t = user_data;
    struct player *p = t->player;
    const pb_value *want = find_page(p, !p->side, t->luid, t->pages++);
    if (!want || !pb_value_equal(want, page)) {
        player_fail(p, p->check->line, "page %zu differs", t->pages);
    } else {
        check_pass(p->check);
    }
    return 0;
}

pb_object *paging_collector(struct player_object *t)
{
    static const pb_collector_ops ops = {.page = paging_got_page};
    return find_page(t->player, !t->player->side, t->luid, 0) ? pb_collector_new(&ops, t)
                                                              : NULL;
}

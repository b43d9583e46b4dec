/* SPDX-License-Identifier: MIT
 *
 * Sending pages. All pagers of a session get a turn whenever all earlier output has been
 * sent; each writes one page then, the latest pager first. Mirrors Broker.resumeProducing
 * and util.Pager. */
#include "compat/profile.h"
#include "libpb/base/error.h"
#include "libpb/base/mem.h"
#include "libpb/broker/messages.h"
#include "libpb/broker/objects.h"
#include "libpb/broker/pager.h"
#include "libpb/broker/session.h"
#include "pb/paging.h"

enum { BYTES_CHUNK = 8192, FILE_CHUNK = 16384 };

struct pb_pager {
    struct pb__list link; /* in the session's list, in the order in which they began */
    pb_remote *collector; /* one count */
    const pb_page_source *ops;
    void *self;
    bool stopped;
    bool waiting; /* until pb_pager_resume */
};

struct pb__pagers {
    struct pb__list list;
    bool producing; /* a turn is on the stack */
};

static pb_pager *pager_of(struct pb__list *link)
{
    return PB__LIST_ENTRY(link, pb_pager, link);
}

/* ---- A turn ---- */

static void free_pager(pb_pager *p, const pb_error *why)
{
    pb_pager was = *p;
    pb__list_remove(&p->link);
    pb__free(p);
    if (was.ops->done) {
        was.ops->done(was.self, why);
    }
    pb_remote_unref(was.collector);
}

static int pager_tell(pb_session *s, pb_pager *p, const char *method, pb_value *page,
                      pb_error *err)
{
    bool wanted = pb__profile_has(pb__profile(s), PB__PROFILE_PAGES_WANT_ANSWER);
    const pb_call_options options = {.no_answer = !wanted};
    pb_value *args = page ? pb_build(err, "(O)", page) : NULL;
    if (page && !args) {
        return err->code;
    }
    int failed = pb_remote_call_values(p->collector, method, args, NULL, &options, NULL,
                                       NULL, NULL, err);
    pb_value_unref(args);
    return failed;
}

/* Sends one page. Mirrors Pager.sendNextPage. */
static int send_page(pb_session *s, pb_pager *p, pb_error *err)
{
    pb_value *page = NULL;
    bool last = false;
    p->waiting = true; /* unless the source resumes it itself */
    int failed = p->ops->next_page(p->self, &page, &last, err);
    bool had_page = page;
    if (failed) {
        failed = pb__error_of_callback(err, "next_page", failed, NULL);
    } else if (page && pb__session_open(s)) {
        failed = pager_tell(s, p, "gotPage", page, err);
    }
    pb_value_unref(page);
    p->waiting = p->waiting && !had_page;
    p->stopped = p->stopped || last || failed;
    return failed;
}

/* One pager's turn. Mirrors sendNextPage and stillPaging. */
static void pager_turn(pb_session *s, pb_pager *p)
{
    pb_error err = {0};
    if (!p->stopped) {
        send_page(s, p, &err);
    }
    if (p->stopped && pb__session_open(s)) {
        pb_error own = {0};
        int failed = pager_tell(s, p, "endedPaging", NULL, &own);
        free_pager(p, failed && !err.code ? &own : &err);
    }
}

bool pb__pagers_ready(const pb_session *s)
{
    if (!s->pagers || s->pagers->producing || s->writing || s->state != PB__OPEN ||
        pb_session_want_send(s)) {
        return false;
    }
    for (struct pb__list *l = s->pagers->list.next; l != &s->pagers->list; l = l->next) {
        if (pager_of(l)->stopped || !pager_of(l)->waiting) {
            return true;
        }
    }
    return false;
}

static void pagers_trim(pb_session *s)
{
    if (pb__list_empty(&s->pagers->list)) {
        pb__free(s->pagers);
        s->pagers = NULL;
    }
}

/* Mirrors Broker.resumeProducing. A pager that is added meanwhile goes to the end, and
 * waits for the next turn. A pager is removed only in its own turn. */
void pb__pagers_turn(pb_session *s)
{
    struct pb__pagers *all = s->pagers;
    if (!pb__pagers_ready(s)) {
        return;
    }
    all->producing = true;
    struct pb__list *before;
    for (struct pb__list *l = all->list.prev; l != &all->list && pb__session_open(s);
         l = before) {
        before = l->prev;
        pb_pager *p = pager_of(l);
        if (p->stopped || !p->waiting) {
            pager_turn(s, p);
        }
    }
    all->producing = false;
    pagers_trim(s);
}

void pb__pagers_fini(pb_session *s)
{
    pb_error why = *s->error;
    pb__error_set(&why, PB_ERR_LOST, 0, "the connection was closed");
    while (s->pagers && !pb__list_empty(&s->pagers->list)) {
        free_pager(pager_of(s->pagers->list.next), &why);
    }
    if (s->pagers) {
        pagers_trim(s);
    }
}

size_t pb__pagers_count(const pb_session *s)
{
    size_t n = 0;
    if (s->pagers) {
        for (struct pb__list *l = s->pagers->list.next; l != &s->pagers->list;
             l = l->next) {
            n++;
        }
    }
    return n;
}

/* ---- Beginning and stopping ---- */

int pb_page(pb_remote *collector, const pb_page_source *ops, void *self, pb_pager **pager)
{
    pb_session *s = pb_remote_session(collector);
    if (pager) {
        *pager = NULL;
    }
    if (!collector || !ops || !ops->next_page) {
        return PB_ERR_ARG;
    }
    if (!s) {
        return PB_ERR_DEAD;
    }
    int unusable = pb__session_usable(s, NULL);
    if (unusable) {
        return unusable;
    }
    pb_pager *p = pb__malloc(sizeof *p);
    if (p && !s->pagers && (s->pagers = pb__calloc(1, sizeof *s->pagers))) {
        pb__list_init(&s->pagers->list);
    }
    if (!p || !s->pagers) {
        pb__free(p);
        return PB_ERR_NOMEM;
    }
    *p = (pb_pager){.collector = pb_remote_ref(collector), .ops = ops, .self = self};
    pb__list_push(&s->pagers->list, &p->link);
    if (pager) {
        *pager = p;
    }
    pb__session_wake(s);
    return 0;
}

static void pager_wake(pb_pager *p)
{
    pb_session *s = pb_remote_session(p->collector);
    if (s) {
        pb__session_wake(s);
    }
}

void pb_pager_resume(pb_pager *p)
{
    if (p) {
        p->waiting = false;
        pager_wake(p);
    }
}

void pb_pager_stop(pb_pager *p)
{
    if (p) {
        p->stopped = true;
        pager_wake(p);
    }
}

/* ---- The built-in sources ---- */

struct source {
    pb_value *bytes; /* one count; NULL: of a file */
    FILE *file;
    size_t at, chunk;
    pb_paged_cb done;
    void *user_data;
};

static void source_done(void *self, const pb_error *why)
{
    struct source was = *(struct source *)self;
    pb__free(self);
    if (was.done) {
        was.done(why, was.user_data);
    }
    pb_value_unref(was.bytes);
}

static int next_of_bytes(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct source *c = self;
    pb_span all = {0};
    pb_as_bytes(c->bytes, &all);
    pb_span part = {all.data + c->at, all.len - c->at};
    part.len = part.len < c->chunk ? part.len : c->chunk;
    c->at += part.len;
    *last = c->at == all.len;
    *page = pb_bytes(part);
    return *page ? 0 : pb__error_nomem(err);
}

/* The end of a file is detected by the read after its last page, as FileSender does. */
static int next_of_file(void *self, pb_value **page, bool *last, pb_error *err)
{
    struct source *c = self;
    uint8_t *chunk = pb__malloc(c->chunk);
    if (!chunk) {
        return pb__error_nomem(err);
    }
    size_t n = fread(chunk, 1, c->chunk, c->file);
    int failed = 0;
    if (n > 0) {
        *page = pb_bytes((pb_span){chunk, n});
        failed = *page ? 0 : pb__error_nomem(err);
        int next = getc(c->file);
        *last = next == EOF;
        if (next != EOF) {
            ungetc(next, c->file);
        }
    } else {
        *last = true;
    }
    if (!failed && ferror(c->file)) {
        failed = pb__error_set(err, PB_ERR_SYSTEM, 0, "the file cannot be read");
    }
    pb__free(chunk);
    return failed;
}

static const pb_page_source bytes_ops = {.next_page = next_of_bytes, .done = source_done};
static const pb_page_source file_ops = {.next_page = next_of_file, .done = source_done};

/* Refuses to begin. */
static int pager_refuse(pb_pager **pager, int code)
{
    if (pager) {
        *pager = NULL;
    }
    return code;
}

static int begin_source(pb_remote *collector, const pb_page_source *ops,
                        const struct source *c, pb_pager **pager)
{
    struct source *own = pb__malloc(sizeof *own);
    if (!own) {
        return pager_refuse(pager, PB_ERR_NOMEM);
    }
    *own = *c;
    pb_value_ref(own->bytes);
    int failed = pb_page(collector, ops, own, pager);
    if (failed) {
        pb_value_unref(own->bytes);
        pb__free(own);
    }
    return failed;
}

int pb_page_bytes(pb_remote *collector, pb_value *bytes, size_t chunk,
                  pb_paged_cb done_cb, void *user_data, pb_pager **pager)
{
    pb_span all;
    int failed = pb_as_bytes(bytes, &all);
    if (failed) {
        return pager_refuse(pager, failed);
    }
    return begin_source(collector, &bytes_ops,
                        &(struct source){.bytes = bytes,
                                         .chunk = chunk ? chunk : BYTES_CHUNK,
                                         .done = done_cb,
                                         .user_data = user_data},
                        pager);
}

int pb_page_file(pb_remote *collector, FILE *file, size_t chunk, pb_paged_cb done_cb,
                 void *user_data, pb_pager **pager)
{
    if (!file) {
        return pager_refuse(pager, PB_ERR_ARG);
    }
    return begin_source(collector, &file_ops,
                        &(struct source){.file = file,
                                         .chunk = chunk ? chunk : FILE_CHUNK,
                                         .done = done_cb,
                                         .user_data = user_data},
                        pager);
}

/* SPDX-License-Identifier: MIT
 *
 * Pages: a string and a file sent in pages to a collector of the peer's, one's own pager,
 * and all pages at once. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

#define NUMBERS 5000

/* The text that is paged: "00000 00001 ...". */
static pb_value *make_text(size_t len)
{
    char *text = malloc(NUMBERS * 6 + 1);
    for (int n = 0; n < NUMBERS; n++) {
        sprintf(text + n * 6, "%05d ", n);
    }
    pb_value *v = pb_bytes((pb_span){(const uint8_t *)text, len});
    free(text);
    return v;
}

static bool is_text(pb_value *pages)
{
    pb_value *text = make_text((size_t)NUMBERS * 6);
    pb_span wanted, page;
    pb_as_bytes(text, &wanted);
    bool right = true;
    size_t at = 0;
    for (size_t i = 0; i < pb_len(pages); i++) {
        right = right && pb_as_bytes(pb_item(pages, i), &page) == 0 &&
                page.len <= wanted.len - at &&
                memcmp(page.data, wanted.data + at, page.len) == 0;
        at += right ? page.len : 0;
    }
    pb_value_unref(text);
    return right && at == wanted.len;
}

/* ---- What is sent ---- */

static void paged(const pb_error *why, void *user_data)
{
    (void)why;
    if (user_data) {
        printf("%s\n", (const char *)user_data);
    }
}

static void page_text(pb_remote *collector, size_t len, size_t chunk, const char *end)
{
    pb_value *text = make_text(len);
    pb_page_bytes(collector, text, chunk, paged, (char *)end, NULL);
    pb_value_unref(text);
}

/* Pages that are numbers, up to 4. */
static int next_number(void *self, pb_value **page, bool *last, pb_error *err)
{
    int *number = self;
    (void)err;
    *page = pb_int(++*number);
    *last = *number >= 4;
    return 0;
}

static void numbers_done(void *self, const pb_error *why)
{
    paged(why, "the numbers are paged");
    free(self);
}

static const pb_page_source numbers = {.next_page = next_number, .done = numbers_done};

static void file_done(const pb_error *why, void *user_data)
{
    paged(why, "the file is paged");
    fclose(user_data);
}

static void page_file(pb_remote *collector)
{
    pb_value *text = make_text((size_t)NUMBERS * 6);
    pb_span s;
    pb_as_bytes(text, &s);
    FILE *file = tmpfile();
    fwrite(s.data, 1, s.len, file);
    rewind(file);
    pb_value_unref(text);
    pb_page_file(collector, file, 0, file_done, file, NULL);
}

static void send_kind(const char *kind, pb_remote *collector)
{
    if (strcmp(kind, "string") == 0) {
        page_text(collector, (size_t)NUMBERS * 6, 8192, "the string is paged");
    } else if (strcmp(kind, "small") == 0) {
        page_text(collector, 24, 5, NULL);
    } else if (strcmp(kind, "exact") == 0) {
        page_text(collector, 24, 6, NULL);
    } else if (strcmp(kind, "empty") == 0) {
        page_text(collector, 0, 0, NULL);
    } else if (strcmp(kind, "numbers") == 0) {
        pb_page(collector, &numbers, calloc(1, sizeof(int)), NULL);
    } else if (strcmp(kind, "file") == 0) {
        page_file(collector);
    }
}

/* ---- The server ---- */

static int do_page(void *self, pb_request *req)
{
    (void)self;
    pb_value *collector;
    const char *kind;
    const char *const names[] = {"collector", "kind", NULL};
    int e = pb_request_unpack_keywords(req, "Os", names, &collector, &kind);
    if (e == 0) {
        send_kind(kind, pb_as_remote(collector));
    }
    return e;
}

static void collected(pb_value *pages, pb_failure *failure, void *user_data)
{
    if (failure) {
        pb_request_fail_with(user_data, failure);
    } else {
        pb_request_answer_steal(user_data, pb_bool(is_text(pages)));
    }
    pb_request_unref(user_data);
}

/* Has the pager send its pages here. */
static int do_collect(void *self, pb_request *req)
{
    (void)self;
    pb_value *pager;
    int e = pb_request_unpack(req, "O", &pager);
    return e ? e
             : pb_get_all_pages(pb_as_remote(pager), "page", NULL, NULL, NULL, collected,
                                pb_request_ref(req), NULL);
}

static int do_tables(void *self, pb_request *req)
{
    (void)self;
    char text[TABLES_SIZE];
    tables(pb_request_session(req), text);
    return pb_request_answer_steal(req, pb_str(text));
}

static const pb_class pages_class = {
    .name = "Pages",
    .remote = (const pb_method[]){{"page", do_page},
                                  {"page_to", do_page},
                                  {"collect", do_collect},
                                  {"tables", do_tables},
                                  {0}},
};

static void serve_paging(pb_net_config *config)
{
    config->session.root = pb_object_new(&pages_class, NULL);
}

/* ---- The client ---- */

static void got_all(pb_value *pages, pb_failure *failure, void *user_data)
{
    pb_value **got = user_data;
    *got = failure ? pb_str(pb_failure_text(failure)) : pb_value_ref(pages);
}

/* All pages of a kind, *new*. */
static pb_value *get_all(struct talk *t, const char *method, bool by_keyword,
                         const char *kind)
{
    pb_value *got = NULL;
    pb_value *args = by_keyword ? NULL : pb_build(NULL, "(s)", kind);
    pb_value *kwargs = by_keyword ? pb_build(NULL, "{ss}", "kind", kind) : NULL;
    pb_get_all_pages(t->root, method, args, kwargs, NULL, got_all, &got, &t->err);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    while (!got && pb_client_wait(t->client, 10) == 0) {
    }
    return got;
}

static void say_steal(const char *what, pb_value *v)
{
    char *text = shown(v);
    printf("%s %s\n", what, text);
    free(text);
    pb_value_unref(v);
}

static int sender_page(void *self, pb_request *req)
{
    (void)self;
    pb_value *collector;
    int e = pb_request_unpack(req, "O", &collector);
    if (e == 0) {
        page_text(pb_as_remote(collector), (size_t)NUMBERS * 6, 1000,
                  "our string is paged");
    }
    return e;
}

static const pb_class sender_class = {
    .name = "Sender",
    .remote = (const pb_method[]){{"page", sender_page}, {0}},
};

static int got_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    say_steal("got", pb_value_ref(page));
    return 0;
}

static void got_end(const pb_error *why, void *user_data)
{
    bool *ended = user_data;
    *ended = true;
    printf("%s\n", why->code ? why->text : "no more");
}

static void collect_numbers(struct talk *t)
{
    static const pb_collector_ops ops = {.page = got_page, .end = got_end};
    bool ended = false;
    pb_object *collector = pb_collector_new(&ops, &ended);
    pb_value_unref(pb_client_call(t->client, t->root, "page", &t->err, "Ns",
                                  pb_object_value_steal(collector), "numbers"));
    while (!ended && pb_client_wait(t->client, 10) == 0) {
    }
}

static void paging(struct talk *t)
{
    const char *const whole[] = {"string", "file"};
    for (size_t i = 0; i < 2; i++) {
        pb_value *pages = get_all(t, "page", false, whole[i]);
        printf("%s is %s\n", whole[i], is_text(pages) ? "right" : "wrong");
        pb_value_unref(pages);
    }
    const char *const kinds[] = {"small", "exact", "empty", "numbers"};
    for (size_t i = 0; i < 4; i++) {
        say_steal(kinds[i], get_all(t, "page", false, kinds[i]));
    }
    say_steal("by keyword", get_all(t, "page_to", true, "small"));
    collect_numbers(t);
    pb_value *sender = pb_object_value_steal(pb_object_new(&sender_class, NULL));
    tell(t, "collect",
         pb_client_call(t->client, t->root, "collect", &t->err, "N", sender));
    tell(t, "tables", pb_client_call(t->client, t->root, "tables", &t->err, ""));
}

const struct pair pairs_paging[] = {{"paging", serve_paging, paging, NULL}, {0}};

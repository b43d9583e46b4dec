/* SPDX-License-Identifier: MIT
 *
 * Paging: a string and a file sent in pages to the peer's collector, a pager with its own
 * pages, and all pages as one answer. */
#include <stdlib.h>
#include <string.h>

#include "interop-tests/live/pairs/pair.h"

#define NUMBERS 5000

/* The first `len` bytes of the text that is paged: "00000 00001 ...". */
static pb_value *numbers_text(size_t len)
{
    char *text = malloc(NUMBERS * 6 + 1);
    for (int n = 0; n < NUMBERS; n++) {
        sprintf(text + n * 6, "%05d ", n);
    }
    pb_value *v = pb_bytes((pb_span){(const uint8_t *)text, len});
    free(text);
    return v;
}

/* Whether the pages are the text. */
static bool pages_are_text(pb_value *pages)
{
    pb_value *text = numbers_text((size_t)NUMBERS * 6);
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

/* ---- The pagers ---- */

static void print_paged(const pb_error *why, void *user_data)
{
    (void)why;
    if (user_data) {
        printf("%s\n", (const char *)user_data);
    }
}

static void page_text(pb_remote *collector, size_t len, size_t chunk, const char *end)
{
    pb_value *text = numbers_text(len);
    pb_page_bytes(collector, text, chunk, print_paged, (char *)end, NULL);
    pb_value_unref(text);
}

/* Pages that are the numbers 1 to 4. */
static int numbers_next(void *self, pb_value **page, bool *last, pb_error *err)
{
    int *number = self;
    (void)err;
    *page = pb_int(++*number);
    *last = *number >= 4;
    return 0;
}

static void numbers_paged(void *self, const pb_error *why)
{
    print_paged(why, "the numbers are paged");
    free(self);
}

static const pb_page_source numbers = {.next_page = numbers_next, .done = numbers_paged};

static void file_paged(const pb_error *why, void *user_data)
{
    print_paged(why, "the file is paged");
    fclose(user_data);
}

static void send_file(pb_remote *collector)
{
    pb_value *text = numbers_text((size_t)NUMBERS * 6);
    pb_span s;
    pb_as_bytes(text, &s);
    FILE *file = tmpfile();
    fwrite(s.data, 1, s.len, file);
    rewind(file);
    pb_value_unref(text);
    pb_page_file(collector, file, 0, file_paged, file, NULL);
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
        send_file(collector);
    }
}

/* ---- The server ---- */

static int pages_page(void *self, pb_request *req)
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

static void pages_collected(pb_value *pages, pb_failure *failure, void *user_data)
{
    if (failure) {
        pb_request_fail_with(user_data, failure);
    } else {
        pb_request_answer_steal(user_data, pb_bool(pages_are_text(pages)));
    }
    pb_request_unref(user_data);
}

/* Has the argument send its pages, and answers whether they are the text. */
static int pages_collect(void *self, pb_request *req)
{
    (void)self;
    pb_value *pager;
    int e = pb_request_unpack(req, "O", &pager);
    return e ? e
             : pb_get_all_pages(pb_as_remote(pager), "page", NULL, NULL, NULL,
                                pages_collected, pb_request_ref(req), NULL);
}

static const pb_class pages_class = {
    .name = "Pages",
    .remote = (const pb_method[]){{"page", pages_page},
                                  {"page_to", pages_page},
                                  {"collect", pages_collect},
                                  {"counts", answer_counts},
                                  {0}},
};

static void serve_paging(pb_net_config *config)
{
    config->session.root = pb_object_new(&pages_class, NULL);
}

/* ---- The client ---- */

static void all_pages_received(pb_value *pages, pb_failure *failure, void *user_data)
{
    pb_value **got = user_data;
    *got = failure ? pb_str(pb_failure_text(failure)) : pb_value_ref(pages);
}

/* All pages of a kind: *new*. */
static pb_value *fetch_all_pages(struct test_client *t, const char *method,
                                 bool by_keyword, const char *kind)
{
    pb_value *got = NULL;
    pb_value *args = by_keyword ? NULL : pb_build(NULL, "(s)", kind);
    pb_value *kwargs = by_keyword ? pb_build(NULL, "{ss}", "kind", kind) : NULL;
    pb_get_all_pages(t->root, method, args, kwargs, NULL, all_pages_received, &got,
                     &t->err);
    pb_value_unref(args);
    pb_value_unref(kwargs);
    while (!got && pb_client_wait(t->client, 10) == 0) {
    }
    return got;
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

static int collector_page(pb_value *page, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    print_value("got", page);
    return 0;
}

static void collector_end(const pb_error *why, void *user_data)
{
    bool *ended = user_data;
    *ended = true;
    printf("%s\n", why->code ? why->text : "no more pages");
}

static void run_collector(struct test_client *t)
{
    static const pb_collector_ops ops = {.page = collector_page, .end = collector_end};
    bool ended = false;
    pb_object *collector = pb_collector_new(&ops, &ended);
    pb_value_unref(pb_client_call(t->client, t->root, "page", &t->err, "Ns",
                                  pb_object_value_steal(collector), "numbers"));
    while (!ended && pb_client_wait(t->client, 10) == 0) {
    }
}

static void run_paging(struct test_client *t)
{
    const char *const full[] = {"string", "file"};
    for (size_t i = 0; i < 2; i++) {
        pb_value *pages = fetch_all_pages(t, "page", false, full[i]);
        printf("%s is %s\n", full[i], pages_are_text(pages) ? "right" : "wrong");
        pb_value_unref(pages);
    }
    const char *const kinds[] = {"small", "exact", "empty", "numbers"};
    for (size_t i = 0; i < 4; i++) {
        pb_value *pages = fetch_all_pages(t, "page", false, kinds[i]);
        print_value(kinds[i], pages);
        pb_value_unref(pages);
    }
    pb_value *pages = fetch_all_pages(t, "page_to", true, "small");
    print_value("by keyword", pages);
    pb_value_unref(pages);
    run_collector(t);
    pb_value *sender = pb_object_value_steal(pb_object_new(&sender_class, NULL));
    print_answer_steal(
        t, "collect",
        pb_client_call(t->client, t->root, "collect", &t->err, "N", sender));
    print_server_counts(t, "counts");
}

const struct pair pairs_paging[] = {{"paging", serve_paging, run_paging, NULL}, {0}};

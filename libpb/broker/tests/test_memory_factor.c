/* SPDX-License-Identifier: MIT
 *
 * How much memory each kind of value takes for the bytes that a peer sends: the table in
 * docs/limits.md, and that no kind takes more than it says. */
#include "libpb/broker/tests/hostile.h"

enum { MANY = 100000, REFERENCES = 2 * MANY };

static void put_head(struct stream *s, const char *word)
{
    stream_head(s, word, 0);
    stream_end(s);
}

/* Values that are the one number or text after their head. */
static void put_text_of(struct stream *s, const char *head, const char *text)
{
    stream_head(s, head, 1);
    stream_word(s, text);
    stream_end(s);
}

static void put_int(struct stream *s, int i)
{
    stream_int(s, i % 128);
}

static void put_big(struct stream *s, int i)
{
    static const uint8_t digits[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 1};
    (void)i;
    cr_assert_eq(s->out.ops->big(s->out.ctx, false, (pb_span){digits, sizeof digits}), 0);
}

static void put_float(struct stream *s, int i)
{
    cr_assert_eq(s->out.ops->real(s->out.ctx, i), 0);
}

static void put_no_bytes(struct stream *s, int i)
{
    (void)i;
    stream_word(s, "");
}

static void put_byte(struct stream *s, int i)
{
    (void)i;
    stream_word(s, "x");
}

static void put_word(struct stream *s, int i)
{
    (void)i;
    stream_word(s, "list");
}

static void put_str(struct stream *s, int i)
{
    (void)i;
    put_text_of(s, "unicode", "");
}

static void put_true(struct stream *s, int i)
{
    (void)i;
    put_text_of(s, "boolean", "true");
}

static void put_none(struct stream *s, int i)
{
    (void)i;
    put_head(s, "None");
}

static void put_list(struct stream *s, int i)
{
    (void)i;
    put_head(s, "list");
}

static void put_list_of_one(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "list", 1);
    stream_int(s, 0);
    stream_end(s);
}

static void put_tuple(struct stream *s, int i)
{
    (void)i;
    put_head(s, "tuple");
}

static void put_tuple_of_one(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "tuple", 1);
    stream_int(s, 0);
    stream_end(s);
}

static void put_dict(struct stream *s, int i)
{
    (void)i;
    put_head(s, "dictionary");
}

static void put_dict_of_one(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "dictionary", 1);
    stream_list(s, 2);
    stream_int(s, 0);
    stream_int(s, 0);
    stream_end(s);
    stream_end(s);
}

static void put_set(struct stream *s, int i)
{
    (void)i;
    put_head(s, "set");
}

static void put_frozenset_of_one(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "frozenset", 1);
    stream_int(s, 0);
    stream_end(s);
}

/* One set or dict of all. */
static void put_pair(struct stream *s, int i)
{
    stream_list(s, 2);
    stream_int(s, i);
    stream_int(s, 0);
    stream_end(s);
}

static void put_member(struct stream *s, int i)
{
    stream_int(s, i);
}

static void put_datetime(struct stream *s, int i)
{
    (void)i;
    put_text_of(s, "timedelta", "0 0 0");
}

static void put_decimal(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "decimal", 2);
    stream_int(s, 0);
    stream_int(s, 0);
    stream_end(s);
}

static void put_reference(struct stream *s, int i)
{
    stream_head(s, "reference", 2);
    stream_int(s, i);
    put_head(s, "list");
    stream_end(s);
}

static void put_dereference(struct stream *s, int i)
{
    stream_head(s, "dereference", 1);
    stream_int(s, i);
    stream_end(s);
}

static void put_same_dereference(struct stream *s, int i)
{
    (void)i;
    put_dereference(s, 0);
}

static void put_self_list(struct stream *s, int i)
{
    stream_head(s, "reference", 2);
    stream_int(s, i);
    stream_head(s, "list", 1);
    put_dereference(s, i);
    stream_end(s);
    stream_end(s);
}

static void put_self_tuple(struct stream *s, int i)
{
    stream_head(s, "reference", 2);
    stream_int(s, i);
    stream_head(s, "tuple", 1);
    put_dereference(s, i);
    stream_end(s);
    stream_end(s);
}

static void put_late_tuple(struct stream *s, int i)
{
    stream_head(s, "tuple", 1);
    put_dereference(s, i % 64);
    stream_end(s);
}

static void put_late_set(struct stream *s, int i)
{
    stream_head(s, "set", 1);
    put_dereference(s, i % 64);
    stream_end(s);
}

static void put_class(struct stream *s, int i)
{
    (void)i;
    put_text_of(s, "class", "a.A");
}

static void put_instance(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "a.A", 1);
    put_head(s, "dictionary");
    stream_end(s);
}

static void put_persistent(struct stream *s, int i)
{
    (void)i;
    put_head(s, "persistent");
}

static void put_unpersistable(struct stream *s, int i)
{
    (void)i;
    put_text_of(s, "unpersistable", "");
}

static void put_remote(struct stream *s, int i)
{
    stream_head(s, "remote", 1);
    stream_int(s, i);
    stream_end(s);
}

static void put_local(struct stream *s, int i)
{
    (void)i;
    stream_head(s, "local", 1);
    stream_int(s, 0);
    stream_end(s);
}

static const struct kind {
    const char *name;
    void (*put)(struct stream *s, int i);
    const char *in; /* the container of all of them */
    int most;       /* bytes of memory for each byte on the wire */
} kinds[] = {
    {"int", put_int, "list", 9},
    {"big int", put_big, "list", 4},
    {"float", put_float, "list", 3},
    {"empty bytes", put_no_bytes, "list", 9},
    {"bytes", put_byte, "list", 11},
    {"word of the vocabulary", put_word, "list", 9},
    {"str", put_str, "list", 3},
    {"True", put_true, "list", 1},
    {"None", put_none, "list", 3},
    {"empty list", put_list, "list", 13},
    {"list of one", put_list_of_one, "list", 12},
    {"empty tuple", put_tuple, "list", 3},
    {"tuple of one", put_tuple_of_one, "list", 12},
    {"empty dict", put_dict, "list", 13},
    {"dict of one", put_dict_of_one, "list", 9},
    {"empty set", put_set, "list", 13},
    {"frozenset of one", put_frozenset_of_one, "list", 8},
    {"pair of a dict", put_pair, "dictionary", 8},
    {"member of a set", put_member, "set", 11},
    {"timedelta", put_datetime, "list", 2},
    {"Decimal", put_decimal, "list", 4},
    {"reference", put_reference, "list", 8},
    {"list in itself", put_self_list, "list", 20},
    {"tuple in itself", put_self_tuple, "list", 4},
    {"unresolved dereference", put_dereference, "list", 5},
    {"the same one again", put_same_dereference, "list", 9},
    {"tuple of an unresolved one", put_late_tuple, "list", 8},
    {"set of an unresolved one", put_late_set, "list", 8},
    {"class", put_class, "list", 7},
    {"instance", put_instance, "list", 10},
    {"persistent", put_persistent, "list", 15},
    {"unpersistable", put_unpersistable, "list", 10},
    {"remote", put_remote, "list", 17},
    {"local", put_local, "list", 2},
};

/* A call with MANY values of a kind. */
static struct stream call_with(const struct kind *kind, int many)
{
    struct stream s = stream_new();
    stream_call(&s, "message", -1, "any");
    stream_head(&s, "tuple", 1);
    stream_head(&s, kind->in, (size_t)many);
    for (int i = 0; i < many; i++) {
        kind->put(&s, i);
    }
    stream_end(&s);
    stream_end(&s);
    stream_no_kwargs(&s);
    stream_end(&s);
    return s;
}

/* The same bytes without prefixes of 0, which are read as 0 all the same; the encoder of
 * the stream is freed. */
static uint8_t *shortest(struct stream *s, size_t *len)
{
    pb_span in = pb_encoder_send(s->encoder);
    uint8_t *out = malloc(in.len);
    *len = 0;
    for (size_t i = 0; i < in.len; i++) {
        bool zero = in.data[i] == 0 && i + 1 < in.len && i > 0 &&
                    in.data[i - 1] >= 0x80 &&
                    (in.data[i + 1] == 0x81 || in.data[i + 1] == 0x82);
        if (!zero) {
            out[(*len)++] = in.data[i];
        }
    }
    pb_encoder_free(s->encoder);
    return out;
}

static pb_taster *allow_all(void)
{
    pb_taster *t = pb_taster_new();
    cr_assert_eq(pb_taster_allow_all(t), 0);
    return t;
}

PB_TEST(memory_factor, of_each_kind)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct victim v;
        size_t bytes;
        pb_taster *t = allow_all();
        victim_begin(&v, (pb_session_config){.jelly.taster = t, .max_held = REFERENCES},
                     0);
        struct stream s = call_with(&kinds[k], MANY);
        uint8_t *in = shortest(&s, &bytes);
        pb__test_count_bytes();
        pb_session_recv(v.session, (pb_span){in, bytes}, 0);
        double factor = (double)pb__test_peak_bytes() / (double)bytes;
        cr_expect_leq(factor, kinds[k].most, "%s: %.1f", kinds[k].name, factor);
        cr_expect_leq(kinds[k].most, 20, "%s", kinds[k].name);
        free(in);
        victim_end(&v);
        pb_taster_unref(t);
    }
}

/* The documented table has these rows. */
PB_TEST(memory_factor, is_documented)
{
    const char *srcdir = getenv("srcdir");
    char path[1000];
    static char page[100000];
    snprintf(path, sizeof path, "%s/docs/limits.md", srcdir ? srcdir : "..");
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f, "%s", path);
    page[fread(page, 1, sizeof page - 1, f)] = '\0';
    fclose(f);
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        char row[100];
        snprintf(row, sizeof row, "\n| %s | %d |\n", kinds[k].name, kinds[k].most);
        cr_expect(strstr(page, row), "%s is missing", row);
    }
}

enum { BUDGET = 1 << 20, BLOCK = 50000 };

/* A message of any kind stays within its budget, and a smaller one is read. */
PB_TEST(memory_factor, of_a_message_is_bounded)
{
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        struct victim v;
        pb_taster *t = allow_all();
        victim_begin(&v,
                     (pb_session_config){.jelly = {.taster = t, .limits.memory = BUDGET},
                                         .max_held = 1000},
                     PB_LOG_ERROR);
        struct stream s = call_with(&kinds[k], MANY);
        pb__test_count_bytes();
        victim_feed(&v, &s);
        cr_expect_leq(pb__test_peak_bytes(), (size_t)BUDGET * 3 / 2, "%s: %zu",
                      kinds[k].name, pb__test_peak_bytes());
        if (kinds[k].put == put_remote) {
            cr_expect_eq(v.why.code, PB_ERR_LIMIT);
            cr_expect_str_eq(v.why.text,
                             "the peer has sent more than 1000 references, the limit");
            victim_end(&v);
            pb_taster_unref(t);
            continue;
        }
        cr_expect(pb__session_open(v.session), "%s: %s", kinds[k].name, v.why.text);
        pb_session_sent(v.session, pb_session_send(v.session).len, 0);
        s = call_with(&kinds[k], 1);
        victim_feed(&v, &s);
        cr_expect_gt(pb_session_send(v.session).len, 0, "%s", kinds[k].name);
        victim_end(&v);
        pb_taster_unref(t);
    }
}

/* Calls that are never answered. */
static pb_request *kept[64];
static size_t kept_count;

static int serve_never(void *self, pb_request *r)
{
    (void)self;
    cr_assert_lt(kept_count, sizeof kept / sizeof *kept);
    kept[kept_count++] = pb_request_ref(r);
    return 0;
}

static const pb_class never_class = {
    .name = "Never", .remote = (const pb_method[]){{"never", serve_never}, {0}}};

static void send_never(struct victim *v)
{
    static const uint8_t block[BLOCK];
    struct stream s = stream_new();
    stream_call(&s, "message", -1, "never");
    stream_head(&s, "tuple", 1);
    stream_bytes(&s, (pb_span){block, sizeof block});
    stream_end(&s);
    stream_no_kwargs(&s);
    stream_end(&s);
    victim_feed(v, &s);
}

PB_TEST(memory_factor, of_calls_being_served_is_bounded)
{
    struct victim v;
    pb_object *root = pb_object_new(&never_class, NULL);
    victim_begin(&v, (pb_session_config){.root = root, .max_memory = BUDGET}, 0);
    pb__test_count_bytes();
    kept_count = 0;
    for (int i = 0; i < 100 && pb__session_open(v.session); i++) {
        send_never(&v);
    }
    cr_expect_leq(pb__test_peak_bytes(), (size_t)BUDGET * 3 / 2);
    cr_expect_geq(kept_count, BUDGET / BLOCK / 2);
    cr_expect_leq(kept_count, BUDGET / BLOCK);
    /* It ends, or goes on as soon as calls are answered. */
    size_t before = kept_count;
    for (size_t i = 0; i < before; i++) {
        pb_request_answer_steal(kept[i], pb_none());
        pb_request_unref(kept[i]);
    }
    if (pb__session_open(v.session)) {
        send_never(&v);
        cr_expect_eq(kept_count, before + 1);
        pb_request_unref(kept[before]);
    } else {
        cr_expect_eq(v.why.code, PB_ERR_LIMIT);
        cr_expect(strstr(v.why.text, "memory"), "%s", v.why.text);
    }
    victim_end(&v);
    pb_object_unref(root);
}

/* Input that arrives while reading has stopped is limited. */
PB_TEST(memory_factor, of_pending_input_is_bounded)
{
    struct victim v;
    static const uint8_t block[BLOCK];
    victim_begin(&v, (pb_session_config){.max_memory = BUDGET}, 0);
    pb_session_pause(v.session);
    pb__test_count_bytes();
    for (int i = 0; i < 100 && pb__session_open(v.session); i++) {
        pb_session_recv(v.session, (pb_span){block, sizeof block}, 0);
    }
    cr_expect_leq(pb__test_peak_bytes(), (size_t)BUDGET * 4);
    cr_expect_eq(v.why.code, PB_ERR_LIMIT);
    cr_expect_str_eq(v.why.text, "pending input of more than 1048576 bytes, the limit");
    victim_end(&v);
}

/* The memory of large messages goes back to the system. */
PB_TEST(memory_factor, of_a_burst_goes_back)
{
    struct victim v;
    victim_begin(&v, (pb_session_config){0}, 0);
    for (int i = 0; i < 20; i++) {
        struct stream s = call_with(&kinds[9], 500000);
        victim_feed(&v, &s);
        pb_session_sent(v.session, pb_session_send(v.session).len, 0);
    }
    cr_expect_geq(pb__test_trims(), 5);
    long before = pb__test_trims();
    for (int i = 0; i < 100; i++) {
        struct stream s = call_with(&kinds[9], 1000);
        victim_feed(&v, &s);
        pb_session_sent(v.session, pb_session_send(v.session).len, 0);
    }
    cr_expect_eq(pb__test_trims(), before);
    victim_end(&v);
}

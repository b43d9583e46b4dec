/* SPDX-License-Identifier: MIT
 *
 * The reader as it is used: messages, the forms of the broker, persistent ids, one
 * expression after the other; and the memory that it keeps. */
#include "libpb/base/error.h"
#include "libpb/jelly/tests/reading.h"

/* ---- Messages ---- */

struct log {
    struct pb__buf text; /* a line for each message */
    int result;          /* of the next `done` */
};

static int note(struct pb__message *m, void *ctx)
{
    struct log *l = ctx;
    bool list = m->value && pb_value_kind(m->value) == PB_LIST;
    size_t n = list ? pb_len(m->value) : 1;
    int e = 0;
    for (size_t i = 0; i < n; i++) {
        pb_value *v = list ? pb_item(m->value, i) : m->value;
        char *repr = v ? pb_value_repr(v) : NULL;
        e = e || (v && !repr) ? PB_ERR_NOMEM
                              : pb__buf_printf(&l->text, "%s ", v ? repr : "-");
        pb_free(repr);
    }
    if (e == 0 && m->refused) {
        e = m->refused->code == PB_ERR_NOMEM
                ? PB_ERR_NOMEM
                : pb__buf_printf(&l->text, "(%s: %s)", m->refused->where,
                                 m->refused->text);
    }
    pb_value_unref(m->value);
    return e ? e : pb__buf_puts(&l->text, "\n") ? PB_ERR_NOMEM : l->result;
}

static const char *name_of(const pb_value *command, size_t i, void *ctx)
{
    (void)ctx;
    pb_span s;
    bool answer = pb_as_text(command, &s) == 0 && s.len == 6;
    return answer && i == 2 ? "result" : NULL;
}

struct told {
    pb_span in;
    size_t step;
    const struct pb__invoker *invoker;
    const char *want;
};

/* Reads messages that may be given in pieces of `step`, and compares the log. */
static int read_messages(void *user_data)
{
    const struct told *t = user_data;
    struct log l = {0};
    struct pb__reader *r =
        pb__reader_new(&(struct pb__reader_config){.invoker = t->invoker,
                                                   .messages = true,
                                                   .done = note,
                                                   .member_name = name_of,
                                                   .ctx = &l});
    pb_decoder *d = r ? pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r)) : NULL;
    int e = d ? 0 : PB_ERR_NOMEM;
    for (size_t at = 0; e == 0 && at < t->in.len; at += t->step) {
        size_t len = t->in.len - at < t->step ? t->in.len - at : t->step;
        e = pb_decoder_recv(d, (pb_span){t->in.data + at, len}, NULL);
    }
    e = e ? e : pb__buf_append(&l.text, "", 1);
    if (e == 0) {
        cr_expect_str_eq((char *)l.text.data, t->want);
    }
    pb__buf_fini(&l.text);
    pb_decoder_free(d);
    pb__reader_free(r);
    return e;
}

static pb_encoder *messages(const char *const *texts, size_t n)
{
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    pb_sink to = pb_encoder_sink(e);
    for (size_t i = 0; i < n; i++) {
        put_element(&to, texts[i]);
    }
    return e;
}

PB_TEST(read_message, members)
{
    static const char *const texts[] = {
        "(version 6)",
        "5",
        "()",
        "(answer 1 (list (reference 1 (list (dereference 1)))))",
        /* Each member has its own references. */
        "(message 1 (tuple (reference 1 (list 2))) (dictionary (1 (dereference 1))))",
        "(message (reference 1 2) (reference 1 3))",
        "(answer 2 (list 1 (dictionary (k (what)))))",
        "(message 1 root (list) (what 1 (2)) (tuple (unicode x)) ())",
        "(answer 3 (None))",
        "'abc'",
        "1.5",
    };
    static const char want[] =
        "b'version' 6 \n"
        "5 \n"
        "\n"
        "b'answer' 1 [[[...]]] \n"
        "b'message' 1 ([2],) {1: <twisted.persisted.crefutil._Dereference {'dependants': "
        "[(<twisted.persisted.crefutil._DictKeyAndValue {'dict': {...}, 'key': 1, "
        "'value': <...>}>, 1)], 'resolved': 0, 'id': 1}>} \n"
        "b'message' 2 3 \n"
        "b'answer' 2 - (message 7: result[1][b'k']: b'what')\n"
        "b'message' 1 b'root' [] - ('x',) - (message 8: [4]: b'what')\n"
        "b'answer' 3 None \n"
        "b'abc' \n"
        "1.5 \n";
    pb_encoder *e = messages(texts, sizeof texts / sizeof *texts);
    struct told t = {.in = pb_encoder_send(e), .want = want};
    for (t.step = 1; t.step <= t.in.len; t.step += t.step < 40 ? 1 : 37) {
        cr_assert_eq(read_messages(&t), 0);
    }
    pb_encoder_free(e);
}

PB_TEST(read_message, lack_of_memory)
{
    static const char *const texts[] = {
        "(answer 1 (list (reference 1 (list (dereference 1))) (unicode x)))",
        "(message 1 root name 1 (tuple 1.5) (dictionary ((unicode k) v)))",
    };
    pb_encoder *e = messages(texts, 2);
    struct told t = {.in = pb_encoder_send(e),
                     .want = "b'answer' 1 [[[...]], 'x'] \n"
                             "b'message' 1 b'root' b'name' 1 (1.5,) {'k': b'v'} \n"};
    for (t.step = 1; t.step < 100; t.step += 98) {
        pb__test_each_failure(read_messages, &t);
    }
    pb_encoder_free(e);
}

PB_TEST(read_message, owner_stops)
{
    pb_encoder *e = messages((const char *const[]){"(a)", "(b)"}, 2);
    struct log l = {.result = PB_ERR_PROTOCOL};
    struct pb__reader *r = pb__reader_new(
        &(struct pb__reader_config){.messages = true, .done = note, .ctx = &l});
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
    cr_expect_eq(pb_decoder_recv(d, pb_encoder_send(e), NULL), PB_ERR_PROTOCOL);
    cr_expect_eq(l.text.len, strlen("b'a' \n"));
    pb__buf_fini(&l.text);
    pb_decoder_free(d);
    pb__reader_free(r);
    pb_encoder_free(e);
}

/* ---- The broker's forms ---- */

static enum pb__known knows(pb_span head, void *ctx)
{
    (void)ctx;
    return head.len > 0 && (head.data[0] == 'r' || head.data[0] == '.');
}

/* (head, id, state), without missing parts; or an error, or no value at all. */
static int unjelly(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx)
{
    (void)ctx;
    if (form->head.data[1] == '!') {
        return pb__error_set(err, PB_ERR_PROTOCOL, 0, "no such form");
    }
    if (form->head.data[1] == '-') {
        return 0;
    }
    *out = pb_build(NULL, "[Oy#]", form->id ? form->id : pb_none(), form->head.data,
                    form->head.len);
    return !*out ? PB_ERR_NOMEM : form->state ? pb_append(*out, form->state) : 0;
}

PB_TEST(read_message, forms)
{
    static const struct pb__invoker invoker = {.knows = knows, .unjelly = unjelly};
    static const struct {
        const char *text, *want;
    } rows[] = {
        {"(remote)", "[None, b'remote']"},
        {"(remote 1)", "[1, b'remote']"},
        {"(remote a (list 1) (x) 5)", "[b'a', b'remote', [1]]"},
        {"(remote 1 2 3)", "[1, b'remote', 2]"},
        {"(.C (dictionary (1 2)))", "[None, b'.C', {1: 2}]"},
        {"(.C (dictionary) 5 (x))", "[None, b'.C', {}]"},
        {"(list (reference 1 (remote 1)) (dereference 1))",
         "[[1, b'remote'], [1, b'remote']]"},
        {"(remote 1 (what))", "!INSECURE b'what'"},
        {"(r! 1)", "!PROTOCOL no such form"},
        {"(r-)", "!NOMEM out of memory"},
        {"(.C (dereference 1))", "!TYPE the state of an instance is not known yet"},
        {"(what)", "!INSECURE b'what'"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        reads_by(NULL, &invoker, rows[i].text, rows[i].want);
    }
    pb_encoder *e = expression("(list (remote a (list 1)))", PB_DIALECT_PB);
    struct told t = {.in = pb_encoder_send(e),
                     .step = 100,
                     .invoker = &invoker,
                     .want = "b'list' [b'a', b'remote', [1]] \n"};
    pb__test_each_failure(read_messages, &t);
    pb_encoder_free(e);
}

/* Adds the numbers of the references that are read, and 100 for each run. */
struct sum {
    int64_t readings, others;
};

static enum pb__known knows_remote(pb_span head, void *ctx)
{
    (void)ctx;
    return head.len == 6 && memcmp(head.data, "remote", 6) == 0;
}

static int add_up(const struct pb__form *form, pb_value **out, pb_error *err, void *ctx)
{
    struct sum *sum = ctx;
    int64_t id;
    if (!form->id || pb_as_int(form->id, &id) != 0) {
        return pb__error_set(err, PB_ERR_SYNTAX, 0, "no number");
    }
    *(id == 100 ? &sum->readings : &sum->others) += id;
    *out = pb_none();
    return 0;
}

/* The peer also counts the references in a refused expression. */
PB_TEST(read_message, references_in_what_is_refused)
{
    struct sum sum = {0};
    const struct pb__invoker invoker = {
        .knows = knows_remote, .unjelly = add_up, .ctx = &sum};
    reads_by(NULL, &invoker,
             "(list (remote 100) (what) (remote 1) (x (y (remote 2)) ((remote 4)) 64 "
             "(cached 8) (remote) (remote x) (remote (64)) (remote 64 64) (x 64) "
             "(x remote 64) (remote 16)) (remote 32))",
             "!INSECURE [1]: b'what'");
    cr_assert_gt(sum.readings, 100);
    cr_assert_eq(sum.others, sum.readings / 100 * 63);
}

/* ---- Persistent ids ---- */

static int load(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    int *result = user_data;
    if (*result) {
        return pb__error_set(err, *result, 0, "nothing is kept there");
    }
    *v = pb_build(NULL, "[O]", id);
    return *v ? 0 : PB_ERR_NOMEM;
}

PB_TEST(read_message, persistent)
{
    int result = 0;
    pb_jelly_config c = {.persistent_load = load, .user_data = &result};
    reads(&c, "(persistent 5 (x))", "[5]");
    reads(&c, "(list (persistent (unicode key)) (persistent (list 1)))",
          "[['key'], [[1]]]");
    reads(&c, "(persistent)", "!SYNTAX 'persistent' has no member");
    reads(&c, "(persistent (1))", "!SYNTAX the head of an expression is a 'int'");
    survives(&c, "(persistent (unicode key))");
    result = PB_ERR_STATE;
    reads(&c, "(persistent 5)", "!STATE nothing is kept there");
}

/* ---- Expression by expression ---- */

PB_TEST(read_message, unjellier)
{
    pb_jelly_config c = {.taster = open_taster()};
    pb_unjellier *u = pb_unjellier_new(&c);
    pb_taster_unref(c.taster); /* u has its own count */
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb_unjellier_sink(u));
    pb_value *v;
    pb_error err = {0};
    cr_expect_eq(pb_unjellier_take(u, &v, &err), PB_ERR_STATE);
    cr_expect_str_eq(err.text, "no expression is complete");
    pb_encoder *e = messages((const char *const[]){"(m.C (None))", "(list ())", "3"}, 3);
    pb_span in = pb_encoder_send(e);
    err = (pb_error){0};
    size_t at = 0;
    static const char *const wants[] = {"<m.C {}>", "!SYNTAX [0]: an expression is empty",
                                        "3"};
    for (size_t i = 0; i < 3; i++) {
        int code;
        do {
            cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data + at++, 1}, NULL), 0);
            code = pb_unjellier_take(u, &v, &err);
            err = code == PB_ERR_STATE ? (pb_error){0} : err;
        } while (code == PB_ERR_STATE);
        char *got = told(code, v, &err);
        cr_expect_str_eq(got, wants[i]);
        pb_free(got);
        pb_value_unref(v);
        cr_expect_eq(err.offset, i == 1 ? 5 : 0);
        err = (pb_error){0};
    }
    /* No further expression is accepted until the first is taken. */
    cr_expect_eq(pb_decoder_recv(d, (pb_span){in.data + at - 2, 2}, NULL), 0);
    cr_expect_eq(pb_decoder_recv(d, (pb_span){in.data + at - 2, 2}, NULL), PB_ERR_STATE);
    pb_decoder_free(d);
    pb_unjellier_free(u);
    pb_unjellier_free(NULL);
    pb_encoder_free(e);
}

static int use_unjellier(void *user_data)
{
    (void)user_data;
    static const uint8_t in[] = "\x02\x80\x08\x87\x01\x82x";
    pb_unjellier *u = pb_unjellier_new(NULL);
    pb_decoder *d = u ? pb_decoder_new(PB_DIALECT_PB, NULL, pb_unjellier_sink(u)) : NULL;
    int e = d ? pb_decoder_recv(d, (pb_span){in, sizeof in - 1}, NULL) : PB_ERR_NOMEM;
    pb_value *v = NULL;
    e = e ? e : pb_unjellier_take(u, &v, NULL);
    pb_value_unref(v);
    pb_decoder_free(d);
    pb_unjellier_free(u);
    return e;
}

PB_TEST(read_message, unjellier_without_memory)
{
    pb__test_each_failure(use_unjellier, NULL);
}

/* ---- Memory ---- */

/* A large string is stored directly in its value; if it is not text, its memory is
 * freed. */
PB_TEST(read_message, large_strings)
{
    struct pb__buf text = {0};
    pb__buf_puts(&text, "(list ");
    static const char *const before[] = {"'", "(unicode '", "(dictionary (k '",
                                         "(unicode '\\xff"};
    static const char *const after[] = {"' ", "')", "'))", "')"};
    size_t end[4];
    for (int i = 0; i < 4; i++) {
        pb__buf_puts(&text, before[i]);
        for (int k = 0; k < 3000; k++) {
            pb__buf_puts(&text, "x");
        }
        pb__buf_puts(&text, after[i]);
        end[i] = text.len;
    }
    pb__buf_append(&text, ")", 2);
    pb_encoder *e = expression((char *)text.data, PB_DIALECT_PB);
    pb_span in = pb_encoder_send(e);
    for (size_t step = 100; step < in.len; step += 1777) {
        struct taken t = {0};
        struct pb__reader *r =
            pb__reader_new(&(struct pb__reader_config){.done = take_one, .ctx = &t});
        pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
        for (size_t at = 0; at < in.len; at += step) {
            size_t len = in.len - at < step ? in.len - at : step;
            cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data + at, len}, NULL), 0);
        }
        cr_expect_eq(t.err.code, PB_ERR_SYNTAX);
        cr_expect_str_eq(t.err.where, "[3]");
        pb_decoder_free(d);
        pb__reader_free(r);
    }
    pb_encoder_free(e);
    strcpy((char *)text.data + end[2], ")");
    e = expression((char *)text.data, PB_DIALECT_PB);
    stops_anywhere(NULL, (char *)text.data);
    pb_encoder_free(e);
    survives(NULL, (char *)text.data);
    pb__buf_fini(&text);
}

/* The keys of similar dicts share one text from the second dict on. */
PB_TEST(read_message, keys)
{
    pb_encoder *e = expression("(list (dictionary ((unicode k) 1)) (dictionary (k 1)) "
                               "(dictionary ((unicode k) 1)) (dictionary (k 1)) "
                               "(dictionary ((unicode k) 1)) (dictionary (k 1)))",
                               PB_DIALECT_PB);
    pb_value *v;
    cr_assert_eq(pb_unjelly_bytes(pb_encoder_send(e), NULL, PB_DIALECT_PB, &v, NULL), 0);
    pb_value *keys[6];
    for (size_t i = 0; i < 6; i++) {
        size_t pos = 0;
        pb_value *value;
        cr_assert(pb_dict_next(pb_item(v, i), &pos, &keys[i], &value));
        cr_expect_eq(pb_value_kind(keys[i]), i % 2 ? PB_BYTES : PB_STR);
    }
    cr_expect_neq(keys[0], keys[2]);
    cr_expect_eq(keys[2], keys[4]);
    cr_expect_eq(keys[3], keys[5]);
    pb_value_unref(v);
    pb_encoder_free(e);
}

/* An idle reader uses little memory, and none once it is trimmed. */
PB_TEST(read_message, trimmed)
{
    struct taken t = {0};
    long none = pb__test_live();
    struct pb__reader *r =
        pb__reader_new(&(struct pb__reader_config){.done = take_one, .ctx = &t});
    cr_expect_eq(pb__test_live(), none + 1);
    pb_encoder *e = expression("(list (reference 1 (dictionary ((unicode k) 1.5))) "
                               "(dictionary ((unicode k) 1)))",
                               PB_DIALECT_PB);
    pb_span in = pb_encoder_send(e);
    long before = pb__test_live();
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, pb__reader_sink(r));
    cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data, in.len - 1}, NULL), 0);
    pb__reader_trim(r); /* not while an expression is being read */
    cr_assert_eq(pb_decoder_recv(d, (pb_span){in.data + in.len - 1, 1}, NULL), 0);
    cr_expect_eq(t.count, 1);
    pb_value_unref(t.value);
    pb_decoder_free(d);
    pb__reader_trim(r);
    cr_expect_leq(pb__test_live() - before, 1, "%ld",
                  pb__test_live() - before); /* the pool */
    pb__reader_free(r);
    pb__reader_free(NULL);
    pb_encoder_free(e);
}

/* A value that is held does not keep its complete message in memory. */
PB_TEST(read_message, one_kept_value_pins_its_slab_only)
{
    enum { RECORDS = 10000 };
    pb_value *list = pb_list();
    for (int i = 0; i < RECORDS; i++) {
        cr_assert_eq(pb_append_steal(list, pb_build(NULL, "{s:i,s:s}", "id", i, "name",
                                                    "an ordinary name")),
                     0);
    }
    uint8_t *bytes;
    size_t len;
    cr_assert_eq(pb_jelly_bytes(list, NULL, PB_DIALECT_PB, &bytes, &len, NULL), 0);
    pb_value_unref(list);
    long before = pb__test_live();
    pb_value *v;
    cr_assert_eq(pb_unjelly_bytes((pb_span){bytes, len}, NULL, PB_DIALECT_PB, &v, NULL),
                 0);
    cr_expect_gt(pb__test_live() - before, RECORDS / 200); /* slabs */
    pb_value *kept = pb_value_ref(pb_dict_get(pb_item(v, RECORDS / 2), "name"));
    pb_value_unref(v);
    cr_expect_eq(pb__test_live() - before, 2, "the slab, and the pool");
    pb_value_unref(kept);
    cr_expect_eq(pb__test_live(), before);
    pb_free(bytes);
}

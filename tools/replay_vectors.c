/* SPDX-License-Identifier: MIT
 *
 * Rows of vectors: each by what it `does`, malformed ones included, as the file's version
 * of Twisted does it. */
#include <stdio.h>

#include "compat/profile.h"
#include "libpb/banana/limits.h"
#include "libpb/base/error.h"
#include "tools/capture.h"
#include "tools/expect.h"
#include "tools/json.h"
#include "tools/replay.h"
#include "tools/tree.h"

/* The text of a member; "" where there is none. */
static const char *text_of(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

static bool has(const json_t *row, const char *name)
{
    return json_object_get(row, name) != NULL;
}

static void report(struct replay *r, const char *what, const pb_error *err)
{
    replay_fail(r, "%s: %s", what, err->code ? err->text : "out of memory");
}

/* The bytes of a hexadecimal member. */
static bool bytes_of(struct replay *r, const json_t *row, const char *name,
                     struct pb__buf *out)
{
    pb_error err = {0};
    if (capture_hex(json_object_get(row, name), out, &err) != 0) {
        report(r, name, &err);
        return false;
    }
    return true;
}

static void compare(struct replay *r, const char *what, const json_t *want, pb_value *got)
{
    struct expect how = {EXPECT_RECEIVED,
                         pb__profile_has(r->profile, PB__PROFILE_DICT_ORDERED)};
    pb_error err = {0};
    if (expect_value(&how, want, got, &err) == 0) {
        replay_pass(r);
    } else {
        report(r, what, &err);
    }
}

/* Some versions read the vocabulary in the dialect none too. */
static pb_dialect reading_dialect(const struct replay *r, const json_t *row)
{
    pb_span name = {(const uint8_t *)text_of(row, "dialect"),
                    strlen(text_of(row, "dialect"))};
    pb_dialect d = pb__dialect_find(name);
    bool vocabulary = pb__profile_has(r->profile, PB__PROFILE_VOCAB_IN_NONE);
    return d == PB_DIALECT_NONE && vocabulary ? PB_DIALECT_PB : d;
}

/* banana: a value to bytes, or refused. */
static void check_encode(struct replay *r, const json_t *row)
{
    pb_error err = {0};
    struct pb__buf expected = {0};
    const char *dialect = text_of(row, "dialect");
    pb_value *v = json_to_value(json_object_get(row, "value"), &err);
    pb_encoder *e = pb_encoder_new(
        pb__dialect_find((pb_span){(const uint8_t *)dialect, strlen(dialect)}), NULL);
    if (!e) {
        report(r, "encode", &err);
    } else {
        /* A value of a kind that we do not have is refused before banana sees it. */
        int status = v ? tree_write(v, pb_encoder_sink(e)) : err.code;
        if (has(row, "error")) {
            status ? replay_pass(r) : replay_fail(r, "written, where banana refuses");
        } else if (status) {
            pb_encoder_error(e, &err);
            report(r, "refused", &err);
        } else if (bytes_of(r, row, "hex", &expected)) {
            replay_same(r, "encoding", (pb_span){expected.data, expected.len},
                        pb_encoder_send(e));
        }
    }
    pb_value_unref(v);
    pb_encoder_free(e);
    pb__buf_fini(&expected);
}

/* One way of decoding a row: whole, or byte by byte. */
static void check_decode_in(struct replay *r, const json_t *row, pb_span in, size_t piece)
{
    pb_error err = {0};
    struct tree_builder b;
    const char *outcome = text_of(row, "outcome"), *got = "error";
    const json_t *values = json_object_get(row, "values");
    pb_decoder *d =
        tree_builder_init(&b) == 0
            ? pb_decoder_new(reading_dialect(r, row), NULL, tree_builder_sink(&b))
            : NULL;
    int status = d ? 0 : pb__error_nomem(&err);
    for (size_t at = 0; status == 0 && at < in.len; at += piece) {
        size_t len = in.len - at < piece ? in.len - at : piece;
        status = pb_decoder_recv(d, (pb_span){in.data + at, len}, &err);
    }
    if (status == 0) {
        got = pb_decoder_offset(d) ? "incomplete" : "values";
    }
    if (strcmp(outcome, got) != 0) {
        replay_fail(r, "%s%s: %s where %s is expected", "decode",
                    piece < in.len ? " in pieces" : "", status ? err.text : got, outcome);
    } else {
        json_t *list = json_pack("{s:O}", "list", values);
        compare(r, "decoded", list, b.done);
        json_decref(list);
    }
    pb_decoder_free(d);
    tree_builder_fini(&b);
}

/* banana: bytes to values, at once and in pieces. */
static void check_decode(struct replay *r, const json_t *row)
{
    struct pb__buf in = {0};
    if (bytes_of(r, row, "hex", &in)) {
        check_decode_in(r, row, (pb_span){in.data, in.len}, in.len + 1);
        check_decode_in(r, row, (pb_span){in.data, in.len}, 1);
    }
    pb__buf_fini(&in);
}

/* The key of an instance of the class that the persistent rows keep elsewhere. */
static int save_kept(pb_value *instance, pb_value **id, pb_error *err, void *user_data)
{
    (void)err;
    (void)user_data;
    const char *name = pb_name_of(instance), *dot = name ? strrchr(name, '.') : NULL;
    if (dot && strcmp(dot, ".Kept") == 0) {
        *id = pb_value_ref(pb_dict_get(pb_instance_state(instance), "key"));
    }
    return 0;
}

static int load_kept(pb_value *id, pb_value **v, pb_error *err, void *user_data)
{
    (void)user_data;
    pb_value *loaded = pb_dict();
    if (!loaded || pb_dict_set(loaded, "loaded", id) != 0) {
        pb_value_unref(loaded);
        return pb__error_nomem(err);
    }
    *v = loaded;
    return 0;
}

/* The taster of jelly's own defaults, DummySecurityOptions: everything is allowed. */
static pb_jelly_config open_config(const struct replay *r, const json_t *row)
{
    pb_jelly_config c = {.profile = r->profile, .taster = pb_taster_new()};
    if (c.taster && pb_taster_allow_all(c.taster) != 0) {
        pb_taster_unref(c.taster);
        c.taster = NULL;
    }
    if (strcmp(text_of(row, "does"), "persistent") == 0) {
        c.persistent_save = save_kept;
        c.persistent_load = load_kept;
    }
    return c;
}

/* A value written in one dialect: must be the bytes of the member, or be refused where
 * that is null. */
static void check_written(struct replay *r, const json_t *row, pb_value *v,
                          const pb_jelly_config *c, pb_dialect d, const char *member)
{
    pb_error err = {0};
    uint8_t *out = NULL;
    size_t len = 0;
    bool refused = pb_jelly_bytes(v, c, d, &out, &len, &err) != 0;
    struct pb__buf expected = {0};
    if (json_is_string(json_object_get(row, member))) {
        if (refused) {
            report(r, "refused", &err);
        } else if (bytes_of(r, row, member, &expected)) {
            replay_same(r, member, (pb_span){expected.data, expected.len},
                        (pb_span){out, len});
        }
    } else {
        refused ? replay_pass(r) : replay_fail(r, "written, where Twisted refuses");
    }
    pb_free(out);
    pb__buf_fini(&expected);
}

/* Reads a row's bytes in dialect pb, and compares with the member that says what comes. */
static void check_read(struct replay *r, const json_t *row, const pb_jelly_config *c)
{
    static const char *const members[] = {"unjellied", "loaded", "value"};
    pb_error err = {0};
    pb_value *v = NULL;
    struct pb__buf in = {0};
    if (!bytes_of(r, row, "hex_pb", &in)) {
        return;
    }
    int status = pb_unjelly_bytes((pb_span){in.data, in.len}, c, PB_DIALECT_PB, &v, &err);
    bool unjelly = strcmp(text_of(row, "does"), "unjelly") == 0;
    const char *error = text_of(row, unjelly ? "error" : "unjelly_error");
    if (*error && status) {
        bool insecure = strcmp(error, "InsecureJelly") == 0;
        if (insecure == (status == PB_ERR_INSECURE)) {
            replay_pass(r);
        } else {
            replay_fail(r, "refused otherwise than by %s: %s", error, err.text);
        }
    } else if (*error) {
        char *repr = pb_value_repr(v);
        replay_fail(r, "read, where Twisted raises %s: %.200s", error, repr ? repr : "?");
        pb_free(repr);
    } else if (status) {
        report(r, "refused", &err);
    } else {
        size_t i = 0;
        while (!has(row, members[i]) && i < 2) {
            i++;
        }
        compare(r, "read", json_object_get(row, members[i]), v);
    }
    pb_value_unref(v);
    pb__buf_fini(&in);
}

/* The row's bytes as banana alone reads them, against its expression. */
static void check_sexp(struct replay *r, const json_t *row)
{
    pb_error err = {0};
    struct tree_builder b;
    struct pb__buf in = {0};
    pb_decoder *d = tree_builder_init(&b) == 0
                        ? pb_decoder_new(PB_DIALECT_PB, NULL, tree_builder_sink(&b))
                        : NULL;
    if (!d) {
        report(r, "sexp", &err);
    } else if (bytes_of(r, row, "hex_pb", &in)) {
        if (pb_decoder_recv(d, (pb_span){in.data, in.len}, &err) != 0) {
            report(r, "sexp", &err);
        } else {
            compare(r, "sexp", json_object_get(row, "sexp"), pb_item(b.done, 0));
        }
    }
    pb_decoder_free(d);
    tree_builder_fini(&b);
    pb__buf_fini(&in);
}

/* jelly there and back: a value to an expression, its bytes, and what they are read as. */
static void check_jelly(struct replay *r, const json_t *row)
{
    pb_error err = {0};
    pb_jelly_config c = open_config(r, row);
    pb_value *v = json_to_value(json_object_get(row, "value"), &err);
    if (!v && err.code == PB_ERR_SYNTAX && has(row, "error")) {
        replay_pass(r); /* of a kind that we do not have, and jelly refuses */
    } else if (!v || !c.taster) {
        report(r, "value", &err);
    } else {
        check_written(r, row, v, &c, PB_DIALECT_PB, "hex_pb");
        check_written(r, row, v, &c, PB_DIALECT_NONE, "hex_none");
        if (json_is_string(json_object_get(row, "hex_pb"))) {
            check_sexp(r, row);
            check_read(r, row, &c);
        }
    }
    pb_value_unref(v);
    pb_taster_unref(c.taster);
}

/* An expression, mostly malformed, under the default security. */
static void check_unjelly(struct replay *r, const json_t *row)
{
    pb_jelly_config c = {.profile = r->profile};
    check_sexp(r, row);
    check_read(r, row, &c);
}

void replay_vector(struct replay *r, const json_t *row)
{
    static const struct {
        const char *does;
        void (*check)(struct replay *r, const json_t *row);
    } kinds[] = {{"encode", check_encode},
                 {"decode", check_decode},
                 {"jelly", check_jelly},
                 {"persistent", check_jelly},
                 {"unjelly", check_unjelly}};
    const char *does = text_of(row, "does");
    size_t passed = r->passed, failed = r->failed, i = 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(does, kinds[i].does) != 0) {
        i++;
    }
    if (i < sizeof kinds / sizeof *kinds) {
        kinds[i].check(r, row);
    } else {
        replay_fail(r, "a row that does \"%s\", which is unknown", does);
    }
    /* A row counts once, in however many ways it was looked at. */
    bool good = r->failed == failed && r->passed > passed;
    r->passed = passed + good;
    r->failed = failed + !good;
}

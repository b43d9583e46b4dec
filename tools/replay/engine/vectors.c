/* SPDX-License-Identifier: MIT
 *
 * Checks the rows of a file of vectors, each by what it `does`: encoding and decoding,
 * malformed input included, must give the results of the file's version of Twisted. */
#include <string.h>

#include "compat/profile.h"
#include "libpb/base/error.h"
#include "tools/common/capture_file.h"
#include "tools/common/conversation.h"
#include "tools/replay/engine/expected_value.h"
#include "tools/json/json.h"
#include "tools/replay/engine/check.h"
#include "tools/replay/engine/list_builder.h"

/* The text of a member; "" if there is none. */
static const char *row_text(const json_t *row, const char *name)
{
    const char *text = json_string_value(json_object_get(row, name));
    return text ? text : "";
}

static bool row_has(const json_t *row, const char *name)
{
    return json_object_get(row, name) != NULL;
}

static void vector_fail(struct check *check, const char *what, const pb_error *err)
{
    check_fail(check, "%s: %s", what, err->code ? err->text : "out of memory");
}

/* The bytes of a hexadecimal member. */
static bool row_bytes(struct check *check, const json_t *row, const char *name,
                      struct pb__buf *out)
{
    pb_error err = {0};
    if (capture_decode_hex(json_object_get(row, name), out, &err) != 0) {
        vector_fail(check, name, &err);
        return false;
    }
    return true;
}

static void vector_compare(struct check *check, const char *what, const json_t *want,
                           pb_value *got)
{
    struct expectation how = {EXPECT_RECEIVED,
                              pb__profile_has(check->profile, PB__PROFILE_DICT_ORDERED)};
    pb_error err = {0};
    if (expected_value_compare(&how, want, got, &err) == 0) {
        check_pass(check);
    } else {
        vector_fail(check, what, &err);
    }
}

/* The dialect of a row. */
static pb_dialect row_dialect(const json_t *row)
{
    const char *name = row_text(row, "dialect");
    return strcmp(name, "pb") == 0     ? PB_DIALECT_PB
           : strcmp(name, "none") == 0 ? PB_DIALECT_NONE
                                       : PB_DIALECT_UNKNOWN;
}

/* `encode`: a value to bytes, or a refusal by banana. */
static void vector_encode(struct check *check, const json_t *row)
{
    pb_error err = {0};
    struct pb__buf expected = {0};
    pb_value *v = value_from_json(json_object_get(row, "value"), &err);
    pb_encoder *e = pb_encoder_new(row_dialect(row), NULL);
    if (!e) {
        vector_fail(check, "encode", &err);
    } else {
        /* A value of a kind that we do not have is refused when it is read. */
        int status = v ? list_encode(v, e, &err) : err.code;
        if (row_has(row, "error")) {
            status ? check_pass(check)
                   : check_fail(check, "is encoded, where banana refuses it");
        } else if (status) {
            vector_fail(check, "refused", &err);
        } else if (row_bytes(check, row, "hex", &expected)) {
            check_same_bytes(check, "encoding", (pb_span){expected.data, expected.len},
                             pb_encoder_send(e));
        }
    }
    pb_value_unref(v);
    pb_encoder_free(e);
    pb__buf_fini(&expected);
}

/* Decodes the bytes of a row in pieces of one length. */
static void vector_decode_in_pieces(struct check *check, const json_t *row, pb_span in,
                                    size_t piece)
{
    pb_error err = {0};
    struct list_builder b;
    const char *outcome = row_text(row, "outcome"), *got = "error";
    const json_t *values = json_object_get(row, "values");
    pb_dialect dialect = dialect_for_reading(row_dialect(row), check->profile);
    pb_decoder *d = list_builder_init(&b) == 0
                        ? pb_decoder_new(dialect, NULL, list_builder_sink(&b))
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
        check_fail(check, "decode%s: %s where %s is expected",
                   piece < in.len ? " in pieces" : "", status ? err.text : got, outcome);
    } else {
        json_t *list = json_pack("{s:O}", "list", values);
        vector_compare(check, "decoded", list, b.done);
        json_decref(list);
    }
    pb_decoder_free(d);
    list_builder_fini(&b);
}

/* `decode`: bytes to values, at once and byte by byte. */
static void vector_decode(struct check *check, const json_t *row)
{
    struct pb__buf in = {0};
    if (row_bytes(check, row, "hex", &in)) {
        vector_decode_in_pieces(check, row, (pb_span){in.data, in.len}, in.len + 1);
        vector_decode_in_pieces(check, row, (pb_span){in.data, in.len}, 1);
    }
    pb__buf_fini(&in);
}

/* persistent_save for the rows of `persistent`: replaces instances of Kept by their
 * key. */
static int persistent_save_kept(pb_value *instance, pb_value **id, pb_error *err,
                                void *user_data)
{
    (void)err;
    (void)user_data;
    const char *name = pb_name_of(instance), *dot = name ? strrchr(name, '.') : NULL;
    if (dot && strcmp(dot, ".Kept") == 0) {
        *id = pb_value_ref(pb_dict_get(pb_instance_state(instance), "key"));
    }
    return 0;
}

static int persistent_load_kept(pb_value *id, pb_value **v, pb_error *err,
                                void *user_data)
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

/* The configuration of jelly's own default, DummySecurityOptions: everything is
 * allowed. */
static pb_jelly_config vector_jelly_config(const struct check *check, const json_t *row)
{
    pb_jelly_config c = {.profile = check->profile, .taster = pb_taster_new()};
    if (c.taster && pb_taster_allow_all(c.taster) != 0) {
        pb_taster_unref(c.taster);
        c.taster = NULL;
    }
    if (strcmp(row_text(row, "does"), "persistent") == 0) {
        c.persistent_save = persistent_save_kept;
        c.persistent_load = persistent_load_kept;
    }
    return c;
}

/* Encodes a value in one dialect: the bytes must be those of the member; if it is
 * null, the value must be refused. */
static void vector_check_written(struct check *check, const json_t *row, pb_value *v,
                                 const pb_jelly_config *c, pb_dialect d,
                                 const char *member)
{
    pb_error err = {0};
    uint8_t *out = NULL;
    size_t len = 0;
    bool refused = pb_jelly_bytes(v, c, d, &out, &len, &err) != 0;
    struct pb__buf expected = {0};
    if (json_is_string(json_object_get(row, member))) {
        if (refused) {
            vector_fail(check, "refused", &err);
        } else if (row_bytes(check, row, member, &expected)) {
            check_same_bytes(check, member, (pb_span){expected.data, expected.len},
                             (pb_span){out, len});
        }
    } else {
        refused ? check_pass(check)
                : check_fail(check, "is encoded, where Twisted refuses it");
    }
    pb_free(out);
    pb__buf_fini(&expected);
}

/* Decodes a row's bytes of dialect pb, and compares the value with the member that
 * describes it. */
static void vector_check_read(struct check *check, const json_t *row,
                              const pb_jelly_config *c)
{
    static const char *const members[] = {"unjellied", "loaded", "value"};
    pb_error err = {0};
    pb_value *v = NULL;
    struct pb__buf in = {0};
    if (!row_bytes(check, row, "hex_pb", &in)) {
        return;
    }
    int status = pb_unjelly_bytes((pb_span){in.data, in.len}, c, PB_DIALECT_PB, &v, &err);
    bool unjelly = strcmp(row_text(row, "does"), "unjelly") == 0;
    const char *error = row_text(row, unjelly ? "error" : "unjelly_error");
    if (*error && status) {
        bool insecure = strcmp(error, "InsecureJelly") == 0;
        if (insecure == (status == PB_ERR_INSECURE)) {
            check_pass(check);
        } else {
            check_fail(check, "refused with another error than %s: %s", error, err.text);
        }
    } else if (*error) {
        char *repr = pb_value_repr(v);
        check_fail(check, "is decoded, where Twisted raises %s: %.200s", error,
                   repr ? repr : "?");
        pb_free(repr);
    } else if (status) {
        vector_fail(check, "refused", &err);
    } else {
        size_t i = 0;
        while (!row_has(row, members[i]) && i < 2) {
            i++;
        }
        vector_compare(check, "read", json_object_get(row, members[i]), v);
    }
    pb_value_unref(v);
    pb__buf_fini(&in);
}

/* Decodes a row's bytes by banana alone, and compares them with its expression. */
static void vector_check_expression(struct check *check, const json_t *row)
{
    pb_error err = {0};
    struct list_builder b;
    struct pb__buf in = {0};
    pb_decoder *d = list_builder_init(&b) == 0
                        ? pb_decoder_new(PB_DIALECT_PB, NULL, list_builder_sink(&b))
                        : NULL;
    if (!d) {
        vector_fail(check, "sexp", &err);
    } else if (row_bytes(check, row, "hex_pb", &in)) {
        if (pb_decoder_recv(d, (pb_span){in.data, in.len}, &err) != 0) {
            vector_fail(check, "sexp", &err);
        } else {
            vector_compare(check, "sexp", json_object_get(row, "sexp"),
                           pb_item(b.done, 0));
        }
    }
    pb_decoder_free(d);
    list_builder_fini(&b);
    pb__buf_fini(&in);
}

/* `jelly` and `persistent`: a value to its bytes, and these back to a value. */
static void vector_jelly(struct check *check, const json_t *row)
{
    pb_error err = {0};
    pb_jelly_config c = vector_jelly_config(check, row);
    pb_value *v = value_from_json(json_object_get(row, "value"), &err);
    if (!v && err.code == PB_ERR_SYNTAX && row_has(row, "error")) {
        check_pass(check); /* a kind that we do not have, and that jelly refuses */
    } else if (!v || !c.taster) {
        vector_fail(check, "value", &err);
    } else {
        vector_check_written(check, row, v, &c, PB_DIALECT_PB, "hex_pb");
        vector_check_written(check, row, v, &c, PB_DIALECT_NONE, "hex_none");
        if (json_is_string(json_object_get(row, "hex_pb"))) {
            vector_check_expression(check, row);
            vector_check_read(check, row, &c);
        }
    }
    pb_value_unref(v);
    pb_taster_unref(c.taster);
}

/* `unjelly`: an expression, often malformed, under the default security. */
static void vector_unjelly(struct check *check, const json_t *row)
{
    pb_jelly_config c = {.profile = check->profile};
    vector_check_expression(check, row);
    vector_check_read(check, row, &c);
}

void check_vector(struct check *check, const json_t *row)
{
    static const struct {
        const char *does;
        void (*check)(struct check *check, const json_t *row);
    } kinds[] = {{"encode", vector_encode},
                 {"decode", vector_decode},
                 {"jelly", vector_jelly},
                 {"persistent", vector_jelly},
                 {"unjelly", vector_unjelly}};
    const char *does = row_text(row, "does");
    size_t passed = check->passed, failed = check->failed, i = 0;
    while (i < sizeof kinds / sizeof *kinds && strcmp(does, kinds[i].does) != 0) {
        i++;
    }
    if (i < sizeof kinds / sizeof *kinds) {
        kinds[i].check(check, row);
    } else {
        check_fail(check, "the row does \"%s\", which is unknown", does);
    }
    /* A row counts once, in however many ways it was checked. */
    bool good = check->failed == failed && check->passed > passed;
    check->passed = passed + good;
    check->failed = failed + !good;
}

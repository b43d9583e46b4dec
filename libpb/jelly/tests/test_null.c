/* SPDX-License-Identifier: MIT
 *
 * The rule for NULL in tasters, readers and writing: see tests/null.h. */
#include "pb/jelly.h"
#include "tests/null.h"

static pb_error err;

/* ---- Tasters ---- */

PB_TEST(null, pb_taster_new)
{
    pb_taster *t = pb_taster_new();
    cr_assert_not_null(t);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_ref)
{
    GIVES(pb_taster_ref(NULL), NULL);
}

PB_TEST(null, pb_taster_unref)
{
    pb_taster_unref(NULL);
}

PB_TEST(null, pb_taster_allow_basic_types)
{
    GIVES(pb_taster_allow_basic_types(NULL), PB_ERR_ARG);
}

PB_TEST(null, pb_taster_allow_type)
{
    pb_taster *t = pb_taster_new();
    GIVES(pb_taster_allow_type(NULL, "a"), PB_ERR_ARG);
    GIVES(pb_taster_allow_type(t, NULL), PB_ERR_ARG);
    GIVES(pb_taster_allow_type(NULL, NULL), PB_ERR_ARG);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_allow_module)
{
    pb_taster *t = pb_taster_new();
    GIVES(pb_taster_allow_module(NULL, "a"), PB_ERR_ARG);
    GIVES(pb_taster_allow_module(t, NULL), PB_ERR_ARG);
    GIVES(pb_taster_allow_module(NULL, NULL), PB_ERR_ARG);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_allow_instances_of)
{
    pb_taster *t = pb_taster_new();
    GIVES(pb_taster_allow_instances_of(NULL, "a.b"), PB_ERR_ARG);
    GIVES(pb_taster_allow_instances_of(t, NULL), PB_ERR_ARG);
    GIVES(pb_taster_allow_instances_of(NULL, NULL), PB_ERR_ARG);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_allow_pattern)
{
    pb_taster *t = pb_taster_new();
    GIVES(pb_taster_allow_pattern(NULL, "a", &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the taster");
    GIVES(pb_taster_allow_pattern(t, NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the pattern");
    GIVES(pb_taster_allow_pattern(t, "(", NULL), PB_ERR_SYNTAX);
    GIVES(pb_taster_allow_pattern(NULL, NULL, NULL), PB_ERR_ARG);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_allow_all)
{
    GIVES(pb_taster_allow_all(NULL), PB_ERR_ARG);
}

/* NULL is no name, even if everything is allowed. */
static pb_taster *allowing(void)
{
    pb_taster *t = pb_taster_new();
    GIVES(pb_taster_allow_all(t), 0);
    GIVES(pb_taster_allow_pattern(t, ".*", NULL), 0);
    return t;
}

PB_TEST(null, pb_taster_type_allowed)
{
    pb_taster *t = allowing();
    GIVES(pb_taster_type_allowed(NULL, pb_span_of("no_such")), false);
    GIVES(pb_taster_type_allowed(t, no_bytes), false);
    GIVES(pb_taster_type_allowed(NULL, no_bytes), false);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_module_allowed)
{
    pb_taster *t = allowing();
    GIVES(pb_taster_module_allowed(NULL, pb_span_of("a")), false);
    GIVES(pb_taster_module_allowed(t, no_bytes), false);
    GIVES(pb_taster_module_allowed(NULL, no_bytes), false);
    pb_taster_unref(t);
}

PB_TEST(null, pb_taster_class_allowed)
{
    pb_taster *t = allowing();
    GIVES(pb_taster_class_allowed(NULL, pb_span_of("a.b")), false);
    GIVES(pb_taster_class_allowed(t, no_bytes), false);
    GIVES(pb_taster_class_allowed(NULL, no_bytes), false);
    pb_taster_unref(t);
}

/* ---- Writing ---- */

PB_TEST(null, pb_jelly)
{
    static const pb_jelly_config config;
    pb_encoder *e = pb_encoder_new(PB_DIALECT_PB, NULL);
    GIVES(pb_jelly(NULL, &config, e, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the value to write");
    GIVES(pb_jelly(pb_none(), NULL, e, &err), 0);
    GIVES(pb_jelly(pb_none(), &config, NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the encoder");
    GIVES(pb_jelly(pb_none(), &config, e, NULL), 0);
    GIVES(pb_jelly(NULL, NULL, NULL, NULL), PB_ERR_ARG);
    pb_encoder_free(e);
}

PB_TEST(null, pb_jelly_bytes)
{
    static const pb_jelly_config config;
    uint8_t byte, *out = &byte;
    size_t len = 7;
    GIVES(pb_jelly_bytes(NULL, &config, PB_DIALECT_PB, &out, &len, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the value to write");
    GIVES(out || len, false);
    GIVES(pb_jelly_bytes(pb_none(), NULL, (pb_dialect)-1, &out, &len, &err), 0);
    pb_free(out);
    out = &byte;
    GIVES(pb_jelly_bytes(pb_none(), &config, PB_DIALECT_PB, NULL, &len, &err),
          PB_ERR_ARG);
    TOLD_NULL(&err, "the place for the bytes");
    GIVES(len, 0u);
    GIVES(pb_jelly_bytes(pb_none(), &config, PB_DIALECT_PB, &out, NULL, NULL),
          PB_ERR_ARG);
    GIVES(out, NULL);
    GIVES(pb_jelly_bytes(NULL, NULL, PB_DIALECT_PB, NULL, NULL, NULL), PB_ERR_ARG);
}

/* ---- Reading ---- */

PB_TEST(null, pb_unjellier_new)
{
    pb_unjellier *u = pb_unjellier_new(NULL);
    cr_assert_not_null(u);
    pb_unjellier_free(u);
}

PB_TEST(null, pb_unjellier_sink)
{
    pb_sink none = pb_unjellier_sink(NULL);
    GIVES(!none.ops && !none.ctx, true);
}

PB_TEST(null, pb_unjellier_take)
{
    pb_unjellier *u = pb_unjellier_new(NULL);
    pb_value *v = pb_none();
    GIVES(pb_unjellier_take(NULL, &v, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the reader");
    GIVES(v, NULL);
    GIVES(pb_unjellier_take(u, NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the place for the value");
    GIVES(pb_unjellier_take(u, &v, NULL), PB_ERR_STATE);
    GIVES(pb_unjellier_take(NULL, NULL, NULL), PB_ERR_ARG);
    pb_unjellier_free(u);
}

PB_TEST(null, pb_unjellier_free)
{
    pb_unjellier_free(NULL);
}

PB_TEST(null, pb_unjelly_bytes)
{
    static const pb_jelly_config config;
    const pb_span one = {(const uint8_t *)"\x01\x81", 2};
    pb_value *v = pb_none();
    GIVES(pb_unjelly_bytes(no_bytes, &config, PB_DIALECT_PB, &v, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the input");
    GIVES(v, NULL);
    GIVES(pb_unjelly_bytes(one, NULL, (pb_dialect)-1, &v, &err), 0);
    GIVES(v, pb_int(1));
    GIVES(pb_unjelly_bytes(one, &config, PB_DIALECT_PB, NULL, &err), PB_ERR_ARG);
    TOLD_NULL(&err, "the place for the value");
    GIVES(pb_unjelly_bytes(one, &config, PB_DIALECT_PB, &v, NULL), 0);
    GIVES(pb_unjelly_bytes(no_bytes, NULL, PB_DIALECT_PB, NULL, NULL), PB_ERR_ARG);
    v = pb_none();
    GIVES(pb_unjelly_bytes((pb_span){0}, NULL, PB_DIALECT_PB, &v, NULL), PB_ERR_SYNTAX);
    GIVES(v, NULL);
}

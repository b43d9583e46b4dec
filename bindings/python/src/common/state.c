/* SPDX-License-Identifier: MIT
 *
 * The state of one module object: names, the vocabulary, exceptions, and helpers that all
 * of the extension uses. */
#include "common/state.h"

struct pbpy_state *pbpy_state(PyObject *module)
{
    return PyModule_GetState(module);
}

static unsigned word_slot(const uint8_t *data)
{
    return (unsigned)((uintptr_t)data * UINT64_C(0x9e3779b97f4a7c15) >> 57);
}

PyObject *pbpy_word(const struct pbpy_state *st, const uint8_t *data)
{
    unsigned slot = word_slot(data);
    while (st->spans[st->word_slots[slot]] != data && st->word_slots[slot] != 0) {
        slot = (slot + 1) % PBPY_WORD_SLOTS;
    }
    return st->words[st->word_slots[slot]];
}

enum pbpy_atom pbpy_atom_find(const char *data, size_t len)
{
    static const struct {
        const char *text;
        size_t len;
    } atoms[PBPY_ATOM_END] = {
#define PBPY_ATOM_ROW(name, text) [PBPY_##name] = {text, sizeof text - 1},
        PBPY_ATOM_MAP(PBPY_ATOM_ROW)
#undef PBPY_ATOM_ROW
    };
    for (unsigned i = 0; i < PBPY_ATOM_END; i++) {
        if (atoms[i].len == len && memcmp(atoms[i].text, data, len) == 0) {
            return (enum pbpy_atom)i;
        }
    }
    return PBPY_ATOM_END;
}

PyObject *pbpy_raise(PyObject *type, const pb_error *err)
{
    if (err->code == PB_ERR_NOMEM) {
        return PyErr_NoMemory();
    }
    const char *text = err->text[0] ? err->text : pb_strerror(err->code);
    if (err->where[0]) {
        PyErr_Format(type, "%s: %s", err->where, text);
    } else {
        PyErr_SetString(type, text);
    }
    return NULL;
}

bool pbpy_grow(void **array, size_t *cap, size_t size)
{
    size_t more = *cap ? *cap * 2 : 16;
    void *grown =
        more <= PY_SSIZE_T_MAX / size ? PyMem_Realloc(*array, more * size) : NULL;
    if (!grown) {
        PyErr_NoMemory();
        return false;
    }
    *array = grown;
    *cap = more;
    return true;
}

/* ---- Setting up ---- */

struct vocabulary {
    struct pbpy_state *st;
    unsigned next;
};

static int vocabulary_add_word(void *ctx, pb_span word)
{
    struct vocabulary *w = ctx;
    unsigned slot = word_slot(word.data);
    while (w->st->word_slots[slot] != 0) {
        slot = (slot + 1) % PBPY_WORD_SLOTS;
    }
    w->st->word_slots[slot] = (uint8_t)w->next;
    w->st->spans[w->next] = word.data;
    w->st->words[w->next] =
        PyBytes_FromStringAndSize((const char *)word.data, (Py_ssize_t)word.len);
    return w->st->words[w->next++] ? 0 : PB_ERR_NOMEM;
}

/* The vocabulary has words only, so that no other token arrives. */

static int refuse_list(void *ctx, size_t n)
{
    (void)ctx;
    (void)n;
    return PB_ERR_TYPE;
}

static int refuse_end(void *ctx)
{
    (void)ctx;
    return PB_ERR_TYPE;
}

static int refuse_integer(void *ctx, int64_t i)
{
    (void)ctx;
    (void)i;
    return PB_ERR_TYPE;
}

static int refuse_big(void *ctx, bool negative, pb_span base128)
{
    (void)ctx;
    (void)negative;
    (void)base128;
    return PB_ERR_TYPE;
}

static int refuse_real(void *ctx, double d)
{
    (void)ctx;
    (void)d;
    return PB_ERR_TYPE;
}

/* Asks the decoder for each word of the vocabulary. */
static int vocabulary_load(struct pbpy_state *st)
{
    static const pb_sink_ops ops = {.list = refuse_list,
                                    .end = refuse_end,
                                    .integer = refuse_integer,
                                    .big = refuse_big,
                                    .real = refuse_real,
                                    .bytes = vocabulary_add_word};
    struct vocabulary w = {.st = st, .next = 1};
    pb_decoder *d = pb_decoder_new(PB_DIALECT_PB, NULL, (pb_sink){&ops, &w});
    pb_error err = {0};
    int failed = d ? 0 : PB_ERR_NOMEM;
    for (uint8_t i = 1; i < PBPY_WORDS && !failed; i++) {
        const uint8_t token[2] = {i, 0x87};
        failed = pb_decoder_recv(d, (pb_span){token, sizeof token}, &err);
    }
    pb_decoder_free(d);
    if (failed && !PyErr_Occurred()) {
        PyErr_SetString(PyExc_ImportError, "libpb has another vocabulary");
    }
    return failed ? -1 : 0;
}

static int names_make(struct pbpy_state *st)
{
#define PBPY_NAME_MAKE(name)                                     \
    if (!(st->names.name = PyUnicode_InternFromString(#name))) { \
        return -1;                                               \
    }
    PBPY_NAME_MAP(PBPY_NAME_MAKE)
#undef PBPY_NAME_MAKE
#define PBPY_ATOM_MAKE(name, text)                              \
    if (!(st->atoms[PBPY_##name] = PyBytes_FromString(text))) { \
        return -1;                                              \
    }
    PBPY_ATOM_MAP(PBPY_ATOM_MAKE)
#undef PBPY_ATOM_MAKE
    st->yes = PyBytes_FromString("true");
    st->no = PyBytes_FromString("false");
    st->empty = PyBytes_FromString("");
    return st->yes && st->no && st->empty ? 0 : -1;
}

int pbpy_state_init(struct pbpy_state *st)
{
    return names_make(st) != 0 || vocabulary_load(st) != 0 ? -1 : 0;
}

void pbpy_state_clear(struct pbpy_state *st)
{
    PyObject **names = (PyObject **)&st->names;
    for (size_t i = 0; i < sizeof st->names / sizeof *names; i++) {
        Py_CLEAR(names[i]);
    }
    for (size_t i = 0; i < PBPY_ATOM_END; i++) {
        Py_CLEAR(st->atoms[i]);
    }
    for (size_t i = 0; i < PBPY_WORDS; i++) {
        Py_CLEAR(st->words[i]);
    }
    for (size_t i = 0; i < PBPY_KEYS; i++) {
        Py_CLEAR(st->keys[i]);
    }
    Py_CLEAR(st->yes);
    Py_CLEAR(st->no);
    Py_CLEAR(st->empty);
    Py_CLEAR(st->error);
    Py_CLEAR(st->banana_error);
    Py_CLEAR(st->jelly_error);
    Py_CLEAR(st->insecure);
    pb_encoder_free(st->encoder);
    st->encoder = NULL;
}

/* SPDX-License-Identifier: MIT
 *
 * The module: its state, its functions and its exceptions. */
#include "core.h"

#include "codec.h"
#include "live.h"
#include "twisted.h"

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

struct words {
    struct pbpy_state *st;
    unsigned next;
};

static int learn_word(void *ctx, pb_span word)
{
    struct words *w = ctx;
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

/* Tokens that are no words, none of which comes. */

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
static int learn_words(struct pbpy_state *st)
{
    static const pb_sink_ops ops = {.list = refuse_list,
                                    .end = refuse_end,
                                    .integer = refuse_integer,
                                    .big = refuse_big,
                                    .real = refuse_real,
                                    .bytes = learn_word};
    struct words w = {.st = st, .next = 1};
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

static int make_names(struct pbpy_state *st)
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

static PyObject *make_exception(PyObject *module, const char *name, const char *doc,
                                PyObject *base)
{
    char full[64];
    PyOS_snprintf(full, sizeof full, "libpb.%s", name);
    PyObject *type = PyErr_NewExceptionWithDoc(full, doc, base, NULL);
    if (type && PyModule_AddObjectRef(module, name, type) != 0) {
        Py_CLEAR(type);
    }
    return type;
}

static int make_exceptions(PyObject *module, struct pbpy_state *st)
{
    st->error = make_exception(module, "Error", "What libpb refuses.", NULL);
    if (!st->error) {
        return -1;
    }
    st->banana_error = make_exception(
        module, "BananaError", "Bytes or an expression that banana refuses.", st->error);
    st->jelly_error =
        make_exception(module, "JellyError",
                       "An object or an expression that jelly cannot take.", st->error);
    st->insecure =
        make_exception(module, "InsecureJelly",
                       "A type, module or class that is not allowed.", st->error);
    return st->banana_error && st->jelly_error && st->insecure ? 0 : -1;
}

static int module_exec(PyObject *module)
{
    struct pbpy_state *st = pbpy_state(module);
    return make_names(st) != 0 || make_exceptions(module, st) != 0 ||
                   learn_words(st) != 0 || pbpy_live_add(module, st) != 0
               ? -1
               : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct pbpy_state *st = pbpy_state(module);
    Py_VISIT(st->error);
    Py_VISIT(st->banana_error);
    Py_VISIT(st->jelly_error);
    Py_VISIT(st->insecure);
    Py_VISIT(st->live.session);
    Py_VISIT(st->live.remote);
    Py_VISIT(st->live.request);
    Py_VISIT(st->live.attempt);
    Py_VISIT(st->live.call);
    Py_VISIT(st->live.decimal);
    return pbpy_twisted_traverse(st->twisted, visit, arg);
}

static int module_clear(PyObject *module)
{
    struct pbpy_state *st = pbpy_state(module);
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
    pbpy_live_clear(&st->live);
    pb_encoder_free(st->encoder);
    st->encoder = NULL;
    pbpy_twisted_free(st->twisted);
    st->twisted = NULL;
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

static PyMethodDef methods[] = {
    PBPY_CODEC_METHODS,
    PBPY_TWISTED_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "libpb._core",
    .m_doc = "The C code of libpb's Python packages.",
    .m_size = sizeof(struct pbpy_state),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&definition);
}

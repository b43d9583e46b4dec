/* SPDX-License-Identifier: MIT
 *
 * The objects of the installed Twisted, and whether a service has replaced them. */
#include "accelerate/twisted.h"

static const char *const function_names[] = {
#define PBPY_FUNCTION_NAME(name, text) text,
    PBPY_FUNCTION_MAP(PBPY_FUNCTION_NAME)
#undef PBPY_FUNCTION_NAME
};

PyObject *pbpy_bind(PyObject *module, PyObject *names)
{
    struct pbpy_state *st = pbpy_state(module);
    struct pbpy_twisted *t = PyMem_Calloc(1, sizeof *t);
    if (!t) {
        return PyErr_NoMemory();
    }
#define PBPY_TWISTED_TAKE(name)                               \
    if (!(t->name = PyMapping_GetItemString(names, #name))) { \
        pbpy_twisted_free(t);                                 \
        return NULL;                                          \
    }
    PBPY_TWISTED_MAP(PBPY_TWISTED_TAKE)
#undef PBPY_TWISTED_TAKE
    t->before = st->twisted;
    st->twisted = t;
    Py_RETURN_NONE;
}

int pbpy_twisted_traverse(struct pbpy_twisted *t, visitproc visit, void *arg)
{
    for (; t; t = t->before) {
#define PBPY_TWISTED_VISIT(name) Py_VISIT(t->name);
        PBPY_TWISTED_MAP(PBPY_TWISTED_VISIT)
#undef PBPY_TWISTED_VISIT
    }
    return 0;
}

void pbpy_twisted_free(struct pbpy_twisted *t)
{
    while (t) {
        struct pbpy_twisted *before = t->before;
#define PBPY_TWISTED_DROP(name) Py_XDECREF(t->name);
        PBPY_TWISTED_MAP(PBPY_TWISTED_DROP)
#undef PBPY_TWISTED_DROP
        PyMem_Free(t);
        t = before;
    }
}

PyObject *pbpy_counts(PyObject *module, PyObject *unused)
{
    (void)unused;
    const struct pbpy_twisted *t = pbpy_state(module)->twisted;
    PyObject *counts = PyDict_New();
    for (size_t i = 0; counts && t && i < PBPY_FUNCTIONS; i++) {
        PyObject *pair = Py_BuildValue("KK", t->counts[i].in_c, t->counts[i].in_python);
        if (!pair || PyDict_SetItemString(counts, function_names[i], pair) != 0) {
            Py_CLEAR(counts);
        }
        Py_XDECREF(pair);
    }
    return counts;
}

void pbpy_count_in_python(struct pbpy_state *st, enum pbpy_function function,
                          enum pbpy_left why)
{
    struct pbpy_twisted *t = st->twisted;
    struct pbpy_count *count = &t->counts[function];
    count->in_python++;
    if (why == PBPY_LEFT_CHANGED && !count->reported) {
        count->reported = true;
        PyObject *none = PyObject_CallFunction(t->report, "s", function_names[function]);
        if (!none) {
            PyErr_WriteUnraisable(t->report);
        }
        Py_XDECREF(none);
    }
}

bool pbpy_is_own(PyObject *self, PyObject *name, PyObject *function, PyObject *other)
{
    PyObject *method = PyObject_GetAttr(self, name);
    if (!method) {
        PyErr_Clear();
        return false;
    }
    bool own = false;
    if (PyMethod_Check(method) && PyMethod_GET_SELF(method) == self) {
        PyObject *found = PyMethod_GET_FUNCTION(method);
        own = found == function || (other && found == other);
    }
    Py_DECREF(method);
    return own;
}

/* The version of a class, which changes with its attributes; 0 for none. */
static unsigned class_version(PyTypeObject *type)
{
#if PY_VERSION_HEX < 0x030d0000
    if (!PyType_HasFeature(type, Py_TPFLAGS_VALID_VERSION_TAG)) {
        return 0;
    }
#endif
    return type->tp_version_tag; /* since 3.13, 0 alone says that there is none */
}

bool pbpy_class_is_own(PyObject *cls, PyObject *methods, unsigned *version)
{
    unsigned now = class_version((PyTypeObject *)cls);
    if (now != 0 && now == *version) {
        return true;
    }
    PyObject *name, *function;
    Py_ssize_t pos = 0;
    while (PyDict_Next(methods, &pos, &name, &function)) {
        PyObject *found = PyObject_GetAttr(cls, name);
        Py_XDECREF(found); /* only its address is compared */
        if (found != function) {
            PyErr_Clear();
            return false;
        }
    }
    *version = class_version((PyTypeObject *)cls);
    return true;
}

bool pbpy_is_vocabulary(const struct pbpy_state *st, PyObject *dict, bool outgoing)
{
    if (!PyDict_CheckExact(dict) || PyDict_GET_SIZE(dict) != PBPY_WORDS - 1) {
        return false;
    }
    PyObject *key, *value;
    Py_ssize_t pos = 0;
    while (PyDict_Next(dict, &pos, &key, &value)) {
        PyObject *number = outgoing ? value : key;
        PyObject *word = outgoing ? key : value;
        if (!PyLong_CheckExact(number) || !PyBytes_CheckExact(word)) {
            return false;
        }
        long n = PyLong_AsLong(number);
        if (n <= 0 || n >= PBPY_WORDS) {
            PyErr_Clear();
            return false;
        }
        PyObject *ours = st->words[n];
        if (word != ours &&
            (PyBytes_GET_SIZE(word) != PyBytes_GET_SIZE(ours) ||
             strcmp(PyBytes_AS_STRING(word), PyBytes_AS_STRING(ours)) != 0)) {
            return false;
        }
    }
    return true;
}

size_t pbpy_limit(PyObject *number)
{
    if (!number || !PyLong_CheckExact(number)) {
        return 0;
    }
    Py_ssize_t n = PyLong_AsSsize_t(number);
    if (n < 0) {
        PyErr_Clear();
        return 0;
    }
    return (size_t)n;
}

enum pbpy_taster pbpy_taster_kind(const struct pbpy_state *st, PyObject *taster)
{
    const struct pbpy_twisted *t = st->twisted;
    enum pbpy_taster kind = PBPY_TASTER_OWN;
    PyObject *method = PyObject_GetAttr(taster, st->names.isTypeAllowed);
    if (!method) {
        PyErr_Clear();
    } else if (PyMethod_Check(method) && PyMethod_GET_SELF(method) == taster) {
        PyObject *function = PyMethod_GET_FUNCTION(method);
        kind = function == t->dummy_security ? PBPY_TASTER_ALL
               : function == t->security     ? PBPY_TASTER_TABLE
                                             : PBPY_TASTER_OWN;
    }
    Py_XDECREF(method);
    return kind;
}

int pbpy_frames_enter(unsigned frames, unsigned more, size_t open)
{
#if PY_VERSION_HEX < 0x030c0000
    (void)open;
    for (unsigned i = 0; i < frames + more; i++) {
        if (Py_EnterRecursiveCall(" while calling a Python object") != 0) {
            pbpy_frames_leave(i);
            return -1;
        }
    }
    pbpy_frames_leave(more);
#else
    /* C has a recursion count of its own here, so only the depth of this call is
     * known. */
    if (open + frames + more > (size_t)Py_GetRecursionLimit()) {
        PyErr_SetString(PyExc_RecursionError, "maximum recursion depth exceeded");
        return -1;
    }
#endif
    return 0;
}

void pbpy_frames_leave(unsigned frames)
{
#if PY_VERSION_HEX < 0x030c0000
    while (frames > 0) {
        frames--;
        Py_LeaveRecursiveCall();
    }
#else
    (void)frames;
#endif
}

bool pbpy_check_arguments(Py_ssize_t n, Py_ssize_t wanted, const char *signature)
{
    if (n != wanted) {
        PyErr_SetString(PyExc_TypeError, signature);
    }
    return n == wanted;
}

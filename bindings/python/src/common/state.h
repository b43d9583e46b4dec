/* SPDX-License-Identifier: MIT
 *
 * The extension's state, one per module object (so one per interpreter), and the helpers
 * that all its files use. Nothing here is global: every function gets the state. */
#ifndef PBPY_CORE_H
#define PBPY_CORE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pb/banana.h>

#if PY_VERSION_HEX < 0x030a0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

static inline int PyModule_AddObjectRef(PyObject *module, const char *name,
                                        PyObject *value)
{
    int failed = PyModule_AddObject(module, name, Py_NewRef(value));
    if (failed) {
        Py_DECREF(value);
    }
    return failed;
}
#endif

#define PBPY_LIKELY(x) __builtin_expect(!!(x), 1)
#define PBPY_UNLIKELY(x) __builtin_expect(!!(x), 0)

/* The words that begin expressions which C reads and writes by itself. */
#define PBPY_ATOM_MAP(X)        \
    X(NONE, "None")             \
    X(UNICODE, "unicode")       \
    X(BOOLEAN, "boolean")       \
    X(LIST, "list")             \
    X(TUPLE, "tuple")           \
    X(DICTIONARY, "dictionary") \
    X(SET, "set")               \
    X(FROZENSET, "frozenset")   \
    X(REFERENCE, "reference")   \
    X(DEREFERENCE, "dereference")

enum pbpy_atom {
#define PBPY_ATOM_ENUM(name, text) PBPY_##name,
    PBPY_ATOM_MAP(PBPY_ATOM_ENUM)
#undef PBPY_ATOM_ENUM
        PBPY_ATOM_END, /* any other */
};

#define PBPY_WORDS 32 /* numbers of the vocabulary, 0 is none */
#define PBPY_WORD_SLOTS 128
#define PBPY_KEYS 512   /* keys of dicts that are kept, */
#define PBPY_KEY_MAX 32 /* and the bytes of one */

/* Names of attributes and methods, as str objects. */
#define PBPY_NAME_MAP(X)          \
    X(addDependant)               \
    X(allowedTypes)               \
    X(bit_length)                 \
    X(buffer)                     \
    X(callExpressionReceived)     \
    X(code)                       \
    X(cooked)                     \
    X(cooker)                     \
    X(currentDialect)             \
    X(expressionReceived)         \
    X(from_bytes)                 \
    X(gotItem)                    \
    X(incomingVocabulary)         \
    X(invoker)                    \
    X(isTypeAllowed)              \
    X(jellyFor)                   \
    X(listStack)                  \
    X(little)                     \
    X(outgoingSymbols)            \
    X(postCallbacks)              \
    X(prefixLimit)                \
    X(preserved)                  \
    X(references)                 \
    X(resolveDependants)          \
    X(taster)                     \
    X(to_bytes)                   \
    X(transport)                  \
    X(write)                      \
    X(SIZE_LIMIT)                 \
    X(_Jellier)                   \
    X(_Unjellier)                 \
    X(_checkMutable)              \
    X(_encode)                    \
    X(_largestInt)                \
    X(_largestLongInt)            \
    X(_smallestInt)               \
    X(_smallestLongInt)           \
    X(unjellyableFactoryRegistry) \
    X(unjellyableRegistry)

struct pbpy_names {
#define PBPY_NAME_FIELD(name) PyObject *name;
    PBPY_NAME_MAP(PBPY_NAME_FIELD)
#undef PBPY_NAME_FIELD
};

struct pbpy_twisted; /* twisted.h */

/* Of sessions (live.h). */
struct pbpy_live {
    PyTypeObject *session, *remote, *request, *attempt, *call;
    PyObject *decimal; /* decimal.Decimal */
    void *datetime;    /* a PyDateTime_CAPI */
};

struct pbpy_state {
    struct pbpy_names names;
    PyObject *atoms[PBPY_ATOM_END];      /* as bytes */
    PyObject *words[PBPY_WORDS];         /* of the vocabulary, as bytes, by number */
    const uint8_t *spans[PBPY_WORDS];    /* where the library keeps them */
    uint8_t word_slots[PBPY_WORD_SLOTS]; /* numbers, by the hash of those places */
    PyObject *yes, *no;                  /* b"true", b"false" */
    PyObject *empty;                     /* b"" */
    PyObject *error, *banana_error, *jelly_error, *insecure; /* exceptions */
    pb_encoder *encoder;                 /* the one that waits for use, or NULL */
    size_t encoder_prefix, encoder_size; /* its limits, the second of lists and bytes */
    PyObject *keys[PBPY_KEYS];           /* texts that were keys lately, or NULL */
    struct pbpy_twisted *twisted;        /* NULL until bound */
    struct pbpy_live live;
};

struct pbpy_state *pbpy_state(PyObject *module);
/* Makes what needs no other part of the extension: names, atoms, the vocabulary. 0; -1 with
 * an exception set. */
int pbpy_state_init(struct pbpy_state *st);
/* Clears that and the exceptions. */
void pbpy_state_clear(struct pbpy_state *st);

/* What a word of the vocabulary is, by where its bytes are; NULL for other bytes.
 * Borrowed. */
PyObject *pbpy_word(const struct pbpy_state *st, const uint8_t *data);
/* The atom of an expression's first element. */
enum pbpy_atom pbpy_atom_find(const char *data, size_t len);

/* Raises the exception of an error of the library; returns NULL. */
PyObject *pbpy_raise(PyObject *type, const pb_error *err);

/* The int of base 128 digits, least first: *new*. */
PyObject *pbpy_big_read(const struct pbpy_state *st, bool negative, pb_span digits);
/* The magnitude of an int as bytes, least first: *new*. */
PyObject *pbpy_magnitude(const struct pbpy_state *st, PyObject *number);
/* Calls the sink's `big` with an int. What that returned; or non-zero with an exception
 * set. */
int pbpy_big_write(const struct pbpy_state *st, PyObject *number, bool negative,
                   pb_sink out);

/* Grows an array of `size` bytes an item, twofold; false with an exception set. */
bool pbpy_grow(void **array, size_t *cap, size_t size);

/* Whether an object is these bytes. */
static inline bool pbpy_is_bytes(PyObject *object, const char *text)
{
    size_t len = strlen(text);
    return PyBytes_CheckExact(object) && (size_t)PyBytes_GET_SIZE(object) == len &&
           memcmp(PyBytes_AS_STRING(object), text, len) == 0;
}

#endif

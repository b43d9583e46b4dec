/* SPDX-License-Identifier: MIT
 *
 * The state of the extension, one per module object (so one per interpreter), and the
 * helpers that all its files use. Nothing here is global: each function gets the
 * state. */
#ifndef PBPY_STATE_H
#define PBPY_STATE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <pb/banana.h>

#ifdef PYPY_VERSION
#error "libpb is for CPython: it uses what PyPy has no such thing of"
#endif

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

/* The first words of the jelly expressions that C reads and writes by itself. */
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
        PBPY_ATOM_END, /* any other word */
};

#define PBPY_WORDS 32 /* numbers of the vocabulary, from 1 on */
#define PBPY_WORD_SLOTS 128
#define PBPY_KEYS 512   /* slots for keys of dicts that were read lately */
#define PBPY_KEY_MAX 32 /* the longest key, in bytes, that gets a slot */

/* Names of attributes and methods, as str objects. */
#define PBPY_NAME_MAP(X)          \
    X(addDependant)               \
    X(allowedTypes)               \
    X(bit_length)                 \
    X(buffer)                     \
    X(callExpressionReceived)     \
    X(cooked)                     \
    X(cooker)                     \
    X(currentDialect)             \
    X(expressionReceived)         \
    X(from_bytes)                 \
    X(gotItem)                    \
    X(incomingVocabulary)         \
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
    X(__pb_cache__)               \
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

struct pbpy_twisted; /* accelerate/twisted.h */

/* The types of session/, and those from elsewhere that values need. */
struct pbpy_types {
    PyTypeObject *session, *remote, *request, *attempt, *receipt, *call;
    PyObject *decimal; /* decimal.Decimal */
    void *datetime;    /* a PyDateTime_CAPI */
};

struct pbpy_state {
    struct pbpy_names names;
    PyObject *atoms[PBPY_ATOM_END];   /* as bytes */
    PyObject *words[PBPY_WORDS];      /* of the vocabulary, as bytes, by number */
    const uint8_t *spans[PBPY_WORDS]; /* the library's own storage of those words */
    uint8_t
        word_slots[PBPY_WORD_SLOTS]; /* numbers of words, by the hash of their spans */
    PyObject *yes, *no;              /* b"true", b"false" */
    PyObject *empty;                 /* b"" */
    PyObject *error, *banana_error, *jelly_error, *insecure; /* exceptions */
    pb_encoder *encoder;                 /* one that is not in use, or NULL */
    size_t encoder_prefix, encoder_size; /* its limits: of a prefix, of lists and bytes */
    PyObject *keys[PBPY_KEYS];           /* by the hash of their text; or NULL */
    struct pbpy_twisted *twisted;        /* NULL until _core.bind is called */
    struct pbpy_types types;
};

struct pbpy_state *pbpy_state(PyObject *module);
/* Makes names, atoms and the vocabulary. 0; -1 with an exception set. */
int pbpy_state_init(struct pbpy_state *st);
/* Clears these and the exceptions. */
void pbpy_state_clear(struct pbpy_state *st);

/* The word of the vocabulary whose bytes are at this address, borrowed; NULL for an
 * address that is not the library's. */
PyObject *pbpy_word(const struct pbpy_state *st, const uint8_t *data);
/* The atom with this text. */
enum pbpy_atom pbpy_atom_find(const char *data, size_t len);

/* Raises an exception of this type for an error of the library, or MemoryError; returns
 * NULL. */
PyObject *pbpy_raise(PyObject *type, const pb_error *err);

/* The int of base 128 digits, least significant first: *new*. */
PyObject *pbpy_int_from_digits(const struct pbpy_state *st, bool negative,
                               pb_span digits);
/* The int of a magnitude, a bytes object, least significant byte first: *new*. Takes the
 * bytes; NULL gives NULL. */
PyObject *pbpy_int_from_magnitude_steal(const struct pbpy_state *st, bool negative,
                                        PyObject *bytes);
/* The magnitude of an int as bytes, least significant first: *new*. */
PyObject *pbpy_int_magnitude(const struct pbpy_state *st, PyObject *number);
/* Calls the sink's `big` with an int. Returns its result, or -1 with an exception set. */
int pbpy_int_write_big(const struct pbpy_state *st, PyObject *number, bool negative,
                       pb_sink out);

/* Doubles an array of items of `size` bytes; false with an exception set. */
bool pbpy_grow(void **array, size_t *cap, size_t size);
/* Makes room for one more item in such an array of `len`; false with an exception set. */
static inline bool pbpy_reserve(void **array, size_t len, size_t *cap, size_t size)
{
    return len < *cap || pbpy_grow(array, cap, size);
}

/* The contents of a bytes object, borrowed. */
static inline pb_span pbpy_bytes_span(PyObject *bytes)
{
    return (pb_span){(const uint8_t *)PyBytes_AS_STRING(bytes),
                     (size_t)PyBytes_GET_SIZE(bytes)};
}

/* A bytes object with these contents, *new*. */
static inline PyObject *pbpy_bytes_new(pb_span s)
{
    return PyBytes_FromStringAndSize((const char *)s.data, (Py_ssize_t)s.len);
}

/* Whether an object is these bytes. */
static inline bool pbpy_is_bytes(PyObject *object, const char *text)
{
    size_t len = strlen(text);
    return PyBytes_CheckExact(object) && (size_t)PyBytes_GET_SIZE(object) == len &&
           memcmp(PyBytes_AS_STRING(object), text, len) == 0;
}

#endif

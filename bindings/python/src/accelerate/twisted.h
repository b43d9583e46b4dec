/* SPDX-License-Identifier: MIT
 *
 * The objects of the installed Twisted that C knows, and checks whether a service has
 * replaced one of them: C does by itself only what Twisted's own functions would do, and
 * calls them for everything else. */
#ifndef PBPY_TWISTED_H
#define PBPY_TWISTED_H

#include "common/state.h"

/* Twisted's own functions, classes and tables, under the names that accelerate.py gives
 * them. */
#define PBPY_TWISTED_MAP(X)                                        \
    X(banana_globals) /* globals of twisted.spread.banana */       \
    X(jelly_globals)                                               \
    X(gotItem) /* methods of Banana */                             \
    X(callExpressionReceived)                                      \
    X(dataReceived)                                                \
    X(sendEncoded)                                                 \
    X(_encode)                                                     \
    X(accelerated_encode) /* the function that replaces _encode */ \
    X(jelly)              /* functions of twisted.spread.jelly */  \
    X(unjelly)                                                     \
    X(qual)                                                        \
    X(_Jellier) /* classes of it */                                \
    X(_Unjellier)                                                  \
    X(Jellyable)                                                   \
    X(InsecureJelly)                                               \
    X(NotKnown)                                                    \
    X(_Tuple)                                                      \
    X(_Container)                                                  \
    X(_Dereference)                                                \
    X(_DictKeyAndValue)                                            \
    X(jellier_methods) /* of _Jellier, by name, while installed */ \
    X(unjellier_methods)                                           \
    X(jellier_jelly) /* Twisted's own _Jellier.jelly */            \
    X(unjellier_unjelly)                                           \
    X(security)       /* SecurityOptions.isTypeAllowed, or None */ \
    X(dummy_security) /* of DummySecurityOptions, or None */       \
    X(report)         /* called with the name of a function */

/* The functions of Twisted that C replaces, by the names that status() has for them. */
#define PBPY_FUNCTION_MAP(X)                \
    X(DATA_RECEIVED, "Banana.dataReceived") \
    X(SEND_ENCODED, "Banana.sendEncoded")   \
    X(ENCODE, "Banana._encode")             \
    X(JELLY, "jelly")                       \
    X(JELLIER_JELLY, "_Jellier.jelly")      \
    X(UNJELLY, "unjelly")                   \
    X(UNJELLIER_UNJELLY, "_Unjellier.unjelly")

enum pbpy_function {
#define PBPY_FUNCTION_ENUM(name, text) PBPY_##name##_CALL,
    PBPY_FUNCTION_MAP(PBPY_FUNCTION_ENUM)
#undef PBPY_FUNCTION_ENUM
        PBPY_FUNCTIONS,
};

/* Why C leaves a call to Twisted's own function. */
enum pbpy_left {
    PBPY_LEFT_CHANGED, /* a service has changed what the call depends on: it is logged */
    PBPY_LEFT_REFUSED, /* C refuses the input, and Python says what is wrong with it */
};

/* How often each function has run. */
struct pbpy_count {
    unsigned long long in_c, in_python;
    bool reported; /* that something was changed */
};

struct pbpy_twisted {
#define PBPY_TWISTED_FIELD(name) PyObject *name;
    PBPY_TWISTED_MAP(PBPY_TWISTED_FIELD)
#undef PBPY_TWISTED_FIELD
    /* The previous binding, which code on the stack may still use. */
    struct pbpy_twisted *before;
    struct pbpy_count counts[PBPY_FUNCTIONS];
    /* The version of each class when its methods were last found unchanged. */
    unsigned jellier_version, unjellier_version;
};

/* tp_traverse and tp_free of the struct; NULL is allowed. */
int pbpy_twisted_traverse(struct pbpy_twisted *t, visitproc visit, void *arg);
void pbpy_twisted_free(struct pbpy_twisted *t);

/* Counts a call that C does. */
static inline void pbpy_count_in_c(struct pbpy_state *st, enum pbpy_function function)
{
    st->twisted->counts[function].in_c++;
}
/* Counts a call that is left to Twisted's own function. The first time that this is
 * because something was changed, `report` is called, which logs that. No exception may be
 * set. */
void pbpy_count_in_python(struct pbpy_state *st, enum pbpy_function function,
                          enum pbpy_left why);

/* Whether self.name is this function, bound to self, or `other`, if that is not NULL.
 * False also if there is no such attribute. */
bool pbpy_is_own(PyObject *self, PyObject *name, PyObject *function, PyObject *other);
/* Whether the attributes of a class are still those functions, a dict by name. *version
 * is the class's when this was last found; it is updated. */
bool pbpy_class_is_own(PyObject *cls, PyObject *methods, unsigned *version);
/* Whether a dict is Twisted's vocabulary: words to numbers, or numbers to words. */
bool pbpy_is_vocabulary(const struct pbpy_state *st, PyObject *dict, bool outgoing);
/* A limit from a global of banana or an attribute; 0 if it is NULL or no positive int. */
size_t pbpy_limit(PyObject *number);

/* Where a taster's isTypeAllowed comes from. */
enum pbpy_taster {
    PBPY_TASTER_ALL,   /* DummySecurityOptions */
    PBPY_TASTER_TABLE, /* SecurityOptions: it looks into allowedTypes */
    PBPY_TASTER_OWN,   /* the service: it is called for each type */
};
enum pbpy_taster pbpy_taster_kind(const struct pbpy_state *st, PyObject *taster);

/* Counts the Python frames that Twisted would have for one more level, so that objects
 * that are nested too deeply for Twisted are refused here too. `open` is the number of
 * frames counted before, `more` what the level needs in addition while it begins. -1 with
 * RecursionError set. */
int pbpy_frames_enter(unsigned frames, unsigned more, size_t open);
void pbpy_frames_leave(unsigned frames);
/* Whether a function got `wanted` arguments; else TypeError is set. */
bool pbpy_check_arguments(Py_ssize_t n, Py_ssize_t wanted, const char *signature);

/* The functions of the module; each mirrors the one of Twisted. */
PyObject *pbpy_bind(PyObject *module, PyObject *names);
PyObject *pbpy_counts(PyObject *module, PyObject *unused);
PyObject *pbpy_data_received(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_send_encoded(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_encode_to(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_jelly(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_jellier_jelly(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_unjelly(PyObject *module, PyObject *const *args, Py_ssize_t n);
PyObject *pbpy_unjellier_unjelly(PyObject *module, PyObject *const *args, Py_ssize_t n);

#define PBPY_FAST(name, function, doc)                                    \
    {                                                                     \
        name, (PyCFunction)(void (*)(void))(function), METH_FASTCALL, doc \
    }

#define PBPY_TWISTED_METHODS                                                   \
    {"bind", pbpy_bind, METH_O, "bind(names): takes the objects of Twisted."}, \
        {"counts", pbpy_counts, METH_NOARGS,                                   \
         "counts(): calls by function: (in C, left to Python)."},              \
        PBPY_FAST("data_received", pbpy_data_received, "Banana.dataReceived"), \
        PBPY_FAST("send_encoded", pbpy_send_encoded, "Banana.sendEncoded"),    \
        PBPY_FAST("encode_to", pbpy_encode_to, "Banana._encode"),              \
        PBPY_FAST("jelly", pbpy_jelly, "jelly.jelly"),                         \
        PBPY_FAST("jellier_jelly", pbpy_jellier_jelly, "_Jellier.jelly"),      \
        PBPY_FAST("unjelly", pbpy_unjelly, "jelly.unjelly"),                   \
        PBPY_FAST("unjellier_unjelly", pbpy_unjellier_unjelly, "_Unjellier.unjelly")

#endif

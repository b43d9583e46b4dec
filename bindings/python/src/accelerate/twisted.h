/* SPDX-License-Identifier: MIT
 *
 * What is bound of the installed Twisted, and how it is seen that a service has put
 * something of its own in its place: C does by itself only what Twisted's own functions
 * would do, and leaves everything else to them. */
#ifndef PBPY_TWISTED_H
#define PBPY_TWISTED_H

#include "common/state.h"

/* Twisted's own functions, classes and tables, by the names under which accelerate.py
 * hands them over. */
#define PBPY_TWISTED_MAP(X)                                         \
    X(banana_globals) /* of the module twisted.spread.banana */     \
    X(jelly_globals)                                                \
    X(vocabulary) /* Banana.outgoingVocabulary */                   \
    X(gotItem)    /* methods of Banana */                           \
    X(callExpressionReceived)                                       \
    X(dataReceived)                                                 \
    X(sendEncoded)                                                  \
    X(_encode)                                                      \
    X(accelerated_encode) /* what stands in the place of _encode */ \
    X(jelly)              /* functions of twisted.spread.jelly */   \
    X(unjelly)                                                      \
    X(qual)                                                         \
    X(_Jellier) /* classes of it */                                 \
    X(_Unjellier)                                                   \
    X(Jellyable)                                                    \
    X(InsecureJelly)                                                \
    X(NotKnown)                                                     \
    X(_Tuple)                                                       \
    X(_Container)                                                   \
    X(_Dereference)                                                 \
    X(_DictKeyAndValue)                                             \
    X(jellier_methods) /* of _Jellier, by name, as they shall be */ \
    X(unjellier_methods)                                            \
    X(jellier_jelly) /* Twisted's own _Jellier.jelly */             \
    X(unjellier_unjelly)                                            \
    X(security)       /* SecurityOptions.isTypeAllowed */           \
    X(dummy_security) /* DummySecurityOptions.isTypeAllowed */

struct pbpy_twisted {
#define PBPY_TWISTED_FIELD(name) PyObject *name;
    PBPY_TWISTED_MAP(PBPY_TWISTED_FIELD)
#undef PBPY_TWISTED_FIELD
    /* The version of each class when it was last seen to be as it shall be. */
    unsigned jellier_version, unjellier_version;
};

int pbpy_twisted_traverse(struct pbpy_twisted *t, visitproc visit, void *arg);
void pbpy_twisted_free(struct pbpy_twisted *t);

/* Whether self.name is this function, bound to self; or `other`, if that is not NULL. An
 * attribute that cannot be had is none. */
bool pbpy_is_own(PyObject *self, PyObject *name, PyObject *function, PyObject *other);
/* Whether the attributes of a class are those functions still. */
bool pbpy_class_is_own(PyObject *cls, PyObject *methods, unsigned *version);
/* Whether a dict is Twisted's vocabulary: words to numbers, or numbers to words. */
bool pbpy_is_vocabulary(const struct pbpy_state *st, PyObject *dict, bool outgoing);
/* A limit in a global of banana or an attribute; 0 if it is no positive int. */
size_t pbpy_limit(PyObject *number);

/* How a taster says that a type is allowed. */
enum pbpy_taster {
    PBPY_TASTER_ALL,   /* DummySecurityOptions */
    PBPY_TASTER_TABLE, /* SecurityOptions: its allowedTypes */
    PBPY_TASTER_OWN,   /* a service's own: it is asked */
};
enum pbpy_taster pbpy_taster_kind(const struct pbpy_state *st, PyObject *taster);

/* Counts the frames of Python that Twisted would have for one more level, beside those
 * that are open: what is too deep for it, which needs `more` beyond them, is refused
 * here. */
int pbpy_enter(unsigned frames, unsigned more, size_t open);
void pbpy_leave(unsigned frames);

PyObject *pbpy_bind(PyObject *module, PyObject *names);
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
    {"bind", pbpy_bind, METH_O, "bind(names): take what Twisted has."},        \
        PBPY_FAST("data_received", pbpy_data_received, "Banana.dataReceived"), \
        PBPY_FAST("send_encoded", pbpy_send_encoded, "Banana.sendEncoded"),    \
        PBPY_FAST("encode_to", pbpy_encode_to, "Banana._encode"),              \
        PBPY_FAST("jelly", pbpy_jelly, "jelly.jelly"),                         \
        PBPY_FAST("jellier_jelly", pbpy_jellier_jelly, "_Jellier.jelly"),      \
        PBPY_FAST("unjelly", pbpy_unjelly, "jelly.unjelly"),                   \
        PBPY_FAST("unjellier_unjelly", pbpy_unjellier_unjelly, "_Unjellier.unjelly")

#endif

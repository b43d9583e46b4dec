/* SPDX-License-Identifier: MIT
 *
 * Banana.sendEncoded and Banana._encode. Python does what C cannot do as it would: where a
 * service has changed what they depend on, and whatever is refused. */
#include "accelerate/twisted.h"
#include "common/expression_write.h"

/* Lists nested deeper than this are for Python, which recurses. */
#define DEPTH_MAX 100

static bool equals(PyObject *self, PyObject *name, long long value)
{
    PyObject *number = PyObject_GetAttr(self, name);
    int overflow = 1;
    long long found = number && PyLong_CheckExact(number)
                          ? PyLong_AsLongLongAndOverflow(number, &overflow)
                          : 0;
    Py_XDECREF(number);
    PyErr_Clear();
    return !overflow && found == value;
}

/* An int that is past an int64_t in one direction: *new*, or NULL. */
static PyObject *far_limit(PyObject *self, PyObject *name, int direction)
{
    PyObject *number = PyObject_GetAttr(self, name);
    int overflow = 0;
    if (number && PyLong_CheckExact(number)) {
        PyLong_AsLongLongAndOverflow(number, &overflow);
    }
    PyErr_Clear();
    if (overflow != direction) {
        Py_CLEAR(number);
    }
    return number;
}

/* Whether self sends ints as the encoder does, up to limits (*new*) past an int64_t. */
static bool fit_ints(const struct pbpy_names *names, PyObject *self,
                     struct pbpy_rules *rules)
{
    rules->smallest = far_limit(self, names->_smallestLongInt, -1);
    rules->largest = far_limit(self, names->_largestLongInt, 1);
    return rules->smallest && rules->largest &&
           equals(self, names->_smallestInt, INT32_MIN) &&
           equals(self, names->_largestInt, INT32_MAX);
}

/* Whether self's dialect is plain to see, and in dialect pb has Twisted's vocabulary. */
static bool fit_dialect(const struct pbpy_state *st, PyObject *self,
                        struct pbpy_rules *rules)
{
    PyObject *dialect = PyObject_GetAttr(self, st->names.currentDialect);
    PyObject *symbols = NULL;
    bool fit = dialect && (dialect == Py_None || PyBytes_CheckExact(dialect));
    if (fit && pbpy_is_bytes(dialect, "pb")) {
        rules->dialect = PB_DIALECT_PB;
        symbols = PyObject_GetAttr(self, st->names.outgoingSymbols);
        fit = symbols && pbpy_is_vocabulary(st, symbols, true);
    }
    PyErr_Clear();
    Py_XDECREF(symbols);
    Py_XDECREF(dialect);
    return fit;
}

/* The bytes that self._encode would write, *new*; NULL without an exception: Python has to
 * do it. */
static PyObject *encode_for(struct pbpy_state *st, PyObject *self, PyObject *expression)
{
    size_t size = pbpy_limit(
        PyDict_GetItemWithError(st->twisted->banana_globals, st->names.SIZE_LIMIT));
    struct pbpy_rules rules = {
        .dialect = PB_DIALECT_NONE,
        .limits = {.prefix = SIZE_MAX, .list = size, .bytes = size, .depth = DEPTH_MAX},
    };
    PyObject *bytes = NULL;
    pb_error err = {0};
    if (size != 0 &&
        pbpy_is_own(self, st->names._encode, st->twisted->accelerated_encode,
                    st->twisted->_encode) &&
        fit_dialect(st, self, &rules) && fit_ints(&st->names, self, &rules)) {
        bytes = pbpy_write(st, expression, &rules, NULL, &err);
    }
    Py_XDECREF(rules.smallest);
    Py_XDECREF(rules.largest);
    return bytes;
}

PyObject *pbpy_encode_to(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (n != 3) {
        PyErr_SetString(PyExc_TypeError, "encode_to(self, obj, write)");
        return NULL;
    }
    PyObject *bytes = encode_for(st, args[0], args[1]);
    PyObject *result = NULL;
    if (bytes) {
        result = PyObject_CallOneArg(args[2], bytes);
        Py_DECREF(bytes);
        if (result) {
            Py_DECREF(result);
            Py_RETURN_NONE;
        }
    } else if (!PyErr_Occurred()) {
        result = PyObject_CallFunctionObjArgs(st->twisted->_encode, args[0], args[1],
                                              args[2], NULL);
    }
    return result;
}

PyObject *pbpy_send_encoded(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (n != 2) {
        PyErr_SetString(PyExc_TypeError, "send_encoded(self, obj)");
        return NULL;
    }
    PyObject *bytes = encode_for(st, args[0], args[1]);
    if (!bytes) {
        return PyErr_Occurred() ? NULL
                                : PyObject_CallFunctionObjArgs(st->twisted->sendEncoded,
                                                               args[0], args[1], NULL);
    }
    PyObject *result = NULL;
    PyObject *transport = PyObject_GetAttr(args[0], st->names.transport);
    if (transport) {
        result = PyObject_CallMethodOneArg(transport, st->names.write, bytes);
        Py_DECREF(transport);
    }
    Py_DECREF(bytes);
    if (result) {
        Py_DECREF(result);
        Py_RETURN_NONE;
    }
    return NULL;
}

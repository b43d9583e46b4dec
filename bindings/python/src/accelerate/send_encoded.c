/* SPDX-License-Identifier: MIT
 *
 * Banana.sendEncoded and Banana._encode. Twisted's own functions are called where a
 * service has changed what these depend on, and for every object that C refuses. */
#include "accelerate/twisted.h"
#include "common/expression_write.h"

/* Lists that are nested more deeply are left to Python, which recurses. */
#define SEND_DEPTH_MAX 100

/* Whether self.name is this int. */
static bool attribute_is_int(PyObject *self, PyObject *name, long long value)
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

/* self.name, if it is an int beyond an int64_t in this direction (-1 or 1): *new*, or
 * NULL. */
static PyObject *attribute_far_int(PyObject *self, PyObject *name, int direction)
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

/* Whether self sends ints as the encoder does. Fills in the limits, *new*, beyond an
 * int64_t. */
static bool rules_take_ints(const struct pbpy_names *names, PyObject *self,
                            struct pbpy_write_rules *rules)
{
    rules->smallest = attribute_far_int(self, names->_smallestLongInt, -1);
    rules->largest = attribute_far_int(self, names->_largestLongInt, 1);
    return rules->smallest && rules->largest &&
           attribute_is_int(self, names->_smallestInt, INT32_MIN) &&
           attribute_is_int(self, names->_largestInt, INT32_MAX);
}

/* Whether self has a dialect that C knows, and in dialect pb Twisted's vocabulary. */
static bool rules_take_dialect(const struct pbpy_state *st, PyObject *self,
                               struct pbpy_write_rules *rules)
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

/* The bytes that self._encode would write, *new*; NULL without an exception: C cannot
 * write them, which is counted. */
static PyObject *encode_as_banana(struct pbpy_state *st, enum pbpy_function function,
                                  PyObject *self, PyObject *expression)
{
    size_t size = pbpy_limit(
        PyDict_GetItemWithError(st->twisted->banana_globals, st->names.SIZE_LIMIT));
    struct pbpy_write_rules rules = {
        .dialect = PB_DIALECT_NONE,
        .limits = {.prefix = SIZE_MAX,
                   .list = size,
                   .bytes = size,
                   .depth = SEND_DEPTH_MAX},
    };
    PyObject *bytes = NULL;
    pb_error err = {0};
    bool own = size != 0 &&
               pbpy_is_own(self, st->names._encode, st->twisted->accelerated_encode,
                           st->twisted->_encode) &&
               rules_take_dialect(st, self, &rules) &&
               rules_take_ints(&st->names, self, &rules);
    if (own) {
        bytes = pbpy_expression_write(st, expression, &rules, NULL, &err);
    }
    Py_XDECREF(rules.smallest);
    Py_XDECREF(rules.largest);
    if (bytes) {
        pbpy_count_in_c(st, function);
    } else if (!PyErr_Occurred()) {
        pbpy_count_in_python(st, function, own ? PBPY_LEFT_REFUSED : PBPY_LEFT_CHANGED);
    }
    return bytes;
}

PyObject *pbpy_encode_to(PyObject *module, PyObject *const *args, Py_ssize_t n)
{
    struct pbpy_state *st = pbpy_state(module);
    if (!pbpy_check_arguments(n, 3, "encode_to(self, obj, write)")) {
        return NULL;
    }
    PyObject *bytes = encode_as_banana(st, PBPY_ENCODE_CALL, args[0], args[1]);
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
    if (!pbpy_check_arguments(n, 2, "send_encoded(self, obj)")) {
        return NULL;
    }
    PyObject *bytes = encode_as_banana(st, PBPY_SEND_ENCODED_CALL, args[0], args[1]);
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

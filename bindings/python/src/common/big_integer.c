/* SPDX-License-Identifier: MIT
 *
 * Python's ints beyond 64 bits, and banana's form of them: base 128 digits, least
 * significant first. */
#include "common/state.h"

PyObject *pbpy_int_from_magnitude_steal(const struct pbpy_state *st, bool negative,
                                        PyObject *bytes)
{
    PyObject *number =
        bytes ? PyObject_CallMethodObjArgs((PyObject *)&PyLong_Type, st->names.from_bytes,
                                           bytes, st->names.little, NULL)
              : NULL;
    Py_XDECREF(bytes);
    if (number && negative) {
        Py_SETREF(number, PyNumber_Negative(number));
    }
    return number;
}

PyObject *pbpy_int_from_digits(const struct pbpy_state *st, bool negative, pb_span digits)
{
    size_t len = digits.len * 7 / 8 + 1;
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)len);
    if (!bytes) {
        return NULL;
    }
    uint8_t *out = (uint8_t *)PyBytes_AS_STRING(bytes);
    memset(out, 0, len);
    for (size_t i = 0; i < digits.len; i++) {
        size_t bit = i * 7;
        unsigned digit = (unsigned)digits.data[i] << bit % 8;
        out[bit / 8] |= (uint8_t)digit;
        if (digit > 0xff) {
            out[bit / 8 + 1] |= (uint8_t)(digit >> 8);
        }
    }
    return pbpy_int_from_magnitude_steal(st, negative, bytes);
}

PyObject *pbpy_int_magnitude(const struct pbpy_state *st, PyObject *number)
{
    PyObject *positive = PyNumber_Absolute(number);
    PyObject *bits = NULL;
    PyObject *bytes = NULL;
    if (positive) {
        bits = PyObject_CallMethodNoArgs(positive, st->names.bit_length);
    }
    size_t n = bits ? PyLong_AsSize_t(bits) : 0;
    PyObject *len = bits && !PyErr_Occurred() ? PyLong_FromSize_t(n / 8 + 1) : NULL;
    if (len) {
        bytes = PyObject_CallMethodObjArgs(positive, st->names.to_bytes, len,
                                           st->names.little, NULL);
    }
    Py_XDECREF(len);
    Py_XDECREF(bits);
    Py_XDECREF(positive);
    return bytes;
}

int pbpy_int_write_big(const struct pbpy_state *st, PyObject *number, bool negative,
                       pb_sink out)
{
    PyObject *bytes = pbpy_int_magnitude(st, number);
    if (!bytes) {
        return -1;
    }
    pb_span in = pbpy_bytes_span(bytes);
    size_t digits = (in.len * 8 + 6) / 7;
    uint8_t *base128 = PyMem_Malloc(digits);
    int rc = -1;
    if (base128) {
        for (size_t i = 0; i < digits; i++) {
            size_t bit = i * 7;
            unsigned pair = in.data[bit / 8];
            if (bit / 8 + 1 < in.len) {
                pair |= (unsigned)in.data[bit / 8 + 1] << 8;
            }
            base128[i] = (uint8_t)(pair >> bit % 8 & 0x7f);
        }
        while (digits > 0 && base128[digits - 1] == 0) {
            digits--;
        }
        rc = out.ops->big(out.ctx, negative, (pb_span){base128, digits});
        PyMem_Free(base128);
    } else {
        PyErr_NoMemory();
    }
    Py_DECREF(bytes);
    return rc;
}

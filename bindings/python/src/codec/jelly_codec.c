/* SPDX-License-Identifier: MIT
 *
 * Jelly of whole objects, without a connection: libpb.jelly. Built-in types go by the short
 * way (dump.c, load.c); whatever that leaves, and every error, by way of values. */
#include "codec/codec.h"
#include "session/session.h"

static PyObject *raise_jelly(const struct pbpy_state *st, const pb_error *err)
{
    PyObject *type = err->code == PB_ERR_INSECURE ? st->insecure
                     : err->code == PB_ERR_LIMIT || err->code == PB_ERR_PROTOCOL
                         ? st->banana_error
                         : st->jelly_error;
    return pbpy_raise(type, err);
}

static pb_jelly_config config_of(const struct pbpy_session *self)
{
    return (pb_jelly_config){.taster = self->taster};
}

static PyObject *dumps_by_value(struct pbpy_session *self, PyObject *object,
                                pb_dialect dialect)
{
    pb_jelly_config config = config_of(self);
    pb_value *v = pbpy_value_out(self, object, Py_None);
    uint8_t *data;
    size_t len;
    pb_error err = {0};
    if (!v) {
        return NULL;
    }
    int failed = pb_jelly_bytes(v, &config, dialect, &data, &len, &err);
    pb_value_unref(v);
    if (failed) {
        return raise_jelly(self->st, &err);
    }
    PyObject *bytes = PyBytes_FromStringAndSize((const char *)data, (Py_ssize_t)len);
    pb_free(data);
    return bytes;
}

static PyObject *loads_by_value(struct pbpy_session *self, pb_span in, pb_dialect dialect)
{
    pb_jelly_config config = config_of(self);
    pb_value *v;
    pb_error err = {0};
    if (pb_unjelly_bytes(in, &config, dialect, &v, &err) != 0) {
        return raise_jelly(self->st, &err);
    }
    PyObject *object = pbpy_value_in(self, v);
    pb_value_unref(v);
    return object;
}

PyObject *pbpy_plain_dumps(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    PyObject *object;
    int words;
    if (!PyArg_ParseTuple(args, "Op:dumps", &object, &words) ||
        !pbpy_session_enter(self) || !pbpy_learn_tags(self)) {
        return NULL;
    }
    pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
    PyObject *bytes = pbpy_jelly_dumps(self->st, object, dialect);
    if (bytes == Py_NotImplemented) {
        Py_SETREF(bytes, dumps_by_value(self, object, dialect));
    }
    return bytes;
}

PyObject *pbpy_plain_loads(PyObject *o, PyObject *args)
{
    struct pbpy_session *self = (struct pbpy_session *)o;
    Py_buffer in;
    int words;
    if (!PyArg_ParseTuple(args, "y*p:loads", &in, &words)) {
        return NULL;
    }
    PyObject *object = NULL;
    if (pbpy_session_enter(self) && pbpy_learn_tags(self)) {
        pb_span data = {in.buf, (size_t)in.len};
        pb_dialect dialect = words ? PB_DIALECT_PB : PB_DIALECT_NONE;
        object = pbpy_jelly_loads(self->st, data, dialect);
        if (object == Py_NotImplemented) {
            Py_SETREF(object, loads_by_value(self, data, dialect));
        }
    }
    PyBuffer_Release(&in);
    return object;
}

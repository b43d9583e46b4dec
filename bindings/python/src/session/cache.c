/* SPDX-License-Identifier: MIT
 *
 * Caches of the peer's: RemoteCache. As in Twisted, one object of each cache is held by
 * the connection and kept up to date by the peer's calls; each receipt of it is another
 * object, which shares the members of that one. A receipt that is collected is released,
 * and the peer is told (decache) when all are. */
#include "session/cache.h"

/* A class of caches that a session has registered. */
struct pbpy_cache_class {
    pb_class cls;
    struct pbpy_session *session;
    struct pbpy_cache_class *next;
    char tag[];
};

static void *cache_construct(void)
{
    return PyMem_Calloc(1, sizeof(struct pbpy_cache));
}

static void cache_python_unref(void *object)
{
    Py_DECREF((PyObject *)object);
}

/* The count of the Python object is released later, for then any Python code runs. */
static void receipt_cache_destroy(void *self)
{
    struct pbpy_cache *c = self;
    if (!c || !c->object) {
        PyMem_Free(c);
        return;
    }
    c->held = (struct pbpy_held){c->session->released, c->object, cache_python_unref};
    c->session->released = &c->held;
}

/* The peer calls what its caches show. */
static int cache_called(void *self, pb_request *r)
{
    struct pbpy_cache *c = self;
    pb_object *o = pb_request_object(r);
    struct pbpy_session *session =
        ((const struct pbpy_cache_class *)pb_object_class(o))->session;
    if (!c->object) { /* no receipt of it was made: the message was dropped */
        pb_value *v = pb_object_value(o);
        PyObject *receipt = v ? pbpy_object_from_value(session, v) : PyErr_NoMemory();
        pb_value_unref(v);
        if (!receipt) {
            pbpy_session_unraisable(session);
            return PB_ERR_TYPE;
        }
        Py_DECREF(receipt);
    }
    PyObject *object = Py_NewRef(c->object);
    int failed = pbpy_request_dispatch(session, object, r);
    Py_DECREF(object);
    return failed;
}

struct pbpy_cache *pbpy_cache_get(pb_value *v)
{
    pb_object *o = pb_as_object(v);
    const pb_class *cls = o ? pb_object_class(o) : NULL;
    return cls && cls->construct == cache_construct ? pb_object_self(o) : NULL;
}

const char *pbpy_cache_tag(pb_value *v)
{
    return pb_object_class(pb_as_object(v))->name;
}

int pbpy_cache_class_set(struct pbpy_session *self, const char *tag)
{
    for (const struct pbpy_cache_class *k = self->cache_classes; k; k = k->next) {
        if (strcmp(k->tag, tag) == 0) {
            return pb_registry_set_class(self->registry, tag, &k->cls);
        }
    }
    size_t size = strlen(tag) + 1;
    struct pbpy_cache_class *k = PyMem_Malloc(sizeof *k + size);
    if (!k) {
        return PB_ERR_NOMEM;
    }
    *k = (struct pbpy_cache_class){
        .cls = {.name = k->tag,
                .flavor = PB_FLAVOR_CACHEABLE,
                .construct = cache_construct,
                .fallback = cache_called,
                .destroy = receipt_cache_destroy},
        .session = self,
        .next = self->cache_classes,
    };
    memcpy(k->tag, tag, size);
    self->cache_classes = k;
    return pb_registry_set_class(self->registry, tag, &k->cls);
}

void pbpy_cache_classes_free(struct pbpy_session *self)
{
    while (self->cache_classes) {
        struct pbpy_cache_class *k = self->cache_classes;
        self->cache_classes = k->next;
        PyMem_Free(k);
    }
}

/* ---- Receipts ---- */

static void receipt_unref(void *v)
{
    pb_value_unref(v);
}

PyObject *pbpy_cache_receive(struct pbpy_session *self, pb_value *v, PyObject *object)
{
    PyObject *receipt =
        pbpy_handle_new(self->st->types.receipt, self, pb_value_ref(v), receipt_unref);
    PyObject *shown =
        receipt ? pbpy_handler_call(self, "receive", "OO", object, receipt) : NULL;
    Py_XDECREF(receipt);
    return shown;
}

static PyMethodDef receipt_methods[] = {
    {NULL, NULL, 0, NULL},
};
static PyGetSetDef receipt_members[] = {
    {NULL, NULL, NULL, NULL, NULL},
};

PyTypeObject *pbpy_receipt_type_add(PyObject *module)
{
    return pbpy_handle_type_add(module, "libpb._core.Receipt",
                                "What a RemoteCache holds of the peer's cache.",
                                receipt_methods, receipt_members, 0);
}

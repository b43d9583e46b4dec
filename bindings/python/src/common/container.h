/* SPDX-License-Identifier: MIT
 *
 * The items of lists, tuples, dicts and sets, one after the other. All code that turns
 * Python objects into something else keeps a stack of these, so that nothing recurses. */
#ifndef PBPY_CONTAINER_H
#define PBPY_CONTAINER_H

#include "common/state.h"

/* The kind of a container by its exact type: PBPY_LIST, _TUPLE, _DICTIONARY, _SET or
 * _FROZENSET; PBPY_ATOM_END for any other type. */
static inline enum pbpy_atom pbpy_container_kind(const PyTypeObject *type)
{
    return type == &PyDict_Type        ? PBPY_DICTIONARY
           : type == &PyList_Type      ? PBPY_LIST
           : type == &PyTuple_Type     ? PBPY_TUPLE
           : type == &PySet_Type       ? PBPY_SET
           : type == &PyFrozenSet_Type ? PBPY_FROZENSET
                                       : PBPY_ATOM_END;
}

/* How many items it has; of a dict, pairs. */
static inline Py_ssize_t pbpy_container_size(PyObject *container, enum pbpy_atom kind)
{
    return kind == PBPY_DICTIONARY                   ? PyDict_GET_SIZE(container)
           : kind == PBPY_LIST || kind == PBPY_TUPLE ? Py_SIZE(container)
                                                     : PySet_GET_SIZE(container);
}

/* Zeroed storage is none, for pbpy_items_end. */
struct pbpy_items {
    PyObject *container; /* one count */
    PyObject *iter;      /* of a set: one count */
    PyObject *current;   /* of a dict: the value of the current key; of a set: an item;
                          * one count */
    Py_ssize_t next;
    Py_ssize_t size;     /* of a dict: its size at the beginning */
    enum pbpy_atom kind; /* as pbpy_container_kind has it */
    bool value_is_next;
};

/* Begins with a container of that kind. Python code may run meanwhile and change the
 * container. False with an exception set; pbpy_items_end is needed in either case. */
static inline bool pbpy_items_begin(struct pbpy_items *items, PyObject *container,
                                    enum pbpy_atom kind)
{
    *items = (struct pbpy_items){.container = Py_NewRef(container), .kind = kind};
    if (kind == PBPY_DICTIONARY) {
        items->size = PyDict_GET_SIZE(container);
    } else if (kind == PBPY_SET || kind == PBPY_FROZENSET) {
        items->iter = PyObject_GetIter(container);
        return items->iter;
    }
    return true;
}

/* Lets go of what was current, which may run Python code. Whether the container is as
 * long as it was; else an exception is set. */
static inline bool pbpy_items_let_go(struct pbpy_items *items)
{
    Py_CLEAR(items->current);
    if (items->kind == PBPY_DICTIONARY &&
        PyDict_GET_SIZE(items->container) != items->size) {
        PyErr_SetString(PyExc_RuntimeError, "dictionary changed size during iteration");
        return false;
    }
    return true;
}

static inline PyObject *pbpy_items_next_of_dict(struct pbpy_items *items)
{
    PyObject *key;
    if (items->value_is_next) {
        items->value_is_next = false;
        return items->current;
    }
    if (!pbpy_items_let_go(items)) {
        return NULL;
    }
    if (!PyDict_Next(items->container, &items->next, &key, &items->current)) {
        items->current = NULL;
        return NULL;
    }
    Py_INCREF(items->current);
    items->value_is_next = true;
    return key;
}

static inline PyObject *pbpy_items_next_of_set(struct pbpy_items *items)
{
    Py_CLEAR(items->current);
    items->current = PyIter_Next(items->iter);
    return items->current;
}

/* The next item; of a dict, each key and then its value. Borrowed until the next call or
 * until Python code runs, which may change the container: take a count before that. NULL
 * at the end, or with an exception set. */
static inline PyObject *pbpy_items_next(struct pbpy_items *items)
{
    if (items->kind == PBPY_DICTIONARY) {
        return pbpy_items_next_of_dict(items);
    }
    PyObject *container = items->container;
    if (items->kind == PBPY_LIST) {
        Py_ssize_t i = items->next++;
        return i < PyList_GET_SIZE(container) ? PyList_GET_ITEM(container, i) : NULL;
    }
    if (items->kind == PBPY_TUPLE) {
        Py_ssize_t i = items->next++;
        return i < PyTuple_GET_SIZE(container) ? PyTuple_GET_ITEM(container, i) : NULL;
    }
    return pbpy_items_next_of_set(items);
}

static inline void pbpy_items_end(struct pbpy_items *items)
{
    Py_XDECREF(items->current);
    Py_XDECREF(items->iter);
    Py_XDECREF(items->container);
}

#endif

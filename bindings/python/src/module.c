/* SPDX-License-Identifier: MIT
 *
 * The module libpb._core: its functions, its exceptions, and the state of all its
 * parts. */
#include "accelerate/twisted.h"
#include "codec/codec.h"
#include "common/state.h"
#include "session/session.h"

#include <pb/version.h>

static PyObject *exception_add(PyObject *module, const char *name, const char *doc,
                               PyObject *base)
{
    char full[64];
    PyOS_snprintf(full, sizeof full, "libpb.%s", name);
    PyObject *type = PyErr_NewExceptionWithDoc(full, doc, base, NULL);
    if (type && PyModule_AddObjectRef(module, name, type) != 0) {
        Py_CLEAR(type);
    }
    return type;
}

static int exceptions_add(PyObject *module, struct pbpy_state *st)
{
    st->error =
        exception_add(module, "Error", "Raised for everything that libpb refuses.", NULL);
    if (!st->error) {
        return -1;
    }
    st->banana_error = exception_add(
        module, "BananaError", "Bytes or an expression that banana refuses.", st->error);
    st->jelly_error =
        exception_add(module, "JellyError",
                      "An object or an expression that jelly refuses.", st->error);
    st->insecure =
        exception_add(module, "InsecureJelly",
                      "A type, module or class that is not allowed.", st->error);
    return st->banana_error && st->jelly_error && st->insecure ? 0 : -1;
}

static int module_exec(PyObject *module)
{
    struct pbpy_state *st = pbpy_state(module);
    return pbpy_state_init(st) != 0 || exceptions_add(module, st) != 0 ||
                   pbpy_types_add(module, st) != 0 ||
                   PyModule_AddStringConstant(module, "__version__", PB_VERSION) != 0
               ? -1
               : 0;
}

static int module_traverse(PyObject *module, visitproc visit, void *arg)
{
    struct pbpy_state *st = pbpy_state(module);
    Py_VISIT(st->error);
    Py_VISIT(st->banana_error);
    Py_VISIT(st->jelly_error);
    Py_VISIT(st->insecure);
    Py_VISIT(st->types.session);
    Py_VISIT(st->types.remote);
    Py_VISIT(st->types.request);
    Py_VISIT(st->types.attempt);
    Py_VISIT(st->types.receipt);
    Py_VISIT(st->types.call);
    Py_VISIT(st->types.decimal);
    return pbpy_twisted_traverse(st->twisted, visit, arg);
}

static int module_clear(PyObject *module)
{
    struct pbpy_state *st = pbpy_state(module);
    pbpy_state_clear(st);
    pbpy_types_clear(&st->types);
    pbpy_twisted_free(st->twisted);
    st->twisted = NULL;
    return 0;
}

static void module_free(void *module)
{
    module_clear(module);
}

static PyMethodDef module_methods[] = {
    PBPY_CODEC_METHODS,
    PBPY_TWISTED_METHODS,
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, (void *)module_exec},
#ifdef Py_mod_multiple_interpreters
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
#endif
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, NULL},
};

static struct PyModuleDef module_definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "libpb._core",
    .m_doc = "The C code of libpb's Python packages.",
    .m_size = sizeof(struct pbpy_state),
    .m_methods = module_methods,
    .m_slots = module_slots,
    .m_traverse = module_traverse,
    .m_clear = module_clear,
    .m_free = module_free,
};

PyMODINIT_FUNC PyInit__core(void);
PyMODINIT_FUNC PyInit__core(void)
{
    return PyModuleDef_Init(&module_definition);
}

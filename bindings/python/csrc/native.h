/* What the files of the extension share. The extension holds no logic: it turns Python's objects
 * into what include/pointmill.h takes, and answers and codes back into objects and exceptions.
 *
 * One object serves every CPython from 3.11 on: only the limited API is used.
 */
#ifndef POINTMILL_PYTHON_NATIVE_H
#define POINTMILL_PYTHON_NATIVE_H

#define PY_SSIZE_T_CLEAN
#ifndef Py_LIMITED_API
#define Py_LIMITED_API 0x030b0000
#endif
#include <Python.h>

#include <stdbool.h>

#include "pointmill.h"

/* One of each interpreter. Objects point to it; their types keep the module, and so it, alive. */
typedef struct {
    PyObject *errors; /* dict: code -> exception class, given by pointmill._errors */
    PyTypeObject *engine;
    PyTypeObject *metric;
    PyTypeObject *snapshot;
    PyTypeObject *sketch;
    PyTypeObject *client;
    PyTypeObject *lambda;
    PyTypeObject *lambda_metric;
    PyTypeObject *stats;
    PyTypeObject *client_stats;
    PyTypeObject *lambda_stats;
    PyTypeObject *summary;
    PyTypeObject *payload;
    PyTypeObject *skipped;
    PyTypeObject *option;
    /* What lambda_metric records into, and the function for whatever it does not take itself; NULL
     * until pointmill.lambda_ is imported. */
    PyObject *lambda_object;
    PyObject *lambda_slowly;
} State;

/* An engine; also the base of pointmill.Engine. `handle` is NULL once it is closed: the C functions
 * answer POINTMILL_E_NULL then, so recording needs no check of its own. */
typedef struct {
    PyObject_HEAD
    State *state;
    pointmill_engine *handle;
    Py_ssize_t busy;            /* calls under way without the GIL; close waits for them to end */
    pointmill_engine *closing;  /* freed by the last of them */
} Engine;

typedef struct {
    PyObject_HEAD
    State *state;
    pointmill_snapshot *handle;
} Snapshot;

typedef struct {
    PyObject_HEAD
    State *state;
    pointmill_sketch *handle;
} Sketch;

/* ---- convert.c: arguments ---- */

/* Texts lent to a call; few need no memory of their own. */
#define TEXTS_FEW 24
typedef struct {
    pointmill_str few[TEXTS_FEW];
    pointmill_str *all; /* few, or memory */
    size_t len;
    PyObject *owner;    /* the tuple that holds the tags alive, if they were no list or tuple */
} Texts;

/* The name and then the tags. What they point to lives as long as name and tags do. */
bool texts_of(State *state, PyObject *name, PyObject *tags, Texts *out);
void texts_free(Texts *texts);

/* Values lent to a call: a buffer as it is, or a copy as doubles. */
typedef struct {
    const double *ptr;
    size_t len;
    Py_buffer view;
    bool has_view;
    void *copy;
} Values;

bool values_of(PyObject *object, Values *out);
void values_free(Values *values);
/* The same for context ids. */
bool contexts_of(PyObject *object, Values *out);

/* A finite or other double; false with a TypeError that says what to do. */
bool number_of(PyObject *object, const char *what, double *out);
bool unix_seconds_of(PyObject *object, int64_t *out);
/* A configuration from a sequence of (name, value), both str. */
pointmill_config *config_of(State *state, PyObject *pairs);
PyObject *text_from(pointmill_str text);
/* A struct of counters as a struct sequence: what follows its first 8 bytes, each a uint64_t. */
PyObject *numbers_from(PyTypeObject *type, const void *counters, int len);
#define COUNTERS(type) ((int)((sizeof(type) - 8) / 8))
State *state_of(PyTypeObject *type);

/* ---- errors ---- */

/* Raises the class of a code with its text, or with `detail` if there is one. Returns NULL. */
PyObject *raise_code(State *state, int32_t code, const char *detail);
/* The same for a call that had a name and tags: says which of them it was. */
PyObject *raise_named(State *state, int32_t code, const Texts *texts);
/* The same for a value. */
PyObject *raise_value(State *state, int32_t code, double value);
PyObject *raise_closed(State *state, const char *what);

/* ---- the types' making ---- */

int engine_add(PyObject *module, State *state);
int metric_add(PyObject *module, State *state);
int snapshot_add(PyObject *module, State *state);
int sketch_add(PyObject *module, State *state);
int stats_add(PyObject *module, State *state);
int client_add(PyObject *module, State *state);
int lambda_add(PyObject *module, State *state);

PyObject *metric_new(Engine *engine, uint32_t kind, PyObject *name, PyObject *tags);
PyObject *snapshot_wrap(State *state, pointmill_snapshot *handle);
PyObject *sketch_wrap(State *state, PyTypeObject *type, pointmill_sketch *handle);
PyObject *payload_from(State *state, const pointmill_payload *payload);
PyObject *summary_from(State *state, const pointmill_summary *summary);

/* The engine's handle for a call without the GIL, NULL with an exception if it is closed; `engine_leave` gives it back. */
pointmill_engine *engine_enter(Engine *engine);
void engine_leave(Engine *engine);

PyObject *lambda_metric(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames);
PyObject *lambda_setup(PyObject *module, PyObject *args);

PyTypeObject *type_add(PyObject *module, PyType_Spec *spec);
/* Ends an object whose handle has been freed. */
void object_free(PyObject *object);

#define METHOD(function) ((PyCFunction)(void (*)(void))(function))

#endif

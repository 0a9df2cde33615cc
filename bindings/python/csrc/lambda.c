/* AWS Lambda: the one object of a process, the drop-in call, invocations. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    State *state;
    pointmill_lambda *handle;
} Lambda;

/* A metric of it that is held. */
typedef struct {
    PyObject_HEAD
    Lambda *lambda;
    uint64_t context;
    PyObject *name;
    PyObject *tags; /* tuple of str */
} LambdaMetric;

static pointmill_lambda *handle_of(PyObject *object) {
    return ((Lambda *)object)->handle;
}

static PyObject *failed(PyObject *object, int32_t status) {
    return raise_code(((Lambda *)object)->state, status, NULL);
}

/* ---- making one ---- */

static int32_t settings_of(pointmill_lambda_config *config, PyObject *pairs, pointmill_error *error) {
    int32_t status = pointmill_lambda_config_process_env(config);
    Py_ssize_t len = PyTuple_Size(pairs);
    for (Py_ssize_t i = 0; status == POINTMILL_OK && i < len; i++) {
        const char *name, *value;
        Py_ssize_t value_len;
        if (!PyArg_ParseTuple(PyTuple_GetItem(pairs, i), "ss#", &name, &value, &value_len))
            return POINTMILL_E_INVALID;
        status = pointmill_lambda_config_set(config, name, (pointmill_str){value, (size_t)value_len}, error);
    }
    return status;
}

/* Lambda(pairs): from the environment, and options that beat it. */
static PyObject *lambda_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *pairs;
    State *state = state_of(type);
    if (state == NULL || !PyArg_ParseTuple(args, "O!:Lambda", &PyTuple_Type, &pairs))
        return NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *handle = NULL;
    int32_t status = pointmill_lambda_config_new(POINTMILL_LAMBDA_PYTHON, &config);
    if (status == POINTMILL_OK)
        status = settings_of(config, pairs, &error);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_new(config, &handle, &error);
    pointmill_lambda_config_free(config);
    if (status != POINTMILL_OK)
        return PyErr_Occurred() ? NULL : raise_code(state, status, error.detail);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Lambda *self = (Lambda *)allocate(type, 0);
    if (self == NULL) {
        pointmill_lambda_free(handle);
        return NULL;
    }
    self->state = state;
    self->handle = handle;
    return (PyObject *)self;
}

static void lambda_dealloc(PyObject *object) {
    pointmill_lambda *handle = handle_of(object);
    Py_BEGIN_ALLOW_THREADS
    pointmill_lambda_free(handle);
    Py_END_ALLOW_THREADS
    object_free(object);
}

/* ---- points ---- */

/* metric_at(name, value, unix_s or None, tags, force_async): the number of the status. */
static PyObject *lambda_metric_at(PyObject *object, PyObject *args) {
    PyObject *name, *tags, *at;
    double value;
    int force_async;
    if (!PyArg_ParseTuple(args, "OdOOp:metric_at", &name, &value, &at, &tags, &force_async))
        return NULL;
    int64_t unix_s = POINTMILL_LAMBDA_NOW;
    if (at != Py_None) {
        unix_s = PyLong_AsLongLong(at);
        if (PyErr_Occurred())
            return NULL;
    }
    Texts texts;
    if (!texts_of(((Lambda *)object)->state, name, tags, &texts))
        return NULL;
    uint32_t flags = force_async ? POINTMILL_LAMBDA_FORCE_ASYNC : 0;
    int32_t status = pointmill_lambda_metric_at(handle_of(object), texts.all, texts.len, value, unix_s, flags);
    texts_free(&texts);
    return PyLong_FromLong(status);
}

static PyObject *lambda_rejected(PyObject *object, PyObject *cause) {
    unsigned long number = PyLong_AsUnsignedLong(cause);
    if (PyErr_Occurred())
        return NULL;
    int32_t status = pointmill_lambda_rejected(handle_of(object), (uint32_t)number, 1);
    return status == POINTMILL_OK ? Py_NewRef(Py_None) : failed(object, status);
}

/* Whether a point needs nothing that only Python code knows: no time, no other destination, tags in a list or tuple. */
static bool plain(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, PyObject **tags) {
    *tags = NULL;
    if (nargs < 2 || nargs > 4 || (nargs > 2 && args[2] != Py_None))
        return false;
    if (nargs == 4)
        *tags = args[3];
    if (kwnames != NULL) {
        if (PyTuple_Size(kwnames) != 1 || nargs == 4 ||
            PyUnicode_CompareWithASCIIString(PyTuple_GetItem(kwnames, 0), "tags") != 0)
            return false;
        *tags = args[nargs];
    }
    return *tags == NULL || *tags == Py_None || PyList_Check(*tags) || PyTuple_Check(*tags);
}

/* A call with the same arguments; PyObject_Vectorcall entered the limited API in 3.12 only. */
static PyObject *call_with(PyObject *function, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    PyObject *positional = PyTuple_New(nargs), *keywords = PyDict_New(), *result = NULL;
    bool good = positional != NULL && keywords != NULL;
    for (Py_ssize_t i = 0; good && i < nargs; i++)
        good = PyTuple_SetItem(positional, i, Py_NewRef(args[i])) == 0;
    Py_ssize_t len = kwnames == NULL ? 0 : PyTuple_Size(kwnames);
    for (Py_ssize_t i = 0; good && i < len; i++)
        good = PyDict_SetItem(keywords, PyTuple_GetItem(kwnames, i), args[nargs + i]) == 0;
    if (good)
        result = PyObject_Call(function, positional, keywords);
    Py_XDECREF(positional);
    Py_XDECREF(keywords);
    return result;
}

/* lambda_metric(metric_name, value, timestamp=None, tags=None, force_async=False). What is not taken here as it is goes to
 * the function given to lambda_setup, with the same arguments; that never raises. */
PyObject *lambda_metric(PyObject *module, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    State *state = PyModule_GetState(module);
    PyObject *tags;
    Texts texts;
    if (state->lambda_object != NULL && plain(args, nargs, kwnames, &tags)) {
        double value = PyFloat_AsDouble(args[1]);
        bool good = value != -1.0 || !PyErr_Occurred();
        if (good && texts_of(state, args[0], tags, &texts)) {
            int32_t status = pointmill_lambda_metric(handle_of(state->lambda_object), texts.all, texts.len, value);
            texts_free(&texts);
            if (status == POINTMILL_OK)
                Py_RETURN_NONE;
            /* It has been refused and counted: only to be told. */
            PyObject *told = PyObject_CallMethod(state->lambda_slowly, "refused", "OOi", args[0], args[1], (int)status);
            Py_XDECREF(told);
            return told == NULL ? NULL : Py_NewRef(Py_None);
        }
        PyErr_Clear();
    }
    if (state->lambda_slowly == NULL)
        return PyErr_Format(PyExc_RuntimeError, "lambda_metric: import pointmill.lambda_ first");
    return call_with(state->lambda_slowly, args, nargs, kwnames);
}

/* lambda_setup(lambda, slowly) */
PyObject *lambda_setup(PyObject *module, PyObject *args) {
    State *state = PyModule_GetState(module);
    PyObject *object, *slowly;
    if (!PyArg_ParseTuple(args, "O!O:lambda_setup", state->lambda, &object, &slowly))
        return NULL;
    PyObject *old[] = {state->lambda_object, state->lambda_slowly};
    state->lambda_object = Py_NewRef(object);
    state->lambda_slowly = Py_NewRef(slowly);
    Py_XDECREF(old[0]);
    Py_XDECREF(old[1]);
    Py_RETURN_NONE;
}

/* ---- held metrics ---- */

static PyObject *lambda_hold(PyObject *object, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"name", "tags", NULL};
    State *state = ((Lambda *)object)->state;
    PyObject *name, *tags = NULL;
    Texts texts;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O:distribution", keywords, &name, &tags) ||
        !texts_of(state, name, tags, &texts))
        return NULL;
    uint64_t context = 0;
    int32_t status = pointmill_lambda_context(handle_of(object), texts.all, texts.len, &context);
    PyObject *owned = NULL; /* they may have come out of a generator */
    if (status != POINTMILL_OK)
        raise_named(state, status, &texts);
    else
        owned = PyTuple_New((Py_ssize_t)texts.len - 1);
    for (size_t i = 1; owned != NULL && i < texts.len; i++) {
        PyObject *tag = PyUnicode_DecodeUTF8(texts.all[i].ptr, (Py_ssize_t)texts.all[i].len, NULL);
        if (tag == NULL || PyTuple_SetItem(owned, (Py_ssize_t)i - 1, tag) != 0)
            Py_CLEAR(owned);
    }
    texts_free(&texts);
    if (owned == NULL)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(state->lambda_metric, Py_tp_alloc);
    LambdaMetric *self = (LambdaMetric *)allocate(state->lambda_metric, 0);
    if (self != NULL) {
        self->lambda = (Lambda *)Py_NewRef(object);
        self->context = context;
        self->name = Py_NewRef(name);
        self->tags = owned;
    } else {
        Py_DECREF(owned);
    }
    return (PyObject *)self;
}

/* What is not taken here as it is goes the way of lambda_metric: mended, or refused, counted and told. */
static PyObject *held_record(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    LambdaMetric *self = (LambdaMetric *)object;
    PyObject *when = Py_None;
    double value;
    int64_t at = 0;
    if (kwnames != NULL && PyTuple_Size(kwnames) == 1 &&
        PyUnicode_CompareWithASCIIString(PyTuple_GetItem(kwnames, 0), "at") == 0)
        when = args[nargs];
    else if (kwnames != NULL)
        return PyErr_Format(PyExc_TypeError, "record() has one keyword, at; %R were given", kwnames);
    if (nargs != 1)
        return PyErr_Format(PyExc_TypeError, "record() takes one value (%zd given) and the keyword at", nargs);
    PyObject *slowly = self->lambda->state->lambda_slowly, *told;
    if (!number_of(args[0], "value", &value) || (when != Py_None && !unix_seconds_of(when, &at))) {
        PyErr_Clear();
        told = PyObject_CallFunctionObjArgs(slowly, self->name, args[0], when, self->tags, NULL);
        Py_XDECREF(told);
        return told == NULL ? NULL : Py_NewRef(Py_None);
    }
    int32_t status = when == Py_None ? pointmill_lambda_record(self->lambda->handle, self->context, value)
                                     : pointmill_lambda_record_at(self->lambda->handle, self->context, value, at);
    if (status == POINTMILL_OK)
        Py_RETURN_NONE;
    told = PyObject_CallMethod(slowly, "refused", "OOi", self->name, args[0], (int)status);
    Py_XDECREF(told);
    return told == NULL ? NULL : Py_NewRef(Py_None);
}

static void held_dealloc(PyObject *object) {
    LambdaMetric *self = (LambdaMetric *)object;
    Py_XDECREF((PyObject *)self->lambda);
    Py_XDECREF(self->name);
    Py_XDECREF(self->tags);
    object_free(object);
}

/* ---- invocations ---- */

/* begin(arn, request_id, function_name, function_version, memory_mb, deadline_unix_ms, not_counted) */
static PyObject *lambda_begin(PyObject *object, PyObject *args) {
    pointmill_lambda_invocation invocation = POINTMILL_LAMBDA_INVOCATION_INIT;
    const char *texts[4];
    Py_ssize_t lens[4];
    unsigned memory_mb;
    long long deadline_unix_ms;
    int not_counted;
    if (!PyArg_ParseTuple(args, "z#z#z#z#ILp:begin", &texts[0], &lens[0], &texts[1], &lens[1], &texts[2], &lens[2],
                          &texts[3], &lens[3], &memory_mb, &deadline_unix_ms, &not_counted))
        return NULL;
    invocation.invoked_function_arn = (pointmill_str){texts[0], (size_t)lens[0]};
    invocation.request_id = (pointmill_str){texts[1], (size_t)lens[1]};
    invocation.function_name = (pointmill_str){texts[2], (size_t)lens[2]};
    invocation.function_version = (pointmill_str){texts[3], (size_t)lens[3]};
    invocation.memory_mb = memory_mb;
    invocation.deadline_unix_ms = deadline_unix_ms;
    invocation.flags = not_counted ? POINTMILL_LAMBDA_NOT_COUNTED : 0;
    uint64_t token = 0;
    int32_t status = pointmill_lambda_begin(handle_of(object), &invocation, &token);
    return status == POINTMILL_OK ? PyLong_FromUnsignedLongLong(token) : failed(object, status);
}

/* end(token, error, http_status, batch_item_failures): how long the flush that follows may take, in ms. */
static PyObject *lambda_end(PyObject *object, PyObject *args) {
    pointmill_lambda_result result = POINTMILL_LAMBDA_RESULT_INIT;
    unsigned long long token;
    long long failures;
    int error;
    unsigned http_status;
    if (!PyArg_ParseTuple(args, "KpIL:end", &token, &error, &http_status, &failures))
        return NULL;
    result.error = (uint32_t)error;
    result.http_status = http_status;
    result.batch_item_failures = failures;
    result.time_to_first_byte_ms = -1;
    uint64_t budget_ms = 0;
    int32_t status = pointmill_lambda_end(handle_of(object), token, &result, &budget_ms);
    return status == POINTMILL_OK ? PyLong_FromUnsignedLongLong(budget_ms) : failed(object, status);
}

typedef int32_t (*Timed)(pointmill_lambda *, uint64_t);

/* The number of the status: the drop-in must not raise. */
static PyObject *timed(PyObject *object, PyObject *timeout, Timed call) {
    unsigned long long timeout_ms = PyLong_AsUnsignedLongLong(timeout);
    if (PyErr_Occurred())
        return NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = call(handle_of(object), timeout_ms);
    Py_END_ALLOW_THREADS
    return PyLong_FromLong(status);
}

static PyObject *lambda_flush(PyObject *object, PyObject *timeout) {
    return timed(object, timeout, pointmill_lambda_flush);
}

static PyObject *lambda_close(PyObject *object, PyObject *timeout) {
    return timed(object, timeout, pointmill_lambda_close);
}

static PyObject *lambda_restored(PyObject *object, PyObject *unused) {
    (void)unused;
    int32_t status = pointmill_lambda_restored(handle_of(object));
    return status == POINTMILL_OK ? Py_NewRef(Py_None) : failed(object, status);
}

/* ---- what it says of itself ---- */

static PyObject *lambda_stats(PyObject *object, PyObject *unused) {
    (void)unused;
    State *state = ((Lambda *)object)->state;
    pointmill_lambda_stats stats = POINTMILL_LAMBDA_STATS_INIT;
    int32_t status = pointmill_lambda_stats_get(handle_of(object), &stats);
    return status == POINTMILL_OK ? numbers_from(state->lambda_stats, &stats, COUNTERS(pointmill_lambda_stats)) : failed(object, status);
}

static PyObject *lambda_mode(PyObject *object, PyObject *unused) {
    (void)unused;
    uint32_t mode = 0;
    int32_t status = pointmill_lambda_mode(handle_of(object), &mode);
    return status == POINTMILL_OK ? PyLong_FromUnsignedLong(mode) : failed(object, status);
}

static PyObject *lambda_setting(PyObject *object, PyObject *argument) {
    pointmill_str text = {NULL, 0};
    const char *name = PyUnicode_AsUTF8AndSize(argument, NULL);
    if (name == NULL)
        return NULL;
    int32_t status = pointmill_lambda_setting(handle_of(object), name, &text);
    return status == POINTMILL_OK ? text_from(text) : failed(object, status);
}

/* A text that a call writes into a buffer; None if there is none. */
static PyObject *written(PyObject *object, int32_t (*call)(pointmill_lambda *, char *, size_t, size_t *)) {
    size_t len = 0;
    char few[512], *buffer = few;
    int32_t status = call(handle_of(object), buffer, sizeof few, &len);
    if (status == POINTMILL_E_BUFFER_TOO_SMALL) {
        buffer = PyMem_Malloc(len);
        if (buffer == NULL)
            return PyErr_NoMemory();
        status = call(handle_of(object), buffer, len, &len);
    }
    PyObject *result = status != POINTMILL_OK ? failed(object, status)
                       : len == 0             ? Py_NewRef(Py_None)
                                              : PyUnicode_DecodeUTF8(buffer, (Py_ssize_t)len, "replace");
    if (buffer != few)
        PyMem_Free(buffer);
    return result;
}

static PyObject *lambda_warnings(PyObject *object, PyObject *unused) {
    (void)unused;
    return written(object, pointmill_lambda_warnings);
}

static int32_t last_failure(pointmill_lambda *lambda, char *buffer, size_t cap, size_t *len) {
    return pointmill_lambda_last_failure(lambda, buffer, cap, len);
}

static PyObject *lambda_last_failure(PyObject *object, PyObject *unused) {
    (void)unused;
    return written(object, last_failure);
}

static PyMethodDef methods[] = {
    {"metric_at", lambda_metric_at, METH_VARARGS, NULL},
    {"refused", lambda_rejected, METH_O, NULL},
    {"distribution", METHOD(lambda_hold), METH_VARARGS | METH_KEYWORDS,
     "distribution($self, /, name, tags=())\n--\n\n"
     "The distribution of this name and set of tags, to be kept: its .record(value) is the fast way."},
    {"begin", lambda_begin, METH_VARARGS, NULL},
    {"end", lambda_end, METH_VARARGS, NULL},
    {"flush", lambda_flush, METH_O, NULL},
    {"close", lambda_close, METH_O, NULL},
    {"restored", lambda_restored, METH_NOARGS, NULL},
    {"stats", lambda_stats, METH_NOARGS, NULL},
    {"mode", lambda_mode, METH_NOARGS, NULL},
    {"setting", lambda_setting, METH_O, NULL},
    {"warnings", lambda_warnings, METH_NOARGS, NULL},
    {"last_failure", lambda_last_failure, METH_NOARGS, NULL},
    {0},
};

static PyMethodDef held_methods[] = {
    {"record", METHOD(held_record), METH_FASTCALL | METH_KEYWORDS,
     "record($self, value, /, *, at=None)\n--\n\nRecords one point, now or at a time. Never raises for what it is given."},
    {0},
};

int lambda_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "What pointmill.lambda_ is made of."},
        {Py_tp_new, lambda_new},
        {Py_tp_dealloc, lambda_dealloc},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Slot held_slots[] = {
        {Py_tp_doc, "A distribution of pointmill.lambda_ that is held."},
        {Py_tp_dealloc, held_dealloc},
        {Py_tp_methods, held_methods},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill._native.Lambda",
        .basicsize = sizeof(Lambda),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    PyType_Spec held = {
        .name = "pointmill._native.LambdaMetric",
        .basicsize = sizeof(LambdaMetric),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = held_slots,
    };
    state->lambda = type_add(module, &spec);
    state->lambda_metric = type_add(module, &held);
    return state->lambda == NULL || state->lambda_metric == NULL ? -1 : 0;
}

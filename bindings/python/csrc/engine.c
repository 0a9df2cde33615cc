/* The engine. */
#include "native.h"

pointmill_engine *engine_enter(Engine *self) {
    if (self->handle == NULL) {
        raise_closed(self->state, "engine");
        return NULL;
    }
    self->busy++;
    return self->handle;
}

void engine_leave(Engine *self) {
    if (--self->busy == 0 && self->closing != NULL) {
        pointmill_engine_free(self->closing);
        self->closing = NULL;
    }
}

static PyObject *engine_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"options", NULL};
    PyObject *pairs;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O!:Engine", keywords, &PyTuple_Type, &pairs))
        return NULL;
    State *state = state_of(type);
    if (state == NULL)
        return NULL;
    pointmill_config *config = config_of(state, pairs);
    if (config == NULL)
        return NULL;
    pointmill_engine *handle = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_engine_new(config, &handle, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        return raise_code(state, status, error.detail);
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Engine *self = (Engine *)allocate(type, 0);
    if (self == NULL) {
        pointmill_engine_free(handle);
        return NULL;
    }
    self->state = state;
    self->handle = handle;
    return (PyObject *)self;
}

static void engine_dealloc(PyObject *object) {
    pointmill_engine_free(((Engine *)object)->handle);
    object_free(object);
}

static PyObject *engine_close(PyObject *object, PyObject *unused) {
    (void)unused;
    Engine *self = (Engine *)object;
    pointmill_engine *handle = self->handle;
    self->handle = NULL;
    if (self->busy == 0)
        pointmill_engine_free(handle);
    else if (handle != NULL)
        self->closing = handle; /* another thread is inside a call; it frees the engine */
    Py_RETURN_NONE;
}

static PyObject *engine_closed(PyObject *object, void *unused) {
    (void)unused;
    return PyBool_FromLong(((Engine *)object)->handle == NULL);
}

/* ---- held metrics ---- */

static PyObject *hold(PyObject *object, uint32_t kind, PyObject *args, PyObject *kwargs) {
    static char *keywords[] = {"name", "tags", NULL};
    PyObject *name, *tags = NULL;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|O", keywords, &name, &tags))
        return NULL;
    return metric_new((Engine *)object, kind, name, tags);
}

/* ---- by name ---- */

typedef struct {
    PyObject *name, *value, *tags;
    bool has_rate, has_at;
    double rate;
    int64_t at;
} Call;

/* One argument by the name of its parameter; rate and at of None are as if they were not given. */
static bool keyword(Call *call, PyObject *name, PyObject *given) {
    if (PyUnicode_CompareWithASCIIString(name, "tags") == 0) {
        call->tags = given;
    } else if (PyUnicode_CompareWithASCIIString(name, "rate") == 0) {
        call->has_rate = given != Py_None;
        return !call->has_rate || number_of(given, "rate", &call->rate);
    } else if (PyUnicode_CompareWithASCIIString(name, "at") == 0) {
        call->has_at = given != Py_None;
        return !call->has_at || unix_seconds_of(given, &call->at);
    } else if (PyUnicode_CompareWithASCIIString(name, "value") == 0) {
        call->value = given;
    } else if (PyUnicode_CompareWithASCIIString(name, "name") == 0) {
        call->name = given;
    } else {
        PyErr_Format(PyExc_TypeError, "no keyword %R; there are name, value, tags, rate and at", name);
        return false;
    }
    return true;
}

static bool call_of(PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames, Call *call) {
    *call = (Call){nargs > 0 ? args[0] : NULL, nargs > 1 ? args[1] : NULL, nargs > 2 ? args[2] : NULL, false, false, 1, 0};
    Py_ssize_t keywords = kwnames == NULL ? 0 : PyTuple_Size(kwnames);
    for (Py_ssize_t i = 0; i < keywords; i++) {
        if (!keyword(call, PyTuple_GetItem(kwnames, i), args[nargs + i]))
            return false;
    }
    if (nargs > 3 || call->name == NULL || call->value == NULL) {
        PyErr_SetString(PyExc_TypeError, "expected name, value and then tags, like ('latency', 12.5, ['env:prod'])");
        return false;
    }
    return true;
}

/* With a rate or a time: the context, then the point. A context that is refused takes the point with it, and
 * pointmill_record_named counts that. */
static int32_t record_slowly(pointmill_engine *engine, uint32_t kind, const Texts *texts, const Call *call, double value) {
    uint64_t context;
    int32_t status = pointmill_context(engine, kind, texts->all[0], texts->all + 1, texts->len - 1, &context);
    if (status != POINTMILL_OK)
        return pointmill_record_named(engine, kind, texts->all, texts->len, value);
    if (!call->has_rate)
        return pointmill_record_at(engine, context, value, call->at);
    return call->has_at ? pointmill_record_sampled_at(engine, context, value, call->rate, call->at)
                        : pointmill_record_sampled(engine, context, value, call->rate);
}

static PyObject *record_named(PyObject *object, uint32_t kind, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    Engine *self = (Engine *)object;
    Call call;
    Texts texts;
    double value;
    if (!call_of(args, nargs, kwnames, &call) || !number_of(call.value, "value", &value))
        return NULL;
    if (!texts_of(self->state, call.name, call.tags, &texts))
        return NULL;
    int32_t status = call.has_rate || call.has_at
                         ? record_slowly(self->handle, kind, &texts, &call, value)
                         : pointmill_record_named(self->handle, kind, texts.all, texts.len, value);
    if (status != POINTMILL_OK) {
        if (self->handle == NULL)
            raise_closed(self->state, "engine");
        else if (status == POINTMILL_E_NOT_FINITE)
            raise_value(self->state, status, value);
        else
            raise_named(self->state, status, &texts);
    }
    texts_free(&texts);
    if (status != POINTMILL_OK)
        return NULL;
    Py_RETURN_NONE;
}

#define KIND(word, kind)                                                                                        \
    static PyObject *hold_##word(PyObject *self, PyObject *args, PyObject *kwargs) {                            \
        return hold(self, kind, args, kwargs);                                                                  \
    }                                                                                                           \
    static PyObject *record_##word(PyObject *self, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) { \
        return record_named(self, kind, args, nargs, kwnames);                                                  \
    }
KIND(distribution, POINTMILL_DISTRIBUTION)
KIND(count, POINTMILL_COUNT)
KIND(gauge, POINTMILL_GAUGE)
KIND(histogram, POINTMILL_HISTOGRAM)

static PyObject *engine_record_batch(PyObject *object, PyObject *args) {
    Engine *self = (Engine *)object;
    PyObject *contexts_object, *values_object;
    Values contexts, values;
    if (!PyArg_ParseTuple(args, "OO:record_batch", &contexts_object, &values_object) ||
        !contexts_of(contexts_object, &contexts))
        return NULL;
    if (!values_of(values_object, &values)) {
        values_free(&contexts);
        return NULL;
    }
    PyObject *result = NULL;
    pointmill_engine *engine = NULL;
    if (contexts.len != values.len)
        PyErr_Format(PyExc_ValueError, "%zd contexts and %zd values; one context for each value", (Py_ssize_t)contexts.len,
                     (Py_ssize_t)values.len);
    else
        engine = engine_enter(self);
    if (engine != NULL) {
        size_t rejected = 0;
        int32_t status;
        Py_BEGIN_ALLOW_THREADS
        status = pointmill_record_batch(engine, (const uint64_t *)contexts.ptr, values.ptr, values.len, &rejected);
        Py_END_ALLOW_THREADS
        engine_leave(self);
        result = status == POINTMILL_OK ? PyLong_FromSize_t(rejected) : raise_code(self->state, status, NULL);
    }
    values_free(&contexts);
    values_free(&values);
    return result;
}

/* ---- time and what is held ---- */

static PyObject *engine_tick(PyObject *object, PyObject *now) {
    Engine *self = (Engine *)object;
    int64_t seconds;
    if (!unix_seconds_of(now, &seconds))
        return NULL;
    pointmill_engine *engine = engine_enter(self);
    if (engine == NULL)
        return NULL;
    int32_t status = pointmill_tick(engine, seconds);
    engine_leave(self);
    if (status != POINTMILL_OK)
        return raise_code(self->state, status, NULL);
    Py_RETURN_NONE;
}

static PyObject *engine_flush(PyObject *object, PyObject *args) {
    Engine *self = (Engine *)object;
    PyObject *now;
    int all;
    int64_t seconds;
    if (!PyArg_ParseTuple(args, "Op:_flush", &now, &all) || !unix_seconds_of(now, &seconds))
        return NULL;
    pointmill_engine *engine = engine_enter(self);
    if (engine == NULL)
        return NULL;
    pointmill_snapshot *snapshot = NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = pointmill_flush(engine, seconds, all ? POINTMILL_FLUSH_ALL : 0, &snapshot);
    Py_END_ALLOW_THREADS
    engine_leave(self);
    return status == POINTMILL_OK ? snapshot_wrap(self->state, snapshot) : raise_code(self->state, status, NULL);
}

static PyObject *engine_stats(PyObject *object, PyObject *unused) {
    (void)unused;
    Engine *self = (Engine *)object;
    pointmill_engine *engine = engine_enter(self);
    if (engine == NULL)
        return NULL;
    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    int32_t status = pointmill_stats(engine, &stats);
    engine_leave(self);
    if (status != POINTMILL_OK)
        return raise_code(self->state, status, NULL);
    return numbers_from(self->state->stats, &stats, COUNTERS(pointmill_engine_stats));
}

#define HOLD_DOC(word)                            \
    #word "($self, /, name, tags=())\n--\n\n"     \
    "The " #word " of this name and set of tags, to be kept: its .record(value) is the fast way."
#define RECORD_DOC(word)                                                                    \
    "record_" #word "($self, /, name, value, tags=(), *, rate=None, at=None)\n--\n\n"      \
    "Records one point of a " #word " by name. For hot code keep ." #word "(name, tags) instead."
#define KIND_METHODS(word)                                                                            \
    {#word, METHOD(hold_##word), METH_VARARGS | METH_KEYWORDS, HOLD_DOC(word)},                       \
    {"record_" #word, METHOD(record_##word), METH_FASTCALL | METH_KEYWORDS, RECORD_DOC(word)}

static PyMethodDef methods[] = {
    KIND_METHODS(distribution),
    KIND_METHODS(count),
    KIND_METHODS(gauge),
    KIND_METHODS(histogram),
    {"record_batch", engine_record_batch, METH_VARARGS,
     "record_batch($self, contexts, values, /)\n--\n\n"
     "Records values[i] into the metric with the id contexts[i] (Metric.context), for all i.\n\n"
     "Returns how many were refused, each counted by its cause."},
    {"_tick", engine_tick, METH_O, NULL},
    {"_flush", engine_flush, METH_VARARGS, NULL},
    {"stats", engine_stats, METH_NOARGS,
     "stats($self, /)\n--\n\n"
     "The ledger: recorded = flushed + pending + every rejected_... + every dropped_...."},
    {"close", engine_close, METH_NOARGS,
     "close($self, /)\n--\n\n"
     "Frees the engine's memory. Points that were not flushed are gone: flush(all=True) first."},
    {0},
};

static PyGetSetDef getset[] = {
    {"closed", engine_closed, NULL, "Whether close() has been called.", NULL},
    {0},
};

int engine_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "What pointmill.Engine is made of."},
        {Py_tp_new, engine_new},
        {Py_tp_dealloc, engine_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_getset, getset},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill._native.Engine",
        .basicsize = sizeof(Engine),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    state->engine = type_add(module, &spec);
    return state->engine == NULL ? -1 : 0;
}

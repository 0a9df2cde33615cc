/* A metric that is held: the id of its context, so that recording is one call. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    Engine *engine;
    uint64_t context;
    uint32_t kind;
    PyObject *name;
    PyObject *tags; /* tuple of str */
} Metric;

static bool ask(Metric *self) {
    Texts texts;
    if (!texts_of(self->engine->state, self->name, self->tags, &texts))
        return false;
    int32_t status = pointmill_context(self->engine->handle, self->kind, texts.all[0], texts.all + 1, texts.len - 1,
                                       &self->context);
    if (self->engine->handle == NULL)
        raise_closed(self->engine->state, "engine");
    else if (status != POINTMILL_OK)
        raise_named(self->engine->state, status, &texts);
    texts_free(&texts);
    return status == POINTMILL_OK;
}

PyObject *metric_new(Engine *engine, uint32_t kind, PyObject *name, PyObject *tags) {
    PyObject *owned = tags == NULL || tags == Py_None ? PyTuple_New(0)
                      : PyList_Check(tags) || PyTuple_Check(tags) ? PySequence_Tuple(tags)
                                                                  : Py_NewRef(tags);
    if (owned == NULL)
        return NULL;
    if (!PyTuple_Check(owned)) {
        /* Checked by texts_of, which knows what to say; then taken once, for it may be a generator. */
        PyObject *tuple = PyUnicode_Check(owned) || PyBytes_Check(owned) || PyDict_Check(owned) ||
                                  !PyObject_HasAttrString(owned, "__iter__")
                              ? NULL
                              : PySequence_Tuple(owned);
        if (tuple == NULL && !PyErr_Occurred()) {
            Texts texts;
            if (texts_of(engine->state, name, owned, &texts))
                texts_free(&texts);
        }
        Py_DECREF(owned);
        if (tuple == NULL)
            return NULL;
        owned = tuple;
    }
    PyTypeObject *type = engine->state->metric;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Metric *self = (Metric *)allocate(type, 0);
    if (self == NULL) {
        Py_DECREF(owned);
        return NULL;
    }
    self->engine = (Engine *)Py_NewRef((PyObject *)engine);
    self->kind = kind;
    self->name = Py_NewRef(name);
    self->tags = owned;
    if (!ask(self)) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void metric_dealloc(PyObject *object) {
    Metric *self = (Metric *)object;
    Py_XDECREF((PyObject *)self->engine);
    Py_XDECREF(self->name);
    Py_XDECREF(self->tags);
    object_free(object);
}

/* One point, by whichever of the four calls it needs. */
static int32_t record(Metric *self, double value, const double *rate, const int64_t *at) {
    pointmill_engine *engine = self->engine->handle;
    if (rate == NULL)
        return at == NULL ? pointmill_record(engine, self->context, value)
                          : pointmill_record_at(engine, self->context, value, *at);
    return at == NULL ? pointmill_record_sampled(engine, self->context, value, *rate)
                      : pointmill_record_sampled_at(engine, self->context, value, *rate, *at);
}

/* What to do about a status that is not success: a context that rested too long is asked for again. */
static PyObject *record_again(Metric *self, int32_t status, double value, const double *rate, const int64_t *at) {
    if (self->engine->handle == NULL)
        return raise_closed(self->engine->state, "engine");
    if (status == POINTMILL_E_STALE_CONTEXT) {
        if (!ask(self))
            return NULL;
        status = record(self, value, rate, at);
        if (status == POINTMILL_OK)
            Py_RETURN_NONE;
    }
    return raise_value(self->engine->state, status, value);
}

static PyObject *metric_record(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    Metric *self = (Metric *)object;
    double value;
    if (nargs == 1 && kwnames == NULL) {
        if (!number_of(args[0], "value", &value))
            return NULL;
        int32_t status = pointmill_record(self->engine->handle, self->context, value);
        if (status == POINTMILL_OK)
            Py_RETURN_NONE;
        return record_again(self, status, value, NULL, NULL);
    }
    if (nargs != 1)
        return PyErr_Format(PyExc_TypeError, "record() takes one value (%zd given) and the keywords rate and at", nargs);
    double rate = 1;
    int64_t at = 0;
    const double *with_rate = NULL;
    const int64_t *with_at = NULL;
    Py_ssize_t len = PyTuple_Size(kwnames);
    for (Py_ssize_t i = 0; i < len; i++) {
        PyObject *keyword = PyTuple_GetItem(kwnames, i), *given = args[nargs + i];
        if (PyUnicode_CompareWithASCIIString(keyword, "rate") == 0) {
            if (given == Py_None)
                continue;
            if (!number_of(given, "rate", &rate))
                return NULL;
            with_rate = &rate;
        } else if (PyUnicode_CompareWithASCIIString(keyword, "at") == 0) {
            if (given == Py_None)
                continue;
            if (!unix_seconds_of(given, &at))
                return NULL;
            with_at = &at;
        } else {
            return PyErr_Format(PyExc_TypeError, "record() has no keyword %R; it has rate and at", keyword);
        }
    }
    if (!number_of(args[0], "value", &value))
        return NULL;
    int32_t status = record(self, value, with_rate, with_at);
    if (status == POINTMILL_OK)
        Py_RETURN_NONE;
    return record_again(self, status, value, with_rate, with_at);
}

/* Values from which on it pays to let other threads run meanwhile (giving the GIL back and taking it
 * costs about 50 ns, a value about 3). */
#define RELEASE_VALUES 1024

static PyObject *metric_record_many(PyObject *object, PyObject *argument) {
    Metric *self = (Metric *)object;
    Values values;
    if (!values_of(argument, &values))
        return NULL;
    size_t rejected = 0;
    int32_t status = POINTMILL_E_STALE_CONTEXT;
    for (int tries = 0; tries < 2 && status == POINTMILL_E_STALE_CONTEXT; tries++) {
        if (tries > 0 && !ask(self))
            break;
        pointmill_engine *engine = engine_enter(self->engine);
        if (engine == NULL)
            break;
        if (values.len < RELEASE_VALUES) {
            status = pointmill_record_many(engine, self->context, values.ptr, values.len, &rejected);
        } else {
            Py_BEGIN_ALLOW_THREADS
            status = pointmill_record_many(engine, self->context, values.ptr, values.len, &rejected);
            Py_END_ALLOW_THREADS
        }
        engine_leave(self->engine);
    }
    values_free(&values);
    if (PyErr_Occurred())
        return NULL;
    if (status != POINTMILL_OK)
        return raise_code(self->engine->state, status, NULL);
    return PyLong_FromSize_t(rejected);
}

static PyObject *metric_kind(PyObject *object, void *unused) {
    (void)unused;
    static const char *const names[] = {"distribution", "count", "gauge", "histogram"};
    return PyUnicode_FromString(names[((Metric *)object)->kind - 1]);
}

static PyObject *metric_context(PyObject *object, void *unused) {
    (void)unused;
    return PyLong_FromUnsignedLongLong(((Metric *)object)->context);
}

static PyObject *metric_engine(PyObject *object, void *unused) {
    (void)unused;
    return Py_NewRef((PyObject *)((Metric *)object)->engine);
}

static PyObject *metric_name(PyObject *object, void *unused) {
    (void)unused;
    return Py_NewRef(((Metric *)object)->name);
}

static PyObject *metric_tags(PyObject *object, void *unused) {
    (void)unused;
    return Py_NewRef(((Metric *)object)->tags);
}

static PyObject *metric_repr(PyObject *object) {
    Metric *self = (Metric *)object;
    PyObject *kind = metric_kind(object, NULL);
    if (kind == NULL)
        return NULL;
    PyObject *repr = PyUnicode_FromFormat("<pointmill.Metric %U %R %R>", kind, self->name, self->tags);
    Py_DECREF(kind);
    return repr;
}

static PyMethodDef methods[] = {
    {"record", METHOD(metric_record), METH_FASTCALL | METH_KEYWORDS,
     "record($self, value, /, *, rate=None, at=None)\n--\n\n"
     "Records one point, in the open interval or in the one that holds `at` (Unix seconds).\n\n"
     "`rate` is the share of points that was kept: the point stands for 1/rate points."},
    {"record_many", METHOD(metric_record_many), METH_O,
     "record_many($self, values, /)\n--\n\n"
     "Records many points at once: a buffer of numbers (array, NumPy, memoryview) or an iterable.\n\n"
     "Returns how many were refused, and counted, for being NaN or infinite."},
    {0},
};

static PyGetSetDef getset[] = {
    {"name", metric_name, NULL, "The metric's name.", NULL},
    {"tags", metric_tags, NULL, "Its tags, as they were given.", NULL},
    {"kind", metric_kind, NULL, "'distribution', 'count', 'gauge' or 'histogram'.", NULL},
    {"context", metric_context, NULL, "The id of its context, for Engine.record_batch.", NULL},
    {"engine", metric_engine, NULL, "The engine it records into.", NULL},
    {0},
};

int metric_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "A metric that is held: kind, name and tags, looked up once. Made by an Engine."},
        {Py_tp_dealloc, metric_dealloc},
        {Py_tp_repr, metric_repr},
        {Py_tp_methods, methods},
        {Py_tp_getset, getset},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill.Metric",
        .basicsize = sizeof(Metric),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    state->metric = type_add(module, &spec);
    return state->metric == NULL ? -1 : 0;
}

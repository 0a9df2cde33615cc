/* The sketch alone. */
#include "native.h"

static pointmill_sketch *handle_of(PyObject *object) {
    return ((Sketch *)object)->handle;
}

PyObject *sketch_wrap(State *state, PyTypeObject *type, pointmill_sketch *handle) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Sketch *self = (Sketch *)allocate(type, 0);
    if (self == NULL) {
        pointmill_sketch_free(handle);
        return NULL;
    }
    self->state = state;
    self->handle = handle;
    return (PyObject *)self;
}

static PyObject *sketch_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)args;
    (void)kwargs; /* those are for __init__ of the derived class */
    State *state = state_of(type);
    if (state == NULL)
        return NULL;
    pointmill_sketch *handle = NULL;
    int32_t status = pointmill_sketch_new(&handle);
    return status == POINTMILL_OK ? sketch_wrap(state, type, handle) : raise_code(state, status, NULL);
}

static void sketch_dealloc(PyObject *object) {
    pointmill_sketch_free(handle_of(object));
    object_free(object);
}

static PyObject *answered(PyObject *object, int32_t status) {
    if (status != POINTMILL_OK)
        return raise_code(((Sketch *)object)->state, status, NULL);
    Py_RETURN_NONE;
}

static PyObject *sketch_insert(PyObject *object, PyObject *const *args, Py_ssize_t nargs, PyObject *kwnames) {
    double value, rate;
    if (nargs != 1)
        return PyErr_Format(PyExc_TypeError, "insert() takes one value (%zd given) and the keyword n or rate", nargs);
    if (!number_of(args[0], "value", &value))
        return NULL;
    int32_t status;
    Py_ssize_t keywords = kwnames == NULL ? 0 : PyTuple_Size(kwnames);
    if (keywords == 0) {
        status = pointmill_sketch_insert(handle_of(object), value);
    } else if (keywords > 1) {
        return PyErr_Format(PyExc_TypeError, "insert() takes n or rate, not both");
    } else if (PyUnicode_CompareWithASCIIString(PyTuple_GetItem(kwnames, 0), "n") == 0) {
        PyObject *whole = PyNumber_Index(args[1]);
        unsigned long long n = whole == NULL ? 0 : PyLong_AsUnsignedLongLong(whole);
        Py_XDECREF(whole);
        if (PyErr_Occurred())
            return PyErr_Format(whole == NULL ? PyExc_TypeError : PyExc_ValueError,
                                "n: expected a whole number from 0, got %R", args[1]);
        status = pointmill_sketch_insert_n(handle_of(object), value, n);
    } else if (PyUnicode_CompareWithASCIIString(PyTuple_GetItem(kwnames, 0), "rate") == 0) {
        if (!number_of(args[1], "rate", &rate))
            return NULL;
        status = pointmill_sketch_insert_sampled(handle_of(object), value, rate);
    } else {
        return PyErr_Format(PyExc_TypeError, "insert() has no keyword %R; it has n and rate", PyTuple_GetItem(kwnames, 0));
    }
    if (status != POINTMILL_OK)
        return raise_value(((Sketch *)object)->state, status, value);
    Py_RETURN_NONE;
}

static PyObject *sketch_insert_many(PyObject *object, PyObject *argument) {
    Values values;
    if (!values_of(argument, &values))
        return NULL;
    /* With the GIL: a sketch is for one thread at a time, and the GIL is what makes it so. */
    int32_t status = pointmill_sketch_insert_many(handle_of(object), values.ptr, values.len);
    values_free(&values);
    return answered(object, status);
}

static PyObject *sketch_insert_interpolated(PyObject *object, PyObject *args) {
    double lower, upper;
    unsigned long long n;
    if (!PyArg_ParseTuple(args, "ddK:insert_interpolated", &lower, &upper, &n))
        return NULL;
    return answered(object, pointmill_sketch_insert_interpolated(handle_of(object), lower, upper, n));
}

static PyObject *sketch_merge(PyObject *object, PyObject *other) {
    State *state = ((Sketch *)object)->state;
    if (!PyObject_TypeCheck(other, state->sketch))
        return PyErr_Format(PyExc_TypeError, "merge: expected a Sketch, got %R", other);
    return answered(object, pointmill_sketch_merge(handle_of(object), handle_of(other)));
}

static PyObject *sketch_copy(PyObject *object, PyObject *unused) {
    (void)unused;
    State *state = ((Sketch *)object)->state;
    pointmill_sketch *copy = NULL;
    int32_t status = pointmill_sketch_clone(handle_of(object), &copy);
    return status == POINTMILL_OK ? sketch_wrap(state, Py_TYPE(object), copy) : raise_code(state, status, NULL);
}

static PyStructSequence_Field summary_fields[] = {
    {"count", "values, each with its weight"},
    {"min", "the smallest value"},
    {"max", "the largest value"},
    {"sum", "the sum, rounded at every step"},
    {"avg", "the running mean, as the Agent computes it"},
    {NULL, NULL},
};

PyObject *summary_from(State *state, const pointmill_summary *summary) {
    PyObject *result = PyStructSequence_New(state->summary);
    const double numbers[] = {summary->min, summary->max, summary->sum, summary->avg};
    for (int i = 0; result != NULL && i < 5; i++) {
        PyObject *item = i == 0 ? PyLong_FromUnsignedLongLong(summary->count) : PyFloat_FromDouble(numbers[i - 1]);
        if (item == NULL)
            Py_CLEAR(result);
        else
            PyStructSequence_SetItem(result, i, item);
    }
    return result;
}

static PyObject *sketch_summary(PyObject *object, PyObject *unused) {
    (void)unused;
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    int32_t status = pointmill_sketch_summary(handle_of(object), &summary);
    return status == POINTMILL_OK ? summary_from(((Sketch *)object)->state, &summary) : answered(object, status);
}

static PyObject *sketch_quantile(PyObject *object, PyObject *argument) {
    double q, value;
    if (!number_of(argument, "q", &q))
        return NULL;
    int32_t status = pointmill_sketch_quantile(handle_of(object), q, &value);
    return status == POINTMILL_OK ? PyFloat_FromDouble(value) : answered(object, status);
}

static PyObject *sketch_quantile_agent(PyObject *object, PyObject *argument) {
    double q, value;
    if (!number_of(argument, "q", &q))
        return NULL;
    int32_t status = pointmill_sketch_quantile_agent(handle_of(object), q, &value);
    return status == POINTMILL_OK ? PyFloat_FromDouble(value) : answered(object, status);
}

/* [(key, count), ...] in a profile. */
static PyObject *sketch_bins(PyObject *object, PyObject *profile_object) {
    unsigned long profile = PyLong_AsUnsignedLong(profile_object);
    if (PyErr_Occurred())
        return NULL;
    size_t len = 0;
    int32_t status = pointmill_sketch_bins(handle_of(object), (uint32_t)profile, NULL, NULL, 0, &len);
    if (status != POINTMILL_OK && status != POINTMILL_E_BUFFER_TOO_SMALL)
        return answered(object, status);
    int16_t *keys = PyMem_Malloc((len + 1) * sizeof *keys);
    uint32_t *counts = PyMem_Malloc((len + 1) * sizeof *counts);
    PyObject *list = NULL;
    if (keys == NULL || counts == NULL) {
        PyErr_NoMemory();
    } else {
        status = pointmill_sketch_bins(handle_of(object), (uint32_t)profile, keys, counts, len, &len);
        list = status == POINTMILL_OK ? PyList_New((Py_ssize_t)len) : answered(object, status);
    }
    for (size_t i = 0; list != NULL && i < len; i++) {
        PyObject *bin = Py_BuildValue("(hI)", keys[i], counts[i]);
        if (bin == NULL || PyList_SetItem(list, (Py_ssize_t)i, bin) != 0)
            Py_CLEAR(list);
    }
    PyMem_Free(keys);
    PyMem_Free(counts);
    return list;
}

static PyObject *sketch_encode(PyObject *object, PyObject *format_object) {
    unsigned long format = PyLong_AsUnsignedLong(format_object);
    if (PyErr_Occurred())
        return NULL;
    size_t len = 0;
    int32_t status = pointmill_sketch_encode(handle_of(object), (uint32_t)format, NULL, 0, &len);
    if (status != POINTMILL_OK && status != POINTMILL_E_BUFFER_TOO_SMALL)
        return answered(object, status);
    uint8_t *buffer = PyMem_Malloc(len + 1);
    if (buffer == NULL)
        return PyErr_NoMemory();
    status = pointmill_sketch_encode(handle_of(object), (uint32_t)format, buffer, len, &len);
    PyObject *result = status == POINTMILL_OK ? PyBytes_FromStringAndSize((const char *)buffer, (Py_ssize_t)len)
                                              : answered(object, status);
    PyMem_Free(buffer);
    return result;
}

static PyObject *sketch_decode(PyObject *class, PyObject *args) {
    Py_buffer data;
    unsigned format;
    if (!PyArg_ParseTuple(args, "y*I:_decode", &data, &format))
        return NULL;
    State *state = state_of((PyTypeObject *)class);
    pointmill_sketch *handle = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = state == NULL ? POINTMILL_E_NULL
                                   : pointmill_sketch_decode(format, data.buf, (size_t)data.len, &handle, &error);
    PyBuffer_Release(&data);
    if (status == POINTMILL_OK)
        return sketch_wrap(state, (PyTypeObject *)class, handle);
    return state == NULL ? NULL : raise_code(state, status, error.detail);
}

static PyObject *sketch_key(PyObject *class, PyObject *argument) {
    double value;
    int16_t key;
    State *state = state_of((PyTypeObject *)class);
    if (state == NULL || !number_of(argument, "value", &value))
        return NULL;
    int32_t status = pointmill_sketch_key(value, &key);
    return status == POINTMILL_OK ? PyLong_FromLong(key) : raise_value(state, status, value);
}

static PyMethodDef methods[] = {
    {"insert", METHOD(sketch_insert), METH_FASTCALL | METH_KEYWORDS,
     "insert($self, value, /, *, n=1, rate=1.0)\n--\n\n"
     "Adds a value, n times, or as one that stands for 1/rate values."},
    {"insert_many", sketch_insert_many, METH_O,
     "insert_many($self, values, /)\n--\n\n"
     "Adds many values: a buffer of numbers or an iterable. All or none: one that is not finite refuses them all."},
    {"insert_interpolated", sketch_insert_interpolated, METH_VARARGS,
     "insert_interpolated($self, lower, upper, n, /)\n--\n\n"
     "Adds n values spread evenly over [lower, upper], as the Agent does with a histogram's bucket."},
    {"merge", sketch_merge, METH_O, "merge($self, other, /)\n--\n\nAdds everything that the other sketch holds."},
    {"copy", sketch_copy, METH_NOARGS, "copy($self, /)\n--\n\nA second sketch with the same contents."},
    {"summary", sketch_summary, METH_NOARGS, "summary($self, /)\n--\n\nCount, min, max, sum and avg: exact, not from bins."},
    {"quantile", sketch_quantile, METH_O,
     "quantile($self, q, /)\n--\n\n"
     "The element of rank round(q * (count - 1)), to within 1/129 of itself; q = 0.99 for the 99th percentile."},
    {"quantile_agent", sketch_quantile_agent, METH_O,
     "quantile_agent($self, q, /)\n--\n\n"
     "The quantile as the Datadog Agent computes it, to the last bit; up to 2.4 % off."},
    {"_bins", sketch_bins, METH_O, NULL},
    {"_encode", sketch_encode, METH_O, NULL},
    {"_decode", sketch_decode, METH_VARARGS | METH_CLASS, NULL},
    {"key", sketch_key, METH_O | METH_CLASS, "key($type, value, /)\n--\n\nThe key of the bin that a value falls into."},
    {0},
};

int sketch_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "What pointmill.Sketch is made of."},
        {Py_tp_new, sketch_new},
        {Py_tp_dealloc, sketch_dealloc},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill._native.Sketch",
        .basicsize = sizeof(Sketch),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    PyStructSequence_Desc summary = {"pointmill.Summary", "Count, min, max, sum and avg of a sketch.", summary_fields, 5};
    state->sketch = type_add(module, &spec);
    state->summary = PyStructSequence_NewType(&summary);
    return state->sketch == NULL || state->summary == NULL ||
                   PyModule_AddObjectRef(module, "Summary", (PyObject *)state->summary)
               ? -1
               : 0;
}

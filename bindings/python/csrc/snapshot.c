/* Snapshots, and the payloads that are made of them. */
#include "native.h"

static pointmill_snapshot *handle_of(PyObject *object) {
    return ((Snapshot *)object)->handle;
}

PyObject *snapshot_wrap(State *state, pointmill_snapshot *handle) {
    allocfunc allocate = (allocfunc)PyType_GetSlot(state->snapshot, Py_tp_alloc);
    Snapshot *self = (Snapshot *)allocate(state->snapshot, 0);
    if (self == NULL) {
        pointmill_snapshot_free(handle);
        return NULL;
    }
    self->state = state;
    self->handle = handle;
    return (PyObject *)self;
}

static void snapshot_dealloc(PyObject *object) {
    pointmill_snapshot_free(handle_of(object));
    object_free(object);
}

static Py_ssize_t snapshot_length(PyObject *object) {
    return (Py_ssize_t)pointmill_snapshot_len(handle_of(object));
}

static PyObject *failed(PyObject *object, int32_t status) {
    return raise_code(((Snapshot *)object)->state, status, NULL);
}

static PyObject *tags_of(PyObject *object, size_t i, size_t len) {
    PyObject *tags = PyTuple_New((Py_ssize_t)len);
    for (size_t j = 0; tags != NULL && j < len; j++) {
        pointmill_str text;
        int32_t status = pointmill_snapshot_tag(handle_of(object), i, j, &text);
        PyObject *tag = status == POINTMILL_OK ? text_from(text) : failed(object, status);
        if (tag == NULL || PyTuple_SetItem(tags, (Py_ssize_t)j, tag) != 0)
            Py_CLEAR(tags);
    }
    return tags;
}

/* (kind, name, tags, interval, interval_s, series, points, value, summary) of an entry. */
static PyObject *snapshot_entry(PyObject *object, PyObject *index) {
    size_t i = PyLong_AsSize_t(index);
    if (PyErr_Occurred())
        return NULL;
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    int32_t status = pointmill_snapshot_entry(handle_of(object), i, &entry);
    if (status != POINTMILL_OK)
        return failed(object, status);
    bool sketch = entry.kind == POINTMILL_DISTRIBUTION || entry.kind == POINTMILL_HISTOGRAM;
    PyObject *tags = tags_of(object, i, entry.tags_len);
    PyObject *name = text_from(entry.name);
    PyObject *what = sketch ? summary_from(((Snapshot *)object)->state, &entry.summary) : Py_NewRef(Py_None);
    PyObject *value = sketch ? Py_NewRef(Py_None) : PyFloat_FromDouble(entry.value);
    if (tags == NULL || name == NULL || what == NULL || value == NULL) {
        Py_XDECREF(tags);
        Py_XDECREF(name);
        Py_XDECREF(what);
        Py_XDECREF(value);
        return NULL;
    }
    return Py_BuildValue("(INNLIIKNN)", entry.kind, name, tags, (long long)entry.interval, entry.interval_s, entry.series,
                         (unsigned long long)entry.points, value, what);
}

static PyObject *snapshot_quantile(PyObject *object, PyObject *args) {
    Py_ssize_t i;
    double q, value;
    if (!PyArg_ParseTuple(args, "nd:_quantile", &i, &q))
        return NULL;
    int32_t status = pointmill_snapshot_quantile(handle_of(object), (size_t)i, q, &value);
    return status == POINTMILL_OK ? PyFloat_FromDouble(value) : failed(object, status);
}

static PyObject *snapshot_sketch(PyObject *object, PyObject *index) {
    size_t i = PyLong_AsSize_t(index);
    if (PyErr_Occurred())
        return NULL;
    State *state = ((Snapshot *)object)->state;
    pointmill_sketch *sketch = NULL;
    int32_t status = pointmill_snapshot_sketch(handle_of(object), i, &sketch);
    return status == POINTMILL_OK ? sketch_wrap(state, state->sketch, sketch) : failed(object, status);
}

static PyObject *snapshot_group_by(PyObject *object, PyObject *args) {
    PyObject *keys;
    int merge_intervals;
    if (!PyArg_ParseTuple(args, "Op:_group_by", &keys, &merge_intervals))
        return NULL;
    State *state = ((Snapshot *)object)->state;
    PyObject *none = PyUnicode_FromString("");
    Texts texts;
    bool good = none != NULL && texts_of(state, none, keys, &texts);
    PyObject *result = NULL;
    if (good) {
        pointmill_snapshot *grouped = NULL;
        int32_t status;
        uint32_t flags = merge_intervals ? POINTMILL_GROUP_MERGE_INTERVALS : 0;
        Py_BEGIN_ALLOW_THREADS
        status = pointmill_snapshot_group_by(handle_of(object), texts.all + 1, texts.len - 1, flags, &grouped);
        Py_END_ALLOW_THREADS
        result = status == POINTMILL_OK ? snapshot_wrap(state, grouped) : raise_code(state, status, NULL);
        texts_free(&texts);
    }
    Py_XDECREF(none);
    return result;
}

/* Merges this snapshot and those of a tuple. */
static PyObject *snapshot_merge(PyObject *object, PyObject *others) {
    State *state = ((Snapshot *)object)->state;
    Py_ssize_t len = PyTuple_Size(others);
    if (len < 0)
        return NULL;
    const pointmill_snapshot **all = PyMem_Malloc(((size_t)len + 1) * sizeof *all);
    if (all == NULL)
        return PyErr_NoMemory();
    all[0] = handle_of(object);
    PyObject *result = NULL;
    for (Py_ssize_t i = 0; i < len; i++) {
        PyObject *other = PyTuple_GetItem(others, i);
        if (!PyObject_TypeCheck(other, state->snapshot)) {
            PyErr_Format(PyExc_TypeError, "merge: expected snapshots, got %R", other);
            goto end;
        }
        all[i + 1] = handle_of(other);
    }
    pointmill_snapshot *merged = NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = pointmill_snapshot_merge(all, (size_t)len + 1, &merged);
    Py_END_ALLOW_THREADS
    result = status == POINTMILL_OK ? snapshot_wrap(state, merged) : raise_code(state, status, NULL);
end:
    PyMem_Free((void *)all);
    return result;
}

/* ---- payloads ---- */

static PyStructSequence_Field payload_fields[] = {
    {"path", "path of the intake's route; empty for formats that do not travel by HTTP"},
    {"content_type", "the Content-Type"},
    {"encoding", "the Content-Encoding; empty if the body is not compressed"},
    {"body", "the bytes to send"},
    {"points", "points that were recorded into the entries of this body"},
    {"entries", "entries of the snapshot in this body"},
    {NULL, NULL},
};
static PyStructSequence_Field skipped_fields[] = {
    {"cause", "the cause in a word"},
    {"detail", "the cause and its remedy in a sentence"},
    {"entries", "entries that are in no payload"},
    {"points", "points that were recorded into those entries"},
    {"values", "values left out of entries that are in a payload otherwise"},
    {NULL, NULL},
};

/* Fills a struct sequence with new references; NULL if any of them is. */
static PyObject *filled(PyTypeObject *type, int len, PyObject *const items[]) {
    PyObject *result = PyStructSequence_New(type);
    for (int i = 0; i < len; i++) {
        if (items[i] == NULL)
            Py_CLEAR(result);
    }
    for (int i = 0; i < len; i++) {
        if (result == NULL)
            Py_XDECREF(items[i]);
        else
            PyStructSequence_SetItem(result, i, items[i]);
    }
    return result;
}

PyObject *payload_from(State *state, const pointmill_payload *payload) {
    PyObject *items[] = {
        text_from(payload->path),
        text_from(payload->content_type),
        text_from(payload->encoding),
        PyBytes_FromStringAndSize((const char *)payload->body, (Py_ssize_t)payload->body_len),
        PyLong_FromUnsignedLongLong(payload->points),
        PyLong_FromUnsignedLongLong(payload->entries),
    };
    return filled(state->payload, 6, items);
}

static PyObject *payload_at(State *state, const pointmill_payloads *payloads, size_t i) {
    pointmill_payload payload = POINTMILL_PAYLOAD_INIT;
    int32_t status = pointmill_payloads_get(payloads, i, &payload);
    return status == POINTMILL_OK ? payload_from(state, &payload) : raise_code(state, status, NULL);
}

static PyObject *skipped_at(State *state, const pointmill_payloads *payloads, size_t i) {
    pointmill_skipped skipped = POINTMILL_SKIPPED_INIT;
    int32_t status = pointmill_payloads_skipped(payloads, i, &skipped);
    if (status == POINTMILL_E_INDEX)
        return NULL;
    if (status != POINTMILL_OK)
        return raise_code(state, status, NULL);
    PyObject *items[] = {
        text_from(skipped.cause),
        text_from(skipped.detail),
        PyLong_FromUnsignedLongLong(skipped.entries),
        PyLong_FromUnsignedLongLong(skipped.points),
        PyLong_FromUnsignedLongLong(skipped.values),
    };
    return filled(state->skipped, 5, items);
}

/* A list of what `at` answers, up to the first NULL. */
static PyObject *listed(State *state, const pointmill_payloads *payloads,
                        PyObject *(*at)(State *, const pointmill_payloads *, size_t), size_t len) {
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < len; i++) {
        PyObject *item = at(state, payloads, i);
        if (item == NULL) {
            if (PyErr_Occurred())
                Py_CLEAR(list);
            break;
        }
        if (PyList_Append(list, item) != 0)
            Py_CLEAR(list);
        Py_DECREF(item);
    }
    return list;
}

/* (bodies, skipped) for options as pairs of texts. */
static PyObject *snapshot_encode(PyObject *object, PyObject *pairs) {
    State *state = ((Snapshot *)object)->state;
    pointmill_config *config = config_of(state, pairs);
    if (config == NULL)
        return NULL;
    pointmill_payloads *payloads = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = pointmill_encode(handle_of(object), config, &payloads, &error);
    Py_END_ALLOW_THREADS
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        return raise_code(state, status, error.detail);
    PyObject *bodies = listed(state, payloads, payload_at, pointmill_payloads_len(payloads));
    PyObject *skipped = bodies == NULL ? NULL : listed(state, payloads, skipped_at, SIZE_MAX);
    pointmill_payloads_free(payloads);
    if (skipped == NULL) {
        Py_XDECREF(bodies);
        return NULL;
    }
    return Py_BuildValue("(NN)", bodies, skipped);
}

static PyMethodDef methods[] = {
    {"_entry", snapshot_entry, METH_O, NULL},
    {"_quantile", snapshot_quantile, METH_VARARGS, NULL},
    {"_sketch", snapshot_sketch, METH_O, NULL},
    {"_group_by", snapshot_group_by, METH_VARARGS, NULL},
    {"_merge", snapshot_merge, METH_O, NULL},
    {"_encode", snapshot_encode, METH_O, NULL},
    {0},
};

int snapshot_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "What pointmill.Snapshot is made of."},
        {Py_tp_dealloc, snapshot_dealloc},
        {Py_sq_length, snapshot_length},
        {Py_tp_methods, methods},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill._native.Snapshot",
        .basicsize = sizeof(Snapshot),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    PyStructSequence_Desc payload = {"pointmill.Payload", "One body, ready to be sent.", payload_fields, 6};
    PyStructSequence_Desc skipped = {"pointmill.Skipped", "What a format cannot carry, for one cause.", skipped_fields, 5};
    state->snapshot = type_add(module, &spec);
    state->payload = PyStructSequence_NewType(&payload);
    state->skipped = PyStructSequence_NewType(&skipped);
    return state->snapshot == NULL || state->payload == NULL || state->skipped == NULL ||
                   PyModule_AddObjectRef(module, "Payload", (PyObject *)state->payload) ||
                   PyModule_AddObjectRef(module, "Skipped", (PyObject *)state->skipped)
               ? -1
               : 0;
}

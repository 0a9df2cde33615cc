/* An engine with delivery. */
#include "native.h"

typedef struct {
    PyObject_HEAD
    State *state;
    pointmill_client *handle; /* NULL only while it is being made */
    Engine *engine;
    PyObject *send;           /* called with each body instead of a destination; NULL: a destination */
} Client;

/* A body goes to a Python function, on whichever thread flushes. */
static int32_t send_body(void *user, const pointmill_payload *payload, uint64_t timeout_ms) {
    Client *self = user;
    int32_t answer = 0; /* kept, and tried again */
    PyGILState_STATE gil = PyGILState_Ensure();
    PyObject *body = payload_from(self->state, payload);
    PyObject *result = NULL;
    if (body != NULL)
        result = PyObject_CallFunction(self->send, "Od", body, (double)timeout_ms / 1000);
    if (result != NULL && result != Py_None)
        answer = (int32_t)PyLong_AsLong(result);
    else if (result == Py_None)
        answer = 200;
    if (PyErr_Occurred()) {
        PyErr_WriteUnraisable(self->send);
        answer = 0;
    }
    Py_XDECREF(body);
    Py_XDECREF(result);
    PyGILState_Release(gil);
    return answer;
}

static PyObject *client_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *engine, *pairs, *send;
    State *state = state_of(type);
    if (state == NULL)
        return NULL;
    if (!PyArg_ParseTuple(args, "O!O!O:Client", state->engine, &engine, &PyTuple_Type, &pairs, &send))
        return NULL;
    if (send != Py_None && !PyCallable_Check(send))
        return PyErr_Format(PyExc_TypeError, "send: expected a function of a Payload and a timeout, got %R", send);
    pointmill_config *config = config_of(state, pairs);
    if (config == NULL)
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    Client *self = (Client *)allocate(type, 0);
    pointmill_engine *handle = self == NULL ? NULL : engine_enter((Engine *)engine);
    if (handle != NULL) {
        self->state = state;
        self->engine = (Engine *)Py_NewRef(engine);
        self->send = send == Py_None ? NULL : Py_NewRef(send);
        pointmill_error error = POINTMILL_ERROR_INIT;
        int32_t status = send == Py_None
                             ? pointmill_client_new(handle, config, &self->handle, &error)
                             : pointmill_client_new_with(handle, config, send_body, self, &self->handle, &error);
        engine_leave((Engine *)engine);
        if (status != POINTMILL_OK)
            raise_code(state, status, error.detail);
    }
    pointmill_config_free(config);
    if (self != NULL && self->handle == NULL)
        Py_CLEAR(self);
    return (PyObject *)self;
}

static void client_dealloc(PyObject *object) {
    Client *self = (Client *)object;
    pointmill_client *handle = self->handle;
    /* Its thread may be inside send_body and want the GIL. */
    Py_BEGIN_ALLOW_THREADS
    pointmill_client_free(handle);
    Py_END_ALLOW_THREADS
    Py_XDECREF((PyObject *)self->engine);
    Py_XDECREF(self->send);
    object_free(object);
}

static PyObject *client_start(PyObject *object, PyObject *unused) {
    (void)unused;
    Client *self = (Client *)object;
    int32_t status = pointmill_client_start(self->handle);
    if (status != POINTMILL_OK && status != POINTMILL_E_CLOSED)
        return raise_code(self->state, status, NULL);
    Py_RETURN_NONE;
}

/* True: everything has arrived; False: something is kept for later. What was given up is an exception. */
static PyObject *answered(Client *self, int32_t status) {
    if (status == POINTMILL_OK)
        Py_RETURN_TRUE;
    if (status == POINTMILL_E_DELIVERY_LATER)
        Py_RETURN_FALSE;
    char failure[POINTMILL_ERROR_DETAIL_BYTES];
    size_t len = 0;
    if (status == POINTMILL_E_DELIVERY_DROPPED &&
        pointmill_client_last_failure(self->handle, failure, sizeof failure - 1, &len) == POINTMILL_OK && len > 0) {
        failure[len] = 0;
        PyObject *text = PyUnicode_FromFormat("%s; the last failure: %s", pointmill_strerror(status), failure);
        const char *utf8 = text == NULL ? NULL : PyUnicode_AsUTF8AndSize(text, NULL);
        if (utf8 != NULL)
            raise_code(self->state, status, utf8);
        Py_XDECREF(text);
        return NULL;
    }
    return raise_code(self->state, status, NULL);
}

static PyObject *client_flush(PyObject *object, PyObject *args) {
    Client *self = (Client *)object;
    int all;
    unsigned long long timeout_ms;
    if (!PyArg_ParseTuple(args, "pK:_flush", &all, &timeout_ms))
        return NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = pointmill_client_flush(self->handle, all ? POINTMILL_FLUSH_ALL : 0, timeout_ms);
    Py_END_ALLOW_THREADS
    return answered(self, status);
}

static PyObject *client_close(PyObject *object, PyObject *args) {
    Client *self = (Client *)object;
    unsigned long long timeout_ms;
    if (!PyArg_ParseTuple(args, "K:_close", &timeout_ms))
        return NULL;
    int32_t status;
    Py_BEGIN_ALLOW_THREADS
    status = pointmill_client_close(self->handle, timeout_ms);
    Py_END_ALLOW_THREADS
    return answered(self, status);
}

static PyObject *client_stats(PyObject *object, PyObject *unused) {
    (void)unused;
    Client *self = (Client *)object;
    pointmill_client_stats stats = POINTMILL_CLIENT_STATS_INIT;
    int32_t status = pointmill_client_stats_get(self->handle, &stats);
    return status == POINTMILL_OK ? numbers_from(self->state->client_stats, &stats, COUNTERS(pointmill_client_stats))
                                  : raise_code(self->state, status, NULL);
}

static PyObject *client_last_failure(PyObject *object, void *unused) {
    (void)unused;
    Client *self = (Client *)object;
    char text[1024];
    size_t len = 0;
    int32_t status = pointmill_client_last_failure(self->handle, text, sizeof text, &len);
    if (status != POINTMILL_OK && status != POINTMILL_E_BUFFER_TOO_SMALL)
        return raise_code(self->state, status, NULL);
    return len == 0 || status != POINTMILL_OK ? Py_NewRef(Py_None)
                                              : PyUnicode_DecodeUTF8(text, (Py_ssize_t)len, "replace");
}

static PyObject *client_engine(PyObject *object, void *unused) {
    (void)unused;
    return Py_NewRef((PyObject *)((Client *)object)->engine);
}

static PyMethodDef methods[] = {
    {"start", client_start, METH_NOARGS,
     "start($self, /)\n--\n\n"
     "Starts the background thread if it should run and does not. Done by itself in a forked child."},
    {"_flush", client_flush, METH_VARARGS, NULL},
    {"_close", client_close, METH_VARARGS, NULL},
    {"stats", client_stats, METH_NOARGS,
     "stats($self, /)\n--\n\n"
     "Where every point is that left the engine:\n"
     "flushed + adopted = accepted + queued + spooled + handed_over + skipped + dropped."},
    {0},
};

static PyGetSetDef getset[] = {
    {"engine", client_engine, NULL, "The engine whose points are delivered.", NULL},
    {"last_failure", client_last_failure, NULL, "What the last attempt that did not deliver came to, or None.", NULL},
    {0},
};

int client_add(PyObject *module, State *state) {
    PyType_Slot slots[] = {
        {Py_tp_doc, "What pointmill.Client is made of."},
        {Py_tp_new, client_new},
        {Py_tp_dealloc, client_dealloc},
        {Py_tp_methods, methods},
        {Py_tp_getset, getset},
        {0, NULL},
    };
    PyType_Spec spec = {
        .name = "pointmill._native.Client",
        .basicsize = sizeof(Client),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
        .slots = slots,
    };
    state->client = type_add(module, &spec);
    return state->client == NULL ? -1 : 0;
}

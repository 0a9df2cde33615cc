/* The module pointmill._native: its types, what the library says of itself, and the classes that
 * pointmill's Python files hand in. */
#include "native.h"

static State *state_in(PyObject *module) {
    return PyModule_GetState(module);
}

/* setup(errors, snapshot, sketch): the exceptions by code, and the classes that snapshots and sketches are made as. */
static PyObject *setup(PyObject *module, PyObject *args) {
    State *state = state_in(module);
    PyObject *errors, *snapshot, *sketch;
    if (!PyArg_ParseTuple(args, "O!O!O!:setup", &PyDict_Type, &errors, &PyType_Type, &snapshot, &PyType_Type, &sketch))
        return NULL;
    PyObject *old[] = {state->errors, (PyObject *)state->snapshot, (PyObject *)state->sketch};
    state->errors = Py_NewRef(errors);
    state->snapshot = (PyTypeObject *)Py_NewRef(snapshot);
    state->sketch = (PyTypeObject *)Py_NewRef(sketch);
    for (int i = 0; i < 3; i++)
        Py_XDECREF(old[i]);
    Py_RETURN_NONE;
}

static PyObject *version(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    return PyUnicode_FromString(pointmill_version());
}

/* {number: (name, text)} of every code. */
static PyObject *codes(PyObject *module, PyObject *unused) {
    (void)module;
    (void)unused;
    PyObject *dict = PyDict_New();
    int32_t code;
    for (size_t i = 0; dict != NULL && pointmill_code_at(i, &code) == POINTMILL_OK; i++) {
        PyObject *number = PyLong_FromLong(code);
        PyObject *texts = Py_BuildValue("(ss)", pointmill_code_name(code), pointmill_strerror(code));
        if (number == NULL || texts == NULL || PyDict_SetItem(dict, number, texts) != 0)
            Py_CLEAR(dict);
        Py_XDECREF(number);
        Py_XDECREF(texts);
    }
    return dict;
}

static PyStructSequence_Field option_fields[] = {
    {"name", "its name; the unit of a number comes last"},
    {"type", "'number', 'choice', 'flag' or 'text'"},
    {"default", "the value when nothing is set"},
    {"min", "smallest number allowed"},
    {"max", "largest number allowed, most bytes of a text"},
    {"choices", "the words to choose from"},
    {"doc", "what it does"},
    {NULL, NULL},
};

static PyObject *choices_of(size_t i, size_t len) {
    PyObject *choices = PyTuple_New((Py_ssize_t)len);
    for (size_t j = 0; choices != NULL && j < len; j++) {
        pointmill_str word = {"", 0};
        pointmill_config_choice(i, j, &word);
        PyObject *text = text_from(word);
        if (text == NULL || PyTuple_SetItem(choices, (Py_ssize_t)j, text) != 0)
            Py_CLEAR(choices);
    }
    return choices;
}

static PyObject *option_at(State *state, size_t i) {
    pointmill_option option = POINTMILL_OPTION_INIT;
    int32_t status = pointmill_config_option(i, &option);
    if (status != POINTMILL_OK)
        return raise_code(state, status, NULL);
    static const char *const types[] = {"number", "choice", "flag", "text"};
    bool known = option.type >= 1 && option.type <= 4;
    PyObject *items[] = {
        text_from(option.name),
        PyUnicode_FromString(known ? types[option.type - 1] : "unknown"),
        option.type == POINTMILL_OPTION_NUMBER ? PyLong_FromUnsignedLongLong(option.default_number)
                                               : text_from(option.default_text),
        PyLong_FromUnsignedLongLong(option.min),
        PyLong_FromUnsignedLongLong(option.max),
        choices_of(i, option.choices_len),
        text_from(option.doc),
    };
    PyObject *result = PyStructSequence_New(state->option);
    for (int j = 0; j < 7; j++) {
        if (result == NULL || items[j] == NULL) {
            Py_CLEAR(result);
            Py_XDECREF(items[j]);
        } else {
            PyStructSequence_SetItem(result, j, items[j]);
        }
    }
    return result;
}

static PyObject *options(PyObject *module, PyObject *unused) {
    (void)unused;
    size_t len = pointmill_config_count();
    PyObject *list = PyList_New((Py_ssize_t)len);
    for (size_t i = 0; list != NULL && i < len; i++) {
        PyObject *option = option_at(state_in(module), i);
        if (option == NULL || PyList_SetItem(list, (Py_ssize_t)i, option) != 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyMethodDef methods[] = {
    {"setup", setup, METH_VARARGS, NULL},
    {"version", version, METH_NOARGS, NULL},
    {"codes", codes, METH_NOARGS, NULL},
    {"options", options, METH_NOARGS,
     "options()\n--\n\nEvery option of engines and encoders: name, type, default, range and explanation."},
    {"lambda_metric", METHOD(lambda_metric), METH_FASTCALL | METH_KEYWORDS,
     "lambda_metric(metric_name, value, timestamp=None, tags=None, force_async=False)\n--\n\n"
     "Records one point of a distribution. Never raises: what cannot be taken is counted and told in the log."},
    {"lambda_setup", lambda_setup, METH_VARARGS, NULL},
    {0},
};

static int execute(PyObject *module) {
    State *state = state_in(module);
    uint32_t abi = pointmill_abi_version();
    if (abi >> 16 != POINTMILL_ABI_MAJOR || (abi & 0xffff) < POINTMILL_ABI_MINOR) {
        PyErr_Format(PyExc_ImportError, "pointmill: built for ABI %d.%d, the library has %d.%d", POINTMILL_ABI_MAJOR,
                     POINTMILL_ABI_MINOR, (int)(abi >> 16), (int)(abi & 0xffff));
        return -1;
    }
    PyStructSequence_Desc option = {"pointmill.Option", "An option of engines and encoders.", option_fields, 7};
    state->option = PyStructSequence_NewType(&option);
    if (state->option == NULL || PyModule_AddObjectRef(module, "Option", (PyObject *)state->option))
        return -1;
    if (stats_add(module, state) || engine_add(module, state) || metric_add(module, state) ||
        snapshot_add(module, state) || sketch_add(module, state) ||
        client_add(module, state) || lambda_add(module, state))
        return -1;
    return 0;
}

/* The state's references, in an order of no importance. */
#define EACH(visit)                                                                                        \
    visit(state->errors) visit(state->engine) visit(state->metric) visit(state->snapshot) visit(state->sketch) \
        visit(state->client) visit(state->lambda) visit(state->lambda_metric) visit(state->stats) visit(state->client_stats) \
        visit(state->lambda_stats) visit(state->summary) visit(state->payload) visit(state->skipped) visit(state->option) \
        visit(state->lambda_object) visit(state->lambda_slowly)

static int traverse(PyObject *module, visitproc visit, void *arg) {
    State *state = state_in(module);
    if (state == NULL)
        return 0;
#define VISIT(field) Py_VISIT(field);
    EACH(VISIT)
    return 0;
}

static int clear(PyObject *module) {
    State *state = state_in(module);
    if (state == NULL)
        return 0;
#define CLEAR(field) Py_CLEAR(field);
    EACH(CLEAR)
    return 0;
}

static void free_module(void *module) {
    clear(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

static PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "pointmill._native",
    .m_doc = "The C extension behind pointmill. Use the package, not this.",
    .m_size = sizeof(State),
    .m_methods = methods,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
    .m_free = free_module,
};

PyMODINIT_FUNC PyInit__native(void) {
    return PyModuleDef_Init(&definition);
}

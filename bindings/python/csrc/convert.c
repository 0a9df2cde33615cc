/* Python's objects as arguments of the C functions, and codes as exceptions. */
#include "native.h"

#include <string.h>

/* ---- texts ---- */

/* Says what is wrong with a text that has no UTF-8. */
static void text_refused(State *state, PyObject *object, const char *what) {
    if (!PyUnicode_Check(object)) {
        PyErr_Clear();
        PyObject *type = PyType_GetName(Py_TYPE(object));
        if (type != NULL) {
            PyErr_Format(PyExc_TypeError, "%s: expected a str, got %U (%R); write str(...) or decode it first", what, type,
                         object);
            Py_DECREF(type);
        }
        return;
    }
    if (!PyErr_ExceptionMatches(PyExc_UnicodeEncodeError))
        return;
    PyErr_Clear();
    PyObject *shown = PyObject_ASCII(object);
    const char *utf8 = shown == NULL ? NULL : PyUnicode_AsUTF8AndSize(shown, NULL);
    if (utf8 != NULL) {
        char detail[POINTMILL_ERROR_DETAIL_BYTES];
        PyOS_snprintf(detail, sizeof detail,
                      "%s: %.120s has a lone surrogate and is no UTF-8; mend it with .encode(errors='replace').decode()",
                      what, utf8);
        raise_code(state, POINTMILL_E_UTF8, detail);
    }
    Py_XDECREF(shown);
}

/* The UTF-8 of a str, which keeps it from the first time on. No check of the type before: this one has it. */
static inline bool text_of(State *state, PyObject *object, const char *what, pointmill_str *out) {
    Py_ssize_t len;
    const char *ptr = PyUnicode_AsUTF8AndSize(object, &len);
    if (ptr == NULL) {
        text_refused(state, object, what);
        return false;
    }
    *out = (pointmill_str){ptr, (size_t)len};
    return true;
}

/* Lists and tuples as they are, other iterables as a tuple; a text or a dict is a mistake. */
static PyObject *sequence_of(PyObject *tags) {
    const char *mistake = NULL;
    if (PyUnicode_Check(tags) || PyBytes_Check(tags))
        mistake = "tags: expected a list of texts, got one text (%R); write it in brackets: ['env:prod']";
    else if (PyDict_Check(tags))
        mistake = "tags: expected a list of texts, got a dict (%R); write [f'{k}:{v}' for k, v in tags.items()]";
    else if (!PyObject_HasAttrString(tags, "__iter__"))
        mistake = "tags: expected a list of texts like ['env:prod'], got %R";
    if (mistake != NULL) {
        PyErr_Format(PyExc_TypeError, mistake, tags);
        return NULL;
    }
    return PySequence_Tuple(tags);
}

bool texts_of(State *state, PyObject *name, PyObject *tags, Texts *out) {
    out->all = out->few;
    out->owner = NULL;
    out->len = 1;
    if (!text_of(state, name, "name", &out->few[0]))
        return false;
    if (tags == NULL || tags == Py_None)
        return true;

    bool list = PyList_Check(tags);
    if (!list && !PyTuple_Check(tags)) {
        tags = out->owner = sequence_of(tags);
        if (tags == NULL)
            return false;
    }
    Py_ssize_t len = list ? PyList_Size(tags) : PyTuple_Size(tags);
    if (len >= TEXTS_FEW) {
        pointmill_str *many = PyMem_Malloc(((size_t)len + 1) * sizeof *many);
        if (many == NULL) {
            texts_free(out);
            PyErr_NoMemory();
            return false;
        }
        many[0] = out->few[0];
        out->all = many;
    }
    /* Nothing below runs Python code before an exception, so a list cannot change meanwhile. */
    for (Py_ssize_t i = 0; i < len; i++) {
        PyObject *tag = list ? PyList_GetItem(tags, i) : PyTuple_GetItem(tags, i);
        if (tag == NULL || !text_of(state, tag, "tag", &out->all[i + 1])) {
            texts_free(out);
            return false;
        }
    }
    out->len = (size_t)len + 1;
    return true;
}

void texts_free(Texts *texts) {
    if (texts->all != texts->few) {
        PyMem_Free(texts->all);
        texts->all = texts->few;
    }
    Py_CLEAR(texts->owner);
}

PyObject *text_from(pointmill_str text) {
    return PyUnicode_DecodeUTF8(text.ptr, (Py_ssize_t)text.len, "replace");
}

/* ---- numbers ---- */

bool number_of(PyObject *object, const char *what, double *out) {
    double value = PyFloat_AsDouble(object);
    if (value == -1.0 && PyErr_Occurred()) {
        if (PyErr_ExceptionMatches(PyExc_TypeError)) {
            PyErr_Clear();
            PyObject *type = PyType_GetName(Py_TYPE(object));
            if (type != NULL) {
                PyErr_Format(PyExc_TypeError, "%s: expected a number, got %U (%R); convert it with float() first", what,
                             type, object);
                Py_DECREF(type);
            }
        }
        return false;
    }
    *out = value;
    return true;
}

bool unix_seconds_of(PyObject *object, int64_t *out) {
    if (PyObject_HasAttrString(object, "timestamp")) {
        PyErr_Format(PyExc_TypeError, "at: expected seconds since 1970, got %R; write at.timestamp()", object);
        return false;
    }
    double seconds;
    if (!number_of(object, "at", &seconds))
        return false;
    /* Towards minus infinity: -0.5 lies in the second that begins at -1. */
    if (!(seconds >= -9.2e18 && seconds <= 9.2e18)) {
        PyErr_Format(PyExc_ValueError, "at: expected seconds since 1970, got %R; is the unit seconds?", object);
        return false;
    }
    int64_t whole = (int64_t)seconds;
    *out = (double)whole > seconds ? whole - 1 : whole;
    return true;
}

/* ---- values in buffers ---- */

static bool copied(Values *out, size_t len, size_t size) {
    out->copy = PyMem_Malloc(len == 0 ? size : len * size);
    if (out->copy == NULL)
        PyErr_NoMemory();
    out->len = len;
    out->ptr = out->copy;
    return out->copy != NULL;
}

#define CONVERT(type)                                                 \
    do {                                                              \
        const char *from = bytes;                                     \
        for (size_t i = 0; i < len; i++, from += sizeof(type)) {      \
            type one;                                                 \
            memcpy(&one, from, sizeof one);                           \
            to[i] = (double)one;                                      \
        }                                                             \
    } while (0)

/* `len` items of struct's native format `format` as doubles; false if it is not a number's. */
static bool convert(char format, const void *bytes, size_t len, double *to) {
    switch (format) {
    case 'd': CONVERT(double); return true;
    case 'f': CONVERT(float); return true;
    case 'b': CONVERT(signed char); return true;
    case 'B': case '?': CONVERT(unsigned char); return true;
    case 'h': CONVERT(short); return true;
    case 'H': CONVERT(unsigned short); return true;
    case 'i': CONVERT(int); return true;
    case 'I': CONVERT(unsigned); return true;
    case 'l': CONVERT(long); return true;
    case 'L': CONVERT(unsigned long); return true;
    case 'q': CONVERT(long long); return true;
    case 'Q': CONVERT(unsigned long long); return true;
    default: return false;
    }
}

/* The format's letter, 0 if it is more than one native number. */
static char letter(const char *format) {
    if (format == NULL)
        return 'B';
    if (format[0] == '@' || format[0] == '=' || format[0] == '<')
        format++; /* the native order is little-endian on every platform this is built for */
    return format[0] != 0 && format[1] == 0 ? format[0] : 0;
}

static bool values_of_buffer(PyObject *object, Values *out) {
    /* Not PyBUF_SIMPLE: that would hide that items are floats or integers. */
    if (PyObject_GetBuffer(object, &out->view, PyBUF_FULL_RO) != 0)
        return false;
    out->has_view = true;
    Py_buffer *view = &out->view;
    size_t len = view->itemsize == 0 ? 0 : (size_t)(view->len / view->itemsize);
    char format = letter(view->format);
    bool contiguous = PyBuffer_IsContiguous(view, 'C');
    if (format == 'd' && contiguous && (uintptr_t)view->buf % _Alignof(double) == 0) {
        out->ptr = view->buf;
        out->len = len;
        return true;
    }
    void *bytes = view->buf;
    void *straight = NULL;
    if (!contiguous) {
        straight = PyMem_Malloc(view->len == 0 ? 1 : (size_t)view->len);
        if (straight == NULL) {
            PyErr_NoMemory();
            return false;
        }
        if (PyBuffer_ToContiguous(straight, view, view->len, 'C') != 0) {
            PyMem_Free(straight);
            return false;
        }
        bytes = straight;
    }
    bool good = copied(out, len, sizeof(double));
    if (good && (format == 0 || !convert(format, bytes, len, out->copy))) {
        PyErr_Format(PyExc_TypeError, "values: expected floats or integers, got a buffer of the format '%s'; convert it first",
                     view->format == NULL ? "B" : view->format);
        good = false;
    }
    PyMem_Free(straight);
    return good;
}

bool values_of(PyObject *object, Values *out) {
    *out = (Values){0};
    if (PyUnicode_Check(object) || PyBytes_Check(object)) {
        PyErr_Format(PyExc_TypeError, "values: expected numbers, got %R; give a list, an array or a buffer", object);
        return false;
    }
    if (PyObject_CheckBuffer(object)) {
        if (values_of_buffer(object, out))
            return true;
        values_free(out);
        return false;
    }
    PyObject *items = PySequence_Tuple(object);
    if (items == NULL)
        return false;
    Py_ssize_t len = PyTuple_Size(items);
    bool good = copied(out, (size_t)len, sizeof(double));
    for (Py_ssize_t i = 0; good && i < len; i++)
        good = number_of(PyTuple_GetItem(items, i), "values", (double *)out->copy + i);
    Py_DECREF(items);
    if (!good)
        values_free(out);
    return good;
}

bool contexts_of(PyObject *object, Values *out) {
    *out = (Values){0};
    if (PyObject_CheckBuffer(object)) {
        if (PyObject_GetBuffer(object, &out->view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT) != 0)
            return false;
        out->has_view = true;
        char format = letter(out->view.format);
        if (out->view.itemsize == 8 && format != 0 && strchr("qQlL", format) != NULL) {
            out->ptr = out->view.buf;
            out->len = (size_t)(out->view.len / 8);
            return true;
        }
        PyErr_SetString(PyExc_TypeError, "contexts: expected 64-bit integers, such as array('Q') or NumPy's uint64");
        values_free(out);
        return false;
    }
    PyObject *items = PySequence_Tuple(object);
    if (items == NULL)
        return false;
    Py_ssize_t len = PyTuple_Size(items);
    bool good = copied(out, (size_t)len, sizeof(uint64_t));
    for (Py_ssize_t i = 0; good && i < len; i++) {
        unsigned long long id = PyLong_AsUnsignedLongLong(PyTuple_GetItem(items, i));
        good = !PyErr_Occurred();
        ((uint64_t *)out->copy)[i] = id;
    }
    Py_DECREF(items);
    if (!good)
        values_free(out);
    return good;
}

void values_free(Values *values) {
    if (values->has_view)
        PyBuffer_Release(&values->view);
    PyMem_Free(values->copy);
    *values = (Values){0};
}

/* ---- configuration ---- */

pointmill_config *config_of(State *state, PyObject *pairs) {
    pointmill_config *config = NULL;
    int32_t status = pointmill_config_new(&config);
    if (status != POINTMILL_OK) {
        raise_code(state, status, NULL);
        return NULL;
    }
    Py_ssize_t len = PyTuple_Size(pairs);
    for (Py_ssize_t i = 0; i < len; i++) {
        const char *name, *value;
        pointmill_error error = POINTMILL_ERROR_INIT;
        if (!PyArg_ParseTuple(PyTuple_GetItem(pairs, i), "ss", &name, &value)) {
            status = POINTMILL_E_INVALID;
        } else {
            status = pointmill_config_set(config, name, value, &error);
            if (status != POINTMILL_OK)
                raise_code(state, status, error.detail);
        }
        if (status != POINTMILL_OK) {
            pointmill_config_free(config);
            return NULL;
        }
    }
    return config;
}

/* ---- errors ---- */

PyObject *raise_code(State *state, int32_t code, const char *detail) {
    PyObject *number = PyLong_FromLong(code);
    if (number == NULL)
        return NULL;
    PyObject *class = state->errors == NULL ? NULL : PyDict_GetItemWithError(state->errors, number);
    Py_DECREF(number);
    if (class == NULL) {
        if (!PyErr_Occurred())
            PyErr_Format(PyExc_RuntimeError, "%s: %s", pointmill_code_name(code), pointmill_strerror(code));
        return NULL;
    }
    if (detail == NULL || detail[0] == 0)
        detail = pointmill_strerror(code);
    PyErr_SetString(class, detail);
    return NULL;
}

PyObject *raise_named(State *state, int32_t code, const Texts *texts) {
    if (code != POINTMILL_E_INVALID_NAME)
        return raise_code(state, code, NULL);
    /* The longest text is the one that was refused, or the name is empty. */
    const pointmill_str *longest = &texts->all[0];
    for (size_t i = 1; texts->all[0].len > 0 && i < texts->len; i++) {
        if (texts->all[i].len > longest->len)
            longest = &texts->all[i];
    }
    PyObject *start = PyUnicode_DecodeUTF8(longest->ptr, longest->len > 40 ? 40 : (Py_ssize_t)longest->len, "ignore");
    PyObject *shown = start == NULL ? NULL : PyUnicode_FromFormat(
        "the %s %R%s has %zd bytes; %s", longest == &texts->all[0] ? "name" : "tag", start, longest->len > 40 ? "..." : "",
        (Py_ssize_t)longest->len, pointmill_strerror(code));
    Py_XDECREF(start);
    const char *utf8 = shown == NULL ? NULL : PyUnicode_AsUTF8AndSize(shown, NULL);
    if (utf8 != NULL)
        raise_code(state, code, utf8);
    Py_XDECREF(shown);
    return NULL;
}

PyObject *raise_value(State *state, int32_t code, double value) {
    if (code != POINTMILL_E_NOT_FINITE)
        return raise_code(state, code, NULL);
    char detail[POINTMILL_ERROR_DETAIL_BYTES];
    const char *shown = value != value ? "NaN" : value > 0 ? "inf" : "-inf";
    PyOS_snprintf(detail, sizeof detail, "the value is %s; record finite values only", shown);
    return raise_code(state, code, detail);
}

PyObject *raise_closed(State *state, const char *what) {
    char detail[POINTMILL_ERROR_DETAIL_BYTES];
    PyOS_snprintf(detail, sizeof detail, "the %s has been closed; make a new one", what);
    PyObject *closed = state->errors == NULL ? NULL : PyDict_GetItemString(state->errors, "closed");
    PyErr_SetString(closed == NULL ? PyExc_ValueError : closed, detail);
    return NULL;
}

/* ---- answers ---- */

PyObject *numbers_from(PyTypeObject *type, const void *counters, int len) {
    PyObject *result = PyStructSequence_New(type);
    const char *next = (const char *)counters + 8;
    for (int i = 0; result != NULL && i < len; i++, next += 8) {
        uint64_t counter;
        memcpy(&counter, next, sizeof counter);
        PyObject *number = PyLong_FromUnsignedLongLong(counter);
        if (number == NULL)
            Py_CLEAR(result);
        else
            PyStructSequence_SetItem(result, i, number);
    }
    return result;
}

/* ---- types ---- */

State *state_of(PyTypeObject *type) {
    /* A class that Python code derived has no module of ours; its base has. */
    for (; type != NULL; type = PyType_GetSlot(type, Py_tp_base)) {
        State *state = PyType_GetModuleState(type);
        if (state != NULL)
            return state;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_SystemError, "pointmill: no module state");
    return NULL;
}

PyTypeObject *type_add(PyObject *module, PyType_Spec *spec) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromModuleAndSpec(module, spec, NULL);
    if (type == NULL || PyModule_AddType(module, type) != 0) {
        Py_XDECREF((PyObject *)type);
        return NULL;
    }
    return type;
}

void object_free(PyObject *object) {
    PyTypeObject *type = Py_TYPE(object);
    freefunc free_object = (freefunc)PyType_GetSlot(type, Py_tp_free);
    free_object(object);
    Py_DECREF(type);
}

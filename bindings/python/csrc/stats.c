/* The types that show the library's counters. */
#include "native.h"

#include "stats.inc"

static PyTypeObject *counters_type(PyObject *module, const char *name, const char *doc, PyStructSequence_Field *fields, int len) {
    PyStructSequence_Desc description = {name, doc, fields, len};
    PyTypeObject *type = PyStructSequence_NewType(&description);
    const char *dot = name;
    for (const char *c = name; *c != 0; c++) {
        if (*c == '.')
            dot = c + 1;
    }
    if (type != NULL && PyModule_AddObjectRef(module, dot, (PyObject *)type) != 0)
        Py_CLEAR(type);
    return type;
}

int stats_add(PyObject *module, State *state) {
    state->stats = counters_type(module, "pointmill.Stats", "The ledger of an engine, in points.", engine_stats_fields,
                                 COUNTERS(pointmill_engine_stats));
    state->client_stats = counters_type(module, "pointmill.ClientStats", "The books of a client, in points.",
                                        client_stats_fields, COUNTERS(pointmill_client_stats));
    state->lambda_stats = counters_type(module, "pointmill.lambda_.LambdaStats", "The ledger of pointmill.lambda_, in points.",
                                        lambda_stats_fields, COUNTERS(pointmill_lambda_stats));
    return state->stats == NULL || state->client_stats == NULL || state->lambda_stats == NULL ? -1 : 0;
}

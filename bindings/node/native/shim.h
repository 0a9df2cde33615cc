/*
 * The Node-API shim: one C function for each function of pointmill.h, and nothing that decides.
 *
 * A handle of the library reaches JavaScript as an external that points to a `pm_box`. JavaScript keeps
 * it in a private field, so no user's value can get here in its place; the box's type is checked all
 * the same. A status other than POINTMILL_OK becomes an exception made by the JavaScript function that
 * `init` was given, so texts, classes and codes are written in one place, lib/errors.js.
 */
#ifndef POINTMILL_NODE_SHIM_H
#define POINTMILL_NODE_SHIM_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "pointmill.h"

/* What a box holds. */
enum pm_type { PM_ENGINE = 1, PM_RING, PM_SNAPSHOT, PM_SKETCH, PM_CLIENT, PM_LAMBDA };

typedef struct pm_box {
    enum pm_type type;
    void *ptr; /* NULL once released */
    void (*release)(napi_env env, void *ptr);
} pm_box;

/* An engine and everyone who uses it: engines are shared between the worker threads of one process. */
typedef struct pm_engine {
    pointmill_engine *engine;
    atomic_size_t users;
    uint64_t token; /* 0 until shared */
    struct pm_engine *next;
} pm_engine;

/* Keeps the text of what was read from JavaScript until the call is over. */
typedef struct pm_texts {
    pointmill_str *items;
    size_t len;
    char *bytes;
    pointmill_str few[12];
    char few_bytes[1024];
} pm_texts;

/* ---- value.c: JavaScript values in and out ---- */
void pm_init_errors(napi_env env, napi_value make_error);
/* Throws the exception of a status; `detail` may be NULL. Returns NULL, for `return pm_throw(…)`. */
napi_value pm_throw(napi_env env, int32_t status, const char *detail);
/* The exception itself, for a promise. */
napi_value pm_error(napi_env env, int32_t status, const char *detail);
/* Reads up to `max` arguments into `argv`; the missing ones are undefined. */
void pm_args(napi_env env, napi_callback_info info, size_t max, napi_value *argv);
napi_value pm_undefined(napi_env env);
napi_value pm_number(napi_env env, double value);
napi_value pm_text(napi_env env, const char *ptr, size_t len);
napi_value pm_str(napi_env env, pointmill_str text);
void pm_set(napi_env env, napi_value object, const char *key, napi_value value);
double pm_double(napi_env env, napi_value value);
int64_t pm_int64(napi_env env, napi_value value);
uint32_t pm_uint32(napi_env env, napi_value value);
/* `name` (may be NULL) and the texts of the array `list`. False: an exception is pending. */
bool pm_texts_read(napi_env env, napi_value name, napi_value list, pm_texts *out);
void pm_texts_free(pm_texts *texts);
/* The doubles of a Float64Array. */
double *pm_float64(napi_env env, napi_value array, size_t *len);
/* The bytes of a Uint8Array. */
uint8_t *pm_bytes(napi_env env, napi_value array, size_t *len);
/* The uint64_t fields of a statistics struct, which follow its first 8 bytes, as a Float64Array. */
napi_value pm_numbers(napi_env env, const void *numbers, size_t bytes);
/* An external for a handle; frees it and throws if there is no memory. */
napi_value pm_wrap(napi_env env, enum pm_type type, void *ptr, void (*release)(napi_env, void *));
/* The handle in an external; NULL if it is of another type or released, with an exception pending. */
void *pm_unwrap(napi_env env, napi_value value, enum pm_type type);
void pm_release(napi_env env, napi_value value);

/* ---- config.c ---- */
/* A configuration of the [name, value, name, value, …] texts in `pairs`; NULL: exception pending. */
pointmill_config *pm_config(napi_env env, napi_value pairs);

/* ---- the functions of each file ---- */
typedef struct pm_function {
    const char *name;
    napi_callback call;
} pm_function;
extern const pm_function pm_library_functions[], pm_ring_functions[], pm_engine_functions[], pm_snapshot_functions[],
    pm_sketch_functions[], pm_client_functions[], pm_lambda_functions[];

/* ---- engine.c ---- */
void pm_engine_retain(pm_engine *shared);
void pm_engine_release(napi_env env, void *shared);
napi_value pm_wrap_engine(napi_env env, pointmill_engine *engine);
napi_value pm_wrap_snapshot(napi_env env, pointmill_snapshot *snapshot);

/* ---- work.c: calls that run on a thread of libuv's pool and settle a promise ---- */
typedef struct pm_work {
    void (*run)(struct pm_work *);                         /* on the pool's thread */
    napi_value (*finish)(napi_env env, struct pm_work *);  /* on the JavaScript thread, after success */
    void (*dispose)(napi_env env, struct pm_work *);       /* always, last */
    bool (*is_success)(int32_t status);                    /* NULL: POINTMILL_OK alone is */
    int32_t status;
    pointmill_error error;
    void *subject, *extra, *result;
    int64_t number;
    uint32_t flags;
    napi_ref kept;
    napi_deferred deferred;
    napi_async_work work;
} pm_work;
/* Starts `work` (from calloc, which this takes) and returns its promise; `kept` stays alive meanwhile. */
napi_value pm_start(napi_env env, pm_work *work, napi_value kept);

#endif

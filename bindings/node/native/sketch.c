/* Sketches. */
#include "shim.h"

static void sketch_release(napi_env env, void *ptr)
{
    (void)env;
    pointmill_sketch_free(ptr);
}

static napi_value wrap(napi_env env, int32_t status, pointmill_sketch *sketch)
{
    return status == POINTMILL_OK ? pm_wrap(env, PM_SKETCH, sketch, sketch_release) : pm_throw(env, status, NULL);
}

/* Reads the arguments, the first of which is a sketch; NULL: exception pending. */
static pointmill_sketch *subject(napi_env env, napi_callback_info info, size_t max, napi_value *argv)
{
    pm_args(env, info, max, argv);
    return pm_unwrap(env, argv[0], PM_SKETCH);
}

static napi_value done(napi_env env, int32_t status)
{
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

static napi_value sketch_new(napi_env env, napi_callback_info info)
{
    (void)info;
    pointmill_sketch *sketch = NULL;
    int32_t status = pointmill_sketch_new(&sketch);
    return wrap(env, status, sketch);
}

/* sketchClone(sketch) */
static napi_value sketch_clone(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_sketch *sketch = subject(env, info, 1, argv), *copy = NULL;
    if (sketch == NULL)
        return NULL;
    int32_t status = pointmill_sketch_clone(sketch, &copy);
    return wrap(env, status, copy);
}

/* sketchInsert(sketch, value) */
static napi_value sketch_insert(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    return sketch == NULL ? NULL : done(env, pointmill_sketch_insert(sketch, pm_double(env, argv[1])));
}

/* sketchInsertN(sketch, value, n) */
static napi_value sketch_insert_n(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pointmill_sketch *sketch = subject(env, info, 3, argv);
    return sketch == NULL ? NULL
                          : done(env, pointmill_sketch_insert_n(sketch, pm_double(env, argv[1]),
                                                                (uint64_t)pm_int64(env, argv[2])));
}

/* sketchInsertSampled(sketch, value, rate) */
static napi_value sketch_insert_sampled(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pointmill_sketch *sketch = subject(env, info, 3, argv);
    return sketch == NULL ? NULL
                          : done(env, pointmill_sketch_insert_sampled(sketch, pm_double(env, argv[1]),
                                                                      pm_double(env, argv[2])));
}

/* sketchInsertMany(sketch, Float64Array) */
static napi_value sketch_insert_many(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    size_t len = 0;
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    double *values = sketch == NULL ? NULL : pm_float64(env, argv[1], &len);
    return values == NULL ? NULL : done(env, pointmill_sketch_insert_many(sketch, values, len));
}

/* sketchInsertInterpolated(sketch, lower, upper, n) */
static napi_value sketch_insert_interpolated(napi_env env, napi_callback_info info)
{
    napi_value argv[4];
    pointmill_sketch *sketch = subject(env, info, 4, argv);
    return sketch == NULL
               ? NULL
               : done(env, pointmill_sketch_insert_interpolated(sketch, pm_double(env, argv[1]), pm_double(env, argv[2]),
                                                                (uint64_t)pm_int64(env, argv[3])));
}

/* sketchMerge(sketch, other) */
static napi_value sketch_merge(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    pointmill_sketch *other = sketch == NULL ? NULL : pm_unwrap(env, argv[1], PM_SKETCH);
    return other == NULL ? NULL : done(env, pointmill_sketch_merge(sketch, other));
}

/* sketchSummary(sketch): [count, min, max, sum, avg] */
static napi_value sketch_summary(napi_env env, napi_callback_info info)
{
    napi_value argv[1], row;
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    pointmill_sketch *sketch = subject(env, info, 1, argv);
    if (sketch == NULL)
        return NULL;
    int32_t status = pointmill_sketch_summary(sketch, &summary);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, NULL);
    const double numbers[] = {(double)summary.count, summary.min, summary.max, summary.sum, summary.avg};
    napi_create_array_with_length(env, 5, &row);
    for (uint32_t i = 0; i < 5; i++)
        napi_set_element(env, row, i, pm_number(env, numbers[i]));
    return row;
}

static napi_value quantile_by(napi_env env, napi_callback_info info,
                              int32_t (*quantile)(const pointmill_sketch *, double, double *))
{
    napi_value argv[2];
    double value = 0;
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    if (sketch == NULL)
        return NULL;
    int32_t status = quantile(sketch, pm_double(env, argv[1]), &value);
    return status == POINTMILL_OK ? pm_number(env, value) : pm_throw(env, status, NULL);
}

/* sketchQuantile(sketch, q) */
static napi_value sketch_quantile(napi_env env, napi_callback_info info)
{
    return quantile_by(env, info, pointmill_sketch_quantile);
}

/* sketchQuantileAgent(sketch, q) */
static napi_value sketch_quantile_agent(napi_env env, napi_callback_info info)
{
    return quantile_by(env, info, pointmill_sketch_quantile_agent);
}

/* sketchBins(sketch, profile): [Int16Array, Uint32Array] */
static napi_value sketch_bins(napi_env env, napi_callback_info info)
{
    napi_value argv[2], keys_buffer, counts_buffer, keys, counts, pair;
    void *keys_data = NULL, *counts_data = NULL;
    size_t len = 0;
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    if (sketch == NULL)
        return NULL;
    uint32_t profile = pm_uint32(env, argv[1]);
    int32_t status = pointmill_sketch_bins(sketch, profile, NULL, NULL, 0, &len);
    if (status != POINTMILL_OK && status != POINTMILL_E_BUFFER_TOO_SMALL)
        return pm_throw(env, status, NULL);
    if (napi_create_arraybuffer(env, len * sizeof(int16_t), &keys_data, &keys_buffer) != napi_ok
        || napi_create_arraybuffer(env, len * sizeof(uint32_t), &counts_data, &counts_buffer) != napi_ok)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    if (len > 0) {
        status = pointmill_sketch_bins(sketch, profile, keys_data, counts_data, len, &len);
        if (status != POINTMILL_OK)
            return pm_throw(env, status, NULL);
    }
    napi_create_typedarray(env, napi_int16_array, len, keys_buffer, 0, &keys);
    napi_create_typedarray(env, napi_uint32_array, len, counts_buffer, 0, &counts);
    napi_create_array_with_length(env, 2, &pair);
    napi_set_element(env, pair, 0, keys);
    napi_set_element(env, pair, 1, counts);
    return pair;
}

/* sketchKey(value) */
static napi_value sketch_key(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    int16_t key = 0;
    pm_args(env, info, 1, argv);
    int32_t status = pointmill_sketch_key(pm_double(env, argv[0]), &key);
    return status == POINTMILL_OK ? pm_number(env, key) : pm_throw(env, status, NULL);
}

/* sketchEncode(sketch, format): a Buffer */
static napi_value sketch_encode(napi_env env, napi_callback_info info)
{
    napi_value argv[2], buffer;
    void *data = NULL;
    size_t len = 0;
    pointmill_sketch *sketch = subject(env, info, 2, argv);
    if (sketch == NULL)
        return NULL;
    uint32_t format = pm_uint32(env, argv[1]);
    int32_t status = pointmill_sketch_encode(sketch, format, NULL, 0, &len);
    if (status != POINTMILL_OK && status != POINTMILL_E_BUFFER_TOO_SMALL)
        return pm_throw(env, status, NULL);
    if (napi_create_buffer(env, len, &data, &buffer) != napi_ok)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    if (len > 0) {
        status = pointmill_sketch_encode(sketch, format, data, len, &len);
        if (status != POINTMILL_OK)
            return pm_throw(env, status, NULL);
    }
    return buffer;
}

/* sketchDecode(format, bytes) */
static napi_value sketch_decode(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    size_t len = 0;
    pointmill_sketch *sketch = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pm_args(env, info, 2, argv);
    uint8_t *bytes = pm_bytes(env, argv[1], &len);
    if (bytes == NULL)
        return NULL;
    int32_t status = pointmill_sketch_decode(pm_uint32(env, argv[0]), bytes, len, &sketch, &error);
    return status == POINTMILL_OK ? wrap(env, status, sketch) : pm_throw(env, status, error.detail);
}

/* snapshotSketch(snapshot, i) */
static napi_value snapshot_sketch(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pointmill_sketch *sketch = NULL;
    pm_args(env, info, 2, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    if (snapshot == NULL)
        return NULL;
    int32_t status = pointmill_snapshot_sketch(snapshot, pm_uint32(env, argv[1]), &sketch);
    return wrap(env, status, sketch);
}

const pm_function pm_sketch_functions[] = {
    {"sketchNew", sketch_new},
    {"sketchClone", sketch_clone},
    {"sketchInsert", sketch_insert},
    {"sketchInsertN", sketch_insert_n},
    {"sketchInsertSampled", sketch_insert_sampled},
    {"sketchInsertMany", sketch_insert_many},
    {"sketchInsertInterpolated", sketch_insert_interpolated},
    {"sketchMerge", sketch_merge},
    {"sketchSummary", sketch_summary},
    {"sketchQuantile", sketch_quantile},
    {"sketchQuantileAgent", sketch_quantile_agent},
    {"sketchBins", sketch_bins},
    {"sketchKey", sketch_key},
    {"sketchEncode", sketch_encode},
    {"sketchDecode", sketch_decode},
    {"snapshotSketch", snapshot_sketch},
    {NULL, NULL},
};

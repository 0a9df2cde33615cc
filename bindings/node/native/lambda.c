/* The metrics side of a Lambda layer. */
#include "shim.h"

/* The object and everyone who uses it: its external, its record function, and calls on libuv's pool. */
typedef struct pm_lambda {
    pointmill_lambda *lambda;
    atomic_size_t users;
} pm_lambda;

static void lambda_release(napi_env env, void *data)
{
    (void)env;
    pm_lambda *shared = data;
    if (atomic_fetch_sub(&shared->users, 1) == 1) {
        pointmill_lambda_free(shared->lambda);
        free(shared);
    }
}

static pm_lambda *subject(napi_env env, napi_callback_info info, size_t max, napi_value *argv)
{
    pm_args(env, info, max, argv);
    return pm_unwrap(env, argv[0], PM_LAMBDA);
}

/* Sets every option of `pairs`; those that are refused go into `refused` as [name, text, name, text, …]. */
static void set_options(napi_env env, pointmill_lambda_config *config, const pm_texts *pairs, napi_value refused)
{
    uint32_t at = 0;
    for (size_t i = 0; i + 1 < pairs->len; i += 2) {
        pointmill_error error = POINTMILL_ERROR_INIT;
        /* Every text was written with a NUL after it. */
        if (pointmill_lambda_config_set(config, pairs->items[i].ptr, pairs->items[i + 1], &error) != POINTMILL_OK) {
            napi_set_element(env, refused, at++, pm_str(env, pairs->items[i]));
            napi_set_element(env, refused, at++, pm_text(env, error.detail, strlen(error.detail)));
        }
    }
}

/* lambdaNew(pairs, refused): of this process's environment and these options */
static napi_value lambda_new(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_texts pairs;
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *lambda = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pm_args(env, info, 2, argv);
    if (!pm_texts_read(env, NULL, argv[0], &pairs))
        return NULL;
    int32_t status = pointmill_lambda_config_new(POINTMILL_LAMBDA_NODE, &config);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_config_process_env(config);
    if (status == POINTMILL_OK) {
        set_options(env, config, &pairs, argv[1]);
        status = pointmill_lambda_new(config, &lambda, &error);
    }
    pointmill_lambda_config_free(config);
    pm_texts_free(&pairs);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, error.detail);
    pm_lambda *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        pointmill_lambda_free(lambda);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    shared->lambda = lambda;
    atomic_init(&shared->users, 1);
    return pm_wrap(env, PM_LAMBDA, shared, lambda_release);
}

/* lambdaMode(lambda) */
static napi_value lambda_mode(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    uint32_t mode = 0;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_lambda_mode(shared->lambda, &mode);
    return status == POINTMILL_OK ? pm_number(env, mode) : pm_throw(env, status, NULL);
}

/* lambdaSetting(lambda, name) */
static napi_value lambda_setting(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    char name[64];
    size_t len = 0;
    pointmill_str text = {NULL, 0};
    pm_lambda *shared = subject(env, info, 2, argv);
    if (shared == NULL)
        return NULL;
    if (napi_get_value_string_utf8(env, argv[1], name, sizeof name, &len) != napi_ok)
        return pm_throw(env, POINTMILL_E_INVALID, NULL);
    int32_t status = pointmill_lambda_setting(shared->lambda, name, &text);
    return status == POINTMILL_OK ? pm_str(env, text) : pm_throw(env, status, NULL);
}

/* lambdaWarnings(lambda): those since the last call, one a line */
static napi_value lambda_warnings(napi_env env, napi_callback_info info)
{
    napi_value argv[1], text;
    char few[2048];
    size_t len = 0;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_lambda_warnings(shared->lambda, few, sizeof few, &len);
    if (status == POINTMILL_OK)
        return pm_text(env, few, len);
    char *many = status == POINTMILL_E_BUFFER_TOO_SMALL ? malloc(len) : NULL;
    if (many == NULL)
        return pm_throw(env, status, NULL);
    status = pointmill_lambda_warnings(shared->lambda, many, len, &len);
    text = status == POINTMILL_OK ? pm_text(env, many, len) : pm_throw(env, status, NULL);
    free(many);
    return text;
}

/* lambdaLastFailure(lambda): a text, empty if nothing has failed */
static napi_value lambda_last_failure(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    char text[1024];
    size_t len = 0;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_lambda_last_failure(shared->lambda, text, sizeof text, &len);
    return status == POINTMILL_OK ? pm_text(env, text, len) : pm_throw(env, status, NULL);
}

/* lambdaEngine(lambda): the engine behind it */
static napi_value lambda_engine(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_engine *engine = NULL;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_lambda_engine(shared->lambda, &engine);
    return status == POINTMILL_OK ? pm_wrap_engine(env, engine) : pm_throw(env, status, NULL);
}

/* ---- points ---- */

/* (bits, value): undefined, or the status if the point was refused. The hot call, so it is bound to its object. */
static napi_value record(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    size_t argc = 2;
    void *data = NULL;
    double bits = 0, value = 0;
    uint64_t context;
    napi_get_cb_info(env, info, &argc, argv, NULL, &data);
    napi_get_value_double(env, argv[0], &bits);
    napi_get_value_double(env, argv[1], &value);
    memcpy(&context, &bits, sizeof context);
    int32_t status = pointmill_lambda_record(((pm_lambda *)data)->lambda, context, value);
    return status == POINTMILL_OK ? NULL : pm_number(env, status);
}

static void record_finalize(napi_env env, void *data, void *hint)
{
    (void)hint;
    lambda_release(env, data);
}

/* lambdaRecorder(lambda): the function above for this object */
static napi_value lambda_recorder(napi_env env, napi_callback_info info)
{
    napi_value argv[1], function;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    if (napi_create_function(env, "record", NAPI_AUTO_LENGTH, record, shared, &function) != napi_ok)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    atomic_fetch_add(&shared->users, 1);
    napi_add_finalizer(env, function, shared, record_finalize, NULL, NULL);
    return function;
}

/* lambdaContext(lambda, name, tags, bits): writes the id into bits[0]; answers a status */
static napi_value lambda_context(napi_env env, napi_callback_info info)
{
    napi_value argv[4];
    size_t len = 0;
    uint64_t id = 0;
    pm_texts texts;
    pm_lambda *shared = subject(env, info, 4, argv);
    double *bits = shared == NULL ? NULL : pm_float64(env, argv[3], &len);
    if (bits == NULL || !pm_texts_read(env, argv[1], argv[2], &texts))
        return NULL;
    int32_t status = pointmill_lambda_context(shared->lambda, texts.items, texts.len, &id);
    pm_texts_free(&texts);
    if (status == POINTMILL_OK)
        memcpy(bits, &id, sizeof id);
    return pm_number(env, status);
}

/* lambdaMetricAt(lambda, name, tags, value, unixS | undefined): answers a status */
static napi_value lambda_metric_at(napi_env env, napi_callback_info info)
{
    napi_value argv[5];
    napi_valuetype time_type = napi_undefined;
    pm_texts texts;
    pm_lambda *shared = subject(env, info, 5, argv);
    if (shared == NULL || !pm_texts_read(env, argv[1], argv[2], &texts))
        return NULL;
    napi_typeof(env, argv[4], &time_type);
    int64_t unix_s = time_type == napi_number ? pm_int64(env, argv[4]) : POINTMILL_LAMBDA_NOW;
    int32_t status =
        pointmill_lambda_metric_at(shared->lambda, texts.items, texts.len, pm_double(env, argv[3]), unix_s, 0);
    pm_texts_free(&texts);
    return pm_number(env, status);
}

/* lambdaRejected(lambda, cause, points) */
static napi_value lambda_rejected(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pm_lambda *shared = subject(env, info, 3, argv);
    if (shared == NULL)
        return NULL;
    int32_t status =
        pointmill_lambda_rejected(shared->lambda, pm_uint32(env, argv[1]), (uint64_t)pm_int64(env, argv[2]));
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

/* ---- invocations ---- */

/* lambdaBegin(lambda, [arn, requestId, functionName, functionVersion], memoryMb, deadlineUnixMs, start, flags): a token */
static napi_value lambda_begin(napi_env env, napi_callback_info info)
{
    napi_value argv[6], value = NULL;
    pm_texts texts;
    uint64_t token = 0;
    pm_lambda *shared = subject(env, info, 6, argv);
    if (shared == NULL || !pm_texts_read(env, NULL, argv[1], &texts))
        return NULL;
    if (texts.len != 4) {
        pm_texts_free(&texts);
        return pm_throw(env, POINTMILL_E_INVALID, NULL);
    }
    pointmill_lambda_invocation invocation = POINTMILL_LAMBDA_INVOCATION_INIT;
    invocation.memory_mb = pm_uint32(env, argv[2]);
    invocation.deadline_unix_ms = pm_int64(env, argv[3]);
    invocation.start = pm_uint32(env, argv[4]);
    invocation.flags = pm_uint32(env, argv[5]);
    invocation.invoked_function_arn = texts.items[0];
    invocation.request_id = texts.items[1];
    invocation.function_name = texts.items[2];
    invocation.function_version = texts.items[3];
    int32_t status = pointmill_lambda_begin(shared->lambda, &invocation, &token);
    pm_texts_free(&texts);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, NULL);
    napi_create_bigint_uint64(env, token, &value);
    return value;
}

/* lambdaEnd(lambda, token, error, httpStatus, batchItemFailures, timeToFirstByteMs): the budget of the flush in ms */
static napi_value lambda_end(napi_env env, napi_callback_info info)
{
    napi_value argv[6];
    uint64_t token = 0, budget_ms = 0;
    bool lossless = false;
    pm_lambda *shared = subject(env, info, 6, argv);
    if (shared == NULL)
        return NULL;
    napi_get_value_bigint_uint64(env, argv[1], &token, &lossless);
    pointmill_lambda_result result = POINTMILL_LAMBDA_RESULT_INIT;
    result.error = pm_uint32(env, argv[2]);
    result.http_status = pm_uint32(env, argv[3]);
    result.batch_item_failures = pm_int64(env, argv[4]);
    result.time_to_first_byte_ms = pm_double(env, argv[5]);
    int32_t status = pointmill_lambda_end(shared->lambda, token, &result, &budget_ms);
    return status == POINTMILL_OK ? pm_number(env, (double)budget_ms) : pm_throw(env, status, NULL);
}

static void flush_run(pm_work *work)
{
    pm_lambda *shared = work->subject;
    work->status = pointmill_lambda_flush(shared->lambda, (uint64_t)work->number);
}

static bool any_status(int32_t status)
{
    (void)status;
    return true;
}

static napi_value flush_finish(napi_env env, pm_work *work)
{
    return pm_number(env, work->status);
}

static void flush_dispose(napi_env env, pm_work *work)
{
    lambda_release(env, work->subject);
}

/* lambdaFlush(lambda, timeoutMs): a promise of a status */
static napi_value lambda_flush(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_lambda *shared = subject(env, info, 2, argv);
    pm_work *work = shared == NULL ? NULL : calloc(1, sizeof *work);
    if (work == NULL)
        return shared == NULL ? NULL : pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    atomic_fetch_add(&shared->users, 1);
    work->run = flush_run;
    work->finish = flush_finish;
    work->dispose = flush_dispose;
    work->is_success = any_status;
    work->subject = shared;
    work->number = pm_int64(env, argv[1]);
    return pm_start(env, work, NULL);
}

/* lambdaFlushSync(lambda, timeoutMs): a status */
static napi_value lambda_flush_sync(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_lambda *shared = subject(env, info, 2, argv);
    return shared == NULL
               ? NULL
               : pm_number(env, pointmill_lambda_flush(shared->lambda, (uint64_t)pm_int64(env, argv[1])));
}

/* lambdaCloseSync(lambda, timeoutMs): a status */
static napi_value lambda_close_sync(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_lambda *shared = subject(env, info, 2, argv);
    return shared == NULL
               ? NULL
               : pm_number(env, pointmill_lambda_close(shared->lambda, (uint64_t)pm_int64(env, argv[1])));
}

/* lambdaRestored(lambda) */
static napi_value lambda_restored(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_lambda *shared = subject(env, info, 1, argv);
    return shared == NULL ? NULL : pm_number(env, pointmill_lambda_restored(shared->lambda));
}

/* lambdaStats(lambda): the struct's numbers in their order, a Float64Array. */
static napi_value lambda_stats(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_lambda_stats numbers = POINTMILL_LAMBDA_STATS_INIT;
    pm_lambda *shared = subject(env, info, 1, argv);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_lambda_stats_get(shared->lambda, &numbers);
    return status == POINTMILL_OK ? pm_numbers(env, &numbers, sizeof numbers) : pm_throw(env, status, NULL);
}

/* ---- trace context ---- */

static napi_value trace(napi_env env, int32_t status, const pointmill_lambda_trace *found)
{
    napi_value list, id;
    if (status != POINTMILL_OK)
        return pm_undefined(env);
    napi_create_array_with_length(env, 3, &list);
    napi_create_bigint_uint64(env, found->trace_id, &id);
    napi_set_element(env, list, 0, id);
    napi_create_bigint_uint64(env, found->parent_id, &id);
    napi_set_element(env, list, 1, id);
    napi_set_element(env, list, 2, pm_number(env, found->priority));
    return list;
}

/* traceOfHeaders([name, …], [value, …]): [traceId, parentId, priority] or undefined */
static napi_value trace_of_headers(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_texts names, values;
    pointmill_lambda_trace found = POINTMILL_LAMBDA_TRACE_INIT;
    pm_args(env, info, 2, argv);
    if (!pm_texts_read(env, NULL, argv[0], &names))
        return NULL;
    if (!pm_texts_read(env, NULL, argv[1], &values)) {
        pm_texts_free(&names);
        return NULL;
    }
    size_t len = names.len < values.len ? names.len : values.len;
    int32_t status = pointmill_lambda_trace_of_headers(names.items, values.items, len, &found);
    pm_texts_free(&names);
    pm_texts_free(&values);
    return trace(env, status, &found);
}

/* traceOfXray(header): [traceId, parentId, priority] or undefined */
static napi_value trace_of_xray(napi_env env, napi_callback_info info)
{
    napi_value argv[1], list;
    pm_texts texts;
    pointmill_lambda_trace found = POINTMILL_LAMBDA_TRACE_INIT;
    pm_args(env, info, 1, argv);
    napi_create_array(env, &list);
    if (!pm_texts_read(env, argv[0], list, &texts))
        return NULL;
    int32_t status = pointmill_lambda_trace_of_xray(texts.items[0], &found);
    pm_texts_free(&texts);
    return trace(env, status, &found);
}

const pm_function pm_lambda_functions[] = {
    {"lambdaNew", lambda_new},
    {"lambdaMode", lambda_mode},
    {"lambdaSetting", lambda_setting},
    {"lambdaWarnings", lambda_warnings},
    {"lambdaLastFailure", lambda_last_failure},
    {"lambdaEngine", lambda_engine},
    {"lambdaRecorder", lambda_recorder},
    {"lambdaContext", lambda_context},
    {"lambdaMetricAt", lambda_metric_at},
    {"lambdaRejected", lambda_rejected},
    {"lambdaBegin", lambda_begin},
    {"lambdaEnd", lambda_end},
    {"lambdaFlush", lambda_flush},
    {"lambdaFlushSync", lambda_flush_sync},
    {"lambdaCloseSync", lambda_close_sync},
    {"lambdaRestored", lambda_restored},
    {"lambdaStats", lambda_stats},
    {"traceOfHeaders", trace_of_headers},
    {"traceOfXray", trace_of_xray},
    {NULL, NULL},
};

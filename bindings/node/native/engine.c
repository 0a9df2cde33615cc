/* Engines, their sharing between threads, and the calls that record. */
#include "shim.h"

#include <pthread.h>

/* ---- engines shared between the worker threads of this process ---- */

static pthread_mutex_t shared_lock = PTHREAD_MUTEX_INITIALIZER;
static pm_engine *shared_list;
static uint64_t shared_last;

void pm_engine_retain(pm_engine *shared)
{
    atomic_fetch_add(&shared->users, 1);
}

void pm_engine_release(napi_env env, void *data)
{
    (void)env;
    pm_engine *shared = data;
    pthread_mutex_lock(&shared_lock);
    bool last = atomic_fetch_sub(&shared->users, 1) == 1;
    if (last) {
        pm_engine **link = &shared_list;
        while (*link != NULL && *link != shared)
            link = &(*link)->next;
        if (*link != NULL)
            *link = shared->next;
    }
    pthread_mutex_unlock(&shared_lock);
    if (last) {
        pointmill_engine_free(shared->engine);
        free(shared);
    }
}

napi_value pm_wrap_engine(napi_env env, pointmill_engine *engine)
{
    pm_engine *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        pointmill_engine_free(engine);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    shared->engine = engine;
    atomic_init(&shared->users, 1);
    return pm_wrap(env, PM_ENGINE, shared, pm_engine_release);
}

/* engineNew(pairs) */
static napi_value engine_new(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_error error = POINTMILL_ERROR_INIT;
    pm_args(env, info, 1, argv);
    pointmill_config *config = pm_config(env, argv[0]);
    if (config == NULL)
        return NULL;
    pointmill_engine *engine = NULL;
    int32_t status = pointmill_engine_new(config, &engine, &error);
    pointmill_config_free(config);
    return status == POINTMILL_OK ? pm_wrap_engine(env, engine) : pm_throw(env, status, error.detail);
}

/* engineShare(engine): a number that engineAttach takes on any thread while the engine lives. */
static napi_value engine_share(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_args(env, info, 1, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    pthread_mutex_lock(&shared_lock);
    if (shared->token == 0) {
        shared->token = ++shared_last;
        shared->next = shared_list;
        shared_list = shared;
    }
    uint64_t token = shared->token;
    pthread_mutex_unlock(&shared_lock);
    return pm_number(env, (double)token);
}

/* engineAttach(token) */
static napi_value engine_attach(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_args(env, info, 1, argv);
    uint64_t token = (uint64_t)pm_int64(env, argv[0]);
    pthread_mutex_lock(&shared_lock);
    pm_engine *shared = shared_list;
    while (shared != NULL && shared->token != token)
        shared = shared->next;
    if (shared != NULL)
        pm_engine_retain(shared);
    pthread_mutex_unlock(&shared_lock);
    if (shared == NULL)
        return pm_throw(env, POINTMILL_E_HANDLE, "no engine of this process is shared under this token; it was closed, "
                                                 "or the token is not from engine.share()");
    return pm_wrap(env, PM_ENGINE, shared, pm_engine_release);
}

/* release(handle): engines, rings, snapshots and sketches, before the collector would. */
static napi_value release(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_args(env, info, 1, argv);
    pm_release(env, argv[0]);
    return NULL;
}

/* ---- recording ---- */

/* context(engine, kind, name, tags, bits): writes the id into bits[0] of a Float64Array, as bits. */
static napi_value context(napi_env env, napi_callback_info info)
{
    napi_value argv[5];
    size_t len = 0;
    uint64_t id = 0;
    pm_texts texts;
    pm_args(env, info, 5, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    double *bits = shared == NULL ? NULL : pm_float64(env, argv[4], &len);
    if (bits == NULL || !pm_texts_read(env, argv[2], argv[3], &texts))
        return NULL;
    int32_t status =
        pointmill_context(shared->engine, pm_uint32(env, argv[1]), texts.items[0], texts.items + 1, texts.len - 1, &id);
    pm_texts_free(&texts);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, NULL);
    memcpy(bits, &id, sizeof id);
    return NULL;
}

static uint64_t id_of(napi_env env, napi_value bits)
{
    double number = pm_double(env, bits);
    uint64_t id;
    memcpy(&id, &number, sizeof id);
    return id;
}

/* record(engine, bits, value) */
static napi_value record(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pm_args(env, info, 3, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_record(shared->engine, id_of(env, argv[1]), pm_double(env, argv[2]));
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

/* recordSampledAt(engine, bits, value, rate | undefined, unixS | undefined) */
static napi_value record_sampled_at(napi_env env, napi_callback_info info)
{
    napi_value argv[5];
    napi_valuetype rate_type = napi_undefined, time_type = napi_undefined;
    pm_args(env, info, 5, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    napi_typeof(env, argv[3], &rate_type);
    napi_typeof(env, argv[4], &time_type);
    uint64_t id = id_of(env, argv[1]);
    double value = pm_double(env, argv[2]), rate = pm_double(env, argv[3]);
    int64_t unix_s = pm_int64(env, argv[4]);
    int32_t status = rate_type != napi_number   ? pointmill_record_at(shared->engine, id, value, unix_s)
                     : time_type != napi_number ? pointmill_record_sampled(shared->engine, id, value, rate)
                                                : pointmill_record_sampled_at(shared->engine, id, value, rate, unix_s);
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

/* recordMany(engine, bits, Float64Array): answers how many were refused (and counted). */
static napi_value record_many(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    size_t len = 0, rejected = 0;
    pm_args(env, info, 3, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    double *values = shared == NULL ? NULL : pm_float64(env, argv[2], &len);
    if (values == NULL)
        return NULL;
    int32_t status = pointmill_record_many(shared->engine, id_of(env, argv[1]), values, len, &rejected);
    return status == POINTMILL_OK ? pm_number(env, (double)rejected) : pm_throw(env, status, NULL);
}

/* recordNamed(engine, kind, name, tags, value) */
static napi_value record_named(napi_env env, napi_callback_info info)
{
    napi_value argv[5];
    pm_texts texts;
    pm_args(env, info, 5, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL || !pm_texts_read(env, argv[2], argv[3], &texts))
        return NULL;
    int32_t status = pointmill_record_named(shared->engine, pm_uint32(env, argv[1]), texts.items, texts.len,
                                            pm_double(env, argv[4]));
    pm_texts_free(&texts);
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

/* ---- time, ledger, flush ---- */

/* tick(engine, nowUnixS) */
static napi_value tick(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_args(env, info, 2, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_tick(shared->engine, pm_int64(env, argv[1]));
    return status == POINTMILL_OK ? NULL : pm_throw(env, status, NULL);
}

/* stats(engine): the struct's numbers in their order, a Float64Array. */
static napi_value stats(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_engine_stats numbers = POINTMILL_ENGINE_STATS_INIT;
    pm_args(env, info, 1, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_stats(shared->engine, &numbers);
    return status == POINTMILL_OK ? pm_numbers(env, &numbers, sizeof numbers) : pm_throw(env, status, NULL);
}

/* flushSync(engine, nowUnixS, flags) */
static napi_value flush_sync(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pointmill_snapshot *snapshot = NULL;
    pm_args(env, info, 3, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    if (shared == NULL)
        return NULL;
    int32_t status =
        pointmill_flush(shared->engine, pm_int64(env, argv[1]), pm_uint32(env, argv[2]), &snapshot);
    return status == POINTMILL_OK ? pm_wrap_snapshot(env, snapshot) : pm_throw(env, status, NULL);
}

static void flush_run(pm_work *work)
{
    pm_engine *shared = work->subject;
    pointmill_snapshot *snapshot = NULL;
    work->status = pointmill_flush(shared->engine, work->number, work->flags, &snapshot);
    work->result = snapshot;
}

static napi_value flush_finish(napi_env env, pm_work *work)
{
    pointmill_snapshot *snapshot = work->result;
    work->result = NULL;
    return pm_wrap_snapshot(env, snapshot);
}

static void flush_dispose(napi_env env, pm_work *work)
{
    pointmill_snapshot_free(work->result);
    pm_engine_release(env, work->subject);
}

/* flush(engine, nowUnixS, flags): a promise */
static napi_value flush(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pm_args(env, info, 3, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    pm_work *work = shared == NULL ? NULL : calloc(1, sizeof *work);
    if (work == NULL)
        return shared == NULL ? NULL : pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    pm_engine_retain(shared);
    work->run = flush_run;
    work->finish = flush_finish;
    work->dispose = flush_dispose;
    work->subject = shared;
    work->number = pm_int64(env, argv[1]);
    work->flags = pm_uint32(env, argv[2]);
    return pm_start(env, work, NULL);
}

const pm_function pm_engine_functions[] = {
    {"engineNew", engine_new},
    {"engineShare", engine_share},
    {"engineAttach", engine_attach},
    {"release", release},
    {"context", context},
    {"record", record},
    {"recordSampledAt", record_sampled_at},
    {"recordMany", record_many},
    {"recordNamed", record_named},
    {"tick", tick},
    {"stats", stats},
    {"flush", flush},
    {"flushSync", flush_sync},
    {NULL, NULL},
};

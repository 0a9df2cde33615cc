/* Clients: an engine with delivery. */
#include "shim.h"

/* A client and everyone who uses it: its external, and calls on libuv's pool. */
typedef struct pm_client {
    pointmill_client *client;
    atomic_size_t users;
} pm_client;

static void client_release(napi_env env, void *data)
{
    (void)env;
    pm_client *shared = data;
    if (atomic_fetch_sub(&shared->users, 1) == 1) {
        pointmill_client_free(shared->client);
        free(shared);
    }
}

/* clientNew(engine, pairs) */
static napi_value client_new(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pointmill_client *client = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pm_args(env, info, 2, argv);
    pm_engine *engine = pm_unwrap(env, argv[0], PM_ENGINE);
    pointmill_config *config = engine == NULL ? NULL : pm_config(env, argv[1]);
    if (config == NULL)
        return NULL;
    int32_t status = pointmill_client_new(engine->engine, config, &client, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, error.detail);
    pm_client *shared = calloc(1, sizeof *shared);
    if (shared == NULL) {
        pointmill_client_free(client);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    shared->client = client;
    atomic_init(&shared->users, 1);
    return pm_wrap(env, PM_CLIENT, shared, client_release);
}

/* The three answers of a delivery are results, not failures. */
static bool is_answer(int32_t status)
{
    return status == POINTMILL_OK || status == POINTMILL_E_DELIVERY_LATER || status == POINTMILL_E_DELIVERY_DROPPED;
}

static napi_value answer(napi_env env, int32_t status)
{
    return is_answer(status) ? pm_number(env, status) : pm_throw(env, status, NULL);
}

static void flush_run(pm_work *work)
{
    pm_client *shared = work->subject;
    work->status = pointmill_client_flush(shared->client, work->flags, (uint64_t)work->number);
}

static void close_run(pm_work *work)
{
    pm_client *shared = work->subject;
    work->status = pointmill_client_close(shared->client, (uint64_t)work->number);
}

static napi_value answer_finish(napi_env env, pm_work *work)
{
    return pm_number(env, work->status);
}

static void client_dispose(napi_env env, pm_work *work)
{
    client_release(env, work->subject);
}

static napi_value start(napi_env env, napi_value client, void (*run)(pm_work *), int64_t timeout_ms, uint32_t flags)
{
    pm_client *shared = pm_unwrap(env, client, PM_CLIENT);
    pm_work *work = shared == NULL ? NULL : calloc(1, sizeof *work);
    if (work == NULL)
        return shared == NULL ? NULL : pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    atomic_fetch_add(&shared->users, 1);
    work->run = run;
    work->finish = answer_finish;
    work->dispose = client_dispose;
    work->is_success = is_answer;
    work->subject = shared;
    work->number = timeout_ms;
    work->flags = flags;
    return pm_start(env, work, NULL);
}

/* clientFlush(client, timeoutMs, flags): a promise of a status */
static napi_value client_flush(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pm_args(env, info, 3, argv);
    return start(env, argv[0], flush_run, pm_int64(env, argv[1]), pm_uint32(env, argv[2]));
}

/* clientClose(client, timeoutMs): a promise of a status */
static napi_value client_close(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_args(env, info, 2, argv);
    return start(env, argv[0], close_run, pm_int64(env, argv[1]), 0);
}

/* clientCloseSync(client, timeoutMs): a status */
static napi_value client_close_sync(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_args(env, info, 2, argv);
    pm_client *shared = pm_unwrap(env, argv[0], PM_CLIENT);
    return shared == NULL ? NULL
                          : answer(env, pointmill_client_close(shared->client, (uint64_t)pm_int64(env, argv[1])));
}

/* clientStats(client): the struct's numbers in their order, a Float64Array. */
static napi_value client_stats(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pointmill_client_stats numbers = POINTMILL_CLIENT_STATS_INIT;
    pm_args(env, info, 1, argv);
    pm_client *shared = pm_unwrap(env, argv[0], PM_CLIENT);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_client_stats_get(shared->client, &numbers);
    return status == POINTMILL_OK ? pm_numbers(env, &numbers, sizeof numbers) : pm_throw(env, status, NULL);
}

/* clientLastFailure(client): a text, empty if no attempt has failed */
static napi_value client_last_failure(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    char text[1024];
    size_t len = 0;
    pm_args(env, info, 1, argv);
    pm_client *shared = pm_unwrap(env, argv[0], PM_CLIENT);
    if (shared == NULL)
        return NULL;
    int32_t status = pointmill_client_last_failure(shared->client, text, sizeof text, &len);
    return status == POINTMILL_OK ? pm_text(env, text, len) : pm_throw(env, status, NULL);
}

const pm_function pm_client_functions[] = {
    {"clientNew", client_new},
    {"clientFlush", client_flush},
    {"clientClose", client_close},
    {"clientCloseSync", client_close_sync},
    {"clientStats", client_stats},
    {"clientLastFailure", client_last_failure},
    {NULL, NULL},
};

/* Rings: columns of points that JavaScript writes and C reads. */
#include "shim.h"

typedef struct pm_ring {
    pm_engine *engine;
    double *values;
    uint64_t *contexts;
    uint32_t *head; /* head[0] points wait */
    uint32_t cap;
    napi_ref buffer;
} pm_ring;

static int32_t drain(pm_ring *ring, size_t *rejected)
{
    uint32_t len = ring->head[0] <= ring->cap ? ring->head[0] : ring->cap;
    ring->head[0] = 0;
    return len == 0 ? POINTMILL_OK
                    : pointmill_record_batch(ring->engine->engine, ring->contexts, ring->values, len, rejected);
}

/* Runs when a thread's environment ends, however it ends (also by worker.terminate()). */
static void last_drain(void *data)
{
    size_t rejected = 0;
    drain(data, &rejected);
}

static void ring_release(napi_env env, void *data)
{
    pm_ring *ring = data;
    napi_remove_env_cleanup_hook(env, last_drain, ring);
    last_drain(ring);
    napi_delete_reference(env, ring->buffer);
    pm_engine_release(env, ring->engine);
    free(ring);
}

/* ringNew(engine, buffer, cap): buffer holds cap values, cap contexts, and the number of points that wait. */
static napi_value ring_new(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    void *data = NULL;
    size_t bytes = 0;
    pm_args(env, info, 3, argv);
    pm_engine *shared = pm_unwrap(env, argv[0], PM_ENGINE);
    uint32_t cap = pm_uint32(env, argv[2]);
    if (shared == NULL)
        return NULL;
    if (napi_get_arraybuffer_info(env, argv[1], &data, &bytes) != napi_ok || bytes < ((size_t)cap * 2 + 1) * 8)
        return pm_throw(env, POINTMILL_E_INVALID, NULL);
    pm_ring *ring = calloc(1, sizeof *ring);
    if (ring == NULL)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    uint64_t *column = data;
    ring->engine = shared;
    ring->values = data;
    ring->contexts = column + cap;
    ring->head = (uint32_t *)(column + 2 * (size_t)cap);
    ring->cap = cap;
    napi_create_reference(env, argv[1], 1, &ring->buffer);
    pm_engine_retain(shared);
    napi_add_env_cleanup_hook(env, last_drain, ring);
    return pm_wrap(env, PM_RING, ring, ring_release);
}

/* ringDrain(ring): hands the waiting points over; answers how many were refused (and counted). */
static napi_value ring_drain(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    size_t rejected = 0;
    pm_args(env, info, 1, argv);
    pm_ring *ring = pm_unwrap(env, argv[0], PM_RING);
    if (ring == NULL)
        return NULL;
    int32_t status = drain(ring, &rejected);
    return status == POINTMILL_OK ? pm_number(env, (double)rejected) : pm_throw(env, status, NULL);
}

const pm_function pm_ring_functions[] = {
    {"ringNew", ring_new},
    {"ringDrain", ring_drain},
    {NULL, NULL},
};

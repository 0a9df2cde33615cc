/* Rings: columns of points that JavaScript writes and C reads. */
#include "shim.h"

/* At least as long as lib/ring.js makes a ring. */
enum { CAP_MAX = 1024, BUCKETS = 1024, BUCKET_BITS = 10 };

typedef struct pm_ring {
    pm_engine *engine;
    double *values;
    uint64_t *contexts;
    uint32_t *head; /* head[0] points wait */
    uint32_t cap;
    napi_ref buffer;
    /* Where a drain puts the points of changing contexts in order. */
    double sorted_values[CAP_MAX];
    uint64_t sorted_contexts[CAP_MAX];
} pm_ring;

/* An id's low half is an index: multiplied by an odd number without pattern, its upper bits are spread. */
static uint32_t bucket_of(uint64_t id)
{
    return (uint32_t)((id * 0x9e3779b97f4a7c15u) >> (64 - BUCKET_BITS));
}

/*
 * Puts the points of each context together, in the order they were recorded in: the engine takes a run of one
 * context at a third of the price of as many points of changing ones. Contexts that share a bucket stay mixed,
 * which costs time and nothing else. False: there is one context only, nothing was moved.
 */
static bool gather(pm_ring *ring, uint32_t len)
{
    const uint64_t *contexts = ring->contexts;
    uint16_t first[BUCKETS + 1] = {0}; /* where a bucket's next point goes */
    uint32_t same = 1;
    while (same < len && contexts[same] == contexts[0])
        same++;
    if (same == len)
        return false;
    for (uint32_t i = 0; i < len; i++)
        first[bucket_of(contexts[i]) + 1]++;
    for (uint32_t bucket = 0; bucket < BUCKETS; bucket++)
        first[bucket + 1] = (uint16_t)(first[bucket + 1] + first[bucket]);
    for (uint32_t i = 0; i < len; i++) {
        uint16_t to = first[bucket_of(contexts[i])]++;
        ring->sorted_values[to] = ring->values[i];
        ring->sorted_contexts[to] = contexts[i];
    }
    return true;
}

static int32_t drain(pm_ring *ring, size_t *rejected)
{
    uint32_t len = ring->head[0] <= ring->cap ? ring->head[0] : ring->cap;
    ring->head[0] = 0;
    if (len == 0)
        return POINTMILL_OK;
    bool sorted = gather(ring, len);
    return pointmill_record_batch(ring->engine->engine, sorted ? ring->sorted_contexts : ring->contexts,
                                  sorted ? ring->sorted_values : ring->values, len, rejected);
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
    if (napi_get_arraybuffer_info(env, argv[1], &data, &bytes) != napi_ok || cap > CAP_MAX
        || bytes < ((size_t)cap * 2 + 1) * 8)
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

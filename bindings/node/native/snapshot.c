/* Snapshots: reading, merging, grouping, and encoding into payloads. */
#include "shim.h"

static void snapshot_release(napi_env env, void *ptr)
{
    (void)env;
    pointmill_snapshot_free(ptr);
}

napi_value pm_wrap_snapshot(napi_env env, pointmill_snapshot *snapshot)
{
    return pm_wrap(env, PM_SNAPSHOT, snapshot, snapshot_release);
}

/* snapshotLen(snapshot) */
static napi_value snapshot_len(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_args(env, info, 1, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    return snapshot == NULL ? NULL : pm_number(env, (double)pointmill_snapshot_len(snapshot));
}

/* snapshotEntry(snapshot, i): the columns of one entry as an array, in the order that lib/snapshot.js reads. */
static napi_value snapshot_entry(napi_env env, napi_callback_info info)
{
    napi_value argv[2], row, tags;
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    pm_args(env, info, 2, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    if (snapshot == NULL)
        return NULL;
    size_t i = pm_uint32(env, argv[1]);
    int32_t status = pointmill_snapshot_entry(snapshot, i, &entry);
    if (status != POINTMILL_OK)
        return pm_throw(env, status, NULL);
    napi_create_array_with_length(env, entry.tags_len, &tags);
    for (size_t j = 0; j < entry.tags_len; j++) {
        pointmill_str tag;
        if (pointmill_snapshot_tag(snapshot, i, j, &tag) == POINTMILL_OK)
            napi_set_element(env, tags, (uint32_t)j, pm_str(env, tag));
    }
    const double numbers[] = {entry.kind,
                              (double)entry.interval,
                              entry.interval_s,
                              entry.series,
                              (double)entry.points,
                              entry.value,
                              (double)entry.summary.count,
                              entry.summary.min,
                              entry.summary.max,
                              entry.summary.sum,
                              entry.summary.avg};
    napi_create_array(env, &row);
    napi_set_element(env, row, 0, pm_str(env, entry.name));
    napi_set_element(env, row, 1, tags);
    for (uint32_t j = 0; j < sizeof numbers / sizeof numbers[0]; j++)
        napi_set_element(env, row, j + 2, pm_number(env, numbers[j]));
    return row;
}

/* snapshotQuantile(snapshot, i, q) */
static napi_value snapshot_quantile(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    double value = 0;
    pm_args(env, info, 3, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    if (snapshot == NULL)
        return NULL;
    int32_t status =
        pointmill_snapshot_quantile(snapshot, pm_uint32(env, argv[1]), pm_double(env, argv[2]), &value);
    return status == POINTMILL_OK ? pm_number(env, value) : pm_throw(env, status, NULL);
}

/* snapshotMerge([snapshot, …]) */
static napi_value snapshot_merge(napi_env env, napi_callback_info info)
{
    napi_value argv[1], value;
    uint32_t len = 0;
    pointmill_snapshot *merged = NULL;
    pm_args(env, info, 1, argv);
    napi_get_array_length(env, argv[0], &len);
    const pointmill_snapshot **list = calloc(len + 1, sizeof *list);
    if (list == NULL)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    for (uint32_t i = 0; i < len; i++) {
        napi_get_element(env, argv[0], i, &value);
        list[i] = pm_unwrap(env, value, PM_SNAPSHOT);
        if (list[i] == NULL) {
            free(list);
            return NULL;
        }
    }
    int32_t status = pointmill_snapshot_merge(list, len, &merged);
    free(list);
    return status == POINTMILL_OK ? pm_wrap_snapshot(env, merged) : pm_throw(env, status, NULL);
}

/* snapshotGroupBy(snapshot, keys, flags) */
static napi_value snapshot_group_by(napi_env env, napi_callback_info info)
{
    napi_value argv[3];
    pm_texts keys;
    pointmill_snapshot *grouped = NULL;
    pm_args(env, info, 3, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    if (snapshot == NULL || !pm_texts_read(env, NULL, argv[1], &keys))
        return NULL;
    int32_t status =
        pointmill_snapshot_group_by(snapshot, keys.items, keys.len, pm_uint32(env, argv[2]), &grouped);
    pm_texts_free(&keys);
    return status == POINTMILL_OK ? pm_wrap_snapshot(env, grouped) : pm_throw(env, status, NULL);
}

/* ---- payloads ---- */

static napi_value payload_object(napi_env env, const pointmill_payload *payload)
{
    napi_value object, body;
    napi_create_object(env, &object);
    napi_create_buffer_copy(env, payload->body_len, payload->body, NULL, &body);
    pm_set(env, object, "path", pm_str(env, payload->path));
    pm_set(env, object, "contentType", pm_str(env, payload->content_type));
    pm_set(env, object, "encoding", pm_str(env, payload->encoding));
    pm_set(env, object, "body", body);
    pm_set(env, object, "points", pm_number(env, (double)payload->points));
    pm_set(env, object, "entries", pm_number(env, (double)payload->entries));
    return object;
}

static napi_value skipped_object(napi_env env, const pointmill_skipped *skipped)
{
    napi_value object;
    napi_create_object(env, &object);
    pm_set(env, object, "cause", pm_str(env, skipped->cause));
    pm_set(env, object, "detail", pm_str(env, skipped->detail));
    pm_set(env, object, "entries", pm_number(env, (double)skipped->entries));
    pm_set(env, object, "points", pm_number(env, (double)skipped->points));
    pm_set(env, object, "values", pm_number(env, (double)skipped->values));
    return object;
}

/* {payloads: […], skipped: […]}; frees `payloads`. */
static napi_value payloads_object(napi_env env, pointmill_payloads *payloads)
{
    napi_value object, bodies, causes;
    napi_create_object(env, &object);
    napi_create_array(env, &bodies);
    napi_create_array(env, &causes);
    for (size_t i = 0, len = pointmill_payloads_len(payloads); i < len; i++) {
        pointmill_payload payload = POINTMILL_PAYLOAD_INIT;
        if (pointmill_payloads_get(payloads, i, &payload) == POINTMILL_OK)
            napi_set_element(env, bodies, (uint32_t)i, payload_object(env, &payload));
    }
    pointmill_skipped skipped = POINTMILL_SKIPPED_INIT;
    for (size_t i = 0; pointmill_payloads_skipped(payloads, i, &skipped) == POINTMILL_OK; i++)
        napi_set_element(env, causes, (uint32_t)i, skipped_object(env, &skipped));
    pm_set(env, object, "payloads", bodies);
    pm_set(env, object, "skipped", causes);
    pointmill_payloads_free(payloads);
    return object;
}

/* encodeSync(snapshot, pairs) */
static napi_value encode_sync(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pointmill_payloads *payloads = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pm_args(env, info, 2, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    pointmill_config *config = snapshot == NULL ? NULL : pm_config(env, argv[1]);
    if (config == NULL)
        return NULL;
    int32_t status = pointmill_encode(snapshot, config, &payloads, &error);
    pointmill_config_free(config);
    return status == POINTMILL_OK ? payloads_object(env, payloads) : pm_throw(env, status, error.detail);
}

static void encode_run(pm_work *work)
{
    pointmill_payloads *payloads = NULL;
    work->status = pointmill_encode(work->subject, work->extra, &payloads, &work->error);
    work->result = payloads;
}

static napi_value encode_finish(napi_env env, pm_work *work)
{
    pointmill_payloads *payloads = work->result;
    work->result = NULL;
    return payloads_object(env, payloads);
}

static void encode_dispose(napi_env env, pm_work *work)
{
    (void)env;
    pointmill_payloads_free(work->result);
    pointmill_config_free(work->extra);
}

/* encode(snapshot, pairs): a promise */
static napi_value encode(napi_env env, napi_callback_info info)
{
    napi_value argv[2];
    pm_args(env, info, 2, argv);
    pointmill_snapshot *snapshot = pm_unwrap(env, argv[0], PM_SNAPSHOT);
    pointmill_config *config = snapshot == NULL ? NULL : pm_config(env, argv[1]);
    if (config == NULL)
        return NULL;
    pm_work *work = calloc(1, sizeof *work);
    if (work == NULL) {
        pointmill_config_free(config);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    work->run = encode_run;
    work->finish = encode_finish;
    work->dispose = encode_dispose;
    work->subject = snapshot;
    work->extra = config;
    return pm_start(env, work, argv[0]);
}

const pm_function pm_snapshot_functions[] = {
    {"snapshotLen", snapshot_len},
    {"snapshotEntry", snapshot_entry},
    {"snapshotQuantile", snapshot_quantile},
    {"snapshotMerge", snapshot_merge},
    {"snapshotGroupBy", snapshot_group_by},
    {"encode", encode},
    {"encodeSync", encode_sync},
    {NULL, NULL},
};

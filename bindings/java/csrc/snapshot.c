/* Snapshots, their entries, and the bodies made of them. */
#include "shim.h"

static int64_t bits(double value) {
    int64_t number;
    memcpy(&number, &value, sizeof number);
    return number;
}

/* An array of byte arrays; NULL with an exception pending. */
static jobjectArray byte_arrays(JNIEnv *env, size_t len) {
    jclass type = (*env)->FindClass(env, "[B");
    return type == NULL ? NULL : (*env)->NewObjectArray(env, (jsize)len, type, NULL);
}

static bool put(JNIEnv *env, jobjectArray texts, size_t i, const void *bytes, size_t len) {
    jbyteArray element = bytes_from(env, bytes, len);
    if (element == NULL)
        return false;
    (*env)->SetObjectArrayElement(env, texts, (jsize)i, element);
    (*env)->DeleteLocalRef(env, element);
    return true;
}

static void snapshotFree(JNIEnv *env, jclass type, jlong snapshot) {
    (void)env;
    (void)type;
    pointmill_snapshot_free(HANDLE(pointmill_snapshot, snapshot));
}

static jint snapshotLen(JNIEnv *env, jclass type, jlong snapshot) {
    (void)env;
    (void)type;
    return (jint)pointmill_snapshot_len(HANDLE(pointmill_snapshot, snapshot));
}

/* Texts {name, tag…}; numbers {kind, interval, interval_s, series, points, value, count, min, max, sum, avg}. */
static jobjectArray snapshotEntry(JNIEnv *env, jclass type, jlong snapshot, jint i, jlongArray numbers) {
    (void)type;
    const pointmill_snapshot *from = HANDLE(pointmill_snapshot, snapshot);
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    if (!good(env, i < 0 ? POINTMILL_E_INDEX : pointmill_snapshot_entry(from, (size_t)i, &entry)))
        return NULL;
    const int64_t values[] = {entry.kind,
                              entry.interval,
                              entry.interval_s,
                              entry.series,
                              (int64_t)entry.points,
                              bits(entry.value),
                              (int64_t)entry.summary.count,
                              bits(entry.summary.min),
                              bits(entry.summary.max),
                              bits(entry.summary.sum),
                              bits(entry.summary.avg)};
    set_longs(env, numbers, values, sizeof values / sizeof *values);
    jobjectArray texts = byte_arrays(env, 1 + entry.tags_len);
    if (texts == NULL || !put(env, texts, 0, entry.name.ptr, entry.name.len))
        return NULL;
    for (size_t j = 0; j < entry.tags_len; j++) {
        pointmill_str tag;
        if (!good(env, pointmill_snapshot_tag(from, (size_t)i, j, &tag)) || !put(env, texts, 1 + j, tag.ptr, tag.len))
            return NULL;
    }
    return texts;
}

static jdouble snapshotQuantile(JNIEnv *env, jclass type, jlong snapshot, jint i, jdouble q) {
    (void)type;
    double out = 0;
    good(env, pointmill_snapshot_quantile(HANDLE(pointmill_snapshot, snapshot), (size_t)i, q, &out));
    return out;
}

static jlong snapshotSketch(JNIEnv *env, jclass type, jlong snapshot, jint i) {
    (void)type;
    pointmill_sketch *sketch = NULL;
    good(env, pointmill_snapshot_sketch(HANDLE(pointmill_snapshot, snapshot), (size_t)i, &sketch));
    return NUMBER(sketch);
}

static jlong snapshotMerge(JNIEnv *env, jclass type, jlongArray snapshots) {
    (void)type;
    jsize len = (*env)->GetArrayLength(env, snapshots);
    jlong *numbers = malloc(sizeof *numbers * (size_t)(len + 1));
    const pointmill_snapshot **list = malloc(sizeof *list * (size_t)(len + 1));
    pointmill_snapshot *out = NULL;
    int32_t status = POINTMILL_E_NO_MEMORY;
    if (numbers != NULL && list != NULL) {
        (*env)->GetLongArrayRegion(env, snapshots, 0, len, numbers);
        for (jsize i = 0; i < len; i++)
            list[i] = HANDLE(pointmill_snapshot, numbers[i]);
        status = pointmill_snapshot_merge(list, (size_t)len, &out);
    }
    free(numbers);
    free(list);
    good(env, status);
    return NUMBER(out);
}

static jlong snapshotGroupBy(JNIEnv *env, jclass type, jlong snapshot, jobjectArray keys, jint flags) {
    (void)type;
    Texts texts;
    if (!texts_of(env, NULL, keys, &texts))
        return 0;
    pointmill_snapshot *out = NULL;
    int32_t status = pointmill_snapshot_group_by(HANDLE(pointmill_snapshot, snapshot), texts.all, texts.len,
                                                 (uint32_t)flags, &out);
    texts_free(&texts);
    good(env, status);
    return NUMBER(out);
}

/* ---- bodies ---- */

static jlong encode(JNIEnv *env, jclass type, jlong snapshot, jobjectArray pairs) {
    (void)type;
    pointmill_config *config = config_of(env, pairs);
    if (config == NULL)
        return 0;
    pointmill_payloads *payloads = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_encode(HANDLE(pointmill_snapshot, snapshot), config, &payloads, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(env, status, error.detail);
    return NUMBER(payloads);
}

static void payloadsFree(JNIEnv *env, jclass type, jlong payloads) {
    (void)env;
    (void)type;
    pointmill_payloads_free(HANDLE(pointmill_payloads, payloads));
}

/* Texts {path, content type, encoding, body}, numbers {points, entries}; null past the end. */
static jobjectArray payload(JNIEnv *env, jclass type, jlong payloads, jint i, jlongArray numbers) {
    (void)type;
    pointmill_payload found = POINTMILL_PAYLOAD_INIT;
    int32_t status = pointmill_payloads_get(HANDLE(pointmill_payloads, payloads), (size_t)i, &found);
    if (status == POINTMILL_E_INDEX || !good(env, status))
        return NULL;
    const uint64_t values[] = {found.points, found.entries};
    set_longs(env, numbers, values, 2);
    jobjectArray texts = byte_arrays(env, 4);
    bool done = texts != NULL && put(env, texts, 0, found.path.ptr, found.path.len) &&
                put(env, texts, 1, found.content_type.ptr, found.content_type.len) &&
                put(env, texts, 2, found.encoding.ptr, found.encoding.len) &&
                put(env, texts, 3, found.body, found.body_len);
    return done ? texts : NULL;
}

/* Texts {cause, detail}, numbers {entries, points, values}; null past the end. */
static jobjectArray skipped(JNIEnv *env, jclass type, jlong payloads, jint i, jlongArray numbers) {
    (void)type;
    pointmill_skipped found = POINTMILL_SKIPPED_INIT;
    int32_t status = pointmill_payloads_skipped(HANDLE(pointmill_payloads, payloads), (size_t)i, &found);
    if (status == POINTMILL_E_INDEX || !good(env, status))
        return NULL;
    const uint64_t values[] = {found.entries, found.points, found.values};
    set_longs(env, numbers, values, 3);
    jobjectArray texts = byte_arrays(env, 2);
    bool done = texts != NULL && put(env, texts, 0, found.cause.ptr, found.cause.len) &&
                put(env, texts, 1, found.detail.ptr, found.detail.len);
    return done ? texts : NULL;
}

const JNINativeMethod snapshot_methods[] = {
    METHOD(snapshotFree, "(J)V"),
    METHOD(snapshotLen, "(J)I"),
    METHOD(snapshotEntry, "(JI[J)[[B"),
    METHOD(snapshotQuantile, "(JID)D"),
    METHOD(snapshotSketch, "(JI)J"),
    METHOD(snapshotMerge, "([J)J"),
    METHOD(snapshotGroupBy, "(J[Ljava/lang/String;I)J"),
    METHOD(encode, "(J[Ljava/lang/String;)J"),
    METHOD(payloadsFree, "(J)V"),
    METHOD(payload, "(JI[J)[[B"),
    METHOD(skipped, "(JI[J)[[B"),
    {NULL, NULL, NULL},
};

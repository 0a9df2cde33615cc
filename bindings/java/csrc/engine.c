/* Engines, and the points that go in. */
#include "shim.h"

static jlong engineNew(JNIEnv *env, jclass type, jobjectArray pairs) {
    (void)type;
    pointmill_config *config = config_of(env, pairs);
    if (config == NULL)
        return 0;
    pointmill_engine *engine = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_engine_new(config, &engine, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(env, status, error.detail);
    return NUMBER(engine);
}

static void engineFree(JNIEnv *env, jclass type, jlong engine) {
    (void)env;
    (void)type;
    pointmill_engine_free(HANDLE(pointmill_engine, engine));
}

static jlong context(JNIEnv *env, jclass type, jlong engine, jint kind, jstring name, jobjectArray tags) {
    (void)type;
    Texts texts;
    if (!texts_of(env, name, tags, &texts))
        return 0;
    uint64_t id = 0;
    int32_t status = pointmill_context(HANDLE(pointmill_engine, engine), (uint32_t)kind, texts.all[0], texts.all + 1,
                                       texts.len - 1, &id);
    texts_free(&texts);
    good(env, status);
    return (jlong)id;
}

static jint recordNamed(JNIEnv *env, jclass type, jlong engine, jint kind, jstring name, jobjectArray tags,
                        jdouble value) {
    (void)type;
    Texts texts;
    if (!texts_of(env, name, tags, &texts))
        return POINTMILL_OK;
    int32_t status =
        pointmill_record_named(HANDLE(pointmill_engine, engine), (uint32_t)kind, texts.all, texts.len, value);
    texts_free(&texts);
    return status;
}

static jint record(JNIEnv *env, jclass type, jlong engine, jlong id, jdouble value) {
    (void)env;
    (void)type;
    return pointmill_record(HANDLE(pointmill_engine, engine), (uint64_t)id, value);
}

static jint recordAt(JNIEnv *env, jclass type, jlong engine, jlong id, jdouble value, jlong unix_s) {
    (void)env;
    (void)type;
    return pointmill_record_at(HANDLE(pointmill_engine, engine), (uint64_t)id, value, unix_s);
}

static jint recordSampled(JNIEnv *env, jclass type, jlong engine, jlong id, jdouble value, jdouble rate) {
    (void)env;
    (void)type;
    return pointmill_record_sampled(HANDLE(pointmill_engine, engine), (uint64_t)id, value, rate);
}

static jint recordSampledAt(JNIEnv *env, jclass type, jlong engine, jlong id, jdouble value, jdouble rate,
                            jlong unix_s) {
    (void)env;
    (void)type;
    return pointmill_record_sampled_at(HANDLE(pointmill_engine, engine), (uint64_t)id, value, rate, unix_s);
}

/* Arrays are copied out in pieces of this many: a critical section would hold up the garbage collector while this thread
 * waits for a lock of the engine, and costs only a third of a nanosecond a point less. */
enum { PIECE = 512 };

static jlong recordMany(JNIEnv *env, jclass type, jlong engine, jlong id, jdoubleArray values) {
    (void)type;
    jsize len = (*env)->GetArrayLength(env, values);
    jlong rejected = 0;
    jdouble piece[PIECE];
    for (jsize from = 0; from < len; from += PIECE) {
        jsize n = len - from < PIECE ? len - from : PIECE;
        (*env)->GetDoubleArrayRegion(env, values, from, n, piece);
        size_t refused = 0;
        if (!good(env, pointmill_record_many(HANDLE(pointmill_engine, engine), (uint64_t)id, piece, (size_t)n,
                                             &refused)))
            break;
        rejected += (jlong)refused;
    }
    return rejected;
}

/* From a ring: contexts[from..from+len] with their values, at most PIECE. What is refused, the engine counts. */
static void recordBatch(JNIEnv *env, jclass type, jlong engine, jlongArray contexts, jdoubleArray values, jint from,
                        jint len) {
    (void)type;
    jlong ids[PIECE];
    jdouble piece[PIECE];
    (*env)->GetLongArrayRegion(env, contexts, from, len, ids);
    (*env)->GetDoubleArrayRegion(env, values, from, len, piece);
    size_t rejected = 0;
    pointmill_record_batch(HANDLE(pointmill_engine, engine), (const uint64_t *)ids, piece, (size_t)len, &rejected);
}

static jint tick(JNIEnv *env, jclass type, jlong engine, jlong unix_s) {
    (void)env;
    (void)type;
    return pointmill_tick(HANDLE(pointmill_engine, engine), unix_s);
}

static jlong flush(JNIEnv *env, jclass type, jlong engine, jlong unix_s, jint flags) {
    (void)type;
    pointmill_snapshot *snapshot = NULL;
    good(env, pointmill_flush(HANDLE(pointmill_engine, engine), unix_s, (uint32_t)flags, &snapshot));
    return NUMBER(snapshot);
}

static void stats(JNIEnv *env, jclass type, jlong engine, jlongArray out) {
    (void)type;
    pointmill_engine_stats found = POINTMILL_ENGINE_STATS_INIT;
    if (good(env, pointmill_stats(HANDLE(pointmill_engine, engine), &found)))
        set_longs(env, out, &found.recorded, COUNTERS(found, recorded));
}

const JNINativeMethod engine_methods[] = {
    METHOD(engineNew, "([Ljava/lang/String;)J"),
    METHOD(engineFree, "(J)V"),
    METHOD(context, "(JILjava/lang/String;[Ljava/lang/String;)J"),
    METHOD(recordNamed, "(JILjava/lang/String;[Ljava/lang/String;D)I"),
    METHOD(record, "(JJD)I"),
    METHOD(recordAt, "(JJDJ)I"),
    METHOD(recordSampled, "(JJDD)I"),
    METHOD(recordSampledAt, "(JJDDJ)I"),
    METHOD(recordMany, "(JJ[D)J"),
    METHOD(recordBatch, "(J[J[DII)V"),
    METHOD(tick, "(JJ)I"),
    METHOD(flush, "(JJI)J"),
    METHOD(stats, "(J[J)V"),
    {NULL, NULL, NULL},
};

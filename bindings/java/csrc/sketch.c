/* Sketches on their own. */
#include "shim.h"

#define SKETCH(number) HANDLE(pointmill_sketch, number)

static jlong sketchNew(JNIEnv *env, jclass type) {
    (void)type;
    pointmill_sketch *sketch = NULL;
    good(env, pointmill_sketch_new(&sketch));
    return NUMBER(sketch);
}

static jlong sketchClone(JNIEnv *env, jclass type, jlong sketch) {
    (void)type;
    pointmill_sketch *out = NULL;
    good(env, pointmill_sketch_clone(SKETCH(sketch), &out));
    return NUMBER(out);
}

static void sketchFree(JNIEnv *env, jclass type, jlong sketch) {
    (void)env;
    (void)type;
    pointmill_sketch_free(SKETCH(sketch));
}

static jint sketchInsert(JNIEnv *env, jclass type, jlong sketch, jdouble value) {
    (void)env;
    (void)type;
    return pointmill_sketch_insert(SKETCH(sketch), value);
}

static jint sketchInsertN(JNIEnv *env, jclass type, jlong sketch, jdouble value, jlong n) {
    (void)env;
    (void)type;
    return pointmill_sketch_insert_n(SKETCH(sketch), value, (uint64_t)n);
}

static jint sketchInsertSampled(JNIEnv *env, jclass type, jlong sketch, jdouble value, jdouble rate) {
    (void)env;
    (void)type;
    return pointmill_sketch_insert_sampled(SKETCH(sketch), value, rate);
}

/* All or nothing, so in one piece. */
static jint sketchInsertMany(JNIEnv *env, jclass type, jlong sketch, jdoubleArray values) {
    (void)type;
    jdouble *all = (*env)->GetDoubleArrayElements(env, values, NULL);
    if (all == NULL)
        return POINTMILL_E_NO_MEMORY;
    int32_t status =
        pointmill_sketch_insert_many(SKETCH(sketch), all, (size_t)(*env)->GetArrayLength(env, values));
    (*env)->ReleaseDoubleArrayElements(env, values, all, JNI_ABORT);
    return status;
}

static jint sketchInsertInterpolated(JNIEnv *env, jclass type, jlong sketch, jdouble lower, jdouble upper, jlong n) {
    (void)env;
    (void)type;
    return pointmill_sketch_insert_interpolated(SKETCH(sketch), lower, upper, (uint64_t)n);
}

static jint sketchMerge(JNIEnv *env, jclass type, jlong sketch, jlong other) {
    (void)env;
    (void)type;
    return pointmill_sketch_merge(SKETCH(sketch), SKETCH(other));
}

/* {count, min, max, sum, avg}, doubles by their bits. */
static void sketchSummary(JNIEnv *env, jclass type, jlong sketch, jlongArray out) {
    (void)type;
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    if (good(env, pointmill_sketch_summary(SKETCH(sketch), &summary)))
        set_longs(env, out, &summary.count, 5);
}

static jdouble sketchQuantile(JNIEnv *env, jclass type, jlong sketch, jdouble q) {
    (void)type;
    double out = 0;
    good(env, pointmill_sketch_quantile(SKETCH(sketch), q, &out));
    return out;
}

static jdouble sketchQuantileAgent(JNIEnv *env, jclass type, jlong sketch, jdouble q) {
    (void)type;
    double out = 0;
    good(env, pointmill_sketch_quantile_agent(SKETCH(sketch), q, &out));
    return out;
}

/* {key, count, key, count, …} */
static jlongArray sketchBins(JNIEnv *env, jclass type, jlong sketch, jint profile) {
    (void)type;
    size_t len = 0;
    int32_t status = pointmill_sketch_bins(SKETCH(sketch), (uint32_t)profile, NULL, NULL, 0, &len);
    if (status != POINTMILL_E_BUFFER_TOO_SMALL && !good(env, status))
        return NULL;
    int16_t *keys = malloc(sizeof *keys * (len + 1));
    uint32_t *counts = malloc(sizeof *counts * (len + 1));
    jlong *pairs = malloc(sizeof *pairs * 2 * (len + 1));
    status = keys == NULL || counts == NULL || pairs == NULL
                 ? POINTMILL_E_NO_MEMORY
                 : pointmill_sketch_bins(SKETCH(sketch), (uint32_t)profile, keys, counts, len, &len);
    jlongArray out = NULL;
    if (good(env, status)) {
        for (size_t i = 0; i < len; i++) {
            pairs[2 * i] = keys[i];
            pairs[2 * i + 1] = counts[i];
        }
        out = (*env)->NewLongArray(env, (jsize)(2 * len));
        if (out != NULL)
            (*env)->SetLongArrayRegion(env, out, 0, (jsize)(2 * len), pairs);
    }
    free(keys);
    free(counts);
    free(pairs);
    return out;
}

static jint sketchKey(JNIEnv *env, jclass type, jdouble value) {
    (void)type;
    int16_t key = 0;
    good(env, pointmill_sketch_key(value, &key));
    return key;
}

static jbyteArray sketchEncode(JNIEnv *env, jclass type, jlong sketch, jint format) {
    (void)type;
    size_t len = 0;
    int32_t status = pointmill_sketch_encode(SKETCH(sketch), (uint32_t)format, NULL, 0, &len);
    if (status != POINTMILL_E_BUFFER_TOO_SMALL && !good(env, status))
        return NULL;
    uint8_t *bytes = malloc(len + 1);
    status = bytes == NULL ? POINTMILL_E_NO_MEMORY
                           : pointmill_sketch_encode(SKETCH(sketch), (uint32_t)format, bytes, len, &len);
    jbyteArray out = good(env, status) ? bytes_from(env, bytes, len) : NULL;
    free(bytes);
    return out;
}

static jlong sketchDecode(JNIEnv *env, jclass type, jint format, jbyteArray bytes) {
    (void)type;
    jsize len = (*env)->GetArrayLength(env, bytes);
    jbyte *all = (*env)->GetByteArrayElements(env, bytes, NULL);
    if (all == NULL)
        return 0;
    pointmill_sketch *sketch = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_sketch_decode((uint32_t)format, (const uint8_t *)all, (size_t)len, &sketch, &error);
    (*env)->ReleaseByteArrayElements(env, bytes, all, JNI_ABORT);
    if (status != POINTMILL_OK)
        raise_code(env, status, error.detail);
    return NUMBER(sketch);
}

const JNINativeMethod sketch_methods[] = {
    METHOD(sketchNew, "()J"),
    METHOD(sketchClone, "(J)J"),
    METHOD(sketchFree, "(J)V"),
    METHOD(sketchInsert, "(JD)I"),
    METHOD(sketchInsertN, "(JDJ)I"),
    METHOD(sketchInsertSampled, "(JDD)I"),
    METHOD(sketchInsertMany, "(J[D)I"),
    METHOD(sketchInsertInterpolated, "(JDDJ)I"),
    METHOD(sketchMerge, "(JJ)I"),
    METHOD(sketchSummary, "(J[J)V"),
    METHOD(sketchQuantile, "(JD)D"),
    METHOD(sketchQuantileAgent, "(JD)D"),
    METHOD(sketchBins, "(JI)[J"),
    METHOD(sketchKey, "(D)I"),
    METHOD(sketchEncode, "(JI)[B"),
    METHOD(sketchDecode, "(I[B)J"),
    {NULL, NULL, NULL},
};

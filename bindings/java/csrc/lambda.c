/* AWS Lambda: the one object of a process, the drop-in call, invocations. Ids, tokens and budgets are not negative, so a
 * negative number is a status: the drop-in must not throw. */
#include "shim.h"

#define LAMBDA(number) HANDLE(pointmill_lambda, number)

static int32_t settings_of(JNIEnv *env, pointmill_lambda_config *config, jobjectArray pairs, pointmill_error *error) {
    int32_t status = pointmill_lambda_config_process_env(config);
    jsize len = (*env)->GetArrayLength(env, pairs);
    for (jsize i = 0; status == POINTMILL_OK && i + 1 < len; i += 2) {
        jstring value = (*env)->GetObjectArrayElement(env, pairs, i + 1);
        char *name = text_copy(env, (*env)->GetObjectArrayElement(env, pairs, i));
        Texts texts;
        if (name == NULL)
            return POINTMILL_E_INVALID;
        if (!texts_of(env, value, NULL, &texts)) {
            free(name);
            return POINTMILL_E_INVALID;
        }
        status = pointmill_lambda_config_set(config, name, texts.all[0], error);
        texts_free(&texts);
        free(name);
    }
    return status;
}

static jlong lambdaNew(JNIEnv *env, jclass type, jobjectArray pairs) {
    (void)type;
    pointmill_error error = POINTMILL_ERROR_INIT;
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *lambda = NULL;
    int32_t status = pointmill_lambda_config_new(POINTMILL_LAMBDA_JAVA, &config);
    if (status == POINTMILL_OK)
        status = settings_of(env, config, pairs, &error);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_new(config, &lambda, &error);
    pointmill_lambda_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(env, status, error.detail);
    return NUMBER(lambda);
}

static jlong lambdaContext(JNIEnv *env, jclass type, jlong lambda, jstring name, jobjectArray tags) {
    (void)type;
    Texts texts;
    if (!texts_of(env, name, tags, &texts))
        return POINTMILL_E_INVALID;
    uint64_t id = 0;
    int32_t status = pointmill_lambda_context(LAMBDA(lambda), texts.all, texts.len, &id);
    texts_free(&texts);
    return status == POINTMILL_OK ? (jlong)id : status;
}

static jint lambdaRecord(JNIEnv *env, jclass type, jlong lambda, jlong id, jdouble value) {
    (void)env;
    (void)type;
    return pointmill_lambda_record(LAMBDA(lambda), (uint64_t)id, value);
}

static jint lambdaRecordAt(JNIEnv *env, jclass type, jlong lambda, jlong id, jdouble value, jlong unix_s) {
    (void)env;
    (void)type;
    return pointmill_lambda_record_at(LAMBDA(lambda), (uint64_t)id, value, unix_s);
}

/* Long.MIN_VALUE is POINTMILL_LAMBDA_NOW. */
static jint lambdaMetricAt(JNIEnv *env, jclass type, jlong lambda, jstring name, jobjectArray tags, jdouble value,
                           jlong unix_s) {
    (void)type;
    Texts texts;
    if (!texts_of(env, name, tags, &texts))
        return POINTMILL_E_INVALID;
    int32_t status = pointmill_lambda_metric_at(LAMBDA(lambda), texts.all, texts.len, value, unix_s, 0);
    texts_free(&texts);
    return status;
}

static jint lambdaRejected(JNIEnv *env, jclass type, jlong lambda, jint cause) {
    (void)env;
    (void)type;
    return pointmill_lambda_rejected(LAMBDA(lambda), (uint32_t)cause, 1);
}

/* Texts {ARN, request id, name, version}, none of them null. */
static jlong lambdaBegin(JNIEnv *env, jclass type, jlong lambda, jobjectArray known, jint memory_mb,
                         jlong deadline_unix_ms, jint flags) {
    (void)type;
    Texts texts;
    if (!texts_of(env, NULL, known, &texts))
        return POINTMILL_E_INVALID;
    pointmill_lambda_invocation invocation = POINTMILL_LAMBDA_INVOCATION_INIT;
    invocation.flags = (uint32_t)flags;
    invocation.memory_mb = (uint32_t)memory_mb;
    invocation.deadline_unix_ms = deadline_unix_ms;
    invocation.invoked_function_arn = texts.all[0];
    invocation.request_id = texts.all[1];
    invocation.function_name = texts.all[2];
    invocation.function_version = texts.all[3];
    uint64_t token = 0;
    int32_t status = pointmill_lambda_begin(LAMBDA(lambda), &invocation, &token);
    texts_free(&texts);
    return status == POINTMILL_OK ? (jlong)token : status;
}

static jlong lambdaEnd(JNIEnv *env, jclass type, jlong lambda, jlong token, jboolean error, jlong failures) {
    (void)env;
    (void)type;
    pointmill_lambda_result result = POINTMILL_LAMBDA_RESULT_INIT;
    result.error = error == JNI_TRUE;
    result.batch_item_failures = failures;
    result.time_to_first_byte_ms = -1;
    uint64_t budget_ms = 0;
    int32_t status = pointmill_lambda_end(LAMBDA(lambda), (uint64_t)token, &result, &budget_ms);
    return status == POINTMILL_OK ? (jlong)budget_ms : status;
}

static jint lambdaFlush(JNIEnv *env, jclass type, jlong lambda, jlong timeout_ms) {
    (void)env;
    (void)type;
    return pointmill_lambda_flush(LAMBDA(lambda), (uint64_t)timeout_ms);
}

static jint lambdaClose(JNIEnv *env, jclass type, jlong lambda, jlong timeout_ms) {
    (void)env;
    (void)type;
    return pointmill_lambda_close(LAMBDA(lambda), (uint64_t)timeout_ms);
}

static jint lambdaRestored(JNIEnv *env, jclass type, jlong lambda) {
    (void)env;
    (void)type;
    return pointmill_lambda_restored(LAMBDA(lambda));
}

static jlong lambdaFlushTimeoutMs(JNIEnv *env, jclass type, jlong lambda) {
    (void)type;
    pointmill_str ms;
    if (!good(env, pointmill_lambda_setting(LAMBDA(lambda), "flush_timeout_ms", &ms)))
        return 0;
    jlong number = 0;
    for (size_t i = 0; i < ms.len; i++)
        number = number * 10 + (ms.ptr[i] - '0');
    return number;
}

static jint lambdaMode(JNIEnv *env, jclass type, jlong lambda) {
    (void)env;
    (void)type;
    uint32_t mode = 0;
    pointmill_lambda_mode(LAMBDA(lambda), &mode);
    return (jint)mode;
}

static int32_t warnings(const void *lambda, char *buf, size_t cap, size_t *out_len) {
    /* It takes the lines out of the object, so it is not const. */
    return pointmill_lambda_warnings((pointmill_lambda *)(uintptr_t)lambda, buf, cap, out_len);
}

static jbyteArray lambdaWarnings(JNIEnv *env, jclass type, jlong lambda) {
    (void)type;
    return written(env, LAMBDA(lambda), warnings);
}

static int32_t last_failure(const void *lambda, char *buf, size_t cap, size_t *out_len) {
    return pointmill_lambda_last_failure(lambda, buf, cap, out_len);
}

static jbyteArray lambdaLastFailure(JNIEnv *env, jclass type, jlong lambda) {
    (void)type;
    return written(env, LAMBDA(lambda), last_failure);
}

static void lambdaStats(JNIEnv *env, jclass type, jlong lambda, jlongArray out) {
    (void)type;
    pointmill_lambda_stats found = POINTMILL_LAMBDA_STATS_INIT;
    if (good(env, pointmill_lambda_stats_get(LAMBDA(lambda), &found)))
        set_longs(env, out, &found.recorded, COUNTERS(found, recorded));
}

const JNINativeMethod lambda_methods[] = {
    METHOD(lambdaNew, "([Ljava/lang/String;)J"),
    METHOD(lambdaContext, "(JLjava/lang/String;[Ljava/lang/String;)J"),
    METHOD(lambdaRecord, "(JJD)I"),
    METHOD(lambdaRecordAt, "(JJDJ)I"),
    METHOD(lambdaMetricAt, "(JLjava/lang/String;[Ljava/lang/String;DJ)I"),
    METHOD(lambdaRejected, "(JI)I"),
    METHOD(lambdaBegin, "(J[Ljava/lang/String;IJI)J"),
    METHOD(lambdaEnd, "(JJZJ)J"),
    METHOD(lambdaFlush, "(JJ)I"),
    METHOD(lambdaClose, "(JJ)I"),
    METHOD(lambdaRestored, "(J)I"),
    METHOD(lambdaFlushTimeoutMs, "(J)J"),
    METHOD(lambdaMode, "(J)I"),
    METHOD(lambdaWarnings, "(J)[B"),
    METHOD(lambdaLastFailure, "(J)[B"),
    METHOD(lambdaStats, "(J[J)V"),
    {NULL, NULL, NULL},
};

/* Delivery. */
#include "shim.h"

#define CLIENT(number) HANDLE(pointmill_client, number)

/* A client with what its function needs; the Java side holds the address of this. */
typedef struct {
    pointmill_client *client;
    jobject send; /* a global reference, or NULL */
    jmethodID call;
} Client;

#define CLIENT_OF(number) ((Client *)(uintptr_t)(number))

/* Runs on Java's threads and on the library's own, which Java does not know yet. */
static int32_t sent(void *user, const pointmill_payload *payload, uint64_t timeout_ms) {
    Client *self = user;
    JNIEnv *env = NULL;
    bool attached = (*virtual_machine)->GetEnv(virtual_machine, (void **)&env, JNI_VERSION_1_8) != JNI_OK;
    if (attached && (*virtual_machine)->AttachCurrentThreadAsDaemon(virtual_machine, (void **)&env, NULL) != JNI_OK)
        return 0;
    jint status = 0; /* no answer: kept, tried again */
    if ((*env)->PushLocalFrame(env, 8) == 0) {
        jbyteArray path = bytes_of(env, payload->path), content_type = bytes_of(env, payload->content_type),
                   encoding = bytes_of(env, payload->encoding), body = bytes_from(env, payload->body, payload->body_len);
        if (path != NULL && content_type != NULL && encoding != NULL && body != NULL)
            status = (*env)->CallIntMethod(env, self->send, self->call, path, content_type, encoding, body,
                                           (jlong)payload->points, (jlong)payload->entries, (jlong)timeout_ms);
        if ((*env)->ExceptionCheck(env)) {
            (*env)->ExceptionClear(env);
            status = 0;
        }
        (*env)->PopLocalFrame(env, NULL);
    }
    if (attached)
        (*virtual_machine)->DetachCurrentThread(virtual_machine);
    return status;
}

static jlong clientNew(JNIEnv *env, jclass type, jlong engine, jobjectArray pairs, jobject send) {
    (void)type;
    pointmill_config *config = config_of(env, pairs);
    if (config == NULL)
        return 0;
    Client *self = calloc(1, sizeof *self);
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = POINTMILL_E_NO_MEMORY;
    if (self != NULL && send == NULL) {
        status = pointmill_client_new(HANDLE(pointmill_engine, engine), config, &self->client, &error);
    } else if (self != NULL) {
        self->send = (*env)->NewGlobalRef(env, send);
        self->call = (*env)->GetMethodID(env, (*env)->GetObjectClass(env, send), "call", "([B[B[B[BJJJ)I");
        if (self->send != NULL && self->call != NULL)
            status = pointmill_client_new_with(HANDLE(pointmill_engine, engine), config, sent, self, &self->client,
                                               &error);
    }
    pointmill_config_free(config);
    if (status == POINTMILL_OK)
        return NUMBER(self);
    if (self != NULL && self->send != NULL)
        (*env)->DeleteGlobalRef(env, self->send);
    free(self);
    raise_code(env, status, error.detail);
    return 0;
}

static void clientFree(JNIEnv *env, jclass type, jlong number) {
    (void)type;
    Client *self = CLIENT_OF(number);
    pointmill_client_free(self->client);
    if (self->send != NULL)
        (*env)->DeleteGlobalRef(env, self->send);
    free(self);
}

static jint clientFlush(JNIEnv *env, jclass type, jlong client, jint flags, jlong timeout_ms) {
    (void)env;
    (void)type;
    return pointmill_client_flush(CLIENT_OF(client)->client, (uint32_t)flags, (uint64_t)timeout_ms);
}

static jint clientClose(JNIEnv *env, jclass type, jlong client, jlong timeout_ms) {
    (void)env;
    (void)type;
    return pointmill_client_close(CLIENT_OF(client)->client, (uint64_t)timeout_ms);
}

static void clientStats(JNIEnv *env, jclass type, jlong client, jlongArray out) {
    (void)type;
    pointmill_client_stats found = POINTMILL_CLIENT_STATS_INIT;
    if (good(env, pointmill_client_stats_get(CLIENT_OF(client)->client, &found)))
        set_longs(env, out, &found.flushed, COUNTERS(found, flushed));
}

static int32_t last_failure(const void *client, char *buf, size_t cap, size_t *out_len) {
    return pointmill_client_last_failure(client, buf, cap, out_len);
}

static jbyteArray clientLastFailure(JNIEnv *env, jclass type, jlong client) {
    (void)type;
    return written(env, CLIENT_OF(client)->client, last_failure);
}

const JNINativeMethod client_methods[] = {
    METHOD(clientNew, "(J[Ljava/lang/String;Ljava/lang/Object;)J"),
    METHOD(clientFree, "(J)V"),
    METHOD(clientFlush, "(JIJ)I"),
    METHOD(clientClose, "(JJ)I"),
    METHOD(clientStats, "(J[J)V"),
    METHOD(clientLastFailure, "(J)[B"),
    {NULL, NULL, NULL},
};

/* Java's strings and exceptions, and the options. */
#include "shim.h"

JavaVM *virtual_machine;

/* ---- exceptions ---- */

static jbyteArray no_memory(JNIEnv *env) {
    raise_code(env, POINTMILL_E_NO_MEMORY, NULL);
    return NULL;
}

jbyteArray bytes_from(JNIEnv *env, const void *bytes, size_t len) {
    if (len > INT32_MAX)
        return no_memory(env);
    jbyteArray array = (*env)->NewByteArray(env, (jsize)len);
    if (array != NULL && len > 0)
        (*env)->SetByteArrayRegion(env, array, 0, (jsize)len, bytes);
    return array;
}

jbyteArray bytes_of(JNIEnv *env, pointmill_str text) {
    return bytes_from(env, text.ptr, text.len);
}

void raise_code(JNIEnv *env, int32_t code, const char *detail) {
    if ((*env)->ExceptionCheck(env))
        return;
    const char *text = detail == NULL || detail[0] == 0 ? pointmill_strerror(code) : detail;
    const char *name = pointmill_code_name(code);
    jbyteArray name_bytes = bytes_from(env, name, strlen(name));
    jbyteArray text_bytes = name_bytes == NULL ? NULL : bytes_from(env, text, strlen(text));
    if (text_bytes == NULL)
        return;
    /* Looked up only now: to load it costs a cold start a third of a millisecond. */
    jclass type = (*env)->FindClass(env, "io/github/pointmill/PointmillException");
    jmethodID make = type == NULL ? NULL : (*env)->GetMethodID(env, type, "<init>", "(I[B[B)V");
    jobject exception =
        make == NULL ? NULL : (*env)->NewObject(env, type, make, (jint)code, name_bytes, text_bytes);
    if (exception != NULL)
        (*env)->Throw(env, exception);
}

bool good(JNIEnv *env, int32_t status) {
    if (status == POINTMILL_OK)
        return true;
    raise_code(env, status, NULL);
    return false;
}

/* ---- strings ---- */

/* Java's UTF-16 as UTF-8. JNI's own conversion makes "modified UTF-8", in which an emoji is six bytes and no UTF-8. */
static size_t utf8_from(const jchar *from, size_t len, char *to) {
    uint8_t *out = (uint8_t *)to;
    for (size_t i = 0; i < len; i++) {
        uint32_t c = from[i];
        if (c >= 0xD800 && c < 0xDC00 && i + 1 < len && from[i + 1] >= 0xDC00 && from[i + 1] < 0xE000)
            c = 0x10000 + ((c - 0xD800) << 10) + (from[++i] - 0xDC00u);
        if (c < 0x80) {
            *out++ = (uint8_t)c;
        } else if (c < 0x800) {
            *out++ = (uint8_t)(0xC0 | c >> 6);
            *out++ = (uint8_t)(0x80 | (c & 0x3F));
        } else if (c < 0x10000) {
            *out++ = (uint8_t)(0xE0 | c >> 12);
            *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
            *out++ = (uint8_t)(0x80 | (c & 0x3F));
        } else {
            *out++ = (uint8_t)(0xF0 | c >> 18);
            *out++ = (uint8_t)(0x80 | (c >> 12 & 0x3F));
            *out++ = (uint8_t)(0x80 | (c >> 6 & 0x3F));
            *out++ = (uint8_t)(0x80 | (c & 0x3F));
        }
    }
    return (size_t)((char *)out - to);
}

/* Appends the string's UTF-8 at *at, which has room for it. */
static bool append(JNIEnv *env, jstring text, size_t len, char **at, pointmill_str *out) {
    jchar some[256], *chars = some;
    if (len > sizeof some / sizeof *some && (chars = malloc(len * sizeof *chars)) == NULL) {
        no_memory(env);
        return false;
    }
    (*env)->GetStringRegion(env, text, 0, (jsize)len, chars);
    size_t written = utf8_from(chars, len, *at);
    *out = (pointmill_str){*at, written};
    *at += written;
    if (chars != some)
        free(chars);
    return true;
}

void texts_free(Texts *texts) {
    if (texts->all != texts->few)
        free(texts->all);
    if (texts->bytes != texts->some)
        free(texts->bytes);
}

static void null_text(JNIEnv *env) {
    jclass type = (*env)->FindClass(env, "java/lang/NullPointerException");
    if (type != NULL)
        (*env)->ThrowNew(env, type, "a tag is null; leave it out, or write \"key:value\"");
}

bool texts_of(JNIEnv *env, jstring name, jobjectArray tags, Texts *out) {
    size_t tags_len = tags == NULL ? 0 : (size_t)(*env)->GetArrayLength(env, tags), first = name != NULL;
    out->len = first + tags_len;
    out->all = out->few;
    out->bytes = out->some;
    if (out->len > sizeof out->few / sizeof *out->few && (out->all = malloc(out->len * sizeof *out->all)) == NULL) {
        out->all = out->few;
        no_memory(env);
        return false;
    }
    /* The lengths first: one piece of memory, of three bytes for each of Java's chars. */
    size_t chars = first ? (size_t)(*env)->GetStringLength(env, name) : 0;
    for (size_t i = 0; i < tags_len; i++) {
        jstring tag = (*env)->GetObjectArrayElement(env, tags, (jsize)i);
        if (tag == NULL) {
            texts_free(out);
            null_text(env);
            return false;
        }
        size_t len = (size_t)(*env)->GetStringLength(env, tag);
        out->all[first + i].len = len;
        chars += len;
        (*env)->DeleteLocalRef(env, tag);
    }
    if (chars * 3 > sizeof out->some && (out->bytes = malloc(chars * 3)) == NULL) {
        out->bytes = out->some;
        texts_free(out);
        no_memory(env);
        return false;
    }
    char *at = out->bytes, *end = out->bytes + (chars * 3 > sizeof out->some ? chars * 3 : sizeof out->some);
    bool done = !first || append(env, name, (size_t)(*env)->GetStringLength(env, name), &at, &out->all[0]);
    for (size_t i = 0; done && i < tags_len; i++) {
        jstring tag = (*env)->GetObjectArrayElement(env, tags, (jsize)i);
        /* Another thread may have put a longer text there meanwhile. */
        size_t len = tag == NULL ? 0 : (size_t)(*env)->GetStringLength(env, tag);
        if (tag == NULL || len * 3 > (size_t)(end - at)) {
            null_text(env);
            done = false;
        } else {
            done = append(env, tag, len, &at, &out->all[first + i]);
            (*env)->DeleteLocalRef(env, tag);
        }
    }
    if (!done)
        texts_free(out);
    return done;
}

char *text_copy(JNIEnv *env, jstring text) {
    Texts texts;
    if (!texts_of(env, text, NULL, &texts))
        return NULL;
    char *copy = NULL;
    if (memchr(texts.all[0].ptr, 0, texts.all[0].len) != NULL)
        raise_code(env, POINTMILL_E_BAD_VALUE, "an option has a NUL in its name or value; remove it");
    else if ((copy = malloc(texts.all[0].len + 1)) == NULL)
        no_memory(env);
    else {
        memcpy(copy, texts.all[0].ptr, texts.all[0].len);
        copy[texts.all[0].len] = 0;
    }
    texts_free(&texts);
    return copy;
}

jbyteArray written(JNIEnv *env, const void *object, Written call) {
    char few[512], *buffer = few;
    size_t len = 0, cap = sizeof few;
    int32_t status;
    /* A text may grow between two calls. */
    while ((status = call(object, buffer, cap, &len)) == POINTMILL_E_BUFFER_TOO_SMALL) {
        if (buffer != few)
            free(buffer);
        cap = len;
        if ((buffer = malloc(cap)) == NULL)
            return no_memory(env);
    }
    jbyteArray bytes = good(env, status) ? bytes_from(env, buffer, len) : NULL;
    if (buffer != few)
        free(buffer);
    return bytes;
}

void set_longs(JNIEnv *env, jlongArray out, const void *numbers, jsize len) {
    jsize room = (*env)->GetArrayLength(env, out);
    (*env)->SetLongArrayRegion(env, out, 0, room < len ? room : len, numbers);
}

/* ---- options ---- */

bool options_set(JNIEnv *env, pointmill_config *config, jobjectArray pairs) {
    jsize len = (*env)->GetArrayLength(env, pairs);
    for (jsize i = 0; i + 1 < len; i += 2) {
        jstring name = (*env)->GetObjectArrayElement(env, pairs, i);
        jstring value = (*env)->GetObjectArrayElement(env, pairs, i + 1);
        char *name_text = text_copy(env, name), *value_text = name_text == NULL ? NULL : text_copy(env, value);
        pointmill_error error = POINTMILL_ERROR_INIT;
        int32_t status = POINTMILL_OK;
        bool converted = value_text != NULL;
        if (converted && (status = pointmill_config_set(config, name_text, value_text, &error)) != POINTMILL_OK)
            raise_code(env, status, error.detail);
        free(name_text);
        free(value_text);
        (*env)->DeleteLocalRef(env, name);
        (*env)->DeleteLocalRef(env, value);
        if (!converted || status != POINTMILL_OK)
            return false;
    }
    return true;
}

pointmill_config *config_of(JNIEnv *env, jobjectArray pairs) {
    pointmill_config *config = NULL;
    if (!good(env, pointmill_config_new(&config)))
        return NULL;
    if (options_set(env, config, pairs))
        return config;
    pointmill_config_free(config);
    return NULL;
}

/* The i-th option: texts {name, doc, default, choice…} and numbers {type, default, min, max}; null past the end. */
static jobjectArray option(JNIEnv *env, jclass type, jint i, jlongArray numbers) {
    (void)type;
    pointmill_option found = POINTMILL_OPTION_INIT;
    int32_t status = pointmill_config_option((size_t)i, &found);
    if (status == POINTMILL_E_INDEX || !good(env, status))
        return NULL;
    const int64_t values[] = {found.type, (int64_t)found.default_number, (int64_t)found.min, (int64_t)found.max};
    set_longs(env, numbers, values, 4);
    jclass bytes = (*env)->FindClass(env, "[B");
    jobjectArray texts = (*env)->NewObjectArray(env, (jsize)(3 + found.choices_len), bytes, NULL);
    const pointmill_str fixed[] = {found.name, found.doc, found.default_text};
    for (size_t j = 0; texts != NULL && j < 3 + found.choices_len; j++) {
        pointmill_str text = {NULL, 0};
        if (j < 3)
            text = fixed[j];
        else if (!good(env, pointmill_config_choice((size_t)i, j - 3, &text)))
            return NULL;
        jbyteArray element = bytes_of(env, text);
        if (element == NULL)
            return NULL;
        (*env)->SetObjectArrayElement(env, texts, (jsize)j, element);
        (*env)->DeleteLocalRef(env, element);
    }
    return texts;
}

/* ---- codes ---- */

static jbyteArray version(JNIEnv *env, jclass type) {
    (void)type;
    const char *text = pointmill_version();
    return bytes_from(env, text, strlen(text));
}

static void raise(JNIEnv *env, jclass type, jint code) {
    (void)type;
    raise_code(env, code, NULL);
}

static jbyteArray codeName(JNIEnv *env, jclass type, jint code) {
    (void)type;
    const char *text = pointmill_code_name(code);
    return bytes_from(env, text, strlen(text));
}

/* The i-th code; 1, which is none, past the end. */
static jint codeAt(JNIEnv *env, jclass type, jint i) {
    (void)env;
    (void)type;
    int32_t code = 1;
    pointmill_code_at((size_t)i, &code);
    return code;
}

const JNINativeMethod text_methods[] = {
    METHOD(version, "()[B"),
    METHOD(raise, "(I)V"),
    METHOD(codeName, "(I)[B"),
    METHOD(codeAt, "(I)I"),
    METHOD(option, "(I[J)[[B"),
    {NULL, NULL, NULL},
};

/* ---- loading ---- */

static bool register_all(JNIEnv *env, jclass natives) {
    const JNINativeMethod *tables[] = {text_methods,   engine_methods, snapshot_methods,
                                       sketch_methods, client_methods, lambda_methods};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        jint len = 0;
        while (tables[i][len].name != NULL)
            len++;
        if ((*env)->RegisterNatives(env, natives, tables[i], len) != JNI_OK)
            return false;
    }
    return true;
}

/* The only symbol that this library shows. */
JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *vm, void *reserved) {
    (void)reserved;
    JNIEnv *env;
    virtual_machine = vm;
    if ((*vm)->GetEnv(vm, (void **)&env, JNI_VERSION_1_8) != JNI_OK)
        return JNI_ERR;
    jclass natives = (*env)->FindClass(env, "io/github/pointmill/internal/Native");
    return natives != NULL && register_all(env, natives) ? JNI_VERSION_1_8 : JNI_ERR;
}

/* What the files of this folder share. Every function that Java calls is in the table of onload.c. */
#ifndef POINTMILL_SHIM_H
#define POINTMILL_SHIM_H

#include <jni.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "pointmill.h"

/* Handles travel as numbers. */
#define HANDLE(type, number) ((struct type *)(uintptr_t)(number))
#define NUMBER(handle) ((jlong)(uintptr_t)(handle))
/* uint64_t counters from a field to the end of a struct, as jlongs. */
#define COUNTERS(stats, first) \
    (jsize)((sizeof(stats) - ((size_t)((char *)&(stats).first - (char *)&(stats)))) / sizeof(uint64_t))

/* Texts as UTF-8, in one piece of memory. */
typedef struct {
    pointmill_str *all;
    size_t len;
    char *bytes;
    /* Enough for most names and tags, so that the usual call allocates nothing. */
    pointmill_str few[17];
    char some[1024];
} Texts;

/* The name, unless it is NULL, and the elements of tags, unless that is NULL; false with an exception pending.
 * A lone surrogate becomes three bytes that are not UTF-8: the library mends and counts them. */
bool texts_of(JNIEnv *env, jstring name, jobjectArray tags, Texts *out);
void texts_free(Texts *texts);

/* A copy that ends with NUL, to be freed; NULL with an exception pending. A NUL inside is refused. */
char *text_copy(JNIEnv *env, jstring text);
jbyteArray bytes_from(JNIEnv *env, const void *bytes, size_t len);
jbyteArray bytes_of(JNIEnv *env, pointmill_str text);

/* Throws PointmillException with the detail, or with the code's own text where that is NULL or empty. */
void raise_code(JNIEnv *env, int32_t code, const char *detail);
/* Whether the call went well; else an exception is pending. */
bool good(JNIEnv *env, int32_t status);

/* Sets name, value, name, value …; false with an exception pending. */
bool options_set(JNIEnv *env, pointmill_config *config, jobjectArray pairs);
/* A new configuration of pairs, to be freed; NULL with an exception pending. */
pointmill_config *config_of(JNIEnv *env, jobjectArray pairs);

void set_longs(JNIEnv *env, jlongArray out, const void *numbers, jsize len);

/* A text that a call writes into a buffer, as bytes of UTF-8. */
typedef int32_t (*Written)(const void *object, char *buf, size_t cap, size_t *out_len);
jbyteArray written(JNIEnv *env, const void *object, Written call);

extern JavaVM *virtual_machine;

/* The tables of the files; each ends with a NULL. */
extern const JNINativeMethod text_methods[], engine_methods[], snapshot_methods[], sketch_methods[], client_methods[],
    lambda_methods[];

#define METHOD(name, signature) {(char *)#name, (char *)signature, (void *)name}

#endif

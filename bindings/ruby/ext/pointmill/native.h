/* What the files of the extension share. The extension holds no logic: it turns Ruby's objects into what
 * include/pointmill.h takes, and answers and codes back into objects and exceptions.
 */
#ifndef POINTMILL_RUBY_NATIVE_H
#define POINTMILL_RUBY_NATIVE_H

#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/thread.h>

#include <stdatomic.h>
#include <stdbool.h>

#include "pointmill.h"

/* Classes and symbols, set once while the part of the package that needs them loads and never again: any Ractor may
 * read them. That of a client's counters is set when they are first asked for, on the main Ractor, as clients are. */
typedef struct {
    VALUE module;
    VALUE by_code; /* frozen hash: code -> exception class */
    VALUE closed_error;
    VALUE engine, metric, snapshot, sketch, client, core, held;
    VALUE stats, client_stats, lambda_stats, summary, payload, skipped, option;
    VALUE kinds[5]; /* symbols by number */
} Known;
extern Known known;

/* An engine. `handle` is NULL once it is closed: the C functions answer POINTMILL_E_NULL then, so recording needs no
 * check of its own. A frozen engine, which Ractors may share, cannot be closed; so only threads that take turns on
 * the GVL change these fields. */
typedef struct {
    pointmill_engine *handle;
    atomic_size_t busy;        /* calls under way without the GVL; close waits for them to end */
    pointmill_engine *closing; /* freed by the last of them */
} Engine;

/* A metric that is held: the id of its context, so that recording is one call. */
typedef struct {
    Engine *engine;
    VALUE engine_object;
    _Atomic uint64_t context;
    uint32_t kind;
    VALUE name;
    VALUE tags; /* frozen Array of frozen Strings */
} Metric;

/* ---- convert.c: arguments ---- */

/* Texts lent to a call: the name and then the tags. Few need no memory of their own. They point into the Strings,
 * so nothing may allocate Ruby objects between texts_of and the call: that could move or free them. */
#define TEXTS_FEW 24
typedef struct {
    pointmill_str few[TEXTS_FEW];
    pointmill_str *all; /* few, or memory that `memory` holds */
    size_t len;
    VALUE memory;
    VALUE mended; /* keeps Strings alive that had to be converted */
} Texts;

void texts_of(VALUE name, VALUE tags, Texts *out);
void texts_free(Texts *texts);
/* A frozen Array of frozen Strings of what was given as tags. */
VALUE tags_of(VALUE tags);
/* A text as UTF-8: the same String where its bytes are. */
VALUE utf8_of(VALUE text, const char *what);
pointmill_str str_of(VALUE utf8);

/* Values lent to a call without the GVL: a packed String's own bytes, or a copy as doubles. */
typedef struct {
    const double *ptr;
    size_t len;
    VALUE keep;
    VALUE memory;
} Values;
void values_of(VALUE object, Values *out);
void contexts_of(VALUE object, Values *out);
void values_free(Values *values);

/* Any Numeric as a double; a TypeError that says what to do for anything else. */
double number_slowly(VALUE object, const char *what);
static inline double number_of(VALUE object, const char *what) {
    if (RB_FLONUM_P(object))
        return rb_float_value(object);
    if (RB_FIXNUM_P(object))
        return (double)RB_FIX2LONG(object);
    return number_slowly(object, what);
}

/* Seconds since 1970 of a Numeric or a Time. */
int64_t unix_seconds_of(VALUE object);
/* The same, and the clock's for nil. */
int64_t now_of(VALUE object);
/* The values of keyword arguments; Qundef for those not given. */
void keywords_of(int argc, const VALUE *argv, int given, int most, const char *call, const ID *names, int len, VALUE *out);
/* A configuration from an Array of [name, value], both UTF-8 Strings. */
pointmill_config *config_of(VALUE pairs);

VALUE text_from(pointmill_str text);
VALUE bytes_from(const void *bytes, size_t len);
/* A struct of counters as a Struct: what follows its first 8 bytes, each a uint64_t. */
VALUE counters_from(VALUE class, const void *counters, size_t size);
/* The Struct for it by its name; raises if it has not as many members. */
VALUE counters_type(const char *name, size_t size);
/* A frozen Struct of these members. */
VALUE struct_from(VALUE class, int len, const VALUE *members);
/* A text that a call writes into a buffer; nil if there is none. */
VALUE written(int32_t (*call)(const void *, char *, size_t, size_t *), const void *handle);

/* ---- errors ---- */

/* Raises the class of a code with its text, or with `detail` if there is one. */
NORETURN(void raise_code(int32_t code, const char *detail));
/* The same for a call that had a name and tags: says which of them it was. */
NORETURN(void raise_named(int32_t code, const Texts *texts));
/* The same for a value. */
NORETURN(void raise_value(int32_t code, double value));
NORETURN(void raise_closed(const char *what));
static inline void check(int32_t status) {
    if (RB_UNLIKELY(status != POINTMILL_OK))
        raise_code(status, NULL);
}

/* ---- wait.c: calls without the GVL ---- */

/* Runs it exactly once without the GVL; an exception that another thread sends comes before or after it. If an engine is
 * given its handle is lent to the call, and closing the engine meanwhile waits; raises if it is closed. */
void without_gvl(Engine *engine, void (*call)(void *arg, pointmill_engine *handle), void *arg);

/* A handle that outlives its object while a call on it is under way. */
typedef struct {
    void *handle;
    void (*free)(void *handle);
    atomic_size_t references;
    atomic_bool idle; /* closed, and nothing was under way */
} Shared;
Shared *shared_new(void *handle, void (*free)(void *handle));
/* The last one frees it, unless it is idle on a thread of its own: that may take as long as a request under way. */
void shared_drop(Shared *shared);

/* A call that waits for the network, made on a thread of its own: an exception that is sent to the waiting Ruby thread
 * (a signal, Timeout, Thread#kill) is raised at once, and the call goes on to its end without it. */
typedef int32_t (*Timed)(void *handle, uint32_t flags, uint64_t timeout_ms);
int32_t wait_for(Shared *shared, Timed call, uint32_t flags, uint64_t timeout_ms);
/* The same on this thread: nothing interrupts it. */
int32_t wait_here(Shared *shared, Timed call, uint32_t flags, uint64_t timeout_ms);

/* ---- the classes' making ---- */

void engine_add(void);
void metric_add(void);
void snapshot_add(void);
void sketch_add(void);
void client_add(void);
void lambda_add(void);

Engine *engine_of(VALUE object);
VALUE metric_new(VALUE engine, uint32_t kind, VALUE name, VALUE tags);
VALUE snapshot_wrap(pointmill_snapshot *handle);
VALUE sketch_wrap(VALUE class, pointmill_sketch *handle);
VALUE payload_from(const pointmill_payload *payload);
VALUE summary_from(const pointmill_summary *summary);

#define METHOD(function) RUBY_METHOD_FUNC(function)

#endif

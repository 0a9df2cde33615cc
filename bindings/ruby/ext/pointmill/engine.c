/* The engine. */
#include "native.h"

static void engine_free(void *data) {
    Engine *self = data;
    pointmill_engine_free(self->handle);
    pointmill_engine_free(self->closing);
    xfree(self);
}

static size_t engine_size(const void *data) {
    const Engine *self = data;
    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    if (self->handle != NULL)
        pointmill_stats(self->handle, &stats);
    return sizeof *self + stats.arena_used_bytes;
}

static const rb_data_type_t engine_type = {
    .wrap_struct_name = "Pointmill::Engine",
    .function = {.dfree = engine_free, .dsize = engine_size},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

static VALUE engine_allocate(VALUE class) {
    Engine *self;
    return TypedData_Make_Struct(class, Engine, &engine_type, self);
}

Engine *engine_of(VALUE object) {
    return rb_check_typeddata(object, &engine_type);
}

/* Method objects are bound to instances of the class only, so self is one. */
static inline Engine *of(VALUE self) {
    return RTYPEDDATA_DATA(self);
}

/* The handle for a call that keeps the GVL. */
static inline pointmill_engine *opened(VALUE self) {
    if (of(self)->handle == NULL)
        raise_closed("engine");
    return of(self)->handle;
}

static VALUE engine_open(VALUE self, VALUE pairs) {
    if (of(self)->handle != NULL || of(self)->closing != NULL)
        rb_raise(rb_eTypeError, "the engine has been made already");
    pointmill_config *config = config_of(pairs);
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_engine_new(config, &of(self)->handle, &error);
    pointmill_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(status, error.detail);
    return self;
}

static VALUE engine_close(VALUE self) {
    /* Other Ractors may be recording right now, without this one's GVL. */
    if (RB_OBJ_FROZEN(self))
        rb_raise(rb_eFrozenError, "a frozen engine may be shared with other Ractors; it is freed with its last reference");
    Engine *engine = of(self);
    pointmill_engine *handle = engine->handle;
    engine->handle = NULL;
    if (atomic_load(&engine->busy) == 0)
        pointmill_engine_free(handle);
    else if (handle != NULL)
        engine->closing = handle; /* another thread is inside a call; the last one frees the engine */
    return Qnil;
}

static VALUE engine_closed(VALUE self) {
    return of(self)->handle == NULL ? Qtrue : Qfalse;
}

/* ---- by name ---- */

/* With a rate or a time: the context, then the point. A context that is refused takes the point with it, and
 * pointmill_record_named counts that. */
static int32_t record_slowly(pointmill_engine *engine, uint32_t kind, const Texts *texts, double value, const double *rate,
                             const int64_t *at) {
    uint64_t context;
    int32_t status = pointmill_context(engine, kind, texts->all[0], texts->all + 1, texts->len - 1, &context);
    if (status != POINTMILL_OK)
        return pointmill_record_named(engine, kind, texts->all, texts->len, value);
    if (rate == NULL)
        return pointmill_record_at(engine, context, value, *at);
    return at == NULL ? pointmill_record_sampled(engine, context, value, *rate)
                      : pointmill_record_sampled_at(engine, context, value, *rate, *at);
}

static ID rate_and_at[2];

static VALUE record_named(VALUE self, uint32_t kind, int argc, const VALUE *argv) {
    VALUE given[2] = {Qnil, Qnil};
    if (RB_UNLIKELY(argc < 2 || argc > 3 || rb_keyword_given_p())) {
        keywords_of(argc, argv, 2, 3, "name, value and then tags, like (\"latency\", 12.5, [\"env:prod\"])", rate_and_at, 2, given);
        argc -= rb_keyword_given_p();
    }
    double value = number_of(argv[1], "value"), rate = 1;
    int64_t at = 0;
    if (RB_UNLIKELY(!NIL_P(given[0])))
        rate = number_of(given[0], "rate");
    if (RB_UNLIKELY(!NIL_P(given[1])))
        at = unix_seconds_of(given[1]);
    Texts texts;
    texts_of(argv[0], argc > 2 ? argv[2] : Qnil, &texts);
    int32_t status = RB_LIKELY(NIL_P(given[0]) && NIL_P(given[1]))
                         ? pointmill_record_named(of(self)->handle, kind, texts.all, texts.len, value)
                         : record_slowly(of(self)->handle, kind, &texts, value, NIL_P(given[0]) ? NULL : &rate,
                                         NIL_P(given[1]) ? NULL : &at);
    if (RB_UNLIKELY(status != POINTMILL_OK)) {
        if (of(self)->handle == NULL)
            raise_closed("engine");
        if (status == POINTMILL_E_NOT_FINITE)
            raise_value(status, value);
        raise_named(status, &texts);
    }
    texts_free(&texts);
    return Qnil;
}

static VALUE hold(VALUE self, uint32_t kind, int argc, const VALUE *argv) {
    rb_check_arity(argc, 1, 2);
    return metric_new(self, kind, argv[0], argc > 1 ? argv[1] : Qnil);
}

#define KIND(word, number)                                                   \
    static VALUE hold_##word(int argc, VALUE *argv, VALUE self) {            \
        return hold(self, number, argc, argv);                               \
    }                                                                        \
    static VALUE record_##word(int argc, VALUE *argv, VALUE self) {          \
        return record_named(self, number, argc, argv);                       \
    }
KIND(distribution, POINTMILL_DISTRIBUTION)
KIND(count, POINTMILL_COUNT)
KIND(gauge, POINTMILL_GAUGE)
KIND(histogram, POINTMILL_HISTOGRAM)

/* ---- columns ---- */

typedef struct {
    Values contexts, values;
    size_t rejected;
    int32_t status;
} Batch;

static void batch_call(void *arg, pointmill_engine *engine) {
    Batch *batch = arg;
    batch->status = pointmill_record_batch(engine, (const uint64_t *)(const void *)batch->contexts.ptr, batch->values.ptr,
                                           batch->values.len, &batch->rejected);
}

static VALUE engine_record_batch(VALUE self, VALUE contexts, VALUE values) {
    Batch batch = {.rejected = 0};
    contexts_of(contexts, &batch.contexts);
    values_of(values, &batch.values);
    if (batch.contexts.len != batch.values.len)
        rb_raise(rb_eArgError, "%" PRIuSIZE " contexts and %" PRIuSIZE " values; one context for each value", batch.contexts.len,
                 batch.values.len);
    without_gvl(of(self), batch_call, &batch);
    values_free(&batch.contexts);
    values_free(&batch.values);
    check(batch.status);
    return SIZET2NUM(batch.rejected);
}

/* ---- time and what is held ---- */

static VALUE engine_tick(int argc, VALUE *argv, VALUE self) {
    rb_check_arity(argc, 0, 1);
    int64_t now = now_of(argc > 0 ? argv[0] : Qnil);
    check(pointmill_tick(opened(self), now));
    return Qnil;
}

typedef struct {
    int64_t now;
    uint32_t flags;
    int32_t status;
    pointmill_snapshot *snapshot;
} Flush;

static void flush_call(void *arg, pointmill_engine *engine) {
    Flush *flush = arg;
    flush->status = pointmill_flush(engine, flush->now, flush->flags, &flush->snapshot);
}

static ID all_[1];

static VALUE engine_flush(int argc, VALUE *argv, VALUE self) {
    VALUE all = Qnil;
    keywords_of(argc, argv, 0, 1, "a time at most, and all: true", all_, 1, &all);
    argc -= rb_keyword_given_p();
    Flush flush = {now_of(argc > 0 ? argv[0] : Qnil), RTEST(all) ? POINTMILL_FLUSH_ALL : 0, POINTMILL_OK, NULL};
    without_gvl(of(self), flush_call, &flush);
    check(flush.status);
    return snapshot_wrap(flush.snapshot);
}

static VALUE engine_stats(VALUE self) {
    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    check(pointmill_stats(opened(self), &stats));
    return counters_from(known.stats, &stats, sizeof stats);
}

void engine_add(void) {
    rate_and_at[0] = rb_intern("rate");
    rate_and_at[1] = rb_intern("at");
    all_[0] = rb_intern("all");
    VALUE class = known.engine = rb_define_class_under(known.module, "Engine", rb_cObject);
    rb_define_alloc_func(class, engine_allocate);
    rb_undef_method(class, "initialize_copy");
    rb_define_private_method(class, "open", METHOD(engine_open), 1);
    rb_define_method(class, "close", METHOD(engine_close), 0);
    rb_define_method(class, "closed?", METHOD(engine_closed), 0);
    rb_define_method(class, "record_batch", METHOD(engine_record_batch), 2);
    rb_define_method(class, "tick", METHOD(engine_tick), -1);
    rb_define_method(class, "flush", METHOD(engine_flush), -1);
    rb_define_method(class, "stats", METHOD(engine_stats), 0);
#define DEFINE(word)                                           \
    rb_define_method(class, #word, METHOD(hold_##word), -1);   \
    rb_define_method(class, "record_" #word, METHOD(record_##word), -1)
    DEFINE(distribution);
    DEFINE(count);
    DEFINE(gauge);
    DEFINE(histogram);
}

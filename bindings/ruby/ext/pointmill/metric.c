/* A metric that is held. */
#include "native.h"

static void metric_mark(void *data) {
    const Metric *self = data;
    rb_gc_mark_movable(self->engine_object);
    rb_gc_mark_movable(self->name);
    rb_gc_mark_movable(self->tags);
}

static void metric_compact(void *data) {
    Metric *self = data;
    self->engine_object = rb_gc_location(self->engine_object);
    self->name = rb_gc_location(self->name);
    self->tags = rb_gc_location(self->tags);
}

static size_t metric_size(const void *data) {
    (void)data;
    return sizeof(Metric);
}

static const rb_data_type_t metric_type = {
    .wrap_struct_name = "Pointmill::Metric",
    .function = {.dmark = metric_mark, .dfree = RUBY_DEFAULT_FREE, .dsize = metric_size, .dcompact = metric_compact},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

static inline Metric *of(VALUE self) {
    return RTYPEDDATA_DATA(self);
}

static inline uint64_t context_of(Metric *metric) {
    return atomic_load_explicit(&metric->context, memory_order_relaxed);
}

static void ask(Metric *metric) {
    Texts texts;
    texts_of(metric->name, metric->tags, &texts);
    uint64_t context = 0;
    int32_t status = pointmill_context(metric->engine->handle, metric->kind, texts.all[0], texts.all + 1, texts.len - 1, &context);
    if (status != POINTMILL_OK) {
        if (metric->engine->handle == NULL)
            raise_closed("engine");
        raise_named(status, &texts);
    }
    texts_free(&texts);
    atomic_store_explicit(&metric->context, context, memory_order_relaxed);
}

VALUE metric_new(VALUE engine, uint32_t kind, VALUE name, VALUE tags) {
    name = rb_str_new_frozen(utf8_of(name, "name"));
    tags = tags_of(tags);
    Metric *metric;
    VALUE self = TypedData_Make_Struct(known.metric, Metric, &metric_type, metric);
    metric->engine = engine_of(engine);
    metric->kind = kind;
    RB_OBJ_WRITE(self, &metric->engine_object, engine);
    RB_OBJ_WRITE(self, &metric->name, name);
    RB_OBJ_WRITE(self, &metric->tags, tags);
    ask(metric);
    /* Its context may be asked for anew, but nobody can tell: with a frozen engine it may be shared with Ractors. */
    return rb_obj_freeze(self);
}

/* One point, by whichever of the four calls it needs. */
static int32_t record(Metric *metric, double value, const double *rate, const int64_t *at) {
    pointmill_engine *engine = metric->engine->handle;
    uint64_t context = context_of(metric);
    if (rate == NULL)
        return at == NULL ? pointmill_record(engine, context, value) : pointmill_record_at(engine, context, value, *at);
    return at == NULL ? pointmill_record_sampled(engine, context, value, *rate)
                      : pointmill_record_sampled_at(engine, context, value, *rate, *at);
}

/* What to do about a status that is not success: a context that rested too long is asked for again. */
static void record_again(Metric *metric, int32_t status, double value, const double *rate, const int64_t *at) {
    if (metric->engine->handle == NULL)
        raise_closed("engine");
    if (status == POINTMILL_E_STALE_CONTEXT) {
        ask(metric);
        status = record(metric, value, rate, at);
    }
    if (status != POINTMILL_OK)
        raise_value(status, value);
}

static ID rate_and_at[2];

static VALUE metric_record(int argc, VALUE *argv, VALUE self) {
    Metric *metric = of(self);
    if (RB_LIKELY(argc == 1 && !rb_keyword_given_p())) {
        double value = number_of(argv[0], "value");
        int32_t status = pointmill_record(metric->engine->handle, context_of(metric), value);
        if (RB_UNLIKELY(status != POINTMILL_OK))
            record_again(metric, status, value, NULL, NULL);
        return Qnil;
    }
    VALUE given[2];
    keywords_of(argc, argv, 1, 1, "one value, and the keywords rate and at", rate_and_at, 2, given);
    double value = number_of(argv[0], "value"), rate = NIL_P(given[0]) ? 1 : number_of(given[0], "rate");
    int64_t at = NIL_P(given[1]) ? 0 : unix_seconds_of(given[1]);
    const double *with_rate = NIL_P(given[0]) ? NULL : &rate;
    const int64_t *with_at = NIL_P(given[1]) ? NULL : &at;
    int32_t status = record(metric, value, with_rate, with_at);
    if (status != POINTMILL_OK)
        record_again(metric, status, value, with_rate, with_at);
    return Qnil;
}

/* Values from which on it pays to let other threads run meanwhile (giving the GVL back and taking it costs some 100 ns,
 * a value about 3). */
#define RELEASE_VALUES 1024

typedef struct {
    Values values;
    uint64_t context;
    size_t rejected;
    int32_t status;
} Many;

static void many_call(void *arg, pointmill_engine *engine) {
    Many *many = arg;
    many->status = pointmill_record_many(engine, many->context, many->values.ptr, many->values.len, &many->rejected);
}

static VALUE metric_record_many(VALUE self, VALUE values) {
    Metric *metric = of(self);
    Many many = {.rejected = 0, .status = POINTMILL_E_STALE_CONTEXT};
    values_of(values, &many.values);
    for (int tries = 0; tries < 2 && many.status == POINTMILL_E_STALE_CONTEXT; tries++) {
        if (tries > 0)
            ask(metric);
        many.context = context_of(metric);
        if (many.values.len >= RELEASE_VALUES)
            without_gvl(metric->engine, many_call, &many);
        else if (metric->engine->handle == NULL)
            raise_closed("engine");
        else
            many_call(&many, metric->engine->handle);
    }
    values_free(&many.values);
    check(many.status);
    RB_GC_GUARD(self);
    return SIZET2NUM(many.rejected);
}

static VALUE metric_name(VALUE self) {
    return of(self)->name;
}

static VALUE metric_tags(VALUE self) {
    return of(self)->tags;
}

static VALUE metric_kind(VALUE self) {
    return known.kinds[of(self)->kind];
}

static VALUE metric_context(VALUE self) {
    return ULL2NUM(context_of(of(self)));
}

static VALUE metric_engine(VALUE self) {
    return of(self)->engine_object;
}

void metric_add(void) {
    rate_and_at[0] = rb_intern("rate");
    rate_and_at[1] = rb_intern("at");
    VALUE class = known.metric = rb_define_class_under(known.module, "Metric", rb_cObject);
    rb_undef_alloc_func(class);
    rb_undef_method(CLASS_OF(class), "new");
    rb_define_method(class, "record", METHOD(metric_record), -1);
    rb_define_method(class, "record_many", METHOD(metric_record_many), 1);
    rb_define_method(class, "name", METHOD(metric_name), 0);
    rb_define_method(class, "tags", METHOD(metric_tags), 0);
    rb_define_method(class, "kind", METHOD(metric_kind), 0);
    rb_define_method(class, "context", METHOD(metric_context), 0);
    rb_define_method(class, "engine", METHOD(metric_engine), 0);
}

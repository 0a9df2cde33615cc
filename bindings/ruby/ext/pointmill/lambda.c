/* AWS Lambda: the one object of a process, the drop-in call, invocations. */
#include "native.h"

#include <stdio.h>
#include <string.h>

static void core_free(void *data) {
    shared_drop(data);
}

static void handle_free(void *handle) {
    pointmill_lambda_free(handle);
}

static const rb_data_type_t core_type = {
    .wrap_struct_name = "Pointmill::Lambda::Core",
    .function = {.dfree = core_free},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

static inline pointmill_lambda *of(VALUE self) {
    return ((Shared *)RTYPEDDATA_DATA(self))->handle;
}

/* ---- making one ---- */

static int32_t settings_of(pointmill_lambda_config *config, VALUE pairs, pointmill_error *error) {
    int32_t status = pointmill_lambda_config_process_env(config);
    for (long i = 0; status == POINTMILL_OK && i < RARRAY_LEN(pairs); i++) {
        VALUE pair = RARRAY_AREF(pairs, i), name = rb_ary_entry(pair, 0), value = rb_ary_entry(pair, 1);
        status = pointmill_lambda_config_set(config, RSTRING_PTR(name), str_of(value), error);
    }
    return status;
}

/* Core.new(pairs): from the environment, and options, pairs of Strings, that beat it. */
static VALUE core_new(VALUE class, VALUE pairs) {
    pointmill_error error = POINTMILL_ERROR_INIT;
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *handle = NULL;
    for (long i = 0; i < RARRAY_LEN(pairs); i++) {
        VALUE name = rb_ary_entry(RARRAY_AREF(pairs, i), 0), value = rb_ary_entry(RARRAY_AREF(pairs, i), 1);
        StringValueCStr(name);
        StringValue(value);
    }
    int32_t status = pointmill_lambda_config_new(POINTMILL_LAMBDA_RUBY, &config);
    if (status == POINTMILL_OK)
        status = settings_of(config, pairs, &error);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_new(config, &handle, &error);
    pointmill_lambda_config_free(config);
    if (status != POINTMILL_OK)
        raise_code(status, error.detail);
    return rb_obj_freeze(TypedData_Wrap_Struct(class, &core_type, shared_new(handle, handle_free)));
}

/* ---- points ---- */

/* metric_at(name, value, unix_s or nil, tags): the number of the status. */
static VALUE core_metric_at(VALUE self, VALUE name, VALUE value, VALUE at, VALUE tags) {
    double number = number_of(value, "value");
    int64_t unix_s = NIL_P(at) ? POINTMILL_LAMBDA_NOW : NUM2LL(at);
    Texts texts;
    texts_of(name, tags, &texts);
    int32_t status = pointmill_lambda_metric_at(of(self), texts.all, texts.len, number, unix_s, 0);
    texts_free(&texts);
    return INT2NUM(status);
}

static VALUE core_refused(VALUE self, VALUE cause) {
    check(pointmill_lambda_rejected(of(self), NUM2UINT(cause), 1));
    return Qnil;
}

/* The tags of one call, written as key:value into memory of its own. */
typedef struct {
    pointmill_str texts[TEXTS_FEW];
    size_t len;
    char bytes[1024];
    size_t used;
    int64_t at;
    bool plain; /* whether there was nothing that only Ruby code knows how to take */
} Line;

static ID id_time;

static bool append(Line *line, const char *from, size_t len) {
    if (len > sizeof line->bytes - line->used)
        return false;
    memcpy(line->bytes + line->used, from, len);
    line->used += len;
    return true;
}

static bool append_object(Line *line, VALUE object) {
    if (RB_FIXNUM_P(object)) {
        char digits[24];
        return append(line, digits, (size_t)snprintf(digits, sizeof digits, "%ld", RB_FIX2LONG(object)));
    }
    if (NIL_P(object))
        return true;
    if (object == Qtrue || object == Qfalse)
        return append(line, object == Qtrue ? "true" : "false", object == Qtrue ? 4 : 5);
    if (RB_SYMBOL_P(object))
        object = rb_sym2str(object);
    if (!RB_TYPE_P(object, T_STRING))
        return false;
    int encoding = RB_ENCODING_GET(object);
    if (encoding != rb_utf8_encindex() && encoding != rb_usascii_encindex())
        return false;
    return append(line, RSTRING_PTR(object), (size_t)RSTRING_LEN(object));
}

static int append_tag(VALUE key, VALUE value, VALUE data) {
    Line *line = (Line *)data;
    if (RB_SYMBOL_P(key) && rb_sym2id(key) == id_time) {
        if (RTEST(rb_obj_is_kind_of(value, rb_cTime)))
            line->at = rb_time_timespec(value).tv_sec;
        else
            line->plain = NIL_P(value);
        return line->plain ? ST_CONTINUE : ST_STOP;
    }
    size_t start = line->used;
    line->plain = line->len < TEXTS_FEW && append_object(line, key) && append(line, ":", 1) && append_object(line, value);
    if (!line->plain)
        return ST_STOP;
    line->texts[line->len++] = (pointmill_str){line->bytes + start, line->used - start};
    return ST_CONTINUE;
}

/* What Datadog::Lambda.metric records into, and the module for whatever it does not take itself. Set once by
 * `require "pointmill/lambda"`, and again by tests. */
static _Atomic(pointmill_lambda *) current;
static VALUE slowly;
static ID id_metric, id_refused;

/* metric(name, value, time: nil, **tags). What is not taken here as it is goes to the module given to setup, with the
 * same arguments; that never raises. */
static VALUE lambda_metric(int argc, VALUE *argv, VALUE self) {
    (void)self;
    int keywords = rb_keyword_given_p();
    pointmill_lambda *lambda = atomic_load_explicit(&current, memory_order_acquire);
    if (RB_LIKELY(argc - (keywords != 0) == 2 && RB_TYPE_P(argv[0], T_STRING) && lambda != NULL)) {
        VALUE name = argv[0], value = argv[1];
        bool number = RB_FIXNUM_P(value) || RB_FLOAT_TYPE_P(value);
        int encoding = RB_ENCODING_GET(name);
        Line line;
        line.len = 1;
        line.used = 0;
        line.at = POINTMILL_LAMBDA_NOW;
        line.plain = number && (encoding == rb_utf8_encindex() || encoding == rb_usascii_encindex());
        if (line.plain && keywords)
            rb_hash_foreach(argv[2], append_tag, (VALUE)&line);
        if (RB_LIKELY(line.plain)) {
            double to_record = RB_FIXNUM_P(value) ? (double)RB_FIX2LONG(value) : rb_float_value(value);
            line.texts[0] = str_of(name);
            int32_t status = line.at == POINTMILL_LAMBDA_NOW
                                 ? pointmill_lambda_metric(lambda, line.texts, line.len, to_record)
                                 : pointmill_lambda_metric_at(lambda, line.texts, line.len, to_record, line.at, 0);
            /* Otherwise it has been refused and counted: only to be told. */
            if (RB_UNLIKELY(status != POINTMILL_OK))
                rb_funcall(slowly, id_refused, 3, name, value, INT2NUM(status));
            return Qnil;
        }
    }
    rb_funcallv_kw(slowly, id_metric, argc, argv, keywords ? RB_PASS_KEYWORDS : RB_NO_KEYWORDS);
    return Qnil;
}

/* Core#setup(face, slowly): face.metric records into this object from now on. */
static VALUE core_setup(VALUE self, VALUE face, VALUE module) {
    rb_gc_register_mark_object(self);
    rb_gc_register_mark_object(module);
    slowly = module;
    atomic_store_explicit(&current, of(self), memory_order_release);
    rb_define_singleton_method(face, "metric", METHOD(lambda_metric), -1);
    return self;
}

/* ---- held metrics ---- */

typedef struct {
    VALUE core;
    pointmill_lambda *lambda;
    uint64_t context;
    VALUE name;
    VALUE tags;
} Held;

static void held_mark(void *data) {
    const Held *held = data;
    rb_gc_mark_movable(held->core);
    rb_gc_mark_movable(held->name);
    rb_gc_mark_movable(held->tags);
}

static void held_compact(void *data) {
    Held *held = data;
    held->core = rb_gc_location(held->core);
    held->name = rb_gc_location(held->name);
    held->tags = rb_gc_location(held->tags);
}

static const rb_data_type_t held_type = {
    .wrap_struct_name = "Pointmill::Lambda::Metric",
    .function = {.dmark = held_mark, .dfree = RUBY_DEFAULT_FREE, .dcompact = held_compact},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

static VALUE core_distribution(int argc, VALUE *argv, VALUE self) {
    rb_check_arity(argc, 1, 2);
    Texts texts;
    VALUE name = rb_str_new_frozen(utf8_of(argv[0], "name")), tags = tags_of(argc > 1 ? argv[1] : Qnil);
    texts_of(name, tags, &texts);
    uint64_t context = 0;
    int32_t status = pointmill_lambda_context(of(self), texts.all, texts.len, &context);
    if (status != POINTMILL_OK)
        raise_named(status, &texts);
    texts_free(&texts);
    Held *held;
    VALUE object = TypedData_Make_Struct(known.held, Held, &held_type, held);
    held->lambda = of(self);
    held->context = context;
    RB_OBJ_WRITE(object, &held->core, self);
    RB_OBJ_WRITE(object, &held->name, name);
    RB_OBJ_WRITE(object, &held->tags, tags);
    return rb_obj_freeze(object);
}

static ID id_at, id_held;

/* What is not taken here as it is goes the way of metric: mended, or refused, counted and told. */
static VALUE held_record(int argc, VALUE *argv, VALUE self) {
    const Held *held = RTYPEDDATA_DATA(self);
    VALUE when = Qnil;
    if (RB_UNLIKELY(argc != 1 || rb_keyword_given_p()))
        keywords_of(argc, argv, 1, 1, "one value, and the keyword at", &id_at, 1, &when);
    VALUE value = argv[0];
    if (RB_UNLIKELY(!NIL_P(when) || !(RB_FIXNUM_P(value) || RB_FLOAT_TYPE_P(value)))) {
        rb_funcall(slowly, id_held, 4, held->name, held->tags, value, when);
        return Qnil;
    }
    double to_record = RB_FIXNUM_P(value) ? (double)RB_FIX2LONG(value) : rb_float_value(value);
    int32_t status = pointmill_lambda_record(held->lambda, held->context, to_record);
    if (RB_UNLIKELY(status != POINTMILL_OK))
        rb_funcall(slowly, id_refused, 3, held->name, value, INT2NUM(status));
    return Qnil;
}

/* ---- invocations ---- */

static pointmill_str text_or_none(VALUE text) {
    return RB_TYPE_P(text, T_STRING) ? str_of(text) : (pointmill_str){NULL, 0};
}

/* begin(arn, request_id, function_name, function_version, memory_mb, deadline_unix_ms): a token for `end`. */
static VALUE core_begin(VALUE self, VALUE arn, VALUE request_id, VALUE name, VALUE version, VALUE memory_mb, VALUE deadline_unix_ms) {
    pointmill_lambda_invocation invocation = POINTMILL_LAMBDA_INVOCATION_INIT;
    invocation.memory_mb = NUM2UINT(memory_mb);
    invocation.deadline_unix_ms = NUM2LL(deadline_unix_ms);
    invocation.invoked_function_arn = text_or_none(arn);
    invocation.request_id = text_or_none(request_id);
    invocation.function_name = text_or_none(name);
    invocation.function_version = text_or_none(version);
    uint64_t token = 0;
    check(pointmill_lambda_begin(of(self), &invocation, &token));
    return ULL2NUM(token);
}

/* end(token, error): how long the flush that follows may take, in ms. */
static VALUE core_end(VALUE self, VALUE token, VALUE error) {
    pointmill_lambda_result result = POINTMILL_LAMBDA_RESULT_INIT;
    result.error = RTEST(error) ? 1 : 0;
    result.batch_item_failures = -1;
    result.time_to_first_byte_ms = -1;
    uint64_t budget_ms = 0;
    check(pointmill_lambda_end(of(self), NUM2ULL(token), &result, &budget_ms));
    return ULL2NUM(budget_ms);
}

static int32_t flush_timed(void *handle, uint32_t flags, uint64_t timeout_ms) {
    (void)flags;
    return pointmill_lambda_flush(handle, timeout_ms);
}

static int32_t close_timed(void *handle, uint32_t flags, uint64_t timeout_ms) {
    (void)flags;
    return pointmill_lambda_close(handle, timeout_ms);
}

/* The number of the status: the drop-in must not raise. */
static VALUE core_flush(VALUE self, VALUE timeout_ms) {
    return INT2NUM(wait_for(RTYPEDDATA_DATA(self), flush_timed, 0, NUM2ULL(timeout_ms)));
}

/* Where nothing waits there is nothing to wait for, and so no thread. */
static VALUE core_close(VALUE self, VALUE timeout_ms) {
    Shared *shared = RTYPEDDATA_DATA(self);
    pointmill_lambda_stats stats = POINTMILL_LAMBDA_STATS_INIT;
    check(pointmill_lambda_stats_get(shared->handle, &stats));
    bool empty = stats.pending == 0 && stats.queued == 0;
    int32_t status = (empty ? wait_here : wait_for)(shared, close_timed, 0, NUM2ULL(timeout_ms));
    atomic_store(&shared->idle, empty);
    return INT2NUM(status);
}

static VALUE core_restored(VALUE self) {
    check(pointmill_lambda_restored(of(self)));
    return Qnil;
}

/* ---- what it says of itself ---- */

static VALUE core_stats(VALUE self) {
    pointmill_lambda_stats stats = POINTMILL_LAMBDA_STATS_INIT;
    check(pointmill_lambda_stats_get(of(self), &stats));
    return counters_from(known.lambda_stats, &stats, sizeof stats);
}

static VALUE core_mode(VALUE self) {
    uint32_t mode = 0;
    check(pointmill_lambda_mode(of(self), &mode));
    return UINT2NUM(mode);
}

static int32_t warnings(const void *handle, char *buffer, size_t cap, size_t *len) {
    return pointmill_lambda_warnings((pointmill_lambda *)handle, buffer, cap, len);
}

static int32_t last_failure(const void *handle, char *buffer, size_t cap, size_t *len) {
    return pointmill_lambda_last_failure(handle, buffer, cap, len);
}

static VALUE core_warnings(VALUE self) {
    return written(warnings, of(self));
}

/* The value a setting has. */
static VALUE core_setting(VALUE self, VALUE name) {
    pointmill_str text = {NULL, 0};
    check(pointmill_lambda_setting(of(self), StringValueCStr(name), &text));
    return text_from(text);
}

static VALUE core_last_failure(VALUE self) {
    return written(last_failure, of(self));
}

void lambda_add(void) {
    id_time = rb_intern("time");
    id_at = rb_intern("at");
    id_held = rb_intern("held");
    id_metric = rb_intern("metric");
    id_refused = rb_intern("refused");
    VALUE module = rb_define_module_under(known.module, "Lambda");
    VALUE class = known.core = rb_define_class_under(module, "Core", rb_cObject);
    rb_undef_alloc_func(class);
    rb_define_singleton_method(class, "new", METHOD(core_new), 1);
    rb_define_method(class, "setup", METHOD(core_setup), 2);
    rb_define_method(class, "metric_at", METHOD(core_metric_at), 4);
    rb_define_method(class, "refused", METHOD(core_refused), 1);
    rb_define_method(class, "distribution", METHOD(core_distribution), -1);
    rb_define_method(class, "begin", METHOD(core_begin), 6);
    rb_define_method(class, "end", METHOD(core_end), 2);
    rb_define_method(class, "flush", METHOD(core_flush), 1);
    rb_define_method(class, "close", METHOD(core_close), 1);
    rb_define_method(class, "restored", METHOD(core_restored), 0);
    rb_define_method(class, "stats", METHOD(core_stats), 0);
    rb_define_method(class, "mode", METHOD(core_mode), 0);
    rb_define_method(class, "warnings", METHOD(core_warnings), 0);
    rb_define_method(class, "setting", METHOD(core_setting), 1);
    rb_define_method(class, "last_failure", METHOD(core_last_failure), 0);
    rb_funcall(module, rb_intern("private_constant"), 1, ID2SYM(rb_intern("Core")));
    known.held = rb_define_class_under(module, "Metric", rb_cObject);
    rb_undef_alloc_func(known.held);
    rb_undef_method(CLASS_OF(known.held), "new");
    rb_define_method(known.held, "record", METHOD(held_record), -1);
}

/* The sketch alone. */
#include "native.h"

/* About what a sketch weighs: so that Ruby collects before much memory of the library's is garbage. */
#define WEIGHT 4096

static void sketch_free(void *data) {
    rb_gc_adjust_memory_usage(-WEIGHT);
    pointmill_sketch_free(data);
}

static size_t sketch_bytes(const void *data) {
    return data == NULL ? 0 : WEIGHT;
}

static const rb_data_type_t sketch_type = {
    .wrap_struct_name = "Pointmill::Sketch",
    .function = {.dfree = sketch_free, .dsize = sketch_bytes},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED,
};

static inline pointmill_sketch *of(VALUE self) {
    return RTYPEDDATA_DATA(self);
}

/* For calls that change it. */
static inline pointmill_sketch *mutable_of(VALUE self) {
    rb_check_frozen(self);
    return of(self);
}

VALUE sketch_wrap(VALUE class, pointmill_sketch *handle) {
    VALUE self = TypedData_Wrap_Struct(class, &sketch_type, handle);
    rb_gc_adjust_memory_usage(WEIGHT);
    return self;
}

static VALUE sketch_allocate(VALUE class) {
    pointmill_sketch *handle = NULL;
    check(pointmill_sketch_new(&handle));
    return sketch_wrap(class, handle);
}

static VALUE sketch_initialize_copy(VALUE self, VALUE other) {
    pointmill_sketch *copy = NULL;
    check(pointmill_sketch_clone(rb_check_typeddata(other, &sketch_type), &copy));
    pointmill_sketch_free(mutable_of(self));
    RTYPEDDATA_DATA(self) = copy;
    return self;
}

static ID n_and_rate[2];

static VALUE sketch_insert(int argc, VALUE *argv, VALUE self) {
    VALUE given[2] = {Qnil, Qnil};
    if (argc != 1 || rb_keyword_given_p())
        keywords_of(argc, argv, 1, 1, "one value, and the keyword n or rate", n_and_rate, 2, given);
    double value = number_of(argv[0], "value");
    int32_t status;
    if (!NIL_P(given[0]) && !NIL_P(given[1]))
        rb_raise(rb_eArgError, "insert takes n or rate, not both");
    if (!NIL_P(given[0])) {
        if (!RB_INTEGER_TYPE_P(given[0]))
            rb_raise(rb_eTypeError, "n: expected a whole number from 0, got %+" PRIsVALUE, given[0]);
        if (RTEST(rb_funcall(given[0], '<', 1, INT2FIX(0))))
            rb_raise(rb_eArgError, "n: expected a whole number from 0, got %+" PRIsVALUE, given[0]);
        uint64_t n = NUM2ULL(given[0]);
        status = pointmill_sketch_insert_n(mutable_of(self), value, n);
    } else if (!NIL_P(given[1])) {
        double rate = number_of(given[1], "rate");
        status = pointmill_sketch_insert_sampled(mutable_of(self), value, rate);
    } else {
        status = pointmill_sketch_insert(mutable_of(self), value);
    }
    if (status != POINTMILL_OK)
        raise_value(status, value);
    return self;
}

static VALUE sketch_insert_many(VALUE self, VALUE argument) {
    Values values;
    values_of(argument, &values);
    /* With the GVL: a sketch is for one thread at a time, and the GVL is what makes it so. */
    int32_t status = pointmill_sketch_insert_many(mutable_of(self), values.ptr, values.len);
    values_free(&values);
    check(status);
    return self;
}

static VALUE sketch_insert_interpolated(VALUE self, VALUE lower, VALUE upper, VALUE n) {
    double from = number_of(lower, "lower"), to = number_of(upper, "upper");
    uint64_t count = NUM2ULL(n);
    check(pointmill_sketch_insert_interpolated(mutable_of(self), from, to, count));
    return self;
}

static VALUE sketch_merge(VALUE self, VALUE other) {
    if (!rb_typeddata_is_kind_of(other, &sketch_type))
        rb_raise(rb_eTypeError, "merge: expected a Pointmill::Sketch, got %+" PRIsVALUE, other);
    check(pointmill_sketch_merge(mutable_of(self), of(other)));
    return self;
}

VALUE summary_from(const pointmill_summary *summary) {
    VALUE members[] = {ULL2NUM(summary->count), DBL2NUM(summary->min), DBL2NUM(summary->max), DBL2NUM(summary->sum),
                       DBL2NUM(summary->avg)};
    return struct_from(known.summary, 5, members);
}

static VALUE sketch_summary(VALUE self) {
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    check(pointmill_sketch_summary(of(self), &summary));
    return summary_from(&summary);
}

static VALUE sketch_quantile(VALUE self, VALUE q) {
    double value = 0;
    check(pointmill_sketch_quantile(of(self), number_of(q, "q"), &value));
    return DBL2NUM(value);
}

static VALUE sketch_quantile_agent(VALUE self, VALUE q) {
    double value = 0;
    check(pointmill_sketch_quantile_agent(of(self), number_of(q, "q"), &value));
    return DBL2NUM(value);
}

/* [[key, count], ...] in a profile. */
static VALUE sketch_bins(VALUE self, VALUE profile) {
    size_t len = 0;
    uint32_t number = NUM2UINT(profile);
    int32_t status = pointmill_sketch_bins(of(self), number, NULL, NULL, 0, &len);
    if (status != POINTMILL_E_BUFFER_TOO_SMALL)
        check(status);
    VALUE keys_memory, counts_memory;
    int16_t *keys = rb_alloc_tmp_buffer2(&keys_memory, (long)len + 1, sizeof *keys);
    uint32_t *counts = rb_alloc_tmp_buffer2(&counts_memory, (long)len + 1, sizeof *counts);
    check(pointmill_sketch_bins(of(self), number, keys, counts, len, &len));
    VALUE bins = rb_ary_new_capa((long)len);
    for (size_t i = 0; i < len; i++)
        rb_ary_push(bins, rb_assoc_new(INT2FIX(keys[i]), UINT2NUM(counts[i])));
    rb_free_tmp_buffer(&keys_memory);
    rb_free_tmp_buffer(&counts_memory);
    return bins;
}

static VALUE sketch_encode(VALUE self, VALUE format) {
    size_t len = 0;
    uint32_t number = NUM2UINT(format);
    int32_t status = pointmill_sketch_encode(of(self), number, NULL, 0, &len);
    if (status != POINTMILL_E_BUFFER_TOO_SMALL)
        check(status);
    VALUE bytes = rb_str_new(NULL, (long)len);
    check(pointmill_sketch_encode(of(self), number, (uint8_t *)RSTRING_PTR(bytes), len, &len));
    return bytes;
}

static VALUE sketch_decode(VALUE class, VALUE data, VALUE format) {
    StringValue(data);
    uint32_t number = NUM2UINT(format);
    pointmill_sketch *handle = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    int32_t status = pointmill_sketch_decode(number, (const uint8_t *)RSTRING_PTR(data), (size_t)RSTRING_LEN(data), &handle, &error);
    RB_GC_GUARD(data);
    if (status != POINTMILL_OK)
        raise_code(status, error.detail);
    return sketch_wrap(class, handle);
}

static VALUE sketch_key(VALUE class, VALUE argument) {
    (void)class;
    int16_t key = 0;
    double value = number_of(argument, "value");
    int32_t status = pointmill_sketch_key(value, &key);
    if (status != POINTMILL_OK)
        raise_value(status, value);
    return INT2FIX(key);
}

void sketch_add(void) {
    n_and_rate[0] = rb_intern("n");
    n_and_rate[1] = rb_intern("rate");
    VALUE class = known.sketch = rb_define_class_under(known.module, "Sketch", rb_cObject);
    rb_define_alloc_func(class, sketch_allocate);
    rb_define_method(class, "initialize_copy", METHOD(sketch_initialize_copy), 1);
    rb_define_method(class, "insert", METHOD(sketch_insert), -1);
    rb_define_method(class, "insert_many", METHOD(sketch_insert_many), 1);
    rb_define_method(class, "insert_interpolated", METHOD(sketch_insert_interpolated), 3);
    rb_define_method(class, "merge", METHOD(sketch_merge), 1);
    rb_define_method(class, "summary", METHOD(sketch_summary), 0);
    rb_define_method(class, "quantile", METHOD(sketch_quantile), 1);
    rb_define_method(class, "quantile_agent", METHOD(sketch_quantile_agent), 1);
    rb_define_private_method(class, "bins_of", METHOD(sketch_bins), 1);
    rb_define_private_method(class, "bytes_of", METHOD(sketch_encode), 1);
    rb_define_singleton_method(class, "of_bytes", METHOD(sketch_decode), 2);
    rb_define_singleton_method(class, "key", METHOD(sketch_key), 1);
}

/* The extension behind `require "pointmill"`: its classes, and what the library says of itself. */
#include "native.h"

#include <ruby/ractor.h>

Known known;

static VALUE version(VALUE self) {
    (void)self;
    return rb_utf8_str_new_cstr(pointmill_version());
}

/* {number => [name, text]} of every code. */
static VALUE codes(VALUE self) {
    (void)self;
    VALUE hash = rb_hash_new();
    int32_t code;
    for (size_t i = 0; pointmill_code_at(i, &code) == POINTMILL_OK; i++)
        rb_hash_aset(hash, INT2FIX(code),
                     rb_assoc_new(rb_utf8_str_new_cstr(pointmill_code_name(code)), rb_utf8_str_new_cstr(pointmill_strerror(code))));
    return hash;
}

static VALUE choices_of(size_t i, size_t len) {
    VALUE choices = rb_ary_new_capa((long)len);
    for (size_t j = 0; j < len; j++) {
        pointmill_str word = {"", 0};
        check(pointmill_config_choice(i, j, &word));
        rb_ary_push(choices, text_from(word));
    }
    return choices;
}

static VALUE options(VALUE self) {
    /* With Lambda's part alone this reads the other one. */
    if (known.option == 0)
        rb_const_get(self, rb_intern("Option"));
    static const char *const types[] = {"unknown", "number", "choice", "flag", "text"};
    size_t len = pointmill_config_count();
    VALUE list = rb_ary_new_capa((long)len);
    for (size_t i = 0; i < len; i++) {
        pointmill_option option = POINTMILL_OPTION_INIT;
        check(pointmill_config_option(i, &option));
        VALUE members[] = {
            text_from(option.name),
            ID2SYM(rb_intern(types[option.type <= 4 ? option.type : 0])),
            option.type == POINTMILL_OPTION_NUMBER ? ULL2NUM(option.default_number) : text_from(option.default_text),
            ULL2NUM(option.min),
            ULL2NUM(option.max),
            choices_of(i, option.choices_len),
            text_from(option.doc),
        };
        rb_ary_push(list, struct_from(known.option, 7, members));
    }
    return list;
}

/* A constant of the module that Ruby code has defined, kept for ever where it is. */
static VALUE constant(const char *name) {
    VALUE value = rb_const_get(known.module, rb_intern(name));
    rb_gc_register_mark_object(value);
    return value;
}

VALUE counters_type(const char *name, size_t size) {
    VALUE class = constant(name);
    if ((size_t)RARRAY_LEN(rb_struct_s_members(class)) != (size - 8) / 8)
        rb_raise(rb_eLoadError, "pointmill: %+" PRIsVALUE " is not the header's; run scripts/gen.rb", class);
    return class;
}

/* What lib/pointmill.rb is about. The methods are for any Ractor, which Ruby asks of the thread, not of the method. */
static VALUE define_engine(VALUE self) {
    rb_ext_ractor_safe(true);
    static const char *const kinds[] = {"unknown", "distribution", "count", "gauge", "histogram"};
    for (int i = 0; i < 5; i++)
        known.kinds[i] = ID2SYM(rb_intern(kinds[i]));
    known.stats = counters_type("Stats", sizeof(pointmill_engine_stats));
    known.summary = constant("Summary");
    known.payload = constant("Payload");
    known.skipped = constant("Skipped");
    known.option = constant("Option");
    engine_add();
    metric_add();
    snapshot_add();
    sketch_add();
    client_add();
    VALUE classes[] = {known.engine, known.metric, known.snapshot, known.sketch, known.client};
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        rb_gc_register_mark_object(classes[i]);
    return self;
}

/* What lib/pointmill/lambda.rb is about. */
static VALUE define_lambda(VALUE self) {
    rb_ext_ractor_safe(true);
    known.lambda_stats = counters_type("LambdaStats", sizeof(pointmill_lambda_stats));
    lambda_add();
    rb_gc_register_mark_object(known.core);
    rb_gc_register_mark_object(known.held);
    return self;
}

RUBY_FUNC_EXPORTED void Init_native(void);

void Init_native(void) {
    rb_ext_ractor_safe(true);
    uint32_t abi = pointmill_abi_version();
    if (abi >> 16 != POINTMILL_ABI_MAJOR || (abi & 0xffff) < POINTMILL_ABI_MINOR)
        rb_raise(rb_eLoadError, "pointmill: built for ABI %d.%d, the library has %d.%d", POINTMILL_ABI_MAJOR, POINTMILL_ABI_MINOR,
                 (int)(abi >> 16), (int)(abi & 0xffff));
    known.module = rb_define_module("Pointmill");
    rb_gc_register_mark_object(known.module);
    known.by_code = constant("BY_CODE");
    known.closed_error = constant("ClosedError");
    rb_define_singleton_method(known.module, "version", METHOD(version), 0);
    rb_define_singleton_method(known.module, "codes", METHOD(codes), 0);
    rb_define_singleton_method(known.module, "options", METHOD(options), 0);
    rb_define_private_method(CLASS_OF(known.module), "define_engine", METHOD(define_engine), 0);
    rb_define_private_method(CLASS_OF(known.module), "define_lambda", METHOD(define_lambda), 0);
}

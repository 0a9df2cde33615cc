/* Snapshots, and the payloads that are made of them. */
#include "native.h"

/* About what an entry weighs: so that Ruby collects before much memory of the library's is garbage. */
static ssize_t weight(const pointmill_snapshot *handle) {
    return (ssize_t)pointmill_snapshot_len(handle) * 1024;
}

static void snapshot_free(void *data) {
    rb_gc_adjust_memory_usage(-weight(data));
    pointmill_snapshot_free(data);
}

static size_t snapshot_bytes(const void *data) {
    return (size_t)weight(data);
}

static const rb_data_type_t snapshot_type = {
    .wrap_struct_name = "Pointmill::Snapshot",
    .function = {.dfree = snapshot_free, .dsize = snapshot_bytes},
    .flags = RUBY_TYPED_FREE_IMMEDIATELY | RUBY_TYPED_WB_PROTECTED | RUBY_TYPED_FROZEN_SHAREABLE,
};

static inline pointmill_snapshot *of(VALUE self) {
    return RTYPEDDATA_DATA(self);
}

VALUE snapshot_wrap(pointmill_snapshot *handle) {
    VALUE self = rb_obj_freeze(TypedData_Wrap_Struct(known.snapshot, &snapshot_type, handle));
    rb_gc_adjust_memory_usage(weight(handle));
    return self;
}

static VALUE snapshot_size(VALUE self) {
    return SIZET2NUM(pointmill_snapshot_len(of(self)));
}

static VALUE entry_tags(VALUE self, size_t i, size_t len) {
    VALUE tags = rb_ary_new_capa((long)len);
    for (size_t j = 0; j < len; j++) {
        pointmill_str text;
        check(pointmill_snapshot_tag(of(self), i, j, &text));
        rb_ary_push(tags, rb_obj_freeze(text_from(text)));
    }
    return rb_ary_freeze(tags);
}

/* [kind, name, tags, interval, interval_s, series, points, value, summary] of an entry. */
static VALUE snapshot_entry(VALUE self, VALUE index) {
    size_t i = NUM2SIZET(index);
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    check(pointmill_snapshot_entry(of(self), i, &entry));
    bool sketch = entry.kind == POINTMILL_DISTRIBUTION || entry.kind == POINTMILL_HISTOGRAM;
    VALUE parts[] = {
        known.kinds[entry.kind],
        rb_obj_freeze(text_from(entry.name)),
        entry_tags(self, i, entry.tags_len),
        LL2NUM(entry.interval),
        UINT2NUM(entry.interval_s),
        UINT2NUM(entry.series),
        ULL2NUM(entry.points),
        sketch ? Qnil : DBL2NUM(entry.value),
        sketch ? summary_from(&entry.summary) : Qnil,
    };
    return rb_ary_new_from_values(9, parts);
}

static VALUE snapshot_quantile(VALUE self, VALUE index, VALUE q) {
    double value = 0;
    check(pointmill_snapshot_quantile(of(self), NUM2SIZET(index), number_of(q, "q"), &value));
    return DBL2NUM(value);
}

static VALUE snapshot_sketch(VALUE self, VALUE index) {
    pointmill_sketch *sketch = NULL;
    check(pointmill_snapshot_sketch(of(self), NUM2SIZET(index), &sketch));
    return sketch_wrap(known.sketch, sketch);
}

/* ---- grouped, merged ---- */

typedef struct {
    const pointmill_snapshot **from;
    size_t len;
    const pointmill_str *keys;
    uint32_t flags;
    int32_t status;
    pointmill_snapshot *made;
} Made;

static void group_call(void *arg, pointmill_engine *unused) {
    (void)unused;
    Made *made = arg;
    made->status = pointmill_snapshot_group_by(made->from[0], made->keys, made->len, made->flags, &made->made);
}

static VALUE snapshot_group(VALUE self, VALUE keys, VALUE merge_intervals) {
    /* Copies: while the GVL is free the collector may move Strings. */
    VALUE held = tags_of(keys), memory;
    size_t len = (size_t)RARRAY_LEN(held), bytes = 0;
    for (size_t i = 0; i < len; i++)
        bytes += (size_t)RSTRING_LEN(RARRAY_AREF(held, (long)i));
    pointmill_str *texts = rb_alloc_tmp_buffer(&memory, (long)((len + 1) * sizeof *texts + bytes));
    char *next = (char *)(texts + len + 1);
    for (size_t i = 0; i < len; i++) {
        pointmill_str text = str_of(RARRAY_AREF(held, (long)i));
        texts[i] = (pointmill_str){next, text.len};
        memcpy(next, text.ptr, text.len);
        next += text.len;
    }
    const pointmill_snapshot *from = of(self);
    Made made = {&from, len, texts, RTEST(merge_intervals) ? POINTMILL_GROUP_MERGE_INTERVALS : 0, POINTMILL_OK, NULL};
    without_gvl(NULL, group_call, &made);
    rb_free_tmp_buffer(&memory);
    check(made.status);
    RB_GC_GUARD(self);
    return snapshot_wrap(made.made);
}

static void merge_call(void *arg, pointmill_engine *unused) {
    (void)unused;
    Made *made = arg;
    made->status = pointmill_snapshot_merge(made->from, made->len, &made->made);
}

/* Merges this snapshot and those of an Array. */
static VALUE snapshot_merge(VALUE self, VALUE others) {
    VALUE memory;
    others = rb_obj_freeze(rb_ary_dup(others));
    long len = RARRAY_LEN(others);
    for (long i = 0; i < len; i++) {
        if (!rb_typeddata_is_kind_of(RARRAY_AREF(others, i), &snapshot_type))
            rb_raise(rb_eTypeError, "merge: expected Pointmill::Snapshots, got %+" PRIsVALUE, RARRAY_AREF(others, i));
    }
    const pointmill_snapshot **all = rb_alloc_tmp_buffer2(&memory, len + 1, sizeof *all);
    all[0] = of(self);
    for (long i = 0; i < len; i++)
        all[i + 1] = of(RARRAY_AREF(others, i));
    Made made = {all, (size_t)len + 1, NULL, 0, POINTMILL_OK, NULL};
    without_gvl(NULL, merge_call, &made);
    rb_free_tmp_buffer(&memory);
    RB_GC_GUARD(others);
    RB_GC_GUARD(self);
    check(made.status);
    return snapshot_wrap(made.made);
}

/* ---- payloads ---- */

VALUE payload_from(const pointmill_payload *payload) {
    VALUE members[] = {
        text_from(payload->path),
        text_from(payload->content_type),
        text_from(payload->encoding),
        bytes_from(payload->body, payload->body_len),
        ULL2NUM(payload->points),
        ULL2NUM(payload->entries),
    };
    return struct_from(known.payload, 6, members);
}

typedef struct {
    const pointmill_snapshot *snapshot;
    pointmill_config *config;
    pointmill_payloads *payloads;
    int32_t status;
    pointmill_error error;
} Encode;

static void encode_call(void *arg, pointmill_engine *unused) {
    (void)unused;
    Encode *encode = arg;
    encode->status = pointmill_encode(encode->snapshot, encode->config, &encode->payloads, &encode->error);
}

static VALUE encode_run(VALUE data) {
    without_gvl(NULL, encode_call, (void *)data);
    return Qnil;
}

static VALUE encode_end(VALUE data) {
    Encode *encode = (Encode *)data;
    pointmill_config_free(encode->config);
    return Qnil;
}

static VALUE payloads_list(VALUE data) {
    const pointmill_payloads *payloads = ((Encode *)data)->payloads;
    VALUE bodies = rb_ary_new(), skipped = rb_ary_new();
    size_t len = pointmill_payloads_len(payloads);
    for (size_t i = 0; i < len; i++) {
        pointmill_payload payload = POINTMILL_PAYLOAD_INIT;
        check(pointmill_payloads_get(payloads, i, &payload));
        rb_ary_push(bodies, payload_from(&payload));
    }
    for (size_t i = 0;; i++) {
        pointmill_skipped one = POINTMILL_SKIPPED_INIT;
        int32_t status = pointmill_payloads_skipped(payloads, i, &one);
        if (status == POINTMILL_E_INDEX)
            break;
        check(status);
        VALUE members[] = {text_from(one.cause), text_from(one.detail), ULL2NUM(one.entries), ULL2NUM(one.points),
                           ULL2NUM(one.values)};
        rb_ary_push(skipped, struct_from(known.skipped, 5, members));
    }
    return rb_assoc_new(bodies, skipped);
}

static VALUE payloads_end(VALUE data) {
    pointmill_payloads_free(((Encode *)data)->payloads);
    return Qnil;
}

/* [bodies, skipped] for options as pairs of texts. */
static VALUE snapshot_encode(VALUE self, VALUE pairs) {
    Encode encode = {of(self), config_of(pairs), NULL, POINTMILL_OK, POINTMILL_ERROR_INIT};
    rb_ensure(encode_run, (VALUE)&encode, encode_end, (VALUE)&encode);
    RB_GC_GUARD(self);
    if (encode.status != POINTMILL_OK)
        raise_code(encode.status, encode.error.detail);
    return rb_ensure(payloads_list, (VALUE)&encode, payloads_end, (VALUE)&encode);
}

void snapshot_add(void) {
    VALUE class = known.snapshot = rb_define_class_under(known.module, "Snapshot", rb_cObject);
    rb_undef_alloc_func(class);
    rb_undef_method(CLASS_OF(class), "new");
    rb_define_method(class, "size", METHOD(snapshot_size), 0);
    rb_define_private_method(class, "entry", METHOD(snapshot_entry), 1);
    rb_define_private_method(class, "quantile", METHOD(snapshot_quantile), 2);
    rb_define_private_method(class, "sketch", METHOD(snapshot_sketch), 1);
    rb_define_private_method(class, "group", METHOD(snapshot_group), 2);
    rb_define_private_method(class, "merge", METHOD(snapshot_merge), 1);
    rb_define_private_method(class, "payloads", METHOD(snapshot_encode), 1);
}

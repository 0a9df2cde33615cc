/* Ruby's objects as arguments of the C functions, and codes as exceptions. */
#include "native.h"

#include <math.h>
#include <string.h>
#include <time.h>

/* ---- texts ---- */

/* Whether a String's bytes are UTF-8 as they are, or what the library mends and counts. Binary Strings are taken at
 * their word: that is what sockets hand out. */
static inline bool is_utf8(VALUE string) {
    int encoding = RB_ENCODING_GET(string);
    if (RB_LIKELY(encoding == rb_utf8_encindex() || encoding == rb_usascii_encindex() || encoding == rb_ascii8bit_encindex()))
        return true;
    return rb_enc_str_asciionly_p(string);
}

static inline bool plain_text(VALUE *object) {
    if (RB_STATIC_SYM_P(*object) || RB_DYNAMIC_SYM_P(*object))
        *object = rb_sym2str(*object);
    return RB_TYPE_P(*object, T_STRING) && is_utf8(*object);
}

VALUE utf8_of(VALUE object, const char *what) {
    if (plain_text(&object))
        return object;
    if (!RB_TYPE_P(object, T_STRING))
        rb_raise(rb_eTypeError, "%s: expected a String or Symbol, got %" PRIsVALUE " (%+" PRIsVALUE "); write .to_s first", what,
                 rb_obj_class(object), object);
    /* What does not exist in Unicode becomes U+FFFD: a metric is worth more than an exception. */
    return rb_str_encode(object, rb_enc_from_encoding(rb_utf8_encoding()), ECONV_INVALID_REPLACE | ECONV_UNDEF_REPLACE, Qnil);
}

pointmill_str str_of(VALUE utf8) {
    return (pointmill_str){RSTRING_PTR(utf8), (size_t)RSTRING_LEN(utf8)};
}

/* What was given as tags, as an Array; most often it is one. */
static VALUE array_of(VALUE tags) {
    if (NIL_P(tags))
        return Qnil;
    VALUE array = rb_check_array_type(tags);
    if (!NIL_P(array))
        return array;
    if (RB_TYPE_P(tags, T_STRING) || RB_SYMBOL_P(tags))
        rb_raise(rb_eTypeError, "tags: expected an Array of Strings, got one text (%+" PRIsVALUE "); write it in brackets: [\"env:prod\"]",
                 tags);
    if (RB_TYPE_P(tags, T_HASH))
        rb_raise(rb_eTypeError, "tags: expected an Array of Strings, got a Hash (%+" PRIsVALUE "); write tags.map { |k, v| \"#{k}:#{v}\" }",
                 tags);
    if (!rb_respond_to(tags, rb_intern("to_a")))
        rb_raise(rb_eTypeError, "tags: expected an Array of Strings like [\"env:prod\"], got %+" PRIsVALUE, tags);
    return rb_convert_type(tags, T_ARRAY, "Array", "to_a");
}

void texts_of(VALUE name, VALUE tags, Texts *out) {
    out->memory = out->mended = Qfalse;
    if (RB_UNLIKELY(!RB_TYPE_P(tags, T_ARRAY)))
        tags = array_of(tags);
    bool plain = plain_text(&name);
    long len = NIL_P(tags) ? 0 : RARRAY_LEN(tags);
    /* First what can allocate. */
    for (long i = 0; plain && i < len; i++) {
        VALUE tag = RARRAY_AREF(tags, i);
        plain = plain_text(&tag);
    }
    if (RB_UNLIKELY(!plain)) {
        name = utf8_of(name, "name");
        VALUE mended = rb_ary_new_capa(len + 1);
        for (long i = 0; !NIL_P(tags) && i < RARRAY_LEN(tags); i++)
            rb_ary_push(mended, utf8_of(RARRAY_AREF(tags, i), "tag"));
        len = RARRAY_LEN(mended);
        rb_ary_push(mended, name);
        out->mended = tags = mended;
    } else if (RB_UNLIKELY(tags != Qnil)) {
        out->mended = tags; /* to_a may have made it */
    }
    out->all = out->few;
    if (RB_UNLIKELY(len >= TEXTS_FEW))
        out->all = rb_alloc_tmp_buffer2(&out->memory, len + 1, sizeof *out->all);
    /* Then the pointers, which hold until something allocates. */
    out->all[0] = str_of(name);
    for (long i = 0; i < len; i++) {
        VALUE tag = RARRAY_AREF(tags, i);
        if (RB_SYMBOL_P(tag))
            tag = rb_sym2str(tag);
        out->all[i + 1] = str_of(tag);
    }
    out->len = (size_t)len + 1;
}

void texts_free(Texts *texts) {
    RB_GC_GUARD(texts->mended);
    if (RB_UNLIKELY(texts->memory != Qfalse))
        rb_free_tmp_buffer(&texts->memory);
}

VALUE tags_of(VALUE tags) {
    VALUE given = array_of(tags);
    VALUE held = rb_ary_new();
    for (long i = 0; !NIL_P(given) && i < RARRAY_LEN(given); i++)
        rb_ary_push(held, rb_str_new_frozen(utf8_of(RARRAY_AREF(given, i), "tag")));
    return rb_ary_freeze(held);
}

VALUE text_from(pointmill_str text) {
    return rb_utf8_str_new(text.len == 0 ? "" : text.ptr, (long)text.len);
}

VALUE bytes_from(const void *bytes, size_t len) {
    return rb_str_new(len == 0 ? "" : bytes, (long)len);
}

/* ---- numbers ---- */

double number_slowly(VALUE object, const char *what) {
    if (RB_FLOAT_TYPE_P(object))
        return rb_float_value(object);
    if (!RTEST(rb_obj_is_kind_of(object, rb_cNumeric)))
        rb_raise(rb_eTypeError, "%s: expected a number, got %" PRIsVALUE " (%+" PRIsVALUE "); convert it with Float() first", what,
                 rb_obj_class(object), object);
    return rb_num2dbl(object);
}

int64_t unix_seconds_of(VALUE object) {
    if (RTEST(rb_obj_is_kind_of(object, rb_cTime)))
        return rb_time_timespec(object).tv_sec;
    if (RB_FIXNUM_P(object))
        return RB_FIX2LONG(object);
    double seconds = floor(number_of(object, "at"));
    if (!(seconds >= -9.2e18 && seconds <= 9.2e18))
        rb_raise(rb_eRangeError, "at: expected seconds since 1970 or a Time, got %+" PRIsVALUE "; is the unit seconds?", object);
    return (int64_t)seconds;
}

int64_t now_of(VALUE object) {
    return NIL_P(object) ? (int64_t)time(NULL) : unix_seconds_of(object);
}

void keywords_of(int argc, const VALUE *argv, int given, int most, const char *call, const ID *names, int len, VALUE *out) {
    VALUE hash = rb_keyword_given_p() ? argv[--argc] : Qnil;
    if (argc < given || argc > most)
        rb_raise(rb_eArgError, "wrong number of arguments (given %d); expected %s", argc, call);
    for (int i = 0; i < len; i++)
        out[i] = Qnil;
    if (!NIL_P(hash)) {
        VALUE got[4];
        rb_get_kwargs(hash, names, 0, len, got);
        for (int i = 0; i < len; i++) {
            if (got[i] != Qundef)
                out[i] = got[i];
        }
    }
}

/* ---- columns ---- */

static void *column(Values *out, size_t len) {
    void *memory = rb_alloc_tmp_buffer2(&out->memory, (long)len + 1, 8);
    out->len = len;
    out->ptr = memory;
    return memory;
}

/* A String of 8-byte items, packed in native order. A frozen copy shares its bytes, and cannot change meanwhile. */
static void packed(VALUE string, const char *what, const char *how, Values *out) {
    string = rb_str_new_frozen(string);
    size_t bytes = (size_t)RSTRING_LEN(string);
    if (bytes % 8 != 0)
        rb_raise(rb_eArgError, "%s: %" PRIuSIZE " bytes are no whole number of 8; pack them with .pack(\"%s\")", what, bytes, how);
    out->keep = string;
    if (bytes < 1024 || (uintptr_t)RSTRING_PTR(string) % 8 != 0) {
        /* Short Strings lie inside their object, which the collector may move. */
        memcpy(column(out, bytes / 8), RSTRING_PTR(string), bytes);
    } else {
        out->ptr = (const double *)(const void *)RSTRING_PTR(string);
        out->len = bytes / 8;
    }
}

/* What is in an Array or what becomes one. Of a packed String the column is whole already, and this is Qnil. */
static VALUE items_of(VALUE object, const char *what, const char *format, Values *out) {
    *out = (Values){NULL, 0, Qfalse, Qfalse};
    if (RB_TYPE_P(object, T_STRING)) {
        packed(object, what, format, out);
        return Qnil;
    }
    VALUE array = rb_check_array_type(object);
    if (!NIL_P(array))
        return array;
    if (NIL_P(object) || RB_TYPE_P(object, T_HASH) || !rb_respond_to(object, rb_intern("to_a")))
        rb_raise(rb_eTypeError, "%s: expected an Array of numbers or a packed String, got %+" PRIsVALUE, what, object);
    return rb_convert_type(object, T_ARRAY, "Array", "to_a");
}

void values_of(VALUE object, Values *out) {
    VALUE items = items_of(object, "values", "d*", out);
    if (NIL_P(items))
        return;
    long len = RARRAY_LEN(items);
    double *to = column(out, (size_t)len);
    for (long i = 0; i < len; i++) /* to_f of a class of the user's may change the Array: rb_ary_entry looks */
        to[i] = number_of(rb_ary_entry(items, i), "values");
    RB_GC_GUARD(items);
}

void contexts_of(VALUE object, Values *out) {
    VALUE items = items_of(object, "contexts", "Q*", out);
    if (NIL_P(items))
        return;
    long len = RARRAY_LEN(items);
    uint64_t *to = column(out, (size_t)len);
    for (long i = 0; i < len; i++) {
        VALUE id = rb_ary_entry(items, i);
        if (!RB_INTEGER_TYPE_P(id))
            rb_raise(rb_eTypeError, "contexts: expected Integers, got %+" PRIsVALUE "; Metric#context has them", id);
        to[i] = NUM2ULL(id);
    }
    RB_GC_GUARD(items);
}

void values_free(Values *values) {
    RB_GC_GUARD(values->keep);
    if (values->memory != Qfalse)
        rb_free_tmp_buffer(&values->memory);
}

/* ---- configuration ---- */

pointmill_config *config_of(VALUE pairs) {
    pointmill_config *config = NULL;
    Check_Type(pairs, T_ARRAY);
    /* All that can raise comes first. */
    for (long i = 0; i < RARRAY_LEN(pairs); i++) {
        VALUE pair = RARRAY_AREF(pairs, i);
        Check_Type(pair, T_ARRAY);
        for (long j = 0; j < 2; j++) {
            VALUE text = rb_ary_entry(pair, j);
            StringValueCStr(text);
        }
    }
    check(pointmill_config_new(&config));
    for (long i = 0; i < RARRAY_LEN(pairs); i++) {
        VALUE pair = RARRAY_AREF(pairs, i), name = rb_ary_entry(pair, 0), value = rb_ary_entry(pair, 1);
        pointmill_error error = POINTMILL_ERROR_INIT;
        int32_t status = pointmill_config_set(config, RSTRING_PTR(name), RSTRING_PTR(value), &error);
        if (status != POINTMILL_OK) {
            pointmill_config_free(config);
            raise_code(status, error.detail);
        }
    }
    return config;
}

/* ---- errors ---- */

void raise_code(int32_t code, const char *detail) {
    VALUE class = rb_hash_lookup(known.by_code, INT2FIX(code));
    if (NIL_P(class))
        rb_raise(rb_eRuntimeError, "%s: %s", pointmill_code_name(code), pointmill_strerror(code));
    if (detail == NULL || detail[0] == 0)
        detail = pointmill_strerror(code);
    rb_exc_raise(rb_exc_new_str(class, rb_utf8_str_new_cstr(detail)));
}

void raise_named(int32_t code, const Texts *texts) {
    if (code != POINTMILL_E_INVALID_NAME)
        raise_code(code, NULL);
    /* The longest text is the one that was refused, or the name is empty. */
    const pointmill_str *longest = &texts->all[0];
    for (size_t i = 1; texts->all[0].len > 0 && i < texts->len; i++) {
        if (texts->all[i].len > longest->len)
            longest = &texts->all[i];
    }
    bool is_name = longest == &texts->all[0];
    size_t len = longest->len;
    char start[41];
    snprintf(start, sizeof start, "%.*s", (int)(len > 40 ? 40 : len), len == 0 ? "" : longest->ptr);
    VALUE shown = rb_str_scrub(rb_utf8_str_new_cstr(start), rb_utf8_str_new_cstr("?"));
    if (NIL_P(shown))
        shown = rb_utf8_str_new_cstr(start);
    VALUE text = rb_sprintf("the %s %+" PRIsVALUE "%s has %" PRIuSIZE " bytes; %s", is_name ? "name" : "tag", shown, len > 40 ? "..." : "",
                            len, pointmill_strerror(code));
    rb_exc_raise(rb_exc_new_str(rb_hash_lookup(known.by_code, INT2FIX(code)), text));
}

void raise_value(int32_t code, double value) {
    if (code != POINTMILL_E_NOT_FINITE)
        raise_code(code, NULL);
    char detail[POINTMILL_ERROR_DETAIL_BYTES];
    const char *shown = isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
    snprintf(detail, sizeof detail, "the value is %s; record finite values only", shown);
    raise_code(code, detail);
}

void raise_closed(const char *what) {
    char detail[POINTMILL_ERROR_DETAIL_BYTES];
    snprintf(detail, sizeof detail, "the %s has been closed; make a new one", what);
    rb_exc_raise(rb_exc_new_cstr(known.closed_error, detail));
}

/* ---- answers ---- */

VALUE struct_from(VALUE class, int len, const VALUE *members) {
    return rb_obj_freeze(rb_class_new_instance(len, members, class));
}

VALUE counters_from(VALUE class, const void *counters, size_t size) {
    VALUE members[64];
    int len = (int)((size - 8) / 8);
    const char *next = (const char *)counters + 8;
    for (int i = 0; i < len; i++, next += 8) {
        uint64_t counter;
        memcpy(&counter, next, sizeof counter);
        members[i] = ULL2NUM(counter);
    }
    return struct_from(class, len, members);
}

VALUE written(int32_t (*call)(const void *, char *, size_t, size_t *), const void *handle) {
    char few[1024];
    size_t len = 0;
    int32_t status = call(handle, few, sizeof few, &len);
    if (status == POINTMILL_OK)
        return len == 0 ? Qnil : rb_utf8_str_new(few, (long)len);
    if (status != POINTMILL_E_BUFFER_TOO_SMALL)
        raise_code(status, NULL);
    VALUE memory, text = Qnil;
    size_t cap = len + 256;
    char *many = rb_alloc_tmp_buffer(&memory, (long)cap);
    status = call(handle, many, cap, &len);
    if (status == POINTMILL_OK)
        text = rb_utf8_str_new(many, (long)len);
    rb_free_tmp_buffer(&memory);
    return text;
}

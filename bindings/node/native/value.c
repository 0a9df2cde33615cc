/* JavaScript values in and out, exceptions, and externals that hold handles. */
#include "shim.h"

#include <stdio.h>

/* One for each environment (the main thread and every worker). */
typedef struct pm_instance {
    napi_ref make_error;
} pm_instance;

static void instance_free(napi_env env, void *data, void *hint)
{
    (void)env, (void)hint;
    free(data);
}

void pm_init_errors(napi_env env, napi_value make_error)
{
    pm_instance *instance = NULL;
    napi_get_instance_data(env, (void **)&instance);
    if (instance == NULL) {
        instance = calloc(1, sizeof *instance);
        if (instance == NULL || napi_set_instance_data(env, instance, instance_free, NULL) != napi_ok) {
            free(instance);
            return;
        }
    } else if (instance->make_error != NULL) {
        napi_delete_reference(env, instance->make_error);
    }
    napi_create_reference(env, make_error, 1, &instance->make_error);
}

napi_value pm_error(napi_env env, int32_t status, const char *detail)
{
    const char *text = detail != NULL && detail[0] != 0 ? detail : pointmill_strerror(status);
    pm_instance *instance = NULL;
    napi_value make = NULL, error = NULL, argv[2];
    argv[0] = pm_number(env, status);
    argv[1] = pm_text(env, text, strlen(text));
    if (napi_get_instance_data(env, (void **)&instance) == napi_ok && instance != NULL
        && napi_get_reference_value(env, instance->make_error, &make) == napi_ok && make != NULL
        && napi_call_function(env, pm_undefined(env), make, 2, argv, &error) == napi_ok)
        return error;
    napi_create_error(env, NULL, argv[1], &error);
    return error;
}

napi_value pm_throw(napi_env env, int32_t status, const char *detail)
{
    bool pending = false;
    napi_is_exception_pending(env, &pending);
    if (!pending) {
        napi_value error = pm_error(env, status, detail);
        if (error != NULL)
            napi_throw(env, error);
    }
    return NULL;
}

void pm_args(napi_env env, napi_callback_info info, size_t max, napi_value *argv)
{
    /* Node-API fills the missing ones with undefined. */
    size_t argc = max;
    napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
}

napi_value pm_undefined(napi_env env)
{
    napi_value value = NULL;
    napi_get_undefined(env, &value);
    return value;
}

napi_value pm_number(napi_env env, double number)
{
    napi_value value = NULL;
    napi_create_double(env, number, &value);
    return value;
}

napi_value pm_text(napi_env env, const char *ptr, size_t len)
{
    napi_value value = NULL;
    napi_create_string_utf8(env, len == 0 ? "" : ptr, len, &value);
    return value;
}

napi_value pm_str(napi_env env, pointmill_str text)
{
    return pm_text(env, text.ptr, text.len);
}

void pm_set(napi_env env, napi_value object, const char *key, napi_value value)
{
    napi_set_named_property(env, object, key, value);
}

double pm_double(napi_env env, napi_value value)
{
    double number = 0;
    napi_get_value_double(env, value, &number);
    return number;
}

int64_t pm_int64(napi_env env, napi_value value)
{
    int64_t number = 0;
    napi_get_value_int64(env, value, &number);
    return number;
}

uint32_t pm_uint32(napi_env env, napi_value value)
{
    uint32_t number = 0;
    napi_get_value_uint32(env, value, &number);
    return number;
}

void pm_texts_free(pm_texts *texts)
{
    if (texts->items != texts->few)
        free(texts->items);
    if (texts->bytes != texts->few_bytes)
        free(texts->bytes);
}

/* Element i: the name if there is one, then the list's. */
static bool element(napi_env env, napi_value name, napi_value list, size_t i, napi_value *out)
{
    if (name != NULL && i == 0) {
        *out = name;
        return true;
    }
    return napi_get_element(env, list, (uint32_t)(name != NULL ? i - 1 : i), out) == napi_ok;
}

bool pm_texts_read(napi_env env, napi_value name, napi_value list, pm_texts *out)
{
    uint32_t listed = 0;
    size_t total = 0;
    napi_get_array_length(env, list, &listed);
    out->len = listed + (name != NULL);
    out->items = out->few;
    out->bytes = out->few_bytes;
    if (out->len > sizeof out->few / sizeof out->few[0])
        out->items = calloc(out->len, sizeof *out->items);
    for (size_t i = 0; out->items != NULL && i < out->len; i++) {
        napi_value value;
        size_t len = 0;
        if (!element(env, name, list, i, &value)
            || napi_get_value_string_utf8(env, value, NULL, 0, &len) != napi_ok) {
            pm_texts_free(out);
            pm_throw(env, POINTMILL_E_INVALID, "a name or tag is not a string");
            return false;
        }
        out->items[i].len = len;
        total += len + 1; /* Node-API writes a NUL */
    }
    if (total > sizeof out->few_bytes)
        out->bytes = malloc(total);
    if (out->items == NULL || out->bytes == NULL) {
        pm_texts_free(out);
        pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
        return false;
    }
    char *at = out->bytes;
    for (size_t i = 0; i < out->len; i++) {
        napi_value value;
        size_t room = out->items[i].len + 1;
        element(env, name, list, i, &value);
        napi_get_value_string_utf8(env, value, at, room, NULL);
        out->items[i].ptr = at;
        at += room;
    }
    return true;
}

double *pm_float64(napi_env env, napi_value array, size_t *len)
{
    napi_typedarray_type type;
    void *data = NULL;
    if (napi_get_typedarray_info(env, array, &type, len, &data, NULL, NULL) != napi_ok || type != napi_float64_array) {
        pm_throw(env, POINTMILL_E_INVALID, "not a Float64Array");
        return NULL;
    }
    static double none;
    return *len == 0 ? &none : data;
}

uint8_t *pm_bytes(napi_env env, napi_value array, size_t *len)
{
    napi_typedarray_type type;
    void *data = NULL;
    if (napi_get_typedarray_info(env, array, &type, len, &data, NULL, NULL) != napi_ok || type != napi_uint8_array) {
        pm_throw(env, POINTMILL_E_INVALID, "not a Uint8Array or Buffer");
        return NULL;
    }
    static uint8_t none;
    return *len == 0 ? &none : data;
}

napi_value pm_numbers(napi_env env, const void *numbers, size_t bytes)
{
    napi_value buffer, array;
    void *data = NULL;
    size_t len = bytes / sizeof(uint64_t) - 1;
    const uint64_t *first = (const uint64_t *)numbers + 1;
    if (napi_create_arraybuffer(env, len * sizeof(double), &data, &buffer) != napi_ok)
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    for (size_t i = 0; i < len; i++)
        ((double *)data)[i] = (double)first[i];
    napi_create_typedarray(env, napi_float64_array, len, buffer, 0, &array);
    return array;
}

static void box_finalize(napi_env env, void *data, void *hint)
{
    (void)hint;
    pm_box *box = data;
    if (box->ptr != NULL)
        box->release(env, box->ptr);
    free(box);
}

napi_value pm_wrap(napi_env env, enum pm_type type, void *ptr, void (*release)(napi_env, void *))
{
    napi_value value = NULL;
    pm_box *box = malloc(sizeof *box);
    if (box != NULL)
        *box = (pm_box){type, ptr, release};
    if (box == NULL || napi_create_external(env, box, box_finalize, NULL, &value) != napi_ok) {
        release(env, ptr);
        free(box);
        return pm_throw(env, POINTMILL_E_NO_MEMORY, NULL);
    }
    return value;
}

static pm_box *box_of(napi_env env, napi_value value)
{
    napi_valuetype type = napi_undefined;
    void *box = NULL;
    napi_typeof(env, value, &type);
    if (type == napi_external)
        napi_get_value_external(env, value, &box);
    return box;
}

void *pm_unwrap(napi_env env, napi_value value, enum pm_type type)
{
    pm_box *box = box_of(env, value);
    if (box == NULL || box->type != type || box->ptr == NULL) {
        pm_throw(env, POINTMILL_E_HANDLE, NULL);
        return NULL;
    }
    return box->ptr;
}

void pm_release(napi_env env, napi_value value)
{
    pm_box *box = box_of(env, value);
    if (box != NULL && box->ptr != NULL) {
        void *ptr = box->ptr;
        box->ptr = NULL;
        box->release(env, ptr);
    }
}

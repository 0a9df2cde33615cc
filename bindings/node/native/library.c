/* The library's tables (codes, options) and configurations. */
#include "shim.h"

static napi_value init(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    pm_args(env, info, 1, argv);
    pm_init_errors(env, argv[0]);
    return NULL;
}

static napi_value version(napi_env env, napi_callback_info info)
{
    (void)info;
    const char *text = pointmill_version();
    return pm_text(env, text, strlen(text));
}

static napi_value abi_version(napi_env env, napi_callback_info info)
{
    (void)info;
    return pm_number(env, pointmill_abi_version());
}

/* strerror(code) */
static napi_value strerror_of(napi_env env, napi_callback_info info)
{
    napi_value argv[1];
    int32_t code = 0;
    pm_args(env, info, 1, argv);
    napi_get_value_int32(env, argv[0], &code);
    const char *text = pointmill_strerror(code);
    return pm_text(env, text, strlen(text));
}

/* [[number, name, cause and remedy], …] */
static napi_value codes(napi_env env, napi_callback_info info)
{
    (void)info;
    napi_value list;
    int32_t code;
    napi_create_array(env, &list);
    for (uint32_t i = 0; pointmill_code_at(i, &code) == POINTMILL_OK; i++) {
        napi_value row;
        const char *name = pointmill_code_name(code), *text = pointmill_strerror(code);
        napi_create_array_with_length(env, 3, &row);
        napi_set_element(env, row, 0, pm_number(env, code));
        napi_set_element(env, row, 1, pm_text(env, name, strlen(name)));
        napi_set_element(env, row, 2, pm_text(env, text, strlen(text)));
        napi_set_element(env, list, i, row);
    }
    return list;
}

static napi_value choices(napi_env env, size_t option, size_t len)
{
    napi_value list;
    napi_create_array_with_length(env, len, &list);
    for (size_t j = 0; j < len; j++) {
        pointmill_str word;
        if (pointmill_config_choice(option, j, &word) == POINTMILL_OK)
            napi_set_element(env, list, (uint32_t)j, pm_str(env, word));
    }
    return list;
}

/* [{name, type, doc, default, min, max, choices}, …] */
static napi_value options(napi_env env, napi_callback_info info)
{
    (void)info;
    napi_value list;
    size_t len = pointmill_config_count();
    napi_create_array_with_length(env, len, &list);
    for (size_t i = 0; i < len; i++) {
        pointmill_option option = POINTMILL_OPTION_INIT;
        napi_value object;
        if (pointmill_config_option(i, &option) != POINTMILL_OK)
            continue;
        bool number = option.type == POINTMILL_OPTION_NUMBER;
        napi_create_object(env, &object);
        pm_set(env, object, "name", pm_str(env, option.name));
        pm_set(env, object, "type", pm_number(env, option.type));
        pm_set(env, object, "doc", pm_str(env, option.doc));
        pm_set(env, object, "default",
               number ? pm_number(env, (double)option.default_number) : pm_str(env, option.default_text));
        pm_set(env, object, "min", pm_number(env, (double)option.min));
        pm_set(env, object, "max", pm_number(env, (double)option.max));
        pm_set(env, object, "choices", choices(env, i, option.choices_len));
        napi_set_element(env, list, (uint32_t)i, object);
    }
    return list;
}

pointmill_config *pm_config(napi_env env, napi_value pairs)
{
    pm_texts texts;
    pointmill_config *config = NULL;
    pointmill_error error = POINTMILL_ERROR_INIT;
    if (!pm_texts_read(env, NULL, pairs, &texts))
        return NULL;
    int32_t status = pointmill_config_new(&config);
    /* Every text was written with a NUL after it. */
    for (size_t i = 0; i + 1 < texts.len && status == POINTMILL_OK; i += 2)
        status = pointmill_config_set(config, texts.items[i].ptr, texts.items[i + 1].ptr, &error);
    pm_texts_free(&texts);
    if (status == POINTMILL_OK)
        return config;
    pointmill_config_free(config);
    pm_throw(env, status, error.detail);
    return NULL;
}

const pm_function pm_library_functions[] = {
    {"init", init},       {"version", version}, {"abiVersion", abi_version},
    {"codes", codes},     {"options", options}, {"strerror", strerror_of},
    {NULL, NULL},
};

static void add(napi_env env, napi_value exports, const pm_function *functions)
{
    for (; functions->name != NULL; functions++) {
        napi_value value;
        if (napi_create_function(env, functions->name, NAPI_AUTO_LENGTH, functions->call, NULL, &value) == napi_ok)
            pm_set(env, exports, functions->name, value);
    }
}

NAPI_MODULE_INIT()
{
    add(env, exports, pm_library_functions);
    add(env, exports, pm_ring_functions);
    add(env, exports, pm_engine_functions);
    add(env, exports, pm_snapshot_functions);
    add(env, exports, pm_sketch_functions);
    add(env, exports, pm_client_functions);
    add(env, exports, pm_lambda_functions);
    return exports;
}

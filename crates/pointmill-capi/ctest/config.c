// Options: set, read back, listed, refused.
#include "check.h"

static void every_option_is_listed_and_keeps_what_it_is_set_to(void) {
    pointmill_config *config = NULL;
    OK(pointmill_config_new(&config));
    size_t choices = 0, count = pointmill_config_count();
    CHECK(count > 20);
    for (size_t i = 0; i < count; i++) {
        pointmill_option option = POINTMILL_OPTION_INIT;
        char name[64], value[128], again[128];
        size_t len = 0, len_again = 0;
        OK(pointmill_config_option(i, &option));
        CHECK(option.name.len > 0 && option.name.len < sizeof name && option.doc.len > 10);
        memcpy(name, option.name.ptr, option.name.len);
        name[option.name.len] = 0;
        OK(pointmill_config_get(config, name, value, sizeof value - 1, &len));
        value[len] = 0;
        pointmill_error err = POINTMILL_ERROR_INIT;
        if (option.type == POINTMILL_OPTION_NUMBER) {
            CHECK(strtoull(value, NULL, 10) == option.default_number);
            CHECK(option.min <= option.default_number && option.default_number <= option.max);
            snprintf(value, sizeof value, "%" PRIu64, option.min);
            OK(pointmill_config_set(config, name, value, &err));
            snprintf(value, sizeof value, "%" PRIu64, option.max);
        } else if (option.type == POINTMILL_OPTION_CHOICE) {
            pointmill_str word = {NULL, 0};
            CHECK(same(option.default_text, value));
            CHECK(option.choices_len > 1);
            OK(pointmill_config_choice(i, option.choices_len - 1, &word));
            CODE(POINTMILL_E_INDEX, pointmill_config_choice(i, option.choices_len, &word));
            memcpy(value, word.ptr, word.len);
            value[word.len] = 0;
            choices++;
        } else {
            CHECK(option.type == POINTMILL_OPTION_FLAG || option.type == POINTMILL_OPTION_TEXT);
            CHECK(same(option.default_text, value));
        }
        OK(pointmill_config_set(config, name, value, &err));
        OK(pointmill_config_get(config, name, again, sizeof again - 1, &len_again));
        again[len_again] = 0;
        CHECK(strcmp(value, again) == 0);
    }
    CHECK(choices >= 2);
    pointmill_option option = POINTMILL_OPTION_INIT;
    pointmill_str word = {NULL, 0};
    CODE(POINTMILL_E_INDEX, pointmill_config_option(count, &option));
    CODE(POINTMILL_E_INDEX, pointmill_config_choice(count, 0, &word));
    CODE(POINTMILL_E_INDEX, pointmill_config_choice(0, 0, &word));
    pointmill_config_free(config);
}

// The largest value an option allows, as text.
static const char *most_of(const char *name) {
    static char most[24];
    most[0] = 0;
    for (size_t i = 0; i < pointmill_config_count(); i++) {
        pointmill_option option = POINTMILL_OPTION_INIT;
        OK(pointmill_config_option(i, &option));
        if (same(option.name, name))
            snprintf(most, sizeof most, "%" PRIu64, option.max);
    }
    CHECK(most[0] != 0);
    return most;
}

static void what_is_refused_is_named(void) {
    pointmill_config *config = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    CODE(POINTMILL_E_BAD_VALUE, pointmill_config_set(config, "interval_s", "0", &err));
    CHECK(err.code == POINTMILL_E_BAD_VALUE && err.struct_size == sizeof err);
    CHECK(strstr(err.detail, "interval_s") && strstr(err.detail, most_of("interval_s")));
    CODE(POINTMILL_E_BAD_VALUE, pointmill_config_set(config, "interval_s", "ten", NULL));
    CODE(POINTMILL_E_BAD_VALUE, pointmill_config_set(config, "format", "smoke", &err));
    CHECK(strstr(err.detail, "format") && strstr(err.detail, "log_lines"));
    CODE(POINTMILL_E_UNKNOWN_OPTION, pointmill_config_set(config, "intervals", "10", &err));
    CHECK(err.code == POINTMILL_E_UNKNOWN_OPTION && strstr(err.detail, "interval_s"));
    CODE(POINTMILL_E_UTF8, pointmill_config_set(config, "inter\xff", "10", &err));
    CHECK(err.code == POINTMILL_E_UTF8);
    char value[16];
    size_t len = 0;
    CODE(POINTMILL_E_UNKNOWN_OPTION, pointmill_config_get(config, "no", value, 16, &len));
    CODE(POINTMILL_E_BUFFER_TOO_SMALL, pointmill_config_get(config, "interval_s", value, 1, &len));
    CHECK(len == 2);
    OK(pointmill_config_get(config, "interval_s", value, 2, &len));
    CHECK(len == 2 && memcmp(value, "10", 2) == 0);
    pointmill_config_free(config);
}

static void a_detail_is_left_alone_on_success_and_cut_at_a_character(void) {
    pointmill_config *config = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    err.code = 77;
    memcpy(err.detail, "before", 7);
    OK(pointmill_config_set(config, "interval_s", "20", &err));
    CHECK(err.code == 77 && strcmp(err.detail, "before") == 0);

    // Euro signs of three bytes each; wherever the text is cut, a whole one must end it.
    char longest[1024];
    for (int shift = 0; shift < 3; shift++) {
        size_t at = 0;
        while (at < (size_t)shift)
            longest[at++] = 'x';
        while (at + 4 < sizeof longest) {
            memcpy(longest + at, "\xe2\x82\xac", 3);
            at += 3;
        }
        longest[at] = 0;
        CODE(POINTMILL_E_BAD_VALUE, pointmill_config_set(config, "format", longest, &err));
        size_t len = strlen(err.detail);
        CHECK(len < sizeof err.detail && len > 200);
        CHECK(memcmp(err.detail + len - 3, "\xe2\x82\xac", 3) == 0);
    }
    err.struct_size = 8;
    CODE(POINTMILL_E_STRUCT_SIZE, pointmill_config_set(config, "interval_s", "20", &err));
    pointmill_config_free(config);
}

static void engines_copy_what_they_are_made_with(void) {
    pointmill_config *config = NULL;
    pointmill_engine *engine = NULL;
    pointmill_snapshot *snapshot = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    uint64_t context = 0;
    OK(pointmill_config_new(&config));
    OK(pointmill_config_set(config, "interval_s", "60", &err));
    OK(pointmill_config_set(config, "past_max_s", "1000000000000", &err));
    OK(pointmill_engine_new(config, &engine, &err));
    pointmill_config_free(config);
    OK(pointmill_context(engine, POINTMILL_GAUGE, text("g"), NULL, 0, &context));
    OK(pointmill_record_at(engine, context, 1.0, 1000));
    OK(pointmill_flush(engine, 1100, POINTMILL_FLUSH_ALL, &snapshot));
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    OK(pointmill_snapshot_entry(snapshot, 0, &entry));
    CHECK(entry.interval == 960 && entry.interval_s == 60);
    pointmill_snapshot_free(snapshot);
    pointmill_engine_free(engine);
}

static void an_engine_that_cannot_be_says_why(void) {
    pointmill_config *config = NULL;
    pointmill_engine *engine = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    OK(pointmill_config_set(config, "arena_bytes", "1048576", &err));
    OK(pointmill_config_set(config, "contexts_max", "1048576", &err));
    CODE(POINTMILL_E_ARENA_TOO_SMALL, pointmill_engine_new(config, &engine, &err));
    CHECK(engine == NULL && strstr(err.detail, "arena_bytes") != NULL);
    pointmill_config_free(config);
}

int main(void) {
    RUN(every_option_is_listed_and_keeps_what_it_is_set_to);
    RUN(what_is_refused_is_named);
    RUN(a_detail_is_left_alone_on_success_and_cut_at_a_character);
    RUN(engines_copy_what_they_are_made_with);
    RUN(an_engine_that_cannot_be_says_why);
    return FINISH();
}

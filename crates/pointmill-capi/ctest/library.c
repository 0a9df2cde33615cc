// Versions and the table of codes.
#include "check.h"

static void versions_agree_with_the_header(void) {
    char parts[64];
    CHECK(strcmp(pointmill_version(), POINTMILL_VERSION_STRING) == 0);
    snprintf(parts, sizeof parts, "%d.%d.%d", POINTMILL_VERSION_MAJOR, POINTMILL_VERSION_MINOR,
             POINTMILL_VERSION_PATCH);
    CHECK(strcmp(parts, POINTMILL_VERSION_STRING) == 0);
    CHECK(pointmill_abi_version() == POINTMILL_ABI_VERSION);
    CHECK(POINTMILL_ABI_VERSION >> 16 == POINTMILL_ABI_MAJOR);
    CHECK((POINTMILL_ABI_VERSION & 0xffff) == POINTMILL_ABI_MINOR);
}

static void every_code_has_a_name_and_a_text(void) {
    int32_t code = 1;
    size_t i = 0;
    while (pointmill_code_at(i, &code) == POINTMILL_OK) {
        CHECK(code <= 0);
        CHECK(strncmp(pointmill_code_name(code), "POINTMILL_", 10) == 0);
        CHECK(strcmp(pointmill_code_name(code), "POINTMILL_E_UNKNOWN") != 0);
        CHECK(strlen(pointmill_strerror(code)) > 5);
        i++;
    }
    CHECK(i > 20);
    CODE(POINTMILL_E_INDEX, pointmill_code_at(i, &code));
    OK(pointmill_code_at(0, &code));
    CHECK(code == POINTMILL_OK);
}

static void numbers_that_are_no_code_have_texts_too(void) {
    const int32_t numbers[] = {1, 12345, -1000, INT32_MIN, INT32_MAX};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        CHECK(strcmp(pointmill_code_name(numbers[i]), "POINTMILL_E_UNKNOWN") == 0);
        CHECK(strlen(pointmill_strerror(numbers[i])) > 5);
    }
}

static void constants_carry_the_names_of_the_table(void) {
#define NAMED(code) CHECK(strcmp(pointmill_code_name(code), #code) == 0)
    NAMED(POINTMILL_OK);
    NAMED(POINTMILL_E_NULL);
    NAMED(POINTMILL_E_INVALID);
    NAMED(POINTMILL_E_ALIGNMENT);
    NAMED(POINTMILL_E_STRUCT_SIZE);
    NAMED(POINTMILL_E_BUFFER_TOO_SMALL);
    NAMED(POINTMILL_E_INDEX);
    NAMED(POINTMILL_E_UTF8);
    NAMED(POINTMILL_E_HANDLE);
    NAMED(POINTMILL_E_KIND);
    NAMED(POINTMILL_E_FORMAT);
    NAMED(POINTMILL_E_NOT_FINITE);
    NAMED(POINTMILL_E_STALE_CONTEXT);
    NAMED(POINTMILL_E_TOO_OLD);
    NAMED(POINTMILL_E_TOO_NEW);
    NAMED(POINTMILL_E_INVALID_NAME);
    NAMED(POINTMILL_E_NO_ROOM);
    NAMED(POINTMILL_E_EMPTY);
    NAMED(POINTMILL_E_NO_SKETCH);
    NAMED(POINTMILL_E_TOO_MANY);
    NAMED(POINTMILL_E_UNKNOWN_OPTION);
    NAMED(POINTMILL_E_BAD_VALUE);
    NAMED(POINTMILL_E_ARENA_TOO_SMALL);
    NAMED(POINTMILL_E_NO_MEMORY);
    NAMED(POINTMILL_E_DECODE);
    NAMED(POINTMILL_E_ENCODE);
    NAMED(POINTMILL_E_PANIC);
    NAMED(POINTMILL_E_POISONED);
}

int main(void) {
    RUN(versions_agree_with_the_header);
    RUN(every_code_has_a_name_and_a_text);
    RUN(numbers_that_are_no_code_have_texts_too);
    RUN(constants_carry_the_names_of_the_table);
    return FINISH();
}

// Checks for the programs in this folder. Each is compiled as C11 and as C++17, so they keep to what
// both languages have.
#ifndef CHECK_H
#define CHECK_H

#include <pointmill.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_failures = 0;
static int check_failed_tests = 0;

// One failed check; the test goes on.
#define CHECK(condition)                                                            \
    do {                                                                            \
        if (!(condition)) {                                                         \
            printf("    %s:%d: not true: %s\n", __FILE__, __LINE__, #condition);    \
            check_failures++;                                                       \
        }                                                                           \
    } while (0)

// The call must answer with this code.
#define CODE(expected, call)                                                        \
    do {                                                                            \
        int32_t check_got = (call);                                                 \
        if (check_got != (expected)) {                                              \
            printf("    %s:%d: %s answered %s\n", __FILE__, __LINE__, #call,        \
                   pointmill_code_name(check_got));                                 \
            check_failures++;                                                       \
        }                                                                           \
    } while (0)

#define OK(call) CODE(POINTMILL_OK, call)

// Runs one test function and prints a line that `cargo xtask ctest` counts.
#define RUN(test)                                                                   \
    do {                                                                            \
        check_failures = 0;                                                         \
        test();                                                                     \
        printf("%s %s\n", check_failures == 0 ? "pass" : "FAIL", #test);            \
        fflush(stdout);                                                             \
        if (check_failures != 0)                                                    \
            check_failed_tests++;                                                   \
    } while (0)

#define FINISH() (check_failed_tests == 0 ? 0 : 1)

// A C string as the library takes it.
static inline pointmill_str text(const char *s) {
    pointmill_str t = {s, strlen(s)};
    return t;
}

// Whether a text of the library is this C string.
static inline int same(pointmill_str t, const char *s) {
    return t.len == strlen(s) && (t.len == 0 || memcmp(t.ptr, s, t.len) == 0);
}

static inline int near(double a, double b, double relative) {
    return fabs(a - b) <= relative * fabs(b);
}

// Whether the books of an engine balance.
static inline int balanced(const pointmill_engine_stats *s) {
    uint64_t rejected = s->rejected_not_finite + s->rejected_stale + s->rejected_too_old
        + s->rejected_too_new + s->rejected_invalid_name + s->rejected_no_room;
    uint64_t dropped = s->dropped_arena_full + s->dropped_stale;
    return s->recorded == s->flushed + s->pending + rejected + dropped;
}

#endif

// The structs of the header are laid out as the library believes. layout.inc is written by a unit
// test of the library; everything here is decided by the compiler.
#include "check.h"

#include <assert.h>
#include <stddef.h>

#if UINTPTR_MAX == UINT64_MAX
#define STRUCT(type, bytes) static_assert(sizeof(type) == (bytes), #type " has another size");
#define FIELD(type, field, at, bytes)                                                          \
    static_assert(offsetof(type, field) == (at), #type "." #field " stands elsewhere");        \
    static_assert(sizeof(((type *)0)->field) == (bytes), #type "." #field " has another size");
#include "layout.inc"
#endif

// The INIT macros set struct_size; all else is zero, but for what the next test looks at.
#define INITIAL(type, init)                                                                    \
    do {                                                                                       \
        type initial = init;                                                                   \
        CHECK(initial.struct_size == sizeof initial);                                          \
    } while (0)

static void initial_values_carry_the_size(void) {
    INITIAL(pointmill_error, POINTMILL_ERROR_INIT);
    INITIAL(pointmill_summary, POINTMILL_SUMMARY_INIT);
    INITIAL(pointmill_option, POINTMILL_OPTION_INIT);
    INITIAL(pointmill_engine_stats, POINTMILL_ENGINE_STATS_INIT);
    INITIAL(pointmill_entry, POINTMILL_ENTRY_INIT);
    INITIAL(pointmill_payload, POINTMILL_PAYLOAD_INIT);
    INITIAL(pointmill_skipped, POINTMILL_SKIPPED_INIT);
    INITIAL(pointmill_client_stats, POINTMILL_CLIENT_STATS_INIT);
    INITIAL(pointmill_lambda_stats, POINTMILL_LAMBDA_STATS_INIT);
    INITIAL(pointmill_lambda_invocation, POINTMILL_LAMBDA_INVOCATION_INIT);
    INITIAL(pointmill_lambda_result, POINTMILL_LAMBDA_RESULT_INIT);
    INITIAL(pointmill_lambda_trace, POINTMILL_LAMBDA_TRACE_INIT);
}

// Where zero would be a value: the start says that there is none.
static void an_initial_result_reports_nothing(void) {
    pointmill_lambda_result result = POINTMILL_LAMBDA_RESULT_INIT;
    CHECK(result.error == 0 && result.http_status == 0 && result.reserved == 0);
    CHECK(result.batch_item_failures == -1);
    CHECK(result.time_to_first_byte_ms == -1);
}

int main(void) {
    RUN(initial_values_carry_the_size);
    RUN(an_initial_result_reports_nothing);
    return FINISH();
}

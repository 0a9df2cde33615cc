// A Lambda function in C: begin, record, end, flush. All settings come from the environment.
//
//     cc -std=c11 -Iinclude lambda.c -Ltarget/release -lpointmill -o lambda
//     DD_FLUSH_TO_LOG=true ./lambda                                lines of JSON on standard output
//     DD_API_KEY=k DATADOG_HOST=http://127.0.0.1:8126 ./lambda     sketches to an intake
//
// A real one asks Lambda's Runtime API for its next event; this one makes three up.
#include <pointmill.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { INVOCATIONS = 3, CUPS = 100, MEMORY_MB = 256, TIMEOUT_S = 30 };

static pointmill_str text(const char *c) {
    pointmill_str str = {c, strlen(c)};
    return str;
}

// The function's own work: cups of coffee, how long each took, by size. The last invocation fails.
static uint32_t handle(pointmill_lambda *lambda, int invocation) {
    for (int cup = 0; cup < CUPS; cup++) {
        const char *size = cup % 4 == 0 ? "size:large" : "size:small";
        double seconds = (cup % 4 == 0 ? 40 : 20) + 0.1 * cup + invocation;
        pointmill_str named[] = {text("coffee.seconds"), text(size)};
        pointmill_lambda_metric(lambda, named, 2, seconds);
    }
    return invocation == INVOCATIONS - 1;
}

static int32_t invoke(pointmill_lambda *lambda, int number) {
    pointmill_lambda_invocation told = POINTMILL_LAMBDA_INVOCATION_INIT;
    told.invoked_function_arn = text("arn:aws:lambda:eu-west-3:210987654321:function:barista");
    told.memory_mb = MEMORY_MB;
    told.deadline_unix_ms = ((int64_t)time(NULL) + TIMEOUT_S) * 1000;
    pointmill_lambda_result came = POINTMILL_LAMBDA_RESULT_INIT;
    uint64_t token = 0, budget_ms = 0;
    int32_t status = pointmill_lambda_begin(lambda, &told, &token);
    if (status == POINTMILL_OK) {
        came.error = handle(lambda, number);
        status = pointmill_lambda_end(lambda, token, &came, &budget_ms);
    }
    // Before the answer: afterwards Lambda freezes the process. What does not arrive is kept and sent
    // with the next flush, so that is no reason to fail the invocation.
    if (status == POINTMILL_OK)
        (void)pointmill_lambda_flush(lambda, budget_ms);
    return status;
}

// Whoever reads the function's log learns what is wrong: a setting that is not understood, a missing
// key, and at the end why something has not arrived.
static void say(pointmill_lambda *lambda) {
    char said[4096];
    size_t len = 0;
    if (pointmill_lambda_warnings(lambda, said, sizeof said, &len) == POINTMILL_OK && len > 0)
        fprintf(stderr, "lambda: %.*s\n", (int)len, said);
    if (pointmill_lambda_last_failure(lambda, said, sizeof said, &len) == POINTMILL_OK && len > 0)
        fprintf(stderr, "lambda: %.*s\n", (int)len, said);
}

int main(void) {
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *lambda = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    pointmill_lambda_stats books = POINTMILL_LAMBDA_STATS_INIT;
    int32_t status = pointmill_lambda_config_new(POINTMILL_LAMBDA_GO, &config);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_config_process_env(config);
    if (status == POINTMILL_OK)
        status = pointmill_lambda_new(config, &lambda, &err);
    for (int i = 0; i < INVOCATIONS && status == POINTMILL_OK; i++)
        status = invoke(lambda, i);
    if (lambda) {
        pointmill_lambda_close(lambda, 5000);
        pointmill_lambda_stats_get(lambda, &books);
        say(lambda);
    }
    fprintf(stderr, "lambda: %d invocations, %" PRIu64 " points recorded, %" PRIu64 " accepted: %s\n",
            INVOCATIONS, books.recorded, books.accepted, pointmill_strerror(status));
    pointmill_lambda_free(lambda);
    pointmill_lambda_config_free(config);
    return status == POINTMILL_OK && books.recorded == books.accepted ? 0 : 1;
}

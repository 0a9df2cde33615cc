// A Lambda function in C: begin, record, end, flush. In log mode to a pipe, in HTTP mode to a small
// intake of this program's own.
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ARN "arn:aws:lambda:eu-west-1:123456789012:function:checkout"

// The request's first line and key come back through the pipe `report`, then 202.
static void serve(int listener, int report) {
    static char buffer[1 << 16];
    const char *answer = "HTTP/1.1 202 Accepted\r\nContent-Length: 2\r\n\r\n{}";
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        size_t len = 0;
        while (fd >= 0) {
            ssize_t got = read(fd, buffer + len, sizeof buffer - 1 - len);
            if (got <= 0)
                break;
            len += (size_t)got;
            buffer[len] = 0;
            char *end = strstr(buffer, "\r\n\r\n");
            char *length = strstr(buffer, "ontent-length: ");
            length = length ? length : strstr(buffer, "ontent-Length: ");
            if (!end || !length)
                continue;
            if (len < (size_t)(end + 4 - buffer) + strtoul(length + 15, NULL, 10))
                continue;
            char line[512];
            int key = strstr(buffer, ": k123\r\n") != NULL;
            size_t path = strcspn(buffer, "\r");
            int n = snprintf(line, sizeof line, "%.*s key=%d\n", (int)path, buffer, key);
            if (write(report, line, (size_t)n) < 0 || write(fd, answer, strlen(answer)) < 0)
                break;
            len = 0;
        }
        if (fd >= 0)
            close(fd);
    }
}

static void set(pointmill_lambda_config *config, const char *name, const char *value) {
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_lambda_config_set(config, name, text(value), &err));
}

// A function in Go's habits; its log is the descriptor.
static pointmill_lambda *make(const char *variable, const char *value, int log, const char *url) {
    char number[16];
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *lambda = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    snprintf(number, sizeof number, "%d", log);
    OK(pointmill_lambda_config_new(POINTMILL_LAMBDA_GO, &config));
    OK(pointmill_lambda_config_env(config, text(variable), text(value)));
    set(config, "log_fd", number);
    set(config, "layer_tag", "pointmill-c 0.1");
    set(config, "library_version", "0.1.0");
    set(config, "extension_path", "/nowhere/at/all");
    if (url)
        set(config, "url", url);
    OK(pointmill_lambda_new(config, &lambda, &err));
    pointmill_lambda_config_free(config);
    return lambda;
}

static pointmill_lambda_invocation invocation(void) {
    pointmill_lambda_invocation told = POINTMILL_LAMBDA_INVOCATION_INIT;
    told.invoked_function_arn = text(ARN);
    told.function_name = text("checkout");
    told.memory_mb = 256;
    told.deadline_unix_ms = ((int64_t)time(NULL) + 60) * 1000;
    return told;
}

static pointmill_lambda_result result(uint32_t error) {
    pointmill_lambda_result came = POINTMILL_LAMBDA_RESULT_INIT;
    came.error = error;
    return came;
}

static int balances(const pointmill_lambda_stats *s) {
    uint64_t rejected = s->rejected_not_finite + s->rejected_invalid_name + s->rejected_too_old
        + s->rejected_stale + s->rejected_no_room + s->rejected_closed + s->rejected_bad_name + s->rejected_bad_value
        + s->rejected_bad_time + s->rejected_bad_tags;
    uint64_t dropped
        = s->dropped_disabled + s->dropped_buffer_full + s->dropped_delivery + s->dropped_arena_full;
    return s->recorded == s->pending + s->accepted + s->queued + rejected + dropped;
}

// What is in a pipe, as a C string.
static const char *drain(int fd) {
    static char buffer[1 << 16];
    ssize_t got = read(fd, buffer, sizeof buffer - 1);
    buffer[got > 0 ? got : 0] = 0;
    return buffer;
}

static void log_mode_writes_lines(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pointmill_lambda *lambda = make("DD_FLUSH_TO_LOG", "1", ends[1], NULL);
    uint32_t mode = 0;
    OK(pointmill_lambda_mode(lambda, &mode));
    CHECK(mode == POINTMILL_LAMBDA_LOG);
    pointmill_lambda_invocation told = invocation();
    pointmill_lambda_result came = result(1);
    pointmill_str named[] = {text("coffee.sold"), text("size:large")};
    uint64_t token = 0, budget = 0, held = 0;
    OK(pointmill_lambda_begin(lambda, &told, &token));
    OK(pointmill_lambda_metric_at(lambda, named, 2, 2.5, 1700000000, 0));
    OK(pointmill_lambda_context(lambda, named, 2, &held));
    OK(pointmill_lambda_record_at(lambda, held, 4, 1700000001));
    CODE(POINTMILL_E_NOT_FINITE, pointmill_lambda_metric(lambda, named, 2, NAN));
    CODE(POINTMILL_E_INVALID_NAME, pointmill_lambda_metric(lambda, named, 0, 1));
    OK(pointmill_lambda_rejected(lambda, POINTMILL_LAMBDA_BAD_VALUE, 3));
    OK(pointmill_lambda_end(lambda, token, &came, &budget));
    CHECK(budget > 1000 && budget <= 5000);
    CODE(POINTMILL_E_STALE_CONTEXT, pointmill_lambda_end(lambda, token, &came, &budget));
    OK(pointmill_lambda_flush(lambda, budget));
    const char *lines = drain(ends[0]);
    const char *expected = "{\"m\":\"coffee.sold\",\"v\":2.5,\"e\":1700000000,"
                           "\"t\":[\"size:large\",\"dd_lambda_layer:pointmill-c-0.1\"]}\n";
    CHECK(strstr(lines, expected) != NULL);
    CHECK(strstr(lines, "\"v\":4,\"e\":1700000001,") != NULL);
    CHECK(strncmp(lines, "{\"m\":\"aws.lambda.enhanced.invocations\",\"v\":1,", 45) == 0);
    CHECK(strstr(lines, "{\"m\":\"aws.lambda.enhanced.errors\",\"v\":1,") != NULL);
    CHECK(strstr(lines, "\"t\":[\"functionname:checkout\",\"region:eu-west-1\","
                        "\"account_id:123456789012\",\"memorysize:256\",\"cold_start:true\","
                        "\"datadog_lambda:v0.1.0\",\"resource:checkout\","
                        "\"dd_lambda_layer:pointmill-c-0.1\"]}\n") != NULL);
    pointmill_lambda_stats s = POINTMILL_LAMBDA_STATS_INIT;
    OK(pointmill_lambda_stats_get(lambda, &s));
    CHECK(s.recorded == 9 && s.accepted == 4 && s.enhanced == 2 && s.rejected_bad_value == 3);
    CHECK(s.rejected_not_finite == 1 && s.rejected_invalid_name == 1 && balances(&s));
    OK(pointmill_lambda_close(lambda, 1000));
    CODE(POINTMILL_E_CLOSED, pointmill_lambda_metric(lambda, named, 2, 1));
    pointmill_lambda_free(lambda);
    close(ends[0]);
    close(ends[1]);
}

static void http_mode_posts_sketches(void) {
    int report[2], log[2];
    char url[64];
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    CHECK(pipe(report) == 0 && pipe(log) == 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    fflush(stdout);
    pid_t intake = fork();
    if (intake == 0) {
        serve(listener, report[1]);
        _exit(0);
    }
    pointmill_lambda *lambda = make("DD_API_KEY", "k123", log[1], url);
    pointmill_lambda_invocation told = invocation();
    pointmill_str named[] = {text("coffee.sold"), text("size:large")};
    uint64_t token = 0, budget = 0;
    for (int i = 0; i < 3; i++) {
        OK(pointmill_lambda_begin(lambda, &told, &token));
        for (int k = 0; k < 1000; k++)
            OK(pointmill_lambda_metric(lambda, named, 2, k));
        OK(pointmill_lambda_end(lambda, token, NULL, &budget));
        OK(pointmill_lambda_flush(lambda, budget));
        // One, or two if an interval has ended meanwhile.
        const char *line = "POST /api/beta/sketches HTTP/1.1 key=1\n";
        const char *posts = drain(report[0]);
        CHECK(strncmp(posts, line, strlen(line)) == 0);
        while (strncmp(posts, line, strlen(line)) == 0)
            posts += strlen(line);
        CHECK(*posts == 0);
        CHECK(strstr(drain(log[0]), "aws.lambda.enhanced.invocations") != NULL);
    }
    pointmill_str site = {NULL, 0};
    OK(pointmill_lambda_setting(lambda, "api_key", &site));
    CHECK(same(site, "***"));
    size_t warned = 1;
    OK(pointmill_lambda_warnings(lambda, NULL, 0, &warned));
    CHECK(warned == 0);
    pointmill_lambda_stats s = POINTMILL_LAMBDA_STATS_INIT;
    OK(pointmill_lambda_stats_get(lambda, &s));
    CHECK(s.recorded == 3003 && s.accepted == 3003 && balances(&s));
    pointmill_lambda_free(lambda);
    kill(intake, SIGKILL);
    waitpid(intake, NULL, 0);
}

static void trace_ids_are_converted(void) {
    pointmill_lambda_trace trace = POINTMILL_LAMBDA_TRACE_INIT;
    pointmill_str header = text("Root=1-5e272390-8c398be037738dc042009320;"
                                "Parent=94ae789b969f1cc5;Sampled=1");
    OK(pointmill_lambda_trace_of_xray(header, &trace));
    CHECK(trace.trace_id == 3995693151288333088u && trace.priority == 2);
    CHECK(trace.parent_id == 10713633173203262661u);
    CODE(POINTMILL_E_INVALID, pointmill_lambda_trace_of_xray(text("Root=1"), &trace));
    pointmill_str names[] = {text("X-Datadog-Trace-Id"), text("x-datadog-parent-id")};
    pointmill_str values[] = {text("12"), text("34")};
    OK(pointmill_lambda_trace_of_headers(names, values, 2, &trace));
    CHECK(trace.trace_id == 12 && trace.parent_id == 34 && trace.priority == 1);
}

// Held metrics in columns, the engine behind, a restore, the process's own variables.
static void the_rest_answers(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    char number[16];
    snprintf(number, sizeof number, "%d", ends[1]);
    pointmill_lambda_config *config = NULL;
    pointmill_lambda *lambda = NULL;
    int64_t interval = (int64_t)time(NULL) / 10;
    OK(pointmill_lambda_config_new(POINTMILL_LAMBDA_PYTHON, &config));
    setenv("DD_FLUSH_TO_LOG", "true", 1);
    OK(pointmill_lambda_config_process_env(config));
    unsetenv("DD_FLUSH_TO_LOG");
    set(config, "log_fd", number);
    set(config, "flush_in_thread", "false");
    set(config, "extension_path", "/nowhere/at/all");
    OK(pointmill_lambda_new(config, &lambda, NULL));
    pointmill_lambda_config_free(config);
    uint32_t mode = 0;
    OK(pointmill_lambda_mode(lambda, &mode));
    CHECK(mode == POINTMILL_LAMBDA_LOG);
    pointmill_str named[] = {text("coffee.sold")};
    uint64_t held = 0, budget = 1;
    OK(pointmill_lambda_context(lambda, named, 1, &held));
    OK(pointmill_lambda_record(lambda, held, 1));
    uint64_t contexts[] = {held, held, held};
    double values[] = {2, NAN, 3};
    int64_t times[] = {1700000000, 1700000000, 1700000001};
    size_t rejected = 0, len = 1;
    OK(pointmill_lambda_record_batch(lambda, contexts, values, times, 3, &rejected));
    CHECK(rejected == 1);
    OK(pointmill_lambda_flush_due(lambda, &budget));
    // Unless an interval has ended since the begin.
    CHECK(budget == 0 || (int64_t)time(NULL) / 10 > interval);
    OK(pointmill_lambda_restored(lambda));
    pointmill_engine *engine = NULL;
    pointmill_engine_stats inner = POINTMILL_ENGINE_STATS_INIT;
    OK(pointmill_lambda_engine(lambda, &engine));
    OK(pointmill_stats(engine, &inner));
    pointmill_engine_free(engine);
    OK(pointmill_lambda_flush(lambda, 1000));
    CHECK(strstr(drain(ends[0]), "\"v\":3,\"e\":1700000001,") != NULL);
    OK(pointmill_lambda_last_failure(lambda, NULL, 0, &len));
    CHECK(len == 0);
    pointmill_lambda_stats s = POINTMILL_LAMBDA_STATS_INIT;
    OK(pointmill_lambda_stats_get(lambda, &s));
    CHECK(s.recorded == 4 && s.accepted == 3 && s.rejected_not_finite == 1 && balances(&s));
    pointmill_lambda_free(lambda);
    close(ends[0]);
    close(ends[1]);
}

static void structs_from_other_versions_are_read(void) {
    pointmill_lambda *lambda = make("DD_FLUSH_TO_LOG", "1", 2, NULL);
    struct {
        pointmill_lambda_invocation known;
        uint64_t later;
    } newer;
    uint64_t token = 0;
    memset(&newer, 0, sizeof newer);
    newer.known.struct_size = sizeof newer;
    newer.known.flags = POINTMILL_LAMBDA_NOT_COUNTED;
    OK(pointmill_lambda_begin(lambda, &newer.known, &token));
    newer.later = 1;
    CODE(POINTMILL_E_INVALID, pointmill_lambda_begin(lambda, &newer.known, &token));
    newer.known.struct_size = 8;
    CODE(POINTMILL_E_STRUCT_SIZE, pointmill_lambda_begin(lambda, &newer.known, &token));
    pointmill_lambda_free(lambda);
}

// A program that only records and is killed: its line is out all the same.
static void a_killed_program_has_written_its_line(void) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    pid_t program = fork();
    if (program == 0) {
        // Without the line this program ends some day, and then the pipe does.
        alarm(300);
        pointmill_lambda *lambda = make("DD_FLUSH_TO_LOG", "1", ends[1], NULL);
        pointmill_str named[] = {text("coffee.sold")};
        pointmill_lambda_metric_at(lambda, named, 1, 2.5, 1700000000, 0);
        for (;;)
            pause();
    }
    CHECK(program > 0);
    close(ends[1]);
    CHECK(strncmp(drain(ends[0]), "{\"m\":\"coffee.sold\",\"v\":2.5,\"e\":1700000000,", 42) == 0);
    kill(program, SIGKILL);
    CHECK(waitpid(program, NULL, 0) == program);
    close(ends[0]);
}

int main(void) {
    signal(SIGPIPE, SIG_IGN);
    RUN(log_mode_writes_lines);
    RUN(http_mode_posts_sketches);
    RUN(trace_ids_are_converted);
    RUN(the_rest_answers);
    RUN(a_killed_program_has_written_its_line);
    RUN(structs_from_other_versions_are_read);
    return FINISH();
}

// Delivery from begin to end: record, flush, close, against a small intake of this program's own.
#include "check.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// An intake that answers every request with one status and keeps connections open.
typedef struct {
    pid_t pid;
    char url[64];
} intake;

// Reads one request; 0 when the connection has ended.
static int read_request(int fd) {
    static char buffer[1 << 16];
    size_t len = 0;
    for (;;) {
        ssize_t got = read(fd, buffer + len, sizeof buffer - 1 - len);
        if (got <= 0)
            return 0;
        len += (size_t)got;
        buffer[len] = 0;
        char *end = strstr(buffer, "\r\n\r\n");
        char *length = strstr(buffer, "ontent-length: ");
        length = length ? length : strstr(buffer, "ontent-Length: ");
        if (end && length) {
            size_t whole = (size_t)(end + 4 - buffer) + strtoul(length + 15, NULL, 10);
            if (len >= whole)
                return 1;
        }
    }
}

static void serve(int listener, int status) {
    char answer[128];
    snprintf(answer, sizeof answer, "HTTP/1.1 %d X\r\nContent-Length: 2\r\n\r\n{}", status);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        while (fd >= 0 && read_request(fd))
            if (write(fd, answer, strlen(answer)) < 0)
                break;
        if (fd >= 0)
            close(fd);
    }
}

static intake start_intake(int status) {
    intake made;
    struct sockaddr_in address;
    socklen_t len = sizeof address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    CHECK(bind(listener, (struct sockaddr *)&address, sizeof address) == 0);
    CHECK(listen(listener, 8) == 0);
    CHECK(getsockname(listener, (struct sockaddr *)&address, &len) == 0);
    snprintf(made.url, sizeof made.url, "http://127.0.0.1:%d", ntohs(address.sin_port));
    fflush(stdout);
    made.pid = fork();
    if (made.pid == 0) {
        serve(listener, status);
        _exit(0);
    }
    close(listener);
    return made;
}

static void stop_intake(const intake *server) {
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
}

static void set(pointmill_config *config, const char *name, const char *value) {
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_set(config, name, value, &err));
}

static pointmill_engine *small_engine(pointmill_config *config) {
    pointmill_engine *engine = NULL;
    set(config, "contexts_max", "64");
    OK(pointmill_engine_new(config, &engine, NULL));
    return engine;
}

static void record(pointmill_engine *engine, int points) {
    pointmill_str named[] = {text("checkout.latency"), text("env:prod")};
    for (int i = 0; i < points; i++)
        OK(pointmill_record_named(engine, POINTMILL_DISTRIBUTION, named, 2, i + 1.0));
}

static int books_balance(const pointmill_client_stats *s) {
    return s->flushed + s->adopted
        == s->accepted + s->queued + s->spooled + s->handed_over + s->skipped + s->dropped;
}

static void what_is_recorded_arrives(void) {
    intake server = start_intake(202);
    pointmill_config *config = NULL;
    pointmill_client *client = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    set(config, "url", server.url);
    set(config, "background", "false");
    pointmill_engine *engine = small_engine(config);
    OK(pointmill_client_new(engine, config, &client, &err));
    pointmill_config_free(config);
    record(engine, 1000);
    OK(pointmill_client_flush(client, POINTMILL_FLUSH_ALL, 60000));
    record(engine, 500);
    OK(pointmill_client_close(client, 60000));
    pointmill_client_stats s = POINTMILL_CLIENT_STATS_INIT;
    OK(pointmill_client_stats_get(client, &s));
    CHECK(s.flushed == 1500 && s.accepted == 1500 && s.requests == 2 && books_balance(&s));
    CODE(POINTMILL_E_CLOSED, pointmill_client_flush(client, 0, 0));
    size_t len = 1;
    OK(pointmill_client_last_failure(client, NULL, 0, &len));
    CHECK(len == 0);
    // In either order.
    pointmill_engine_free(engine);
    pointmill_client_free(client);
    stop_intake(&server);
}

static void a_refusal_is_counted_and_told(void) {
    intake server = start_intake(403);
    pointmill_config *config = NULL;
    pointmill_client *client = NULL;
    OK(pointmill_config_new(&config));
    set(config, "url", server.url);
    set(config, "api_key", "0123456789abcdef");
    set(config, "background", "false");
    pointmill_engine *engine = small_engine(config);
    OK(pointmill_client_new(engine, config, &client, NULL));
    record(engine, 7);
    CODE(POINTMILL_E_DELIVERY_DROPPED, pointmill_client_flush(client, POINTMILL_FLUSH_ALL, 60000));
    pointmill_client_stats s = POINTMILL_CLIENT_STATS_INIT;
    OK(pointmill_client_stats_get(client, &s));
    CHECK(s.dropped_forbidden == 7 && s.dropped == 7 && s.failed_status == 1 && books_balance(&s));
    char told[512], value[8];
    size_t len = 0;
    OK(pointmill_client_last_failure(client, told, sizeof told - 1, &len));
    told[len] = 0;
    CHECK(strstr(told, "403") && strstr(told, "api_key") && !strstr(told, "0123456789abcdef"));
    CODE(POINTMILL_E_BUFFER_TOO_SMALL, pointmill_client_last_failure(client, told, 3, &len));
    OK(pointmill_config_get(config, "api_key", value, sizeof value, &len));
    CHECK(len == 3 && memcmp(value, "***", 3) == 0);
    pointmill_config_free(config);
    pointmill_client_free(client);
    pointmill_engine_free(engine);
    stop_intake(&server);
}

typedef struct {
    uint64_t points;
    int calls;
} sink;

// Answers nothing twice, then takes everything.
static int32_t take(void *user, const pointmill_payload *payload, uint64_t timeout_ms) {
    sink *to = (sink *)user;
    CHECK(timeout_ms > 0 && payload->body_len > 0 && payload->struct_size == sizeof *payload);
    to->calls++;
    if (to->calls <= 2)
        return 0;
    to->points += payload->points;
    return 202;
}

static void a_function_can_send(void) {
    sink to = {0, 0};
    pointmill_config *config = NULL;
    pointmill_client *client = NULL;
    OK(pointmill_config_new(&config));
    set(config, "background", "false");
    set(config, "retry_base_ms", "1");
    set(config, "retry_max_ms", "1");
    pointmill_engine *engine = small_engine(config);
    OK(pointmill_client_new_with(engine, config, take, &to, &client, NULL));
    record(engine, 3);
    CODE(POINTMILL_E_DELIVERY_LATER, pointmill_client_flush(client, POINTMILL_FLUSH_ALL, 0));
    CODE(POINTMILL_E_INVALID, pointmill_client_flush(client, 2, 0));
    OK(pointmill_client_flush(client, POINTMILL_FLUSH_ALL, 60000));
    CHECK(to.points == 3 && to.calls == 3);
    pointmill_config_free(config);
    pointmill_client_free(client);
    pointmill_engine_free(engine);
}

static void a_thread_sends_by_itself_in_parent_and_child(void) {
    pointmill_config *config = NULL;
    pointmill_client *client = NULL;
    char path[] = "/tmp/pointmill-ctest-XXXXXX";
    int fd = mkstemp(path);
    CHECK(fd >= 0);
    char number[16];
    snprintf(number, sizeof number, "%d", fd);
    OK(pointmill_config_new(&config));
    set(config, "destination", "log");
    set(config, "log_fd", number);
    set(config, "flush_interval_s", "1");
    set(config, "interval_s", "1");
    pointmill_engine *engine = small_engine(config);
    OK(pointmill_client_new(engine, config, &client, NULL));
    record(engine, 2);
    int ends[2];
    CHECK(pipe(ends) == 0);
    fflush(stdout);
    // The thread works at whole seconds, and rests in their middle: the sanitizer's allocator, unlike
    // the system's, stays locked in a child that is forked while another thread allocates.
    struct timespec now, hundredth = {0, 10000000};
    do {
        nanosleep(&hundredth, NULL);
        clock_gettime(CLOCK_REALTIME, &now);
    } while (now.tv_nsec < 400000000 || now.tv_nsec > 600000000);
    pid_t child = fork();
    if (child == 0) {
        // Rather than wait for ever: the pipe ends with it.
        alarm(300);
        OK(pointmill_client_start(client));
        record(engine, 5);
        pointmill_client_stats s = POINTMILL_CLIENT_STATS_INIT;
        struct timespec tenth = {0, 100000000};
        for (int i = 0; i < 600 && s.accepted < 5; i++) {
            nanosleep(&tenth, NULL);
            OK(pointmill_client_stats_get(client, &s));
        }
        CHECK(s.flushed == 5 && s.accepted == 5 && books_balance(&s));
        OK(pointmill_client_close(client, 60000));
        pointmill_client_free(client);
        pointmill_engine_free(engine);
        pointmill_config_free(config);
        fflush(stdout);
        // Not by exit: a leak checker would find what belongs to the parent's thread, which does not
        // exist here and cannot free it.
        char verdict = check_failures == 0 ? 'y' : 'n';
        CHECK(write(ends[1], &verdict, 1) == 1);
        kill(getpid(), SIGKILL);
    }
    char verdict = 0;
    close(ends[1]);
    CHECK(read(ends[0], &verdict, 1) == 1 && verdict == 'y');
    close(ends[0]);
    CHECK(waitpid(child, NULL, 0) == child);
    OK(pointmill_client_close(client, 60000));
    pointmill_client_stats s = POINTMILL_CLIENT_STATS_INIT;
    OK(pointmill_client_stats_get(client, &s));
    CHECK(s.flushed == 2 && s.accepted == 2 && books_balance(&s));
    char lines[4096];
    ssize_t len = pread(fd, lines, sizeof lines, 0);
    int count = 0;
    for (ssize_t i = 0; i < len; i++)
        count += lines[i] == '\n';
    CHECK(count == 7);
    pointmill_client_free(client);
    pointmill_engine_free(engine);
    pointmill_config_free(config);
    close(fd);
    unlink(path);
}

static void what_does_not_go_together_is_named(void) {
    pointmill_config *config = NULL;
    pointmill_client *client = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    pointmill_engine *engine = small_engine(config);
    CODE(POINTMILL_E_BAD_VALUE, pointmill_client_new(engine, NULL, &client, &err));
    CHECK(strstr(err.detail, "api_key"));
    set(config, "destination", "dogstatsd");
    set(config, "format", "sketches");
    CODE(POINTMILL_E_BAD_VALUE, pointmill_client_new(engine, config, &client, &err));
    CHECK(strstr(err.detail, "format"));
    set(config, "format", "log_lines");
    set(config, "destination", "log");
    set(config, "log_fd", "987654");
    CODE(POINTMILL_E_BAD_VALUE, pointmill_client_new(engine, config, &client, &err));
    CHECK(strstr(err.detail, "log_fd"));
    CODE(POINTMILL_E_NULL, pointmill_client_new_with(engine, config, NULL, NULL, &client, NULL));
    CODE(POINTMILL_E_NULL, pointmill_client_new(NULL, config, &client, NULL));
    CODE(POINTMILL_E_NULL, pointmill_client_new(engine, config, NULL, NULL));
    CODE(POINTMILL_E_HANDLE, pointmill_client_flush((pointmill_client *)engine, 0, 0));
    CHECK(client == NULL);
    pointmill_client_free(NULL);
    pointmill_engine_free(engine);
    pointmill_config_free(config);
}

int main(void) {
    RUN(what_is_recorded_arrives);
    RUN(a_refusal_is_counted_and_told);
    RUN(a_function_can_send);
    RUN(a_thread_sends_by_itself_in_parent_and_child);
    RUN(what_does_not_go_together_is_named);
    return FINISH();
}

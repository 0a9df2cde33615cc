// A fork: the child's copy of the engine begins empty and works, the parent's is untouched.
#include "check.h"

#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW 1700000000

static double total_of(pointmill_engine *engine) {
    pointmill_snapshot *snapshot = NULL;
    double total = 0;
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    for (size_t i = 0; i < pointmill_snapshot_len(snapshot); i++) {
        pointmill_entry e = POINTMILL_ENTRY_INIT;
        OK(pointmill_snapshot_entry(snapshot, i, &e));
        total += e.value;
    }
    pointmill_snapshot_free(snapshot);
    return total;
}

static void record(pointmill_engine *engine, double value) {
    pointmill_str named[] = {text("requests"), text("route:/")};
    OK(pointmill_record_named(engine, POINTMILL_COUNT, named, 2, value));
}

static void a_child_begins_empty_and_the_parent_keeps_its_points(void) {
    pointmill_engine *engine = NULL;
    OK(pointmill_engine_new(NULL, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    record(engine, 5.0);
    fflush(stdout);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        check_failures = 0;
        pointmill_engine_stats s = POINTMILL_ENGINE_STATS_INIT;
        OK(pointmill_stats(engine, &s));
        CHECK(balanced(&s) && s.pending == 0);
        OK(pointmill_tick(engine, NOW));
        record(engine, 2.0);
        CHECK(total_of(engine) == 2.0);
        OK(pointmill_stats(engine, &s));
        CHECK(balanced(&s));
        pointmill_engine_free(engine);
        fflush(stdout);
        _exit(check_failures == 0 ? 0 : 1);
    }
    int status = -1;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    record(engine, 1.0);
    CHECK(total_of(engine) == 6.0);
    pointmill_engine_stats s = POINTMILL_ENGINE_STATS_INIT;
    OK(pointmill_stats(engine, &s));
    CHECK(balanced(&s) && s.recorded == 2 && s.flushed == 2);
    pointmill_engine_free(engine);
}

int main(void) {
    RUN(a_child_begins_empty_and_the_parent_keeps_its_points);
    return FINISH();
}

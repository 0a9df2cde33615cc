// Eight threads record into one engine while another flushes: no point is lost.
#include "check.h"

#include <pthread.h>

#define NOW 1700000000
enum { THREADS = 8, CONTEXTS = 16 };

static int points_per_thread = 20000;
static pointmill_engine *engine;
static uint64_t contexts[CONTEXTS];

static void *record(void *argument) {
    intptr_t failed = 0;
    int me = (int)(intptr_t)argument;
    for (int i = 0; i < points_per_thread; i++) {
        if (i % 100 == 0) {
            // By name: contexts that other threads make at the same time.
            char tag[32];
            snprintf(tag, sizeof tag, "n:%d", i / 100 % 10);
            pointmill_str named[] = {text("named"), text(tag)};
            failed += pointmill_record_named(engine, POINTMILL_COUNT, named, 2, 1.0) != 0;
        } else {
            failed += pointmill_record(engine, contexts[(i + me) % CONTEXTS], 1.0 + i % 50) != 0;
        }
    }
    return (void *)failed;
}

static uint64_t flush_points(void) {
    pointmill_snapshot *snapshot = NULL;
    uint64_t points = 0;
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    for (size_t i = 0; i < pointmill_snapshot_len(snapshot); i++) {
        pointmill_entry e = POINTMILL_ENTRY_INIT;
        OK(pointmill_snapshot_entry(snapshot, i, &e));
        points += e.points;
    }
    pointmill_snapshot_free(snapshot);
    return points;
}

static void the_ledger_balances_after_eight_threads(void) {
    pthread_t threads[THREADS];
    OK(pointmill_engine_new(NULL, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    for (int i = 0; i < CONTEXTS; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "c:%d", i);
        pointmill_str tags[] = {text(tag)};
        OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("d"), tags, 1, &contexts[i]));
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(pthread_create(&threads[i], NULL, record, (void *)(intptr_t)i) == 0);
    uint64_t flushed = 0;
    for (int i = 0; i < 20; i++)
        flushed += flush_points();
    for (int i = 0; i < THREADS; i++) {
        void *failed = NULL;
        CHECK(pthread_join(threads[i], &failed) == 0);
        CHECK(failed == NULL);
    }
    flushed += flush_points();
    pointmill_engine_stats s = POINTMILL_ENGINE_STATS_INIT;
    OK(pointmill_stats(engine, &s));
    CHECK(balanced(&s));
    CHECK(s.recorded == (uint64_t)THREADS * (uint64_t)points_per_thread);
    CHECK(s.flushed == s.recorded && flushed == s.recorded && s.pending == 0);
    pointmill_engine_free(engine);
}

int main(int argc, char **argv) {
    if (argc > 1)
        points_per_thread = atoi(argv[1]);
    RUN(the_ledger_balances_after_eight_threads);
    return FINISH();
}

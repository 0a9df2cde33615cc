// Contexts, recording and the ledger.
#include "check.h"

#define NOW 1700000000

static pointmill_engine *engine_at(int64_t now) {
    pointmill_config *config = NULL;
    pointmill_engine *engine = NULL;
    OK(pointmill_config_new(&config));
    // The engine starts with the system's clock; these tests live at their own time.
    OK(pointmill_config_set(config, "past_max_s", "1000000000000", NULL));
    OK(pointmill_config_set(config, "future_max_s", "1000000000000", NULL));
    OK(pointmill_engine_new(config, &engine, NULL));
    OK(pointmill_tick(engine, now));
    pointmill_config_free(config);
    return engine;
}

static pointmill_engine_stats stats_of(const pointmill_engine *engine) {
    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    OK(pointmill_stats(engine, &stats));
    CHECK(stats.struct_size == sizeof stats && balanced(&stats));
    return stats;
}

static void tag_order_and_duplicates_do_not_matter(void) {
    pointmill_engine *engine = engine_at(NOW);
    pointmill_str ab[] = {text("a:1"), text("b:2")};
    pointmill_str bab[] = {text("b:2"), text("a:1"), text("b:2")};
    uint64_t first = 0, second = 0, other = 0, kind = 0;
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("m"), ab, 2, &first));
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("m"), bab, 3, &second));
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("m"), ab, 1, &other));
    OK(pointmill_context(engine, POINTMILL_COUNT, text("m"), ab, 2, &kind));
    CHECK(first == second && first != other && first != kind);
    CHECK(first < (1ull << 53) && other < (1ull << 53));
    CHECK(stats_of(engine).contexts == 3);
    pointmill_engine_free(engine);
}

static void every_way_of_recording_arrives(void) {
    pointmill_engine *engine = engine_at(NOW);
    uint64_t d = 0, c = 0;
    size_t rejected = 9;
    pointmill_str tags[] = {text("t:1")};
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("d"), tags, 1, &d));
    OK(pointmill_context(engine, POINTMILL_COUNT, text("c"), tags, 1, &c));
    OK(pointmill_record(engine, d, 1.0));
    OK(pointmill_record_at(engine, d, 2.0, NOW));
    OK(pointmill_record_sampled(engine, d, 3.0, 0.5));
    OK(pointmill_record_sampled_at(engine, d, 3.0, 0.5, NOW));
    const double values[] = {4.0, NAN, 5.0};
    OK(pointmill_record_many(engine, d, values, 3, &rejected));
    CHECK(rejected == 1);
    const uint64_t contexts[] = {d, c, c, 0xfffffffffffff};
    const double columns[] = {6.0, 10.0, INFINITY, 1.0};
    OK(pointmill_record_batch(engine, contexts, columns, 4, &rejected));
    CHECK(rejected == 2);
    pointmill_str named[] = {text("d"), text("t:1")};
    OK(pointmill_record_named(engine, POINTMILL_DISTRIBUTION, named, 2, 7.0));
    OK(pointmill_record_many(engine, d, NULL, 0, &rejected));
    CHECK(rejected == 0);
    OK(pointmill_record_batch(engine, NULL, NULL, 0, &rejected));
    CHECK(rejected == 0);

    pointmill_snapshot *snapshot = NULL;
    OK(pointmill_flush(engine, NOW + 20, 0, &snapshot));
    CHECK(pointmill_snapshot_len(snapshot) == 2);
    for (size_t i = 0; i < pointmill_snapshot_len(snapshot); i++) {
        pointmill_entry e = POINTMILL_ENTRY_INIT;
        OK(pointmill_snapshot_entry(snapshot, i, &e));
        CHECK(e.interval == NOW / 10 * 10 && e.interval_s == 10 && e.tags_len == 1);
        if (e.kind == POINTMILL_DISTRIBUTION) {
            // 1, 2, 3 twice, 3 twice, 4, 5, 6, 7
            CHECK(same(e.name, "d") && e.summary.count == 10 && e.points == 8);
            CHECK(e.summary.min == 1 && e.summary.max == 7 && e.summary.sum == 37);
        } else {
            CHECK(e.kind == POINTMILL_COUNT && same(e.name, "c") && e.value == 10.0);
        }
    }
    pointmill_snapshot_free(snapshot);
    pointmill_engine_stats s = stats_of(engine);
    CHECK(s.recorded == 12 && s.flushed == 9 && s.pending == 0);
    CHECK(s.rejected_not_finite == 2 && s.rejected_stale == 1);
    pointmill_engine_free(engine);
}

static void open_intervals_wait_unless_all_are_asked_for(void) {
    pointmill_engine *engine = engine_at(NOW);
    pointmill_snapshot *closed = NULL, *all = NULL;
    uint64_t context = 0;
    OK(pointmill_context(engine, POINTMILL_GAUGE, text("g"), NULL, 0, &context));
    OK(pointmill_record(engine, context, 1.0));
    OK(pointmill_flush(engine, NOW + 1, 0, &closed));
    CHECK(pointmill_snapshot_len(closed) == 0);
    CHECK(stats_of(engine).pending == 1);
    OK(pointmill_flush(engine, NOW + 1, POINTMILL_FLUSH_ALL, &all));
    CHECK(pointmill_snapshot_len(all) == 1);
    CHECK(stats_of(engine).pending == 0);
    pointmill_snapshot *none = NULL;
    CODE(POINTMILL_E_INVALID, pointmill_flush(engine, NOW, 8, &none));
    CHECK(none == NULL);
    pointmill_snapshot_free(closed);
    // Snapshots live without their engine.
    pointmill_engine_free(engine);
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    OK(pointmill_snapshot_entry(all, 0, &e));
    CHECK(same(e.name, "g") && e.value == 1.0);
    pointmill_snapshot_free(all);
}

static void refusals_are_told_and_counted(void) {
    pointmill_engine *engine = NULL;
    uint64_t context = 0, none = 42;
    OK(pointmill_engine_new(NULL, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    OK(pointmill_context(engine, POINTMILL_COUNT, text("c"), NULL, 0, &context));
    CODE(POINTMILL_E_NOT_FINITE, pointmill_record(engine, context, NAN));
    CODE(POINTMILL_E_STALE_CONTEXT, pointmill_record(engine, context + 12345, 1.0));
    CODE(POINTMILL_E_STALE_CONTEXT, pointmill_record(engine, UINT64_MAX, 1.0));
    size_t rejected = 9;
    const double two[] = {1.0, 2.0};
    CODE(POINTMILL_E_STALE_CONTEXT, pointmill_record_many(engine, UINT64_MAX, two, 2, &rejected));
    CHECK(rejected == 9);
    CODE(POINTMILL_E_TOO_OLD, pointmill_record_at(engine, context, 1.0, 1000));
    CODE(POINTMILL_E_TOO_NEW, pointmill_record_at(engine, context, 1.0, INT64_MAX));
    CODE(POINTMILL_E_TOO_OLD, pointmill_record_at(engine, context, 1.0, INT64_MIN));
    CODE(POINTMILL_E_KIND, pointmill_context(engine, 9, text("c"), NULL, 0, &none));
    CODE(POINTMILL_E_INVALID_NAME,
         pointmill_context(engine, POINTMILL_COUNT, text(""), NULL, 0, &none));
    pointmill_str empty[] = {text("")}, fine[] = {text("m")};
    CODE(POINTMILL_E_INVALID_NAME, pointmill_record_named(engine, POINTMILL_COUNT, empty, 1, 1.0));
    CODE(POINTMILL_E_INVALID_NAME, pointmill_record_named(engine, POINTMILL_COUNT, NULL, 0, 1.0));
    CODE(POINTMILL_E_KIND, pointmill_record_named(engine, 0, fine, 1, 1.0));
    CODE(POINTMILL_E_NOT_FINITE, pointmill_record_named(engine, POINTMILL_COUNT, fine, 1, NAN));
    CHECK(none == 42);
    pointmill_engine_stats s = stats_of(engine);
    CHECK(s.recorded == 11);
    CHECK(s.rejected_not_finite == 2 && s.rejected_stale == 4 && s.rejected_invalid_name == 2);
    CHECK(s.rejected_too_old == 2 && s.rejected_too_new == 1);
    pointmill_engine_free(engine);
}

static void limits_fold_tags_but_lose_no_point(void) {
    pointmill_config *config = NULL;
    pointmill_engine *engine = NULL;
    OK(pointmill_config_new(&config));
    OK(pointmill_config_set(config, "contexts_max", "10", NULL));
    OK(pointmill_engine_new(config, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    pointmill_config_free(config);
    for (int i = 0; i < 100; i++) {
        char tag[32];
        snprintf(tag, sizeof tag, "user:%d", i);
        pointmill_str named[] = {text("logins"), text(tag)};
        OK(pointmill_record_named(engine, POINTMILL_COUNT, named, 2, 1.0));
    }
    pointmill_snapshot *snapshot = NULL, *total = NULL;
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    pointmill_engine_stats s = stats_of(engine);
    CHECK(s.recorded == 100 && s.flushed == 100);
    CHECK(s.overflowed >= 90 && s.overflowed == s.contexts_refused);
    OK(pointmill_snapshot_group_by(snapshot, NULL, 0, 0, &total));
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    OK(pointmill_snapshot_entry(total, 0, &e));
    CHECK(pointmill_snapshot_len(total) == 1 && e.value == 100.0 && e.points == 100);
    pointmill_snapshot_free(snapshot);
    pointmill_snapshot_free(total);
    pointmill_engine_free(engine);
}

static void bytes_that_are_not_utf8_are_mended(void) {
    pointmill_engine *engine = engine_at(NOW);
    pointmill_str tags[] = {text("city:K\xf6ln")};
    uint64_t context = 0;
    OK(pointmill_context(engine, POINTMILL_COUNT, text("caf\xe9"), tags, 1, &context));
    OK(pointmill_record(engine, context, 1.0));
    pointmill_snapshot *snapshot = NULL;
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    pointmill_str tag = {NULL, 0};
    OK(pointmill_snapshot_entry(snapshot, 0, &e));
    OK(pointmill_snapshot_tag(snapshot, 0, 0, &tag));
    CHECK(same(e.name, "caf\xef\xbf\xbd") && same(tag, "city:K\xef\xbf\xbdln"));
    CHECK(stats_of(engine).utf8_mended == 2);
    pointmill_snapshot_free(snapshot);
    pointmill_engine_free(engine);
}

static void a_large_batch_takes_every_point(void) {
    enum { N = 100000, CONTEXTS = 37 };
    pointmill_engine *engine = engine_at(NOW);
    uint64_t *ids = (uint64_t *)malloc(N * sizeof *ids), context[CONTEXTS];
    double *values = (double *)malloc(N * sizeof *values);
    size_t rejected = 9;
    for (int i = 0; i < CONTEXTS; i++) {
        char tag[16];
        snprintf(tag, sizeof tag, "i:%d", i);
        pointmill_str tags[] = {text(tag)};
        OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("d"), tags, 1, &context[i]));
    }
    for (int i = 0; i < N; i++) {
        ids[i] = context[i % CONTEXTS];
        values[i] = 1.0 + i % 1000;
    }
    OK(pointmill_record_batch(engine, ids, values, N, &rejected));
    CHECK(rejected == 0);
    pointmill_snapshot *snapshot = NULL;
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    uint64_t total = 0;
    double sum = 0;
    for (size_t i = 0; i < pointmill_snapshot_len(snapshot); i++) {
        pointmill_entry e = POINTMILL_ENTRY_INIT;
        OK(pointmill_snapshot_entry(snapshot, i, &e));
        total += e.summary.count;
        sum += e.summary.sum;
    }
    CHECK(total == N && sum == N / 1000 * 500500.0);
    CHECK(stats_of(engine).flushed == N);
    pointmill_snapshot_free(snapshot);
    pointmill_engine_free(engine);
    free(ids);
    free(values);
}

int main(void) {
    RUN(tag_order_and_duplicates_do_not_matter);
    RUN(every_way_of_recording_arrives);
    RUN(open_intervals_wait_unless_all_are_asked_for);
    RUN(refusals_are_told_and_counted);
    RUN(limits_fold_tags_but_lose_no_point);
    RUN(bytes_that_are_not_utf8_are_mended);
    RUN(a_large_batch_takes_every_point);
    return FINISH();
}

// NULL, misaligned and foreign pointers: a code for each, never a crash.
#include "check.h"

#define NOW 1700000000

static pointmill_sketch *sketch;
static pointmill_config *config;
static pointmill_engine *engine;
static pointmill_snapshot *snapshot;
static pointmill_payloads *payloads;
static uint64_t context;

static double number;
static double two[2] = {1.0, 2.0};
static uint64_t ids[2];
static size_t len;
static uint64_t id;
static int16_t key;
static int16_t keys[4096];
static uint32_t counts[4096];
static char letters[64];
static uint8_t bytes[65536];

static void set_up(void) {
    pointmill_str tags[] = {text("a:1")};
    OK(pointmill_sketch_new(&sketch));
    OK(pointmill_sketch_insert(sketch, 1.0));
    OK(pointmill_config_new(&config));
    OK(pointmill_engine_new(config, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("m"), tags, 1, &context));
    OK(pointmill_record(engine, context, 1.0));
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    OK(pointmill_encode(snapshot, config, &payloads, NULL));
}

static void tear_down(void) {
    pointmill_payloads_free(payloads);
    pointmill_snapshot_free(snapshot);
    pointmill_engine_free(engine);
    pointmill_config_free(config);
    pointmill_sketch_free(sketch);
}

#define NULLED(call) CODE(POINTMILL_E_NULL, call)

static void null_is_answered_by_sketches(void) {
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    pointmill_sketch *made = NULL;
    NULLED(pointmill_sketch_new(NULL));
    NULLED(pointmill_sketch_clone(NULL, &made));
    NULLED(pointmill_sketch_clone(sketch, NULL));
    NULLED(pointmill_sketch_insert(NULL, 1.0));
    NULLED(pointmill_sketch_insert_n(NULL, 1.0, 1));
    NULLED(pointmill_sketch_insert_sampled(NULL, 1.0, 1.0));
    NULLED(pointmill_sketch_insert_many(NULL, two, 2));
    NULLED(pointmill_sketch_insert_many(sketch, NULL, 2));
    NULLED(pointmill_sketch_insert_interpolated(NULL, 1.0, 2.0, 1));
    NULLED(pointmill_sketch_merge(NULL, sketch));
    NULLED(pointmill_sketch_merge(sketch, NULL));
    NULLED(pointmill_sketch_merge(NULL, NULL));
    NULLED(pointmill_sketch_summary(NULL, &summary));
    NULLED(pointmill_sketch_summary(sketch, NULL));
    NULLED(pointmill_sketch_quantile(NULL, 0.5, &number));
    NULLED(pointmill_sketch_quantile(sketch, 0.5, NULL));
    NULLED(pointmill_sketch_quantile_agent(NULL, 0.5, &number));
    NULLED(pointmill_sketch_quantile_agent(sketch, 0.5, NULL));
    NULLED(pointmill_sketch_bins(NULL, POINTMILL_BINS_U32, keys, counts, 4096, &len));
    NULLED(pointmill_sketch_bins(sketch, POINTMILL_BINS_U32, NULL, counts, 4096, &len));
    NULLED(pointmill_sketch_bins(sketch, POINTMILL_BINS_U32, keys, NULL, 4096, &len));
    NULLED(pointmill_sketch_bins(sketch, POINTMILL_BINS_U32, keys, counts, 4096, NULL));
    NULLED(pointmill_sketch_key(1.0, NULL));
    NULLED(pointmill_sketch_encode(NULL, POINTMILL_SKETCH_AGENT, bytes, sizeof bytes, &len));
    NULLED(pointmill_sketch_encode(sketch, POINTMILL_SKETCH_AGENT, NULL, 10, &len));
    NULLED(pointmill_sketch_encode(sketch, POINTMILL_SKETCH_AGENT, bytes, sizeof bytes, NULL));
    NULLED(pointmill_sketch_decode(POINTMILL_SKETCH_AGENT, NULL, 10, &made, NULL));
    NULLED(pointmill_sketch_decode(POINTMILL_SKETCH_AGENT, bytes, 0, NULL, NULL));
    CHECK(made == NULL);
    pointmill_sketch_free(NULL);
}

static void null_is_answered_by_configurations(void) {
    pointmill_error err = POINTMILL_ERROR_INIT;
    NULLED(pointmill_config_new(NULL));
    NULLED(pointmill_config_set(NULL, "interval_s", "1", &err));
    CHECK(err.code == POINTMILL_E_NULL && strlen(err.detail) > 10);
    NULLED(pointmill_config_set(config, NULL, "1", NULL));
    NULLED(pointmill_config_set(config, "interval_s", NULL, NULL));
    NULLED(pointmill_config_get(NULL, "interval_s", letters, sizeof letters, &len));
    NULLED(pointmill_config_get(config, NULL, letters, sizeof letters, &len));
    NULLED(pointmill_config_get(config, "interval_s", NULL, 10, &len));
    NULLED(pointmill_config_get(config, "interval_s", letters, sizeof letters, NULL));
    NULLED(pointmill_config_option(0, NULL));
    NULLED(pointmill_config_choice(0, 0, NULL));
    NULLED(pointmill_code_at(0, NULL));
    pointmill_config_free(NULL);
}

static void null_is_answered_by_engines(void) {
    pointmill_str tags[] = {text("a:1")}, no_bytes[] = {{NULL, 3}}, no_text[] = {{NULL, 0}};
    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    pointmill_snapshot *made = NULL;
    NULLED(pointmill_engine_new(config, NULL, NULL));
    NULLED(pointmill_tick(NULL, NOW));
    NULLED(pointmill_context(NULL, POINTMILL_COUNT, text("m"), tags, 1, &id));
    NULLED(pointmill_context(engine, POINTMILL_COUNT, text("m"), NULL, 1, &id));
    NULLED(pointmill_context(engine, POINTMILL_COUNT, text("m"), no_bytes, 1, &id));
    NULLED(pointmill_context(engine, POINTMILL_COUNT, no_bytes[0], tags, 1, &id));
    NULLED(pointmill_context(engine, POINTMILL_COUNT, text("m"), tags, 1, NULL));
    CODE(POINTMILL_E_INVALID_NAME,
         pointmill_context(engine, POINTMILL_COUNT, no_text[0], NULL, 0, &id));
    OK(pointmill_context(engine, POINTMILL_COUNT, text("m"), no_text, 1, &id));
    NULLED(pointmill_record(NULL, context, 1.0));
    NULLED(pointmill_record_at(NULL, context, 1.0, NOW));
    NULLED(pointmill_record_sampled(NULL, context, 1.0, 0.5));
    NULLED(pointmill_record_sampled_at(NULL, context, 1.0, 0.5, NOW));
    NULLED(pointmill_record_many(NULL, context, two, 2, &len));
    NULLED(pointmill_record_many(engine, context, NULL, 2, &len));
    NULLED(pointmill_record_many(engine, context, two, 2, NULL));
    NULLED(pointmill_record_batch(NULL, ids, two, 2, &len));
    NULLED(pointmill_record_batch(engine, NULL, two, 2, &len));
    NULLED(pointmill_record_batch(engine, ids, NULL, 2, &len));
    NULLED(pointmill_record_batch(engine, ids, two, 2, NULL));
    NULLED(pointmill_record_named(NULL, POINTMILL_COUNT, tags, 1, 1.0));
    NULLED(pointmill_record_named(engine, POINTMILL_COUNT, NULL, 1, 1.0));
    NULLED(pointmill_record_named(engine, POINTMILL_COUNT, no_bytes, 1, 1.0));
    NULLED(pointmill_flush(NULL, NOW, 0, &made));
    NULLED(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, NULL));
    NULLED(pointmill_stats(NULL, &stats));
    NULLED(pointmill_stats(engine, NULL));
    // Nothing of this was handed over as a point.
    OK(pointmill_stats(engine, &stats));
    CHECK(stats.recorded == 1 && balanced(&stats));
    pointmill_engine_free(NULL);
}

static void null_is_answered_by_snapshots_and_payloads(void) {
    pointmill_entry entry = POINTMILL_ENTRY_INIT;
    pointmill_payload payload = POINTMILL_PAYLOAD_INIT;
    pointmill_skipped skipped = POINTMILL_SKIPPED_INIT;
    pointmill_str tag = {NULL, 0};
    pointmill_sketch *copy = NULL;
    pointmill_snapshot *made = NULL;
    pointmill_payloads *bodies = NULL;
    const pointmill_snapshot *one[] = {snapshot};
    CHECK(pointmill_snapshot_len(NULL) == 0 && pointmill_payloads_len(NULL) == 0);
    NULLED(pointmill_snapshot_entry(NULL, 0, &entry));
    NULLED(pointmill_snapshot_entry(snapshot, 0, NULL));
    NULLED(pointmill_snapshot_tag(NULL, 0, 0, &tag));
    NULLED(pointmill_snapshot_tag(snapshot, 0, 0, NULL));
    NULLED(pointmill_snapshot_quantile(NULL, 0, 0.5, &number));
    NULLED(pointmill_snapshot_quantile(snapshot, 0, 0.5, NULL));
    NULLED(pointmill_snapshot_sketch(NULL, 0, &copy));
    NULLED(pointmill_snapshot_sketch(snapshot, 0, NULL));
    NULLED(pointmill_snapshot_merge(NULL, 1, &made));
    NULLED(pointmill_snapshot_merge(one, 1, NULL));
    NULLED(pointmill_snapshot_group_by(NULL, NULL, 0, 0, &made));
    NULLED(pointmill_snapshot_group_by(snapshot, NULL, 1, 0, &made));
    NULLED(pointmill_snapshot_group_by(snapshot, NULL, 0, 0, NULL));
    NULLED(pointmill_encode(NULL, config, &bodies, NULL));
    NULLED(pointmill_encode(snapshot, config, NULL, NULL));
    NULLED(pointmill_payloads_get(NULL, 0, &payload));
    NULLED(pointmill_payloads_get(payloads, 0, NULL));
    NULLED(pointmill_payloads_skipped(NULL, 0, &skipped));
    NULLED(pointmill_payloads_skipped(payloads, 0, NULL));
    CHECK(copy == NULL && made == NULL && bodies == NULL);
    pointmill_snapshot_free(NULL);
    pointmill_payloads_free(NULL);
}

// A pointer one byte past an aligned one, through an integer: nothing reads or writes there.
#define SHIFTED(type, pointer) ((type)((uintptr_t)(pointer) + 1))

static void misaligned_pointers_are_answered(void) {
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_sketch_insert_many(sketch, SHIFTED(const double *, two), 1));
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_record_many(engine, context, SHIFTED(const double *, two), 1, &len));
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_record_batch(engine, SHIFTED(const uint64_t *, ids), two, 1, &len));
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_record_batch(engine, ids, SHIFTED(const double *, two), 1, &len));
    CODE(POINTMILL_E_ALIGNMENT, pointmill_record(SHIFTED(pointmill_engine *, engine), context, 1));
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_sketch_quantile(sketch, 0.5, SHIFTED(double *, &number)));
    CODE(POINTMILL_E_ALIGNMENT, pointmill_sketch_key(1.0, SHIFTED(int16_t *, &key)));
    CODE(POINTMILL_E_ALIGNMENT,
         pointmill_snapshot_tag(snapshot, 0, 0, SHIFTED(pointmill_str *, two)));
    CHECK(pointmill_snapshot_len(SHIFTED(const pointmill_snapshot *, snapshot)) == 0);
}

static void handles_of_another_type_are_answered(void) {
    double v = 42;
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    CODE(POINTMILL_E_HANDLE, pointmill_record((pointmill_engine *)(void *)sketch, context, 1.0));
    CODE(POINTMILL_E_HANDLE, pointmill_sketch_insert((pointmill_sketch *)(void *)engine, 1.0));
    CODE(POINTMILL_E_HANDLE,
         pointmill_sketch_summary((const pointmill_sketch *)(void *)snapshot, &summary));
    CODE(POINTMILL_E_HANDLE,
         pointmill_snapshot_quantile((const pointmill_snapshot *)(void *)payloads, 0, 0.5, &v));
    CODE(POINTMILL_E_HANDLE,
         pointmill_config_set((pointmill_config *)(void *)sketch, "interval_s", "1", NULL));
    CHECK(pointmill_snapshot_len((const pointmill_snapshot *)(void *)sketch) == 0);
    CHECK(pointmill_payloads_len((const pointmill_payloads *)(void *)sketch) == 0);
    // Freed as something else: nothing happens, and the engine still works.
    pointmill_sketch_free((pointmill_sketch *)(void *)engine);
    OK(pointmill_record(engine, context, 1.0));
    CHECK(v == 42);
}

static void impossible_lengths_are_answered(void) {
    pointmill_str tags[] = {text("a:1")};
    tags[0].len = SIZE_MAX;
    CODE(POINTMILL_E_INVALID, pointmill_sketch_insert_many(sketch, two, SIZE_MAX / 4));
    CODE(POINTMILL_E_INVALID, pointmill_record_many(engine, context, two, SIZE_MAX, &len));
    CODE(POINTMILL_E_INVALID, pointmill_context(engine, POINTMILL_COUNT, text("m"), tags, 1, &id));
    CODE(POINTMILL_E_INVALID, pointmill_record_named(engine, POINTMILL_COUNT, tags, 1, 1.0));
}

int main(void) {
    set_up();
    RUN(null_is_answered_by_sketches);
    RUN(null_is_answered_by_configurations);
    RUN(null_is_answered_by_engines);
    RUN(null_is_answered_by_snapshots_and_payloads);
    RUN(misaligned_pointers_are_answered);
    RUN(handles_of_another_type_are_answered);
    RUN(impossible_lengths_are_answered);
    tear_down();
    return FINISH();
}

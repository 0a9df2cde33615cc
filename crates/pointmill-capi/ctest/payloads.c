// Payloads: formats, limits, what is left out.
#include "check.h"

#define NOW 1700000000

static pointmill_snapshot *mixed(int contexts) {
    pointmill_engine *engine = NULL;
    pointmill_snapshot *snapshot = NULL;
    OK(pointmill_engine_new(NULL, &engine, NULL));
    OK(pointmill_tick(engine, NOW));
    for (int i = 0; i < contexts; i++) {
        char tag[32];
        snprintf(tag, sizeof tag, "shard:%d", i);
        pointmill_str d[] = {text("d"), text(tag)}, c[] = {text("c"), text(tag)};
        OK(pointmill_record_named(engine, POINTMILL_DISTRIBUTION, d, 2, 1.0 + i));
        OK(pointmill_record_named(engine, POINTMILL_COUNT, c, 2, 1.0));
    }
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    pointmill_engine_free(engine);
    return snapshot;
}

static pointmill_payloads *encoded(const pointmill_snapshot *snapshot, const char *const *options) {
    pointmill_config *config = NULL;
    pointmill_payloads *payloads = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    for (; options[0] != NULL; options += 2)
        OK(pointmill_config_set(config, options[0], options[1], &err));
    OK(pointmill_encode(snapshot, config, &payloads, &err));
    pointmill_config_free(config);
    return payloads;
}

static void the_default_carries_every_kind(void) {
    pointmill_snapshot *snapshot = mixed(3);
    pointmill_payloads *payloads = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_encode(snapshot, NULL, &payloads, &err));
    CHECK(pointmill_payloads_len(payloads) == 2);
    uint64_t points = 0, entries = 0;
    for (size_t i = 0; i < pointmill_payloads_len(payloads); i++) {
        pointmill_payload p = POINTMILL_PAYLOAD_INIT;
        OK(pointmill_payloads_get(payloads, i, &p));
        CHECK(p.struct_size == sizeof p && p.body != NULL && p.body_len > 0);
        CHECK(same(p.path, i == 0 ? "/api/beta/sketches" : "/api/v2/series"));
        CHECK(p.content_type.len > 0 && same(p.encoding, "zstd"));
        points += p.points;
        entries += p.entries;
    }
    CHECK(points == 6 && entries == 6);
    pointmill_skipped skipped = POINTMILL_SKIPPED_INIT;
    CODE(POINTMILL_E_INDEX, pointmill_payloads_skipped(payloads, 0, &skipped));
    pointmill_payload p = POINTMILL_PAYLOAD_INIT;
    CODE(POINTMILL_E_INDEX, pointmill_payloads_get(payloads, 2, &p));
    pointmill_payloads_free(payloads);
    pointmill_snapshot_free(snapshot);
}

static void what_a_format_cannot_carry_is_counted(void) {
    pointmill_snapshot *snapshot = mixed(3);
    const char *const options[] = {"format", "sketches", NULL};
    pointmill_payloads *payloads = encoded(snapshot, options);
    // Payloads live without their snapshot.
    pointmill_snapshot_free(snapshot);
    CHECK(pointmill_payloads_len(payloads) == 1);
    pointmill_skipped skipped = POINTMILL_SKIPPED_INIT;
    OK(pointmill_payloads_skipped(payloads, 0, &skipped));
    CHECK(skipped.struct_size == sizeof skipped && skipped.entries == 3 && skipped.points == 3);
    CHECK(same(skipped.cause, "scalar_in_sketch_format") && skipped.detail.len > 10);
    CODE(POINTMILL_E_INDEX, pointmill_payloads_skipped(payloads, 1, &skipped));
    pointmill_payloads_free(payloads);
}

static void bodies_are_readable_text_where_the_format_is(void) {
    pointmill_snapshot *snapshot = mixed(1);
    const char *const options[] = {"format", "log_lines", NULL};
    pointmill_payloads *payloads = encoded(snapshot, options);
    pointmill_payload p = POINTMILL_PAYLOAD_INIT;
    OK(pointmill_payloads_get(payloads, 0, &p));
    CHECK(p.path.len == 0 && p.encoding.len == 0 && p.body_len > 10);
    CHECK(p.body_len > 0 && p.body[0] == '{');
    pointmill_payloads_free(payloads);
    pointmill_snapshot_free(snapshot);
}

static void limits_split_bodies(void) {
    pointmill_snapshot *snapshot = mixed(50);
    const char *const options[] = {"format", "sketches", "items_max", "10", NULL};
    pointmill_payloads *payloads = encoded(snapshot, options);
    CHECK(pointmill_payloads_len(payloads) == 5);
    uint64_t entries = 0;
    for (size_t i = 0; i < pointmill_payloads_len(payloads); i++) {
        pointmill_payload p = POINTMILL_PAYLOAD_INIT;
        OK(pointmill_payloads_get(payloads, i, &p));
        CHECK(p.entries == 10);
        entries += p.entries;
    }
    CHECK(entries == 50);
    pointmill_payloads_free(payloads);
    pointmill_snapshot_free(snapshot);
}

static void options_that_contradict_each_other_are_refused(void) {
    pointmill_snapshot *snapshot = mixed(1);
    pointmill_config *config = NULL;
    pointmill_payloads *payloads = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    OK(pointmill_config_new(&config));
    OK(pointmill_config_set(config, "format", "dogstatsd", &err));
    OK(pointmill_config_set(config, "compression", "zstd", &err));
    CODE(POINTMILL_E_ENCODE, pointmill_encode(snapshot, config, &payloads, &err));
    CHECK(payloads == NULL && err.code == POINTMILL_E_ENCODE);
    CHECK(strstr(err.detail, "compression") != NULL);
    pointmill_config_free(config);
    pointmill_snapshot_free(snapshot);
}

int main(void) {
    RUN(the_default_carries_every_kind);
    RUN(what_a_format_cannot_carry_is_counted);
    RUN(bodies_are_readable_text_where_the_format_is);
    RUN(limits_split_bodies);
    RUN(options_that_contradict_each_other_are_refused);
    return FINISH();
}

// Snapshots: entries, tags, sketches, merging, grouping.
#include "check.h"

#define NOW 1700000000

// flight.delay of two routes in two intervals, a count and a gauge.
static pointmill_snapshot *flights(double offset) {
    pointmill_config *config = NULL;
    pointmill_engine *engine = NULL;
    pointmill_snapshot *snapshot = NULL;
    OK(pointmill_config_new(&config));
    OK(pointmill_config_set(config, "past_max_s", "1000000000000", NULL));
    OK(pointmill_engine_new(config, &engine, NULL));
    pointmill_config_free(config);
    OK(pointmill_tick(engine, NOW));
    pointmill_str sfo_jfk[] = {text("origin:SFO"), text("destination:JFK")};
    pointmill_str sfo_lax[] = {text("origin:SFO"), text("destination:LAX")};
    uint64_t jfk = 0, lax = 0, count = 0, gauge = 0;
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("flight.delay"), sfo_jfk, 2, &jfk));
    OK(pointmill_context(engine, POINTMILL_DISTRIBUTION, text("flight.delay"), sfo_lax, 2, &lax));
    OK(pointmill_context(engine, POINTMILL_COUNT, text("flight.count"), sfo_jfk, 2, &count));
    OK(pointmill_context(engine, POINTMILL_GAUGE, text("gates"), NULL, 0, &gauge));
    for (int i = 1; i <= 100; i++) {
        OK(pointmill_record_at(engine, jfk, i + offset, NOW));
        OK(pointmill_record_at(engine, jfk, i + offset, NOW - 10));
        OK(pointmill_record_at(engine, lax, 1000 * i + offset, NOW));
        OK(pointmill_record_at(engine, count, 1, NOW));
    }
    OK(pointmill_record_at(engine, gauge, 7 + offset, NOW));
    OK(pointmill_flush(engine, NOW, POINTMILL_FLUSH_ALL, &snapshot));
    pointmill_engine_free(engine);
    return snapshot;
}

// Index of the first entry with this name and this many tags, or the length.
static size_t find(const pointmill_snapshot *snapshot, const char *name, size_t tags_len) {
    size_t i = 0;
    for (; i < pointmill_snapshot_len(snapshot); i++) {
        pointmill_entry e = POINTMILL_ENTRY_INIT;
        OK(pointmill_snapshot_entry(snapshot, i, &e));
        if (same(e.name, name) && e.tags_len == tags_len)
            break;
    }
    return i;
}

static void entries_say_what_they_are(void) {
    pointmill_snapshot *snapshot = flights(0);
    CHECK(pointmill_snapshot_len(snapshot) == 5);
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    size_t i = find(snapshot, "flight.count", 2);
    OK(pointmill_snapshot_entry(snapshot, i, &e));
    CHECK(e.struct_size == sizeof e && e.summary.struct_size == sizeof e.summary);
    CHECK(e.kind == POINTMILL_COUNT && e.value == 100 && e.points == 100 && e.summary.count == 0);
    CHECK(e.interval == NOW && e.interval_s == 10);
    i = find(snapshot, "gates", 0);
    OK(pointmill_snapshot_entry(snapshot, i, &e));
    CHECK(e.kind == POINTMILL_GAUGE && e.value == 7 && e.points == 1);
    i = find(snapshot, "flight.delay", 2);
    OK(pointmill_snapshot_entry(snapshot, i, &e));
    CHECK(e.kind == POINTMILL_DISTRIBUTION && e.value == 0 && e.summary.count == 100);
    // Sorted, whatever the order in which they were given.
    pointmill_str tag = {NULL, 0};
    OK(pointmill_snapshot_tag(snapshot, i, 0, &tag));
    CHECK(same(tag, "destination:JFK") || same(tag, "destination:LAX"));
    OK(pointmill_snapshot_tag(snapshot, i, 1, &tag));
    CHECK(same(tag, "origin:SFO"));
    CODE(POINTMILL_E_INDEX, pointmill_snapshot_tag(snapshot, i, 2, &tag));
    CODE(POINTMILL_E_INDEX, pointmill_snapshot_tag(snapshot, 99, 0, &tag));
    CODE(POINTMILL_E_INDEX, pointmill_snapshot_entry(snapshot, 5, &e));
    pointmill_snapshot_free(snapshot);
}

static void two_entries_of_one_series_share_its_number(void) {
    pointmill_snapshot *snapshot = flights(0);
    pointmill_entry a = POINTMILL_ENTRY_INIT, b = POINTMILL_ENTRY_INIT;
    pointmill_str ta = {NULL, 0}, tb = {NULL, 0};
    int shared = 0;
    for (size_t i = 0; i < 5; i++) {
        for (size_t j = 0; j < i; j++) {
            OK(pointmill_snapshot_entry(snapshot, i, &a));
            OK(pointmill_snapshot_entry(snapshot, j, &b));
            int equal = a.kind == b.kind && a.name.len == b.name.len
                && memcmp(a.name.ptr, b.name.ptr, a.name.len) == 0 && a.tags_len == b.tags_len;
            for (size_t t = 0; equal && t < a.tags_len; t++) {
                OK(pointmill_snapshot_tag(snapshot, i, t, &ta));
                OK(pointmill_snapshot_tag(snapshot, j, t, &tb));
                equal = ta.len == tb.len && memcmp(ta.ptr, tb.ptr, ta.len) == 0;
            }
            CHECK((a.series == b.series) == equal);
            shared += equal;
        }
    }
    CHECK(shared == 1);
    pointmill_snapshot_free(snapshot);
}

static void quantiles_and_sketches_come_from_entries(void) {
    pointmill_snapshot *snapshot = flights(0);
    size_t i = find(snapshot, "flight.delay", 2), count = find(snapshot, "flight.count", 2);
    double direct = 0, copied = 0;
    pointmill_sketch *sketch = NULL;
    OK(pointmill_snapshot_quantile(snapshot, i, 0.95, &direct));
    OK(pointmill_snapshot_sketch(snapshot, i, &sketch));
    CODE(POINTMILL_E_NO_SKETCH, pointmill_snapshot_quantile(snapshot, count, 0.5, &copied));
    CODE(POINTMILL_E_INVALID, pointmill_snapshot_quantile(snapshot, i, NAN, &copied));
    CODE(POINTMILL_E_INDEX, pointmill_snapshot_quantile(snapshot, 99, 0.5, &copied));
    CHECK(copied == 0);
    pointmill_sketch *none = NULL;
    CODE(POINTMILL_E_NO_SKETCH, pointmill_snapshot_sketch(snapshot, count, &none));
    CODE(POINTMILL_E_INDEX, pointmill_snapshot_sketch(snapshot, 99, &none));
    CHECK(none == NULL);
    // A sketch lives without its snapshot.
    pointmill_snapshot_free(snapshot);
    OK(pointmill_sketch_quantile(sketch, 0.95, &copied));
    CHECK(direct == copied && direct > 0);
    pointmill_sketch_free(sketch);
}

static void merging_snapshots_adds_what_belongs_together(void) {
    pointmill_snapshot *a = flights(0), *b = flights(0.5), *merged = NULL, *none = NULL;
    const pointmill_snapshot *both[] = {a, b};
    OK(pointmill_snapshot_merge(both, 2, &merged));
    pointmill_snapshot_free(a);
    pointmill_snapshot_free(b);
    CHECK(pointmill_snapshot_len(merged) == 5);
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    OK(pointmill_snapshot_entry(merged, find(merged, "flight.count", 2), &e));
    CHECK(e.value == 200 && e.points == 200);
    OK(pointmill_snapshot_entry(merged, find(merged, "gates", 0), &e));
    CHECK(e.value == 7.5);
    OK(pointmill_snapshot_entry(merged, find(merged, "flight.delay", 2), &e));
    CHECK(e.summary.count == 200);
    pointmill_snapshot_free(merged);

    OK(pointmill_snapshot_merge(NULL, 0, &none));
    CHECK(pointmill_snapshot_len(none) == 0);
    const pointmill_snapshot *with_null[] = {none, NULL};
    CODE(POINTMILL_E_NULL, pointmill_snapshot_merge(with_null, 2, &merged));
    pointmill_snapshot_free(none);
}

static void grouping_merges_over_the_other_tags(void) {
    pointmill_snapshot *snapshot = flights(0), *by = NULL, *whole = NULL;
    pointmill_str origin[] = {text("origin")};
    OK(pointmill_snapshot_group_by(snapshot, origin, 1, 0, &by));
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    pointmill_str tag = {NULL, 0};
    // Two intervals of flight.delay, the count, the gauge.
    CHECK(pointmill_snapshot_len(by) == 4);
    size_t i = find(by, "flight.delay", 1);
    OK(pointmill_snapshot_tag(by, i, 0, &tag));
    CHECK(same(tag, "origin:SFO"));
    pointmill_snapshot_free(by);

    OK(pointmill_snapshot_group_by(snapshot, origin, 1, POINTMILL_GROUP_MERGE_INTERVALS, &by));
    CHECK(pointmill_snapshot_len(by) == 3);
    OK(pointmill_snapshot_entry(by, find(by, "flight.delay", 1), &e));
    CHECK(e.summary.count == 300 && e.summary.max == 100000 && e.interval == NOW - 10);
    CODE(POINTMILL_E_INVALID, pointmill_snapshot_group_by(snapshot, origin, 1, 4, &whole));
    OK(pointmill_snapshot_group_by(snapshot, NULL, 0, POINTMILL_GROUP_MERGE_INTERVALS, &whole));
    OK(pointmill_snapshot_entry(whole, find(whole, "flight.delay", 0), &e));
    CHECK(e.summary.count == 300 && e.tags_len == 0);
    pointmill_snapshot_free(snapshot);
    pointmill_snapshot_free(by);
    pointmill_snapshot_free(whole);
}

int main(void) {
    RUN(entries_say_what_they_are);
    RUN(two_entries_of_one_series_share_its_number);
    RUN(quantiles_and_sketches_come_from_entries);
    RUN(merging_snapshots_adds_what_belongs_together);
    RUN(grouping_merges_over_the_other_tags);
    return FINISH();
}

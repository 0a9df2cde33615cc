// The sketch alone.
#include "check.h"

static pointmill_sketch *sketch_of(double from, double to) {
    pointmill_sketch *sketch = NULL;
    OK(pointmill_sketch_new(&sketch));
    for (double v = from; v <= to; v += 1.0)
        OK(pointmill_sketch_insert(sketch, v));
    return sketch;
}

static uint64_t count_of(const pointmill_sketch *sketch) {
    pointmill_summary summary = POINTMILL_SUMMARY_INIT;
    OK(pointmill_sketch_summary(sketch, &summary));
    return summary.count;
}

static void summary_is_exact(void) {
    pointmill_sketch *sketch = sketch_of(1, 1000);
    pointmill_summary s = POINTMILL_SUMMARY_INIT;
    OK(pointmill_sketch_summary(sketch, &s));
    CHECK(s.struct_size == sizeof s);
    CHECK(s.count == 1000 && s.min == 1 && s.max == 1000 && s.sum == 500500);
    CHECK(near(s.avg, 500.5, 1e-12));
    pointmill_sketch_free(sketch);
}

static void quantiles_are_within_one_in_129(void) {
    pointmill_sketch *sketch = sketch_of(1, 1000);
    double v = 0;
    for (int i = 0; i <= 100; i++) {
        // Element of rank roundTiesEven(q * 999), counted from 0; the values are 1, 2, 3, ...
        double exact = nearbyint(i / 100.0 * 999.0) + 1.0;
        OK(pointmill_sketch_quantile(sketch, i / 100.0, &v));
        CHECK(near(v, exact, 1.0 / 129.0));
        OK(pointmill_sketch_quantile_agent(sketch, i / 100.0, &v));
        CHECK(near(v, exact, 0.025));
    }
    OK(pointmill_sketch_quantile(sketch, -3.0, &v));
    CHECK(v == 1);
    OK(pointmill_sketch_quantile(sketch, 7.0, &v));
    CHECK(v == 1000);
    v = 42;
    CODE(POINTMILL_E_INVALID, pointmill_sketch_quantile(sketch, NAN, &v));
    CODE(POINTMILL_E_INVALID, pointmill_sketch_quantile_agent(sketch, NAN, &v));
    CHECK(v == 42);
    pointmill_sketch_free(sketch);
}

static void an_empty_sketch_has_no_quantile(void) {
    pointmill_sketch *sketch = NULL;
    double v = 42;
    size_t len = 9;
    OK(pointmill_sketch_new(&sketch));
    CODE(POINTMILL_E_EMPTY, pointmill_sketch_quantile(sketch, 0.5, &v));
    CODE(POINTMILL_E_EMPTY, pointmill_sketch_quantile_agent(sketch, 0.5, &v));
    CHECK(v == 42);
    CHECK(count_of(sketch) == 0);
    OK(pointmill_sketch_bins(sketch, POINTMILL_BINS_U32, NULL, NULL, 0, &len));
    CHECK(len == 0);
    pointmill_sketch_free(sketch);
}

static void weighted_sampled_and_interpolated_values_count(void) {
    pointmill_sketch *sketch = NULL;
    pointmill_summary s = POINTMILL_SUMMARY_INIT;
    OK(pointmill_sketch_new(&sketch));
    OK(pointmill_sketch_insert_n(sketch, 5.0, 10));
    CHECK(count_of(sketch) == 10);
    OK(pointmill_sketch_insert_n(sketch, 5.0, 0));
    CHECK(count_of(sketch) == 10);
    OK(pointmill_sketch_insert_sampled(sketch, 7.0, 0.25));
    CHECK(count_of(sketch) == 14);
    OK(pointmill_sketch_insert_sampled(sketch, 7.0, 1.0));
    CHECK(count_of(sketch) == 15);
    OK(pointmill_sketch_insert_sampled(sketch, 7.0, 0.0));
    CHECK(count_of(sketch) == 16);
    OK(pointmill_sketch_insert_interpolated(sketch, 10.0, 20.0, 100));
    OK(pointmill_sketch_summary(sketch, &s));
    CHECK(s.count == 116 && s.min == 5.0 && s.max > 15.0 && s.max < 21.0);
    CODE(POINTMILL_E_INVALID, pointmill_sketch_insert_interpolated(sketch, 20.0, 10.0, 5));
    CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_insert_interpolated(sketch, 1.0, INFINITY, 5));
    CHECK(count_of(sketch) == 116);
    pointmill_sketch_free(sketch);
}

static void many_values_are_like_one_by_one(void) {
    enum { N = 5000 };
    static double values[N];
    pointmill_sketch *many = NULL, *single = NULL;
    pointmill_summary a = POINTMILL_SUMMARY_INIT, b = POINTMILL_SUMMARY_INIT;
    OK(pointmill_sketch_new(&many));
    OK(pointmill_sketch_new(&single));
    for (int i = 0; i < N; i++) {
        values[i] = exp(sin(i * 0.7) * 5.0);
        OK(pointmill_sketch_insert(single, values[i]));
    }
    OK(pointmill_sketch_insert_many(many, values, N));
    OK(pointmill_sketch_insert_many(many, NULL, 0));
    OK(pointmill_sketch_summary(many, &a));
    OK(pointmill_sketch_summary(single, &b));
    CHECK(a.count == b.count && a.min == b.min && a.max == b.max);
    CHECK(a.sum == b.sum && a.avg == b.avg);

    static int16_t keys[2][4096];
    static uint32_t counts[2][4096];
    size_t len[2] = {0, 0};
    OK(pointmill_sketch_bins(many, POINTMILL_BINS_U16, keys[0], counts[0], 4096, &len[0]));
    OK(pointmill_sketch_bins(single, POINTMILL_BINS_U16, keys[1], counts[1], 4096, &len[1]));
    CHECK(len[0] == len[1] && len[0] > 100);
    CHECK(memcmp(keys[0], keys[1], len[0] * sizeof keys[0][0]) == 0);
    CHECK(memcmp(counts[0], counts[1], len[0] * sizeof counts[0][0]) == 0);

    // One value that is not finite: none is taken.
    values[N - 1] = NAN;
    CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_insert_many(many, values, N));
    CHECK(count_of(many) == N);
    pointmill_sketch_free(many);
    pointmill_sketch_free(single);
}

static void values_that_are_not_finite_are_refused(void) {
    pointmill_sketch *sketch = sketch_of(1, 3);
    int16_t key = 42;
    const double bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
        CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_insert(sketch, bad[i]));
        CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_insert_n(sketch, bad[i], 3));
        CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_insert_sampled(sketch, bad[i], 0.5));
        CODE(POINTMILL_E_NOT_FINITE, pointmill_sketch_key(bad[i], &key));
    }
    CHECK(key == 42);
    CHECK(count_of(sketch) == 3);
    pointmill_sketch_free(sketch);
}

static void keys_are_the_agents(void) {
    int16_t key = 0;
    OK(pointmill_sketch_key(1.0, &key));
    CHECK(key == 1338);
    OK(pointmill_sketch_key(-1.0, &key));
    CHECK(key == -1338);
    OK(pointmill_sketch_key(0.0, &key));
    CHECK(key == 0);
    OK(pointmill_sketch_key(1e300, &key));
    CHECK(key == 32767);
}

static void merging_adds_and_leaves_the_other_alone(void) {
    pointmill_sketch *a = sketch_of(1, 100), *b = sketch_of(101, 200), *c = NULL;
    pointmill_summary s = POINTMILL_SUMMARY_INIT;
    OK(pointmill_sketch_clone(a, &c));
    OK(pointmill_sketch_merge(a, b));
    OK(pointmill_sketch_summary(a, &s));
    CHECK(s.count == 200 && s.min == 1 && s.max == 200 && s.sum == 20100);
    CHECK(count_of(b) == 100);
    CHECK(count_of(c) == 100);
    // With itself.
    OK(pointmill_sketch_merge(a, a));
    OK(pointmill_sketch_summary(a, &s));
    CHECK(s.count == 400 && s.sum == 40200);
    pointmill_sketch_free(b);
    CHECK(count_of(a) == 400);
    pointmill_sketch_free(a);
    pointmill_sketch_free(c);
}

static void bins_follow_the_profile(void) {
    pointmill_sketch *sketch = NULL;
    int16_t keys[8] = {9, 9, 9, 9, 9, 9, 9, 9};
    uint32_t counts[8];
    size_t len = 0;
    OK(pointmill_sketch_new(&sketch));
    OK(pointmill_sketch_insert_n(sketch, 1.0, 200000));
    OK(pointmill_sketch_bins(sketch, POINTMILL_BINS_U32, keys, counts, 8, &len));
    CHECK(len == 1 && keys[0] == 1338 && counts[0] == 200000);
    // Several bins of one key, the remainder first.
    OK(pointmill_sketch_bins(sketch, POINTMILL_BINS_U16, keys, counts, 8, &len));
    CHECK(len == 4 && keys[0] == 1338 && keys[3] == 1338);
    CHECK(counts[0] == 3395 && counts[1] == 65535 && counts[2] == 65535 && counts[3] == 65535);
    // Too little room: the length needed, and nothing else, is written.
    keys[0] = 9;
    len = 0;
    CODE(POINTMILL_E_BUFFER_TOO_SMALL,
         pointmill_sketch_bins(sketch, POINTMILL_BINS_U16, keys, counts, 3, &len));
    CHECK(len == 4 && keys[0] == 9);
    CODE(POINTMILL_E_BUFFER_TOO_SMALL,
         pointmill_sketch_bins(sketch, POINTMILL_BINS_U16, NULL, NULL, 0, &len));
    CHECK(len == 4);
    CODE(POINTMILL_E_INVALID, pointmill_sketch_bins(sketch, 7, keys, counts, 8, &len));
    pointmill_sketch_free(sketch);
}

static void weights_take_a_sketch_to_two_to_the_44_values_and_no_further(void) {
    pointmill_sketch *full = NULL, *one = sketch_of(1, 1);
    const uint64_t most = (uint64_t)1 << 44;
    const double value = 1.0;
    OK(pointmill_sketch_new(&full));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_insert_n(full, 1.0, UINT64_MAX));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_insert_n(full, 1.0, most + 1));
    OK(pointmill_sketch_insert_n(full, 1.0, most));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_insert_many(full, &value, 1));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_insert_sampled(full, 1.0, 1e-300));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_insert_interpolated(full, 1.0, 2.0, 1));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_merge(full, one));
    CODE(POINTMILL_E_TOO_MANY, pointmill_sketch_merge(full, full));
    CHECK(count_of(full) == most);
    pointmill_sketch_free(full);
    pointmill_sketch_free(one);
}

static void bytes_come_back_as_the_same_sketch(void) {
    const uint32_t formats[] = {POINTMILL_SKETCH_DDSKETCH_PROTO, POINTMILL_SKETCH_DDSKETCH_COMPACT,
                                POINTMILL_SKETCH_AGENT};
    pointmill_sketch *sketch = sketch_of(-50, 1000);
    for (int i = 0; i < 3; i++) {
        pointmill_sketch *back = NULL;
        pointmill_error err = POINTMILL_ERROR_INIT;
        size_t len = 0, again = 0;
        CODE(POINTMILL_E_BUFFER_TOO_SMALL,
             pointmill_sketch_encode(sketch, formats[i], NULL, 0, &len));
        CHECK(len > 10);
        uint8_t *bytes = (uint8_t *)malloc(len);
        CODE(POINTMILL_E_BUFFER_TOO_SMALL,
             pointmill_sketch_encode(sketch, formats[i], bytes, len - 1, &again));
        OK(pointmill_sketch_encode(sketch, formats[i], bytes, len, &again));
        CHECK(again == len);
        OK(pointmill_sketch_decode(formats[i], bytes, len, &back, &err));
        CHECK(count_of(back) == count_of(sketch));
        double p[2] = {0, 0};
        OK(pointmill_sketch_quantile(sketch, 0.9, &p[0]));
        OK(pointmill_sketch_quantile(back, 0.9, &p[1]));
        CHECK(near(p[1], p[0], 1e-9));
        pointmill_sketch_free(back);

        // Cut short: an error that says where, and no sketch.
        back = NULL;
        CODE(POINTMILL_E_DECODE, pointmill_sketch_decode(formats[i], bytes, len - 1, &back, &err));
        CHECK(back == NULL && err.code == POINTMILL_E_DECODE && strstr(err.detail, "byte") != NULL);
        CODE(POINTMILL_E_DECODE, pointmill_sketch_decode(formats[i], bytes, len - 1, &back, NULL));
        free(bytes);
    }
    pointmill_sketch *back = NULL;
    size_t len = 0;
    CODE(POINTMILL_E_FORMAT, pointmill_sketch_encode(sketch, 99, NULL, 0, &len));
    CODE(POINTMILL_E_FORMAT, pointmill_sketch_decode(99, NULL, 0, &back, NULL));
    pointmill_sketch_free(sketch);
}

static void an_old_callers_smaller_struct_is_respected(void) {
    pointmill_sketch *sketch = sketch_of(1, 10);
    // A newer caller with a longer struct: the library says how much it filled.
    struct { pointmill_summary s; uint64_t later; } larger;
    memset(&larger, 0xee, sizeof larger);
    larger.s.struct_size = sizeof larger;
    OK(pointmill_sketch_summary(sketch, &larger.s));
    CHECK(larger.s.struct_size == sizeof(pointmill_summary));
    CHECK(larger.later == 0xeeeeeeeeeeeeeeee);
    // Smaller than the struct ever was.
    pointmill_summary s = POINTMILL_SUMMARY_INIT;
    s.struct_size = 0;
    CODE(POINTMILL_E_STRUCT_SIZE, pointmill_sketch_summary(sketch, &s));
    s.struct_size = sizeof s - 1;
    CODE(POINTMILL_E_STRUCT_SIZE, pointmill_sketch_summary(sketch, &s));
    CHECK(s.count == 0);
    pointmill_sketch_free(sketch);
}

int main(void) {
    RUN(summary_is_exact);
    RUN(quantiles_are_within_one_in_129);
    RUN(an_empty_sketch_has_no_quantile);
    RUN(weighted_sampled_and_interpolated_values_count);
    RUN(many_values_are_like_one_by_one);
    RUN(values_that_are_not_finite_are_refused);
    RUN(keys_are_the_agents);
    RUN(merging_adds_and_leaves_the_other_alone);
    RUN(bins_follow_the_profile);
    RUN(weights_take_a_sketch_to_two_to_the_44_values_and_no_further);
    RUN(bytes_come_back_as_the_same_sketch);
    RUN(an_old_callers_smaller_struct_is_respected);
    return FINISH();
}

// Flight delays and distances per origin, from a CSV file, with the C library alone.
//
//     cc -std=c11 -Iinclude flights.c -Ltarget/release -lpointmill -o flights
//     ./flights flights.csv
//
// The file has the columns unix_s,delay_min,distance_mi,origin,destination. Every flight is recorded
// as two distributions tagged with its route; what is printed is merged over destinations and over
// time. The output is that of `pointmill report --by origin --format csv`.
#include <pointmill.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 1 << 14, LINES_PER_FLUSH = 20000 };
static const double PERCENTILES[] = {50, 75, 95, 99};

// The two contexts of a route, found by its text, so that names and tags are handed over once.
typedef struct {
    char text[64];
    uint64_t delay, distance;
} route;

typedef struct {
    pointmill_engine *engine;
    route *routes;
    size_t routes_len;
    pointmill_snapshot **parts;
    size_t parts_len;
} report;

static void stop_on(int32_t status, const char *what) {
    if (status == POINTMILL_OK)
        return;
    fprintf(stderr, "flights: %s: %s\n", what, pointmill_strerror(status));
    exit(1);
}

static void *must(void *memory) {
    if (memory == NULL) {
        fprintf(stderr, "flights: out of memory\n");
        exit(1);
    }
    return memory;
}

static uint64_t context(pointmill_engine *engine, const char *name, const char *origin,
                        const char *destination) {
    char buffer[2][80];
    pointmill_str tags[2], metric = {name, strlen(name)};
    uint64_t id = 0;
    snprintf(buffer[0], sizeof buffer[0], "origin:%s", origin);
    snprintf(buffer[1], sizeof buffer[1], "destination:%s", destination);
    for (int i = 0; i < 2; i++) {
        tags[i].ptr = buffer[i];
        tags[i].len = strlen(buffer[i]);
    }
    stop_on(pointmill_context(engine, POINTMILL_DISTRIBUTION, metric, tags, 2, &id), name);
    return id;
}

// Open addressing; the table is never full.
static route *route_of(report *r, const char *text) {
    size_t at = 5381;
    for (const char *c = text; *c != 0; c++)
        at = at * 33 + (unsigned char)*c;
    for (at %= ROUTES_MAX; r->routes[at].text[0] != 0; at = (at + 1) % ROUTES_MAX)
        if (strcmp(r->routes[at].text, text) == 0)
            return &r->routes[at];
    if (++r->routes_len > ROUTES_MAX / 2) {
        fprintf(stderr, "flights: more than %d routes\n", ROUTES_MAX / 2);
        exit(1);
    }
    char origin[64], *destination;
    strcpy(r->routes[at].text, text);
    strcpy(origin, text);
    destination = strchr(origin, ',');
    *destination++ = 0;
    r->routes[at].delay = context(r->engine, "flight.delay", origin, destination);
    r->routes[at].distance = context(r->engine, "flight.distance", origin, destination);
    return &r->routes[at];
}

static pointmill_snapshot *by_origin(const pointmill_snapshot *snapshot) {
    const pointmill_str origin = {"origin", 6};
    pointmill_snapshot *grouped = NULL;
    stop_on(pointmill_snapshot_group_by(snapshot, &origin, 1, POINTMILL_GROUP_MERGE_INTERVALS,
                                        &grouped),
            "group by origin");
    return grouped;
}

// Takes what has been recorded and keeps it merged by origin, so that memory stays small.
static void flush(report *r, int64_t now) {
    pointmill_snapshot *snapshot = NULL;
    stop_on(pointmill_flush(r->engine, now, POINTMILL_FLUSH_ALL, &snapshot), "flush");
    r->parts = (pointmill_snapshot **)must(
        realloc(r->parts, (r->parts_len + 1) * sizeof *r->parts));
    r->parts[r->parts_len++] = by_origin(snapshot);
    pointmill_snapshot_free(snapshot);
}

static void read_file(report *r, const char *path) {
    char line[256];
    size_t number = 1, bad = 0;
    int64_t now = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        fprintf(stderr, "flights: %s: %s\n", path, strerror(errno));
        exit(1);
    }
    if (fgets(line, sizeof line, file) == NULL)
        line[0] = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        char text[64];
        double delay, distance;
        number++;
        int fields =
            sscanf(line, "%" SCNd64 ",%lf,%lf,%63[^\r\n]", &now, &delay, &distance, text);
        if (fields != 4 || text[0] == ',' || strchr(text, ',') == NULL) {
            fprintf(stderr, "flights: %s:%zu: not a flight\n", path, number);
            bad++;
            continue;
        }
        const route *found = route_of(r, text);
        stop_on(pointmill_record_at(r->engine, found->delay, delay, now), "flight.delay");
        stop_on(pointmill_record_at(r->engine, found->distance, distance, now), "flight.distance");
        if (number % LINES_PER_FLUSH == 0)
            flush(r, now);
    }
    flush(r, now);
    fclose(file);
    if (bad > 0)
        fprintf(stderr, "flights: %zu bad lines\n", bad);
}

// The shortest decimal that reads back as the same double.
static void print_number(double v) {
    char buffer[40];
    int digits = 0, decimals;
    do
        snprintf(buffer, sizeof buffer, "%.*e", digits, v);
    while (strtod(buffer, NULL) != v && ++digits < 17);
    decimals = digits - atoi(strchr(buffer, 'e') + 1);
    printf(",%.*f", decimals > 0 ? decimals : 0, v);
}

static void print_row(const pointmill_snapshot *snapshot, size_t i) {
    pointmill_entry e = POINTMILL_ENTRY_INIT;
    stop_on(pointmill_snapshot_entry(snapshot, i, &e), "entry");
    printf("%.*s,distribution,", (int)e.name.len, e.name.ptr);
    for (size_t t = 0; t < e.tags_len; t++) {
        pointmill_str tag = {NULL, 0};
        stop_on(pointmill_snapshot_tag(snapshot, i, t, &tag), "tag");
        printf("%.*s", (int)tag.len, tag.ptr);
    }
    printf(",%" PRIu64, e.summary.count);
    print_number(e.summary.min);
    print_number(e.summary.max);
    print_number(e.summary.sum);
    print_number(e.summary.avg);
    for (size_t p = 0; p < sizeof PERCENTILES / sizeof *PERCENTILES; p++) {
        double v = 0;
        stop_on(pointmill_snapshot_quantile(snapshot, i, PERCENTILES[p] / 100.0, &v), "quantile");
        print_number(v);
    }
    printf(",\n");
}

// Sorting entries by metric, then tag.
static const pointmill_snapshot *sorted_snapshot;

static int compare_texts(pointmill_str a, pointmill_str b) {
    int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order != 0 ? order : (a.len > b.len) - (a.len < b.len);
}

static int compare(const void *a, const void *b) {
    size_t at[2] = {*(const size_t *)a, *(const size_t *)b};
    pointmill_entry e[2] = {POINTMILL_ENTRY_INIT, POINTMILL_ENTRY_INIT};
    pointmill_str tag[2] = {{"", 0}, {"", 0}};
    for (int i = 0; i < 2; i++) {
        stop_on(pointmill_snapshot_entry(sorted_snapshot, at[i], &e[i]), "entry");
        if (e[i].tags_len > 0)
            stop_on(pointmill_snapshot_tag(sorted_snapshot, at[i], 0, &tag[i]), "tag");
    }
    int order = compare_texts(e[0].name, e[1].name);
    return order != 0 ? order : compare_texts(tag[0], tag[1]);
}

static void print_report(const pointmill_snapshot *snapshot) {
    size_t len = pointmill_snapshot_len(snapshot);
    size_t *order = (size_t *)must(malloc((len + 1) * sizeof *order));
    for (size_t i = 0; i < len; i++)
        order[i] = i;
    sorted_snapshot = snapshot;
    qsort(order, len, sizeof *order, compare);
    printf("metric,kind,tags,count,min,max,sum,avg,p50,p75,p95,p99,last\n");
    for (size_t i = 0; i < len; i++)
        print_row(snapshot, order[i]);
    free(order);
}

int main(int argc, char **argv) {
    report r = {NULL, NULL, 0, NULL, 0};
    pointmill_config *config = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    if (argc != 2) {
        fprintf(stderr, "usage: flights FILE.csv\n");
        return 2;
    }
    r.routes = (route *)must(calloc(ROUTES_MAX, sizeof *r.routes));
    stop_on(pointmill_config_new(&config), "options");
    // The flights are of 2001: timestamps from any time are fine here.
    stop_on(pointmill_config_set(config, "past_max_s", "1000000000000", &err), err.detail);
    stop_on(pointmill_config_set(config, "future_max_s", "1000000000000", &err), err.detail);
    stop_on(pointmill_config_set(config, "arena_bytes", "268435456", &err), err.detail);
    stop_on(pointmill_engine_new(config, &r.engine, &err), err.detail);
    pointmill_config_free(config);

    read_file(&r, argv[1]);

    pointmill_snapshot *merged = NULL, *grouped = NULL;
    stop_on(pointmill_snapshot_merge((const pointmill_snapshot *const *)r.parts, r.parts_len,
                                     &merged),
            "merge");
    grouped = by_origin(merged);
    print_report(grouped);

    pointmill_engine_stats stats = POINTMILL_ENGINE_STATS_INIT;
    stop_on(pointmill_stats(r.engine, &stats), "stats");
    if (stats.flushed != stats.recorded || stats.overflowed != 0)
        fprintf(stderr, "flights: %" PRIu64 " points recorded, %" PRIu64 " reported, %" PRIu64
                        " without their tags\n",
                stats.recorded, stats.flushed, stats.overflowed);
    for (size_t i = 0; i < r.parts_len; i++)
        pointmill_snapshot_free(r.parts[i]);
    pointmill_snapshot_free(merged);
    pointmill_snapshot_free(grouped);
    pointmill_engine_free(r.engine);
    free(r.parts);
    free(r.routes);
    return 0;
}

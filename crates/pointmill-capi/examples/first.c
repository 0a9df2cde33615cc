// Records three latencies and prints the median: two lines are all it takes in your own code.
#include <pointmill.h>
#include <stdio.h>
#include <time.h>

int main(void) {
    pointmill_engine *engine = NULL;
    pointmill_error err = POINTMILL_ERROR_INIT;
    if (pointmill_engine_new(NULL, &engine, &err) != POINTMILL_OK) {
        fprintf(stderr, "%s\n", err.detail);
        return 1;
    }
    pointmill_str name = {"request.duration", 16}, tags[] = {{"route:/cart", 11}};
    uint64_t context = 0;
    int32_t status = pointmill_context(engine, POINTMILL_DISTRIBUTION, name, tags, 1, &context);

    double ms[] = {12.5, 14.0, 90.0};
    for (int i = 0; i < 3 && status == POINTMILL_OK; i++)
        status = pointmill_record(engine, context, ms[i]);

    pointmill_snapshot *snapshot = NULL;
    double median = 0;
    if (status == POINTMILL_OK)
        status = pointmill_flush(engine, (int64_t)time(NULL), POINTMILL_FLUSH_ALL, &snapshot);
    if (status == POINTMILL_OK)
        status = pointmill_snapshot_quantile(snapshot, 0, 0.5, &median);
    printf("median %.2f ms: %s\n", median, pointmill_strerror(status));
    pointmill_snapshot_free(snapshot);
    pointmill_engine_free(engine);
    return status == POINTMILL_OK ? 0 : 1;
}

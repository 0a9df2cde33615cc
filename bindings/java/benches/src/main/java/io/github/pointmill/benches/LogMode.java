package io.github.pointmill.benches;

import io.github.pointmill.lambda.DDLambda;
import io.github.pointmill.lambda.LambdaStats;
import java.time.Duration;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;

/**
 * The drop-in call in log mode, the default for Java: points are kept one by one and written by the flush, which is timed on
 * its own. Lines go to standard output, which should be /dev/null; figures go to standard error.
 */
public class LogMode {
    private static final int ROUNDS = 200;
    private static final int CALLS = 10_000;

    public static void main(String[] args) {
        DDLambda lambda = new DDLambda(null);
        Map<String, Object> tags = new HashMap<>(Map.of("route", "/cart", "env", "prod"));
        double[] calls = new double[ROUNDS];
        double[] flushes = new double[ROUNDS];
        for (int round = 0; round < ROUNDS; round++) {
            long start = System.nanoTime();
            for (int i = 0; i < CALLS; i++) {
                lambda.metric("request.duration", i & 1023, tags);
            }
            long called = System.nanoTime();
            if (!DDLambda.flush(Duration.ofSeconds(10))) {
                throw new AssertionError(DDLambda.lastFailure());
            }
            calls[round] = (called - start) / (double) CALLS;
            flushes[round] = (System.nanoTime() - called) / (double) CALLS;
        }
        LambdaStats stats = DDLambda.stats();
        if (!stats.balances() || stats.accepted() != (long) ROUNDS * CALLS + 1) {
            throw new AssertionError(stats);
        }
        Arrays.sort(calls);
        Arrays.sort(flushes);
        System.err.printf("DDLambda.metric, two tags, log mode: median %.1f ns a call, min %.1f; the flush %.1f ns a line%n",
                calls[ROUNDS / 2], calls[0], flushes[ROUNDS / 2]);
    }
}

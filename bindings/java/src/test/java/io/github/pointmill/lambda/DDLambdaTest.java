package io.github.pointmill.lambda;

import static io.github.pointmill.Support.await;
import static io.github.pointmill.Support.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import io.github.pointmill.HeaderTest;
import io.github.pointmill.Jvm;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.Date;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** The object of this process, in log mode; its lines go to the log of the tests. */
public class DDLambdaTest {
    /** A ledger that balances. Outside of an invocation the library's thread may be writing just now. */
    private static LambdaStats balanced() {
        LambdaStats[] stats = new LambdaStats[1];
        await("ledger that balances", () -> (stats[0] = DDLambda.stats()).balances());
        return stats[0];
    }

    private static Context context(Map<String, ?> answers) {
        return (Context) Proxy.newProxyInstance(DDLambdaTest.class.getClassLoader(), new Class<?>[] {Context.class},
                (self, method, args) -> {
                    if (answers.containsKey(method.getName())) {
                        return answers.get(method.getName());
                    }
                    throw new UnsupportedOperationException(method.getName());
                });
    }

    @Test
    void nothingThrowsAndEverythingIsCounted() {
        DDLambda ddl = new DDLambda(null);
        assertEquals("log", DDLambda.mode());
        LambdaStats before = balanced();
        Map<String, Object> tags = new HashMap<>();
        tags.put("none", null);
        tags.put(null, "value");
        tags.put("text", new StringBuilder("built"));
        ddl.metric("fine", 1, tags);
        ddl.metric("fine", 1, null, null);
        ddl.metric("fine", 1, Collections.emptyMap(), new Date(0));
        assertEquals(before.recorded() + 3, balanced().recorded());
        for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
            ddl.metric("d", bad, null);
            ddl.metric("d", bad, null, new Date());
        }
        ddl.metric(null, 1, null);
        ddl.metric("", 1, null);
        ddl.metric("x".repeat(10_000), 1, null);
        ddl.metric("d", 1, Map.of("k", "v".repeat(10_000)));
        ddl.metric("d", 1, Map.of("k", new Object() {
            @Override
            public String toString() {
                throw new IllegalStateException("not me");
            }
        }));
        ddl.metric("lone \uD83D", 1, Map.of("\uDE00", "\uD83D\uDE00"));
        LambdaStats after = balanced();
        assertEquals(6, after.rejectedNotFinite() - before.rejectedNotFinite());
        assertEquals(1, after.rejectedBadName() - before.rejectedBadName());
        assertEquals(2, after.rejectedInvalidName() - before.rejectedInvalidName());
        assertEquals(1, after.rejectedBadTags() - before.rejectedBadTags());
        assertEquals(2, after.utf8Mended() - before.utf8Mended());
        assertEquals(before.recorded() + 3 + 6 + 5 + 1, after.recorded());
        ddl.finish();
        ddl.finish();
        assertEquals(0, balanced().invocationsOpen());
        assertTrue(DDLambda.flush(Duration.ofSeconds(60)));
        assertEquals("", DDLambda.lastFailure());
    }

    @Test
    void contextsOfTestsAreFine() {
        LambdaStats before = balanced();
        new DDLambda(context(Map.of("getAwsRequestId", "1"))).finish();
        Map<String, Object> nulls = new HashMap<>();
        for (String name : List.of("getAwsRequestId", "getInvokedFunctionArn", "getFunctionName", "getFunctionVersion")) {
            nulls.put(name, null);
        }
        nulls.put("getMemoryLimitInMB", 128);
        nulls.put("getRemainingTimeInMillis", 3000);
        new DDLambda("any request", context(nulls)).finish();
        assertEquals(2, balanced().invocations() - before.invocations());
        assertEquals(0, balanced().invocationsOpen());
    }

    @Test
    void errorsCountOnceAnInvocation() {
        LambdaStats before = balanced();
        DDLambda ddl = new DDLambda(null);
        ddl.error(null);
        ddl.error(null);
        ddl.finish();
        // One invocation, one error.
        assertEquals(2, balanced().enhanced() - before.enhanced());
        RequestHandler<String, String> handler = DDLambda.wrap((event, context) -> {
            throw new IllegalStateException(event);
        });
        assertEquals("boom", assertThrows(IllegalStateException.class, () -> handler.handleRequest("boom", null)).getMessage());
        assertEquals(4, balanced().enhanced() - before.enhanced());
        assertEquals("yes", DDLambda.wrap((String event, Context context) -> event).handleRequest("yes", null));
        assertEquals(5, balanced().enhanced() - before.enhanced());
        assertEquals(0, balanced().invocationsOpen());
    }

    @Test
    void heldMetricsAreTheSameSeries() {
        LambdaStats before = balanced();
        LambdaMetric held = DDLambda.distribution("held", Map.of("a", 1));
        held.record(1);
        held.record(Double.NaN);
        held.recordAt(1, System.currentTimeMillis() / 1000);
        DDLambda.flush();
        assertEquals(0, balanced().pending());
        assertEquals(1, balanced().rejectedNotFinite() - before.rejectedNotFinite());
        assertEquals(3, balanced().recorded() - before.recorded());
        refused("INVALID_NAME", () -> DDLambda.distribution("", null));
        assertThrows(NullPointerException.class, () -> DDLambda.distribution(null, null));
    }

    @Test
    void namesAreToldApart() {
        Names names = new Names();
        Map<String, Object> one = Map.of("a", 1);
        assertEquals(Names.UNKNOWN, names.find("n", one));
        names.add("n", one, 7);
        assertEquals(7, names.find("n", Map.of("a", 1)));
        for (Map<String, Object> other : List.<Map<String, Object>>of(Map.of(), Map.of("a", 1L), Map.of("a", "1"), Map.of("b", 1),
                Map.of("a", 1.0), Map.of("a", 1, "b", 2))) {
            assertEquals(Names.UNKNOWN, names.find("n", other), other.toString());
        }
        assertEquals(Names.UNKNOWN, names.find("m", one));
        assertEquals(Names.UNSTABLE, names.find("n", Map.of("a", new StringBuilder("1"))));
        Map<String, Object> two = new LinkedHashMap<>();
        two.put("x", "1");
        two.put("y", null);
        names.add("n", two, 8);
        assertEquals(8, names.find("n", two));
        for (int i = 0; i < 2 * Names.MAX; i++) {
            names.add("many", Map.of("i", i), i);
        }
        int found = 0;
        for (int i = 0; i < 2 * Names.MAX; i++) {
            long id = names.find("many", Map.of("i", i));
            assertTrue(id == i || id == Names.UNKNOWN);
            found += id == i ? 1 : 0;
        }
        assertTrue(found > Names.MAX / 2 && found <= Names.MAX, found + " found");
    }

    @Test
    void countersAreTheHeaders() throws Exception {
        assertEquals(HeaderTest.counters("pointmill_lambda_stats", "recorded"), List.of(LambdaStats.NAMES));
        long[] numbers = new long[LambdaStats.NAMES.length];
        Arrays.setAll(numbers, i -> i);
        for (int i = 0; i < numbers.length; i++) {
            assertEquals((long) i, LambdaStats.class.getMethod(LambdaStats.NAMES[i]).invoke(new LambdaStats(numbers)));
        }
    }

    /** Prints one line a point. */
    public static final class LongTags {
        private LongTags() {}

        public static void main(String[] args) {
            DDLambda ddl = new DDLambda(null);
            for (int i = 0; i < 2; i++) {
                ddl.metric("longest", 1, Map.of("k", "é".repeat(255)));
                ddl.metric("longer", 1, Map.of("k", "é".repeat(255) + "x"));
            }
            ddl.finish();
        }
    }

    @Test
    void aTagThatIsTooLongIsLeftOutItsPointIsNot() throws Exception {
        List<String> lines = new java.util.ArrayList<>();
        Jvm.run(Map.of("POINTMILL_LAMBDA_MODE", "log"), List.of(), LongTags.class).lines()
                .filter(line -> line.contains("\"long")).map(line -> line.replaceAll("\"e\":\\d+", "e")).forEach(lines::add);
        String longest = "{\"m\":\"longest\",\"v\":1,e,\"t\":[\"k:" + "é".repeat(255) + "\"]}";
        String longer = "{\"m\":\"longer\",\"v\":1,e,\"t\":[]}";
        assertEquals(List.of(longest, longer, longest, longer), lines);
    }

    // ---- SnapStart ----

    /** A snapshot is made and restored by AWS's own implementation of the hooks. */
    public static final class Restored {
        private Restored() {}

        public static void main(String[] args) throws Exception {
            com.amazonaws.services.lambda.runtime.api.client.runtimeapi.JniHelper.load();
            DDLambda.distribution("before", null).record(1);
            com.amazonaws.services.lambda.crac.Context<?> hooks = com.amazonaws.services.lambda.crac.Core.getGlobalContext();
            hooks.beforeCheckpoint(null);
            if (DDLambda.stats().pending() != 0 || DDLambda.stats().accepted() != 1) {
                throw new AssertionError("it would be in every copy of the snapshot: " + DDLambda.stats());
            }
            Context context = context(Map.of("getAwsRequestId", "1", "getFunctionName", "f", "getFunctionVersion", "1",
                    "getInvokedFunctionArn", "arn:aws:lambda:us-east-1:123497598159:function:f", "getMemoryLimitInMB", 128,
                    "getRemainingTimeInMillis", 3000));
            new DDLambda(context).finish();
            new DDLambda(context).finish();
            hooks.afterRestore(null);
            new DDLambda(context).finish();
        }
    }

    @Test
    void snapStartFlushesBeforeAndBeginsAnew() throws Exception {
        Map<String, String> env = Map.of("AWS_LAMBDA_INITIALIZATION_TYPE", "snap-start");
        String said = Jvm.run(env, List.of("-Dorg.crac.Core.Compat=com.amazonaws.services.lambda.crac"), Restored.class);
        assertEquals(2, said.split("\"cold_start:true\"", -1).length - 1, said);
        assertEquals(1, said.split("\"cold_start:false\"", -1).length - 1, said);
        assertTrue(!said.contains("org.crac is not"), said);
    }
}

package io.github.pointmill.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.pointmill.lambda.Sandbox.Arrived;
import io.github.pointmill.lambda.Sandbox.Report;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** DDLambda under AWS's runtime interface client, cold and warm, in every way to fail, in log and HTTP mode. */
class RuntimeTest {
    private static final List<?> POINTS = List.of(
            List.of("coffee.orders", 1, Map.of("size", "large", "env", "test")),
            List.of("coffee.orders", 2.5, Map.of("env", "test", "size", "large")),
            Arrays.asList("coffee.price", 4.2, null),
            List.of("café.größe", 3, Map.of("日本", "x", "emoji", "😀")));
    private static final String INVOCATIONS = "aws.lambda.enhanced.invocations";
    private static final String ERRORS = "aws.lambda.enhanced.errors";

    private static Map<String, ?> event(Object... fields) {
        Map<String, Object> event = new java.util.HashMap<>();
        for (int i = 0; i < fields.length; i += 2) {
            event.put((String) fields[i], fields[i + 1]);
        }
        return Map.of("event", event);
    }

    private static Sandbox sandbox(String mode) {
        return new Sandbox(App.ByHand.class).env("POINTMILL_LAMBDA_MODE", mode);
    }

    /** What the points of POINTS are when they have arrived so many times. */
    private static void coffee(long times, Map<String, Arrived> points) {
        Arrived orders = points.get("coffee.orders[env:test, size:large]");
        assertEquals(2 * times, orders.count());
        assertEquals(3.5 * times, orders.sketch.summary().sum(), 1e-9);
        assertEquals(2.5, orders.sketch.summary().max());
        assertEquals(times, points.get("coffee.price[]").count());
        assertEquals(times, points.get("café.größe[emoji:😀, 日本:x]").count());
    }

    @ParameterizedTest
    @ValueSource(strings = {"log", "http"})
    void coldAndWarm(String mode) throws Exception {
        Report report = sandbox(mode).run(List.of(event("points", POINTS), event("points", POINTS), event()));
        assertEquals(List.of("response", "response", "response"), report.outcomes(), report.said());
        assertEquals(3, report.body(2).get("calls").asInt());
        assertTrue(report.body(2).get("balances").asBoolean());
        Map<String, Arrived> points = report.points();
        coffee(2, points);
        String java = System.getProperty("java.version");
        String tags = "account_id:123497598159, cold_start:%s, datadog_lambda:0.1.0, functionname:my-test-lambda, memorysize:128,"
                + " region:us-east-1, resource:my-test-lambda, runtime:java" + java;
        assertEquals(1, points.get(INVOCATIONS + "[" + String.format(tags, "true") + "]").count(), points.keySet().toString());
        assertEquals(2, points.get(INVOCATIONS + "[" + String.format(tags, "false") + "]").count());
        assertEquals(5, points.size(), points.keySet().toString());
        // Enhanced metrics go to the log in either mode, custom ones only in log mode; as in the layers.
        Set<String> logged = report.lines().stream().map(line -> line.get("m").asText()).collect(Collectors.toSet());
        assertEquals(mode.equals("log") ? 4 : 1, logged.size());
        assertEquals(mode.equals("log"), report.json.get("requests").isEmpty());
    }

    @ParameterizedTest
    @ValueSource(strings = {"log", "http"})
    void oneAndAThousandPoints(String mode) throws Exception {
        Report report = sandbox(mode).run(List.of(event("points", POINTS.subList(0, 1)), event("many", 1000)));
        Map<String, Arrived> points = report.points();
        assertEquals(1, points.get("coffee.orders[env:test, size:large]").count());
        double sum = 0;
        for (int i = 0; i < 20; i++) {
            Arrived arrived = points.get("many." + i + "[env:test, shard:" + i + "]");
            assertEquals(50, arrived.count());
            sum += arrived.sketch.summary().sum();
        }
        assertEquals(1000 + 0.75 * 999 * 500, sum, 1e-6);
    }

    @ParameterizedTest
    @ValueSource(strings = {"log", "http"})
    void anExceptionIsAnErrorAndLosesNothing(String mode) throws Exception {
        for (Class<?> handler : List.of(App.ByHand.class, App.Wrapped.class)) {
            Report report = new Sandbox(handler).env("POINTMILL_LAMBDA_MODE", mode)
                    .run(List.of(event("points", POINTS, "raise", "no beans"), event("points", POINTS)));
            assertEquals(List.of("error", "response"), report.outcomes(), report.said());
            assertEquals("java.lang.IllegalArgumentException", report.body(0).get("errorType").asText());
            assertEquals("no beans", report.body(0).get("errorMessage").asText());
            coffee(2, report.points());
            assertEquals(1, report.counts().get(ERRORS));
            assertEquals(2, report.counts().get(INVOCATIONS));
        }
    }

    /** A native thread sends before the deadline, also while the handler spins. */
    @ParameterizedTest
    @ValueSource(strings = {"sleep", "spin"})
    void aFunctionThatTimesOutHasSentItsPoints(String how) throws Exception {
        // The flush begins long before the end; a machine that stands still for so long gets further tries.
        for (int limit : new int[] {6000, 18_000, 54_000}) {
            Map<String, Object> slow = new java.util.HashMap<>(event("points", POINTS, how, true));
            slow.put("timeout_ms", limit);
            Report report = sandbox("http").env("POINTMILL_LAMBDA_DEADLINE_GUARD_MS", "" + limit / 2).run(List.of(slow, event()));
            assertEquals(List.of("timeout", "response"), report.outcomes(), report.said());
            assertEquals(2, report.json.get("inits").size());
            if (limit == 54_000 || report.counts().containsKey("coffee.orders")) {
                coffee(1, report.points());
                return;
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"log", "http"})
    void frozenAndThawed(String mode) throws Exception {
        Map<String, Object> frozen = new java.util.HashMap<>(event("points", POINTS));
        frozen.put("freeze_ms", 1500);
        Report report = sandbox(mode).run(List.of(frozen, event("points", POINTS)));
        assertEquals(List.of("response", "response"), report.outcomes());
        coffee(2, report.points());
    }

    /** In the same flush if there is time, else in the next. */
    @Test
    void whatTheIntakeDidNotTakeIsSentAgain() throws Exception {
        Map<String, Object> first = new java.util.HashMap<>(event("points", POINTS));
        first.put("freeze_ms", 1500); // longer than the pause after a failure
        Report report = sandbox("http").with("intake", Map.of("statuses", List.of(500, 202)))
                .run(List.of(first, event("points", POINTS)));
        coffee(2, report.points());
        assertEquals(500, report.json.get("requests").get(0).get("status").asInt());
    }

    @Test
    void anExitLosesNothing() throws Exception {
        Report report = sandbox("http").run(List.of(event("points", POINTS, "exit", true), event()));
        assertEquals("exit", report.outcomes().get(0));
        coffee(1, report.points());
    }

    @Test
    void aSandboxThatIsToldToEndHasSentEverything() throws Exception {
        Report report = new Sandbox(App.WithoutFinish.class).env("POINTMILL_LAMBDA_MODE", "http").with("end", "term")
                .run(List.of(event("points", POINTS), event("points", POINTS)));
        coffee(2, report.points());
    }

    /** The next invocation of the thread ends the one before. */
    @Test
    void withoutFinishPointsComeOneInvocationLater() throws Exception {
        Report report = new Sandbox(App.WithoutFinish.class).env("POINTMILL_LAMBDA_MODE", "log")
                .run(List.of(event("points", POINTS), event("points", POINTS, "raise", "x"), event()));
        coffee(2, report.points());
        // Nobody called error.
        assertEquals(null, report.counts().get(ERRORS));
        assertTrue(report.counts().get(INVOCATIONS) >= 2);
    }

    /** Wrapping twice, and an object in a wrapped handler, are one invocation. */
    @Test
    void wrappedTwiceCountsOnce() throws Exception {
        Report report = new Sandbox(App.Wrapped.class).env("POINTMILL_LAMBDA_MODE", "log")
                .run(List.of(event("points", POINTS), event("points", POINTS)));
        coffee(2, report.points());
        assertEquals(2, report.counts().get(INVOCATIONS));
        assertEquals(null, report.counts().get(ERRORS));
    }

    @Test
    void streamsAreWrappedToo() throws Exception {
        Report report = new Sandbox(App.Streams.class).env("POINTMILL_LAMBDA_MODE", "log")
                .run(List.of(event("a", 1), Map.of("event", 7)));
        assertEquals(List.of("response", "error"), report.outcomes(), report.said());
        assertEquals(1, report.body(0).get("a").asInt());
        assertEquals(2, report.counts().get("bytes"));
        assertEquals(2, report.counts().get(INVOCATIONS));
        assertEquals(1, report.counts().get(ERRORS));
    }

    @Test
    void aTimeIsKept() throws Exception {
        long now = System.currentTimeMillis() / 1000;
        Report report = sandbox("log").run(List.of(event("timed", List.of(List.of("old", now - 7200)))));
        assertEquals(List.of(now - 7200), report.points().get("old[]").times);
    }

    /** Without settings: log mode, and one line a point, as the original. */
    @Test
    void aLineAPoint() throws Exception {
        Report report = new Sandbox(App.ByHand.class).run(List.of(event("points", List.of(
                List.of("a.b", 24.3, Map.of("k", "v"))))));
        String line = report.json.get("stdout").asText().lines().filter(text -> text.contains("a.b")).findFirst().orElseThrow();
        assertTrue(line.matches("\\{\"m\":\"a\\.b\",\"v\":24\\.3,\"e\":\\d{10},\"t\":\\[\"k:v\"\\]\\}"), line);
        assertEquals(0, report.json.get("requests").size());
    }
}

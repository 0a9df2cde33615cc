package io.github.pointmill;

import static io.github.pointmill.Support.START;
import static io.github.pointmill.Support.await;
import static io.github.pointmill.Support.balanced;
import static io.github.pointmill.Support.entries;
import static io.github.pointmill.Support.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;

class EngineTest {
    @Test
    void everyKindDoesWhatItIsCalled() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric latency = engine.distribution("latency", "env:prod", "zone:a");
            for (int ms = 1; ms <= 1000; ms++) {
                latency.record(ms);
            }
            Metric hits = engine.count("hits");
            assertEquals(List.of(), hits.tags());
            assertEquals(List.of("b:2", "a:1"), engine.gauge("g", "b:2", "a:1").tags());
            Metric depth = engine.gauge("depth");
            Metric size = engine.histogram("size");
            for (double value : new double[] {1, 9, 4}) {
                hits.record(value);
                depth.record(value);
                size.record(value);
            }
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(4, snapshot.size());
                Map<String, Entry> entries = entries(snapshot);
                Entry d = entries.get("latency[env:prod, zone:a]");
                assertEquals(Kind.DISTRIBUTION, d.kind());
                assertEquals(START, d.interval());
                assertEquals(10, d.intervalS());
                assertEquals(1000, d.points());
                assertEquals(500_500, d.summary().sum());
                assertEquals(List.of(1000L, 1.0, 1000.0, 500_500.0, d.summary().avg()),
                        List.of(d.count(), d.min(), d.max(), d.sum(), d.avg()));
                assertEquals(990, d.quantile(0.99), 990.0 / 129);
                try (Sketch sketch = d.sketch()) {
                    assertEquals(d.quantile(0.5), sketch.quantile(0.5));
                }
                assertEquals(14, entries.get("hits[]").value());
                assertEquals(Kind.COUNT, entries.get("hits[]").kind());
                assertEquals(4, entries.get("depth[]").value());
                assertEquals(Kind.GAUGE, entries.get("depth[]").kind());
                assertEquals(3, entries.get("size[]").summary().count());
                assertEquals(Kind.HISTOGRAM, entries.get("size[]").kind());
                refused("NO_SKETCH", () -> entries.get("hits[]").quantile(0.5));
                refused("INDEX", () -> snapshot.entry(4));
                refused("INDEX", () -> snapshot.entry(-1));
            }
            assertEquals(1009, balanced(engine).flushed());
        }
    }

    @Test
    void byNameIsTheSameAsHeld() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            for (int round = 0; round < 3; round++) {
                engine.recordDistribution("d", 1, "a:1", "b:2");
                engine.recordDistribution("d", 2, "b:2", "a:1");
                engine.recordCount("d", 1, "a:1", "b:2");
                engine.recordGauge("g", round);
                engine.recordHistogram("h", round, (String[]) null);
                engine.distribution("d", "b:2", "a:1", "b:2").record(3);
            }
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(4, snapshot.size());
                for (Entry entry : snapshot) {
                    switch (entry.kind()) {
                        case DISTRIBUTION:
                            assertEquals(9, entry.points());
                            assertEquals(List.of("a:1", "b:2"), entry.tags());
                            break;
                        case GAUGE:
                            assertEquals(2, entry.value());
                            break;
                        default:
                            assertEquals(3, entry.points());
                    }
                }
            }
            balanced(engine);
        }
    }

    @Test
    void pointsMayHaveATimeARateOrBoth() {
        try (Engine engine = new Engine()) {
            engine.tick(START + 25);
            Metric d = engine.distribution("d");
            d.recordAt(1, START);
            d.recordSampled(2, 0.25);
            d.recordSampledAt(3, 0.5, START + 10);
            assertEquals(1, d.recordMany(new double[] {4, Double.NaN, 5}));
            assertEquals(2_000, engine.count("c").recordMany(nans(2_000)));
            refused("TOO_OLD", () -> d.recordAt(1, START - 1_000_000));
            refused("TOO_NEW", () -> d.recordAt(1, START + 1_000_000));
            refused("NOT_FINITE", () -> d.recordAt(Double.NaN, START));
            try (Snapshot snapshot = engine.flush(START + 40, true)) {
                long count = 0;
                Set<Long> intervals = new HashSet<>();
                for (Entry entry : snapshot) {
                    count += entry.summary().count();
                    intervals.add(entry.interval());
                }
                assertEquals(1 + 4 + 2 + 2, count);
                assertEquals(Set.of(START, START + 10, START + 20), intervals);
            }
            Stats stats = balanced(engine);
            assertEquals(2_000 + 2, stats.rejectedNotFinite());
            assertEquals(1, stats.rejectedTooOld());
            assertEquals(1, stats.rejectedTooNew());
        }
    }

    private static double[] nans(int len) {
        double[] values = new double[len];
        Arrays.fill(values, Double.NaN);
        return values;
    }

    /** Points in a ring belong to the interval in which they were recorded. */
    @Test
    void aTickHandsOverWhatWaits() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            d.record(1);
            engine.tick(START + 10);
            d.record(2);
            try (Snapshot snapshot = engine.flush(START + 20, false)) {
                assertEquals(2, snapshot.size());
                for (Entry entry : snapshot) {
                    assertEquals(entry.interval() == START ? 1 : 2, entry.summary().sum());
                }
            }
        }
    }

    /** The values of one thread stay in order, over the ring's end and over hand-overs in its midst. */
    @Test
    void aRingKeepsEveryPointInOrder() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            long points = 0;
            double sum = 0;
            for (int round = 0; round < 40; round++) {
                for (int i = 0; i < 37 * round; i++) {
                    d.record(points);
                    sum += points++;
                }
                assertEquals(points, balanced(engine).recorded());
            }
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(points, snapshot.entry(0).points());
                assertEquals(sum, snapshot.entry(0).summary().sum());
                assertEquals(points - 1, snapshot.entry(0).summary().max());
            }
        }
    }

    @Test
    void manyThreadsLoseNothing() throws Exception {
        int threads = 8;
        int points = 20_000;
        // It flushes thousands of times a second: a context must not go idle while its thread waits for a processor.
        try (Engine engine = new Engine(Map.of("idle_flushes", 1_000_000))) {
            engine.tick(START);
            Metric held = engine.distribution("held");
            ExecutorService pool = Executors.newFixedThreadPool(threads);
            Future<?>[] ends = new Future<?>[threads];
            for (int t = 0; t < threads; t++) {
                ends[t] = pool.submit(() -> {
                    for (int i = 0; i < points; i++) {
                        held.record(i);
                        engine.recordCount("named", 1, "shard:" + i % 10);
                    }
                });
            }
            long flushed = 0;
            boolean done = false;
            for (int round = 1; !done; round++) {
                done = Arrays.stream(ends).allMatch(Future::isDone);
                try (Snapshot snapshot = engine.flush(START + 10L * round, true)) {
                    for (Entry entry : snapshot) {
                        flushed += entry.points();
                    }
                }
            }
            for (Future<?> end : ends) {
                end.get(60, TimeUnit.SECONDS);
            }
            pool.shutdown();
            assertEquals(2L * threads * points, flushed);
            assertEquals(2L * threads * points, balanced(engine).flushed());
        }
    }

    @Test
    void aThreadThatHasEndedLeavesItsPoints() throws Exception {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            for (int t = 0; t < 600; t++) {
                Thread thread = new Thread(() -> d.record(1));
                thread.start();
                thread.join();
            }
            assertEquals(600, balanced(engine).recorded());
        }
    }

    /** 256 threads have a ring of their own; the 64 after them share, eight a ring. */
    @Test
    void moreThreadsThanRingsShare() throws Exception {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            AtomicBoolean end = new AtomicBoolean();
            CountDownLatch arrived = new CountDownLatch(320);
            Thread[] threads = new Thread[320];
            for (int t = 0; t < threads.length; t++) {
                threads[t] = new Thread(() -> {
                    d.record(0);
                    arrived.countDown();
                    await("full house", () -> arrived.getCount() == 0);
                    for (int i = 0; i < 10_000; i++) {
                        d.record(i);
                    }
                    await("end", end::get);
                    d.record(1);
                });
                threads[t].start();
            }
            await("every point", () -> engine.stats().recorded() == 320 * 10_001);
            end.set(true);
            for (Thread thread : threads) {
                thread.join();
            }
            assertEquals(320 * 10_002, balanced(engine).recorded());
        }
    }

    @Test
    void virtualThreadsLoseNothing() throws Exception {
        assumeTrue(Runtime.version().feature() >= 21);
        ExecutorService each = (ExecutorService) Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        Set<Ring> rings = ConcurrentHashMap.newKeySet();
        try (Engine engine = new Engine()) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            for (int t = 0; t < 2_000; t++) {
                each.submit(() -> {
                    d.record(1);
                    rings.add(engine.ringOfThisThread());
                });
            }
            each.shutdown();
            assertTrue(each.awaitTermination(60, TimeUnit.SECONDS));
            assertEquals(2_000, balanced(engine).recorded());
        }
        assertTrue(rings.size() <= 8, rings.size() + " rings");
    }

    /** The engine gives contexts back that were idle for long; a held metric asks for its own again. */
    @Test
    void heldMetricsOutliveTheirContexts() {
        try (Engine engine = new Engine(Map.of("idle_flushes", 1))) {
            engine.tick(START);
            Metric d = engine.distribution("d");
            long now = START;
            for (int round = 0; round < 10; round++) {
                d.record(round);
                engine.recordDistribution("named", round);
                for (int idle = 0; idle < 4; idle++) {
                    engine.distribution("other" + round + idle).record(1);
                    engine.flush(now += 10, true).close();
                }
            }
            Stats stats = balanced(engine);
            assertTrue(stats.contextsExpired() > 5, stats.toString());
            assertEquals(60, stats.flushed());
        }
    }

    @Test
    void namesAreRememberedWithinABound() {
        try (Engine engine = new Engine(Map.of("contexts_max", 20_000))) {
            engine.tick(START);
            for (int i = 0; i < 3 * Names.MAX; i++) {
                engine.recordCount("n", 1, "i:" + i);
            }
            // The same hash: the chain has an end.
            String[] same = new String[256];
            for (int i = 0; i < same.length; i++) {
                StringBuilder text = new StringBuilder();
                for (int bit = 0; bit < 8; bit++) {
                    text.append((i >> bit & 1) == 0 ? "Aa" : "BB");
                }
                same[i] = text.toString();
                assertEquals(same[0].hashCode(), same[i].hashCode());
            }
            for (int round = 0; round < 2; round++) {
                for (String tag : same) {
                    engine.recordCount("n", 1, tag);
                }
            }
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(3 * Names.MAX + same.length, snapshot.size());
                for (Entry entry : snapshot) {
                    assertEquals(entry.tags().get(0).startsWith("i:") ? 1 : 2, entry.value());
                }
            }
        }
    }

    @Test
    void namesAreToldApartByWhereTheyEnd() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            engine.recordCount("a", 1, "bc");
            engine.recordCount("ab", 1, "c");
            engine.recordCount("a", 1, "b", "c");
            engine.recordDistribution("a", 1, "bc");
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(4, snapshot.size());
            }
        }
    }

    @Test
    void aTagThatIsChangedAfterwardsChangesNothing() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            String[] tags = {"a:1"};
            engine.recordCount("c", 1, tags);
            Metric held = engine.count("c", tags);
            tags[0] = "a:2";
            held.record(1);
            engine.recordCount("c", 1, "a:1");
            engine.recordCount("c", 1, tags);
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(3, entries(snapshot).get("c[a:1]").value());
                assertEquals(1, entries(snapshot).get("c[a:2]").value());
            }
            // After a flush they ask for their context again.
            held.record(1);
            engine.recordCount("c", 1, "a:1");
            try (Snapshot snapshot = engine.flush(START + 20, false)) {
                assertEquals(2, entries(snapshot).get("c[a:1]").value());
            }
        }
    }

    // ---- bad input ----

    @Test
    void valuesThatAreNoNumbersAreRefusedAndCounted() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            for (Kind kind : Kind.values()) {
                Metric metric = engine.metric(kind, "m");
                for (double bad : new double[] {Double.NaN, Double.POSITIVE_INFINITY, Double.NEGATIVE_INFINITY}) {
                    refused("NOT_FINITE", () -> metric.record(bad));
                    refused("NOT_FINITE", () -> engine.recordNamed(kind, "m", bad));
                }
            }
            assertEquals(24, balanced(engine).rejectedNotFinite());
        }
    }

    @Test
    void nullIsNamed() {
        try (Engine engine = new Engine()) {
            for (Throwable refused : List.of(
                    assertThrows(NullPointerException.class, () -> engine.distribution(null)),
                    assertThrows(NullPointerException.class, () -> engine.recordCount(null, 1)),
                    assertThrows(NullPointerException.class, () -> engine.distribution("d", "a:1", null)),
                    assertThrows(NullPointerException.class, () -> engine.recordCount("d", 1, null, "a:1")),
                    assertThrows(NullPointerException.class, () -> engine.count("d").recordMany(null)))) {
                assertTrue(refused.getMessage().contains("is null"), refused.getMessage());
            }
            assertThrows(NullPointerException.class, () -> engine.recordNamed(null, "d", 1));
            engine.distribution("d", (String[]) null).record(1);
            assertEquals(1, balanced(engine).recorded());
        }
    }

    @Test
    void namesTooLongOrEmptyAreRefusedAndCounted() {
        String huge = "x".repeat(10_000);
        try (Engine engine = new Engine()) {
            refused("INVALID_NAME", () -> engine.distribution(huge));
            refused("INVALID_NAME", () -> engine.distribution(""));
            assertTrue(refused("INVALID_NAME", () -> engine.distribution("d", huge)).getMessage().startsWith("the tag \"xxx"));
            assertEquals(0, balanced(engine).recorded());
            refused("INVALID_NAME", () -> engine.recordCount(huge, 1));
            refused("INVALID_NAME", () -> engine.recordCount("", 1));
            refused("INVALID_NAME", () -> engine.recordCount("d", 1, huge));
            assertEquals(3, balanced(engine).rejectedInvalidName());
        }
    }

    /** Java's own conversion for C would write an emoji as six bytes and a NUL as two: no UTF-8. */
    @Test
    void textsAreUtf8() {
        List<String> texts = List.of("plain", "größe", "日本", "emoji:😀", "nul:\0:nul", "x".repeat(150) + "😀", "\uFFFF");
        try (Engine engine = new Engine()) {
            engine.tick(START);
            for (String text : texts) {
                engine.recordCount(text, 1, "tag:" + text);
                engine.recordCount(text, 1, "tag:" + text);
            }
            assertEquals(0, engine.stats().utf8Mended());
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                Map<String, Entry> entries = entries(snapshot);
                for (String text : texts) {
                    assertEquals(2, entries.get(text + "[tag:" + text + "]").value());
                }
                byte[] body = snapshot.encode(Map.of("format", "dogstatsd")).payloads().get(0).body();
                assertTrue(new String(body, java.nio.charset.StandardCharsets.UTF_8).contains("emoji:😀"));
            }
            // Half of a pair is no character.
            for (String lone : List.of("a\uD83D", "a\uDE00", "a\uDE00\uD83D", "\uD83Da")) {
                engine.recordCount("lone", 1, lone);
            }
            assertEquals(4, engine.stats().utf8Mended());
            try (Snapshot snapshot = engine.flush(START + 20, false)) {
                for (Entry entry : snapshot) {
                    assertTrue(entry.tags().get(0).contains("\uFFFD"), entry.toString());
                }
            }
            balanced(engine);
        }
    }

    @Test
    void manyTagsAndLongOnesFit() {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            String[] tags = new String[60];
            for (int i = 0; i < tags.length; i++) {
                tags[i] = "key" + i + ":" + "v".repeat(i);
            }
            engine.recordCount("c", 1, tags);
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertEquals(Set.of(tags), new HashSet<>(snapshot.entry(0).tags()));
            }
        }
    }

    @Test
    void limitsKeepTheValue() {
        try (Engine engine = new Engine(Map.of("contexts_max", 16))) {
            engine.tick(START);
            for (int i = 0; i < 100; i++) {
                engine.recordCount("c", 1, "i:" + i);
            }
            Stats stats = balanced(engine);
            assertEquals(100, stats.pending());
            assertTrue(stats.overflowed() > 80, stats.toString());
            try (Snapshot snapshot = engine.flush(START + 10, false)) {
                assertTrue(entries(snapshot).containsKey("c[pointmill.overflow:true]"));
            }
        }
    }

    @Test
    void optionsSayWhatTheyAllow() {
        assertTrue(refused("UNKNOWN_OPTION", () -> new Engine(Map.of("context_max", 1))).getMessage().contains("contexts_max"));
        assertTrue(refused("BAD_VALUE", () -> new Engine(Map.of("interval_s", "soon"))).getMessage().contains("interval_s"));
        refused("BAD_VALUE", () -> new Engine(Map.of("interval_s", "1\0")));
        refused("UNKNOWN_OPTION", () -> new Engine(Map.of("größe😀", 1)));
        List<Option> options = Option.list();
        assertTrue(options.size() > 30);
        for (Option option : options) {
            assertTrue(option.doc().length() > 10, option.toString());
            assertEquals(!option.choices().isEmpty(), option.type().equals("choice"), option.toString());
            assertTrue(Set.of("number", "choice", "flag", "text").contains(option.type()), option.toString());
            assertTrue(option.choices().isEmpty() || option.choices().contains(option.defaultValue()), option.toString());
        }
    }

    // ---- the end ----

    @Test
    void whatIsClosedSaysSo() {
        Engine engine = new Engine();
        engine.tick(START);
        Metric held = engine.distribution("d");
        Metric gauge = engine.gauge("g");
        held.record(1);
        Snapshot snapshot = engine.flush(START + 10, false);
        engine.close();
        engine.close();
        refused("CLOSED", () -> held.record(1));
        refused("CLOSED", () -> gauge.record(1));
        refused("CLOSED", () -> held.recordAt(1, START));
        refused("CLOSED", () -> held.recordMany(new double[1]));
        refused("CLOSED", () -> engine.recordCount("d", 1));
        refused("CLOSED", () -> engine.distribution("d"));
        refused("CLOSED", engine::tick);
        refused("CLOSED", engine::stats);
        refused("CLOSED", engine::flush);
        assertEquals(1, snapshot.entry(0).quantile(0.5));
        Entry entry = snapshot.entry(0);
        snapshot.close();
        snapshot.close();
        refused("CLOSED", () -> entry.quantile(0.5));
        refused("CLOSED", snapshot::size);
        refused("CLOSED", () -> Snapshot.merge(snapshot));
        refused("CLOSED", snapshot::encode);
    }

    /** A thread of a pool keeps no ring of an engine that is gone. */
    @Test
    void threadsForgetWhatIsClosed() {
        Engine engine = new Engine();
        engine.distribution("d").record(1);
        WeakReference<Ring> ring = new WeakReference<>(engine.ringOfThisThread());
        assertTrue(ring.get() != null);
        engine.close();
        await("garbage collection of the ring", () -> {
            System.gc();
            return ring.get() == null;
        });
        refused("CLOSED", engine::stats);
    }

    /** Whoever records while another closes gets an answer, not a crash. */
    @Test
    void closingMeanwhileIsSafe() throws Exception {
        for (int round = 0; round < 30; round++) {
            Engine engine = new Engine(Map.of("arena_bytes", 4 << 20, "contexts_max", 100));
            Metric held = engine.distribution("d");
            Metric gauge = engine.gauge("g");
            AtomicBoolean closed = new AtomicBoolean();
            Thread[] threads = new Thread[4];
            for (int t = 0; t < threads.length; t++) {
                threads[t] = new Thread(() -> {
                    try {
                        while (true) {
                            held.record(1);
                            gauge.record(1);
                            engine.recordCount("c", 1, "a:1");
                        }
                    } catch (PointmillException refused) {
                        assertEquals("POINTMILL_E_CLOSED", refused.name());
                        closed.set(true);
                    }
                });
                threads[t].start();
            }
            engine.flushAll().close();
            engine.close();
            for (Thread thread : threads) {
                thread.join();
            }
            assertTrue(closed.get());
        }
    }

    /** A flush moves the engine's epoch on, and a closed engine must stay so. */
    @Test
    void closingDuringAFlushStaysClosed() throws Exception {
        for (int round = 0; round < 200; round++) {
            Engine engine = new Engine(Map.of("arena_bytes", 4 << 20, "contexts_max", 100));
            CountDownLatch flushes = new CountDownLatch(20);
            Thread flusher = new Thread(() -> {
                try {
                    while (true) {
                        engine.flushAll().close();
                        flushes.countDown();
                    }
                } catch (PointmillException refused) {
                    assertEquals("CLOSED", refused.code());
                }
            });
            flusher.setDaemon(true);
            flusher.start();
            flushes.await();
            engine.close();
            refused("CLOSED", engine::stats);
            await("end of the flushes", () -> !flusher.isAlive());
            refused("CLOSED", engine::stats);
        }
    }

    @Test
    void whatIsForgottenIsFreed() {
        WeakReference<Engine> gone = new WeakReference<>(forgotten());
        await("garbage collection", () -> {
            System.gc();
            return gone.get() == null;
        });
        long before = addressSpace();
        for (int i = 0; i < 100; i++) {
            new Engine(Map.of("arena_bytes", 1L << 28)).distribution("d").record(1);
        }
        await("release of the arenas", () -> {
            System.gc();
            return addressSpace() - before < 10L << 28;
        });
    }

    /** Bytes that the process has mapped. */
    private static long addressSpace() {
        try {
            for (String line : Files.readAllLines(Paths.get("/proc/self/status"))) {
                if (line.startsWith("VmSize:")) {
                    return Long.parseLong(line.replaceAll("[^0-9]", "")) * 1024;
                }
            }
            throw new AssertionError("no VmSize");
        } catch (IOException error) {
            throw new UncheckedIOException(error);
        }
    }

    private static Engine forgotten() {
        Engine engine = new Engine();
        engine.distribution("d").record(1);
        return engine;
    }

    @Test
    void ledgersBalanceOrSaySo() {
        long[] counts = new long[Stats.NAMES.length];
        counts[0] = 1;
        assertFalse(new Stats(counts).balances());
        assertEquals("[recorded=1]", new Stats(counts).toString());
    }
}

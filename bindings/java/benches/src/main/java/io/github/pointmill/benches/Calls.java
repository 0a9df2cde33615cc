package io.github.pointmill.benches;

import com.datadoghq.sketch.ddsketch.DDSketch;
import com.datadoghq.sketch.ddsketch.DDSketches;
import com.google.gson.Gson;
import io.github.pointmill.Engine;
import io.github.pointmill.Metric;
import io.github.pointmill.Sketch;
import io.github.pointmill.Stats;
import io.github.pointmill.lambda.DDLambda;
import io.github.pointmill.lambda.LambdaStats;
import java.io.FileOutputStream;
import java.io.PrintStream;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/** What a call costs. Every benchmark is checked at its end: each point must be where it belongs. */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Warmup(iterations = 3, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Measurement(iterations = 5, time = 500, timeUnit = TimeUnit.MILLISECONDS)
@Fork(1)
public class Calls {
    /** Values of a few magnitudes, so that they fall into many bins. */
    private static final double[] VALUES = new double[1024];

    static {
        java.util.Random random = new java.util.Random(1);
        for (int i = 0; i < VALUES.length; i++) {
            VALUES[i] = Math.exp(random.nextGaussian()) * 100;
        }
    }

    private static void same(long want, long got, Object books) {
        if (want != got) {
            throw new AssertionError(want + " calls, " + got + " points in " + books);
        }
    }

    /** How often this thread has called. */
    @State(Scope.Thread)
    public static class Calling {
        long calls;

        double next() {
            return VALUES[(int) calls++ & 1023];
        }
    }

    @State(Scope.Benchmark)
    public static class OurEngine {
        final Engine engine = new Engine();
        final Metric distribution = engine.distribution("request.duration", "route:/cart", "env:prod");
        final Metric count = engine.count("hits", "route:/cart", "env:prod");
        final Metric gauge = engine.gauge("depth", "route:/cart", "env:prod");
        final AtomicLong calls = new AtomicLong();

        @TearDown
        public void check() throws InterruptedException {
            // The other thread may still be adding its calls up.
            for (int i = 0; i < 5_000 && calls.get() != engine.stats().pending(); i++) {
                Thread.sleep(1);
            }
            Stats stats = engine.stats();
            if (!stats.balances()) {
                throw new AssertionError(stats);
            }
            same(calls.get(), stats.pending(), stats);
        }
    }

    /** Adds up the calls of all threads, before the engine is checked. */
    @State(Scope.Thread)
    public static class Counting extends Calling {
        private OurEngine engine;

        @Setup
        public void engine(OurEngine engine) {
            this.engine = engine;
        }

        @TearDown(Level.Iteration)
        public void add() {
            engine.calls.addAndGet(calls);
            calls = 0;
        }
    }

    @Benchmark
    public void heldDistribution(OurEngine our, Counting calling) {
        our.distribution.record(calling.next());
    }

    @Benchmark
    @Threads(2)
    public void heldDistributionTwoThreads(OurEngine our, Counting calling) {
        our.distribution.record(calling.next());
    }

    @Benchmark
    public void heldCount(OurEngine our, Counting calling) {
        our.count.record(calling.next());
    }

    /** A call into C each time. */
    @Benchmark
    public void heldGauge(OurEngine our, Counting calling) {
        our.gauge.record(calling.next());
    }

    @Benchmark
    public void byNameTwoTags(OurEngine our, Counting calling) {
        our.engine.recordDistribution("request.duration", calling.next(), "route:/cart", "env:prod");
    }

    // ---- the drop-in ----

    /** In HTTP mode, as the environment says. */
    @State(Scope.Benchmark)
    public static class OurLambda {
        final DDLambda lambda = new DDLambda(null);
        final AtomicLong calls = new AtomicLong();
        private long before;

        @Setup
        public void before() {
            same(1, DDLambda.mode().equals("http") ? 1 : 0, DDLambda.mode());
            before = DDLambda.stats().recorded();
        }

        @TearDown
        public void check() {
            LambdaStats stats = DDLambda.stats();
            if (!stats.balances()) {
                throw new AssertionError(stats);
            }
            same(calls.get(), stats.recorded() - before, stats);
        }
    }

    @State(Scope.Thread)
    public static class CountingLambda extends Calling {
        private OurLambda lambda;
        final Map<String, Object> tags = new HashMap<>(Map.of("route", "/cart", "env", "prod"));

        @Setup
        public void lambda(OurLambda lambda) {
            this.lambda = lambda;
        }

        @TearDown(Level.Iteration)
        public void add() {
            lambda.calls.addAndGet(calls);
            calls = 0;
        }
    }

    @Benchmark
    public void dropInTwoTags(OurLambda our, CountingLambda calling) {
        our.lambda.metric("request.duration", calling.next(), calling.tags);
    }

    /** With a map of its own for each call, as programs write it. */
    @Benchmark
    public void dropInTwoTagsNewMap(OurLambda our, CountingLambda calling) {
        our.lambda.metric("request.duration", calling.next(), Map.of("route", "/cart", "env", "prod"));
    }

    /** What datadog-lambda-java does, after its source: Gson, and a line printed; the lines go to /dev/null. */
    @State(Scope.Benchmark)
    public static class Printing {
        private final Gson gson = new Gson();
        private PrintStream out;

        @Setup
        public void open() throws Exception {
            // As System.out is made.
            out = new PrintStream(new FileOutputStream("/dev/null"), true);
        }

        void metric(String name, double value, Map<String, Object> tags) {
            List<String> list = new ArrayList<>();
            tags.forEach((key, tag) -> list.add(key + ":" + tag));
            Map<String, Object> line = new LinkedHashMap<>();
            line.put("m", name);
            line.put("v", value);
            line.put("t", list);
            line.put("e", System.currentTimeMillis() / 1000);
            out.println(gson.toJson(line));
        }
    }

    @State(Scope.Thread)
    public static class Tags extends Calling {
        final Map<String, Object> tags = new HashMap<>(Map.of("route", "/cart", "env", "prod"));
    }

    @Benchmark
    public void incumbentReenactedTwoTags(Printing printing, Tags calling) {
        printing.metric("request.duration", calling.next(), calling.tags);
    }

    // ---- sketches ----

    /** Values of one sketch, as of an interval; then a new one is begun. */
    private static final int SKETCH_VALUES = 1 << 18;

    @State(Scope.Thread)
    public static class OurSketch extends Calling {
        private Sketch sketch = new Sketch();
        private long before;

        Sketch sketch() {
            if (calls - before >= SKETCH_VALUES) {
                check();
                sketch.close();
                sketch = new Sketch();
                before = calls;
            }
            return sketch;
        }

        @TearDown
        public void check() {
            same(calls - before, sketch.summary().count(), sketch.summary());
        }
    }

    @State(Scope.Thread)
    public static class TheirSketch extends Calling {
        // Of the same accuracy.
        private final DDSketch sketch = DDSketches.logarithmicUnboundedDense(1.0 / 129);
        private long before;

        DDSketch sketch() {
            if (calls - before >= SKETCH_VALUES) {
                check();
                sketch.clear();
                before = calls;
            }
            return sketch;
        }

        @TearDown
        public void check() {
            same(calls - before, (long) sketch.getCount(), sketch);
        }
    }

    @Benchmark
    public void sketchInsert(OurSketch our) {
        our.sketch().insert(our.next());
    }

    @Benchmark
    public void sketchesJavaAccept(TheirSketch their) {
        their.sketch().accept(their.next());
    }

    /** A thousand values a call; the figure is for all of them. */
    @Benchmark
    public void sketchInsertMany1024(OurSketch our) {
        our.sketch().insertMany(VALUES);
        our.calls += VALUES.length;
    }

    @Benchmark
    public double sketchQuantile(Filled filled) {
        return filled.ours.quantile(0.99);
    }

    @Benchmark
    public double sketchesJavaQuantile(Filled filled) {
        return filled.theirs.getValueAtQuantile(0.99);
    }

    /** Both with the same values, whose answers must agree. */
    @State(Scope.Benchmark)
    public static class Filled {
        final Sketch ours = new Sketch();
        final DDSketch theirs = DDSketches.logarithmicUnboundedDense(1.0 / 129);

        @Setup
        public void fill() {
            ours.insertMany(VALUES);
            for (double value : VALUES) {
                theirs.accept(value);
            }
            double a = ours.quantile(0.99);
            double b = theirs.getValueAtQuantile(0.99);
            if (Math.abs(a - b) > b * 0.05) {
                throw new AssertionError(a + " and " + b);
            }
        }
    }
}

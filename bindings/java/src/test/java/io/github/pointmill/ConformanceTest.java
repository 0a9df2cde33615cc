package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.dataformat.toml.TomlMapper;
import io.github.pointmill.internal.Native;
import java.math.BigInteger;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

/** The shared cases of testdata/conformance; its README describes the format. */
class ConformanceTest {
    private static final Set<String> FIELDS = Set.of("op", "error", "now", "all", "kind", "name", "name_times", "tags",
            "tag_times", "value", "values", "range", "by", "at", "rate", "rejected", "entries", "stats", "keys",
            "merge_intervals", "options", "bodies", "bodies_hex", "skipped", "into", "from", "sketch", "n", "lower",
            "upper", "format", "hex", "is", "q", "result");

    @TestFactory
    List<DynamicTest> cases() throws Exception {
        List<DynamicTest> tests = new ArrayList<>();
        try (Stream<Path> files = Files.list(Support.ROOT.resolve("testdata/conformance"))) {
            for (Path file : files.filter(path -> path.toString().endsWith(".toml")).sorted().collect(Collectors.toList())) {
                JsonNode cases = new TomlMapper().readTree(Files.readString(file)).get("case");
                for (JsonNode one : cases) {
                    tests.add(DynamicTest.dynamicTest(one.get("name").asText(), () -> new Run(one).run()));
                }
            }
        }
        assertTrue(tests.size() >= 30, tests.size() + " cases");
        return tests;
    }

    private static final class Run {
        private final JsonNode one;
        private final Map<String, Sketch> sketches = new HashMap<>();
        private final List<Snapshot> snapshots = new ArrayList<>();
        private Snapshot last;
        private Engine engine;
        private JsonNode step;
        private String where;

        Run(JsonNode one) {
            this.one = one;
        }

        void run() {
            int i = 0;
            for (JsonNode next : one.get("step")) {
                step = next;
                where = "step " + ++i + " " + next;
                next.fieldNames().forEachRemaining(field -> assertTrue(FIELDS.contains(field), where));
                step();
                if (engine != null) {
                    Support.balanced(engine);
                }
            }
            if (engine != null) {
                engine.close();
            }
        }

        /** One call, which must fail as the step says, or succeed. */
        private void call(Runnable call) {
            String code = "";
            try {
                call.run();
            } catch (PointmillException refused) {
                code = refused.name().substring("POINTMILL_E_".length());
            }
            assertEquals(text("error", ""), code, where);
        }

        private String text(String field, String otherwise) {
            return step.has(field) ? step.get(field).asText() : otherwise;
        }

        private long number(String field, long otherwise) {
            return step.has(field) ? whole(step.get(field)) : otherwise;
        }

        /** Whole numbers of 64 bits, some without a sign. */
        private static long whole(JsonNode node) {
            BigInteger number = node.bigIntegerValue();
            return number.longValue();
        }

        private boolean flag(String field) {
            return step.has(field) && step.get(field).asBoolean();
        }

        private String[] texts(String field) {
            List<String> list = new ArrayList<>();
            if (step.has(field)) {
                step.get(field).forEach(node -> list.add(node.asText()));
            }
            return list.toArray(new String[0]);
        }

        private static Map<String, String> options(JsonNode node) {
            Map<String, String> options = new HashMap<>();
            if (node != null) {
                node.properties().forEach(field -> options.put(field.getKey(), field.getValue().asText()));
            }
            return options;
        }

        private double[] values() {
            if (step.has("value")) {
                return new double[] {step.get("value").doubleValue()};
            }
            if (step.has("range")) {
                long from = whole(step.get("range").get(0));
                double[] all = new double[(int) (whole(step.get("range").get(1)) - from + 1)];
                for (int i = 0; i < all.length; i++) {
                    all[i] = from + i;
                }
                return all;
            }
            double[] all = new double[step.get("values").size()];
            for (int i = 0; i < all.length; i++) {
                all[i] = step.get("values").get(i).doubleValue();
            }
            return all;
        }

        private Sketch sketch(String name) {
            return sketches.computeIfAbsent(name, any -> new Sketch());
        }

        private Engine engine() {
            if (engine == null) {
                engine = new Engine(options(one.get("config")));
            }
            return engine;
        }

        private void step() {
            switch (step.get("op").asText()) {
                case "engine":
                    call(this::engine);
                    break;
                case "tick":
                    call(() -> engine().tick(number("now", 0)));
                    break;
                case "record":
                    record();
                    break;
                case "flush":
                    call(() -> {
                        last = engine().flush(number("now", 0), flag("all"));
                        snapshots.add(last);
                        entries();
                    });
                    break;
                case "merge":
                    call(() -> {
                        last = Snapshot.merge(snapshots.toArray(new Snapshot[0]));
                        entries();
                    });
                    break;
                case "group_by":
                    call(() -> {
                        last = last.groupBy(flag("merge_intervals"), texts("keys"));
                        entries();
                    });
                    break;
                case "stats":
                    call(() -> stats(engine().stats()));
                    break;
                case "encode":
                    call(this::encode);
                    break;
                case "insert":
                    insert();
                    break;
                case "interpolate":
                    call(() -> sketch(text("into", "main")).insertInterpolated(step.get("lower").doubleValue(),
                            step.get("upper").doubleValue(), number("n", 0)));
                    break;
                case "merge_sketch":
                    call(() -> sketch(text("into", "main")).merge(sketch(text("from", "main"))));
                    break;
                case "decode":
                    call(() -> sketches.put(text("into", "main"), new Sketch(Native.sketchDecode(format(), bytes(text("hex", ""))))));
                    break;
                case "sketch":
                    is(step.get("is"), sketch(text("sketch", "main")));
                    break;
                case "encode_sketch":
                    call(() -> assertEquals(text("hex", ""), hex(sketch(text("sketch", "main")).encode(format())), where));
                    break;
                case "quantile":
                    call(() -> same(step.get("result"), sketch(text("sketch", "main")).quantile(step.get("q").doubleValue()), "q"));
                    break;
                case "key":
                    call(() -> same(step.get("result"), Sketch.key(step.get("value").doubleValue()), "key"));
                    break;
                default:
                    fail("this runner does not know " + where);
            }
        }

        private void insert() {
            Sketch into = sketch(text("into", "main"));
            for (double value : values()) {
                call(() -> {
                    if (step.has("n")) {
                        into.insertN(value, number("n", 0));
                    } else if (step.has("rate")) {
                        into.insertSampled(value, step.get("rate").doubleValue());
                    } else {
                        into.insert(value);
                    }
                });
            }
        }

        private void record() {
            Kind kind = Kind.valueOf(text("kind", "").toUpperCase(java.util.Locale.ROOT));
            String name = text("name", "").repeat((int) number("name_times", 1));
            String[] tags = texts("tags");
            for (int i = 0; i < tags.length; i++) {
                tags[i] = tags[i].repeat((int) number("tag_times", 1));
            }
            if (text("by", "held").equals("many")) {
                call(() -> assertEquals(number("rejected", 0), engine().metric(kind, name, tags).recordMany(values()), where));
                return;
            }
            boolean timed = step.has("at");
            boolean sampled = step.has("rate");
            double rate = sampled ? step.get("rate").doubleValue() : 1;
            for (double value : values()) {
                call(() -> {
                    if (text("by", "held").equals("name")) {
                        engine().recordNamed(kind, name, value, tags);
                        return;
                    }
                    Metric metric = engine().metric(kind, name, tags);
                    if (timed && sampled) {
                        metric.recordSampledAt(value, rate, number("at", 0));
                    } else if (timed) {
                        metric.recordAt(value, number("at", 0));
                    } else if (sampled) {
                        metric.recordSampled(value, rate);
                    } else {
                        metric.record(value);
                    }
                });
            }
        }

        private void stats(Stats stats) {
            step.get("stats").properties().forEach(field -> {
                StringBuilder name = new StringBuilder();
                for (String part : field.getKey().split("_")) {
                    name.append(name.length() == 0 ? part : Character.toUpperCase(part.charAt(0)) + part.substring(1));
                }
                try {
                    assertEquals(whole(field.getValue()), Stats.class.getMethod(name.toString()).invoke(stats), where + name);
                } catch (ReflectiveOperationException error) {
                    fail(error);
                }
            });
        }

        // ---- what comes out ----

        private static String key(String kind, String name, List<String> tags, long interval) {
            return kind + "|" + name + "|" + new TreeSet<>(tags) + "|" + interval;
        }

        private void entries() {
            if (!step.has("entries")) {
                return;
            }
            Map<String, Entry> got = new TreeMap<>();
            for (Entry entry : last) {
                got.put(key(entry.kind().name().toLowerCase(java.util.Locale.ROOT), entry.name(), entry.tags(), entry.interval()), entry);
            }
            Set<String> wanted = new HashSet<>();
            for (JsonNode want : step.get("entries")) {
                List<String> tags = new ArrayList<>();
                want.path("tags").forEach(tag -> tags.add(tag.asText()));
                String key = key(want.get("kind").asText(), want.get("name").asText(), tags, whole(want.get("interval")));
                wanted.add(key);
                Entry entry = got.get(key);
                assertTrue(entry != null, where + ": no " + key + " in " + got.keySet());
                if (want.has("points")) {
                    assertEquals(whole(want.get("points")), entry.points(), key);
                }
                if (want.has("value")) {
                    same(want.get("value"), entry.value(), key);
                }
                if (entry.kind() == Kind.DISTRIBUTION || entry.kind() == Kind.HISTOGRAM) {
                    try (Sketch sketch = entry.sketch()) {
                        is(want, sketch);
                    }
                }
            }
            assertEquals(wanted, got.keySet(), where);
        }

        private void same(JsonNode want, double got, String what) {
            double wanted = want.doubleValue();
            BooleanSupplier equal = () -> wanted == got || Double.doubleToLongBits(wanted) == Double.doubleToLongBits(got);
            assertTrue(equal.getAsBoolean(), where + ": " + what + " is " + got + ", want " + wanted);
        }

        private void is(JsonNode want, Sketch sketch) {
            Summary summary = sketch.summary();
            Map<String, Double> numbers = Map.of("count", (double) summary.count(), "min", summary.min(), "max",
                    summary.max(), "sum", summary.sum(), "avg", summary.avg());
            numbers.forEach((name, got) -> {
                if (want.has(name)) {
                    same(want.get(name), got, name);
                }
            });
            for (JsonNode pair : want.path("quantiles")) {
                same(pair.get(1), sketch.quantile(pair.get(0).doubleValue()), "quantile " + pair);
            }
            for (JsonNode pair : want.path("quantiles_agent")) {
                same(pair.get(1), sketch.quantileAgent(pair.get(0).doubleValue()), "quantile_agent " + pair);
            }
            if (want.has("bins")) {
                List<String> bins = new ArrayList<>();
                want.get("bins").forEach(pair -> bins.add("[" + whole(pair.get(0)) + ", " + whole(pair.get(1)) + "]"));
                assertEquals(bins.toString(), Arrays.toString(sketch.bins()), where);
            }
        }

        private void encode() {
            Payloads payloads = last.encode(options(step.get("options")));
            List<String> bodies = new ArrayList<>();
            List<String> hexes = new ArrayList<>();
            for (Payload payload : payloads.payloads()) {
                bodies.add(new String(payload.body(), java.nio.charset.StandardCharsets.UTF_8));
                hexes.add(hex(payload.body()));
            }
            if (step.has("bodies")) {
                assertEquals(List.of(texts("bodies")), bodies, where);
            }
            if (step.has("bodies_hex")) {
                assertEquals(List.of(texts("bodies_hex")), hexes, where);
            }
            if (step.has("skipped")) {
                Set<String> want = new TreeSet<>();
                for (JsonNode skip : step.get("skipped")) {
                    want.add(skip.get("cause").asText() + " " + skip.path("entries").asLong() + " " + skip.path("points").asLong()
                            + " " + skip.path("values").asLong());
                }
                Set<String> got = new TreeSet<>();
                for (Skipped skip : payloads.skipped()) {
                    got.add(skip.cause() + " " + skip.entries() + " " + skip.points() + " " + skip.values());
                }
                assertEquals(want, got, where);
            }
        }

        /** Its number, so that a case can name one that there is not. */
        private int format() {
            for (Sketch.Format format : Sketch.Format.values()) {
                if (format.name().equalsIgnoreCase(text("format", ""))) {
                    return format.number;
                }
            }
            return 0;
        }

        private static byte[] bytes(String hex) {
            byte[] bytes = new byte[hex.length() / 2];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Integer.parseInt(hex.substring(2 * i, 2 * i + 2), 16);
            }
            return bytes;
        }

        private static String hex(byte[] bytes) {
            StringBuilder text = new StringBuilder();
            for (byte b : bytes) {
                text.append(String.format("%02x", b));
            }
            return text.toString();
        }
    }
}

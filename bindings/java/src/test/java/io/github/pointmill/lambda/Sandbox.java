package io.github.pointmill.lambda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.github.luben.zstd.ZstdInputStream;
import io.github.pointmill.Jvm;
import io.github.pointmill.Sketch;
import io.github.pointmill.Support;
import java.io.ByteArrayInputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;

/** Functions under AWS's own runtime client, over the small Lambda in bindings/runtime-api; and what they send, read. */
final class Sandbox {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Map<String, Object> scenario = new LinkedHashMap<>();
    private final Map<String, String> env = new HashMap<>(Map.of("DATADOG_HOST", "http://127.0.0.1:${PORT}", "DD_API_KEY", "key"));
    private final List<String> flags = new ArrayList<>();
    private final Class<?> handler;

    Sandbox(Class<?> handler) {
        this.handler = handler;
        if (Runtime.version().feature() >= 24) {
            flags.add("--enable-native-access=ALL-UNNAMED");
        }
    }

    Sandbox env(String name, String value) {
        env.put(name, value);
        return this;
    }

    /** A field of the scenario; runtime_api.py says what there is. */
    Sandbox with(String field, Object value) {
        scenario.put(field, value);
        return this;
    }

    /** What came of the invocations. Each has a minute unless it says otherwise: a JVM begins slowly on a busy machine. */
    Report run(List<? extends Map<String, ?>> invocations) throws Exception {
        List<Map<String, Object>> timed = new ArrayList<>();
        for (Map<String, ?> invocation : invocations) {
            Map<String, Object> one = new HashMap<>(invocation);
            one.putIfAbsent("timeout_ms", 60_000);
            timed.add(one);
        }
        Path folder = Files.createTempDirectory("pointmill-sandbox");
        try {
            scenario.put("function", Map.of("handler", handler.getName()));
            scenario.put("env", env);
            scenario.put("invocations", timed);
            scenario.putIfAbsent("init_timeout_ms", 60_000);
            Path file = folder.resolve("scenario.json");
            Files.write(file, JSON.writeValueAsBytes(scenario));
            List<String> command = new ArrayList<>(List.of("python3",
                    Support.ROOT.resolve("bindings/runtime-api/runtime_api.py").toString(), file.toString(), "--", Jvm.java()));
            command.addAll(flags);
            command.addAll(List.of("-Djava.io.tmpdir=" + folder, "-cp", Jvm.classPath(),
                    "com.amazonaws.services.lambda.runtime.api.client.AWSLambda", handler.getName()));
            Path out = folder.resolve("out");
            Path err = folder.resolve("err");
            Process process = new ProcessBuilder(command).redirectOutput(out.toFile()).redirectError(err.toFile()).start();
            boolean ended = process.waitFor(600, TimeUnit.SECONDS);
            process.destroyForcibly();
            assertTrue(ended, Files.readString(err));
            assertEquals(0, process.exitValue(), Files.readString(err));
            return new Report(JSON.readTree(Files.readAllBytes(out)));
        } finally {
            for (java.io.File left : folder.toFile().listFiles()) {
                left.delete();
            }
            Files.delete(folder);
        }
    }

    /** Points that have arrived in one series. */
    static final class Arrived {
        final Sketch sketch = new Sketch();
        final List<Long> times = new ArrayList<>();

        long count() {
            return sketch.summary().count();
        }
    }

    /** The report, and its points. */
    static final class Report {
        final JsonNode json;

        private Report(JsonNode json) {
            this.json = json;
        }

        List<String> outcomes() {
            List<String> outcomes = new ArrayList<>();
            json.get("invocations").forEach(one -> outcomes.add(one.get("outcome").asText()));
            return outcomes;
        }

        JsonNode body(int i) throws Exception {
            return JSON.readTree(json.get("invocations").get(i).get("body").asText());
        }

        String said() {
            return json.get("stdout").asText() + json.get("stderr").asText();
        }

        /** The lines of the log that Datadog's forwarder would take as points. */
        List<JsonNode> lines() throws Exception {
            List<JsonNode> lines = new ArrayList<>();
            for (String line : json.get("stdout").asText().split("\n")) {
                if (line.startsWith("{\"m\":")) {
                    JsonNode point = JSON.readTree(line);
                    assertTrue(point.get("v").isNumber() && point.get("e").isIntegralNumber() && point.get("t").isArray(), line);
                    lines.add(point);
                }
            }
            return lines;
        }

        /** By name and sorted tags, in the log and at the intake. */
        Map<String, Arrived> points() throws Exception {
            Map<String, Arrived> points = new TreeMap<>();
            for (JsonNode line : lines()) {
                Arrived arrived = of(points, line.get("m").asText(), texts(line.get("t")));
                arrived.sketch.insert(line.get("v").asDouble());
                arrived.times.add(line.get("e").asLong());
            }
            for (JsonNode request : json.get("requests")) {
                if (request.get("status").asInt() < 300 && request.get("path").asText().equals("/api/beta/sketches")) {
                    assertEquals("key", request.get("headers").get("dd-api-key").asText());
                    byte[] body = Base64.getDecoder().decode(request.get("body").asText());
                    try (ZstdInputStream in = new ZstdInputStream(new ByteArrayInputStream(body))) {
                        sketches(points, in.readAllBytes());
                    }
                }
            }
            return points;
        }

        /** How many arrived, by name. */
        Map<String, Long> counts() throws Exception {
            Map<String, Long> counts = new TreeMap<>();
            points().forEach((key, arrived) -> counts.merge(key.substring(0, key.indexOf('[')), arrived.count(), Long::sum));
            return counts;
        }

        private static List<String> texts(JsonNode array) {
            List<String> texts = new ArrayList<>();
            array.forEach(node -> texts.add(node.asText()));
            return texts;
        }

        private static Arrived of(Map<String, Arrived> points, String name, List<String> tags) {
            return points.computeIfAbsent(name + new TreeSet<>(tags), any -> new Arrived());
        }

        /** Metric (1), tags (4), dogsketches (7) of each sketch (1) of a payload. */
        private static void sketches(Map<String, Arrived> points, byte[] body) {
            for (Field sketch : Field.all(body)) {
                if (sketch.number != 1) {
                    continue;
                }
                String name = "";
                List<String> tags = new ArrayList<>();
                for (Field field : Field.all(sketch.bytes)) {
                    if (field.number == 1) {
                        name = new String(field.bytes, StandardCharsets.UTF_8);
                    } else if (field.number == 4) {
                        tags.add(new String(field.bytes, StandardCharsets.UTF_8));
                    } else if (field.number == 7) {
                        Arrived arrived = of(points, name, tags);
                        arrived.sketch.merge(Sketch.decode(field.bytes));
                    }
                }
            }
        }
    }

    /** A field of a protobuf message that has bytes. */
    private static final class Field {
        private final int number;
        private final byte[] bytes;

        private Field(int number, byte[] bytes) {
            this.number = number;
            this.bytes = bytes;
        }

        private static List<Field> all(byte[] message) {
            List<Field> fields = new ArrayList<>();
            int[] at = {0};
            while (at[0] < message.length) {
                long tag = varint(message, at);
                int wire = (int) tag & 7;
                if (wire == 0) {
                    varint(message, at);
                    continue;
                }
                int len = wire == 1 ? 8 : wire == 5 ? 4 : (int) varint(message, at);
                fields.add(new Field((int) (tag >> 3), Arrays.copyOfRange(message, at[0], at[0] + len)));
                at[0] += len;
            }
            return fields;
        }

        private static long varint(byte[] message, int[] at) {
            long value = 0;
            for (int shift = 0; ; shift += 7) {
                byte next = message[at[0]++];
                value |= (long) (next & 0x7F) << shift;
                if (next >= 0) {
                    return value;
                }
            }
        }
    }
}

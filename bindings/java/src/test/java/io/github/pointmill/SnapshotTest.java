package io.github.pointmill;

import static io.github.pointmill.Support.START;
import static io.github.pointmill.Support.entries;
import static io.github.pointmill.Support.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.charset.StandardCharsets;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.junit.jupiter.api.Test;

class SnapshotTest {
    private static Snapshot snapshot(double value) {
        try (Engine engine = new Engine()) {
            engine.tick(START);
            engine.recordDistribution("d", value, "env:prod", "zone:a");
            engine.recordDistribution("d", value + 1, "env:prod", "zone:b");
            engine.recordGauge("g", value);
            return engine.flush(START + 10, false);
        }
    }

    @Test
    void mergeAndGroupBy() {
        try (Snapshot a = snapshot(1); Snapshot b = snapshot(10); Snapshot both = Snapshot.merge(a, b, a)) {
            Map<String, Entry> entries = entries(both);
            assertEquals(12, entries.get("d[env:prod, zone:a]").summary().sum());
            assertEquals(1, entries.get("g[]").value());
            try (Snapshot byEnv = both.groupBy(false, "env"); Snapshot all = both.groupBy(true)) {
                assertEquals(6, entries(byEnv).get("d[env:prod]").points());
                assertEquals(6, entries(all).get("d[]").points());
            }
        }
        try (Snapshot empty = Snapshot.merge()) {
            assertEquals(0, empty.size());
            assertTrue(empty.encode().payloads().isEmpty());
        }
    }

    @Test
    void encodesAndTellsWhatItCannot() {
        try (Snapshot snapshot = snapshot(3)) {
            Payloads sketches = snapshot.encode(Map.of("format", "sketches", "tags", List.of("team:a", "team:b")));
            Payload body = sketches.payloads().get(0);
            assertEquals("/api/beta/sketches", body.path());
            assertEquals("application/x-protobuf", body.contentType());
            assertEquals(2, body.entries());
            assertEquals(2, body.points());
            assertTrue(body.body().length > 20 && !body.encoding().isEmpty());
            Skipped skipped = sketches.skipped().get(0);
            assertEquals(1, sketches.skipped().size());
            assertEquals("scalar_in_sketch_format", skipped.cause());
            assertEquals(1, skipped.points() + skipped.values());
            assertEquals(1, skipped.entries());
            assertTrue(skipped.detail().length() > 20);
            String text = new String(snapshot.encode(Map.of("format", "dogstatsd", "tags", List.of("team:a", "team:b")))
                    .payloads().get(0).body(), StandardCharsets.UTF_8);
            assertTrue(text.contains("g:3|g|#team:a,team:b"), text);
            assertTrue(refused("BAD_VALUE", () -> snapshot.encode(Map.of("format", "xml"))).getMessage().contains("sketches"));
        }
    }

    @Test
    void iteratorsEnd() {
        try (Snapshot snapshot = snapshot(1)) {
            Iterator<Entry> iterator = snapshot.iterator();
            for (int i = 0; i < 3; i++) {
                assertEquals(iterator.next().toString(), snapshot.entry(i).toString());
            }
            assertThrows(NoSuchElementException.class, iterator::next);
        }
    }
}

package io.github.pointmill;

import static io.github.pointmill.Support.refused;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import org.junit.jupiter.api.Test;

class SketchTest {
    static Sketch of(double... values) {
        Sketch sketch = new Sketch();
        sketch.insertMany(values);
        return sketch;
    }

    @Test
    void insertsMergesAndAnswers() {
        try (Sketch a = of(1, 2, 3); Sketch b = new Sketch()) {
            b.insert(4);
            b.insertN(5, 2);
            b.insertSampled(6, 0.5);
            b.insertInterpolated(7, 8, 2);
            a.merge(b);
            assertEquals(10, a.summary().count());
            assertEquals(1, a.summary().min());
            assertEquals(8, a.summary().max(), 0.5);
            assertEquals(5, a.quantile(0.5), 5.0 / 129);
            assertEquals(5, a.quantileAgent(0.5), 5 * 0.03);
            long total = 0;
            int last = Integer.MIN_VALUE;
            for (Sketch.Bin bin : a.bins()) {
                assertTrue(bin.key() > last);
                last = bin.key();
                total += bin.count();
            }
            assertEquals(10, total);
            a.merge(a);
            assertEquals(20, a.summary().count());
            assertEquals(7, b.summary().count() + 0);
            assertEquals(1338, Sketch.key(1));
            try (Sketch copy = b.copy()) {
                b.insert(1);
                assertEquals(7, copy.summary().count());
            }
        }
    }

    @Test
    void beginsWithValues() {
        try (Sketch sketch = new Sketch(new double[] {1, 2, 3}); Sketch back = Sketch.decode(sketch.encode())) {
            assertEquals(3, back.count());
            assertEquals(6, back.summary().sum());
            sketch.insertN(1, 1L << 17);
            assertEquals(3, sketch.bins().length);
            assertEquals(5, sketch.bins(Sketch.Profile.U16).length);
        }
        refused("NOT_FINITE", () -> new Sketch(new double[] {1, Double.NaN}));
    }

    @Test
    void travelsAsBytes() {
        try (Sketch sketch = of(1.5, -2, 0, 1e9)) {
            for (Sketch.Format format : Sketch.Format.values()) {
                try (Sketch back = Sketch.decode(sketch.encode(format), format)) {
                    assertEquals(java.util.Arrays.toString(sketch.bins()), java.util.Arrays.toString(back.bins()), format.name());
                    if (format != Sketch.Format.DDSKETCH_PROTO) {
                        assertEquals(sketch.summary().sum(), back.summary().sum());
                    }
                }
            }
            assertArrayEquals(sketch.encode(Sketch.Format.AGENT), sketch.copy().encode(Sketch.Format.AGENT));
        }
    }

    @Test
    void refusesWhatItMust() {
        try (Sketch sketch = new Sketch()) {
            refused("EMPTY", () -> sketch.quantile(0.5));
            refused("NOT_FINITE", () -> sketch.insert(Double.NaN));
            refused("NOT_FINITE", () -> sketch.insertMany(new double[] {1, Double.POSITIVE_INFINITY}));
            refused("TOO_MANY", () -> sketch.insertN(1, 1L << 45));
            refused("INVALID", () -> sketch.insertInterpolated(2, 1, 3));
            assertEquals(0, sketch.summary().count());
            sketch.insert(1);
            refused("INVALID", () -> sketch.quantile(Double.NaN));
            assertTrue(refused("DECODE", () -> Sketch.decode(new byte[] {-1, -1, -1})).getMessage()
                    .contains("byte"));
            refused("NOT_FINITE", () -> Sketch.key(Double.NaN));
            assertThrows(NullPointerException.class, () -> Sketch.decode(null));
            assertThrows(NullPointerException.class, () -> sketch.insertMany(null));
            assertThrows(NullPointerException.class, () -> sketch.merge(null));
        }
        Sketch closed = of(1);
        closed.close();
        closed.close();
        refused("CLOSED", () -> closed.insert(1));
        refused("CLOSED", () -> closed.merge(closed));
        try (Sketch open = of(1)) {
            refused("CLOSED", () -> open.merge(closed));
        }
    }

    /** Two threads that merge into each other do not wait for ever, and one that closes meanwhile breaks nothing. */
    @Test
    void threadsTakeTurns() throws Exception {
        Sketch a = of(1);
        Sketch b = of(2);
        Thread one = new Thread(() -> turns(a, b));
        Thread other = new Thread(() -> turns(b, a));
        one.start();
        other.start();
        one.join();
        other.join();
        a.close();
        b.close();
    }

    private static void turns(Sketch into, Sketch from) {
        try {
            for (int i = 0; i < 2_000; i++) {
                into.merge(from);
                into.insert(i);
            }
        } catch (PointmillException full) {
            assertEquals("POINTMILL_E_TOO_MANY", full.name());
        }
    }
}

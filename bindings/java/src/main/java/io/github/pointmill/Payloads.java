package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The bodies of one snapshot, ready to be sent, and what is in none of them. Copies: nothing to close. */
public final class Payloads {
    private final List<Payload> bodies;
    private final List<Skipped> skipped;

    Payloads(long handle) {
        long[] numbers = new long[3];
        List<Payload> bodies = new ArrayList<>();
        for (byte[][] texts; (texts = Native.payload(handle, bodies.size(), numbers)) != null; ) {
            bodies.add(new Payload(texts[0], texts[1], texts[2], texts[3], numbers[0], numbers[1]));
        }
        List<Skipped> skipped = new ArrayList<>();
        for (byte[][] texts; (texts = Native.skipped(handle, skipped.size(), numbers)) != null; ) {
            skipped.add(new Skipped(texts, numbers));
        }
        this.bodies = Collections.unmodifiableList(bodies);
        this.skipped = Collections.unmodifiableList(skipped);
    }

    /**
     * The bodies, each within the limits of its route.
     *
     * @return a list that cannot be changed
     */
    public List<Payload> bodies() {
        return bodies;
    }

    /**
     * What the format cannot carry, by cause.
     *
     * @return empty for a format that carries everything
     */
    public List<Skipped> skipped() {
        return skipped;
    }

    /** What is in no payload, for one cause. */
    public static final class Skipped {
        private final String cause;
        private final String detail;
        private final long entries;
        private final long points;
        private final long values;

        private Skipped(byte[][] texts, long[] numbers) {
            cause = Native.text(texts[0]);
            detail = Native.text(texts[1]);
            entries = numbers[0];
            points = numbers[1];
            values = numbers[2];
        }

        /**
         * The cause in a word, for counters and tags.
         *
         * @return for instance {@code scalar_in_sketch_format}
         */
        public String cause() {
            return cause;
        }

        /**
         * The cause and its remedy.
         *
         * @return a sentence
         */
        public String detail() {
            return detail;
        }

        /**
         * Entries that are in no payload.
         *
         * @return entries
         */
        public long entries() {
            return entries;
        }

        /**
         * Points that were recorded into those entries.
         *
         * @return points
         */
        public long points() {
            return points;
        }

        /**
         * Values left out of entries that are in a payload otherwise.
         *
         * @return values
         */
        public long values() {
            return values;
        }
    }
}

package io.github.pointmill;

import io.github.pointmill.internal.Native;

/** What a format cannot carry, and so is in no payload, for one cause. */
public final class Skipped {
    private final String cause;
    private final String detail;
    private final long entries;
    private final long points;
    private final long values;

    Skipped(byte[][] texts, long[] numbers) {
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

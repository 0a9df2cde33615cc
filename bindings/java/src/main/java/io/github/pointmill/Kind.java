package io.github.pointmill;

/** What becomes of a context's points. */
public enum Kind {
    /** Values go into a sketch that the receiver can merge and query. */
    DISTRIBUTION,
    /** Values are added up. */
    COUNT,
    /** The last value of an interval stands. */
    GAUGE,
    /** Values go into a sketch of which avg, count, median, 95percentile and max are sent. */
    HISTOGRAM;

    private static final Kind[] ALL = values();

    /** The number in the C header; they count from 1 in this order, which a test holds. */
    final int number = ordinal() + 1;

    static Kind of(long number) {
        return ALL[(int) number - 1];
    }
}

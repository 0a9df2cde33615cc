package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * One series in one interval. A copy, but for {@link #quantile} and {@link #sketch}, which ask the snapshot and so need it
 * open.
 */
public final class Entry {
    private final Snapshot snapshot;
    private final int index;
    private final Kind kind;
    private final String name;
    private final List<String> tags;
    private final long interval;
    private final long intervalS;
    private final long series;
    private final long points;
    private final double value;
    private final Summary summary;

    Entry(Snapshot snapshot, int index, byte[][] texts, long[] numbers) {
        this.snapshot = snapshot;
        this.index = index;
        kind = Kind.of(numbers[0]);
        interval = numbers[1];
        intervalS = numbers[2];
        series = numbers[3];
        points = numbers[4];
        value = Double.longBitsToDouble(numbers[5]);
        summary = new Summary(numbers, 6);
        name = Native.text(texts[0]);
        String[] list = new String[texts.length - 1];
        for (int i = 0; i < list.length; i++) {
            list[i] = Native.text(texts[i + 1]);
        }
        tags = Collections.unmodifiableList(Arrays.asList(list));
    }

    /**
     * What became of the points.
     *
     * @return the kind
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The metric's name.
     *
     * @return as it was recorded; what was no UTF-8 is mended
     */
    public String name() {
        return name;
    }

    /**
     * The tags, sorted and without duplicates.
     *
     * @return a list that cannot be changed
     */
    public List<String> tags() {
        return tags;
    }

    /**
     * The start of the interval.
     *
     * @return seconds since 1970-01-01 UTC
     */
    public long interval() {
        return interval;
    }

    /**
     * The length of the interval.
     *
     * @return seconds
     */
    public long intervalS() {
        return intervalS;
    }

    /**
     * A number within the snapshot: two entries have the same exactly if they are of one kind, name and tags.
     *
     * @return counts from 0
     */
    public long series() {
        return series;
    }

    /**
     * Points that were recorded into this entry; a sampled one counts as one.
     *
     * @return points
     */
    public long points() {
        return points;
    }

    /**
     * A count's sum or a gauge's last value.
     *
     * @return 0 for distributions and histograms
     */
    public double value() {
        return value;
    }

    /**
     * The summary of a distribution's or histogram's sketch.
     *
     * @return all 0 for counts and gauges
     */
    public Summary summary() {
        return summary;
    }

    /**
     * Values, each with its weight.
     *
     * @return that of the summary
     */
    public long count() {
        return summary.count();
    }

    /**
     * The smallest value.
     *
     * @return that of the summary
     */
    public double min() {
        return summary.min();
    }

    /**
     * The largest value.
     *
     * @return that of the summary
     */
    public double max() {
        return summary.max();
    }

    /**
     * The sum of the values.
     *
     * @return that of the summary
     */
    public double sum() {
        return summary.sum();
    }

    /**
     * The mean of the values.
     *
     * @return that of the summary
     */
    public double avg() {
        return summary.avg();
    }

    /**
     * The element of rank round(q·(count-1)), to within 1/129 of itself.
     *
     * @param q share, 0.99 for the 99th percentile
     * @return in the values' unit
     * @throws PointmillException NO_SKETCH for counts and gauges, INVALID for NaN, CLOSED after the snapshot's close
     */
    public double quantile(double q) {
        return snapshot.quantile(index, q);
    }

    /**
     * A copy of the sketch, which lives without the snapshot.
     *
     * @return the sketch. Close it
     * @throws PointmillException NO_SKETCH for counts and gauges, CLOSED after the snapshot's close
     */
    public Sketch sketch() {
        return snapshot.sketch(index);
    }

    @Override
    public String toString() {
        boolean number = kind == Kind.COUNT || kind == Kind.GAUGE;
        return kind + " " + name + " " + tags + " @" + interval + " " + (number ? "value=" + value : summary.toString());
    }
}

package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;

/**
 * A held metric: the fast way to record. Any number of threads may use it at once. It never goes stale, however long it was
 * idle, and keeps its engine alive.
 */
public final class Metric {
    private final Engine engine;
    private final Kind kind;
    private final boolean gauge;
    private final String name;
    private final String[] tags;
    /** Read after {@link #epoch}, written before it. */
    private long id;
    /** The flush since which the id is known to live. */
    private volatile long epoch;

    Metric(Engine engine, Kind kind, String name, String[] tags) {
        this.engine = engine;
        this.kind = kind;
        this.gauge = kind == Kind.GAUGE;
        this.name = name;
        this.tags = tags;
        renew();
    }

    /**
     * Records one point in the open interval. It waits in this thread's ring until that is full or the engine is told the
     * time; a gauge's point goes to the engine at once, because the last value stands. Takes no lock, allocates nothing.
     *
     * @param value any finite number
     * @throws PointmillException NOT_FINITE for NaN and infinities, which are counted; CLOSED after the engine's close
     */
    public void record(double value) {
        Engine engine = this.engine;
        if (epoch != engine.epoch) {
            renew();
        }
        if (gauge) {
            engine.recordNow(this, value);
            return;
        }
        engine.put(id, value);
        if (value - value != 0) {
            // In the ring all the same: the engine counts it by its cause.
            Native.raise(Engine.NOT_FINITE);
        }
    }

    /**
     * Records one point in the interval that holds a time.
     *
     * @param value any finite number
     * @param unixSeconds since 1970-01-01 UTC
     * @throws PointmillException as {@link #record(double)}; TOO_OLD and TOO_NEW outside of the options past_max_s and
     *     future_max_s. Counted
     */
    public void recordAt(double value, long unixSeconds) {
        engine.recordAt(this, value, 1, unixSeconds, Engine.AT);
    }

    /**
     * Records one point that stands for 1/rate points, as the Datadog Agent does.
     *
     * @param value any finite number
     * @param rate the share of the points that was kept, above 0, at most 1; anything else counts once
     * @throws PointmillException as {@link #record(double)}
     */
    public void recordSampled(double value, double rate) {
        engine.recordAt(this, value, rate, 0, Engine.SAMPLED);
    }

    /**
     * Records one point that is both sampled and timed.
     *
     * @param value any finite number
     * @param rate the share of the points that was kept
     * @param unixSeconds since 1970-01-01 UTC
     * @throws PointmillException as {@link #recordAt}
     */
    public void recordSampledAt(double value, double rate, long unixSeconds) {
        engine.recordAt(this, value, rate, unixSeconds, Engine.AT | Engine.SAMPLED);
    }

    /**
     * Records many points in the open interval, in one call, at about a nanosecond each plus the engine's work. Those that
     * are not finite are refused and counted and do not stop the others.
     *
     * @param values not changed
     * @return how many were refused
     * @throws PointmillException CLOSED
     */
    public long recordMany(double[] values) {
        return engine.recordMany(this, values);
    }

    /**
     * What becomes of the points.
     *
     * @return the kind it was made with
     */
    public Kind kind() {
        return kind;
    }

    /**
     * The metric's name.
     *
     * @return as given
     */
    public String name() {
        return name;
    }

    /**
     * The metric's tags.
     *
     * @return as given; cannot be changed
     */
    public List<String> tags() {
        return Collections.unmodifiableList(Arrays.asList(tags));
    }

    /** The id, alive since the engine's last flush. The caller keeps the engine alive. */
    long id() {
        if (epoch != engine.epoch) {
            renew();
        }
        return id;
    }

    /** Asks for the id again after a flush, at which the engine may have given it back. */
    private void renew() {
        long now = engine.epoch;
        id = engine.context(kind.number, name, tags);
        epoch = now;
    }

    @Override
    public String toString() {
        return kind.name().toLowerCase(java.util.Locale.ROOT) + " " + name + " " + Arrays.toString(tags);
    }
}

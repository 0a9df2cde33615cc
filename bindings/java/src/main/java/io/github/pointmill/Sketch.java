package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.Cleaner;
import java.util.Objects;

/**
 * A sketch of a distribution: the Datadog Agent's, bit for bit. It merges, and travels as bytes. Calls of several threads
 * wait for each other. Close it to give its memory back at once.
 */
public final class Sketch implements AutoCloseable {
    /** A form of a sketch as bytes. */
    public enum Format {
        /**
         * The protobuf message of sketches-go and sketches-java: bins only; min, max, sum and mean come back as estimates
         * from them.
         */
        DDSKETCH_PROTO,
        /** Their compact encoding, with the exact count, sum, min and max. */
        DDSKETCH_COMPACT,
        /** The message Dogsketch of the Agent's payloads: everything, to the last bit. */
        AGENT;

        /** They count from 1 in the C header. */
        final int number = ordinal() + 1;
    }

    /** A key and how many values fell into its bin. */
    public static final class Bin {
        private final int key;
        private final long count;

        private Bin(long key, long count) {
            this.key = (int) key;
            this.count = count;
        }

        /**
         * The Agent's key.
         *
         * @return -32767 to 32767, 0 for magnitudes below 1e-9
         */
        public int key() {
            return key;
        }

        /**
         * The values in the bin.
         *
         * @return at most 4,294,967,295; a key whose count exceeds that comes several times
         */
        public long count() {
            return count;
        }

        @Override
        public String toString() {
            return "[" + key + ", " + count + "]";
        }
    }

    /** How large the count of one bin may be on the wire. */
    public enum Profile {
        /** At most 65,535, as released Datadog Agents send. */
        U16,
        /** At most 4,294,967,295. */
        U32;

        /** They count from 1 in the C header. */
        final int number = ordinal() + 1;
    }

    private final long handle;
    private final Cleaner.Cleanable cleanable;
    /** Guarded by this, as is every use of the handle. */
    private boolean closed;

    /** Makes an empty sketch. */
    public Sketch() {
        this(Native.sketchNew());
    }

    /**
     * Makes a sketch of these values.
     *
     * @param values not changed
     * @throws PointmillException NOT_FINITE
     */
    public Sketch(double[] values) {
        this();
        try {
            insertMany(values);
        } catch (RuntimeException refused) {
            close();
            throw refused;
        }
    }

    Sketch(long handle) {
        this.handle = handle;
        cleanable = Resource.register(this, Resource.SKETCH, handle);
    }

    /**
     * Reads a sketch from bytes, which may be hostile: they are checked, and memory stays bounded. DDSketches of any mapping
     * are taken.
     *
     * @param bytes not changed
     * @param format of the bytes
     * @return the sketch. Close it
     * @throws PointmillException DECODE, which names the byte
     */
    public static Sketch decode(byte[] bytes, Format format) {
        Objects.requireNonNull(bytes, "bytes is null");
        return new Sketch(Native.sketchDecode(format.number, bytes));
    }

    /**
     * {@link #decode(byte[], Format)} of {@link Format#AGENT}.
     *
     * @param bytes not changed
     * @return the sketch. Close it
     * @throws PointmillException DECODE, which names the byte
     */
    public static Sketch decode(byte[] bytes) {
        return decode(bytes, Format.AGENT);
    }

    /**
     * The key of the bin that a value falls into: the Agent's, on every platform.
     *
     * @param value any finite number
     * @return -32767 to 32767
     * @throws PointmillException NOT_FINITE
     */
    public static int key(double value) {
        return Native.sketchKey(value);
    }

    private long open() {
        if (closed) {
            throw PointmillException.closed("the sketch");
        }
        return handle;
    }

    /**
     * Makes a second sketch with the same contents.
     *
     * @return the sketch. Close it
     * @throws PointmillException CLOSED
     */
    public synchronized Sketch copy() {
        return new Sketch(Native.sketchClone(open()));
    }

    /**
     * Adds one value.
     *
     * @param value any finite number
     * @throws PointmillException NOT_FINITE, CLOSED; nothing changed then
     */
    public synchronized void insert(double value) {
        Native.check(Native.sketchInsert(open(), value));
    }

    /**
     * Adds a value n times at once.
     *
     * @param value any finite number
     * @param n 0 changes nothing
     * @throws PointmillException NOT_FINITE, TOO_MANY (above 2^44 values), CLOSED; nothing changed then
     */
    public synchronized void insertN(double value, long n) {
        Native.check(Native.sketchInsertN(open(), value, n));
    }

    /**
     * Adds a value that stands for 1/rate values.
     *
     * @param value any finite number
     * @param rate share of the values that was kept, above 0, at most 1; anything else counts once
     * @throws PointmillException as {@link #insertN}
     */
    public synchronized void insertSampled(double value, double rate) {
        Native.check(Native.sketchInsertSampled(open(), value, rate));
    }

    /**
     * Adds many values: the same as one insert each, only faster. If one of them is not finite, none is added.
     *
     * @param values not changed
     * @throws PointmillException as {@link #insertN}
     */
    public synchronized void insertMany(double[] values) {
        Objects.requireNonNull(values, "values is null");
        Native.check(Native.sketchInsertMany(open(), values));
    }

    /**
     * Adds n values spread evenly over [lower, upper], as the Agent does with a histogram's bucket.
     *
     * @param lower bound, finite
     * @param upper bound, finite, not below lower
     * @param n values
     * @throws PointmillException as {@link #insertN}, and INVALID
     */
    public synchronized void insertInterpolated(double lower, double upper, long n) {
        Native.check(Native.sketchInsertInterpolated(open(), lower, upper, n));
    }

    /**
     * Adds everything that another sketch holds, which stays as it is. It may be this one.
     *
     * @param other sketch
     * @throws PointmillException TOO_MANY (nothing changed), CLOSED
     */
    public void merge(Sketch other) {
        // A copy, so that no thread ever holds two monitors.
        try (Sketch copy = other.copy()) {
            synchronized (this) {
                Native.check(Native.sketchMerge(open(), copy.handle));
            }
        }
    }

    /**
     * Count, smallest, largest, sum and mean.
     *
     * @return exact
     * @throws PointmillException CLOSED
     */
    public synchronized Summary summary() {
        long[] numbers = new long[5];
        Native.sketchSummary(open(), numbers);
        return new Summary(numbers, 0);
    }

    /**
     * The element of rank round(q·(count-1)), to within 1/129 of itself.
     *
     * @param q share, 0.99 for the 99th percentile
     * @return in the values' unit
     * @throws PointmillException EMPTY, INVALID for NaN, CLOSED
     */
    public synchronized double quantile(double q) {
        return Native.sketchQuantile(open(), q);
    }

    /**
     * The quantile as the Datadog Agent computes it, to the last bit; up to 2.4 % off.
     *
     * @param q share, 0.99 for the 99th percentile
     * @return in the values' unit
     * @throws PointmillException EMPTY, INVALID for NaN, CLOSED
     */
    public synchronized double quantileAgent(double q) {
        return Native.sketchQuantileAgent(open(), q);
    }

    /**
     * The bins as the wire has them, with {@link Profile#U32}.
     *
     * @return keys ascending
     * @throws PointmillException CLOSED
     */
    public Bin[] bins() {
        return bins(Profile.U32);
    }

    /**
     * The bins as the wire has them.
     *
     * @param profile a key whose count exceeds its bin's comes several times
     * @return keys ascending
     * @throws PointmillException CLOSED
     */
    public synchronized Bin[] bins(Profile profile) {
        long[] pairs = Native.sketchBins(open(), profile.number);
        Bin[] bins = new Bin[pairs.length / 2];
        for (int i = 0; i < bins.length; i++) {
            bins[i] = new Bin(pairs[2 * i], pairs[2 * i + 1]);
        }
        return bins;
    }

    /**
     * Values, each with its weight.
     *
     * @return that of the summary
     * @throws PointmillException CLOSED
     */
    public long count() {
        return summary().count();
    }

    /**
     * Writes the sketch as bytes that carry every bit: {@link Format#AGENT}.
     *
     * @return the bytes
     * @throws PointmillException CLOSED
     */
    public byte[] encode() {
        return encode(Format.AGENT);
    }

    /**
     * Writes the sketch as bytes.
     *
     * @param format of the bytes
     * @return the bytes
     * @throws PointmillException ENCODE (a sum that is not finite, in a format that cannot say so), CLOSED
     */
    public byte[] encode(Format format) {
        return encode(format.number);
    }

    synchronized byte[] encode(int format) {
        return Native.sketchEncode(open(), format);
    }

    /** Gives the memory back. A second close does nothing; other calls throw CLOSED. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            cleanable.clean();
        }
    }
}

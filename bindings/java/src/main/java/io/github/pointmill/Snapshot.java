package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.Cleaner;
import java.util.Collections;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Objects;

/**
 * The flushed values of some intervals. It does not change, lives without its engine, and may be used by any number of
 * threads at once. Close it to give its memory back at once.
 */
public final class Snapshot implements AutoCloseable, Iterable<Entry> {
    private static final int MERGE_INTERVALS = 1;
    private static final int ENTRY_NUMBERS = 11;

    private final long handle;
    private final Cleaner.Cleanable cleanable;
    /** Guarded by this, as is every use of the handle. */
    private boolean closed;

    Snapshot(long handle) {
        this.handle = handle;
        cleanable = Resource.register(this, Resource.SNAPSHOT, handle);
    }

    private long open() {
        if (closed) {
            throw PointmillException.closed("the snapshot");
        }
        return handle;
    }

    /**
     * How many entries there are.
     *
     * @return entries
     * @throws PointmillException CLOSED
     */
    public synchronized int size() {
        return Native.snapshotLen(open());
    }

    /**
     * The i-th entry.
     *
     * @param i counts from 0
     * @return a copy
     * @throws PointmillException INDEX, CLOSED
     */
    public synchronized Entry entry(int i) {
        long[] numbers = new long[ENTRY_NUMBERS];
        byte[][] texts = Native.snapshotEntry(open(), i, numbers);
        return new Entry(this, i, texts, numbers);
    }

    /**
     * Goes through all entries.
     *
     * @return in no particular order; cannot remove
     * @throws PointmillException CLOSED
     */
    @Override
    public Iterator<Entry> iterator() {
        int size = size();
        return new Iterator<Entry>() {
            private int next;

            @Override
            public boolean hasNext() {
                return next < size;
            }

            @Override
            public Entry next() {
                if (next >= size) {
                    throw new NoSuchElementException();
                }
                return entry(next++);
            }
        };
    }

    synchronized double quantile(int i, double q) {
        return Native.snapshotQuantile(open(), i, q);
    }

    synchronized Sketch sketch(int i) {
        return new Sketch(Native.snapshotSketch(open(), i));
    }

    /**
     * A snapshot merged over every tag whose key is not among the given ones; without keys over all tags. Sketches merge,
     * counts add up, gauges of one interval are averaged.
     *
     * @param mergeIntervals over all intervals too; a gauge then shows its latest
     * @param keys parts of tags before the first colon
     * @return a new snapshot. Close it
     * @throws PointmillException CLOSED
     */
    public synchronized Snapshot groupBy(boolean mergeIntervals, String... keys) {
        Objects.requireNonNull(keys, "keys is null");
        return new Snapshot(Native.snapshotGroupBy(open(), keys, mergeIntervals ? MERGE_INTERVALS : 0));
    }

    /**
     * One snapshot of many: entries of the same kind, name, tags and interval become one. Sketches merge, counts add up, and
     * of two gauges the one of the later snapshot stands.
     *
     * @param snapshots stay as they are
     * @return a new snapshot. Close it
     * @throws PointmillException CLOSED
     */
    public static Snapshot merge(Snapshot... snapshots) {
        return merge(snapshots, 0, new long[snapshots.length]);
    }

    /** Takes one monitor after the other, so that none of them is closed meanwhile. Monitors are reentrant. */
    private static Snapshot merge(Snapshot[] snapshots, int i, long[] handles) {
        if (i == snapshots.length) {
            return new Snapshot(Native.snapshotMerge(handles));
        }
        synchronized (snapshots[i]) {
            handles[i] = snapshots[i].open();
            return merge(snapshots, i + 1, handles);
        }
    }

    /**
     * Encodes for the metrics intake, with every option at its default.
     *
     * @return bodies within their route's limits, and what no format carries
     * @throws PointmillException ENCODE, CLOSED
     */
    public Payloads encode() {
        return encode(Collections.emptyMap());
    }

    /**
     * Encodes into bodies that keep within their route's limits. Nothing vanishes: what the format cannot carry is told.
     *
     * @param options by name, such as {@code Map.of("format", "sketches")}; see {@link Option#list}
     * @return the bodies, and what is in none of them
     * @throws PointmillException UNKNOWN_OPTION and BAD_VALUE say what is allowed; ENCODE, CLOSED
     */
    public synchronized Payloads encode(Map<String, ?> options) {
        long payloads = Native.encode(open(), Native.pairs(options));
        try {
            return new Payloads(payloads);
        } finally {
            Native.payloadsFree(payloads);
        }
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

package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.WeakReference;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Points wait here until the ring is full or the engine is told the time: one call into C for many points.
 *
 * <pre>
 * record ──▶ the thread's ring ──full, tick, flush, stats──▶ pointmill_record_batch
 * </pre>
 *
 * <p>One thread writes, whoever holds the monitor reads. The writer needs neither a lock nor an atomic exchange: it stores
 * the point, then the new tail with release order, which costs what a plain store costs. A shared ring, for virtual threads
 * and when there are very many threads, is written under its monitor.
 *
 * <p>The engine holds it; its thread does so weakly. Its own number, as an AtomicLong, is the tail: points ever written, the
 * owner's, under the monitor in a shared ring. (A class more would cost a cold start a quarter of a millisecond.)
 */
final class Ring extends AtomicLong {
    private static final long serialVersionUID = 1L;
    static final int POINTS = 512;

    private final transient long[] contexts = new long[POINTS];
    private final transient double[] values = new double[POINTS];
    /** Room up to the next object: rings of two threads may lie side by side, and their tails would take turns. */
    @SuppressWarnings("unused")
    private long p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15;
    /** Points ever handed over. Written under the monitor. */
    private volatile long head;
    /** The tail at which the owner must look at the head again. Never reached by a shared ring's tail, so that it is slow. */
    private long limit;
    /** Null in a shared ring. */
    private final transient WeakReference<Thread> owner;
    /** Under the monitor: the engine is gone. */
    private boolean closed;

    Ring(Thread owner) {
        this.owner = owner == null ? null : new WeakReference<>(owner);
        this.limit = owner == null ? Long.MIN_VALUE : POINTS;
    }

    /** False if it is full, or shared: then the caller takes the monitor and calls {@link #putLocked}. */
    boolean put(long context, double value) {
        long at = getPlain();
        if (at >= limit) {
            return false;
        }
        int i = (int) at & (POINTS - 1);
        contexts[i] = context;
        values[i] = value;
        lazySet(at + 1);
        return true;
    }

    /** The caller holds the monitor and has called {@link #open}. */
    void putLocked(long engine, long context, double value) {
        long at = getPlain();
        if (at - head == POINTS) {
            drain(engine);
        }
        contexts[(int) at & (POINTS - 1)] = context;
        values[(int) at & (POINTS - 1)] = value;
        lazySet(at + 1);
        if (owner != null) {
            limit = head + POINTS;
        }
    }

    /** Hands over what is here, in order. The caller holds the monitor, and knows that the engine is alive. */
    void drain(long engine) {
        long from = head;
        long to = get();
        while (from != to) {
            int at = (int) from & (POINTS - 1);
            int len = (int) Math.min(to - from, POINTS - at);
            Native.recordBatch(engine, contexts, values, at, len);
            from += len;
        }
        head = to;
    }

    /** Throws if the engine is gone; while the caller holds the monitor it stays as it is. */
    void open() {
        if (closed) {
            throw PointmillException.closed("the engine");
        }
    }

    /** The caller holds the monitor. */
    void close() {
        closed = true;
    }

    /** Whether nobody will write any more. What the thread wrote before it ended can be read then. */
    boolean orphaned() {
        if (owner == null) {
            return false;
        }
        Thread thread = owner.get();
        return thread == null || !thread.isAlive();
    }
}

package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.lang.ref.WeakReference;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Aggregates points. Any number of threads may use it at once; a thread that records waits for nobody.
 *
 * <p><b>Time.</b> Recording reads no clock. A point belongs to the interval that was open when the engine was last told the
 * time, by {@link #tick()} or a flush. Without a {@link Client}, which does so, call one of them at least once an interval.
 *
 * <p><b>Memory.</b> Fixed by the option {@code arena_bytes}, outside of Java's heap; {@link #close} gives it back at once,
 * the garbage collector some time. On the heap: 8 kB for each of the first 256 threads that record, and the names and tags
 * of at most 4,096 metrics that were recorded by name.
 */
public final class Engine implements AutoCloseable {
    static final int NOT_FINITE = -20;
    static final int AT = 1;
    static final int SAMPLED = 2;
    private static final int FLUSH_ALL = 1;
    /** More threads than this share rings. */
    private static final int RINGS_MAX = 256;
    private static final long CLOSED = Long.MIN_VALUE;
    private static final String[] NO_TAGS = {};

    private final long handle;
    /** The option interval_s as it was given; null is the default. */
    private final Object interval;
    private final Cleaner.Cleanable cleanable;
    /** Made with the first record by name. */
    private volatile Names names;
    /** Flushes begun and ended so far; {@link #CLOSED} after close. Metrics ask for their id again when it has changed. */
    volatile long epoch;

    /** The ring of each thread. Weak: a pooled thread must not keep what is closed, nor its class loader, for ever. */
    private final ThreadLocal<WeakReference<Ring>> ring = new ThreadLocal<>();
    /** Every ring that may hold points. Guarded by itself. */
    private final ArrayList<Ring> rings = new ArrayList<>();
    /** For virtual threads, and threads above RINGS_MAX. Guarded by rings. */
    private final Ring[] shared = new Ring[8];

    /** Calls into C under way, but for those in a ring's monitor. Close waits until there are none, in its monitor. */
    private final AtomicInteger use = new AtomicInteger();

    /** Makes an engine with every option at its default. */
    public Engine() {
        this(Collections.emptyMap());
    }

    /**
     * Makes an engine.
     *
     * @param options by name, as numbers or texts: {@code Map.of("contexts_max", 5000)}. {@link Option#list} names them
     * @throws PointmillException UNKNOWN_OPTION and BAD_VALUE say what is allowed; ARENA_TOO_SMALL, NO_MEMORY
     */
    public Engine(Map<String, ?> options) {
        handle = Native.engineNew(Native.pairs(options));
        interval = options.get("interval_s");
        cleanable = Resource.register(this, Resource.ENGINE, handle);
    }

    /**
     * The release of the engine inside.
     *
     * @return for instance {@code 0.1.0}
     */
    public static String version() {
        return Native.text(Native.version());
    }

    // ---- held metrics ----

    /**
     * Holds the distribution with this name and set of tags. The order of tags and duplicates among them do not matter. At
     * a limit it is the overflow context of the metric (tag pointmill.overflow:true).
     *
     * @param name of the metric
     * @param tags "key:value"
     * @return the metric; keep it
     * @throws PointmillException INVALID_NAME (empty or too long, or a tag too long), NO_ROOM, CLOSED
     */
    public Metric distribution(String name, String... tags) {
        return metric(Kind.DISTRIBUTION, name, tags);
    }

    /**
     * Holds a count; see {@link #distribution}.
     *
     * @param name of the metric
     * @param tags "key:value"
     * @return the metric; keep it
     */
    public Metric count(String name, String... tags) {
        return metric(Kind.COUNT, name, tags);
    }

    /**
     * Holds a gauge; see {@link #distribution}.
     *
     * @param name of the metric
     * @param tags "key:value"
     * @return the metric; keep it
     */
    public Metric gauge(String name, String... tags) {
        return metric(Kind.GAUGE, name, tags);
    }

    /**
     * Holds a histogram; see {@link #distribution}.
     *
     * @param name of the metric
     * @param tags "key:value"
     * @return the metric; keep it
     */
    public Metric histogram(String name, String... tags) {
        return metric(Kind.HISTOGRAM, name, tags);
    }

    /**
     * Holds the metric of a kind; see {@link #distribution}.
     *
     * @param kind what becomes of the points
     * @param name of the metric
     * @param tags "key:value"; null is none
     * @return the metric; keep it
     */
    public Metric metric(Kind kind, String name, String... tags) {
        Objects.requireNonNull(kind, "kind is null");
        return new Metric(this, kind, named(name), tags == null ? NO_TAGS : tags.clone());
    }

    // ---- by name ----

    /**
     * Records one point of a distribution by name and tags. A context that is new is made on the way; a known one costs a
     * look-up in Java.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags "key:value"
     * @throws PointmillException NOT_FINITE, INVALID_NAME and NO_ROOM, counted; CLOSED
     */
    public void recordDistribution(String name, double value, String... tags) {
        recordNamed(Kind.DISTRIBUTION, name, value, tags);
    }

    /**
     * Adds to a count by name and tags; see {@link #recordDistribution}.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags "key:value"
     */
    public void recordCount(String name, double value, String... tags) {
        recordNamed(Kind.COUNT, name, value, tags);
    }

    /**
     * Sets a gauge by name and tags; see {@link #recordDistribution}.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags "key:value"
     */
    public void recordGauge(String name, double value, String... tags) {
        recordNamed(Kind.GAUGE, name, value, tags);
    }

    /**
     * Records one point of a histogram by name and tags; see {@link #recordDistribution}.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags "key:value"
     */
    public void recordHistogram(String name, double value, String... tags) {
        recordNamed(Kind.HISTOGRAM, name, value, tags);
    }

    /**
     * Records one point by kind, name and tags; see {@link #recordDistribution}.
     *
     * @param kind what becomes of it
     * @param name of the metric
     * @param value any finite number
     * @param tags "key:value"; null is none
     */
    public void recordNamed(Kind kind, String name, double value, String... tags) {
        if (tags == null) {
            tags = NO_TAGS;
        }
        named(name);
        Names known = names;
        Metric metric = known == null ? null : known.find(kind.number, name, tags);
        if (metric == null && (metric = remembered(kind, name, value, tags)) == null) {
            return;
        }
        metric.record(value);
    }

    /** The metric, from now on known by name; null if the engine has taken the point, or refused and counted it. */
    private Metric remembered(Kind kind, String name, double value, String[] tags) {
        Metric metric;
        String[] mine = tags.clone();
        try {
            metric = new Metric(this, kind, name, mine);
        } catch (RuntimeException refused) {
            if (epoch == CLOSED) {
                throw refused;
            }
            enter();
            try {
                Native.check(Native.recordNamed(handle, kind.number, name, tags, value));
            } catch (PointmillException refusal) {
                throw PointmillException.named(refusal, name, tags);
            } finally {
                leave();
            }
            return null;
        }
        synchronized (rings) {
            if (names == null) {
                names = new Names();
            }
        }
        names.add(kind.number, name, mine, metric);
        return metric;
    }

    private static String named(String name) {
        if (name == null) {
            throw new NullPointerException("the metric's name is null; give it one");
        }
        return name;
    }

    // ---- what metrics do ----

    /** Appends one point to the thread's ring. */
    void put(long id, double value) {
        WeakReference<Ring> held = ring.get();
        Ring mine = held == null ? null : held.get();
        if (mine == null || !mine.put(id, value)) {
            putSlowly(mine == null ? newRing() : mine, id, value);
        }
    }

    /** For tests. */
    Ring ringOfThisThread() {
        return ring.get().get();
    }

    private void putSlowly(Ring mine, long id, double value) {
        synchronized (mine) {
            mine.open();
            mine.putLocked(handle, id, value);
        }
        Reference.reachabilityFence(this);
    }

    private Ring newRing() {
        Thread thread = Thread.currentThread();
        Ring mine;
        synchronized (rings) {
            drop();
            if (epoch == CLOSED) {
                throw PointmillException.closed("the engine");
            }
            if (rings.size() < RINGS_MAX && !isVirtual(thread)) {
                mine = new Ring(thread);
                rings.add(mine);
            } else {
                int i = (int) (thread.getId() & (shared.length - 1));
                if (shared[i] == null) {
                    shared[i] = new Ring(null);
                    rings.add(shared[i]);
                }
                mine = shared[i];
            }
        }
        ring.set(new WeakReference<>(mine));
        return mine;
    }

    /**
     * Virtual threads come with Java 21, and this is compiled for 11; to call by reflection would cost a cold start ten
     * milliseconds. They are all in one group, and whoever names another so shares rings.
     */
    private static boolean isVirtual(Thread thread) {
        ThreadGroup group = thread.getThreadGroup();
        return group != null && "VirtualThreads".equals(group.getName());
    }

    /** Hands over and forgets the rings of threads that have ended. The caller holds rings. */
    private void drop() {
        for (int i = rings.size(); i-- > 0; ) {
            Ring one = rings.get(i);
            if (one.orphaned()) {
                synchronized (one) {
                    one.drain(handle);
                }
                rings.remove(i);
            }
        }
    }

    /** Hands over what every ring holds. The caller has entered. */
    private void drain() {
        synchronized (rings) {
            drop();
            for (int i = 0; i < rings.size(); i++) {
                Ring one = rings.get(i);
                synchronized (one) {
                    one.drain(handle);
                }
            }
        }
    }

    void recordNow(Metric metric, double value) {
        enter();
        try {
            Native.check(Native.record(handle, metric.id(), value));
        } finally {
            leave();
        }
    }

    void recordAt(Metric metric, double value, double rate, long unixS, int how) {
        enter();
        try {
            long id = metric.id();
            int status;
            if (how == AT) {
                status = Native.recordAt(handle, id, value, unixS);
            } else if (how == SAMPLED) {
                status = Native.recordSampled(handle, id, value, rate);
            } else {
                status = Native.recordSampledAt(handle, id, value, rate, unixS);
            }
            Native.check(status);
        } finally {
            leave();
        }
    }

    long recordMany(Metric metric, double[] values) {
        Objects.requireNonNull(values, "values is null");
        enter();
        try {
            return Native.recordMany(handle, metric.id(), values);
        } finally {
            leave();
        }
    }

    long context(int kind, String name, String[] tags) {
        enter();
        try {
            return Native.context(handle, kind, name, tags);
        } catch (PointmillException refused) {
            throw PointmillException.named(refused, name, tags);
        } finally {
            leave();
        }
    }

    // ---- time and flushes ----

    /**
     * Tells the engine the system's time: points that come from now on belong to the interval that holds it.
     *
     * @throws PointmillException CLOSED
     */
    public void tick() {
        tick(now());
    }

    /**
     * Tells the engine the time.
     *
     * @param unixSeconds since 1970-01-01 UTC
     * @throws PointmillException CLOSED
     */
    public void tick(long unixSeconds) {
        enter();
        try {
            drain();
            Native.check(Native.tick(handle, unixSeconds));
        } finally {
            leave();
        }
    }

    /**
     * Takes the points of the intervals that have ended by the system's time. Recording goes on meanwhile.
     *
     * @return the values; empty if there were no points. Close it
     * @throws PointmillException CLOSED
     */
    public Snapshot flush() {
        return flush(now(), false);
    }

    /**
     * Takes all points, of the open intervals too: before a program ends, or in tests.
     *
     * @return the values. Close it
     * @throws PointmillException CLOSED
     */
    public Snapshot flushAll() {
        return flush(now(), true);
    }

    /**
     * Takes the points of the intervals that have ended by a time.
     *
     * @param unixSeconds since 1970-01-01 UTC
     * @param all the open intervals too
     * @return the values. Close it
     * @throws PointmillException CLOSED
     */
    public Snapshot flush(long unixSeconds, boolean all) {
        enter();
        try {
            drain();
            // Before and after: an id asked for before the flush is not taken for one asked for after it.
            flushing();
            try {
                return new Snapshot(Native.flush(handle, unixSeconds, all ? FLUSH_ALL : 0));
            } finally {
                flushing();
            }
        } finally {
            leave();
        }
    }

    /** Makes metrics ask for their ids again. */
    private void flushing() {
        synchronized (rings) {
            if (epoch != CLOSED) {
                epoch++;
            }
        }
    }

    /**
     * What became of every point so far.
     *
     * @return the ledger of this moment
     * @throws PointmillException CLOSED
     */
    public Stats stats() {
        enter();
        try {
            drain();
            long[] counts = new long[Stats.NAMES.length];
            Native.stats(handle, counts);
            return new Stats(counts);
        } finally {
            leave();
        }
    }

    /**
     * Frees the engine. Points that were not flushed are lost: {@link #flushAll} first. Snapshots live on. Further calls
     * throw CLOSED; a second close does nothing.
     */
    @Override
    public void close() {
        synchronized (rings) {
            if (epoch == CLOSED) {
                return;
            }
            epoch = CLOSED;
            for (Ring one : rings) {
                synchronized (one) {
                    one.close();
                }
            }
            rings.clear();
        }
        boolean interrupted = false;
        synchronized (use) {
            while (use.get() != 0) {
                try {
                    use.wait();
                } catch (InterruptedException early) {
                    interrupted = true;
                }
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
        cleanable.clean();
    }

    // ---- for Client ----

    /** The option interval_s. Looked up only where it is asked for: listing options costs a cold start. */
    long intervalS() {
        return Option.number(interval, "interval_s");
    }

    /** Its own calls into the library, while the engine is alive. */
    long enter() {
        // Counted before the look: who closes has seen the count, or is seen here.
        use.incrementAndGet();
        if (epoch == CLOSED) {
            leave();
            throw PointmillException.closed("the engine");
        }
        return handle;
    }

    void leave() {
        if (use.decrementAndGet() == 0 && epoch == CLOSED) {
            synchronized (use) {
                use.notifyAll();
            }
        }
        Reference.reachabilityFence(this);
    }

    /** Before the library's thread flushes: it knows nothing of rings. */
    void handOver() {
        enter();
        try {
            drain();
            flushing();
        } finally {
            leave();
        }
    }

    static long now() {
        return Math.floorDiv(System.currentTimeMillis(), 1000L);
    }
}

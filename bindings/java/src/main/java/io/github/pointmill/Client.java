package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.Cleaner;
import java.time.Duration;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * An engine with delivery: what it flushes is sent, kept while it cannot be, and accounted for.
 *
 * <pre>{@code
 * try (Client client = new Client(Map.of("api_key", key, "site", "datadoghq.eu"))) {
 *     client.engine().distribution("latency", "env:prod").record(12.5);
 * }
 * }</pre>
 *
 * <p>Every method may be called by any thread at once. Recording goes to the engine and never waits for delivery. Two
 * threads, both daemons: the library's, which flushes every {@code flush_interval_s} (option {@code background}), and one of
 * Java that hands over the rings each second and just before an interval ends, so that points arrive in their interval.
 *
 * <p>A client that is still open when the JVM ends is closed, for at most {@code flush_timeout_ms}.
 */
public final class Client implements AutoCloseable {
    /** A destination of your own: gets each body, and answers as an HTTP server would. */
    @FunctionalInterface
    public interface Send {
        /**
         * Sends a body. Runs on the thread that flushes, several at once if several flush; must not call its client.
         *
         * @param payload the body
         * @param timeout how long it may take
         * @return 200 to 299 taken; 413 cut it in two; 408, 429, 500 and above, 0, or an exception: keep it and try again;
         *     others give it up
         */
        int send(Payload payload, Duration timeout);
    }

    /** What the native library calls. */
    private static final class Sender {
        private final Send send;

        Sender(Send send) {
            this.send = send;
        }

        @SuppressWarnings("unused")
        int call(byte[] path, byte[] type, byte[] encoding, byte[] body, long points, long entries, long timeoutMs) {
            return send.send(new Payload(path, type, encoding, body, points, entries), Duration.ofMillis(timeoutMs));
        }
    }

    private static final int FLUSH_ALL = 1;

    private final Engine engine;
    private final boolean ownsEngine;
    private final long handle;
    /** The option flush_timeout_ms. */
    private final Duration timeout;
    private final Cleaner.Cleanable cleanable;
    private final Thread hook;
    private final HandOver handOver;
    /** Held for reading while C works on the client, for writing when it is freed. */
    private final ReentrantReadWriteLock use = new ReentrantReadWriteLock();
    private boolean closed;
    /** What close has seen last. */
    private ClientStats lastStats;
    private String lastFailure;

    /**
     * Makes an engine and delivers what it flushes. No connection is made yet, so an intake that is down is no error.
     *
     * @param options those of engine, encoder and delivery alike, by name; see {@link Option#list}
     * @throws PointmillException UNKNOWN_OPTION and BAD_VALUE name the option and what it allows
     */
    public Client(Map<String, ?> options) {
        this(null, options, null);
    }

    /**
     * Makes an engine whose bodies go to a function instead of a destination.
     *
     * @param options those of engine, encoder and delivery alike, by name
     * @param send takes the bodies
     * @throws PointmillException as {@link #Client(Map)}
     */
    public Client(Map<String, ?> options, Send send) {
        this(null, options, Objects.requireNonNull(send, "send is null"));
    }

    /**
     * Delivers what an engine flushes.
     *
     * @param engine is not closed with the client; null makes one that is
     * @param options those of encoder and delivery, and of the engine if it is made here
     * @param send takes the bodies; null stands for the destination of the options
     * @throws PointmillException as {@link #Client(Map)}, and CLOSED
     */
    public Client(Engine engine, Map<String, ?> options, Send send) {
        ownsEngine = engine == null;
        this.engine = ownsEngine ? new Engine(options) : engine;
        long enters = this.engine.enter();
        try {
            handle = Native.clientNew(enters, Native.pairs(options), send == null ? null : new Sender(send));
        } catch (RuntimeException refused) {
            this.engine.leave();
            if (ownsEngine) {
                this.engine.close();
            }
            throw refused;
        }
        this.engine.leave();
        cleanable = Resource.register(this, Resource.CLIENT, handle);
        timeout = Duration.ofMillis(Option.number(options.get("flush_timeout_ms"), "flush_timeout_ms"));
        hook = new AtExit(this);
        Runtime.getRuntime().addShutdownHook(hook);
        handOver = new HandOver(this.engine);
        handOver.start();
    }

    /** Not a lambda expression: the first one of a process costs ten milliseconds. */
    private static final class AtExit extends Thread {
        private final Client client;

        AtExit(Client client) {
            super("pointmill-exit");
            this.client = client;
        }

        @Override
        public void run() {
            client.end(client.timeout);
        }
    }

    /** Hands the rings over, so that the library's own flushes find the points. */
    private static final class HandOver extends Thread {
        /** How long before the end of an interval; a point recorded within it may belong to the next one. */
        private static final long BEFORE_MS = 20;

        private final Engine engine;
        private final long intervalMs;

        HandOver(Engine engine) {
            super("pointmill-rings");
            this.engine = engine;
            this.intervalMs = engine.intervalS() * 1000;
            setDaemon(true);
        }

        @Override
        public void run() {
            try {
                while (true) {
                    long untilEdge = intervalMs - Math.floorMod(System.currentTimeMillis(), intervalMs);
                    Thread.sleep(untilEdge > BEFORE_MS ? Math.min(1000, untilEdge - BEFORE_MS) : untilEdge);
                    engine.handOver();
                }
            } catch (InterruptedException | PointmillException ended) {
                // The client has been closed.
                return;
            }
        }
    }

    /**
     * The engine that is delivered.
     *
     * @return closed with the client, unless it was given
     */
    public Engine engine() {
        return engine;
    }

    /**
     * Sends everything, of the open intervals too, and what was kept before, for at most the option
     * {@code flush_timeout_ms}.
     *
     * @return whether all of it has arrived; if not, the rest is kept and tried again
     * @throws PointmillException DELIVERY_DROPPED if points were given up, CLOSED
     */
    public boolean flush() {
        return flush(timeout, true);
    }

    /**
     * Sends the intervals that have ended, and what was kept before.
     *
     * @param timeout how long it may take
     * @param all the open intervals too
     * @return whether all of it has arrived; if not, the rest is kept and tried again
     * @throws PointmillException DELIVERY_DROPPED if points were given up, CLOSED
     */
    public boolean flush(Duration timeout, boolean all) {
        long timeoutMs = milliseconds(timeout);
        enter();
        try {
            engine.handOver();
            return answer(Native.clientFlush(handle, all ? FLUSH_ALL : 0, timeoutMs), failure());
        } finally {
            leave();
        }
    }

    /**
     * The books of delivery. Works on a closed client too.
     *
     * @return those of this moment
     */
    public ClientStats stats() {
        Lock lock = use.readLock();
        lock.lock();
        try {
            return closed ? lastStats : books();
        } finally {
            leave();
        }
    }

    private ClientStats books() {
        long[] counts = new long[ClientStats.NAMES.length];
        Native.clientStats(handle, counts);
        return new ClientStats(counts);
    }

    /**
     * What the last attempt that did not deliver came to, for a line in a log. It never holds the key.
     *
     * @return empty if none has failed
     */
    public String lastFailure() {
        Lock lock = use.readLock();
        lock.lock();
        try {
            return closed ? lastFailure : failure();
        } finally {
            leave();
        }
    }

    private String failure() {
        return Native.text(Native.clientLastFailure(handle));
    }

    /**
     * Sends everything, for at most the option {@code flush_timeout_ms}, ends the threads and closes the engine, unless that
     * was given. What has not arrived goes to the spool (option {@code spool_dir}), or is counted as dropped. A second close
     * does nothing.
     *
     * @throws PointmillException DELIVERY_DROPPED if points were given up; it is closed all the same
     */
    @Override
    public void close() {
        close(timeout);
    }

    /**
     * {@link #close()} with a limit of its own.
     *
     * @param timeout how long it may take
     * @return whether all of it has arrived
     * @throws PointmillException DELIVERY_DROPPED if points were given up; it is closed all the same
     */
    public boolean close(Duration timeout) {
        milliseconds(timeout);
        try {
            Runtime.getRuntime().removeShutdownHook(hook);
        } catch (IllegalStateException ending) {
            // The JVM ends: the hook runs, or has run.
        }
        int status = end(timeout);
        return answer(status, lastFailure());
    }

    /** The status; 0 if it has been closed before. */
    private int end(Duration timeout) {
        use.writeLock().lock();
        try {
            if (closed) {
                return 0;
            }
            handOver.interrupt();
            engine.handOver();
            int status = Native.clientClose(handle, timeout.toMillis());
            lastStats = books();
            lastFailure = failure();
            closed = true;
            cleanable.clean();
            if (ownsEngine) {
                engine.close();
            }
            return status;
        } finally {
            use.writeLock().unlock();
        }
    }

    private void enter() {
        use.readLock().lock();
        if (closed) {
            use.readLock().unlock();
            throw PointmillException.closed("the client");
        }
    }

    private void leave() {
        use.readLock().unlock();
    }

    private static long milliseconds(Duration timeout) {
        if (timeout.isNegative()) {
            throw new IllegalArgumentException("timeout: " + timeout + " is negative; give 0 or more");
        }
        return timeout.toMillis();
    }

    private static boolean answer(int status, String failure) {
        if (status == PointmillException.DELIVERY_DROPPED) {
            throw PointmillException.dropped(failure);
        }
        if (status != 0 && status != PointmillException.DELIVERY_LATER) {
            Native.raise(status);
        }
        return status == 0;
    }
}

package io.github.pointmill.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.time.Duration;
import java.util.Collections;
import java.util.Date;
import java.util.Map;
import java.util.Objects;

/**
 * The metrics side of datadog-lambda-java: one object an invocation.
 *
 * <pre>{@code
 * public String handleRequest(Map<String, Object> event, Context context) {
 *     DDLambda ddl = new DDLambda(context);
 *     try {
 *         ddl.metric("coffee.orders", 1, Map.of("size", "large"));
 *         return "done";
 *     } catch (RuntimeException error) {
 *         ddl.error(context);
 *         throw error;
 *     } finally {
 *         ddl.finish();
 *     }
 * }
 * }</pre>
 *
 * <p>{@link #wrap(RequestHandler)} does all of that. Points are sent by {@link #finish}, before the response goes out; without
 * it they wait for the next invocation, or for the end of the time of this one.
 *
 * <p>Nothing here throws into a function. What is refused is counted in {@link #stats} by its cause, and told in the log once.
 * Several invocations may be under way at once, each with an object of its own, which any thread may use.
 */
public final class DDLambda {
    /** The invocation that a thread has begun and not ended: its next one begins when it is over. */
    private static final ThreadLocal<DDLambda> CURRENT = new ThreadLocal<>();

    private final String requestId;
    /** Of the invocation; the same for the objects that are made for it later. */
    private final DDLambda first;
    private final long token;
    /** Guarded by this. */
    private boolean error;
    /** Guarded by this. */
    private boolean finished;

    /**
     * Begins an invocation.
     *
     * @param cxt what the runtime gave the handler; null is fine, and tells less
     */
    public DDLambda(Context cxt) {
        requestId = cxt == null ? null : cxt.getAwsRequestId();
        DDLambda before = CURRENT.get();
        if (before != null && before.open() && requestId != null && requestId.equals(before.requestId)) {
            // A handler that is wrapped and makes an object of its own: one invocation.
            first = before;
            token = before.token;
            return;
        }
        if (before != null) {
            // It returned without finish.
            before.finish();
        }
        first = this;
        token = Lambda.THE.begin(cxt);
        CURRENT.set(this);
    }

    /**
     * Begins an invocation with its request, of any type: APIGatewayProxyRequestEvent, SQSEvent, {@link Headerable} and others.
     *
     * @param req not looked at; its headers are a tracer's business
     * @param cxt what the runtime gave the handler
     */
    public DDLambda(Object req, Context cxt) {
        this(cxt);
    }

    private synchronized boolean open() {
        return !finished;
    }

    /**
     * Records a point of a custom metric, a distribution, of now.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags become {@code key:value}; null is none
     */
    public void metric(String name, double value, Map<String, Object> tags) {
        Lambda.THE.metric(name, value, tags, Lambda.NOW);
    }

    /**
     * Records a point of a custom metric, a distribution, of a time.
     *
     * @param name of the metric
     * @param value any finite number
     * @param tags become {@code key:value}; null is none
     * @param date when it was, to the second; null is now. In extension mode a point of more than four hours ago is refused
     */
    public void metric(String name, double value, Map<String, Object> tags, Date date) {
        Lambda.THE.metric(name, value, tags, date == null ? Lambda.NOW : Math.floorDiv(date.getTime(), 1000L));
    }

    /**
     * Marks the invocation as failed: {@link #finish} then counts one {@code aws.lambda.enhanced.errors}.
     *
     * @param cxt not looked at
     */
    public void error(Context cxt) {
        synchronized (first) {
            first.error = true;
        }
    }

    /** Ends the invocation and sends what waits, within the time that is left. A second call does nothing. */
    public void finish() {
        if (first != this) {
            return; // Whoever began the invocation ends it.
        }
        boolean failed;
        synchronized (this) {
            if (finished) {
                return;
            }
            finished = true;
            failed = error;
        }
        if (CURRENT.get() == this) {
            CURRENT.remove();
        }
        Lambda.THE.end(token, failed);
    }

    // ---- the wrapper ----

    /**
     * A handler that counts invocations and errors and sends the points of each invocation before it ends. Wrapping twice is
     * the same as wrapping once.
     *
     * @param handler yours; what it throws is thrown on, unchanged
     * @param <I> the event
     * @param <O> the answer
     * @return to be called by your class's handleRequest
     */
    public static <I, O> RequestHandler<I, O> wrap(RequestHandler<I, O> handler) {
        Objects.requireNonNull(handler, "handler is null");
        return Wrapped.of(handler);
    }

    /**
     * {@link #wrap(RequestHandler)} for handlers of streams.
     *
     * @param handler yours; what it throws is thrown on, unchanged
     * @return to be called by your class's handleRequest
     */
    public static RequestStreamHandler wrap(RequestStreamHandler handler) {
        Objects.requireNonNull(handler, "handler is null");
        return WrappedStream.of(handler);
    }

    // Made where they are: to verify this class would otherwise load both interfaces, from another jar.

    private static final class Wrapped<I, O> implements RequestHandler<I, O> {
        private final RequestHandler<I, O> handler;

        private Wrapped(RequestHandler<I, O> handler) {
            this.handler = handler;
        }

        static <I, O> RequestHandler<I, O> of(RequestHandler<I, O> handler) {
            return new Wrapped<>(handler);
        }

        @Override
        public O handleRequest(I event, Context context) {
            DDLambda ddl = new DDLambda(context);
            boolean done = false;
            try {
                O answer = handler.handleRequest(event, context);
                done = true;
                return answer;
            } finally {
                ddl.finish(done, context);
            }
        }
    }

    private static final class WrappedStream implements RequestStreamHandler {
        private final RequestStreamHandler handler;

        private WrappedStream(RequestStreamHandler handler) {
            this.handler = handler;
        }

        static RequestStreamHandler of(RequestStreamHandler handler) {
            return new WrappedStream(handler);
        }

        @Override
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            DDLambda ddl = new DDLambda(context);
            boolean done = false;
            try {
                handler.handleRequest(in, out, context);
                done = true;
            } finally {
                ddl.finish(done, context);
            }
        }
    }

    private void finish(boolean done, Context context) {
        if (!done) {
            error(context);
        }
        finish();
    }

    // ---- beyond the original ----

    /**
     * Holds a custom metric: look it up once, record often.
     *
     * @param name of the metric
     * @param tags become {@code key:value}; null is none
     * @return the metric; keep it in a static field
     * @throws io.github.pointmill.PointmillException INVALID_NAME (empty or too long, or a tag too long), NO_ROOM
     */
    public static LambdaMetric distribution(String name, Map<String, Object> tags) {
        Objects.requireNonNull(name, "the metric's name is null; give it one");
        return Lambda.THE.distribution(name, tags == null ? Collections.emptyMap() : tags);
    }

    /**
     * Sends everything that waits, for at most the setting {@code flush_timeout_ms}.
     *
     * @return as {@link #flush(Duration)}
     */
    public static boolean flush() {
        return Lambda.THE.flush();
    }

    /**
     * Sends everything that waits. {@link #finish} does this at the end of every invocation.
     *
     * @param timeout how long it may take
     * @return whether all of it has arrived; what has not is kept for the next flush
     */
    public static boolean flush(Duration timeout) {
        return Lambda.THE.flush(Math.max(0, timeout.toMillis()));
    }

    /** After a restore from a snapshot of the sandbox. With org.crac on the class path it is called for you. */
    public static void restored() {
        Lambda.THE.restored();
    }

    /**
     * Where every point is.
     *
     * @return the ledger of this moment
     */
    public static LambdaStats stats() {
        return Lambda.THE.stats();
    }

    /**
     * Where custom points go.
     *
     * @return extension, log, http or disabled
     */
    public static String mode() {
        switch (Lambda.THE.mode()) {
            case Lambda.EXTENSION:
                return "extension";
            case Lambda.LOG:
                return "log";
            case Lambda.HTTP:
                return "http";
            default:
                return "disabled";
        }
    }

    /**
     * What went wrong last (a look-up of the key, a request, a write), for a line in a log. It never holds a key.
     *
     * @return empty if nothing did
     */
    public static String lastFailure() {
        return Lambda.THE.lastFailure();
    }
}

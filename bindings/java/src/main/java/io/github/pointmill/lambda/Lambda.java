package io.github.pointmill.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import io.github.pointmill.internal.Native;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Collections;
import java.util.Map;

/**
 * The one object of a process. Nothing here throws into a function: what goes wrong is counted, and told in the log.
 *
 * <p>On the way of a cold start, so no lambda expressions: the first one of a process costs ten milliseconds.
 */
final class Lambda {
    private static final long LOADED_UNIX_MS = System.currentTimeMillis();

    static final long NOW = Long.MIN_VALUE;
    /** An invocation that could not be begun. */
    static final long NONE = -1;
    static final int EXTENSION = 1;
    static final int LOG = 2;
    static final int HTTP = 3;
    static final int DISABLED = 4;

    static final int BAD_NAME = 1;
    static final int BAD_TIME = 3;
    static final int BAD_TAGS = 4;
    /** The code CLOSED is the lowest that a recording call answers with. */
    private static final int CODES = 100;

    private static final long CLOSE_MS = 2000;
    private static final String[] NO_TAGS = {};
    /** What the engine takes. */
    private static final int TAG_BYTES_MAX = 512;

    static final Lambda THE = new Lambda();

    private final long handle;
    private final Names names = new Names();
    /** Causes that have been told, by the code's number. Races are harmless: something is told twice. */
    private final boolean[] told = new boolean[CODES];
    private boolean toldLong;

    private Lambda() {
        handle = Native.lambdaNew(new String[] {
            "library_version", Native.text(Native.version()),
            "language_version", System.getProperty("java.version"),
            "loaded_unix_ms", Long.toString(LOADED_UNIX_MS),
        });
        // For SIGTERM and the end of the process. The object is never freed: a thread may still record.
        Runtime.getRuntime().addShutdownHook(new Close(handle));
        if ("snap-start".equals(System.getenv("AWS_LAMBDA_INITIALIZATION_TYPE"))) {
            snapStart();
        }
    }

    private static final class Close extends Thread {
        private final long handle;

        Close(long handle) {
            super("pointmill-exit");
            this.handle = handle;
        }

        @Override
        public void run() {
            Native.lambdaClose(handle, CLOSE_MS);
        }
    }

    private void snapStart() {
        try {
            Class.forName("org.crac.Core");
        } catch (ClassNotFoundException absent) {
            say("SnapStart is on and org.crac is not on the class path: connections and the first cold_start after a restore"
                    + " are those of the snapshot; add org.crac:crac, or call DDLambda.restored() in a hook of your own");
            return;
        }
        SnapStart.register(this);
    }

    // ---- points ----

    void metric(String name, double value, Map<String, Object> tags, long unixS) {
        if (name == null) {
            refused(BAD_NAME, "the metric's name is null; give it one");
            return;
        }
        try {
            Map<String, Object> all = tags == null ? Collections.emptyMap() : tags;
            long id = names.find(name, all);
            if (id == Names.UNKNOWN) {
                id = Native.lambdaContext(handle, name, texts(all));
                if (id >= 0) {
                    names.add(name, all, id);
                }
            }
            if (id >= 0) {
                record(name, id, value, unixS);
            } else {
                // By this way a refused point is counted with its cause.
                answer(name, value, Native.lambdaMetricAt(handle, name, texts(all), value, unixS));
            }
        } catch (RuntimeException error) {
            // The map is the caller's, and so are the toString of its values.
            refused(BAD_TAGS, "the tags of " + name + " cannot be read: " + error);
        }
    }

    void record(String name, long id, double value, long unixS) {
        answer(name, value, unixS == NOW ? Native.lambdaRecord(handle, id, value)
                : Native.lambdaRecordAt(handle, id, value, unixS));
    }

    LambdaMetric distribution(String name, Map<String, Object> tags) {
        long id = Native.lambdaContext(handle, name, texts(tags));
        if (id < 0) {
            Native.raise((int) id);
        }
        return new LambdaMetric(this, name, id);
    }

    /** Tags as texts. One that is too long for the engine is left out: a point is worth more than a tag. */
    private String[] texts(Map<String, Object> tags) {
        if (tags.isEmpty()) {
            return NO_TAGS;
        }
        String[] texts = new String[tags.size()];
        int len = 0;
        for (Map.Entry<String, Object> tag : tags.entrySet()) {
            String text = tag.getKey() + ":" + tag.getValue();
            // UTF-8 has at most three bytes for each of Java's chars.
            if (text.length() * 3 <= TAG_BYTES_MAX || text.getBytes(StandardCharsets.UTF_8).length <= TAG_BYTES_MAX) {
                texts[len++] = text;
            } else if (!toldLong) {
                toldLong = true;
                say("the tag " + text.substring(0, 100) + "… is longer than " + TAG_BYTES_MAX
                        + " bytes and left out, as further ones are; shorten it");
            }
        }
        return len == texts.length ? texts : Arrays.copyOf(texts, len);
    }

    private void answer(String name, double value, int status) {
        if (status < 0 && status > -CODES && !told[-status]) {
            told[-status] = true;
            say("metric " + (name.length() > 100 ? name.substring(0, 100) + "…" : name) + " = " + value + " is refused ("
                    + Native.text(Native.codeName(status)) + "); further ones of this cause are only counted, see DDLambda.stats()");
        }
    }

    void refused(int cause, String why) {
        Native.lambdaRejected(handle, cause);
        if (!told[cause]) {
            told[cause] = true;
            say(why + "; further ones of this cause are only counted, see DDLambda.stats()");
        }
    }

    // ---- invocations ----

    /** The token, or {@link #NONE}. */
    long begin(Context context) {
        String[] known = {"", "", "", ""};
        int memoryMb = 0;
        long deadline = 0;
        if (context != null) {
            try {
                known[0] = or(context.getInvokedFunctionArn());
                known[1] = or(context.getAwsRequestId());
                known[2] = or(context.getFunctionName());
                known[3] = or(context.getFunctionVersion());
                memoryMb = context.getMemoryLimitInMB();
                deadline = System.currentTimeMillis() + context.getRemainingTimeInMillis();
            } catch (RuntimeException error) {
                // A context that somebody made for a test.
                say("the context cannot be read: " + error);
            }
        }
        long token = Native.lambdaBegin(handle, known, memoryMb, deadline, 0);
        return token < 0 ? NONE : token;
    }

    private static String or(String text) {
        return text == null ? "" : text;
    }

    /** Ends an invocation and sends what waits, within its time. */
    void end(long token, boolean error) {
        long budgetMs = token == NONE ? 0 : Native.lambdaEnd(handle, token, error, -1);
        if (budgetMs > 0) {
            Native.lambdaFlush(handle, budgetMs);
        }
        tell();
    }

    boolean flush() {
        return flush(Native.lambdaFlushTimeoutMs(handle));
    }

    boolean flush(long timeoutMs) {
        boolean all = Native.lambdaFlush(handle, timeoutMs) == 0;
        tell();
        return all;
    }

    void restored() {
        Native.lambdaRestored(handle);
    }

    // ---- what it says of itself ----

    int mode() {
        return Native.lambdaMode(handle);
    }

    LambdaStats stats() {
        long[] counts = new long[LambdaStats.NAMES.length];
        Native.lambdaStats(handle, counts);
        return new LambdaStats(counts);
    }

    String lastFailure() {
        return Native.text(Native.lambdaLastFailure(handle));
    }

    /** What a person should read, in the log. */
    private void tell() {
        String lines = Native.text(Native.lambdaWarnings(handle));
        if (!lines.isEmpty()) {
            for (String line : lines.split("\n")) {
                say(line);
            }
        }
    }

    private static void say(String line) {
        // Not before there is something to say: a logger is slow to make.
        System.getLogger("io.github.pointmill").log(System.Logger.Level.WARNING, line);
    }
}

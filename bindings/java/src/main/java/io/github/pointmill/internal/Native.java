package io.github.pointmill.internal;

import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.CodeSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * The native library, call by call. Not for use outside of this package's jar: handles are bare numbers here, and a wrong
 * one ends the process.
 *
 * <p>Calls that return {@code int} answer with a status; see {@link #check}. All others throw PointmillException.
 */
public final class Native {
    private static final String PATH_PROPERTY = "pointmill.library.path";
    private static final String[] NONE = {};

    /** The release that this class belongs to. */
    static final String VERSION = "0.1.0";

    static {
        load();
        if (!VERSION.equals(text(version()))) {
            // Found in a folder, and of another release.
            throw new UnsatisfiedLinkError("pointmill: this jar is of " + VERSION + ", the library that was found of "
                    + text(version()) + "; take both from one release, see the README for where it is looked for");
        }
    }

    private Native() {}

    // No lambda and no string concatenation by invokedynamic on the way of a cold start: each costs ten milliseconds there.

    private static void load() {
        String path = System.getProperty(PATH_PROPERTY);
        if (path != null) {
            System.load(new File(path).getAbsolutePath());
            return;
        }
        // In a Lambda layer the library lies in /opt/lib, which is part of java.library.path there.
        String file = System.mapLibraryName("pointmill_jni");
        String folders = System.getProperty("java.library.path", "");
        int from = 0;
        while (from < folders.length()) {
            int to = folders.indexOf(File.pathSeparatorChar, from);
            to = to < 0 ? folders.length() : to;
            File found = new File(folders.substring(from, to), file);
            if (to > from && found.exists()) {
                System.load(found.getAbsolutePath());
                return;
            }
            from = to + 1;
        }
        unpack(file);
    }

    /** Writes the library of the jar to where nobody else gets, loads it, and deletes it at once. */
    private static void unpack(String file) {
        String arch = System.getProperty("os.arch");
        String resource = "META-INF/native/linux-" + ("amd64".equals(arch) ? "x86_64" : arch) + "/" + file;
        File unpacked = null;
        Throwable cause;
        try {
            unpacked = written(resource);
            if (unpacked == null) {
                throw new UnsatisfiedLinkError("pointmill: this jar has no library for " + System.getProperty("os.name")
                        + " on " + arch + " (" + resource + "); build one with `cargo xtask java` and name it with -D"
                        + PATH_PROPERTY + "=FILE");
            }
            System.load(unpacked.getPath());
            return;
        } catch (IOException error) {
            cause = error;
        } catch (UnsatisfiedLinkError error) {
            if (unpacked == null) {
                throw error;
            }
            cause = error;
        } finally {
            if (unpacked != null) {
                // The mapping stays; nothing is left behind, however the process ends.
                delete(unpacked);
            }
        }
        UnsatisfiedLinkError failure = new UnsatisfiedLinkError("pointmill: the library could not be unpacked to "
                + System.getProperty("java.io.tmpdir") + " and loaded from there (" + cause.getMessage()
                + "); name a folder for -Djava.io.tmpdir that can be written and is not mounted noexec, or the library"
                + " itself with -D" + PATH_PROPERTY + "=FILE");
        failure.initCause(cause);
        throw failure;
    }

    /** The resource in a new file, in a folder of its own; null if there is no such resource. */
    private static File written(String resource) throws IOException {
        File jar = jar();
        if (jar != null) {
            // getResourceAsStream would do, and cost a cold start seven milliseconds.
            try (ZipFile zip = new ZipFile(jar)) {
                ZipEntry entry = zip.getEntry(resource);
                return entry == null ? null : write(zip.getInputStream(entry));
            }
        }
        try (InputStream in = Native.class.getResourceAsStream("/" + resource)) {
            return in == null ? null : write(in);
        }
    }

    private static File write(InputStream in) throws IOException {
        File file = new File(newFolder(), "library.so");
        try (FileOutputStream out = new FileOutputStream(file)) {
            byte[] piece = new byte[1 << 16];
            for (int len; (len = in.read(piece)) > 0; ) {
                out.write(piece, 0, len);
            }
            return file;
        } catch (IOException error) {
            delete(file);
            throw error;
        }
    }

    private static void delete(File unpacked) {
        unpacked.delete();
        unpacked.getParentFile().delete();
    }

    /**
     * A new folder that only this user can enter, empty. java.nio.file would make it so at once, and cost a cold start two
     * milliseconds for its classes and twenty for random names; a name that is taken is no danger here.
     */
    static File newFolder() throws IOException {
        for (int attempt = 0; ; attempt++) {
            File folder = new File(System.getProperty("java.io.tmpdir"), "pointmill-" + System.nanoTime()).getAbsoluteFile();
            if (folder.mkdir()) {
                // The umask may have let others in for a moment: what they did is seen once they are out.
                boolean mine = folder.setExecutable(false, false) & folder.setWritable(false, false)
                        & folder.setReadable(false, false) && folder.setReadable(true) & folder.setWritable(true)
                        & folder.setExecutable(true);
                String[] inside = folder.list();
                if (mine && inside != null && inside.length == 0) {
                    return folder;
                }
                folder.delete();
                throw new IOException(folder + ": others have access to it");
            }
            if (attempt == 100 || !folder.exists()) {
                throw new IOException(folder + ": this folder cannot be made");
            }
        }
    }

    /** The jar that this class is from; null if it is from a folder, a jar inside of another, or nobody says. */
    private static File jar() {
        CodeSource source = Native.class.getProtectionDomain().getCodeSource();
        if (source == null || source.getLocation() == null || !"file".equals(source.getLocation().getProtocol())) {
            return null;
        }
        try {
            String path = source.getLocation().getPath();
            // A URI is only made where something is to be decoded: half a millisecond of a cold start.
            File file = path.indexOf('%') < 0 ? new File(path) : new File(URI.create(source.getLocation().toString()));
            return file.isFile() ? file : null;
        } catch (IllegalArgumentException odd) {
            return null;
        }
    }

    /**
     * Throws what a status stands for.
     *
     * @param status of a call; 0 is fine
     */
    public static void check(int status) {
        if (status != 0) {
            raise(status);
        }
    }

    /**
     * A text of the library.
     *
     * @param utf8 its bytes
     * @return the text
     */
    public static String text(byte[] utf8) {
        return new String(utf8, StandardCharsets.UTF_8);
    }

    /**
     * Options as the library takes them, in order, so that the same mistake is always the same error.
     *
     * @param options values by name; a collection becomes a list with commas
     * @return name, value, name, value …
     */
    public static String[] pairs(Map<String, ?> options) {
        if (options.isEmpty()) {
            return NONE;
        }
        ArrayList<String> pairs = new ArrayList<>(2 * options.size());
        for (Map.Entry<String, ?> option : new TreeMap<>(options).entrySet()) {
            Object value = option.getValue();
            if (value == null) {
                throw new NullPointerException("option " + option.getKey() + " is null; leave it out for its default");
            }
            pairs.add(option.getKey());
            pairs.add(value instanceof Collection ? joined((Collection<?>) value) : value.toString());
        }
        return pairs.toArray(new String[0]);
    }

    private static String joined(Collection<?> values) {
        StringBuilder text = new StringBuilder();
        for (Object value : values) {
            text.append(text.length() == 0 ? "" : ",").append(value);
        }
        return text.toString();
    }

    /**
     * Counters as text.
     *
     * @param names of all
     * @param counts in the same order
     * @return those that are not zero, for instance {@code [recorded=3, flushed=3]}
     */
    public static String shown(String[] names, long[] counts) {
        ArrayList<String> shown = new ArrayList<>();
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] != 0) {
                shown.add(names[i] + "=" + Long.toUnsignedString(counts[i]));
            }
        }
        return shown.toString();
    }

    // texts.c
    public static native byte[] version();

    public static native void raise(int code);

    public static native byte[] codeName(int code);

    public static native int codeAt(int i);

    public static native byte[][] option(int i, long[] numbers);

    // engine.c
    public static native long engineNew(String[] pairs);

    public static native void engineFree(long engine);

    public static native long context(long engine, int kind, String name, String[] tags);

    public static native int recordNamed(long engine, int kind, String name, String[] tags, double value);

    public static native int record(long engine, long context, double value);

    public static native int recordAt(long engine, long context, double value, long unixS);

    public static native int recordSampled(long engine, long context, double value, double rate);

    public static native int recordSampledAt(long engine, long context, double value, double rate, long unixS);

    public static native long recordMany(long engine, long context, double[] values);

    public static native void recordBatch(long engine, long[] contexts, double[] values, int from, int len);

    public static native int tick(long engine, long unixS);

    public static native long flush(long engine, long unixS, int flags);

    public static native void stats(long engine, long[] out);

    // snapshot.c
    public static native void snapshotFree(long snapshot);

    public static native int snapshotLen(long snapshot);

    public static native byte[][] snapshotEntry(long snapshot, int i, long[] numbers);

    public static native double snapshotQuantile(long snapshot, int i, double q);

    public static native long snapshotSketch(long snapshot, int i);

    public static native long snapshotMerge(long[] snapshots);

    public static native long snapshotGroupBy(long snapshot, String[] keys, int flags);

    public static native long encode(long snapshot, String[] pairs);

    public static native void payloadsFree(long payloads);

    public static native byte[][] payload(long payloads, int i, long[] numbers);

    public static native byte[][] skipped(long payloads, int i, long[] numbers);

    // sketch.c
    public static native long sketchNew();

    public static native long sketchClone(long sketch);

    public static native void sketchFree(long sketch);

    public static native int sketchInsert(long sketch, double value);

    public static native int sketchInsertN(long sketch, double value, long n);

    public static native int sketchInsertSampled(long sketch, double value, double rate);

    public static native int sketchInsertMany(long sketch, double[] values);

    public static native int sketchInsertInterpolated(long sketch, double lower, double upper, long n);

    public static native int sketchMerge(long sketch, long other);

    public static native void sketchSummary(long sketch, long[] out);

    public static native double sketchQuantile(long sketch, double q);

    public static native double sketchQuantileAgent(long sketch, double q);

    public static native long[] sketchBins(long sketch, int profile);

    public static native int sketchKey(double value);

    public static native byte[] sketchEncode(long sketch, int format);

    public static native long sketchDecode(int format, byte[] bytes);

    // client.c
    public static native long clientNew(long engine, String[] pairs, Object send);

    public static native void clientFree(long client);

    public static native int clientFlush(long client, int flags, long timeoutMs);

    public static native int clientClose(long client, long timeoutMs);

    public static native void clientStats(long client, long[] out);

    public static native byte[] clientLastFailure(long client);

    // lambda.c
    public static native long lambdaNew(String[] pairs);

    public static native long lambdaContext(long lambda, String name, String[] tags);

    public static native int lambdaRecord(long lambda, long context, double value);

    public static native int lambdaRecordAt(long lambda, long context, double value, long unixS);

    public static native int lambdaMetricAt(long lambda, String name, String[] tags, double value, long unixS);

    public static native int lambdaRejected(long lambda, int cause);

    public static native long lambdaBegin(long lambda, String[] known, int memoryMb, long deadlineUnixMs, int flags);

    public static native long lambdaEnd(long lambda, long token, boolean error, long failures);

    public static native int lambdaFlush(long lambda, long timeoutMs);

    public static native int lambdaClose(long lambda, long timeoutMs);

    public static native int lambdaRestored(long lambda);

    public static native long lambdaFlushTimeoutMs(long lambda);

    public static native int lambdaMode(long lambda);

    public static native byte[] lambdaWarnings(long lambda);

    public static native byte[] lambdaLastFailure(long lambda);

    public static native void lambdaStats(long lambda, long[] out);
}

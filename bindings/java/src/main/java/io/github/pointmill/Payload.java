package io.github.pointmill;

import io.github.pointmill.internal.Native;

/** One body, ready to be sent. */
public final class Payload {
    private final String path;
    private final String contentType;
    private final String encoding;
    private final byte[] body;
    private final long points;
    private final long entries;

    Payload(byte[] path, byte[] contentType, byte[] encoding, byte[] body, long points, long entries) {
        this.path = Native.text(path);
        this.contentType = Native.text(contentType);
        this.encoding = Native.text(encoding);
        this.body = body;
        this.points = points;
        this.entries = entries;
    }

    /**
     * The path of the intake's route.
     *
     * @return empty for formats that do not travel by HTTP
     */
    public String path() {
        return path;
    }

    /**
     * The Content-Type.
     *
     * @return for instance {@code application/x-protobuf}
     */
    public String contentType() {
        return contentType;
    }

    /**
     * The Content-Encoding.
     *
     * @return empty if the body is not compressed
     */
    public String encoding() {
        return encoding;
    }

    /**
     * The bytes to send.
     *
     * @return not a copy: the caller's to keep, but not to change if others read it
     */
    public byte[] body() {
        return body;
    }

    /**
     * Points that were recorded into the entries of this body.
     *
     * @return points
     */
    public long points() {
        return points;
    }

    /**
     * Entries of the snapshot in this body.
     *
     * @return entries
     */
    public long entries() {
        return entries;
    }
}

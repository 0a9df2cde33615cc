package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.nio.charset.StandardCharsets;

/**
 * A refusal of the library. The message says the cause and the remedy; {@link #name} and {@link #code} tell causes apart.
 */
public final class PointmillException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final int CLOSED = -72;
    static final int INVALID_NAME = -24;
    static final int DELIVERY_LATER = -70;
    static final int DELIVERY_DROPPED = -71;

    /** The code of the C header. */
    private final int code;

    /** Its name there. */
    private final String name;

    /** Called by the native library. */
    PointmillException(int code, byte[] name, byte[] detail) {
        super(new String(detail, StandardCharsets.UTF_8));
        this.code = code;
        this.name = new String(name, StandardCharsets.UTF_8);
    }

    private PointmillException(int code, String detail) {
        super(detail);
        this.code = code;
        this.name = Native.text(Native.codeName(code));
    }

    /** Says which text an INVALID_NAME is about: the empty name, or the longest. */
    static PointmillException named(PointmillException refused, String name, String[] tags) {
        if (refused.code != INVALID_NAME) {
            return refused;
        }
        String what = "name";
        String text = name;
        for (String tag : tags) {
            if (!name.isEmpty() && bytes(tag) > bytes(text)) {
                what = "tag";
                text = tag;
            }
        }
        String shown = text.length() > 40 ? "\"" + text.substring(0, 40) + "\"..." : "\"" + text + "\"";
        return new PointmillException(INVALID_NAME, "the " + what + " " + shown + " has " + bytes(text) + " bytes; "
                + refused.getMessage());
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    /** A RuntimeException, so that to verify those who throw it does not load this class. */
    static RuntimeException closed(String what) {
        return new PointmillException(CLOSED, what + " has been closed; make a new one");
    }

    static PointmillException dropped(String failure) {
        return new PointmillException(DELIVERY_DROPPED, "points were given up, see stats()"
                + (failure.isEmpty() ? "" : " (" + failure + ")"));
    }

    /**
     * The cause, as the C header names it. The documentation leaves out {@code POINTMILL_E_}.
     *
     * @return for instance {@code POINTMILL_E_NOT_FINITE}
     */
    public String name() {
        return name;
    }

    /**
     * The cause's number in the C header. Never changes its meaning.
     *
     * @return a negative number
     */
    public int code() {
        return code;
    }
}

package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.nio.charset.StandardCharsets;

/** A refusal of the library. The message says the cause and the remedy; {@link #code} tells causes apart. */
public final class PointmillException extends RuntimeException {
    private static final long serialVersionUID = 1L;
    static final int CLOSED = -72;
    static final int DELIVERY_LATER = -70;
    static final int DELIVERY_DROPPED = -71;

    /** The code's number in the C header. */
    private final int number;

    /** Its name, without the prefix. */
    private final String code;

    /** Called by the native library. */
    PointmillException(int number, byte[] name, byte[] detail) {
        super(new String(detail, StandardCharsets.UTF_8));
        this.number = number;
        this.code = new String(name, StandardCharsets.UTF_8).substring("POINTMILL_E_".length());
    }

    private PointmillException(int number, String detail) {
        super(detail);
        this.number = number;
        this.code = Native.text(Native.codeName(number)).substring("POINTMILL_E_".length());
    }

    static PointmillException closed(String what) {
        return new PointmillException(CLOSED, what + " has been closed; make a new one");
    }

    static PointmillException dropped(String failure) {
        return new PointmillException(DELIVERY_DROPPED, "points were given up, see stats()"
                + (failure.isEmpty() ? "" : " (" + failure + ")"));
    }

    /**
     * The cause, as the C header names it without {@code POINTMILL_E_}. Never changes its meaning.
     *
     * @return for instance {@code NOT_FINITE}
     */
    public String code() {
        return code;
    }

    /**
     * The cause's number in the C header.
     *
     * @return a negative number
     */
    public int number() {
        return number;
    }
}

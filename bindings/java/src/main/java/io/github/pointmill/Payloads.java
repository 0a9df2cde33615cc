package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** The bodies of one snapshot, ready to be sent, and what is in none of them. Copies: nothing to close. */
public final class Payloads {
    private final List<Payload> payloads;
    private final List<Skipped> skipped;

    Payloads(long handle) {
        long[] numbers = new long[3];
        List<Payload> payloads = new ArrayList<>();
        for (byte[][] texts; (texts = Native.payload(handle, payloads.size(), numbers)) != null; ) {
            payloads.add(new Payload(texts[0], texts[1], texts[2], texts[3], numbers[0], numbers[1]));
        }
        List<Skipped> skipped = new ArrayList<>();
        for (byte[][] texts; (texts = Native.skipped(handle, skipped.size(), numbers)) != null; ) {
            skipped.add(new Skipped(texts, numbers));
        }
        this.payloads = Collections.unmodifiableList(payloads);
        this.skipped = Collections.unmodifiableList(skipped);
    }

    /**
     * The bodies, each within the limits of its route.
     *
     * @return a list that cannot be changed
     */
    public List<Payload> payloads() {
        return payloads;
    }

    /**
     * What the format cannot carry, by cause.
     *
     * @return empty for a format that carries everything
     */
    public List<Skipped> skipped() {
        return skipped;
    }
}

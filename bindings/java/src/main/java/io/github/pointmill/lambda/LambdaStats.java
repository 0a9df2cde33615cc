package io.github.pointmill.lambda;

import io.github.pointmill.internal.Native;

/**
 * The ledger of a Lambda function at one moment: where every point is. In points unless the name says otherwise.
 */
public final class LambdaStats {
    /** The fields of pointmill_lambda_stats in the header's order; a test compares the two. */
    static final String[] NAMES = {
        "recorded", "pending", "accepted", "queued", "rejectedNotFinite", "rejectedInvalidName",
        "rejectedTooOld", "rejectedStale", "rejectedNoRoom", "rejectedClosed", "rejectedBadName", "rejectedBadValue",
        "rejectedBadTime", "rejectedBadTags", "droppedDisabled", "droppedBufferFull", "droppedDelivery", "droppedArenaFull",
        "overflowed", "utf8Mended", "enhanced", "spilled", "flushes", "flushFailures", "deadlineFlushes",
        "keyLookups", "keyFailures", "invocations", "invocationsOpen",
    };

    private final long[] counts;

    LambdaStats(long[] counts) {
        this.counts = counts;
    }

    /**
     * Points handed to a recording call or reported as refused, and enhanced ones.
     *
     * @return the number so far
     */
    public long recorded() {
        return counts[0];
    }

    /**
     * Wait for a flush, in the engine or the buffer.
     *
     * @return the number so far
     */
    public long pending() {
        return counts[1];
    }

    /**
     * Taken by the intake, written to the log, sent to the extension.
     *
     * @return the number so far
     */
    public long accepted() {
        return counts[2];
    }

    /**
     * Encoded; a later flush sends them.
     *
     * @return the number so far
     */
    public long queued() {
        return counts[3];
    }

    /**
     * Refused: not a finite number.
     *
     * @return the number so far
     */
    public long rejectedNotFinite() {
        return counts[4];
    }

    /**
     * Refused: the name is empty or too long, or a tag too long.
     *
     * @return the number so far
     */
    public long rejectedInvalidName() {
        return counts[5];
    }

    /**
     * Refused: more than four hours old, in extension mode.
     *
     * @return the number so far
     */
    public long rejectedTooOld() {
        return counts[6];
    }

    /**
     * Refused: no context has this id.
     *
     * @return the number so far
     */
    public long rejectedStale() {
        return counts[7];
    }

    /**
     * Refused: no room for a further name.
     *
     * @return the number so far
     */
    public long rejectedNoRoom() {
        return counts[8];
    }

    /**
     * Refused: after the end.
     *
     * @return the number so far
     */
    public long rejectedClosed() {
        return counts[9];
    }

    /**
     * Refused by the wrapper: the name.
     *
     * @return the number so far
     */
    public long rejectedBadName() {
        return counts[10];
    }

    /**
     * Refused by the wrapper: the value.
     *
     * @return the number so far
     */
    public long rejectedBadValue() {
        return counts[11];
    }

    /**
     * Refused by the wrapper: the time.
     *
     * @return the number so far
     */
    public long rejectedBadTime() {
        return counts[12];
    }

    /**
     * Refused by the wrapper: the tags.
     *
     * @return the number so far
     */
    public long rejectedBadTags() {
        return counts[13];
    }

    /**
     * Custom points for which there is no way under FIPS rules.
     *
     * @return the number so far
     */
    public long droppedDisabled() {
        return counts[14];
    }

    /**
     * The buffer was full and could not be emptied.
     *
     * @return the number so far
     */
    public long droppedBufferFull() {
        return counts[15];
    }

    /**
     * Given up by delivery.
     *
     * @return the number so far
     */
    public long droppedDelivery() {
        return counts[16];
    }

    /**
     * The engine's memory was full.
     *
     * @return the number so far
     */
    public long droppedArenaFull() {
        return counts[17];
    }

    /**
     * Kept their value but lost their tags to a limit of the engine; counted elsewhere too.
     *
     * @return the number so far
     */
    public long overflowed() {
        return counts[18];
    }

    /**
     * Names or tags whose bytes were not UTF-8 and were mended.
     *
     * @return the number so far
     */
    public long utf8Mended() {
        return counts[19];
    }

    /**
     * Enhanced metrics made here; counted elsewhere too.
     *
     * @return the number so far
     */
    public long enhanced() {
        return counts[20];
    }

    /**
     * Points written out early because the buffer was full; counted elsewhere too.
     *
     * @return the number so far
     */
    public long spilled() {
        return counts[21];
    }

    /**
     * Flushes.
     *
     * @return the number so far
     */
    public long flushes() {
        return counts[22];
    }

    /**
     * Flushes after which something was left or had been given up.
     *
     * @return the number so far
     */
    public long flushFailures() {
        return counts[23];
    }

    /**
     * Flushes done because a deadline came near.
     *
     * @return the number so far
     */
    public long deadlineFlushes() {
        return counts[24];
    }

    /**
     * Look-ups of the API key.
     *
     * @return the number so far
     */
    public long keyLookups() {
        return counts[25];
    }

    /**
     * Those that failed.
     *
     * @return the number so far
     */
    public long keyFailures() {
        return counts[26];
    }

    /**
     * Invocations begun.
     *
     * @return the number so far
     */
    public long invocations() {
        return counts[27];
    }

    /**
     * Invocations begun and not ended.
     *
     * @return the number so far
     */
    public long invocationsOpen() {
        return counts[28];
    }

    /**
     * Whether recorded = pending + accepted + queued + every rejected… + every dropped…; true while no
     * call is under way and the thread rests.
     *
     * @return false if a point is missing
     */
    public boolean balances() {
        return recorded() == pending() + accepted() + queued() + rejectedNotFinite() + rejectedInvalidName()
                + rejectedTooOld() + rejectedStale() + rejectedNoRoom() + rejectedClosed()
                + rejectedBadName() + rejectedBadValue() + rejectedBadTime() + rejectedBadTags() + droppedDisabled()
                + droppedBufferFull() + droppedDelivery() + droppedArenaFull();
    }

    /**
     * What is not zero, by name.
     *
     * @return for instance {@code [recorded=3, flushed=3]}
     */
    @Override
    public String toString() {
        return Native.shown(NAMES, counts);
    }
}

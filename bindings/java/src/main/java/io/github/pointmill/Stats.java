package io.github.pointmill;

import io.github.pointmill.internal.Native;

/**
 * The ledger of an engine at one moment: where every point is. In points unless the name says otherwise.
 */
public final class Stats {
    /** The fields of pointmill_engine_stats in the header's order; a test compares the two. */
    static final String[] NAMES = {
        "recorded", "flushed", "pending", "rejectedNotFinite", "rejectedStale", "rejectedTooOld",
        "rejectedTooNew", "rejectedInvalidName", "rejectedNoRoom", "droppedArenaFull", "droppedStale",
        "overflowed", "contexts", "contextsExpired", "contextsRefused", "flushes", "utf8Mended",
        "arenaUsedBytes", "arenaBytes",
    };

    private final long[] counts;

    Stats(long[] counts) {
        this.counts = counts;
    }

    /**
     * Points handed to a recording call, whatever became of them.
     *
     * @return the number so far
     */
    public long recorded() {
        return counts[0];
    }

    /**
     * Points that left in a snapshot.
     *
     * @return the number so far
     */
    public long flushed() {
        return counts[1];
    }

    /**
     * Points that wait for a flush.
     *
     * @return the number so far
     */
    public long pending() {
        return counts[2];
    }

    /**
     * Refused: the value was NaN or infinite.
     *
     * @return the number so far
     */
    public long rejectedNotFinite() {
        return counts[3];
    }

    /**
     * Refused: the context id was stale or unknown.
     *
     * @return the number so far
     */
    public long rejectedStale() {
        return counts[4];
    }

    /**
     * Refused: the timestamp was too far in the past.
     *
     * @return the number so far
     */
    public long rejectedTooOld() {
        return counts[5];
    }

    /**
     * Refused: the timestamp was too far in the future.
     *
     * @return the number so far
     */
    public long rejectedTooNew() {
        return counts[6];
    }

    /**
     * Refused: the name was empty or too long, or a tag too long.
     *
     * @return the number so far
     */
    public long rejectedInvalidName() {
        return counts[7];
    }

    /**
     * Refused: no room for the context nor for an overflow context of its metric.
     *
     * @return the number so far
     */
    public long rejectedNoRoom() {
        return counts[8];
    }

    /**
     * Taken but lost: no memory in the arena.
     *
     * @return the number so far
     */
    public long droppedArenaFull() {
        return counts[9];
    }

    /**
     * Taken but lost: the context was given back while the point was on its way.
     *
     * @return the number so far
     */
    public long droppedStale() {
        return counts[10];
    }

    /**
     * Points that kept their value but lost their tags to a limit; in flushed or pending too.
     *
     * @return the number so far
     */
    public long overflowed() {
        return counts[11];
    }

    /**
     * Contexts alive.
     *
     * @return the number so far
     */
    public long contexts() {
        return counts[12];
    }

    /**
     * Contexts given back after their idle time.
     *
     * @return the number so far
     */
    public long contextsExpired() {
        return counts[13];
    }

    /**
     * Requests for a context that a limit turned into an overflow context.
     *
     * @return the number so far
     */
    public long contextsRefused() {
        return counts[14];
    }

    /**
     * Flushes done.
     *
     * @return the number so far
     */
    public long flushes() {
        return counts[15];
    }

    /**
     * Names or tags whose bytes were not UTF-8 and were mended.
     *
     * @return the number so far
     */
    public long utf8Mended() {
        return counts[16];
    }

    /**
     * Bytes of the arena in use.
     *
     * @return the number so far
     */
    public long arenaUsedBytes() {
        return counts[17];
    }

    /**
     * Bytes of the arena.
     *
     * @return the number so far
     */
    public long arenaBytes() {
        return counts[18];
    }

    /**
     * Whether recorded = flushed + pending + every rejected… + every dropped…; true while no other call is under way.
     *
     * @return false if a point is missing
     */
    public boolean balances() {
        return recorded() == flushed() + pending() + rejectedNotFinite() + rejectedStale() + rejectedTooOld()
                + rejectedTooNew() + rejectedInvalidName() + rejectedNoRoom() + droppedArenaFull()
                + droppedStale();
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

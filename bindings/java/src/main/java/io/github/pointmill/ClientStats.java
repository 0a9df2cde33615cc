package io.github.pointmill;

import io.github.pointmill.internal.Native;

/**
 * The books of delivery at one moment: where every point is that left the engine through a client. In points unless the
 * name says otherwise.
 */
public final class ClientStats {
    /** The fields of pointmill_client_stats in the header's order; a test compares the two. */
    static final String[] NAMES = {
        "flushed", "adopted", "accepted", "queued", "spooled", "handedOver", "skipped", "dropped",
        "droppedQueueFull", "droppedSpoolFull", "droppedSpoolFailed", "droppedExpired", "droppedTooLarge",
        "droppedBadRequest", "droppedForbidden", "droppedRefused", "droppedClosed", "droppedNotEncoded",
        "skippedSketchInScalarFormat", "skippedScalarInSketchFormat", "skippedHistogramInDistributionFormat",
        "skippedTooLarge", "skippedNotFinite", "skippedUnusableName", "skippedNoValues",
        "skippedExpansionLimit", "uncertain", "droppedUncertain", "requests", "failures", "failedConnect",
        "failedTimeout", "failedTransport", "failedAnswer", "failedThrottled", "failedServer", "failedStatus",
        "failedKey", "staleConnections", "splits", "batchesQueued", "batchesSpooled", "queueBytes",
        "spoolDamagedFiles",
    };

    private final long[] counts;

    ClientStats(long[] counts) {
        this.counts = counts;
    }

    /**
     * Points that the engine gave to this client.
     *
     * @return the number so far
     */
    public long flushed() {
        return counts[0];
    }

    /**
     * Points in spool files of other processes that this one has dealt with.
     *
     * @return the number so far
     */
    public long adopted() {
        return counts[1];
    }

    /**
     * The destination has taken them.
     *
     * @return the number so far
     */
    public long accepted() {
        return counts[2];
    }

    /**
     * In memory, to be sent.
     *
     * @return the number so far
     */
    public long queued() {
        return counts[3];
    }

    /**
     * In spool files that this process wrote, to be sent.
     *
     * @return the number so far
     */
    public long spooled() {
        return counts[4];
    }

    /**
     * In spool files that this process wrote and another one has taken up.
     *
     * @return the number so far
     */
    public long handedOver() {
        return counts[5];
    }

    /**
     * The format cannot carry them; the sum of the skipped… below.
     *
     * @return the number so far
     */
    public long skipped() {
        return counts[6];
    }

    /**
     * Given up; the sum of the dropped… down to {@code dropped_not_encoded}.
     *
     * @return the number so far
     */
    public long dropped() {
        return counts[7];
    }

    /**
     * The queue was full and there is no spool.
     *
     * @return the number so far
     */
    public long droppedQueueFull() {
        return counts[8];
    }

    /**
     * The spool was full, and these were the oldest in it.
     *
     * @return the number so far
     */
    public long droppedSpoolFull() {
        return counts[9];
    }

    /**
     * The spool could not be written or read: a full disk, a damaged file.
     *
     * @return the number so far
     */
    public long droppedSpoolFailed() {
        return counts[10];
    }

    /**
     * Older than the option {@code batch_age_max_s}.
     *
     * @return the number so far
     */
    public long droppedExpired() {
        return counts[11];
    }

    /**
     * Too large for the receiver (413), and only one series.
     *
     * @return the number so far
     */
    public long droppedTooLarge() {
        return counts[12];
    }

    /**
     * The receiver called the body wrong (400).
     *
     * @return the number so far
     */
    public long droppedBadRequest() {
        return counts[13];
    }

    /**
     * The receiver does not know the key (401, 403): check {@code api_key} and site.
     *
     * @return the number so far
     */
    public long droppedForbidden() {
        return counts[14];
    }

    /**
     * The receiver refused for good with another status.
     *
     * @return the number so far
     */
    public long droppedRefused() {
        return counts[15];
    }

    /**
     * Still there when the client was closed, without a spool.
     *
     * @return the number so far
     */
    public long droppedClosed() {
        return counts[16];
    }

    /**
     * The encoder failed.
     *
     * @return the number so far
     */
    public long droppedNotEncoded() {
        return counts[17];
    }

    /**
     * Distributions in a format for numbers.
     *
     * @return the number so far
     */
    public long skippedSketchInScalarFormat() {
        return counts[18];
    }

    /**
     * Counts and gauges in a format for sketches.
     *
     * @return the number so far
     */
    public long skippedScalarInSketchFormat() {
        return counts[19];
    }

    /**
     * Histograms in a format for distributions.
     *
     * @return the number so far
     */
    public long skippedHistogramInDistributionFormat() {
        return counts[20];
    }

    /**
     * One series alone is larger than a body may be.
     *
     * @return the number so far
     */
    public long skippedTooLarge() {
        return counts[21];
    }

    /**
     * The value is not finite: the sum of a count ran over.
     *
     * @return the number so far
     */
    public long skippedNotFinite() {
        return counts[22];
    }

    /**
     * The format has no way to write the name.
     *
     * @return the number so far
     */
    public long skippedUnusableName() {
        return counts[23];
    }

    /**
     * A sketch without values.
     *
     * @return the number so far
     */
    public long skippedNoValues() {
        return counts[24];
    }

    /**
     * More values than the option {@code expand_max}.
     *
     * @return the number so far
     */
    public long skippedExpansionLimit() {
        return counts[25];
    }

    /**
     * Points in requests whose whole body went out and got no answer. They were sent again under the same DD-
     * Pointmill-Batch header; a receiver that does not know it may have them twice.
     *
     * @return the number so far
     */
    public long uncertain() {
        return counts[26];
    }

    /**
     * Of the dropped points those that may have arrived all the same.
     *
     * @return the number so far
     */
    public long droppedUncertain() {
        return counts[27];
    }

    /**
     * Attempts made.
     *
     * @return the number so far
     */
    public long requests() {
        return counts[28];
    }

    /**
     * Attempts that did not deliver; the sum of the failed… below.
     *
     * @return the number so far
     */
    public long failures() {
        return counts[29];
    }

    /**
     * No connection: name not found, refused, TLS.
     *
     * @return the number so far
     */
    public long failedConnect() {
        return counts[30];
    }

    /**
     * No answer within the time.
     *
     * @return the number so far
     */
    public long failedTimeout() {
        return counts[31];
    }

    /**
     * The connection broke.
     *
     * @return the number so far
     */
    public long failedTransport() {
        return counts[32];
    }

    /**
     * The answer was not HTTP.
     *
     * @return the number so far
     */
    public long failedAnswer() {
        return counts[33];
    }

    /**
     * Status 408, 425 or 429.
     *
     * @return the number so far
     */
    public long failedThrottled() {
        return counts[34];
    }

    /**
     * Status 5xx.
     *
     * @return the number so far
     */
    public long failedServer() {
        return counts[35];
    }

    /**
     * Any other status that is not 2xx.
     *
     * @return the number so far
     */
    public long failedStatus() {
        return counts[36];
    }

    /**
     * The API key could not be had.
     *
     * @return the number so far
     */
    public long failedKey() {
        return counts[37];
    }

    /**
     * Requests made once more at once because a kept connection had gone stale.
     *
     * @return the number so far
     */
    public long staleConnections() {
        return counts[38];
    }

    /**
     * Bodies cut in two after a 413.
     *
     * @return the number so far
     */
    public long splits() {
        return counts[39];
    }

    /**
     * Bodies in memory.
     *
     * @return the number so far
     */
    public long batchesQueued() {
        return counts[40];
    }

    /**
     * Bodies in spool files that this process wrote.
     *
     * @return the number so far
     */
    public long batchesSpooled() {
        return counts[41];
    }

    /**
     * Bytes the queue is charged with.
     *
     * @return the number so far
     */
    public long queueBytes() {
        return counts[42];
    }

    /**
     * Damaged spool files that were put aside.
     *
     * @return the number so far
     */
    public long spoolDamagedFiles() {
        return counts[43];
    }

    /**
     * Whether flushed + adopted = accepted + queued + spooled + handedOver + skipped + dropped; true while no call is under
     * way and the background thread rests.
     *
     * @return false if a point is missing
     */
    public boolean balances() {
        return flushed() + adopted() == accepted() + queued() + spooled() + handedOver() + skipped() + dropped();
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

package io.github.pointmill;

/** Count, smallest, largest, sum and mean of a sketch: exact, not estimates from bins. All 0 while it is empty. */
public final class Summary {
    private final long count;
    private final double min;
    private final double max;
    private final double sum;
    private final double avg;

    /** From count, min, max, sum and avg; doubles by their bits. */
    Summary(long[] numbers, int from) {
        count = numbers[from];
        min = Double.longBitsToDouble(numbers[from + 1]);
        max = Double.longBitsToDouble(numbers[from + 2]);
        sum = Double.longBitsToDouble(numbers[from + 3]);
        avg = Double.longBitsToDouble(numbers[from + 4]);
    }

    /**
     * Values, each with its weight.
     *
     * @return at most 2^44
     */
    public long count() {
        return count;
    }

    /**
     * The smallest value.
     *
     * @return in the values' unit
     */
    public double min() {
        return min;
    }

    /**
     * The largest value.
     *
     * @return in the values' unit
     */
    public double max() {
        return max;
    }

    /**
     * The sum, rounded at every step.
     *
     * @return in the values' unit
     */
    public double sum() {
        return sum;
    }

    /**
     * The running mean, as the Agent computes it.
     *
     * @return in the values' unit
     */
    public double avg() {
        return avg;
    }

    @Override
    public String toString() {
        return "count=" + count + " min=" + min + " max=" + max + " sum=" + sum + " avg=" + avg;
    }
}

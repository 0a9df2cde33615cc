package io.github.pointmill.lambda;

/** A held custom metric: the fast way to record. Any number of threads may use it at once. */
public final class LambdaMetric {
    private final Lambda lambda;
    private final String name;
    private final long id;

    LambdaMetric(Lambda lambda, String name, long id) {
        this.lambda = lambda;
        this.name = name;
        this.id = id;
    }

    /**
     * Records a point of now. Never throws: what is refused is counted, and told in the log once for each cause.
     *
     * @param value any finite number
     */
    public void record(double value) {
        lambda.record(name, id, value, Lambda.NOW);
    }

    /**
     * Records a point of a time. Never throws either.
     *
     * @param value any finite number
     * @param unixSeconds since 1970-01-01 UTC
     */
    public void recordAt(double value, long unixSeconds) {
        lambda.record(name, id, value, unixSeconds);
    }
}

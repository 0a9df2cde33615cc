/**
 * Metrics aggregated in the process: points go in at nanoseconds each, Datadog-compatible payloads and sketches that answer
 * percentiles come out.
 *
 * <p>An {@link io.github.pointmill.Engine} holds contexts (kind, name and set of tags) and one sketch, sum or last value for
 * each in every interval of ten seconds. A held {@link io.github.pointmill.Metric} is the fast way to record. A flush hands
 * out a {@link io.github.pointmill.Snapshot}, which answers percentiles, merges, groups by tags and is encoded for the
 * metrics intake. A {@link io.github.pointmill.Client} is an engine with delivery.
 *
 * <p>Failures are {@link io.github.pointmill.PointmillException}s that name cause and remedy; what is null and must not be
 * is a {@code NullPointerException} that names it.
 */
package io.github.pointmill;

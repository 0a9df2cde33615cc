package io.github.pointmill.lambda;

import java.util.Map;

/**
 * A request of your own that carries HTTP headers. Here for programs that implement it already: headers matter to a tracer
 * only, and nothing here reads them.
 */
public interface Headerable {
    /**
     * The request's headers.
     *
     * @return by name
     */
    Map<String, String> getHeaders();

    /**
     * Sets the request's headers.
     *
     * @param headers by name
     */
    void setHeaders(Map<String, String> headers);
}

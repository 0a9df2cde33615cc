package io.github.pointmill.lambda;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import com.amazonaws.services.lambda.runtime.RequestStreamHandler;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The function under test, in the styles in which it can be written. */
public class App {
    private static int calls;

    private static Object work(Map<String, Object> event, DDLambda ddl) {
        calls++;
        for (List<?> point : points(event, "points")) {
            Map<String, Object> tags = new LinkedHashMap<>();
            if (point.get(2) != null) {
                ((Map<?, ?>) point.get(2)).forEach((key, value) -> tags.put((String) key, value));
            }
            ddl.metric((String) point.get(0), ((Number) point.get(1)).doubleValue(), point.get(2) == null ? null : tags);
        }
        for (List<?> point : points(event, "timed")) {
            ddl.metric((String) point.get(0), 1, null, new Date(((Number) point.get(1)).longValue() * 1000));
        }
        int many = ((Number) event.getOrDefault("many", 0)).intValue();
        for (int i = 0; i < many; i++) {
            ddl.metric("many." + i % 20, 1 + i * 0.75, Map.of("shard", i % 20, "env", "test"));
        }
        if (event.containsKey("sleep")) {
            try {
                Thread.sleep(60_000);
            } catch (InterruptedException error) {
                throw new IllegalStateException(error);
            }
        }
        while (event.containsKey("spin")) {
            calls += 0;
        }
        if (event.containsKey("raise")) {
            throw new IllegalArgumentException((String) event.get("raise"));
        }
        if (event.containsKey("exit")) {
            System.exit(3);
        }
        return Map.of("calls", calls, "balances", DDLambda.stats().balances());
    }

    private static List<List<?>> points(Map<String, Object> event, String field) {
        @SuppressWarnings("unchecked")
        List<List<?>> list = (List<List<?>>) event.getOrDefault(field, List.of());
        return list;
    }

    /** As the original's manual has it. */
    public static class ByHand implements RequestHandler<Map<String, Object>, Object> {
        @Override
        public Object handleRequest(Map<String, Object> event, Context context) {
            DDLambda ddl = new DDLambda(event, context);
            try {
                return work(event, ddl);
            } catch (RuntimeException error) {
                ddl.error(context);
                throw error;
            } finally {
                ddl.finish();
            }
        }
    }

    /** As many wrote it: the original needs finish for spans only. */
    public static class WithoutFinish implements RequestHandler<Map<String, Object>, Object> {
        @Override
        public Object handleRequest(Map<String, Object> event, Context context) {
            return work(event, new DDLambda(context));
        }
    }

    /** The wrapper, twice, and an object of its own inside. */
    public static class Wrapped implements RequestHandler<Map<String, Object>, Object> {
        private final RequestHandler<Map<String, Object>, Object> wrapped =
                DDLambda.wrap(DDLambda.wrap((event, context) -> work(event, new DDLambda(context))));

        @Override
        public Object handleRequest(Map<String, Object> event, Context context) {
            return wrapped.handleRequest(event, context);
        }
    }

    /** Streams: any bytes go in, and come out. */
    public static class Streams implements RequestStreamHandler {
        private final RequestStreamHandler wrapped = DDLambda.wrap((in, out, context) -> {
            byte[] event = in.readAllBytes();
            new DDLambda(context).metric("bytes", event.length, null);
            if (event.length < 3) {
                throw new IOException("no event");
            }
            out.write(event);
        });

        @Override
        public void handleRequest(InputStream in, OutputStream out, Context context) throws IOException {
            wrapped.handleRequest(in, out, context);
        }
    }
}

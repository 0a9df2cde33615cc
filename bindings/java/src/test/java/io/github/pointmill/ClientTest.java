package io.github.pointmill;

import static io.github.pointmill.Support.await;
import static io.github.pointmill.Support.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.net.httpserver.HttpServer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClientTest {
    private static ClientStats balanced(Client client) {
        ClientStats stats = client.stats();
        assertTrue(stats.balances(), stats.toString());
        return stats;
    }

    @Test
    void aFunctionGetsTheBodies() {
        List<Payload> got = new CopyOnWriteArrayList<>();
        try (Client client = new Client(Map.of("background", false), (payload, timeout) -> {
            assertFalse(timeout.isZero());
            got.add(payload);
            return 202;
        })) {
            client.engine().distribution("d", "a:1").record(1);
            client.engine().recordCount("c", 2);
            assertTrue(client.flush());
            assertEquals(2, got.stream().mapToLong(Payload::points).sum());
            assertTrue(got.stream().anyMatch(payload -> payload.path().equals("/api/beta/sketches")));
            assertEquals(2, balanced(client).accepted());
            assertEquals("", client.lastFailure());
        }
    }

    @Test
    void whatIsRefusedIsKeptOrGivenUpAndCounted() {
        int[] answer = {503};
        Client client = new Client(Map.of("background", false, "retry_base_ms", 1), (payload, timeout) -> {
            if (answer[0] == -1) {
                throw new IllegalStateException("a function that fails is no answer");
            }
            return answer[0];
        });
        client.engine().recordCount("c", 1);
        assertFalse(client.flush(Duration.ofMillis(200), true));
        answer[0] = -1;
        assertFalse(client.flush(Duration.ofMillis(200), true));
        assertEquals(1, balanced(client).queued());
        assertTrue(client.stats().failures() >= 1);
        assertTrue(client.lastFailure().length() > 5);
        answer[0] = 400;
        await("answer of 400", () -> {
            try {
                return client.flush(Duration.ofSeconds(5), true);
            } catch (PointmillException dropped) {
                assertEquals("POINTMILL_E_DELIVERY_DROPPED", dropped.name());
                return true;
            }
        });
        assertEquals(1, balanced(client).droppedBadRequest());
        client.close();
        client.close();
        refused("CLOSED", client::flush);
        refused("CLOSED", () -> client.engine().recordCount("c", 1));
        assertEquals(1, balanced(client).dropped());
        assertThrows(IllegalArgumentException.class, () -> client.close(Duration.ofSeconds(-1)));
    }

    /** The library's thread sends what waits in Java's rings, on a thread that Java did not know. */
    @Test
    void theBackgroundSendsWhatWaitsInRings() {
        List<Payload> got = new CopyOnWriteArrayList<>();
        try (Client client = new Client(Map.of("interval_s", 1, "flush_interval_s", 1), (payload, timeout) -> {
            got.add(payload);
            return 202;
        })) {
            client.engine().distribution("d").record(1);
            await("body", () -> !got.isEmpty());
            assertEquals(1, got.get(0).points());
        }
    }

    @Test
    void anEngineOfOnesOwnStaysOpen() {
        List<Payload> got = new CopyOnWriteArrayList<>();
        try (Engine engine = new Engine(Map.of("interval_s", 20))) {
            Client client = new Client(engine, Map.of("background", false), (payload, timeout) -> {
                got.add(payload);
                return 202;
            });
            engine.recordDistribution("d", 1);
            assertTrue(client.flush());
            client.close();
            assertEquals(1, got.get(0).points());
            engine.recordDistribution("d", 1);
            assertEquals(1, engine.stats().pending());
        }
        Engine closed = new Engine();
        closed.close();
        refused("CLOSED", () -> new Client(closed, Map.of("api_key", "k"), null));
    }

    @Test
    void httpArrives() throws Exception {
        HttpServer server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        List<String> keys = new CopyOnWriteArrayList<>();
        server.createContext("/", exchange -> {
            exchange.getRequestBody().readAllBytes();
            keys.add(exchange.getRequestHeaders().getFirst("DD-API-KEY"));
            exchange.sendResponseHeaders(202, -1);
            exchange.close();
        });
        server.start();
        try (Client client = new Client(Map.of("api_key", "k", "background", false,
                "url", "http://127.0.0.1:" + server.getAddress().getPort()))) {
            client.engine().distribution("d").record(1);
            assertTrue(client.flush(Duration.ofSeconds(30), true));
            assertEquals(List.of("k"), keys);
        } finally {
            server.stop(0);
        }
    }

    @Test
    void anIntakeThatIsDownLosesNothing(@TempDir Path spool) {
        Map<String, Object> options = new HashMap<>(Map.of("api_key", "k", "url", "http://127.0.0.1:9", "background", false));
        options.put("spool_dir", spool.toString());
        Client client = new Client(options);
        client.engine().distribution("d").record(1);
        await("attempt", () -> !client.flush(Duration.ofMillis(300), true) && !client.lastFailure().isEmpty());
        assertTrue(client.lastFailure().contains("127.0.0.1"), client.lastFailure());
        assertFalse(client.close(Duration.ofMillis(300)));
        assertEquals(1, balanced(client).spooled());
        assertTrue(client.lastFailure().contains("127.0.0.1"));
    }

    @Test
    void optionsAreNamed() {
        assertTrue(refused("BAD_VALUE", () -> new Client(Map.of())).getMessage().contains("api_key"));
        refused("UNKNOWN_OPTION", () -> new Client(Map.of("apikey", "k")));
        assertThrows(NullPointerException.class, () -> new Client(Map.of(), null));
    }

    /** A program that forgets to close has delivered all the same. */
    public static void main(String[] args) {
        Client client = new Client(Map.of("destination", "file", "file_path", args[0]));
        client.engine().distribution("forgotten").record(7);
    }

    @Test
    void theEndOfTheProcessCloses(@TempDir Path folder) throws Exception {
        Path file = folder.resolve("out");
        String output = Jvm.run(List.of(), ClientTest.class, file.toString());
        assertTrue(Files.exists(file), output);
        assertTrue(Files.readString(file).contains("\"forgotten\""), output);
    }
}

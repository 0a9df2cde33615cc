package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.Map;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.function.Executable;

/** What several tests use. */
public final class Support {
    /** A moment at which an interval begins. */
    public static final long START = 1_700_000_000L;

    /** The project's folder. */
    public static final Path ROOT = Paths.get(System.getProperty("pointmill.root", "."));

    private Support() {}

    /** The code that a call is refused with; its message must say more than the code. */
    public static PointmillException refused(String code, Executable call) {
        PointmillException refused = assertThrows(PointmillException.class, call);
        assertEquals("POINTMILL_E_" + code, refused.name(), refused.getMessage());
        assertTrue(refused.getMessage().length() > 20, refused.getMessage());
        return refused;
    }

    public static Stats balanced(Engine engine) {
        Stats stats = engine.stats();
        assertTrue(stats.balances(), stats.toString());
        return stats;
    }

    /** Entries by name, with all of their tags. */
    public static Map<String, Entry> entries(Snapshot snapshot) {
        Map<String, Entry> found = new HashMap<>();
        for (Entry entry : snapshot) {
            assertEquals(null, found.put(entry.name() + entry.tags(), entry));
        }
        return found;
    }

    /** Waits for what must come some time, however slow the machine is. */
    public static void await(String what, BooleanSupplier come) {
        long until = System.nanoTime() + 60_000_000_000L;
        while (!come.getAsBoolean()) {
            assertTrue(System.nanoTime() < until, "in a minute there was no " + what);
            try {
                Thread.sleep(5);
            } catch (InterruptedException error) {
                throw new AssertionError(error);
            }
        }
    }
}

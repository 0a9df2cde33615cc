package io.github.pointmill;

import static io.github.pointmill.Support.ROOT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.pointmill.internal.Native;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Numbers and fields that are written here once more are those of the C header. */
public class HeaderTest {
    private static String header() throws Exception {
        return Files.readString(ROOT.resolve("include/pointmill.h"));
    }

    /** The counters of a struct, from a field on, in Java's spelling. */
    public static List<String> counters(String struct, String first) throws Exception {
        Matcher body = Pattern.compile("typedef struct " + struct + " \\{(.*?)\\n\\}", Pattern.DOTALL).matcher(header());
        assertTrue(body.find(), struct);
        List<String> names = new ArrayList<>();
        Matcher field = Pattern.compile("uint64_t (\\w+);").matcher(body.group(1));
        while (field.find()) {
            StringBuilder name = new StringBuilder();
            for (String part : field.group(1).split("_")) {
                name.append(name.length() == 0 ? part : Character.toUpperCase(part.charAt(0)) + part.substring(1));
            }
            names.add(name.toString());
        }
        assertEquals(first, names.get(0));
        return names;
    }

    private static int constant(String name) throws Exception {
        Matcher define = Pattern.compile("#define " + name + " (-?\\d+)").matcher(header());
        assertTrue(define.find(), name);
        return Integer.parseInt(define.group(1));
    }

    @Test
    void counters() throws Exception {
        assertEquals(counters("pointmill_engine_stats", "recorded"), List.of(Stats.NAMES));
        assertEquals(counters("pointmill_client_stats", "flushed"), List.of(ClientStats.NAMES));
        long[] numbers = new long[ClientStats.NAMES.length];
        for (int i = 0; i < numbers.length; i++) {
            numbers[i] = i;
        }
        for (int i = 0; i < numbers.length; i++) {
            assertEquals((long) i, ClientStats.class.getMethod(ClientStats.NAMES[i]).invoke(new ClientStats(numbers)));
        }
        for (int i = 0; i < Stats.NAMES.length; i++) {
            assertEquals((long) i, Stats.class.getMethod(Stats.NAMES[i]).invoke(new Stats(numbers)));
        }
    }

    @Test
    void numbers() throws Exception {
        for (Kind kind : Kind.values()) {
            assertEquals(constant("POINTMILL_" + kind.name()), kind.number);
            assertEquals(kind, Kind.of(kind.number));
        }
        for (Sketch.Format format : Sketch.Format.values()) {
            assertEquals(constant("POINTMILL_SKETCH_" + format.name()), format.number);
        }
        assertEquals(constant("POINTMILL_E_NOT_FINITE"), Engine.NOT_FINITE);
        assertEquals(constant("POINTMILL_E_CLOSED"), PointmillException.CLOSED);
        assertEquals(constant("POINTMILL_E_DELIVERY_LATER"), PointmillException.DELIVERY_LATER);
        assertEquals(constant("POINTMILL_E_DELIVERY_DROPPED"), PointmillException.DELIVERY_DROPPED);
    }

    @Test
    void everyCodeIsAnException() throws Exception {
        int codes = 0;
        for (int i = 1; Native.codeAt(i) <= 0; i++, codes++) {
            int number = Native.codeAt(i);
            PointmillException thrown = Support.refused(
                    Native.text(Native.codeName(number)).substring("POINTMILL_E_".length()), () -> Native.raise(number));
            assertEquals(number, thrown.code());
            assertEquals(constant(thrown.name()), number);
        }
        assertEquals(header().split("#define POINTMILL_E_").length - 1, codes);
    }

    @Test
    void theVersionIsTheHeaders() throws Exception {
        assertTrue(header().contains("#define POINTMILL_VERSION_STRING \"" + Native.text(Native.version()) + "\""));
    }
}

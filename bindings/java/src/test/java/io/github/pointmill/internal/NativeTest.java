package io.github.pointmill.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class NativeTest {
    @Test
    void theVersionIsTheLibrarys() {
        assertEquals(Native.VERSION, Native.text(Native.version()));
    }

    @Test
    void optionsAreTextsInOrder() {
        assertArrayEquals(new String[] {"a", "1", "b", "x,y", "c", "true"},
                Native.pairs(Map.of("c", true, "b", List.of("x", "y"), "a", 1)));
        Map<String, Object> map = new java.util.HashMap<>();
        map.put("a", null);
        assertEquals("option a is null; leave it out for its default",
                assertThrows(NullPointerException.class, () -> Native.pairs(map)).getMessage());
    }
}

package io.github.pointmill.internal;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import io.github.pointmill.Jvm;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

public class NativeTest {
    /** For the test of the folder, in a process with a umask of its own. */
    public static void main(String[] args) throws Exception {
        System.out.print(Native.newFolder());
    }

    /** Whatever the umask allows others: the library waits there to be loaded. */
    @Test
    void nobodyElseEntersTheFolder(@TempDir Path folder) throws Exception {
        for (String umask : List.of("000", "022", "077")) {
            Process process = new ProcessBuilder("sh", "-c", "umask " + umask + "; exec \"$0\" \"$@\"", Jvm.java(), "-cp",
                    Jvm.classPath(), "-Djava.io.tmpdir=" + folder, NativeTest.class.getName()).start();
            Path made = Paths.get(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8));
            assertEquals(0, process.waitFor());
            assertEquals(folder, made.getParent());
            assertEquals("rwx------", PosixFilePermissions.toString(Files.getPosixFilePermissions(made)));
        }
    }

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

package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** JVMs of their own: how the library is found, and what it makes them say. */
public class LoadTest {
    /** One call of everything, in a JVM that checks each of them. */
    public static void main(String[] args) {
        try (Engine engine = new Engine(Map.of("contexts_max", 100)); Sketch sketch = new Sketch()) {
            engine.tick(Support.START);
            Metric d = engine.distribution("größe", "a:1", "b:😀");
            for (int i = 0; i < 2_000; i++) {
                d.record(i);
                engine.recordCount("c", 1, "a:1", "b:2");
            }
            d.recordAt(1, Support.START);
            d.recordSampled(1, 0.5);
            d.recordSampledAt(1, 0.5, Support.START);
            d.recordMany(new double[2_000]);
            for (Runnable bad : List.<Runnable>of(() -> d.record(Double.NaN), () -> engine.distribution("x".repeat(10_000)),
                    () -> engine.recordCount("c", 1, "a", null), () -> new Engine(Map.of("nothing", "1")),
                    () -> Sketch.decode(new byte[] {1}))) {
                try {
                    bad.run();
                    throw new AssertionError();
                } catch (PointmillException | NullPointerException expected) {
                    // As it must be.
                }
            }
            try (Snapshot snapshot = engine.flush(Support.START + 10, false); Snapshot merged = Snapshot.merge(snapshot);
                    Snapshot grouped = merged.groupBy(true, "a")) {
                for (Entry entry : grouped) {
                    if (entry.kind() == Kind.DISTRIBUTION) {
                        entry.quantile(0.5);
                        sketch.merge(entry.sketch());
                    }
                }
                snapshot.encode(Map.of("format", "sketches"));
            }
            sketch.insert(1);
            sketch.insertMany(new double[] {1, 2});
            sketch.bins();
            sketch.summary();
            Option.list();
            for (Sketch.Format format : Sketch.Format.values()) {
                Sketch.decode(sketch.encode(format), format).close();
            }
            if (!engine.stats().balances()) {
                throw new AssertionError(engine.stats());
            }
        }
        try (Client client = new Client(Map.of("flush_interval_s", 1, "interval_s", 1), (payload, timeout) -> 202)) {
            client.engine().recordCount("c", 1);
            Support.await("delivery", () -> client.stats().accepted() > 0);
        }
        System.out.print("done");
    }

    private static List<String> flags() {
        return Runtime.version().feature() < 24 ? List.of() : List.of("--enable-native-access=ALL-UNNAMED");
    }

    private static List<String> with(String... more) {
        List<String> flags = new ArrayList<>(flags());
        flags.addAll(List.of(more));
        return flags;
    }

    @Test
    void aJvmThatChecksEveryCallSaysNothing() throws Exception {
        assertEquals("done", Jvm.run(with("-Xcheck:jni", "-Xlog:disable"), LoadTest.class));
    }

    /** Nothing is printed; on 24 and newer with the flag that the README names. */
    @Test
    void aPlainJvmSaysNothing() throws Exception {
        assertEquals("done", Jvm.run(flags(), LoadTest.class));
    }

    /** The one warning there is, so that the README's words about it stay true. */
    @Test
    void withoutTheFlagNewJvmsWarn() throws Exception {
        String said = Jvm.run(List.of(), LoadTest.class);
        assertEquals(Runtime.version().feature() >= 24, said.contains("--enable-native-access=ALL-UNNAMED"), said);
        assertEquals(Runtime.version().feature() >= 24, said.contains("WARNING"), said);
        assertTrue(said.endsWith("done"), said);
    }

    @Test
    void nothingIsLeftInTheTemporaryFolder(@TempDir Path folder) throws Exception {
        Jvm.run(with("-Djava.io.tmpdir=" + folder), LoadTest.class);
        try (Stream<Path> left = Files.list(folder)) {
            assertEquals(0, left.filter(path -> path.toString().contains("pointmill")).count());
        }
    }

    @Test
    void theLibraryCanBeNamed(@TempDir Path folder) throws Exception {
        Path library = folder.resolve("libpointmill_jni.so");
        try (var in = LoadTest.class.getResourceAsStream("/META-INF/native/linux-x86_64/libpointmill_jni.so")) {
            Files.copy(in, library);
        }
        Path nowhere = folder.resolve("nowhere");
        // New JVMs complain of the folder themselves.
        for (String flag : List.of("-Dpointmill.library.path=" + library, "-Djava.library.path=/nothing:" + folder)) {
            String said = Jvm.run(with(flag, "-Djava.io.tmpdir=" + nowhere), Quick.class);
            assertTrue(said.endsWith("done"), said);
        }
        AssertionError failed = assertThrows(AssertionError.class,
                () -> Jvm.run(with("-Djava.io.tmpdir=" + nowhere), Quick.class));
        assertTrue(failed.getMessage().contains("name a folder for -Djava.io.tmpdir"), failed.getMessage());
        assertFalse(Files.exists(nowhere));
    }

    /** As it is shipped; the tests' own class path has folders. */
    @Test
    void theLibraryIsFoundInAJar(@TempDir Path folder) throws Exception {
        Path classes = Paths.get(Engine.class.getProtectionDomain().getCodeSource().getLocation().toURI());
        Path jar = folder.resolve("a jar with größe.jar");
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(jar)); Stream<Path> files = Files.walk(classes)) {
            for (Path file : files.filter(Files::isRegularFile).collect(Collectors.toList())) {
                zip.putNextEntry(new ZipEntry(classes.relativize(file).toString()));
                Files.copy(file, zip);
            }
        }
        assertEquals("done", Jvm.run(flags(), Quick.class.getName(), jar));
    }

    /** Loads, and no more. */
    public static final class Quick {
        private Quick() {}

        public static void main(String[] args) {
            new Engine().close();
            System.out.print("done");
        }
    }
}

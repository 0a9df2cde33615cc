package io.github.pointmill.benches;

import io.github.pointmill.Engine;
import io.github.pointmill.lambda.DDLambda;
import java.io.File;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What the package adds to a bare start: whole processes, one kind after the other, round after round, so that a slow minute
 * hits all alike. Prints the median of each kind, and by how much it is above the bare one.
 */
public class Load {
    private static final int ROUNDS = 21;

    /** Starts and ends. */
    public static class Bare {
        public static void main(String[] args) {}
    }

    /** An engine and a point. */
    public static class WithEngine {
        public static void main(String[] args) {
            Engine engine = new Engine();
            engine.distribution("d", "a:1").record(1);
            if (engine.stats().recorded() != 1) {
                throw new AssertionError(engine.stats());
            }
            Runtime.getRuntime().halt(0);
        }
    }

    /** An invocation with a point, not yet sent. */
    public static class WithLambda {
        public static void main(String[] args) {
            new DDLambda(null).metric("d", 1, Map.of("a", 1));
            if (DDLambda.stats().recorded() != 2) {
                throw new AssertionError(DDLambda.stats());
            }
            Runtime.getRuntime().halt(0);
        }
    }

    public static void main(String[] args) throws Exception {
        Path folder = Files.createTempDirectory("pointmill-load");
        Path library = folder.resolve("libpointmill_jni.so");
        try (InputStream in = Engine.class.getResourceAsStream("/META-INF/native/linux-x86_64/libpointmill_jni.so")) {
            Files.copy(in, library);
        }
        String beside = "-Djava.library.path=" + folder;
        List<List<String>> kinds = List.of(
                List.of("bare", Bare.class.getName()),
                List.of("engine, library unpacked from the jar", WithEngine.class.getName()),
                List.of("engine, library beside", WithEngine.class.getName(), beside),
                List.of("DDLambda, library unpacked from the jar", WithLambda.class.getName()),
                List.of("DDLambda, library beside", WithLambda.class.getName(), beside));
        double[][] ms = new double[kinds.size()][ROUNDS];
        for (int round = -1; round < ROUNDS; round++) {
            for (int kind = 0; kind < kinds.size(); kind++) {
                List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + File.separator + "bin/java",
                        "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path")));
                if (Runtime.version().feature() >= 24) {
                    command.add("--enable-native-access=ALL-UNNAMED");
                }
                command.addAll(kinds.get(kind).subList(2, kinds.get(kind).size()));
                command.add(kinds.get(kind).get(1));
                long start = System.nanoTime();
                Process process = new ProcessBuilder(command).inheritIO().start();
                if (process.waitFor() != 0) {
                    throw new AssertionError(command);
                }
                if (round >= 0) {
                    ms[kind][round] = (System.nanoTime() - start) / 1e6;
                }
            }
        }
        Files.delete(library);
        Files.delete(folder);
        for (int kind = 0; kind < kinds.size(); kind++) {
            Arrays.sort(ms[kind]);
            System.out.printf("%-42s median %6.1f ms  min %6.1f ms  above bare %5.1f ms%n", kinds.get(kind).get(0),
                    ms[kind][ROUNDS / 2], ms[kind][0], ms[kind][ROUNDS / 2] - ms[0][ROUNDS / 2]);
        }
    }
}

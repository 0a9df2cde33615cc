package io.github.pointmill.benches;

import com.amazonaws.services.lambda.runtime.RequestHandler;
import io.github.pointmill.Engine;
import io.github.pointmill.lambda.DDLambda;
import java.io.File;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * What the package adds to a bare start: whole processes, one of each kind a round, so that a slow minute hits all alike.
 * Prints for each kind the median, and the median of by how much it was above the bare one of its round.
 */
public class Load {
    private static final int ROUNDS = 61;

    /** Starts and ends. */
    public static class Bare {
        public static void main(String[] args) {
            Runtime.getRuntime().halt(0);
        }
    }

    /** What no jar can do without: it is opened, and one class of it loaded, which does nothing. */
    public static class WithJar {
        public static void main(String[] args) throws ClassNotFoundException {
            Class.forName("io.github.pointmill.Payload");
            Runtime.getRuntime().halt(0);
        }
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
        // Nothing else on the class path: another jar that is opened on the way would count as well.
        String path = String.join(File.pathSeparator, place(Load.class), place(Engine.class), place(RequestHandler.class));
        List<List<String>> kinds = List.of(
                List.of("bare", Bare.class.getName()),
                List.of("the jar opened, one class of it loaded", WithJar.class.getName()),
                List.of("engine, library unpacked from the jar", WithEngine.class.getName()),
                List.of("engine, library beside", WithEngine.class.getName(), beside),
                List.of("DDLambda, library unpacked from the jar", WithLambda.class.getName()),
                List.of("DDLambda, library beside", WithLambda.class.getName(), beside));
        double[][] ms = new double[kinds.size()][ROUNDS];
        for (int round = -1; round < ROUNDS; round++) {
            for (int kind = 0; kind < kinds.size(); kind++) {
                double took = start(path, kinds.get(kind));
                if (round >= 0) {
                    ms[kind][round] = took;
                }
            }
        }
        Files.delete(library);
        Files.delete(folder);
        System.out.println("Java " + Runtime.version().feature() + ", " + ROUNDS + " rounds");
        double[] bare = ms[0].clone();
        for (int kind = 0; kind < kinds.size(); kind++) {
            double[] above = new double[ROUNDS];
            for (int round = 0; round < ROUNDS; round++) {
                above[round] = ms[kind][round] - bare[round];
            }
            Arrays.sort(ms[kind]);
            Arrays.sort(above);
            System.out.printf("%-42s median %6.1f ms  min %6.1f ms  above bare %5.1f ms%n", kinds.get(kind).get(0),
                    ms[kind][ROUNDS / 2], ms[kind][0], above[ROUNDS / 2]);
        }
    }

    /** Milliseconds of a process: the main class, and flags. */
    private static double start(String path, List<String> kind) throws Exception {
        List<String> command = new ArrayList<>(List.of(System.getProperty("java.home") + File.separator + "bin/java",
                "-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", path));
        if (Runtime.version().feature() >= 24) {
            command.add("--enable-native-access=ALL-UNNAMED");
        }
        command.addAll(kind.subList(2, kind.size()));
        command.add(kind.get(1));
        long start = System.nanoTime();
        Process process = new ProcessBuilder(command).inheritIO().start();
        if (process.waitFor() != 0) {
            throw new AssertionError(command);
        }
        return (System.nanoTime() - start) / 1e6;
    }

    /** The folder or jar of a class. */
    private static String place(Class<?> type) throws Exception {
        return Paths.get(type.getProtectionDomain().getCodeSource().getLocation().toURI()).toString();
    }
}

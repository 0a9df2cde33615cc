package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/** A JVM of its own. */
public final class Jvm {
    private Jvm() {}

    /** Where the classes of the package and its tests are, and everything that they use. */
    public static String classPath() {
        return System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"));
    }

    public static String java() {
        return System.getProperty("java.home") + File.separator + "bin" + File.separator + "java";
    }

    /** What a main class prints on both streams; it must end well. */
    public static String run(List<String> flags, Class<?> main, String... args) throws Exception {
        List<String> all = new ArrayList<>(List.of("-cp", classPath(), main.getName()));
        all.addAll(List.of(args));
        return run(Map.of(), flags, all);
    }

    public static String run(Map<String, String> env, List<String> flags, Class<?> main) throws Exception {
        return run(env, flags, List.of("-cp", classPath(), main.getName()));
    }

    public static String run(List<String> flags, String main, Path more) throws Exception {
        return run(Map.of(), flags, List.of("-cp", more + File.pathSeparator + classPath(), main));
    }

    private static String run(Map<String, String> env, List<String> flags, List<String> args) throws Exception {
        List<String> command = new ArrayList<>(List.of(java()));
        command.addAll(flags);
        command.addAll(args);
        Path output = Files.createTempFile("pointmill", ".log");
        try {
            ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(output.toFile());
            builder.environment().putAll(env);
            Process process = builder.start();
            boolean ended = process.waitFor(120, TimeUnit.SECONDS);
            process.destroyForcibly();
            String text = new String(Files.readAllBytes(output), StandardCharsets.UTF_8);
            assertTrue(ended, text);
            assertEquals(0, process.exitValue(), text);
            return text;
        } finally {
            Files.delete(output);
        }
    }
}

package io.github.pointmill;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The README's programs compile, and do what they say. */
class ReadmeTest {
    private static String program(int i) throws Exception {
        Matcher block = Pattern.compile("```java\\n(.*?)```", Pattern.DOTALL)
                .matcher(Files.readString(Support.ROOT.resolve("bindings/java/README.md")));
        for (int at = 0; block.find(); at++) {
            if (at == i) {
                return block.group(1);
            }
        }
        throw new AssertionError("no program " + i);
    }

    private static void compile(Path folder, String name, String text) throws Exception {
        Path source = folder.resolve(name + ".java");
        Files.writeString(source, text);
        JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
        assertEquals(0, compiler.run(null, null, null, "--release", "11", "-Xlint:all,-path,-options", "-Werror", "-proc:none",
                "-cp", Jvm.classPath(), "-d", folder.toString(), source.toString()));
    }

    @Test
    void theFirstProgramRuns(@TempDir Path folder) throws Exception {
        String text = program(0);
        assertTrue(text.contains("public class Example"));
        compile(folder, "Example", text);
        String said = Jvm.run(List.of(), "Example", folder);
        assertTrue(said.contains("DISTRIBUTION checkout.latency [env:prod, zone:a]"), said);
        assertTrue(said.contains("count=1000 min=1.0 max=1000.0 sum=500500.0 avg=500.5"), said);
        assertTrue(said.contains("COUNT checkout.done [env:prod]"), said);
        assertTrue(said.contains("2 bodies"), said);
    }

    @Test
    void theOthersCompile(@TempDir Path folder) throws Exception {
        compile(folder, "Delivery", "import io.github.pointmill.Client;\nimport java.util.Map;\n"
                + "class Delivery { static void run(String key) {\n" + program(1) + "} }");
        String orders = program(2);
        compile(folder, "Orders", orders);
        compile(folder, "Wrapped", orders.substring(0, orders.indexOf("public class"))
                + "public class Wrapped implements RequestHandler<Map<String, Object>, String> {\n" + program(3)
                + "String work(Map<String, Object> event, Context context) { return \"done\"; } }");
    }
}

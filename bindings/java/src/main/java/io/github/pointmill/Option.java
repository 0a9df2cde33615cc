package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/** An option of engines, encoders or clients: its name, what it means and what it allows. */
public final class Option {
    private static final int NUMBER = 1;
    /** By the numbers of the C header. */
    private static final String[] TYPES = {"other", "number", "choice", "flag", "text"};

    private final String name;
    private final String type;
    private final String doc;
    private final String defaultText;
    private final long min;
    private final long max;
    private final List<String> choices;

    private Option(byte[][] texts, long[] numbers) {
        name = Native.text(texts[0]);
        type = TYPES[numbers[0] < TYPES.length ? (int) numbers[0] : 0];
        doc = Native.text(texts[1]);
        String text = Native.text(texts[2]);
        defaultText = numbers[0] == NUMBER && text.isEmpty() ? Long.toUnsignedString(numbers[1]) : text;
        min = numbers[2];
        max = numbers[3];
        List<String> words = new ArrayList<>();
        for (int i = 3; i < texts.length; i++) {
            words.add(Native.text(texts[i]));
        }
        choices = Collections.unmodifiableList(words);
    }

    /**
     * Every option there is: those of engines first, then those of encoders, then those of clients.
     *
     * @return a list that cannot be changed
     */
    public static List<Option> list() {
        List<Option> list = new ArrayList<>();
        long[] numbers = new long[4];
        for (byte[][] texts; (texts = Native.option(list.size(), numbers)) != null; ) {
            list.add(new Option(texts, numbers));
        }
        return Collections.unmodifiableList(list);
    }

    /** The value given for an option as a number, or its default if that is null. The library has checked it before. */
    static long number(Object value, String name) {
        if (value != null) {
            return Long.parseLong(value.toString());
        }
        for (Option option : list()) {
            if (option.name.equals(name)) {
                return Long.parseLong(option.defaultText);
            }
        }
        throw new AssertionError("no option is called " + name);
    }

    /**
     * The key of the map that engines, encoders and clients take.
     *
     * @return for instance {@code contexts_max}
     */
    public String name() {
        return name;
    }

    /**
     * What its values are.
     *
     * @return {@code number}, {@code choice}, {@code flag} or {@code text}
     */
    public String type() {
        return type;
    }

    /**
     * What it does, in a sentence or two.
     *
     * @return English
     */
    public String doc() {
        return doc;
    }

    /**
     * The value when nothing is set.
     *
     * @return as text
     */
    public String defaultValue() {
        return defaultText;
    }

    /**
     * The smallest number allowed.
     *
     * @return 0 unless it is a number
     */
    public long min() {
        return min;
    }

    /**
     * The largest number allowed, or the most bytes of a text.
     *
     * @return an unsigned number
     */
    public long max() {
        return max;
    }

    /**
     * The words to choose from.
     *
     * @return empty unless it is a choice
     */
    public List<String> choices() {
        return choices;
    }

    @Override
    public String toString() {
        return name + "=" + defaultText + ": " + doc;
    }
}

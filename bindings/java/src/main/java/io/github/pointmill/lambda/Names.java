package io.github.pointmill.lambda;

import java.util.Map;

/**
 * Name and tags, in the order of the map, to the ids of contexts, which live as long as the process. Readers take no lock.
 * Bounded: when it is full, further names are looked up by the library each time.
 */
final class Names {
    static final int MAX = 4096;
    /** Not here. */
    static final long UNKNOWN = -1;
    /** Not here, and not to be: a tag's value may read differently tomorrow. */
    static final long UNSTABLE = -2;

    private static final int CHAIN = 16;

    private static final class Entry {
        final int hash;
        final String name;
        /** Key, value, key, value … */
        final Object[] tags;
        final long id;

        Entry(int hash, String name, Object[] tags, long id) {
            this.hash = hash;
            this.name = name;
            this.tags = tags;
            this.id = id;
        }

        boolean is(String name, Map<String, Object> tags) {
            if (!this.name.equals(name)) {
                return false;
            }
            int i = 0;
            for (Map.Entry<String, Object> tag : tags.entrySet()) {
                if (i == this.tags.length || !same(this.tags[i], tag.getKey()) || !same(this.tags[i + 1], tag.getValue())) {
                    return false;
                }
                i += 2;
            }
            return i == this.tags.length;
        }

        private static boolean same(Object a, Object b) {
            // 1 and 1L are equal to nobody but themselves, and 1.0 is written in another way.
            return a == b || (a != null && b != null && a.getClass() == b.getClass() && a.equals(b));
        }
    }

    private volatile Entry[] table = new Entry[64];
    private int size;

    private static boolean stable(Object value) {
        return value == null || value instanceof String || value instanceof Integer || value instanceof Long
                || value instanceof Boolean || value instanceof Double || value instanceof Enum;
    }

    /** Of name and tags in any order; {@link #UNSTABLE} if it would not last. */
    private static long hash(String name, Map<String, Object> tags) {
        int hash = name.hashCode();
        for (Map.Entry<String, Object> tag : tags.entrySet()) {
            Object value = tag.getValue();
            if (!stable(value)) {
                return UNSTABLE;
            }
            String key = tag.getKey();
            hash += (key == null ? 0 : 31 * key.hashCode()) ^ (value == null ? 0 : value.hashCode());
        }
        return (hash ^ hash >>> 15) & 0xFFFFFFFFL;
    }

    /** The id, {@link #UNKNOWN} or {@link #UNSTABLE}. */
    long find(String name, Map<String, Object> tags) {
        long wide = hash(name, tags);
        if (wide < 0) {
            return UNSTABLE;
        }
        int hash = (int) wide;
        Entry[] table = this.table;
        for (int i = 0; i < CHAIN; i++) {
            Entry entry = table[(hash + i) & (table.length - 1)];
            if (entry == null) {
                break;
            }
            if (entry.hash == hash && entry.is(name, tags)) {
                return entry.id;
            }
        }
        return UNKNOWN;
    }

    synchronized void add(String name, Map<String, Object> tags, long id) {
        if (size >= MAX) {
            return;
        }
        if (2 * (size + 1) > table.length) {
            Entry[] larger = new Entry[4 * table.length];
            for (Entry entry : table) {
                put(larger, entry);
            }
            table = larger;
        }
        Object[] pairs = new Object[2 * tags.size()];
        int i = 0;
        for (Map.Entry<String, Object> tag : tags.entrySet()) {
            pairs[i++] = tag.getKey();
            pairs[i++] = tag.getValue();
        }
        if (put(table, new Entry((int) hash(name, tags), name, pairs, id))) {
            size++;
        }
    }

    private static boolean put(Entry[] table, Entry entry) {
        for (int i = 0; entry != null && i < CHAIN; i++) {
            int at = (entry.hash + i) & (table.length - 1);
            if (table[at] == null) {
                table[at] = entry;
                return true;
            }
        }
        return false;
    }
}

package io.github.pointmill;

/**
 * Name and tags, in the order given, to metrics: what a record by name looks up. Readers take no lock: entries do not
 * change, and a reader that sees an older table looks the name up the long way.
 *
 * <p>Bounded: beyond {@link #MAX} entries it starts over, and a chain of equal hashes is followed only so far.
 */
final class Names {
    static final int MAX = 4096;
    private static final int CHAIN = 16;

    private static final class Entry {
        final int hash;
        final int kind;
        final String name;
        final String[] tags;
        final Metric metric;

        Entry(int hash, int kind, String name, String[] tags, Metric metric) {
            this.hash = hash;
            this.kind = kind;
            this.name = name;
            this.tags = tags;
            this.metric = metric;
        }

        boolean is(int kind, String name, String[] tags) {
            if (this.kind != kind || this.tags.length != tags.length || !this.name.equals(name)) {
                return false;
            }
            for (int i = 0; i < tags.length; i++) {
                if (!this.tags[i].equals(tags[i])) {
                    return false;
                }
            }
            return true;
        }
    }

    private volatile Entry[] table = new Entry[64];
    private int size;

    private static int hash(int kind, String name, String[] tags) {
        int hash = name.hashCode() + kind;
        for (String tag : tags) {
            // A null tag is not found, and then named by the call that looks it up.
            hash = hash * 31 + (tag == null ? 0 : tag.hashCode());
        }
        return hash ^ hash >>> 15;
    }

    /** The metric, or null if it is not here. */
    Metric find(int kind, String name, String[] tags) {
        int hash = hash(kind, name, tags);
        Entry[] table = this.table;
        int mask = table.length - 1;
        for (int i = 0; i < CHAIN; i++) {
            Entry entry = table[(hash + i) & mask];
            if (entry == null) {
                return null;
            }
            if (entry.hash == hash && entry.is(kind, name, tags)) {
                return entry.metric;
            }
        }
        return null;
    }

    /** Remembers a metric. The tags stay as they are: nobody else has them. */
    synchronized void add(int kind, String name, String[] tags, Metric metric) {
        if (size >= MAX) {
            table = new Entry[64];
            size = 0;
        }
        if (2 * (size + 1) > table.length) {
            Entry[] larger = new Entry[4 * table.length];
            for (Entry entry : table) {
                put(larger, entry);
            }
            table = larger;
        }
        if (put(table, new Entry(hash(kind, name, tags), kind, name, tags, metric))) {
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

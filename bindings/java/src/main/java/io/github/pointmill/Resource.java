package io.github.pointmill;

import io.github.pointmill.internal.Native;
import java.lang.ref.Cleaner;

/** A handle of the library that is freed once: by close, or after the garbage collector has found its owner. */
final class Resource implements Runnable {
    static final int ENGINE = 0;
    static final int SNAPSHOT = 1;
    static final int SKETCH = 2;
    static final int CLIENT = 3;

    /** Gives back what was forgotten to be closed. Its one thread is a daemon. */
    private static final Cleaner CLEANER = Cleaner.create();

    private final int type;
    private final long handle;

    private Resource(int type, long handle) {
        this.type = type;
        this.handle = handle;
    }

    /** The owner must not be reachable from this object, so it is not kept here. */
    static Cleaner.Cleanable register(Object owner, int type, long handle) {
        return CLEANER.register(owner, new Resource(type, handle));
    }

    @Override
    public void run() {
        switch (type) {
            case ENGINE:
                Native.engineFree(handle);
                break;
            case SNAPSHOT:
                Native.snapshotFree(handle);
                break;
            case SKETCH:
                Native.sketchFree(handle);
                break;
            default:
                Native.clientFree(handle);
        }
    }
}

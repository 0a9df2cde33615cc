package io.github.pointmill.lambda;

import org.crac.Context;
import org.crac.Core;
import org.crac.Resource;

/** Hooks of a snapshot of the sandbox. Loaded only where SnapStart is on and org.crac is there. */
final class SnapStart implements Resource {
    private static final long FLUSH_MS = 5000;
    /** The context holds resources weakly. */
    private static SnapStart registered;

    private final Lambda lambda;

    private SnapStart(Lambda lambda) {
        this.lambda = lambda;
    }

    static void register(Lambda lambda) {
        registered = new SnapStart(lambda);
        Core.getGlobalContext().register(registered);
    }

    /** Points of the initialisation must not be in the snapshot: every sandbox made of it would send them again. */
    @Override
    public void beforeCheckpoint(Context<? extends Resource> context) {
        lambda.flush(FLUSH_MS);
    }

    @Override
    public void afterRestore(Context<? extends Resource> context) {
        lambda.restored();
    }
}

"""Shared fixtures. The tests run against the installed package, never against the source folder."""

import pytest

import pointmill

NOW = 1_700_000_000


@pytest.fixture
def engine():
    with pointmill.Engine() as engine:
        engine.tick(NOW)
        yield engine
        # Whatever a test did, no point may be unaccounted for.
        if not engine.closed:
            assert_balances(engine)


def assert_balances(engine):
    stats = engine.stats()
    fields = {name: getattr(stats, name) for name in dir(stats) if not name.startswith(("_", "n_"))}
    lost = sum(n for name, n in fields.items() if name.startswith(("rejected_", "dropped_")))
    assert stats.recorded == stats.flushed + stats.pending + lost, stats

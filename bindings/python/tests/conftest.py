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
    assert stats.balances(), stats

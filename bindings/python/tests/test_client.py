"""Delivery: a client over a loopback intake and over a function."""

import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from intake import Intake

import pointmill


@pytest.fixture
def intake():
    intake = Intake()
    yield intake
    intake.close()


# Most that a delivery may take on a machine that is busy with other things.
PATIENCE_S = 60


def until(condition):
    """Waits for a condition."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def make(intake, **options):
    wanted = {"format": "distribution_points_v1", "url": intake.url, "api_key": "k", "background": False, **options}
    return pointmill.Client(**wanted)


def assert_balances(client):
    s = client.stats()
    assert s.balances(), s
    assert client.engine.closed or client.engine.stats().flushed == s.flushed


def test_what_is_recorded_arrives(intake):
    with make(intake) as client:
        client.engine.distribution("d", ["a:1"]).record_many([1, 2, 3])
        client.engine.record_count("c", 1)
        with pytest.raises(pointmill.DeliveryDroppedError):
            client.flush(timeout=PATIENCE_S)  # this format has no counts, and says so
        client.engine.record_distribution("d", 4, ["a:1"])
        assert client.flush(timeout=PATIENCE_S) is True
        assert client.flush(all=False, timeout=0) is True
        assert_balances(client)
        assert (client.stats().accepted, client.stats().skipped_scalar_in_sketch_format) == (4, 1)
    series = intake.json()
    assert sorted(v for s in series for _, values in s["points"] for v in values) == pytest.approx([1, 2, 3, 4], rel=1 / 129)
    assert {s["metric"] for s in series} == {"d"} and series[0]["tags"] == ["a:1"]
    path, headers, _ = intake.requests[0]
    assert path == "/api/v1/distribution_points" and headers["dd-api-key"] == "k"


def test_sketches_are_the_default(intake):
    with pointmill.Client(url=intake.url, api_key="k", background=False) as client:
        client.engine.record_distribution("d", 1)
        assert client.flush(timeout=PATIENCE_S)
    assert [request[0] for request in intake.requests] == ["/api/beta/sketches"]


def test_what_cannot_be_delivered_is_kept(intake):
    client = make(intake, retry_base_ms=1, retry_max_ms=50)
    intake.status = 503
    client.engine.record_distribution("d", 1)
    # The last attempt of a flush may be cut off by its end, so one flush need not have seen an answer.
    until(lambda: client.flush(timeout=0.5) is False and "503" in client.last_failure)
    assert client.stats().queued == 1
    intake.status = 202
    assert client.flush(timeout=PATIENCE_S) is True
    assert (client.stats().queued, client.stats().accepted) == (0, 1)
    assert client.close()
    assert_balances(client)


def test_what_is_refused_is_told_and_counted(intake):
    client = make(intake)
    intake.status = 403
    client.engine.record_distribution("d", 1)
    with pytest.raises(pointmill.DeliveryDroppedError, match="403"):
        client.flush(timeout=PATIENCE_S)
    assert client.stats().dropped_forbidden == 1
    intake.status = 202
    client.engine.record_distribution("d", 1)
    assert client.close(timeout=PATIENCE_S) is True
    assert_balances(client)
    with pytest.raises(pointmill.ClosedError):
        client.flush()
    assert client.close() in (True, False)


def test_a_function_instead_of_a_destination():
    got = []

    def send(payload, timeout):
        got.append((payload, timeout))
        return None if len(got) > 1 else 503

    with pointmill.Client(send=send, background=False, retry_base_ms=1, retry_max_ms=1) as client:
        client.engine.record_distribution("d", 1)
        assert client.flush(timeout=PATIENCE_S)
        assert_balances(client)
    assert len(got) == 2 and got[1][0].points == 1 and 0 < got[1][1] <= PATIENCE_S


def test_a_function_that_raises_is_tried_again():
    def send(payload, timeout):
        raise RuntimeError("boom")

    client = pointmill.Client(send=send, background=False, retry_base_ms=1, retry_max_ms=1)
    client.engine.record_distribution("d", 1)
    with _unraisable() as seen:
        until(lambda: client.flush(timeout=0.1) is False and seen)
    assert client.stats().queued == 1
    with pytest.raises(pointmill.DeliveryDroppedError), _unraisable():
        client.close(timeout=0)
    assert client.stats().dropped_closed == 1


class _unraisable:
    def __enter__(self):
        self.old, self.seen = sys.unraisablehook, []
        sys.unraisablehook = lambda unraisable: self.seen.append(unraisable.exc_type)
        return self.seen

    def __exit__(self, *_):
        sys.unraisablehook = self.old


def test_the_background_thread_delivers_and_rests_at_the_end(intake):
    client = make(intake, background=True, flush_interval_s=1, interval_s=1)
    client.engine.record_distribution("d", 1)
    until(lambda: intake.requests)
    assert client.close(timeout=PATIENCE_S)


def test_a_forked_child_has_a_client_of_its_own(intake):
    client = make(intake, background=True, flush_interval_s=3600)
    client.engine.record_distribution("parent", 1)
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            client.engine.record_distribution("child", 1)
            status = 0 if client.flush(timeout=PATIENCE_S) and client.stats().flushed == 1 else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert client.close(timeout=PATIENCE_S)
    assert sorted(s["metric"] for s in intake.json()) == ["child", "parent"]


def test_a_forked_child_has_a_thread_of_its_own(intake):
    client = make(intake, background=True, flush_interval_s=1, interval_s=1)
    pid = os.fork()
    if pid == 0:
        try:
            client.engine.record_distribution("child", 1)  # and it never calls the client
            time.sleep(2 * PATIENCE_S)
        finally:
            os._exit(1)
    try:
        until(lambda: intake.requests)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
    assert client.close(timeout=PATIENCE_S)


def test_an_interpreter_that_ends_delivers_first(intake):
    code = f"""
        import pointmill
        client = pointmill.Client(url={intake.url!r}, api_key="k", format="distribution_points_v1", flush_timeout_ms=60_000)
        client.engine.record_distribution("d", 1)
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(code)], check=True, timeout=300)
    assert [s["metric"] for s in intake.json()] == ["d"]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: pointmill.Client(), pointmill.BadValueError, "api_key"),
        (lambda: pointmill.Client("x"), TypeError, "Engine"),
        (lambda: pointmill.Client(send=5), TypeError, "send"),
        (lambda: pointmill.Client(sight="x"), pointmill.UnknownOptionError, "site"),
        (lambda: pointmill.Client(send=print, background=False).flush(timeout=-1), ValueError, "seconds"),
        (lambda: pointmill.Client(send=print, background=False).flush(timeout=float("nan")), ValueError, "seconds"),
    ],
)
def test_bad_input(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_an_engine_of_ones_own_and_one_that_is_closed(intake):
    engine = pointmill.Engine()
    client = pointmill.Client(engine, url=intake.url, api_key="k", background=False)
    assert client.engine is engine
    engine.record_distribution("d", 1)
    assert client.close(timeout=PATIENCE_S)
    engine.close()
    with pytest.raises(ValueError, match="closed"):
        pointmill.Client(engine, url=intake.url, api_key="k")

"""Metrics aggregated in your process: record points, read percentiles, encode payloads for Datadog's intake.

    import pointmill

    with pointmill.Engine() as engine:
        latency = engine.distribution("checkout.latency", ["env:prod"])
        latency.record(12.5)
        for entry in engine.flush(all=True):
            print(entry.name, entry.tags, entry.quantile(0.99))

Importing this package starts nothing: no thread, no socket, no file, no environment variable is read but
POINTMILL_FALLBACK. `pointmill.lambda_` is the part for AWS Lambda and is imported on its own.
"""

from . import errors
from ._raw import ClientStats, Metric, Option, Payload, Skipped, Stats, Summary, options, version
from .client import Client
from .engine import Engine
from .errors import *  # noqa: F403 (the generated list of exceptions)
from .sketch import Sketch
from .snapshot import Entry, Payloads, Snapshot

__all__ = [
    "Client",
    "ClientStats",
    "Engine",
    "Entry",
    "Metric",
    "Option",
    "Payload",
    "Payloads",
    "Skipped",
    "Sketch",
    "Snapshot",
    "Stats",
    "Summary",
    "options",
    "version",
    *errors.__all__,
]
__version__ = version()

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Literal, TypeVar

from .._counters import LambdaStats as LambdaStats
from .._native import Number, Tags

_Handler = TypeVar("_Handler", bound=Callable[..., Any])

class LambdaMetric:
    def record(self, value: Number, /) -> None: ...

def lambda_metric(
    metric_name: str,
    value: Number | str,
    timestamp: float | datetime | None = None,
    tags: Iterable[str] | None = None,
    force_async: bool = False,
) -> None: ...
def datadog_lambda_wrapper(function: _Handler) -> _Handler: ...
def distribution(name: str, tags: Tags = ()) -> LambdaMetric: ...
def flush(timeout: float = 5.0) -> bool: ...
def mode() -> Literal["extension", "log", "http", "disabled"]: ...
def stats() -> LambdaStats: ...

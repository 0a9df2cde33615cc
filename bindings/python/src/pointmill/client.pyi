from collections.abc import Callable
from typing import Self

from . import _native
from ._native import Payload
from .engine import Engine, OptionValue

class Client(_native.Client):
    def __new__(
        cls,
        engine: Engine | None = None,
        /,
        *,
        send: Callable[[Payload, float], int | None] | None = None,
        **options: OptionValue,
    ) -> Self: ...
    @property
    def engine(self) -> Engine: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *_: object) -> None: ...
    def flush(self, *, all: bool = True, timeout: float | None = None) -> bool: ...
    def close(self, *, timeout: float | None = None) -> bool: ...

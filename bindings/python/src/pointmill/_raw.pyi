from collections.abc import Mapping
from typing import Literal

from .engine import OptionValue

KIND: Literal["extension", "ctypes"]

def pairs(options: Mapping[str, OptionValue]) -> tuple[tuple[str, str], ...]: ...

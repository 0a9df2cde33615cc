from ._native import ClientStats as ClientStats
from ._native import Metric as Metric
from ._native import Option as Option
from ._native import Payload as Payload
from ._native import Skipped as Skipped
from ._native import Stats as Stats
from ._native import Summary as Summary
from ._native import options as options
from ._native import version as version
from .client import Client as Client
from .engine import Engine as Engine
from .errors import *
from .sketch import Sketch as Sketch
from .snapshot import Entry as Entry
from .snapshot import Payloads as Payloads
from .snapshot import Snapshot as Snapshot

__version__: str
__all__: list[str]

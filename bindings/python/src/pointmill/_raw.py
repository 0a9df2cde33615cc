"""The loader: the C extension where there is one, ctypes over libpointmill.so where there is none.

Both offer the same names; everything else in the package is written over them.
"""

import os

if os.environ.get("POINTMILL_FALLBACK"):
    from ._fallback import *  # noqa: F403
    from ._fallback import setup

    KIND = "ctypes"
else:
    try:
        from ._native import *  # noqa: F403
        from ._native import setup

        KIND = "extension"
    except ImportError as cause:
        try:
            from ._fallback import *  # noqa: F403
            from ._fallback import setup
        except (ImportError, OSError) as missing:
            raise ImportError(
                f"pointmill: no extension for this Python ({cause}) and no shared library ({missing}); "
                "install a wheel for this platform, or name libpointmill.so in POINTMILL_LIBRARY"
            ) from cause
        KIND = "ctypes"

__all__ = ["KIND", "setup"]


def pairs(options):
    """Options as the raw layer takes them: pairs of texts."""
    return tuple([(name, _text(name, value)) for name, value in options.items()])


def _text(name, value):
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    raise TypeError(f"{name}: expected a text, a whole number, a bool or a list of texts, got {value!r}")

"""The handler for functions without code of ours: set the function's handler to `pointmill.lambda_.handler.handler` and
DD_LAMBDA_HANDLER to the real one, as `package.module.function`."""

import os
from importlib import import_module

from . import _begin, _end, _safely, datadog_lambda_wrapper


class HandlerError(Exception):
    """DD_LAMBDA_HANDLER does not name a handler."""


def _load():
    path = os.environ.get("DD_LAMBDA_HANDLER")
    if path is None:
        raise HandlerError("DD_LAMBDA_HANDLER is not set; set it to your own handler, such as app.handler")
    module, dot, name = path.rpartition(".")
    if not (module and dot and name):
        raise HandlerError(f"DD_LAMBDA_HANDLER is {path!r}; expected module.function, such as app.handler")
    try:
        # AWS takes folders for packages too: src/app.handler.
        return getattr(import_module(module.replace("/", ".")), name)
    except Exception:
        # A function that does not even load is an error, though no invocation.
        _safely(_end, _safely(_begin, None, not_counted=True), error=True)
        raise


handler = datadog_lambda_wrapper(_load())

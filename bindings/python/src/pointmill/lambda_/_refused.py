"""Calls of lambda_metric that the extension does not take as they are: odd types are mended where it is clear what is
meant, and refused, counted and told where it is not. Nothing here raises."""

import math

from .. import _raw

_BAD_NAME, _BAD_VALUE, _BAD_TIME, _BAD_TAGS = 1, 2, 3, 4
_TOLD_MAX = 100


class Slowly:
    """The way of a point that needs more than the fast one. Called like lambda_metric."""

    def __init__(self, raw):
        self._raw = raw
        self._told = set()

    def __call__(self, metric_name=None, value=None, timestamp=None, tags=None, force_async=False):
        try:
            self._metric(metric_name, value, timestamp, tags, force_async)
        except Exception as error:
            # An object whose __str__ or __float__ raises. The incumbent lets some of these through to the caller.
            self._refuse(_BAD_TAGS, f"metric {_shown(metric_name)}: {type(error).__name__}")

    def _metric(self, name, value, timestamp, tags, force_async):
        if not isinstance(name, str) or not name:
            return self._refuse(_BAD_NAME, f"the metric name {_shown(name)} is no text or empty; the point is dropped")
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            return self._refuse(_BAD_VALUE, f"metric {_shown(name)}: the value {_shown(value)} is no number; the point is dropped")
        seconds = None
        if timestamp is not None and timestamp != 0:
            seconds = _seconds(timestamp)
            if seconds is None:
                text = f"metric {_shown(name)}: the timestamp {_shown(timestamp)} is no time; the point is dropped"
                return self._refuse(_BAD_TIME, text)
        status = self._raw.metric_at(_mended(name), number, seconds, _tags(tags), bool(force_async))
        if status:
            self.refused(name, value, status)

    def refused(self, name, value, status):
        """A point that the library has refused and counted."""
        _, text = _raw.codes().get(status, ("", f"status {status}"))
        self.say(f"metric {_shown(name)}, value {_shown(value)}: {text}")

    def _refuse(self, cause, text):
        self._raw.refused(cause)
        self.say(text)

    def tell(self):
        """Tells what the library has to warn of."""
        warnings = self._raw.warnings()
        if warnings:
            for line in warnings.splitlines():
                self.say(line)

    def say(self, text):
        """A warning in the log; each text once, and not without end."""
        if text in self._told or len(self._told) >= _TOLD_MAX:
            return
        self._told.add(text)
        import logging  # only here: it is most of the price of an import

        logging.getLogger("pointmill").warning("%s", text)


def _shown(thing):
    try:
        shown = ascii(thing)
    except Exception:
        shown = f"of type {type(thing).__name__}"
    return shown if len(shown) <= 80 else shown[:77] + "..."


def _mended(text):
    """Text that can be UTF-8: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _seconds(timestamp):
    moment = getattr(timestamp, "timestamp", None)
    try:
        seconds = moment() if callable(moment) else float(timestamp)
        return int(seconds) if math.isfinite(seconds) and abs(seconds) < 1 << 62 else None
    except (TypeError, ValueError, OverflowError):
        return None


def _tags(tags):
    """A list of texts of whatever was given: one text is one tag, a dict's items are key:value, None is left out."""
    if tags is None:
        return []
    if isinstance(tags, (str, bytes)) or not hasattr(tags, "__iter__"):
        tags = [tags]
    elif hasattr(tags, "items"):
        tags = [f"{key}:{value}" for key, value in tags.items()]
    return [_tag(tag) for tag in tags if tag is not None]


def _tag(tag):
    if isinstance(tag, bytes):
        return tag.decode("utf-8", "replace")
    return _mended(tag if isinstance(tag, str) else str(tag))

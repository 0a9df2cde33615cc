"""A running `pointmill intake` for a test, and questions to it. POINTMILL names the command."""

import json
import os
import re
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

#: Keys are letters and digits; some clients insist.
KEY = "0123456789abcdef0123456789abcdef"
#: How far a percentile may be from the element of its rank.
RELATIVE = 1 / 129
#: Nothing here takes seconds; a busy machine may.
PATIENCE_S = 60


class Intake:
    """An intake on free ports, ended with the block it is used in."""

    def __init__(self, *options):
        self.folder = tempfile.TemporaryDirectory(prefix="clients-")
        self.datagrams = os.path.join(self.folder.name, "d.sock")
        self.stream = os.path.join(self.folder.name, "s.sock")
        sockets = ["127.0.0.1:0", f"unix:{self.datagrams}", f"unixstream:{self.stream}"]
        command = [os.environ["POINTMILL"], "intake", "--listen", "127.0.0.1:0", "--retention", "0", *options]
        for address in sockets:
            command += ["--dogstatsd", address]
        env = {name: value for name, value in os.environ.items() if name != "POINTMILL_API_KEY"}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=env)
        said = ""
        while "stored in" not in said:
            line = self.process.stderr.readline()
            assert line, f"the intake ended: {said}"
            said += line
        self.url = re.search(r"listening on (http://\S+)/", said).group(1)
        self.udp_port = int(re.search(r"DogStatsD at 127\.0\.0\.1:(\d+)", said).group(1))
        # What it says at its end must not fill the pipe.
        self.reader = threading.Thread(target=self.process.stderr.read, daemon=True)
        self.reader.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(PATIENCE_S)
        self.reader.join()
        self.process.stderr.close()
        self.folder.cleanup()

    def get(self, path, **parameters):
        url = f"{self.url}{path}?{urllib.parse.urlencode(parameters)}"
        request = urllib.request.Request(url, headers={"DD-API-KEY": KEY})
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)

    def names(self):
        return {metric["name"]: metric["kind"] for metric in self.get("/v1/metrics")["metrics"]}

    def totals(self, metric, agg, **parameters):
        """The aggregations over everything of a metric; none if it has not arrived."""
        if metric not in self.names():
            return {}
        groups = self.get("/v1/query", metric=metric, agg=agg, **parameters)["groups"]
        return groups[0]["total"] if groups else {}

    def series(self, metric):
        """Everything stored of a metric, as it is."""
        return self.get("/v1/dump", metric=metric)["series"]

    def refused(self):
        return self.get("/v1/refused")["by_cause"]


def eventually(look, wanted):
    """Waits until `look` returns `wanted`."""
    end = time.monotonic() + PATIENCE_S
    while (found := look()) != wanted:
        assert time.monotonic() < end, f"{found!r} and not {wanted!r}"
        time.sleep(0.05)


def element(values, q):
    """The element of rank roundTiesEven(q (n - 1))."""
    return sorted(values)[round(q * (len(values) - 1))]


def close(found, values, q):
    """Whether a percentile is as near to its element as a sketch promises."""
    wanted = element(values, q)
    return abs(found - wanted) <= abs(wanted) * RELATIVE

"""Datadog's own Python clients, unmodified, as judges of `pointmill intake`.

Each sends points that are known; counts and sums must come out exactly, percentiles as near as a
sketch promises.
"""

import os
import random
import subprocess
import sys
import textwrap
import time
import unittest

from intake import KEY, PATIENCE_S, RELATIVE, Intake, close, eventually

from datadog import api, initialize
from datadog.dogstatsd import DogStatsd
from datadog.threadstats import ThreadStats
from datadog_api_client import ApiClient, Configuration
from datadog_api_client.exceptions import ForbiddenException
from datadog_api_client.v1.api.authentication_api import AuthenticationApi
from datadog_api_client.v1.api.metrics_api import MetricsApi as MetricsV1
from datadog_api_client.v1.model.distribution_points_content_encoding import DistributionPointsContentEncoding
from datadog_api_client.v1.model.distribution_point import DistributionPoint
from datadog_api_client.v1.model.distribution_points_payload import DistributionPointsPayload
from datadog_api_client.v1.model.distribution_points_series import DistributionPointsSeries
from datadog_api_client.v1.model.metrics_payload import MetricsPayload
from datadog_api_client.v1.model.point import Point
from datadog_api_client.v1.model.series import Series
from datadog_api_client.v2.api.metrics_api import MetricsApi as MetricsV2
from datadog_api_client.v2.model.metric_content_encoding import MetricContentEncoding
from datadog_api_client.v2.model.metric_intake_type import MetricIntakeType
from datadog_api_client.v2.model.metric_payload import MetricPayload
from datadog_api_client.v2.model.metric_point import MetricPoint
from datadog_api_client.v2.model.metric_resource import MetricResource
from datadog_api_client.v2.model.metric_series import MetricSeries

QUANTILES = {"p50": 0.5, "p75": 0.75, "p95": 0.95, "p99": 0.99}


def values(n, seed):
    """Values between 1 and 10,000 with three binary places, so that sums are exact in any order."""
    rng = random.Random(seed)
    return [round(10 ** rng.uniform(0, 4) * 8) / 8 for _ in range(n)]


class Judged(unittest.TestCase):
    def distribution(self, intake, metric, sent, **parameters):
        """Asserts that a metric holds exactly these values."""
        found = intake.totals(metric, "count,sum,min,max," + ",".join(QUANTILES), **parameters)
        exact = {"count": len(sent), "sum": sum(sent)}
        self.assertEqual({name: found.get(name) for name in exact}, exact, metric)
        # Minimum and maximum are exact in sketches and those of bins in points sent by name.
        for name, value in (("min", min(sent)), ("max", max(sent))):
            self.assertAlmostEqual(found[name], value, delta=abs(value) * RELATIVE)
        for name, q in QUANTILES.items():
            self.assertTrue(close(found[name], sent, q), f"{metric} {name}: {found[name]}")


class ThreadStatsOverHttp(Judged):
    def send(self, compress):
        with Intake("--api-key", KEY) as intake:
            initialize(api_key=KEY, app_key="app", api_host=intake.url, hostname_from_config=False)
            stats = ThreadStats(constant_tags=["env:test"], compress_payload=compress)
            stats.start(flush_in_thread=False)
            now = int(time.time())
            sent = {zone: values(500, zone) for zone in ("a", "b")}
            for zone, all_of_zone in sent.items():
                for i, value in enumerate(all_of_zone):
                    stats.distribution("th.latency", value, timestamp=now - i % 60, tags=[f"zone:{zone}"], host="box")
            for i in range(100):
                stats.increment("th.hits", 2, timestamp=now - i, tags=["zone:a"])
                stats.gauge("th.level", i, timestamp=now - 100 + i)
                stats.histogram("th.size", i, timestamp=now)
            stats.flush(float("inf"))
            self.distribution(intake, "th.latency", sent["a"] + sent["b"])
            for zone, all_of_zone in sent.items():
                self.distribution(intake, "th.latency", all_of_zone, filter=f"zone:{zone},env:test,host:box")
            # ThreadStats rolls up itself: counts are rates over ten seconds, histograms are gauges.
            self.assertEqual(intake.totals("th.hits", "sum"), {"sum": 200})
            self.assertEqual(intake.totals("th.level", "last"), {"last": 99})
            self.assertEqual(intake.totals("th.size.max", "last"), {"last": 99})
            self.assertEqual(intake.totals("th.size.count", "sum"), {"sum": 100})
            self.assertEqual(intake.refused(), {})

    def test_plain(self):
        self.send(compress=False)

    def test_deflated(self):
        self.send(compress=True)

    def test_a_wrong_key_is_refused_and_counted(self):
        with Intake("--api-key", KEY) as intake:
            initialize(api_key="another", app_key="app", api_host=intake.url, hostname_from_config=False)
            api._mute = True
            api.Distribution.send(metric="th.none", points=[(time.time(), [1.0])])
            self.assertEqual(intake.names(), {})
            self.assertEqual(intake.refused(), {"key": 1})

    def test_events_and_checks_are_taken(self):
        with Intake() as intake:
            initialize(api_key=KEY, app_key="app", api_host=intake.url, hostname_from_config=False)
            api.Event.create(title="a", text="b")
            api.ServiceCheck.check(check="up", host_name="box", status=0)
            received = intake.get("/v1/status")["received"]
            self.assertEqual((received["events"], received["service_checks"]), (1, 1))


class DogStatsdOverSockets(Judged):
    def send(self, intake, **where):
        client = DogStatsd(
            constant_tags=["env:test"], disable_buffering=False, disable_aggregation=True, flush_interval=0.05,
            telemetry_min_flush_interval=0, origin_detection_enabled=False, **where)
        sent = values(400, "dogstatsd")
        for i, value in enumerate(sent):
            client.distribution("ds.latency", value, tags=["zone:a"])
            if i % 4 == 0:
                client.increment("ds.hits", 3)
            if i % 10 == 0:
                client.histogram("ds.size", i)
                client.gauge("ds.level", i)
                # A datagram socket has room for so many before its reader runs.
                client.flush()
                self.arrived(intake, i + 1)
        for user in ("a", "b", "a"):
            client.set("ds.users", user)
        client.event("title", "text")
        client.service_check("up", DogStatsd.OK)
        client.flush()
        client.stop()
        eventually(lambda: intake.totals("ds.users", "max"), {"max": 2})
        self.distribution(intake, "ds.latency", sent, filter="env:test,zone:a")
        self.assertEqual(intake.totals("ds.hits", "sum"), {"sum": 300})
        self.assertEqual(intake.totals("ds.level", "last"), {"last": 390})
        self.assertEqual(intake.totals("ds.size", "count,max"), {"count": 40, "max": 390})
        self.assertEqual(intake.refused(), {})
        # Its thread may have sent the end in a packet of its own.
        received = lambda: [intake.get("/v1/status")["received"][name] for name in ("events", "service_checks")]
        eventually(received, [1, 1])
        # The client's own books, which it sends along: all metrics but those sent with the last packet.
        told = lambda: intake.totals("datadog.dogstatsd.client.metrics", "sum").get("sum")
        eventually(told, 400 + 100 + 40 + 40 + 3)
        self.assertEqual(intake.totals("datadog.dogstatsd.client.packets_dropped", "sum"), {"sum": 0})

    def arrived(self, intake, n):
        eventually(lambda: intake.totals("ds.latency", "count"), {"count": n})

    def test_udp(self):
        with Intake() as intake:
            self.send(intake, host="127.0.0.1", port=intake.udp_port)

    def test_unix_datagrams(self):
        with Intake() as intake:
            self.send(intake, socket_path=f"unix://{intake.datagrams}")

    def test_unix_stream(self):
        with Intake() as intake:
            self.send(intake, socket_path=f"unixstream://{intake.stream}")

    def test_aggregated_by_the_client(self):
        with Intake() as intake:
            client = DogStatsd(host="127.0.0.1", port=intake.udp_port, disable_aggregation=False,
                               disable_buffering=False, disable_telemetry=True)
            for i in range(1000):
                client.increment("ds.hits", 2, tags=[f"n:{i % 5}"])
                client.gauge("ds.level", i)
            client.flush_aggregated_metrics()
            client.flush()
            client.stop()
            eventually(lambda: intake.totals("ds.hits", "sum"), {"sum": 2000})
            eventually(lambda: intake.totals("ds.level", "last"), {"last": 999})


class ApiClientOverHttp(Judged):
    def client(self, intake, key=KEY):
        configuration = Configuration(host=intake.url, api_key={"apiKeyAuth": key, "appKeyAuth": "app"})
        return ApiClient(configuration)

    def test_series_v2_in_every_encoding(self):
        now = int(time.time())
        encodings = [None, MetricContentEncoding.DEFLATE, MetricContentEncoding.ZSTD1, MetricContentEncoding.GZIP]
        with Intake("--api-key", KEY) as intake, self.client(intake) as client:
            metrics = MetricsV2(client)
            for i, encoding in enumerate(encodings):
                tags = [f"encoding:{i}", "env:test"]
                count = MetricSeries(
                    metric="ac.hits", type=MetricIntakeType.COUNT, interval=10, unit="request", tags=tags,
                    points=[MetricPoint(timestamp=now - 10 * k, value=float(k)) for k in range(50)])
                rate = MetricSeries(
                    metric="ac.rate", type=MetricIntakeType.RATE, interval=10, tags=tags,
                    points=[MetricPoint(timestamp=now, value=2.5)])
                gauge = MetricSeries(
                    metric="ac.level", type=MetricIntakeType.GAUGE, tags=tags,
                    resources=[MetricResource(name="box", type="host")],
                    points=[MetricPoint(timestamp=now, value=float(i))])
                given = {} if encoding is None else {"content_encoding": encoding}
                answer = metrics.submit_metrics(body=MetricPayload(series=[count, rate, gauge]), **given)
                self.assertEqual(answer.errors, [])
                self.assertEqual(intake.totals("ac.hits", "sum,count", filter=f"encoding:{i}"), {"sum": 1225, "count": 50})
            self.assertEqual(intake.totals("ac.rate", "sum,rate"), {"sum": 100, "rate": 10})
            self.assertEqual(intake.totals("ac.level", "sum,max", filter="host:box"), {"sum": 6, "max": 3})
            self.assertEqual(intake.names(), {"ac.hits": "count", "ac.level": "gauge", "ac.rate": "count"})
            self.assertEqual(intake.refused(), {})

    def test_distribution_points_v1(self):
        now = int(time.time())
        with Intake("--api-key", KEY) as intake, self.client(intake) as client:
            metrics = MetricsV1(client)
            sent = []
            for given in ({}, {"content_encoding": DistributionPointsContentEncoding.DEFLATE}):
                some = values(300, str(given))
                sent += some
                series = DistributionPointsSeries(
                    metric="ac.latency", host="box", tags=["env:test"],
                    points=[DistributionPoint([float(now - 10), some[:200]]), DistributionPoint([float(now), some[200:]])])
                metrics.submit_distribution_points(body=DistributionPointsPayload(series=[series]), **given)
            self.distribution(intake, "ac.latency", sent, filter="host:box,env:test")
            starts = {point["start"] for series in intake.series("ac.latency") for point in series["points"]}
            self.assertTrue(starts <= {now - now % 10, (now - 10) - (now - 10) % 10}, starts)

    def test_series_v1_and_the_key(self):
        now = int(time.time())
        with Intake("--api-key", KEY) as intake:
            payload = MetricsPayload(series=[Series(
                metric="ac.v1", type="count", interval=10, host="box", tags=["env:test"],
                points=[Point([float(now), 4.0]), Point([float(now - 60), 5.5])])])
            with self.client(intake) as client:
                MetricsV1(client).submit_metrics(body=payload)
                self.assertTrue(AuthenticationApi(client).validate().valid)
            self.assertEqual(intake.totals("ac.v1", "sum", filter="host:box"), {"sum": 9.5})
            with self.client(intake, "another") as client, self.assertRaises(ForbiddenException):
                MetricsV1(client).submit_metrics(body=payload)
            self.assertEqual(intake.totals("ac.v1", "sum"), {"sum": 9.5})
            self.assertEqual(intake.refused(), {"key": 1})


class LambdaLayer(Judged):
    """datadog-lambda decides at import where metrics go, so each case is a process."""

    PROGRAM = textwrap.dedent("""
        from datadog_lambda.wrapper import datadog_lambda_wrapper
        from datadog_lambda.metric import lambda_metric

        class Context:
            function_name = "Orders"
            function_version = "$LATEST"
            invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:Orders"
            memory_limit_in_mb = 256
            aws_request_id = "8b2a6e3c-1d4f-4a57-9c1b-2f7f6a0f1a11"
            client_context = None
            def get_remaining_time_in_millis(self):
                return 3000

        @datadog_lambda_wrapper
        def handler(event, context):
            for value in event["values"]:
                lambda_metric("order.value", value, tags=["shop:" + event["shop"]])
            if event.get("fail"):
                raise ValueError("no")

        for event in EVENTS:
            try:
                handler(event, Context())
            except ValueError:
                pass
    """)

    def run_layer(self, events, **env):
        env = {"PATH": os.environ["PATH"], "DD_TRACE_ENABLED": "false", "DD_API_KEY": KEY,
               "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false", "DD_REMOTE_CONFIGURATION_ENABLED": "false",
               "AWS_LAMBDA_FUNCTION_NAME": "Orders", "AWS_REGION": "eu-west-1", **env}
        program = self.PROGRAM.replace("EVENTS", repr(events))
        done = subprocess.run([sys.executable, "-c", program], env=env, timeout=2 * PATIENCE_S,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        return done.stdout

    def judge(self, intake, events):
        everything = [value for event in events for value in event["values"]]
        self.distribution(intake, "order.value", everything)
        for event in events:
            self.distribution(intake, "order.value", event["values"], filter=f"shop:{event['shop']}")
        self.assertEqual(intake.totals("aws.lambda.enhanced.invocations", "sum"), {"sum": len(events)})
        self.assertEqual(intake.totals("aws.lambda.enhanced.errors", "sum"), {"sum": 1})
        self.assertEqual(intake.refused(), {})
        [function] = intake.get("/v1/functions")["functions"]
        self.assertEqual((function["name"], function["invocations"], function["errors"], function["cold_starts"]),
                         ("Orders", len(events), 1, 1))

    EVENTS = [{"shop": "a", "values": values(200, "a")}, {"shop": "b", "values": values(50, "b"), "fail": True}]

    def forward(self, intake, lines):
        """What the layer logs reaches Datadog by a forwarder, here pointmill's."""
        command = [os.environ["POINTMILL"], "forward", "--format", "lines", "--function", "Orders", "--show", "none",
                   "--logs", "none", "--url", intake.url]
        done = subprocess.run(command, input=lines, env={"DD_API_KEY": KEY}, timeout=2 * PATIENCE_S, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.assertEqual(done.returncode, 0, done.stdout)

    def test_over_http(self):
        with Intake("--api-key", KEY) as intake:
            lines = self.run_layer(self.EVENTS, DATADOG_HOST=intake.url, DD_FLUSH_TO_LOG="false")
            self.assertEqual(intake.names(), {"order.value": "distribution"})
            # Enhanced metrics go by the log whatever the others do.
            self.forward(intake, lines)
            self.judge(intake, self.EVENTS)

    def test_by_log_lines(self):
        with Intake("--api-key", KEY) as intake:
            self.forward(intake, self.run_layer(self.EVENTS, DD_FLUSH_TO_LOG="true"))
            self.judge(intake, self.EVENTS)


if __name__ == "__main__":
    unittest.main()

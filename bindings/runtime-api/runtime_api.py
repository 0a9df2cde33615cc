#!/usr/bin/env python3
"""A small AWS Lambda on loopback: the Runtime API, a sandbox that can freeze and time out, and an intake.

    python3 runtime_api.py SCENARIO.json -- PROGRAM [ARGUMENT...]

Starts PROGRAM with the environment that Lambda gives a function, hands it the scenario's invocations one after the
other, and prints one JSON report. Standard library only, so every binding's tests can use it.

A scenario (every field may be absent):

    {"function":    {"name": "f", "version": "$LATEST", "memory_mb": 128, "arn": "arn:aws:lambda:…", "handler": "app.handler"},
     "env":         {"NAME": "value", …},           added to the function's environment; ${PORT} is this program's port
     "invocations": [{"event": …,                   sent as JSON
                      "timeout_ms": 3000,           after it the sandbox is killed and started anew
                      "freeze_ms": 0,               SIGSTOP for so long once the answer is there
                     "until_accepted": 0}],        repeated until the intake has accepted a request, at most so often
     "intake":      {"statuses": [202], "delay_ms": 0,    answers one after the other, the last one for ever
                     "down_for": 0},                answers 503 until so many invocations have been answered
     "end":         "kill" | "term",                how the sandbox ends
     "term_ms":     500,                            how long it may live on after SIGTERM
     "init_timeout_ms": 10000}

The report:

    {"inits":       [{"ms": …}],                    from the start of the program to its first wish for an invocation
     "invocations": [{"request_id", "outcome": "response" | "error" | "timeout" | "exit", "body", "ms"}],
     "requests":    [{"method", "path", "headers", "body" (base64), "after": invocations answered so far, "status"}],
     "stdout", "stderr", "exit_status"}

What a request to any other path than the Runtime API's is, the intake takes.
"""

import base64
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RUNTIME = "/2018-06-01/runtime/"
WISH_S = 60  # after an answer the program asks for the next invocation at once, if the machine lets it
ARN = "arn:aws:lambda:us-east-1:123497598159:function:my-test-lambda"


class Lambda:
    """State that the server's threads and the driver share."""

    def __init__(self, scenario):
        self.function = {"name": "my-test-lambda", "version": "$LATEST", "memory_mb": 128, "arn": ARN, "handler": "app.handler"}
        self.function.update(scenario.get("function", {}))
        self.intake = {"statuses": [202], "delay_ms": 0, "down_for": 0, **scenario.get("intake", {})}
        self.wishes = queue.Queue()  # a queue to answer into, for each GET …/next
        self.answers = queue.Queue()  # (request id, outcome, body)
        self.requests = []
        self.answered = 0
        self.lock = threading.Lock()

    def take(self, method, path, headers, body):
        """One request to the intake; returns the status of its answer."""
        with self.lock:
            statuses = self.intake["statuses"]
            status = statuses[min(len(self.requests), len(statuses) - 1)]
            if self.answered < self.intake["down_for"]:
                status = 503
            self.requests.append({
                "method": method, "path": path, "headers": {name.lower(): value for name, value in headers.items()},
                "body": base64.b64encode(body).decode(), "after": self.answered, "status": status,
            })
        time.sleep(self.intake["delay_ms"] / 1000)
        return status


def handler_class(state):
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # head and body of an answer are written one after the other

        def log_message(self, *_):
            pass

        def body(self):
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            data = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            while self.rfile.readline().strip():  # trailers
                pass
            return data

        def answer(self, status, body=b"", headers=()):
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            if self.path != RUNTIME + "invocation/next":
                return self.answer(state.take("GET", self.path, self.headers, b""))
            ticket = queue.Queue()
            state.wishes.put(ticket)
            invocation = ticket.get()
            if invocation is None:
                return self.close_connection_silently()
            self.answer(200, invocation["body"], invocation["headers"])

        def close_connection_silently(self):
            self.close_connection = True

        def do_POST(self):
            body = self.body()
            if not self.path.startswith(RUNTIME):
                return self.answer(state.take("POST", self.path, self.headers, body), b"{}")
            parts = self.path[len(RUNTIME):].split("/")
            if parts[0] == "invocation":
                state.answers.put((parts[1], "response" if parts[2] == "response" else "error", body))
            elif parts[0] == "init":
                state.answers.put((None, "error", body))
            self.answer(202, b'{"status":"OK"}')

        do_PUT = do_POST

    return Handler


class Sandbox:
    """The running program."""

    def __init__(self, state, port, command, env, log_files):
        self.state = state
        self.started = time.monotonic()
        function = state.function
        environment = {
            "PATH": os.environ.get("PATH", ""), "HOME": os.environ.get("HOME", ""), "LANG": "en_US.UTF-8", "TZ": ":UTC",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_LAMBDA_FUNCTION_NAME": function["name"], "AWS_LAMBDA_FUNCTION_VERSION": function["version"],
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function["memory_mb"]), "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function['name']}", "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
            "_HANDLER": function["handler"], "LAMBDA_TASK_ROOT": os.getcwd(),
            **{name: value.replace("${PORT}", str(port)) for name, value in env.items()},
        }
        self.process = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log_files[0], stderr=log_files[1])

    def wish(self, timeout_s):
        """Waits for the program to ask for an invocation; None if it ended or took too long."""
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            try:
                return self.state.wishes.get(timeout=0.01)
            except queue.Empty:
                if self.process.poll() is not None:
                    return None
        return None

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def end(self, how, term_ms=500):
        if how == "term" and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=term_ms / 1000)
            except subprocess.TimeoutExpired:
                pass
        self.kill()
        return self.process.returncode


def invoke(state, sandbox, wish, invocation):
    """Hands one invocation over and waits for what becomes of it."""
    request_id = str(uuid.uuid4())
    timeout_ms = invocation.get("timeout_ms", 3000)
    function = state.function
    started = time.monotonic()
    wish.put({
        "body": json.dumps(invocation.get("event", {})).encode(),
        "headers": [
            ("Content-Type", "application/json"),
            ("Lambda-Runtime-Aws-Request-Id", request_id),
            ("Lambda-Runtime-Deadline-Ms", str(int(time.time() * 1000) + timeout_ms)),
            ("Lambda-Runtime-Invoked-Function-Arn", invocation.get("arn", function["arn"])),
            ("Lambda-Runtime-Trace-Id", "Root=1-5e272390-8c398be037738dc042009320;Parent=94ae789b969f1cc5;Sampled=1"),
        ],
    })
    outcome, body = "timeout", b""
    while (left := started + timeout_ms / 1000 - time.monotonic()) > 0:
        try:
            answered, outcome, body = state.answers.get(timeout=min(left, 0.01))
            break
        except queue.Empty:
            if sandbox.process.poll() is not None:
                outcome = "exit"
                break
    milliseconds = (time.monotonic() - started) * 1000
    with state.lock:
        state.answered += 1
    return {"request_id": request_id, "outcome": outcome, "body": body.decode("utf-8", "replace"), "ms": round(milliseconds, 3)}


def planned(scenario, state):
    """The invocations, with the repetitions that turn out to be wanted."""
    for invocation in scenario.get("invocations", [{}]):
        yield invocation
        for _ in range(invocation.get("until_accepted", 0) - 1):
            with state.lock:
                accepted = any(request["status"] < 300 for request in state.requests)
            if accepted:
                break
            yield invocation


def run(scenario, command, log_files):
    state = Lambda(scenario)
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_class(state))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    env = scenario.get("env", {})
    report = {"inits": [], "invocations": [], "requests": state.requests, "exit_status": None}
    sandbox = None
    for invocation in planned(scenario, state):
        if sandbox is None:
            sandbox = Sandbox(state, server.server_port, command, env, log_files)
            wish = sandbox.wish(scenario.get("init_timeout_ms", 10_000) / 1000)
            report["inits"].append({"ms": round((time.monotonic() - sandbox.started) * 1000, 3)})
        else:
            wish = sandbox.wish(WISH_S)
        if wish is None:
            report["invocations"].append({"request_id": None, "outcome": "exit", "body": "", "ms": 0})
            sandbox.kill()
            sandbox = None
            continue
        answer = invoke(state, sandbox, wish, invocation)
        report["invocations"].append(answer)
        if answer["outcome"] in ("timeout", "exit"):
            report["exit_status"] = sandbox.end("kill")
            sandbox = None
        elif invocation.get("freeze_ms", 0) > 0:
            os.kill(sandbox.process.pid, signal.SIGSTOP)
            time.sleep(invocation["freeze_ms"] / 1000)
            os.kill(sandbox.process.pid, signal.SIGCONT)
    if sandbox is not None:
        sandbox.wish(WISH_S)  # it has come back for more, so its answer is complete
        report["exit_status"] = sandbox.end(scenario.get("end", "kill"), scenario.get("term_ms", 500))
    server.shutdown()
    return report


def main():
    if len(sys.argv) < 4 or sys.argv[2] != "--":
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as file:
        scenario = json.load(file)
    import tempfile  # only here: the start of the program is measured, not ours
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        report = run(scenario, sys.argv[3:], (out, err))
        for name, file in (("stdout", out), ("stderr", err)):
            file.seek(0)
            report[name] = file.read().decode("utf-8", "replace")
    json.dump(report, sys.stdout)


if __name__ == "__main__":
    main()

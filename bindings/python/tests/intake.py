"""An intake on loopback: keeps what it gets, answers what it is told to."""

import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Intake:
    def __init__(self, status=202):
        self.requests = []
        self.status = status
        intake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                intake.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(intake.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def json(self):
        """The series of every request, decompressed."""
        series = []
        for _, headers, body in self.requests:
            if headers.get("content-encoding") == "deflate":
                body = zlib.decompress(body)
            series += json.loads(body)["series"]
        return series

    def close(self):
        self.server.shutdown()
        self.server.server_close()

"""A local server of one file that breaks off, lies, knows no ranges, or keeps its client waiting."""

import contextlib
import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CONTENT = bytes(range(256)) * 1200

SHA256 = hashlib.sha256(CONTENT).hexdigest()

HALF = len(CONTENT) // 2


class Server(ThreadingHTTPServer):
    """Serves CONTENT; ``requests`` are (path, Range, bytes sent).

    Paths: /ok /plain (no ranges) /broken (once) /held (half of it, until told to go on) /gone /other.
    """

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.requests, self.tag, self.content, self.cuts = [], '"v1"', CONTENT, 1
        self.half_way, self.go_on = threading.Event(), threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, ranged = self.server, self.headers.get("Range")
        if self.path == "/gone":
            server.requests.append((self.path, ranged, 0))
            self.send_error(404)
            return
        content, start = server.content, 0
        if ranged and self.path != "/plain" and self.headers.get("If-Range", server.tag) == server.tag:
            start = int(ranged.removeprefix("bytes=").removesuffix("-"))
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:] if self.path != "/other" else content[start:] + b"!"
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", server.tag)
        self.end_headers()
        if self.path == "/broken" and server.cuts:
            server.cuts -= 1
            body = body[: len(body) // 2]
        server.requests.append((self.path, ranged, len(body)))  # before the client can be done with it
        if self.path == "/held":
            self.wfile.write(body[:HALF])
            server.half_way.set()
            server.go_on.wait(60)
            body = body[HALF:]
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def running_server():
    """The server, while it answers."""
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()

"""The HTTP side of the receivers in this folder: arguments, raw bodies, the line for each request, the end of
the process. It knows nothing of signatures; each vendor's program verifies by itself.
"""

import argparse
import hashlib
import json
import os
import signal
import socketserver
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler

MAX_BODY_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True)
class Request:
    """What arrived.

    `headers` maps lower-case names to values (several lines of one name joined by ", "), `body` is the bytes
    as they arrived, `now_ms` the time in Unix milliseconds.
    """

    headers: dict[str, str]
    body: bytes
    secret: str
    now_ms: int


@dataclass(frozen=True)
class Outcome:
    """What a receiver made of a request."""

    status: int
    verified: bool = False
    reason: str | None = None
    dispatched: str | None = None
    content_type: str = "text/plain"
    answer: str = ""


class BodyTooLarge(Exception):
    """The body has more than MAX_BODY_BYTES."""


class Unframed(Exception):
    """The body's length or one of its chunks cannot be read."""


def serve(vendor: str, receive: Callable[[Request], Outcome]) -> None:
    """Serves `receive` until SIGTERM or the end of standard input."""
    options = parse_arguments()
    secret = os.environ.get(options.secret_env)
    if not secret:
        # A receiver that starts without a secret would verify under a key that everybody knows.
        sys.stderr.write(f"the environment variable {options.secret_env} is not set or empty\n")
        sys.exit(2)

    def decide(headers: dict[str, str], body: bytes) -> Outcome:
        now_ms = time.time_ns() // 1_000_000 if options.now is None else options.now * 1000
        return receive(Request(headers, body, secret, now_ms))

    host = "0.0.0.0" if options.public else "127.0.0.1"
    server = Server((host, options.port), handler_of(vendor, decide))
    # Whoever reads the line may send SIGTERM at once, so the handler stands before it.
    end_with_parent()
    print_line({"listening": server.server_address[1]})
    server.serve_forever()


class Server(socketserver.ThreadingTCPServer):
    """As http.server.ThreadingHTTPServer, which would look its own address up in the DNS before it listens."""

    allow_reuse_address = True
    daemon_threads = True
    # A sender may open many connections at once; the default of 5 would make the sixth wait for a second SYN.
    request_queue_size = 128


def handler_of(vendor: str, decide: Callable[[dict[str, str], bytes], Outcome]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # The answer's head and body leave in one segment, and do not wait for each other's acknowledgement.
        wbufsize = -1

        def do_POST(self) -> None:
            body, outcome = self.receive()
            # The line comes before the answer, so that whoever has the answer finds the line.
            print_line(
                {
                    "vendor": vendor,
                    "language": "python",
                    "path": self.path,
                    "verified": outcome.verified,
                    "reason": outcome.reason,
                    "status": outcome.status,
                    "dispatched": outcome.dispatched,
                    "body_sha256": None if body is None else hashlib.sha256(body).hexdigest(),
                    "body_bytes": None if body is None else len(body),
                    "headers": self.collected_headers(),
                }
            )
            self.answer(outcome)

        do_GET = do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST

        def receive(self) -> tuple[bytes | None, Outcome]:
            try:
                body = read_body(self.collected_headers(), self.rfile)
            except BodyTooLarge:
                self.close_connection = True
                return None, Outcome(413, reason="body_too_large")
            except Unframed:
                self.close_connection = True
                return None, Outcome(400, reason="body_unreadable")
            if self.command != "POST":
                return body, Outcome(405, reason="method_not_allowed")
            try:
                return body, decide(self.collected_headers(), body)
            except Exception as error:
                # Only the kind of error is told: its message may quote what was verified.
                sys.stderr.write(f"the receiver threw {type(error).__name__}\n")
                return body, Outcome(500, reason="receiver_threw")

        def collected_headers(self) -> dict[str, str]:
            headers: dict[str, str] = {}
            for name, value in self.headers.items():
                name = name.lower()
                headers[name] = f"{headers[name]}, {value}" if name in headers else value
            return headers

        def answer(self, outcome: Outcome) -> None:
            content = outcome.answer.encode("utf-8")
            self.send_response(outcome.status)
            self.send_header("content-type", outcome.content_type)
            self.send_header("content-length", str(len(content)))
            if self.close_connection:
                self.send_header("connection", "close")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            """Standard output has the line, and standard error is kept for trouble."""

    return Handler


def read_body(headers: dict[str, str], stream) -> bytes:
    """The bytes of the body.

    Raises BodyTooLarge or Unframed.
    """
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return read_chunked(stream)
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdigit()):
        raise Unframed
    if int(length) > MAX_BODY_BYTES:
        raise BodyTooLarge
    return read_exactly(stream, int(length))


def read_chunked(stream) -> bytes:
    """A body in chunks (RFC 9112, section 7.1), which http.server leaves to its user."""
    body = b""
    while True:
        try:
            size = int(stream.readline(1024).split(b";")[0], 16)
        except ValueError:
            raise Unframed from None
        if size < 0:
            raise Unframed
        if len(body) + size > MAX_BODY_BYTES:
            raise BodyTooLarge
        if size == 0:
            skip_trailer(stream)
            return body
        body += read_exactly(stream, size)
        if read_exactly(stream, 2) != b"\r\n":
            raise Unframed


def skip_trailer(stream) -> None:
    while stream.readline(65536).strip():
        pass


def read_exactly(stream, size: int) -> bytes:
    content = stream.read(size)
    if len(content) != size:
        raise Unframed
    return content


PRINTING = threading.Lock()


def print_line(line: dict[str, object]) -> None:
    with PRINTING:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()


def end_with_parent() -> None:
    """A test that dies closes our standard input, so no receiver outlives it."""

    def wait_for_end() -> None:
        # The descriptor is read without sys.stdin, whose lock a thread may not hold while the interpreter ends.
        while os.read(0, 4096):
            pass
        os.kill(os.getpid(), signal.SIGTERM)

    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    threading.Thread(target=wait_for_end, daemon=True).start()


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True, help="0 lets the system choose")
    parser.add_argument("--secret-env", required=True, help="the environment variable that holds the secret")
    parser.add_argument("--public", action="store_true", help="listen on every address, not on 127.0.0.1 alone")
    parser.add_argument("--now", type=int, help="fix the clock, in Unix seconds")
    return parser.parse_args()

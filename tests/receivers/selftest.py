"""Proves the receivers against the vectors of this project, over real HTTP.

Usage: python3 tests/receivers/selftest.py

Each of the ten programs gets every vector of its vendor, valid or not, and has to give the strict verdict, but for
the deviations that are listed here with their reasons. What it accepts it has to refuse again with one bit of the
body changed. The last line of the output is `N passed, N failed`; the exit status is 0 only if nothing failed.
"""

import base64
import contextlib
import hashlib
import hmac
import http.client
import json
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
VECTORS = HERE.parent.parent / "vectors" / "vectors.json"
# Nothing here takes a second; the bound is for a machine that is busy with other things.
PATIENCE_S = 30
MAX_BODY_BYTES = 2 * 1024 * 1024
SECRET_ENV = "RECEIVER_SECRET"

VENDOR_OF_SCHEME = {
    "harbor-lockers": "harbor-lockers",
    "harbor-transfers": "harbor-transfers",
    "harbor-node": "harbor-node",
    "harvestr-event": "harvestr",
    "harvestr-challenge": "harvestr",
    "harmon": "harmon",
}
COMMANDS = {
    "node": lambda vendor: ["node", HERE / "node" / f"{vendor}.mjs"],
    "python": lambda vendor: [sys.executable, "-B", HERE / "python" / f"{vendor}.py"],
}
BOTH = ("node", "python")

NO_CLOCK = "the document compares the timestamp with no clock"
NOT_PARSED = "the document signs the text of the timestamp and never reads it as a number"
KEEPS_LAST = "the sample keeps the last value of a repeated key"
STOPS_DECODING = "Node's decoder stops at the first character that is not hexadecimal"
ONLY_HEADER_TELLS = "one URL takes both, and only the header tells a challenge from an event"

# Where a vendor's own algorithm departs from the strict verdict: what it does, in which language, and why.
DEVIATIONS = {
    "harbor-lockers-valid-repeated-v1-first-matches": ("refuses", BOTH, KEEPS_LAST),
    "harbor-lockers-too-old-301": ("accepts", BOTH, NO_CLOCK),
    "harbor-lockers-too-new-301": ("accepts", BOTH, NO_CLOCK),
    "harbor-lockers-v-prefix-only": ("accepts", BOTH, "the sample takes every key that begins with v"),
    "harbor-transfers-valid-rotation-first-v1": ("refuses", BOTH, KEEPS_LAST),
    "harbor-transfers-two-secrets-new-and-old": ("refuses", BOTH, "the sample has one secret, here the new one"),
    "harbor-transfers-stale": ("accepts", BOTH, NO_CLOCK),
    "harbor-transfers-milliseconds": ("accepts", BOTH, NO_CLOCK),
    "harbor-transfers-fraction": ("accepts", BOTH, NOT_PARSED),
    "harbor-transfers-huge": ("accepts", BOTH, NOT_PARSED),
    "harbor-transfers-repeated-t": ("accepts", BOTH, KEEPS_LAST),
    "harbor-node-trailing-garbage-hex": ("accepts", ("node",), STOPS_DECODING),
    "harbor-node-odd-extra-nibble": ("accepts", ("node",), STOPS_DECODING),
    "harbor-node-dup-header-lines": ("accepts", ("node",), STOPS_DECODING + ", here the comma of joined lines"),
    "harbor-node-no-zone": ("accepts", BOTH, "a time without a zone is one of the receiver's, here UTC"),
    "harbor-node-year-only": ("accepts", ("node",), "Date.parse reads a year as its first moment"),
    "harbor-node-http-date-strict": ("accepts", ("node",), "Date.parse reads the dates of HTTP"),
    "harbor-node-http-date-compat": ("accepts", ("node",), "Date.parse reads the dates of HTTP"),
    "harbor-node-boundary-shift": ("accepts", BOTH, "a timestamp without a fraction lets the dot move into the body"),
    "harvestr-event-with-challenge-header": ("accepts", BOTH, ONLY_HEADER_TELLS),
    "harvestr-challenge-with-event-header": ("accepts", BOTH, ONLY_HEADER_TELLS),
    "harvestr-trailing-garbage": ("accepts", ("node",), STOPS_DECODING),
    "harvestr-upper-compat": ("accepts", ("node",), "the JavaScript sample decodes either case"),
}

# The samples of Harbor Node and Harmon parse the body once it is verified, and answer 500 where it is not JSON.
VERIFIED_BUT_NOT_JSON = {
    "harbor-node-valid-binary-body",
    "harbor-node-boundary-shift",
    "harmon-valid-binary",
    "harmon-valid-bom",
    "harmon-valid-gzip-as-received",
}


def main() -> int:
    tally = Tally()
    vectors = seed_vectors()
    check_deviations(tally, vectors)
    for language in BOTH:
        for (vendor, secret, now), group in grouped(vectors).items():
            check_group(tally, language, vendor, secret, now, group)
        check_window(tally, language)
        check_harness(tally, language)
    print(f"{tally.passed} passed, {tally.failed} failed")
    return 0 if tally.failed == 0 and tally.passed > 0 else 1


class Tally:
    """Counts checks and tells of those that fail."""

    def __init__(self) -> None:
        self.passed = 0
        self.failed = 0

    def check(self, name: str, problems: list[str]) -> None:
        if problems:
            self.failed += 1
            print(f"FAILED {name}: {'; '.join(problems)}")
        else:
            self.passed += 1


def equal(what: str, actual: object, expected: object) -> list[str]:
    return [] if actual == expected else [f"{what} is {actual!r}, not {expected!r}"]


# The vectors


@dataclass(frozen=True)
class Vector:
    id: str
    vendor: str
    secret: str
    now: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    strictly_valid: bool

    def accepted_by(self, language: str) -> bool:
        """Whether the vendor's own algorithm accepts it, as written in `language`."""
        verb, languages, _ = DEVIATIONS.get(self.id, (None, (), ""))
        return verb == "accepts" if language in languages else self.strictly_valid


def seed_vectors() -> list[Vector]:
    document = json.loads(VECTORS.read_text("utf-8"))
    return [vector_from(entry) for entry in document["vectors"] if entry["scheme"] in VENDOR_OF_SCHEME]


def vector_from(entry: dict) -> Vector:
    request = entry["request"]
    if "body_base64" in request:
        body = base64.b64decode(request["body_base64"], validate=True)
    else:
        body = request["body_utf8"].encode("utf-8")
    return Vector(
        id=entry["id"],
        vendor=VENDOR_OF_SCHEME[entry["scheme"]],
        secret=entry["secret"],
        now=entry["now_unix"],
        headers=tuple((name, value) for name, value in request["headers"]),
        body=body,
        strictly_valid=entry["expect"] == "valid" and entry.get("mode") != "compat",
    )


def grouped(vectors: list[Vector]) -> dict[tuple[str, str, int], list[Vector]]:
    """The vectors that one process can take: of one vendor, one secret and one time."""
    groups: dict[tuple[str, str, int], list[Vector]] = {}
    for vector in vectors:
        groups.setdefault((vector.vendor, vector.secret, vector.now), []).append(vector)
    return groups


def check_deviations(tally: Tally, vectors: list[Vector]) -> None:
    """A deviation that names no vector, or no departure, would hide what it once explained."""
    by_id = {vector.id: vector for vector in vectors}
    for name, (verb, _, _) in DEVIATIONS.items():
        vector = by_id.get(name)
        problems = [] if vector else ["no such vector"]
        if vector and vector.strictly_valid == (verb == "accepts"):
            problems.append("this is the strict verdict, not a deviation")
        tally.check(f"deviation {name}", problems)
    tally.check("vectors that are not JSON", equal("unknown", VERIFIED_BUT_NOT_JSON - by_id.keys(), set()))
    for vendor in set(VENDOR_OF_SCHEME.values()):
        accepted = [v for v in vectors if v.vendor == vendor and v.accepted_by("node") and v.accepted_by("python")]
        tally.check(f"{vendor} has vectors that it accepts", [] if accepted else ["none"])


def check_group(tally: Tally, language: str, vendor: str, secret: str, now: int, group: list[Vector]) -> None:
    with Receiver(language, vendor, secret, ["--now", str(now)]) as receiver:
        for vector in group:
            exchange = receiver.post(vector.headers, vector.body)
            tally.check(f"{language} {vector.id}", verdict_problems(exchange, vector, language))
            if vector.accepted_by(language):
                for position, body in spoiled(vector):
                    refused = receiver.post(vector.headers, body)
                    tally.check(f"{language} {vector.id}, {position}", refusal_problems(refused))
    tally.check(f"{language} {vendor} ends", receiver.end_problems())


def verdict_problems(exchange: "Exchange", vector: Vector, language: str) -> list[str]:
    accepted = vector.accepted_by(language)
    if not accepted:
        status = 401
    elif vector.id in VERIFIED_BUT_NOT_JSON:
        status = 500
    else:
        status = 202 if vector.vendor == "harbor-node" else 200
    problems = exchange.problems + equal("verified", exchange.line["verified"], accepted)
    problems += equal("status", exchange.status, status)
    problems += equal("a reason is given", exchange.line["reason"] is not None, status not in (200, 202))
    if status == 202:
        payload = json.loads(vector.body)
        told = {"ok": True, "executionId": payload["execution"]["executionId"], "event": payload["event"]}
        problems += equal("answer", json.loads(exchange.answer), told)
    if status == 200 and vector.vendor == "harmon":
        problems += equal("dispatched", exchange.line["dispatched"], dict(vector.headers)["X-Harmon-Event"])
    return problems


def refusal_problems(exchange: "Exchange") -> list[str]:
    problems = exchange.problems + equal("status", exchange.status, 401)
    return problems + equal("reason", exchange.line["reason"], "signature_mismatch")


def spoiled(vector: Vector) -> list[tuple[str, bytes]]:
    """The body with one bit changed, at its start, middle and end; an empty body grows by a byte."""
    if vector.body == b"":
        return [("one byte more", b"x")]
    spoiled = []
    for name, wanted in (("first", 0), ("middle", len(vector.body) // 2), ("last", len(vector.body) - 1)):
        position = tamperable(vector, wanted)
        body = bytearray(vector.body)
        body[position] ^= 1
        spoiled.append((f"{name} byte changed", bytes(body)))
    return spoiled


def tamperable(vector: Vector, wanted: int) -> int:
    """The first place from `wanted` on whose change the scheme can see: Harbor Lockers signs no space."""
    if vector.vendor != "harbor-lockers":
        return wanted
    return next(at for at in range(wanted, len(vector.body)) if vector.body[at] not in b" !")


# What no vector says


def check_window(tally: Tally, language: str) -> None:
    """Harbor Node's window is five minutes in both directions, and inclusive."""
    now, secret = 1743523980, "window secret, not real"
    cases = {
        "2025-04-01T16:08:00Z": True,
        "2025-04-01T16:07:59.999Z": False,
        "2025-04-01T16:18:00.000Z": True,
        "2025-04-01T16:18:00.001Z": False,
        "2025-04-01T13:13:00-03:00": True,
        "1743523980": False,
    }
    with Receiver(language, "harbor-node", secret, ["--now", str(now)]) as receiver:
        for timestamp, accepted in cases.items():
            body = b'{"event":"execution.completed","execution":{"executionId":"ex_1"}}'
            signature = "sha256=" + digest(secret, timestamp.encode() + b"." + body)
            exchange = receiver.post([("x-harbor-timestamp", timestamp), ("x-harbor-signature", signature)], body)
            reason = None if accepted else "timestamp_out_of_window"
            problems = exchange.problems + equal("reason", exchange.line["reason"], reason)
            tally.check(f"{language} harbor-node at {timestamp}", problems)
        unsigned = receiver.post([("x-harbor-timestamp", "2025-04-01T16:13:00Z")], b"{}")
        problems = equal("answer", json.loads(unsigned.answer), {"ok": False, "reason": "missing_signature_headers"})
        tally.check(f"{language} harbor-node without a signature", unsigned.problems + problems)
    tally.check(f"{language} harbor-node ends", receiver.end_problems())


def check_harness(tally: Tally, language: str) -> None:
    secret = "harness secret, not real"
    with Receiver(language, "harmon", secret, []) as receiver:
        check_bodies(tally, language, receiver, secret)
        other = receiver.post(harmon_headers(secret, b"{}"), b"{}", method="PUT")
        tally.check(f"{language} refuses another method", other.problems + equal("status", other.status, 405))
        line = receiver.post([("X-Twice", "one"), ("x-twice", "two \u0085 \u00e9")], b"{}").line
        # A header is bytes: those of UTF-8 show as ISO 8859-1, in which HTTP libraries read them.
        twice = ("one, two \u0085 \u00e9").encode("utf-8").decode("latin-1")
        tally.check(f"{language} joins header lines", equal("headers", line["headers"]["x-twice"], twice))
        tally.check(f"{language} listens on 127.0.0.1", equal("reached", reaches("127.0.0.2", receiver.port), False))
    tally.check(f"{language} harmon ends", receiver.end_problems())

    with Receiver(language, "harmon", secret, ["--public"], ended_by="SIGTERM") as receiver:
        tally.check(f"{language} --public", equal("reached", reaches("127.0.0.2", receiver.port), True))
    tally.check(f"{language} ends on SIGTERM", receiver.end_problems())
    for environment in ({}, {SECRET_ENV: ""}):
        tally.check(f"{language} starts with {environment}", start_problems(language, environment))


def check_bodies(tally: Tally, language: str, receiver: "Receiver", secret: str) -> None:
    largest = b'"' + b"a" * (MAX_BODY_BYTES - 2) + b'"'
    exchange = receiver.post(harmon_headers(secret, largest), largest)
    tally.check(f"{language} takes 2 MiB", exchange.problems + equal("status", exchange.status, 200))

    chunked = receiver.post(harmon_headers(secret, b'{"a":1}'), b'{"a":1}', chunks=[b'{"a"', b":1}"])
    tally.check(f"{language} takes chunks", chunked.problems + equal("status", chunked.status, 200))

    with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE_S) as connection:
        head = f"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {MAX_BODY_BYTES + 1}\r\n\r\n"
        # A receiver may refuse by the head alone and close while the body is still on its way.
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(head.encode() + bytes(MAX_BODY_BYTES + 1))
        line = receiver.next_line()
    problems = equal("status", line["status"], 413) + equal("bytes", line["body_bytes"], None)
    tally.check(f"{language} refuses more than 2 MiB", problems)

    with socket.create_connection(("127.0.0.1", receiver.port), timeout=PATIENCE_S) as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nabc")
        connection.shutdown(socket.SHUT_WR)
        line = receiver.next_line()
    problems = equal("status", line["status"], 400) + equal("reason", line["reason"], "body_unreadable")
    tally.check(f"{language} tells of a body that is cut off", problems)


def harmon_headers(secret: str, body: bytes) -> list[tuple[str, str]]:
    return [("X-Harmon-Event", "stock.changed"), ("X-Harmon-Signature", "sha256=" + digest(secret, body))]


def digest(secret: str, content: bytes) -> str:
    return hmac.new(secret.encode("utf-8"), content, hashlib.sha256).hexdigest()


def reaches(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PATIENCE_S).close()
    except ConnectionRefusedError:
        return False
    return True


def start_problems(language: str, environment: dict[str, str]) -> list[str]:
    command = [*COMMANDS[language]("harmon"), "--port", "0", "--secret-env", SECRET_ENV]
    clean = {name: value for name, value in os.environ.items() if name != SECRET_ENV}
    ended = subprocess.run(
        command, env=clean | environment, stdin=subprocess.PIPE, capture_output=True, timeout=PATIENCE_S
    )
    return equal("exit status", ended.returncode, 2) + equal("output", ended.stdout, b"")


# One receiver


@dataclass(frozen=True)
class Exchange:
    """One request: what was answered, what the receiver printed, and where the two or the contract disagree."""

    status: int
    answer: bytes
    line: dict
    problems: list[str]


class Receiver:
    """A receiver's process, on a port of its own, with one connection to it."""

    def __init__(self, language: str, vendor: str, secret: str, options: list[str], ended_by: str = "stdin") -> None:
        self.language = language
        self.vendor = vendor
        self.secret = secret
        self.ended_by = ended_by
        self.printed: list[str] = []
        self.lines: queue.Queue[dict] = queue.Queue()
        self.process = subprocess.Popen(
            [*COMMANDS[language](vendor), "--port", "0", "--secret-env", SECRET_ENV, *options],
            # A time without a zone is the receiver's: in another zone the verdicts would be others.
            env=os.environ | {SECRET_ENV: secret, "TZ": "UTC"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        self.reader = threading.Thread(target=self.read_lines, daemon=True)
        self.reader.start()

    def __enter__(self) -> "Receiver":
        try:
            self.port = self.next_line()["listening"]
        except queue.Empty:
            self.process.kill()
            raise RuntimeError(f"{self.language} {self.vendor} did not start: {self.process.stderr.read()}") from None
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        return self

    def __exit__(self, *exception: object) -> None:
        self.connection.close()
        if self.ended_by == "SIGTERM":
            self.process.send_signal(signal.SIGTERM)
        else:
            self.process.stdin.close()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join()
        self.complaints = self.process.stderr.read()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()

    def read_lines(self) -> None:
        for line in self.process.stdout:
            self.printed.append(line)
            self.lines.put(json.loads(line))

    def next_line(self) -> dict:
        return self.lines.get(timeout=PATIENCE_S)

    def post(self, headers, body: bytes, method: str = "POST", chunks: list[bytes] | None = None) -> Exchange:
        path = "/hooks/in?of=" + self.vendor
        self.connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            self.connection.putheader(name, value.encode("utf-8"))
        if chunks is None:
            self.connection.putheader("Content-Length", str(len(body)))
            self.connection.endheaders(body)
        else:
            self.connection.putheader("Transfer-Encoding", "chunked")
            self.connection.endheaders(iter(chunks), encode_chunked=True)
        response = self.connection.getresponse()
        answer = response.read()
        line = self.next_line()
        return Exchange(response.status, answer, line, self.line_problems(line, path, headers, body, response.status))

    def line_problems(self, line: dict, path: str, headers, body: bytes, status: int) -> list[str]:
        expected = {
            "vendor": self.vendor,
            "language": self.language,
            "path": path,
            "status": status,
            "body_sha256": hashlib.sha256(body).hexdigest(),
            "body_bytes": len(body),
        }
        keys = {*expected, "verified", "reason", "dispatched", "headers"}
        problems = equal("keys", set(line), keys)
        for name, value in expected.items():
            problems += equal(name, line.get(name), value)
        for name, value in headers:
            seen = line["headers"].get(name.lower(), "").split(", ") + [line["headers"].get(name.lower())]
            if value.encode("utf-8").decode("latin-1") not in seen:
                problems.append(f"header {name} is not in the line")
        return problems

    def end_problems(self) -> list[str]:
        """Whether it ended by itself, printed nothing unasked for, and kept the secret to itself."""
        problems = equal("exit status", self.process.returncode, 0) + equal("complaints", self.complaints, "")
        problems += equal("lines left", self.lines.qsize(), 0)
        if self.secret in "".join(self.printed) + self.complaints:
            problems.append("the secret was printed")
        return problems


if __name__ == "__main__":
    sys.exit(main())

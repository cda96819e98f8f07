"""Receives the execution callbacks of Harbor Node ("Harbor Callback Receiver Verification"). The document's
example is in JavaScript; these are its steps in Python.
"""

import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone

from harness import Outcome, Request, serve

SIGNATURE_HEADER = "x-harbor-signature"
TIMESTAMP_HEADER = "x-harbor-timestamp"
MAX_SKEW_MS = 5 * 60 * 1000


# Mended: there is no secret "replace-me" to fall back on.
# Mended: the raw bytes are verified whatever the content type; the document's express.raw would have left any
# type but application/json out and verified an empty body in its place.
def receive(request: Request) -> Outcome:
    raw_timestamp = request.headers.get(TIMESTAMP_HEADER, "")
    raw_signature = request.headers.get(SIGNATURE_HEADER, "")
    if not raw_timestamp or not raw_signature.startswith("sha256="):
        return refuse("missing_signature_headers")
    if not is_in_window(raw_timestamp, request.now_ms):
        return refuse("timestamp_out_of_window")
    if not is_signature_valid(raw_timestamp, raw_signature, request.body, request.secret):
        return refuse("signature_mismatch")
    return accept(request.body)


def is_in_window(raw_timestamp: str, now_ms: int) -> bool:
    """Whether the timestamp is at most five minutes away, in either direction and inclusive, as documented.

    Kept as documented: a time without a zone is one of the receiver's zone. Python has no Date.parse;
    datetime.fromisoformat reads the ISO 8601 forms of it and nothing else.
    """
    try:
        parsed = datetime.fromisoformat(raw_timestamp).astimezone(timezone.utc)
    except (ValueError, OverflowError):
        return False
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    timestamp_ms = (parsed - epoch) // timedelta(milliseconds=1)
    return abs(now_ms - timestamp_ms) <= MAX_SKEW_MS


def is_signature_valid(raw_timestamp: str, raw_signature: str, raw_body: bytes, signing_secret: str) -> bool:
    """Whether the header's digest is that of the body.

    Kept as documented: hexadecimal of either case is decoded. bytes.fromhex refuses what Node's decoder stops
    at, so that text after a whole digest is a mismatch here.
    """
    signed_payload = f"{raw_timestamp}.".encode("utf-8") + raw_body
    expected = hmac.new(signing_secret.encode("utf-8"), signed_payload, hashlib.sha256).digest()
    try:
        received = bytes.fromhex(raw_signature.removeprefix("sha256="))
    except ValueError:
        return False
    return hmac.compare_digest(expected, received)


def accept(raw_body: bytes) -> Outcome:
    try:
        payload = json.loads(raw_body.decode("utf-8", errors="replace"))
    except ValueError:
        # The document's handler throws here, and express answers 500.
        return Outcome(500, verified=True, reason="payload_not_json")
    event = member(payload, "event")
    fields = {"ok": True, "executionId": member(member(payload, "execution"), "executionId"), "event": event}
    # As in JavaScript, a field that the payload does not have is not in the answer.
    answer = json.dumps({name: value for name, value in fields.items() if value is not None})
    return Outcome(202, verified=True, dispatched=event, content_type="application/json", answer=answer)


def member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None


def refuse(reason: str) -> Outcome:
    answer = json.dumps({"ok": False, "reason": reason})
    return Outcome(401, reason=reason, content_type="application/json", answer=answer)


serve("harbor-node", receive)

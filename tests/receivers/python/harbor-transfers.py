"""Receives the webhooks of Harbor's transfers ("Verifying requests from Harbor"). The document's example is in
JavaScript; these are its steps in Python.
"""

import hashlib
import hmac

from harness import Outcome, Request, serve


def receive(request: Request) -> Outcome:
    header = request.headers.get("harbor-signature")
    if header is None:
        return Outcome(401, reason="missing_signature_header")
    if not is_signature_valid(header, request.body, request.secret):
        return Outcome(401, reason="signature_mismatch")
    return Outcome(200, verified=True, answer="OK")


def is_signature_valid(request_header: str, request_body: bytes, signing_secret: str) -> bool:
    """Whether the header's v1 is the signature of the body.

    Mended: the document's example does not parse (a string in single quotes over many lines); the body here
    is the bytes that arrived, and it is never made into text.

    Kept as documented: a repeated key keeps its last value only, what follows a second "=" is dropped, nothing
    is trimmed, only v1 counts, the timestamp is not compared with a clock, and signatures are compared by ==.
    """
    signature_data: dict[str, str | None] = {}
    for item in request_header.split(","):
        # JavaScript's destructuring leaves the value undefined where an item has no "=".
        key, value = (item.split("=") + [None])[:2]
        signature_data[key] = value

    timestamp = signature_data.get("t")
    signature = signature_data.get("v1")

    signed_payload = f"{timestamp}.".encode("utf-8") + request_body
    expected_signature = hmac.new(signing_secret.encode("utf-8"), signed_payload, hashlib.sha256).hexdigest()
    return expected_signature == signature


serve("harbor-transfers", receive)

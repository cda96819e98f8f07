"""Receives the webhooks of Harmon ("Verify a webhook"). The document's example is in JavaScript; these are its
steps in Python, with the hmac.compare_digest that the document names.
"""

import hashlib
import hmac
import json

from harness import Outcome, Request, serve


# Mended: the raw bytes are what arrived; the document's express.raw inflates a compressed body and leaves an
# empty one out. SIGNING_SECRET, which nothing defines in the document, is the configured secret.
def receive(request: Request) -> Outcome:
    expected = "sha256=" + hmac.new(request.secret.encode("utf-8"), request.body, hashlib.sha256).hexdigest()
    got = request.headers.get("x-harmon-signature", "")
    if not hmac.compare_digest(expected.encode("utf-8"), got.encode("utf-8")):
        reason = "missing_signature_header" if got == "" else "signature_mismatch"
        return Outcome(401, reason=reason, answer="Unauthorized")

    try:
        json.loads(request.body.decode("utf-8", errors="replace"))
    except ValueError:
        # The document's handler throws here, and express answers 500.
        return Outcome(500, verified=True, reason="payload_not_json")
    # Kept as documented: the event's name comes from a header that the signature does not cover.
    return Outcome(200, verified=True, dispatched=request.headers.get("x-harmon-event"), answer="OK")


serve("harmon", receive)

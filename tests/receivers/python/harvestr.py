"""Receives the webhooks of Harvestr ("Security": HTTP headers, HMAC signature verification), by the steps of
its Python example.
"""

import hashlib
import hmac

from harness import Outcome, Request, serve


# The document's handler knows events alone. A challenge arrives at the same URL and nothing but its header
# tells it from an event; its answer is not documented, so it gets the 200 that an event gets.
def receive(request: Request) -> Outcome:
    signature = request.headers.get("x-harvestr-webhook-signature")
    dispatched = "event"
    if signature is None:
        signature = request.headers.get("x-harvestr-signature")
        dispatched = "challenge"
    # Mended: without the header the document's function throws, which answers 500 in place of 401.
    if signature is None:
        return Outcome(401, reason="missing_signature_header", answer="Invalid signature")
    if not verify_webhook_signature(request.body, signature, request.secret):
        return Outcome(401, reason="signature_mismatch", answer="Invalid signature")
    return Outcome(200, verified=True, dispatched=dispatched, answer="OK")


def verify_webhook_signature(raw_body: bytes, signature: str, secret_token: str) -> bool:
    """Whether the signature is that of the body.

    Mended: compare_digest throws for text that is not ASCII; here that is a mismatch.
    Kept as documented: the comparison is one of text, lower-case hexadecimal and nothing after it.
    """
    expected = hmac.new(secret_token.encode("utf-8"), raw_body, hashlib.sha256).hexdigest()
    return signature.isascii() and hmac.compare_digest(signature, expected)


serve("harvestr", receive)

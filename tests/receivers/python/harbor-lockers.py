"""Receives the webhooks of Harbor Lockers ("How to use Locker open", section "Verifying Webhook Signatures"),
by the steps of its Python validator.
"""

import hashlib
import hmac
import re

from harness import Outcome, Request, serve


def receive(request: Request) -> Outcome:
    header = request.headers.get("x-harbor-signature")
    # Mended: the document's function would end in an error without the header.
    if header is None:
        return Outcome(401, reason="missing_signature_header")
    if not is_signature_valid(header, request.body, request.secret):
        return Outcome(401, reason="signature_mismatch")
    return Outcome(200, verified=True, answer="OK")


def is_signature_valid(x_harbor_signature: str, payload: bytes, shared_secret: str) -> bool:
    """Whether one of the header's signatures is that of the payload.

    Mended: the document searches a variable `header` that nothing defines; it means the parameter.
    Mended: the payload stays bytes; removing the byte 0x20 is the same as `replace(" ", "")` on UTF-8 text.

    Kept as documented: a repeated key keeps its last value only, every key that begins with "v" is a
    signature, the timestamp is signed but never compared with a clock, spaces are removed inside strings too,
    and the comparison is one of text (lower-case hexadecimal, not in constant time).
    """
    matches = dict(re.findall(r"(\w+)=([^,]+)", x_harbor_signature))

    timestamp = matches.get("t")
    signatures = [value for key, value in matches.items() if key.startswith("v")]

    signed_content = f"{timestamp},".encode("utf-8") + payload.replace(b" ", b"")
    generated_signature = hmac.new(shared_secret.encode("utf-8"), signed_content, hashlib.sha256).hexdigest()
    return generated_signature in signatures


serve("harbor-lockers", receive)

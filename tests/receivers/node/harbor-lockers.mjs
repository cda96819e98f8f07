// Receives the webhooks of Harbor Lockers ("How to use Locker open", section "Verifying Webhook Signatures").
// The document's validator is in Python; these are its steps in JavaScript.

import { createHmac } from "node:crypto";
import { serve } from "./harness.mjs";

serve("harbor-lockers", ({ headers, body, secret }) => {
  const header = headers["x-harbor-signature"];
  // Mended: the document's function would end in an error without the header.
  if (header === undefined) {
    return { status: 401, reason: "missing_signature_header" };
  }
  if (!isSignatureValid(header, body, secret)) {
    return { status: 401, reason: "signature_mismatch" };
  }
  return { status: 200, verified: true, answer: "OK" };
});

// Mended: the document searches a variable `header` that nothing defines; it means the parameter.
// Mended: the payload stays bytes; removing the byte 0x20 is the same as `replace(" ", "")` on UTF-8 text.
//
// Kept as documented: a repeated key keeps its last value only, every key that begins with "v" is a signature,
// the timestamp is signed but never compared with a clock, spaces are removed inside strings too, and the
// comparison is one of text (lower-case hexadecimal, not in constant time).
function isSignatureValid(xHarborSignature, payload, sharedSecret) {
  // Python's \w knows the letters and digits of every script.
  const items = [...xHarborSignature.matchAll(/([\p{L}\p{N}_]+)=([^,]+)/gu)];
  const matches = new Map(items.map(([, key, value]) => [key, value]));

  const timestamp = matches.get("t");
  const signatures = [...matches].filter(([key]) => key.startsWith("v")).map(([, value]) => value);

  const compactPayload = payload.filter((byte) => byte !== 0x20);
  const generatedSignature = createHmac("sha256", sharedSecret)
    .update(`${timestamp},`)
    .update(compactPayload)
    .digest("hex");
  return signatures.includes(generatedSignature);
}

// Receives the webhooks of Harmon ("Verify a webhook"), by the steps of its Node.js example.

import { createHmac, timingSafeEqual } from "node:crypto";
import { serve } from "./harness.mjs";

// Mended: the raw bytes are what arrived; the document's express.raw inflates a compressed body and leaves an
// empty one out.
serve("harmon", ({ headers, body, secret }) => {
  // Mended: SIGNING_SECRET, which nothing defines in the document, is the configured secret.
  const expected = "sha256=" + createHmac("sha256", secret).update(body).digest("hex");
  const got = headers["x-harmon-signature"] ?? "";

  const a = Buffer.from(expected);
  const b = Buffer.from(got);
  if (a.length !== b.length || !timingSafeEqual(a, b)) {
    const reason = got === "" ? "missing_signature_header" : "signature_mismatch";
    return { status: 401, reason, answer: "Unauthorized" };
  }

  try {
    JSON.parse(body.toString("utf8"));
  } catch {
    // The document's handler throws here, and express answers 500.
    return { status: 500, verified: true, reason: "payload_not_json" };
  }
  // Kept as documented: the event's name comes from a header that the signature does not cover.
  return { status: 200, verified: true, dispatched: headers["x-harmon-event"], answer: "OK" };
});

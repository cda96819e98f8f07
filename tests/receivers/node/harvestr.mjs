// Receives the webhooks of Harvestr ("Security": HTTP headers, HMAC signature verification), by the steps of
// its Node.js example.

import { createHmac, timingSafeEqual } from "node:crypto";
import { serve } from "./harness.mjs";

// The document's handler knows events alone. A challenge arrives at the same URL and nothing but its header
// tells it from an event; its answer is not documented, so it gets the 200 that an event gets.
serve("harvestr", ({ headers, body, secret }) => {
  const isChallenge = !("x-harvestr-webhook-signature" in headers) && "x-harvestr-signature" in headers;
  const signature = headers[isChallenge ? "x-harvestr-signature" : "x-harvestr-webhook-signature"];
  // Mended: without the header the document's function throws, which answers 500 in place of 401.
  if (signature === undefined) {
    return { status: 401, reason: "missing_signature_header", answer: "Invalid signature" };
  }
  if (!verifyWebhookSignature(body, signature, secret)) {
    return { status: 401, reason: "signature_mismatch", answer: "Invalid signature" };
  }
  return { status: 200, verified: true, dispatched: isChallenge ? "challenge" : "event", answer: "OK" };
});

// Mended: timingSafeEqual throws where the lengths differ; here that is a mismatch.
//
// Kept as documented: decoding stops at the first character that is not hexadecimal, and takes either case.
function verifyWebhookSignature(rawBody, signature, secretKey) {
  const expected = createHmac("sha256", secretKey).update(rawBody).digest();
  const received = Buffer.from(signature, "hex");
  return received.length === expected.length && timingSafeEqual(received, expected);
}

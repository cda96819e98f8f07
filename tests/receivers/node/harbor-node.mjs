// Receives the execution callbacks of Harbor Node ("Harbor Callback Receiver Verification"), by the steps of
// its Node.js example.

import { createHmac, timingSafeEqual } from "node:crypto";
import { serve } from "./harness.mjs";

const SIGNATURE_HEADER = "x-harbor-signature";
const TIMESTAMP_HEADER = "x-harbor-timestamp";
const MAX_SKEW_MS = 5 * 60 * 1000;

// Mended: there is no secret "replace-me" to fall back on.
// Mended: the raw bytes are verified whatever the content type; the document's express.raw would have left any
// type but application/json out and verified an empty body in its place.
serve("harbor-node", ({ headers, body, secret, nowMs }) => {
  const rawTimestamp = headers[TIMESTAMP_HEADER];
  const rawSignature = headers[SIGNATURE_HEADER];
  if (!rawTimestamp || !rawSignature?.startsWith("sha256=")) {
    return refuse("missing_signature_headers");
  }
  if (!isInWindow(rawTimestamp, nowMs)) {
    return refuse("timestamp_out_of_window");
  }
  if (!isSignatureValid(rawTimestamp, rawSignature, body, secret)) {
    return refuse("signature_mismatch");
  }
  return accept(body);
});

// Kept as documented: whatever Date.parse reads is a timestamp, and both bounds are inclusive.
function isInWindow(rawTimestamp, nowMs) {
  const timestampMs = Date.parse(rawTimestamp);
  return Number.isFinite(timestampMs) && Math.abs(nowMs - timestampMs) <= MAX_SKEW_MS;
}

// Kept as documented: decoding stops at the first character that is not hexadecimal, so that what follows a
// whole digest is not looked at.
function isSignatureValid(rawTimestamp, rawSignature, rawBody, signingSecret) {
  const signedPayload = Buffer.concat([Buffer.from(`${rawTimestamp}.`, "utf8"), rawBody]);
  const expected = createHmac("sha256", signingSecret).update(signedPayload).digest();
  const received = Buffer.from(rawSignature.slice("sha256=".length), "hex");
  return expected.length === received.length && timingSafeEqual(expected, received);
}

function accept(rawBody) {
  let payload;
  try {
    payload = JSON.parse(rawBody.toString("utf8"));
  } catch {
    // The document's handler throws here, and express answers 500.
    return { status: 500, verified: true, reason: "payload_not_json" };
  }
  const event = payload?.event;
  const answer = { ok: true, executionId: payload?.execution?.executionId, event };
  return { ...json(202, answer), verified: true, dispatched: event };
}

function refuse(reason) {
  return { ...json(401, { ok: false, reason }), reason };
}

function json(status, answer) {
  return { status, contentType: "application/json", answer: JSON.stringify(answer) };
}

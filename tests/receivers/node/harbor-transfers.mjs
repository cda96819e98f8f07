// Receives the webhooks of Harbor's transfers ("Verifying requests from Harbor"), by the steps of its Node.js example.

import { createHmac } from "node:crypto";
import { serve } from "./harness.mjs";

serve("harbor-transfers", ({ headers, body, secret }) => {
  const header = headers["harbor-signature"];
  if (header === undefined) {
    return { status: 401, reason: "missing_signature_header" };
  }
  if (!isSignatureValid(header, body, secret)) {
    return { status: 401, reason: "signature_mismatch" };
  }
  return { status: 200, verified: true, answer: "OK" };
});

// Mended: the document's example does not parse (a string in single quotes over many lines); the body here is
// the bytes that arrived, and it is never made into text.
//
// Kept as documented: a repeated key keeps its last value only, what follows a second "=" is dropped, nothing
// is trimmed, only v1 counts, the timestamp is not compared with a clock, and signatures are compared by ===.
function isSignatureValid(requestHeader, requestBody, signingSecret) {
  const signatureData = requestHeader.split(",").reduce((data, item) => {
    const [key, value] = item.split("=");
    data[key] = value;
    return data;
  }, {});

  const timestamp = signatureData["t"];
  const signature = signatureData["v1"];

  const expectedSignature = createHmac("sha256", signingSecret)
    .update(`${timestamp}.`)
    .update(requestBody)
    .digest("hex");
  return expectedSignature === signature;
}

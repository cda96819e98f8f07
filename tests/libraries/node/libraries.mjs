// What each library does with one case: `sign` gives the headers that it would send, `verify` says whether it takes them.
// A case has `sign_key`, `verify_key`, `body`, `url`, `method`, `now` (unix seconds) and `headers` (a plain object, names in
// lower case).

import { createHash } from "node:crypto";

import { signRequest, verifyRequest } from "@contentful/node-apps-toolkit";
import { Mux } from "@mux/mux-node";
import * as octokit from "@octokit/webhooks-methods";
import { Paddle } from "@paddle/paddle-node-sdk";
import { encodeSignatureHeader, isValidSignature } from "@sanity/webhook";
import { EventWebhook } from "@sendgrid/eventwebhook";
import { WorkOS } from "@workos-inc/node";
import { verifyKey } from "discord-interactions";
import httpSignatures from "http-message-signatures";
import * as jose from "jose";
import * as standardwebhooks from "standardwebhooks";
import Stripe from "stripe";
import * as svix from "svix";
import twilio from "twilio";

const stripe = new Stripe("sk_test_not_used");
const workos = new WorkOS("sk_test_not_used", { clientId: "client_not_used" });
const mux = new Mux({ tokenId: "not-used", tokenSecret: "not-used" });
const paddle = new Paddle("not-used");

/** True if it returns: these libraries refuse by throwing, and what they throw is reported. */
async function returns(call) {
  await call();
  return true;
}

function standardFamily(Webhook, prefix) {
  return {
    sign: ({ sign_key, body, now }) => {
      const id = "msg_from_the_library";
      const signature = new Webhook(sign_key).sign(id, new Date(now * 1000), body);
      return {
        [`${prefix}-id`]: id,
        [`${prefix}-timestamp`]: String(now),
        [`${prefix}-signature`]: signature,
      };
    },
    verify: ({ verify_key, body, headers }) => returns(() => new Webhook(verify_key).verify(body, headers)),
  };
}

function contentfulRequest({ method, url, body, headers }) {
  const { pathname, search } = new URL(url);
  return { method, path: pathname + search, body, headers };
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

export const libraries = {
  standardwebhooks: standardFamily(standardwebhooks.Webhook, "webhook"),

  svix: standardFamily(svix.Webhook, "svix"),

  stripe: {
    sign: ({ sign_key, body, now }) => ({
      "stripe-signature": stripe.webhooks.generateTestHeaderString({
        payload: body,
        secret: sign_key,
        timestamp: now,
      }),
    }),
    verify: ({ verify_key, body, headers }) =>
      returns(() => stripe.webhooks.constructEvent(body, headers["stripe-signature"], verify_key)),
  },

  "@octokit/webhooks-methods": {
    sign: async ({ sign_key, body }) => ({ "x-hub-signature-256": await octokit.sign(sign_key, body) }),
    verify: ({ verify_key, body, headers }) => octokit.verify(verify_key, body, headers["x-hub-signature-256"]),
  },

  "twilio (form)": {
    sign: ({ sign_key, body, url }) => ({
      "x-twilio-signature": twilio.getExpectedTwilioSignature(
        sign_key,
        url,
        Object.fromEntries(new URLSearchParams(body)),
      ),
    }),
    verify: ({ verify_key, body, url, headers }) =>
      twilio.validateRequest(
        verify_key,
        headers["x-twilio-signature"],
        url,
        Object.fromEntries(new URLSearchParams(body)),
      ),
  },

  "twilio (JSON)": {
    sign: ({ sign_key, url }) => ({
      "x-twilio-signature": twilio.getExpectedTwilioSignature(sign_key, url, {}),
    }),
    verify: ({ verify_key, body, url, headers }) =>
      twilio.validateRequestWithBody(verify_key, headers["x-twilio-signature"], url, body),
  },

  "@sanity/webhook": {
    sign: async ({ sign_key, body, now }) => ({
      "sanity-webhook-signature": await encodeSignatureHeader(body, now * 1000, sign_key),
    }),
    verify: ({ verify_key, body, headers }) =>
      isValidSignature(body, headers["sanity-webhook-signature"], verify_key),
  },

  "@workos-inc/node": {
    sign: async ({ sign_key, body, now }) => {
      const payload = JSON.parse(body);
      const digest = await workos.webhooks.computeSignature(now * 1000, payload, sign_key);
      return { "workos-signature": `t=${now * 1000}, v1=${digest}` };
    },
    verify: ({ verify_key, body, headers }) =>
      returns(() =>
        workos.webhooks.constructEvent({
          payload: JSON.parse(body),
          sigHeader: headers["workos-signature"],
          secret: verify_key,
        }),
      ),
  },

  "@mux/mux-node": {
    verify: ({ verify_key, body, headers }) =>
      returns(() => mux.webhooks.verifySignature(body, headers, verify_key)),
  },

  "@paddle/paddle-node-sdk": {
    verify: ({ verify_key, body, headers }) =>
      paddle.webhooks.isSignatureValid(body, verify_key, headers["paddle-signature"]),
  },

  "@contentful/node-apps-toolkit": {
    sign: (signed) =>
      signRequest(signed.sign_key, contentfulRequest({ ...signed, headers: {} }), signed.now * 1000),
    verify: (received) => verifyRequest(received.verify_key, contentfulRequest(received), 60),
  },

  "discord-interactions": {
    verify: ({ verify_key, body, headers }) =>
      verifyKey(body, headers["x-signature-ed25519"], headers["x-signature-timestamp"], verify_key),
  },

  "@sendgrid/eventwebhook": {
    verify: ({ verify_key, body, headers }) => {
      const webhook = new EventWebhook();
      return webhook.verifySignature(
        webhook.convertPublicKeyToECDSA(verify_key),
        body,
        headers["x-twilio-email-event-webhook-signature"],
        headers["x-twilio-email-event-webhook-timestamp"],
      );
    },
  },

  "jose (Netlify)": {
    sign: async ({ sign_key, body }) => ({
      "x-webhook-signature": await new jose.SignJWT({ iss: "netlify", sha256: sha256(body) })
        .setProtectedHeader({ alg: "HS256", typ: "JWT" })
        .sign(new TextEncoder().encode(sign_key)),
    }),
    verify: async ({ verify_key, body, headers }) => {
      try {
        const key = new TextEncoder().encode(verify_key);
        const { payload } = await jose.jwtVerify(headers["x-webhook-signature"], key, {
          issuer: "netlify",
          algorithms: ["HS256"],
        });
        return payload.sha256 === sha256(body);
      } catch {
        return false;
      }
    },
  },

  "jose (Plaid)": {
    sign: async ({ sign_key, body, now }) => {
      const jwk = JSON.parse(sign_key);
      const token = new jose.SignJWT({ iat: now, request_body_sha256: sha256(body) });
      token.setProtectedHeader({ alg: "ES256", kid: jwk.kid, typ: "JWT" });
      return { "plaid-verification": await token.sign(await jose.importJWK(jwk, "ES256")) };
    },
    verify: async ({ verify_key, body, headers }) => {
      try {
        const key = await jose.importJWK(JSON.parse(verify_key), "ES256");
        const { payload } = await jose.jwtVerify(headers["plaid-verification"], key, {
          algorithms: ["ES256"],
          maxTokenAge: "5 min",
        });
        return payload.request_body_sha256 === sha256(body);
      } catch {
        return false;
      }
    },
  },

  "http-message-signatures (npm)": {
    sign: async ({ sign_key, body, url, method, now }) => {
      const digest = createHash("sha256").update(body).digest("base64");
      const request = { method, url, headers: { "content-digest": `sha-256=:${digest}:` } };
      const key = httpSignatures.createSigner(Buffer.from(sign_key, "base64"), "hmac-sha256", "the-key");
      const signed = await httpSignatures.httpbis.signMessage(
        {
          key,
          name: "sig1",
          fields: ["@method", "@authority", "@path", "@query", "content-digest"],
          params: ["created", "keyid", "alg"],
          paramValues: { created: new Date(now * 1000) },
        },
        request,
      );
      return Object.fromEntries(Object.entries(signed.headers).map(([name, value]) => [name.toLowerCase(), value]));
    },
    verify: async ({ verify_key, body, url, method, headers }) => {
      const secret = Buffer.from(verify_key, "base64");
      const verify = httpSignatures.createVerifier(secret, "hmac-sha256");
      try {
        const taken = await httpSignatures.httpbis.verifyMessage(
          { keyLookup: async () => ({ verify }), requiredFields: ["content-digest"] },
          { method, url, headers },
        );
        const digest = createHash("sha256").update(body).digest("base64");
        return taken === true && headers["content-digest"] === `sha-256=:${digest}:`;
      } catch {
        return false;
      }
    },
  },
};

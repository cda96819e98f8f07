"""What each library does with one case.

`sign` gives the headers (and the body, where the signature stands in it) that the library would send; `verify` says
whether it takes them. A case has `sign_key`, `verify_key`, `body` (text), `url`, `method`, `now` (unix seconds),
`params` and `headers` (names in lower case).
"""

import base64
import datetime
import hashlib
import json
import sys
import urllib.parse

import Adyen.util
import braintree
import http_message_signatures
import hubspot.utils.signature
import razorpay
import requests
import slack_sdk.signature
import square.utils.webhooks_helper
import standardwebhooks
import stripe


class StandardWebhooks:
    def sign(self, case):
        when = datetime.datetime.fromtimestamp(case["now"], tz=datetime.timezone.utc)
        signature = standardwebhooks.Webhook(case["sign_key"]).sign("msg_from_the_library", when, case["body"])
        return {
            "headers": {
                "webhook-id": "msg_from_the_library",
                "webhook-timestamp": str(case["now"]),
                "webhook-signature": signature,
            }
        }

    def verify(self, case):
        standardwebhooks.Webhook(case["verify_key"]).verify(case["body"], case["headers"])
        return True


class Stripe:
    def verify(self, case):
        stripe.WebhookSignature.verify_header(
            case["body"], case["headers"]["stripe-signature"], case["verify_key"], tolerance=300
        )
        return True


class Slack:
    def sign(self, case):
        verifier = slack_sdk.signature.SignatureVerifier(case["sign_key"])
        stamp = str(case["now"])
        signature = verifier.generate_signature(timestamp=stamp, body=case["body"])
        return {"headers": {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}}

    def verify(self, case):
        verifier = slack_sdk.signature.SignatureVerifier(case["verify_key"])
        return verifier.is_valid_request(case["body"], case["headers"])


class Braintree:
    """The keys are a pair: the public one names the signature, the private one makes it."""

    def gateway(self, case, key):
        configuration = braintree.Configuration(
            environment=braintree.Environment.Sandbox,
            merchant_id="integration_merchant_id",
            public_key=case["params"]["public_key"],
            private_key=case[key],
        )
        return braintree.BraintreeGateway(configuration)

    def sign(self, case):
        sample = self.gateway(case, "sign_key").webhook_testing.sample_notification("check", "my_id")
        fields = {name: value if isinstance(value, str) else value.decode() for name, value in sample.items()}
        return {
            "headers": {"content-type": "application/x-www-form-urlencoded"},
            "body": urllib.parse.urlencode(fields),
        }

    def verify(self, case):
        form = dict(urllib.parse.parse_qsl(case["body"], keep_blank_values=True))
        gateway = self.gateway(case, "verify_key")
        gateway.webhook_notification.parse(form["bt_signature"], form["bt_payload"])
        return True


class AdyenPayments:
    def sign(self, case):
        body = json.loads(case["body"])
        item = body["notificationItems"][0]["NotificationRequestItem"]
        signed = {name: value for name, value in item.items() if name != "additionalData"}
        signature = Adyen.util.generate_notification_sig(signed, case["sign_key"]).decode()
        item["additionalData"] = {"hmacSignature": signature}
        return {"headers": {}, "body": json.dumps(body)}

    def verify(self, case):
        return bool(Adyen.util.is_valid_hmac_notification(json.loads(case["body"]), case["verify_key"]))


class AdyenHeader:
    def sign(self, case):
        signature = Adyen.util.generate_payload_sig(case["body"].encode(), case["sign_key"]).decode()
        return {"headers": {"hmacsignature": signature}}

    def verify(self, case):
        signature = case["headers"]["hmacsignature"]
        return Adyen.util.is_valid_hmac_payload(signature, case["verify_key"], case["body"].encode())


class Razorpay:
    def verify(self, case):
        client = razorpay.Client(auth=("not-used", "not-used"))
        signature = case["headers"]["x-razorpay-signature"]
        return client.utility.verify_webhook_signature(case["body"], signature, case["verify_key"])


class Square:
    def verify(self, case):
        return square.utils.webhooks_helper.verify_signature(
            request_body=case["body"],
            signature_header=case["headers"]["x-square-hmacsha256-signature"],
            signature_key=case["verify_key"],
            notification_url=case["url"],
        )


class HubSpot:
    """One class for the three versions, which differ in the header and in what is signed."""

    def __init__(self, version):
        self.version = version
        self.header = "x-hubspot-signature-v3" if version == "v3" else "x-hubspot-signature"

    def sign(self, case):
        stamp = str(case["now"] * 1000)
        signature = hubspot.utils.signature.Signature.get_signature(
            case["sign_key"], case["body"], self.version, case["url"], case["method"], stamp
        )
        extra = (
            {"x-hubspot-request-timestamp": stamp}
            if self.version == "v3"
            else {"x-hubspot-signature-version": self.version}
        )
        return {"headers": {self.header: signature, **extra}}

    def verify(self, case):
        return hubspot.utils.signature.Signature.is_valid(
            case["headers"][self.header],
            case["verify_key"],
            case["body"],
            case["url"],
            case["method"],
            self.version,
            case["headers"].get("x-hubspot-request-timestamp"),
        )


class MessageSignatures:
    class Keys(http_message_signatures.HTTPSignatureKeyResolver):
        def __init__(self, key):
            self.key = base64.b64decode(key)

        def resolve_public_key(self, key_id):
            return self.key

        def resolve_private_key(self, key_id):
            return self.key

    COVERED = ("@method", "@authority", "@path", "@query", "content-digest")

    def sign(self, case):
        request = requests.Request(case["method"], case["url"], data=case["body"].encode()).prepare()
        digest = base64.b64encode(hashlib.sha256(case["body"].encode()).digest()).decode()
        request.headers["Content-Digest"] = f"sha-256=:{digest}:"
        signer = http_message_signatures.HTTPMessageSigner(
            signature_algorithm=http_message_signatures.algorithms.HMAC_SHA256,
            key_resolver=self.Keys(case["sign_key"]),
        )
        created = datetime.datetime.fromtimestamp(case["now"], tz=datetime.timezone.utc)
        signer.sign(
            request,
            key_id="the-key",
            covered_component_ids=self.COVERED,
            created=created,
            use_existing_digest=True,
        )
        names = ("content-digest", "signature-input", "signature")
        return {"headers": {name: request.headers[name] for name in names}}

    def verify(self, case):
        request = requests.Request(
            case["method"], case["url"], headers=case["headers"], data=case["body"].encode()
        ).prepare()
        verifier = http_message_signatures.HTTPMessageVerifier(
            signature_algorithm=http_message_signatures.algorithms.HMAC_SHA256,
            key_resolver=self.Keys(case["verify_key"]),
        )
        results = verifier.verify(request)
        covered = any('"content-digest"' in result.covered_components for result in results)
        digest = base64.b64encode(hashlib.sha256(case["body"].encode()).digest()).decode()
        return covered and case["headers"].get("content-digest") == f"sha-256=:{digest}:"


LIBRARIES = {
    "standardwebhooks (PyPI)": StandardWebhooks(),
    "stripe (PyPI)": Stripe(),
    "slack-sdk": Slack(),
    "braintree": Braintree(),
    "Adyen (payments)": AdyenPayments(),
    "Adyen (header)": AdyenHeader(),
    "razorpay": Razorpay(),
    "squareup": Square(),
    "hubspot-api-client (v1)": HubSpot("v1"),
    "hubspot-api-client (v2)": HubSpot("v2"),
    "hubspot-api-client (v3)": HubSpot("v3"),
    "http-message-signatures (PyPI)": MessageSignatures(),
}


def one(case):
    library = LIBRARIES.get(case["library"])
    if library is None:
        return {"error": f"no library of this name: {case['library']}"}
    call = getattr(library, case["action"], None)
    if call is None:
        return {"unsupported": True}
    case = {**case, "headers": dict(case.get("headers", []))}
    try:
        outcome = call(case)
    except Exception as error:  # Each library refuses in its own way, and most by raising.
        return {"error": repr(error)} if case["action"] == "sign" else {"valid": False, "error": repr(error)}
    if case["action"] == "verify":
        return {"valid": outcome is True}
    return {**outcome, "headers": list(outcome["headers"].items())}


if __name__ == "__main__":
    json.dump([one(case) for case in json.load(sys.stdin)], sys.stdout)

"""Reports of any program, signed as standardwebhooks.com describes: HMAC-SHA256 over "id.timestamp.body".

Headers webhook-id, webhook-timestamp (seconds, at most five minutes off) and webhook-signature ("v1,<base64>", several
separated by blanks). The body is {"type": "order" | "customer" | "refund", "timestamp": moment, "data": {…}} with the
data in the shapes of the API.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from pydantic import ValidationError

from crm.api import schemas
from crm.api.providers import base
from crm.api.providers.base import BadReport, BadSignature, Envelope, OrderTold, PersonTold, RefundTold, Told
from crm.lib import digits

SLUG = "generic"
GREETING = b""
TOLERANCE_SECONDS = 300
SECRET_PREFIX = "whsec_"


def sign(event_id: str, timestamp: str, body: bytes, *, secret: str) -> str:
    """Return the signature of a message; the secret is base64 after its prefix."""
    key = base64.b64decode(secret.removeprefix(SECRET_PREFIX))
    signed = event_id.encode() + b"." + timestamp.encode() + b"." + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def verify(headers: Mapping[str, str], body: bytes, *, secret: str, now) -> None:
    event_id, timestamp = headers.get("Webhook-Id", ""), headers.get("Webhook-Timestamp", "")
    if not event_id or not digits.fits(timestamp) or abs(now.timestamp() - int(timestamp)) > TOLERANCE_SECONDS:
        raise BadSignature
    due = sign(event_id, timestamp, body, secret=secret).encode()
    if not any(hmac.compare_digest(due, said.encode()) for said in headers.get("Webhook-Signature", "").split()):
        raise BadSignature


def envelope(headers: Mapping[str, str], data) -> Envelope:
    return Envelope(headers.get("Webhook-Id", "")[:200], str(data.get("type") or "")[:80])


def read(topic: str, data) -> list[Told]:
    told, said_at = data.get("data"), data.get("timestamp")
    try:
        match topic:
            case "order":
                order = schemas.OrderIn.model_validate(told)
                at = base.moment(said_at, what="timestamp") if said_at else order.placed_at
                return [OrderTold(order.number, at, order.purchase())]
            case "customer":
                customer = schemas.CustomerIn.model_validate(told)
                at = base.moment(base.needed(data, "timestamp"), what="timestamp")
                person = customer.person(source=schemas.SOURCE, authoritative=True)
                return [PersonTold(person.key or person.email or person.phone, at, person)]
            case "refund":
                refund = schemas.RefundReport.model_validate(told)
                return [RefundTold(refund.reference, refund.source, refund.amount, refund.at, number=refund.number)]
    except ValidationError as error:
        first = error.errors()[0]
        raise BadReport(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    return []

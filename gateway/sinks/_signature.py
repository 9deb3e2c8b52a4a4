"""Standard Webhooks signatures (standardwebhooks.com, specification 1.0.0): HMAC-SHA256 of
``{id}.{timestamp}.{body}``; several secrets give several signatures, so a secret can be rotated."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

PREFIX = "whsec_"
KEY_BYTES_MIN, KEY_BYTES_MAX = 24, 64
"""Standard Webhooks, "Signature scheme": 24 to 64 random bytes."""


def key_of(secret: str) -> bytes:
    """The key bytes of ``whsec_<base64>``; ValueError without ever quoting the secret."""
    if not secret.startswith(PREFIX):
        raise ValueError(f"a webhook secret starts with {PREFIX}; make one with 'openssl rand -base64 32'")
    try:
        key = base64.b64decode(secret[len(PREFIX) :], validate=True)
    except binascii.Error as error:
        raise ValueError(f"the part of a webhook secret after {PREFIX} is base64; this one is not") from error
    if not KEY_BYTES_MIN <= len(key) <= KEY_BYTES_MAX:
        raise ValueError(f"a webhook key has {KEY_BYTES_MIN} to {KEY_BYTES_MAX} bytes, this one {len(key)}")
    return key


def signed_headers(keys: Sequence[bytes], message_id: str, timestamp_s: int, body: bytes) -> dict[str, str]:
    """The three headers of one attempt; ``message_id`` stays the same over retries, the time does not."""
    content = f"{message_id}.{timestamp_s}.".encode() + body
    marks = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp_s),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }

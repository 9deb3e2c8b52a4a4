"""Passwords by argon2id (RFC 9106), with the library's parameters; and secrets that are random already, for
which one SHA-256 is enough."""

from __future__ import annotations

import hashlib

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

MIN_LENGTH = 12
"""NIST SP 800-63B-4 asks for 15 where a password stands alone and 8 beside a second factor; ours is between
the two and no rule of composition is made (3.1.1.2)."""
MAX_LENGTH = 256

_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password: it is only compared with, to take as long as a real one")


def problem(password: str, account: str) -> str:
    """Why a new password is not taken; "" if it is."""
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"a password has {MIN_LENGTH} to {MAX_LENGTH} characters"
    if len(set(password)) < 5 or account.lower() in password.lower():
        return "too easy to guess: use several words, and not the account's name"
    return ""


def hashed(password: str) -> str:
    """What is kept of a password."""
    return _HASHER.hash(password)


def verified(kept: str | None, password: str) -> bool:
    """Whether it is the password. An account that is not there (None) takes as long as one that is."""
    try:
        return _HASHER.verify(kept or _NOBODY, password[: MAX_LENGTH + 1]) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def outdated(kept: str) -> bool:
    """Whether it was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(kept)


def digest(secret: str) -> str:
    """What is kept of a random secret of 256 bits: it cannot be guessed, so it need not be slow."""
    return hashlib.sha256(secret.encode()).hexdigest()

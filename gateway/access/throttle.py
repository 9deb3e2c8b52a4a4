"""How long an address has to wait after failed logins. It is kept in the table: a restart forgives nothing.

A stranger cannot lock an operator out: failures count for the pair of account and address, and for the
address as a whole; nobody at another address waits for them, nor does an account that has logged in from this
address before (people behind one gateway, tunnel or proxy share its address).
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Connection, delete, insert, select, update

from gateway.access.tables import FAILURE, KNOWN

SECOND = 1_000_000_000
FREE = 4
"""Failures of one account from one address before waiting begins."""
FREE_ADDRESS = 20
"""Failures from one address, whatever the accounts."""
LONGEST_S = 900.0
FORGOTTEN_NS = 24 * 3600 * SECOND
KNOWN_NS = 90 * FORGOTTEN_NS
"""How long a login from an address is remembered."""
ANY = ""


def masked(account: str) -> str:
    """How a name that failed is kept: people type their password into the field for the name. 32 bits count
    failures well enough, and too many passwords share them to give one away."""
    return sha256(account[:64].encode()).hexdigest()[:8]


def wait_s(link: Connection, account: str, address: str, now_ns: int) -> float:
    """Seconds until this address may try again; 0 = now. Doubles with each failure: 1, 2, 4, ... 900 s."""
    account, address = account[:64], address[:64]
    own = _wait(link, masked(account), address, FREE, now_ns)
    here = (KNOWN.c.account == account, KNOWN.c.address == address)
    if link.execute(select(KNOWN.c.last_ns).where(*here, KNOWN.c.last_ns > now_ns - KNOWN_NS)).first():
        return own
    return max(own, _wait(link, ANY, address, FREE_ADDRESS, now_ns))


def _wait(link: Connection, account: str, address: str, free: int, now_ns: int) -> float:
    where = (FAILURE.c.account == account, FAILURE.c.address == address)
    row = link.execute(select(FAILURE.c.count, FAILURE.c.last_ns).where(*where)).first()
    if row is None:
        return 0.0
    count, last_ns = int(row[0]), int(row[1])
    if count < free or now_ns - last_ns > FORGOTTEN_NS:
        return 0.0
    whole = min(LONGEST_S, 2.0 ** min(count - free, 12))
    return max(0.0, whole - (now_ns - last_ns) / SECOND)


def note(link: Connection, account: str, address: str, now_ns: int) -> None:
    """A login failed."""
    link.execute(delete(FAILURE).where(FAILURE.c.last_ns < now_ns - FORGOTTEN_NS))
    for name in {masked(account), ANY}:
        where = (FAILURE.c.account == name, FAILURE.c.address == address[:64])
        again = update(FAILURE).where(*where).values(count=FAILURE.c.count + 1, last_ns=now_ns)
        if not link.execute(again).rowcount:
            link.execute(insert(FAILURE).values(account=name, address=address[:64], count=1, last_ns=now_ns))


def forget(link: Connection, account: str, address: str | None = None) -> None:
    """A login from here succeeded (None: from anywhere, with another password): begin anew."""
    where = [FAILURE.c.account == masked(account)]
    if address is not None:
        where.append(FAILURE.c.address == address[:64])
    link.execute(delete(FAILURE).where(*where))


def succeeded(link: Connection, account: str, address: str, now_ns: int) -> None:
    """A right password, from here."""
    forget(link, account, address)
    where = (KNOWN.c.account == account[:64], KNOWN.c.address == address[:64])
    if not link.execute(update(KNOWN).where(*where).values(last_ns=now_ns)).rowcount:
        link.execute(insert(KNOWN).values(account=account[:64], address=address[:64], last_ns=now_ns))

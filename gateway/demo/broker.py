"""The demonstration's own MQTT broker, in its own process: loopback only, passwords only, promises nothing.

Usage: python -m gateway.demo.broker PORT PASSWORDS, where PASSWORDS is a file of "user:password" lines.
Its sessions live in memory, so no claim about durability rests on it; a real installation has a real broker.
"""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
import tempfile
from pathlib import Path

from amqtt.broker import Broker
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

HOST = "127.0.0.1"


def main(port: int, passwords: Path) -> int:
    """Serve until SIGTERM; 0 after a clean stop."""
    logging.basicConfig(level=logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="riskgate-broker-") as folder:
        hashed = Path(folder) / "users"
        hasher = PasswordHash((Argon2Hasher(),))
        pairs = (line.partition(":") for line in passwords.read_text(encoding="utf-8").splitlines() if line)
        hashed.write_text(
            "".join(f"{user}:{hasher.hash(word)}\n" for user, _, word in pairs), encoding="utf-8"
        )
        hashed.chmod(0o600)
        return asyncio.run(_serve(port, hashed))


async def _serve(port: int, users: Path) -> int:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the demonstration stops it last
    broker = Broker(
        {
            "listeners": {"default": {"type": "tcp", "bind": f"{HOST}:{port}"}},
            # no plug-in for anonymous access: without user and password nobody comes in
            "plugins": {"amqtt.plugins.authentication.FileAuthPlugin": {"password_file": str(users)}},
        }
    )
    await broker.start()
    await stopping.wait()
    await broker.shutdown()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), Path(sys.argv[2])))

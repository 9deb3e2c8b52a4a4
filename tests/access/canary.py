"""``make canary``: secrets that nobody else has are given to a whole gateway, everything is driven into its
error messages, and then the secrets are looked for in all that it wrote, said and answered.

    python -m tests.access.canary       # writes reports/canary.json

Each secret is shown to have been in use (the broker let us in by it, a receiver got it or a signature made
with it), and a control plants every one in a text of its own: who finds nothing must be able to find.
"""

from __future__ import annotations

import base64
import json
import secrets
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import httpx

from gateway.access import AccessStore, Scope
from gateway.clock import new_secret
from tests.support.gateway import Gateway
from tests.support.mosquitto import GATEWAY, Broker
from tests.support.need import free_port
from tests.support.publisher import Publisher
from tests.support.receiver import Receiver, Reply, Request
from tests.support.report import Row, write
from tests.support.wait import until

FLEET = [("acme", "plant", "hall", "GD-1", "gas/combustible_point")]
FILES = frozenset({"password", "webhook-secret", "influx-token", "wrong-password", "first-login"})
"""Where a secret belongs: files that the operator wrote, and the link to the first account (0600)."""


class Canary:
    """The secrets of one run, all that was said, and where a secret was seen."""

    def __init__(self) -> None:
        raw = secrets.token_bytes(24)
        self.secrets = {
            "broker password": f"canary{secrets.token_hex(12)}",
            "wrong broker password": f"canary{secrets.token_hex(12)}",
            "webhook signing secret": "whsec_" + base64.b64encode(raw).decode(),
            "database token": f"canary{secrets.token_hex(12)}",
            "token in a webhook's path": f"canary{secrets.token_hex(16)}",
            "token in a webhook's query": f"canary{secrets.token_hex(16)}",
            "password in the configuration": f"canary{secrets.token_hex(12)}",
            "account password": f"canary {secrets.token_hex(12)}",
        }
        self.used: set[str] = set()
        self.said: list[tuple[str, bytes]] = []

    def heard(self, where: str, what: str | bytes) -> None:
        """Something was written for people or programs to read."""
        self.said.append((where, what.encode() if isinstance(what, str) else what))

    def forms(self, name: str) -> Iterator[bytes]:
        """A secret as it may stand in a text: plain, quoted, in base64, without its prefix."""
        plain = self.secrets[name].removeprefix("whsec_")
        yield plain.encode()
        yield quote(plain, safe="").encode()
        yield base64.b64encode(plain.encode()).rstrip(b"=")
        yield base64.urlsafe_b64encode(plain.encode()).rstrip(b"=")

    def found(self) -> list[str]:
        """ "secret: place" for every place a secret was seen in."""
        return [
            f"{name}: {where}"
            for name in self.secrets
            for where, what in self.said
            if any(form in what for form in self.forms(name))
        ]


def run(folder: Path, canary: Canary) -> int:
    """The whole story; returns how many files were searched."""
    secret = canary.secrets
    with (
        Broker(users={GATEWAY[0]: secret["broker password"]}) as broker,
        Receiver(lambda request: _echo(request, canary)) as database,
        Receiver(lambda request: _echo(request, canary)) as hook,
        Gateway(folder, broker.port, FLEET) as gateway,
    ):
        (folder / "password").write_text(secret["broker password"] + "\n")
        (folder / "wrong-password").write_text(secret["wrong broker password"] + "\n")
        (folder / "webhook-secret").write_text(secret["webhook signing secret"] + "\n")
        (folder / "influx-token").write_text(secret["database token"] + "\n")
        gateway.configure(sinks=_sinks(canary, database.port, hook.port))
        _at_work(gateway, broker, canary, hook)
        _with_a_wrong_password(gateway, broker, canary)
        _with_a_secret_in_the_configuration(gateway, canary)
        return _search(folder, canary)


def _sinks(canary: Canary, database: int, hook: int) -> str:
    path, query = (canary.secrets[f"token in a webhook's {part}"] for part in ("path", "query"))
    return f"""
[sinks.influx]
kind = "influxdb"
url = "http://127.0.0.1:{database}"
org = "o"
bucket = "b"
token_file = "influx-token"
[sinks.chat]
kind = "webhook"
url = "http://127.0.0.1:{hook}/bot/{path}/send?key={query}"
secret_file = "webhook-secret"
allow = ["127.0.0.1:{hook}"]
ports = [{hook}]
max_attempts = 1
"""


def _echo(request: Request, canary: Canary) -> Reply:
    """A server that says all it was told in its refusal."""
    told = f"{request.path} {json.dumps(request.headers)}"
    for name in canary.secrets:
        if canary.secrets[name] in told:
            canary.used.add(name)
    return Reply(401, {"Content-Type": "text/plain"}, f"refused: {told}".encode())


def _at_work(gateway: Gateway, broker: Broker, canary: Canary, hook: Receiver) -> None:
    process = gateway.start("run")
    gateway.connected()
    gateway.delivering()
    canary.used.add("broker password")
    with Publisher(broker.port, gateway.folder / "published.jsonl") as device:
        for value in (5.0, 60.0):
            device.publish(
                "rg/acme/plant/GD-1/lel", json.dumps({"time_ms": time.time_ns() // 1_000_000, "value": value})
            )
        device.settle()
    until(lambda: bool(hook.requests), 60, "the webhook was tried")
    if hook.requests[0].headers.get("webhook-signature", "").startswith("v1,"):
        canary.used.add("webhook signing secret")
    until(lambda: "database token" in canary.used, 60, "the database was tried")
    until(lambda: bool((gateway.delivery() or {})["sinks"]["chat"]["dead"]), 30, "a dead letter")
    for path in ("health", "metrics", "nothing"):
        canary.heard(f"http /{path}", httpx.get(f"http://127.0.0.1:{gateway.http_port}/{path}").content)
    canary.heard("core status", json.dumps(gateway.status()))
    canary.heard("delivery status", json.dumps(gateway.delivery()))
    for words in (
        ("deadletters", "list"), ("deadletters", "list", "chat"), ("status",), ("alarms",), ("doctor",),
        ("rejections",), ("verify",), ("devices", "list"), ("export", "alarms"), ("accounts", "list"),
    ):  # fmt: skip
        done = gateway.run(*words)
        canary.heard("riskgate " + " ".join(words), done.stdout + done.stderr)
    for child in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = child.read_bytes()
        except OSError:
            continue
        if str(gateway.folder).encode() in line:
            canary.heard("a command line", line)
    _console(gateway, canary)
    assert gateway.stop(process) == 0


def _console(gateway: Gateway, canary: Canary) -> None:
    """A person and a program log in, each also wrongly."""
    name, password, port = "account password", canary.secrets["account password"], free_port()
    store, now = AccessStore(gateway.data.console, new_secret), time.time_ns()
    link = store.add("li", "Li", "admin", Scope(), now)
    canary.secrets["one-time link"] = link
    process = gateway.start("console", "--port", str(port))
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, trust_env=False) as browser:
        until(lambda: _answers(browser), 30, "the console answers")

        def post(path: str, body: object) -> httpx.Response:
            page = browser.get("/login").text
            token = page.partition('csrf-token" content="')[2].partition('"')[0]
            answer = browser.post(path, json=body, headers={"Origin": url, "X-CSRF-Token": token})
            canary.heard(f"console {path}", answer.content)
            return answer

        assert post("/welcome", {"key": link, "password": "short"}).status_code == 409
        assert post("/welcome", {"key": link, "password": password, "more": password}).status_code == 422
        assert post("/welcome", {"key": link, "password": password}).status_code == 200
        canary.used |= {name, "one-time link"}
        assert post("/login", {"account": password, "password": password}).status_code == 401
        assert post("/login", {"account": "li", "password": password}).status_code == 200
        canary.secrets["session"] = browser.cookies["riskgate_session"]
        issued = store.issue("li", "admin", Scope(), "canary", now)
        canary.secrets["API token"] = issued.rpartition(".")[2]
        for path in ("/", "/alarms", "/status", "/api/v1/alarms", "/api/v1/openapi.json"):
            answer = browser.get(path)
            assert answer.status_code == 200, path
            canary.heard(f"console {path}", answer.content)
        canary.used.add("session")
    with httpx.Client(base_url=url, trust_env=False) as program:
        bearer = {"Authorization": f"Bearer {issued}"}
        answer = program.get("/api/v1/alarms", headers=bearer)
        assert answer.status_code == 200
        canary.used.add("API token")
        canary.heard("API", answer.content)
        for mistaken in (f"/api/v1/alarms?token={issued}", f"/api/v1/alarms?priority={issued}"):
            canary.heard("API, token in the address", program.get(mistaken, headers=bearer).content)
    listed = gateway.run("tokens", "list")
    canary.heard("riskgate tokens list", listed.stdout + listed.stderr)
    assert gateway.stop(process) == 0


def _answers(browser: httpx.Client) -> bool:
    try:
        return browser.get("/login").status_code == 200
    except httpx.HTTPError:
        return False


def _with_a_wrong_password(gateway: Gateway, broker: Broker, canary: Canary) -> None:
    text = gateway.config.read_text()
    gateway.config.write_text(text.replace('"password"', '"wrong-password"'))
    process = gateway.start("run")
    name = "wrong broker password"
    until(
        lambda: "not authorised" in broker.log() or "not authorized" in broker.log().lower(), 60, "a refusal"
    )
    canary.used.add(name)
    done = gateway.run("doctor")
    canary.heard("riskgate doctor, refused by the broker", done.stdout + done.stderr)
    assert gateway.stop(process) == 0
    gateway.config.write_text(text)


def _with_a_secret_in_the_configuration(gateway: Gateway, canary: Canary) -> None:
    """What does not belong there is refused by name, never quoted."""
    name, text = "password in the configuration", gateway.config.read_text()
    for line in (f'password = "{canary.secrets[name]}"', f'passwort = "{canary.secrets[name]}"'):
        gateway.config.write_text(text.replace("[ingest]", f"[ingest]\n{line}"))
        done = gateway.run("doctor")
        assert done.returncode != 0
        canary.used.add(name)
        canary.heard("riskgate doctor, a secret in the configuration", done.stdout + done.stderr)
    gateway.config.write_text(text)


def _search(folder: Path, canary: Canary) -> int:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in FILES]
    files.remove(folder / "riskgate.toml")  # the operator's own, with the webhook's address
    for path in files:
        canary.heard(str(path.relative_to(folder)), path.read_bytes())
    return len(files)


def main() -> int:
    """The command line."""
    canary = Canary()
    with tempfile.TemporaryDirectory(prefix="riskgate-canary-") as name:
        files = run(Path(name), canary)
    leaks = canary.found()
    print("\n".join(leaks))
    places, used = len(canary.said), len(canary.used & set(canary.secrets))
    control = Canary()
    control.secrets = canary.secrets
    for number, planted in enumerate(canary.secrets):
        control.heard(f"planted {number}", b"\x00binary " + canary.secrets[planted].encode() + b" \xff")
    total, note = len(canary.secrets), f"{files} files, {places - files} answers and outputs"
    rows = [
        Row.zero("canary.found", "places where a secret was seen", len(leaks), "places", places),
        Row.judged("canary.used", "secrets that were in use", used, "secrets", f"== {total}", note=note),
        Row.judged("canary.control", "planted secrets found", len(control.found()), "secrets", f"== {total}"),
    ]
    return 0 if write("canary", rows) else 1


if __name__ == "__main__":
    sys.exit(main())

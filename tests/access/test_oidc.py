"""Login by an identity provider, a process of its own: who comes in as what, and everything that must not."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from gateway.access import ROLES, Refused, Scope
from gateway.clock import SystemClock
from gateway.config import load
from gateway.config_console import Mapped
from gateway.console.login import own
from gateway.console.oidc.provider import AGAIN_NS
from gateway.console.oidc.provider import Provider as Asked
from gateway.errors import ConfigError
from tests.access.test_console import FOREIGN, OWN, of_enterprise
from tests.console.stand import PASSWORD, Stand, gas_alarm
from tests.support.provider import CLIENT, SECRET, SLOW_S, Provider

LI = "oidc:city:4711"
LI_CLAIMS = {"sub": "4711", "name": "Li Wei", "groups": ["rg-operators"]}
SETTINGS = f"""
[oidc]
issuer = "{{issuer}}"
label = "City staff"
client_id = "{CLIENT}"
client_secret_file = "client.secret"
algorithms = ["RS256", "ES256"]
allow = ["{{host}}"]
timeout_s = {{timeout_s}}

[[oidc.accounts]]
claim = "groups"
value = "rg-operators"
role = "operator"
whole_city = true

[[oidc.accounts]]
claim = "realm_access.roles"
value = "acme-staff"
role = "enterprise"
enterprise = "acme"
"""
PATIENT_S = 30.0


def settings(issuer: str, host: str, timeout_s: float = PATIENT_S) -> str:
    return SETTINGS.format(issuer=issuer, host=host, timeout_s=timeout_s)


class Standing(Stand):
    """A console with a provider beside it."""

    provider: Provider

    def session(self, who: httpx.Client) -> str:
        return who.cookies.get("riskgate_session") or ""


@pytest.fixture(scope="module")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    folder = tmp_path_factory.mktemp("oidc")
    made = Standing(folder)
    with Provider(f"{made.url}/login/oidc/callback") as provider:
        made.provider = provider
        host = provider.issuer.removeprefix("http://")
        (folder / "client.secret").write_text(SECRET + "\n")
        (folder / "riskgate.toml").write_text(settings(provider.issuer, host))
        with made:
            made.apply((gas_alarm("GD-1"), True, 60.0), (of_enterprise("GD-9", "other", "west"), True, 70.0))
            yield made


@pytest.fixture
def browser(stand: Standing) -> Iterator[httpx.Client]:
    stand.provider.next("", **LI_CLAIMS)
    with httpx.Client(base_url=stand.url, trust_env=False) as made:
        yield made


def leave(browser: httpx.Client, back: str = "/") -> str:
    """To the provider and back: the callback's address, not yet opened."""
    sent = browser.get("/login/oidc", params={"next": back})
    assert sent.status_code == 303, sent.text
    with httpx.Client(trust_env=False) as elsewhere:
        return str(elsewhere.get(sent.headers["location"]).headers["location"])


def login(browser: httpx.Client, back: str = "/") -> httpx.Response:
    return browser.get(leave(browser, back))


def test_whoever_the_mapping_names_comes_in_and_acts_under_a_name_of_his_own(
    stand: Standing, browser: httpx.Client
) -> None:
    page = browser.get("/login")
    assert "Log in by City staff" in page.text
    assert "登录方式: City staff" in browser.get("/login?lang=zh").text
    came = login(browser, "/?x=1")
    assert (came.status_code, came.headers["location"]) == (303, "/?x=1")
    kept = next(c for c in came.headers.get_list("set-cookie") if c.startswith("riskgate_session="))
    assert "httponly" in kept.lower()
    assert "samesite=lax" in kept.lower()
    assert "riskgate_oidc" not in browser.cookies, "what was kept for this login is over with it"
    headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(browser)}
    aim = {"alarm": OWN, "occurrence": 1, "comment": ""}
    assert browser.post("/alarms/acknowledge", json=aim, headers=headers).json()["accepted"]
    assert (stand.asked[-1]["actor"], stand.asked[-1]["role"]) == (LI, "operator")
    (account,) = [one for one in stand.access.accounts() if one.id == LI]
    assert (account.name, account.role, account.scope, account.has_password) == (
        "Li Wei", "operator", Scope(), False,
    )  # fmt: skip
    assert browser.post("/logout", json={}, headers=headers).json()["accepted"]
    assert browser.get("/alarms").status_code == 401


def test_the_session_is_a_new_one_and_the_one_before_is_over(stand: Standing, browser: httpx.Client) -> None:
    browser.cookies.set("riskgate_session", stand.cookie()["riskgate_session"], domain="127.0.0.1")
    before = stand.session(browser)
    assert login(browser).status_code == 303
    assert before != stand.session(browser)
    assert stand.access.session(before, time.time_ns()) is None


def test_an_organisation_by_its_claim_sees_and_touches_only_its_own(
    stand: Standing, browser: httpx.Client
) -> None:
    stand.provider.next("", sub="99", realm_access={"roles": ["other", "acme-staff"]})
    assert login(browser).status_code == 303
    seen = browser.get("/api/v1/alarms").text
    assert OWN in seen
    assert FOREIGN not in seen
    headers = {"Origin": stand.url, "X-CSRF-Token": stand.token(browser)}
    aim = {"alarm": FOREIGN, "occurrence": 1, "comment": ""}
    assert browser.post("/alarms/acknowledge", json=aim, headers=headers).status_code == 404
    assert browser.get("/accounts", headers={"Accept": "text/html"}).status_code == 403


@pytest.mark.parametrize("fault", ["es256", "just_expired"])
def test_what_is_right_is_taken(stand: Standing, browser: httpx.Client, fault: str) -> None:
    stand.provider.next(fault)
    assert login(browser).status_code == 303


@pytest.mark.parametrize(
    "fault",
    [
        "wrong_nonce", "no_nonce", "wrong_aud", "two_audiences", "wrong_azp", "expired", "no_exp", "no_sub",
        "old", "future", "other_issuer", "alg_none", "hs256", "unknown_kid", "forged",
    ],
)  # fmt: skip
def test_a_token_that_is_not_for_this_login_lets_nobody_in(
    stand: Standing, browser: httpx.Client, fault: str
) -> None:
    stand.provider.next(fault)
    came = login(browser)
    assert came.status_code == 403
    assert "not accepted" in came.text
    assert not stand.session(browser)
    stand.provider.next("")
    assert login(browser).status_code == 303, "and it was the fault that kept him out"


def test_state_code_and_browser_belong_to_one_login(stand: Standing, browser: httpx.Client) -> None:
    back = leave(browser)
    state = parse_qs(urlsplit(back).query)["state"][0]
    kept = browser.cookies["riskgate_oidc"]
    with httpx.Client(base_url=stand.url, trust_env=False) as other:
        assert other.get(back).status_code == 403, "another browser than the one that began"
        leave(other)
        assert other.get(back).status_code == 403, "another login's state"
        assert not stand.session(other)
    wrong = browser.get(back.replace(state, "x" * len(state)))
    assert (wrong.status_code, "begin anew" in wrong.text) == (403, True)
    browser.cookies.set("riskgate_oidc", kept, domain="127.0.0.1", path="/login/oidc")
    assert browser.get(back).status_code == 303
    first = stand.session(browser)
    browser.cookies.set("riskgate_oidc", kept, domain="127.0.0.1", path="/login/oidc")
    assert browser.get(back).status_code == 403, "the same code and state again"
    code = parse_qs(urlsplit(back).query)["code"][0]
    fresh = leave(browser)
    replayed = browser.get(fresh.replace(parse_qs(urlsplit(fresh).query)["code"][0], code))
    assert replayed.status_code == 502, "a used code in another login: the provider refuses it"
    assert stand.session(browser) == first


def test_a_changed_cookie_is_none(stand: Standing, browser: httpx.Client) -> None:
    back = leave(browser)
    kept = browser.cookies["riskgate_oidc"]
    browser.cookies.set("riskgate_oidc", "x" + kept[1:], domain="127.0.0.1", path="/login/oidc")
    assert browser.get(back).status_code == 403
    assert browser.get("/login/oidc/callback?state=%00&code=%00").status_code == 403
    assert browser.get(f"/login/oidc/callback?state={'x' * 5000}").status_code == 422


@pytest.mark.parametrize(
    "back",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/%0a/x",
        "javascript:1",
    ],
)
def test_after_the_login_nobody_is_sent_to_another_site(
    stand: Standing, browser: httpx.Client, back: str
) -> None:
    came = login(browser, back)
    assert came.status_code == 303
    assert urlsplit(came.headers["location"]).netloc == ""
    assert own(back) in ("/", "/%0a/x")


@pytest.mark.parametrize(
    "groups", [[], ["rg-operator"], "rg-operators-x", [["rg-operators"]], {"rg-operators": 1}]
)
def test_without_a_mapping_nobody_comes_in(stand: Standing, browser: httpx.Client, groups: object) -> None:
    stand.provider.next("", sub="5000", groups=groups, role="admin", whole_city=True)
    came = login(browser)
    assert (came.status_code, "no role here" in came.text) == (403, True)
    assert not [one for one in stand.access.accounts() if one.id == "oidc:city:5000"]


def test_who_loses_the_claim_loses_the_open_session_at_the_next_login(
    stand: Standing, browser: httpx.Client
) -> None:
    assert login(browser).status_code == 303
    open_one = stand.session(browser)
    stand.provider.next("", sub="4711", groups=[])
    with httpx.Client(base_url=stand.url, trust_env=False) as other:
        assert login(other).status_code == 403
    assert stand.access.session(open_one, time.time_ns()) is None


def test_an_account_that_is_switched_off_here_stays_off_and_has_no_other_way_in(
    stand: Standing, browser: httpx.Client
) -> None:
    stand.provider.next("", sub="off", groups=["rg-operators"])
    assert login(browser).status_code == 303
    account = "oidc:city:off"
    for refused in (
        lambda: stand.access.invite(account, 1),
        lambda: stand.access.add(account, "", "operator", Scope(), 1),
        lambda: stand.access.change(account, "admin", Scope(), 1),
        lambda: stand.access.issue(account, "operator", Scope(), "", 1),
    ):
        with pytest.raises(Refused, match="identity provider"):
            refused()
    stand.access.enable(account, time.time_ns(), enabled=False)
    came = login(browser)
    assert (came.status_code, "switched off" in came.text) == (403, True)


@pytest.mark.parametrize("sub", ["x" * 129, "a b", "ü", "", 7])
def test_a_subject_that_cannot_name_an_actor_is_refused(
    stand: Standing, browser: httpx.Client, sub: object
) -> None:
    stand.provider.next("", sub=sub, groups=["rg-operators"])
    assert login(browser).status_code == 403


def test_a_name_carries_no_marks_that_turn_text(stand: Standing, browser: httpx.Client) -> None:
    stand.provider.next("", sub="rtl", name="Li\u202e\x00\nWei", groups=["rg-operators"])
    assert login(browser).status_code == 303
    assert next(one.name for one in stand.access.accounts() if one.id == "oidc:city:rtl") == "LiWei"


@pytest.mark.parametrize("fault", ["impostor", "metadata", "huge", "slow", "gone"])
def test_a_failing_provider_leaves_the_login_here_as_it_is(tmp_path: Path, fault: str) -> None:
    made = Standing(tmp_path)
    with Provider(f"{made.url}/login/oidc/callback") as provider:
        host = provider.issuer.removeprefix("http://")
        (tmp_path / "client.secret").write_text(SECRET + "\n")
        seconds = 1.0 if fault == "slow" else PATIENT_S
        (tmp_path / "riskgate.toml").write_text(settings(provider.issuer, host, seconds))
        if fault == "gone":
            provider.stop()
        else:
            provider.next(fault)
        with made, httpx.Client(base_url=made.url, trust_env=False) as browser:
            began = time.monotonic()
            sent = browser.get("/login/oidc")
            assert time.monotonic() - began < SLOW_S / 4, "within the deadline"
            assert (sent.status_code, "Accounts of this console work" in sent.text) == (502, True)
            token = sent.text.partition('csrf-token" content="')[2].partition('"')[0]
            headers = {"Origin": made.url, "X-CSRF-Token": token}
            body = {"account": "li", "password": PASSWORD}
            assert browser.post("/login", json=body, headers=headers).json()["accepted"]
            assert SECRET not in made.log()


def test_new_keys_of_the_provider_are_asked_for(tmp_path: Path) -> None:
    with Provider("http://127.0.0.1:1/login/oidc/callback") as provider:
        host = provider.issuer.removeprefix("http://")
        (tmp_path / "client.secret").write_text(SECRET)
        (tmp_path / "riskgate.toml").write_text(settings(provider.issuer, host))
        now = SystemClock().mono_ns()
        asked = Asked(load(tmp_path / "riskgate.toml", {}).oidc, lambda: now)
        first = asked.keys()
        assert asked.keys(again=True) is first, "not at every token with an unknown key"
        provider.next("rotated")
        now += AGAIN_NS
        assert asked.keys() is first
        assert [key.kid for key in first] == ["rsa-1", "ec-1"]
        assert [key.kid for key in asked.keys(again=True)] == ["rsa-2", "ec-1"]


def test_without_a_provider_there_is_no_such_login(tmp_path: Path) -> None:
    with Stand(tmp_path) as made, httpx.Client(base_url=made.url, trust_env=False) as browser:
        assert "/login/oidc" not in browser.get("/login").text
        assert browser.get("/login/oidc").status_code == 404
        assert browser.get("/login/oidc/callback?state=a&code=b").status_code == 404


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("whole_city = true", ""), "whole_city = true"),
        (('role = "operator"', 'role = "king"'), "role"),
        (('"RS256", "ES256"', '"HS256"'), "algorithms"),
        (('"RS256", "ES256"', '"none"'), "algorithms"),
        (('client_secret_file = "client.secret"', 'client_secret = "x"'), "is a secret"),
        (
            ('client_secret_file = "client.secret"', 'client_secret_file = "no.file"'),
            "cannot read the secret",
        ),
        (('label = "City staff"', 'scopes = ["profile"]'), "openid"),
        (('client_id = "riskgate"', ""), "client_id is missing"),
        (('enterprise = "acme"', 'county = "west"'), "needs an enterprise"),
    ],
)
def test_a_wrong_setting_is_told(tmp_path: Path, change: tuple[str, str], told: str) -> None:
    (tmp_path / "client.secret").write_text(SECRET)
    text = settings("https://id.example", "id.example:443")
    assert change[0] in text
    (tmp_path / "riskgate.toml").write_text(text.replace(*change))
    with pytest.raises(ConfigError) as error:
        load(tmp_path / "riskgate.toml", {})
    assert any(told in problem for problem in error.value.problems), error.value.problems


def test_the_roles_of_the_mapping_are_those_of_the_house() -> None:
    assert set(Mapped.model_fields["role"].annotation.__args__) == set(ROLES)  # type: ignore[union-attr]

"""What accounts may be."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from gateway.access.person import ENTERPRISE_ONLY, ROLES, Scope
from gateway.access.tables import ACCOUNT


class Refused(Exception):  # noqa: N818 - said to a person, nothing went wrong
    """Not done, and why: English and Chinese."""

    def __init__(self, reason_en: str, reason_zh: str, wait: float = 0.0) -> None:
        super().__init__(reason_en)
        self.reason_en, self.reason_zh = reason_en, reason_zh
        self.wait_s = wait


PROVIDED = "oidc:"
"""How an account begins that an identity provider keeps; no account made here can."""


def keep_out(account: str) -> None:
    """Refused for an account of an identity provider: a link or token here would outlive it there."""
    if account.startswith(PROVIDED):
        raise Refused(
            f"{account[:200]} is kept by the identity provider: role and organisation come from there; it "
            "has neither password nor token here (a program gets an account of its own)",
            f"{account[:200]} 由身份提供方管理:角色与组织由其决定,在此没有密码和令牌(程序请使用独立账号)",
        )


def check(account: str, role: str, scope: Scope) -> None:
    """Refused for an account that makes no sense, or that an identity provider keeps."""
    keep_out(account)
    if not account or len(account) > 64 or not all(c.isalnum() or c in "._@-" for c in account):
        raise Refused(
            f"{account[:80]!r} cannot be an account: letters, digits and . _ @ -, at most 64",
            "账号只能包含字母、数字和 . _ @ -,最多 64 个字符",
        )
    if role not in ROLES:
        raise Refused(f"no role {role!r}; known: {', '.join(ROLES)}", f"没有角色 {role!r}")
    if role in ENTERPRISE_ONLY and not scope.enterprise:
        raise Refused(f"role {role!r} needs an enterprise", f"角色 {role!r} 须指定企业")


def keep_an_administrator(link: Connection, account: str) -> None:
    """Refused if nobody could administer the whole city without this account."""
    able = select(func.count()).select_from(ACCOUNT)
    able = able.where(
        ACCOUNT.c.enabled,
        ACCOUNT.c.password.is_not(None),
        ACCOUNT.c.role == "admin",
        ACCOUNT.c.county == "",
        ACCOUNT.c.enterprise == "",
    )
    if link.execute(able).scalar_one() and not link.execute(able.where(ACCOUNT.c.id != account)).scalar_one():
        raise Refused(
            f"{account!r} is the last administrator of the whole city: make another one first",
            f"{account!r} 是最后一个全市管理员:请先设立另一个管理员",
        )

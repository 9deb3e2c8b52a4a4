"""Words of the accounts page."""

from __future__ import annotations

from gateway.console.words.overview import COMMON

WORDS = COMMON | {
    "nothing": ("none", "无"),
    "new_account": ("New account", "新建账号"),
    "account_id": ("Account", "账号"),
    "account_hint": (
        "letters, digits, . _ @ -; the ledger keeps it",
        "字母、数字、. _ @ -;台账以此记录",
    ),
    "person_name": ("Name", "姓名"),
    "role_column": ("Role", "角色"),
    "sees": ("Sees", "可见范围"),
    "county_only": ("Only this county (empty: all)", "仅限区县(空为全部)"),
    "enterprise_only": ("Only this enterprise (empty: all)", "仅限企业(空为全部)"),
    "state_column": ("State", "状态"),
    "ready": ("ready", "可用"),
    "provided": ("by the identity provider", "由身份提供方管理"),
    "no_password": ("no password yet", "尚未设密码"),
    "off": ("switched off", "已停用"),
    "make": ("Make the account", "建立账号"),
    "new_link": ("New link", "新链接"),
    "switch_off": ("Switch off", "停用"),
    "switch_on": ("Switch on", "启用"),
    "edit": ("Role …", "角色…"),
    "edit_title": ("Role and organisation of {account}", "{account} 的角色与范围"),
    "keep": ("Keep", "保存"),
    "hand_over": (
        "Hand this link to {account} by a safe way. It works once, within 24 hours, and is not shown again.",
        "请通过安全途径将此链接交给 {account}。仅可使用一次,24 小时内有效,不再显示。",
    ),
    "done": ("Done.", "已完成。"),
    "changes_title": ("What was changed", "变更记录"),
    "when": ("When", "时间"),
    "by_whom": ("By", "操作人"),
    "what_changed": ("What", "内容"),
    "change_add": ("made", "新建"),
    "change_link": ("new link", "新链接"),
    "change_enable": ("switched on", "启用"),
    "change_disable": ("switched off", "停用"),
    "change_change": ("role or organisation", "角色或范围"),
    "change_password": ("chose a password", "设置密码"),
    "change_token": ("token issued", "签发令牌"),
    "change_revoke": ("token revoked", "撤销令牌"),
    "change_first": ("first administrator", "首个管理员"),
    "sure_off": (
        "Switch {account} off? Its sessions and tokens end at once.",
        "停用 {account}?其会话和令牌将立即失效。",
    ),
    "close": ("Close", "关闭"),
}

"""Where a setting came from and what is wrong with it, in words a person can act on."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

PREFIX = "RISKGATE_"
WHOLE = "the whole file"


class Origin:
    """Says where a value came from: the file, the environment, or the command line."""

    def __init__(self, path: Path | None, tables: dict[str, Any]) -> None:
        self._path = path
        self._tables = tables

    def of(self, keys: tuple[str, ...]) -> str:
        """The file, or the variable, that holds this key."""
        variable = PREFIX + "__".join(keys).upper()
        if any(name.upper() == variable for name in os.environ):
            return f"environment: {variable}"
        if self.in_file(keys) or self._path is not None:
            return f"{self._path}: {'.'.join(keys) or WHOLE}"
        return f"command line: {'.'.join(keys)}"

    def in_file(self, keys: tuple[str, ...]) -> bool:
        """Whether the file itself gives this key."""
        value: Any = self._tables
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return False
            value = value[key]
        return True


def explain(
    error: ValidationError,
    above: tuple[str, ...],
    model: type[BaseModel],
    origin: Origin,
    told_already: Collection[Any] = (),
) -> Iterator[str]:
    """Each fault as "<where>: <what>; <fix>". ``above``: the keys that lead to this model;
    ``told_already``: its keys of which no more is to be said."""
    for one in error.errors(include_url=False, include_context=False, include_input=False):
        if one["loc"] and one["loc"][0] in told_already:
            continue
        keys = (*above, *(str(key) for key in one["loc"]))
        where = origin.of(keys)
        told = one["msg"]
        if one["type"] == "extra_forbidden":
            known = sorted(_fields(model, one["loc"][:-1]))
            near = difflib.get_close_matches(keys[-1], known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known keys: {', '.join(known)}"
            yield f"{where}: is not a key here; {hint}"
        elif one["type"] == "missing":
            yield f"{where}: is missing; add it"
        elif told.startswith("Input should be "):
            yield f"{where}: is wrong; make it {told.removeprefix('Input should be ')}"
        else:
            yield f"{where}: {told.removeprefix('Value error, ')}"


def _fields(model: type[BaseModel], keys: tuple[Any, ...]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = model.model_fields
    for key in keys:
        inner = fields[key].annotation if key in fields else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return {}
        fields = inner.model_fields
    return fields


def misnamed(sections: Collection[str]) -> list[str]:
    """Environment variables that look like ours but name no key: they would be silently without effect."""
    known = sorted(sections)
    return [
        f"environment: {name}: names no section; known: {', '.join(PREFIX + k.upper() for k in known)}"
        for name in os.environ
        if name.upper().startswith(PREFIX)
        and "__" in name
        and name.upper()[len(PREFIX) :].split("__")[0].lower() not in known
    ]


def account_files(tables: Mapping[str, Any], origin: Origin) -> Iterator[str]:
    """What is wrong with accounts at the broker: ``username`` and ``password_file`` of each table."""
    for table, account in tables.items():
        if bool(account.username) != bool(account.password_file):
            yield f"{origin.of((table, 'username'))}: needs password_file, and it a username; give both"
        if account.password_file and not os.access(account.password_file, os.R_OK):
            where = origin.of((table, "password_file"))
            yield f"{where}: {account.password_file} cannot be read; create it, or correct the path"

"""Secrets come from the environment or from files, never from the configuration's plain text in a log: they
are SecretStr from the first line on, and files are read once, at start."""

from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr


def secret_lines(path: str, folder: str) -> list[SecretStr]:
    """The non-empty lines of a secret file that do not start with ``#``; ValueError says what to do."""
    file = Path(folder, path)
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ValueError(
            f"cannot read the secret file {file}: {error.strerror}; create it, mode 0600"
        ) from error
    found = [SecretStr(line.strip()) for line in lines if line.strip() and not line.startswith("#")]
    if not found:
        raise ValueError(f"the secret file {file} holds no secret: write one a line")
    return found


def one_secret(given: SecretStr | None, path: str, folder: str) -> SecretStr | None:
    """The secret given directly (environment), or the first line of its file, or None."""
    if given is not None and given.get_secret_value():
        return given
    return secret_lines(path, folder)[0] if path else None

"""The profiles' texts, read from the packaged folder and further ones; all that is wrong is told at once."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

import device_profiles
from device_profiles import Profile, ProfileError, parse
from gateway.errors import ConfigError

MAX_PROFILE_BYTES = 1 << 20


def read_profiles(folders: list[Path], places: dict[str, str] | None = None) -> dict[str, str]:
    """Profile id ("<family>/<model>") -> text: the packaged ones and those of further folders.

    ``places`` is told each one's file: its path, or device_profiles/<family>/<model>.toml for a packaged one.
    Raises ConfigError for unreadable files, files outside a family folder, and an id that is taken.
    """
    texts: dict[str, str] = {}
    problems: list[str] = []
    found = {} if places is None else places
    _collect(resources.files(device_profiles), device_profiles.__name__, texts, found, problems)
    for folder in folders:
        if not folder.is_dir():
            problems.append(f"{folder}: is no folder; create it, or correct 'profiles' in the configuration")
            continue
        for stray in sorted(folder.glob("*.toml")):
            problems.append(f"{stray}: lies outside a family; move it to {folder}/<family>/{stray.name}")
        _collect(folder, str(folder), texts, found, problems)
    if problems:
        raise ConfigError(problems)
    return texts


def _collect(
    root: Traversable, where: str, texts: dict[str, str], places: dict[str, str], problems: list[str]
) -> None:
    families = sorted((f for f in root.iterdir() if f.is_dir()), key=lambda f: f.name)
    for family in families:
        for file in sorted(family.iterdir(), key=lambda f: f.name):
            if not file.name.endswith(".toml"):
                continue
            name = f"{family.name}/{file.name.removesuffix('.toml')}"
            place = f"{where}/{family.name}/{file.name}"
            if name in texts:
                problems.append(f"{place}: profile {name} exists already in {places[name]}; rename this file")
                continue
            try:
                body = file.read_bytes()[: MAX_PROFILE_BYTES + 1]
                texts[name] = body.decode("utf-8-sig")
                places[name] = place
            except OSError as error:
                problems.append(f"{place}: cannot be read: {error.strerror}; check it")
            except UnicodeDecodeError as error:
                problems.append(f"{place}: byte {error.start} is not UTF-8; save the file as UTF-8")


def check_profiles(texts: Mapping[str, str], places: Mapping[str, str]) -> dict[str, Profile]:
    """Every profile parsed and its examples run; ConfigError with the problems of all, each with its file
    (``places``: as ``read_profiles`` tells them)."""
    profiles: dict[str, Profile] = {}
    problems: list[str] = []
    for name, text in texts.items():
        profile, told = check_profile(name, text, places[name])
        problems += told
        if profile is not None:
            profiles[name] = profile
    if problems:
        raise ConfigError(problems)
    return profiles


def check_profile(name: str, text: str, place: str) -> tuple[Profile | None, list[str]]:
    """One profile (None if it cannot be read) and its problems: "<file>: <key>: <what>; <fix>"."""
    profile = None
    try:
        profile = parse(name, text)
        problems = device_profiles.check(profile)
    except ProfileError as error:
        problems = error.problems
    return profile, [f"{place}: {problem.removeprefix(f'{name}: ')}" for problem in problems]

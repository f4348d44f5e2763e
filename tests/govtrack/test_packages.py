"""What is installed: each package of one version, known by its hash, and nothing that is not."""

from __future__ import annotations

import base64
import json
import re

import pytest

from tests.run import ROOT

FILES = ("base", "test")
LOCK = ROOT / "requirements" / "package-lock.json"
PINNED = re.compile(r"[A-Za-z0-9._-]+(?:\[[a-z0-9,_-]+\])?==\S+(?: ; .+?)?(?: +--hash=sha256:[0-9a-f]{64})+")


def unpinned(text: str) -> list[str]:
    """The lines of a list of packages that fix no version, or name no hash, or come from elsewhere."""
    joined = re.sub(r"\\\n", " ", text)
    lines = [line for line in joined.splitlines() if line and not line.lstrip().startswith("#")]
    return [line for line in lines if not PINNED.fullmatch(line.strip())]


def unhashed(lock: dict[str, object]) -> list[str]:
    """The packages of a lock whose content no hash fixes, or that run something when they are installed."""
    packages: dict[str, dict[str, str]] = lock["packages"]  # type: ignore[assignment]
    return [
        name
        for name, package in packages.items()
        if name and (not is_sha512(package.get("integrity", "")) or "hasInstallScript" in package)
    ]


def is_sha512(text: str) -> bool:
    kind, _dash, value = text.partition("-")
    return kind == "sha512" and len(base64.b64decode(value)) == 64


def test_every_package_is_known_by_its_hash() -> None:
    for name in FILES:
        text = (ROOT / "requirements" / f"{name}.txt").read_text()
        assert text.count("==") > 20
        assert unpinned(text) == [], name
    assert unhashed(json.loads(LOCK.read_text())) == []


def test_packages_are_installed_by_their_hashes_alone() -> None:
    prepare = (ROOT / "requirements" / "prepare.py").read_text()
    assert prepare.count('"install"') == prepare.count('"--require-hashes"') == 1
    assets = (ROOT / "requirements" / "assets.py").read_text()
    # As the lock says, without running what they bring.
    assert assets.count("npm(") == 1
    assert '["ci", "--ignore-scripts",' in assets


@pytest.mark.parametrize(
    "line",
    [
        "django==5.2.1",
        "django>=5.2 --hash=sha256:" + "0" * 64,
        "django @ https://elsewhere.invalid/django.whl --hash=sha256:" + "0" * 64,
        "--extra-index-url https://elsewhere.invalid",
        "django==5.2.1 --hash=md5:" + "0" * 32,
    ],
)
def test_a_package_without_its_hash_is_noticed(line: str) -> None:  # the control
    good = "django==5.2.1 --hash=sha256:" + "0" * 64
    assert unpinned(f"# of tests\n{good}\n{line}\n") == [line]
    assert unhashed({"packages": {"": {}, "a": {"integrity": "sha1-xx"}, "b": {}}}) == ["a", "b"]

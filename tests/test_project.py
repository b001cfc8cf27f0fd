from __future__ import annotations

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

from bot.manifest import manifest

ROOT = Path(__file__).parent.parent
# Made while working, or by a tool; not part of the project.
_NOT_OURS = {"__pycache__", "data", "dist", "build", "node_modules"}
_TEXT = {".py", ".md", ".toml", ".yml", ".yaml", ".lock", ".cfg", ".ini", ".txt", ".json", ".sh", ""}


def files() -> list[Path]:
    """Every text file of the project."""
    found = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        if any(part in _NOT_OURS or (part.startswith(".") and part != ".ci") for part in parts[:-1]):
            continue
        if path.is_file() and path.suffix in _TEXT and not path.name.startswith((".env", ".coverage")):
            found.append(path)
    return found


def test_the_lock_file_names_only_the_public_addresses() -> None:
    lock = (ROOT / "uv.lock").read_text()
    addresses = {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, re.findall(r'"(\w+://[^"]*)"', lock))}
    assert addresses == {"https://pypi.org", "https://files.pythonhosted.org"}


def test_every_locked_package_comes_from_the_public_index() -> None:
    for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]:
        if package["name"] == "understudy":
            assert package["source"] == {"editable": "."}
        else:
            assert package["source"] == {"registry": "https://pypi.org/simple"}


def test_the_lock_file_covers_every_dependency() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    locked = {package["name"] for package in tomllib.loads((ROOT / "uv.lock").read_text())["package"]}
    needed = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    assert {re.split(r"[\[<>=~! ]", name)[0].lower() for name in needed} <= locked


def test_no_file_holds_a_path_of_the_machine_it_was_made_on() -> None:
    path = re.compile(r"(?<![\w.~/-])/(?:work|root|home|Users|tmp|private|mnt|opt)/[\w.-]+")
    found = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
        for file in files()
        for number, line in enumerate(file.read_text(errors="replace").splitlines(), 1)
        if path.search(line)
    ]
    assert found == []


def test_the_manifest_file_is_what_the_command_prints() -> None:
    assert (ROOT / "manifest.yml").read_text() == manifest()

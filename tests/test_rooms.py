"""The fences between the parts, as imports: a vendor stays in its room, the centre depends on nobody."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parent.parent
MODULES = sorted((ROOT / "bot").rglob("*.py"))
STEPS = {
    "bot.steps",
    "bot.submitting",
    "bot.watching",
    "bot.settling",
}  # these act, by way of what they are handed, and log
PURE = {"bot.order", "bot.failure", "bot.attempt", "bot.job", "bot.task", "bot.pace", "bot.queue", "bot.estimate"}
CENTRE = STEPS | PURE | {"bot.media.limits", "bot.errors"}
# Where a vendor's library may be named at all; the practice world may name anything.
ROOMS = {
    "slack_sdk": ["bot.slack"],
    "slack_bolt": ["bot.slack"],
    "sqlite3": ["bot.store"],
    "sqlite_utils": ["bot.store"],
    "av": ["bot.media"],
    "PIL": ["bot.media"],
    "numpy": ["bot.media"],
}


class Import(NamedTuple):
    """One import: what is imported, where, and whether only for the type checker."""

    name: str
    line: int
    types_only: bool


def name_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports(path: Path) -> list[Import]:
    """Every import of a module, those inside functions included."""
    found: list[Import] = []

    def visit(node: ast.AST, *, types_only: bool) -> None:
        if isinstance(node, ast.Import):
            found.extend(Import(alias.name, node.lineno, types_only) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found.extend(Import(f"{base}.{alias.name}", node.lineno, types_only) for alias in node.names)
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            for guarded in node.body:
                visit(guarded, types_only=True)
            for other in node.orelse:
                visit(other, types_only=types_only)
            return
        for child in ast.iter_child_nodes(node):
            visit(child, types_only=types_only)

    visit(tree(path), types_only=False)
    return found


def strings(path: Path) -> list[tuple[int, str]]:
    """Every string that a module uses as a value: docstrings are none."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        (node.lineno, node.value)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]


def inside(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


def at(path: Path, line: int, what: str) -> str:
    return f"{path.relative_to(ROOT)}:{line}: {what}"


def test_imports_are_found_wherever_they_stand(tmp_path: Path) -> None:
    """The fence must be able to fail."""
    module = tmp_path / "module.py"
    module.write_text(
        "import a.b as c\nfrom d import e\nif TYPE_CHECKING:\n    import f\nelse:\n    import g\n"
        "def h():\n    from i.j import k\n    try:\n        import l\n    except ImportError:\n        pass\n"
    )
    assert {(found.name, found.types_only) for found in imports(module)} == {
        ("a.b", False),
        ("d.e", False),
        ("f", True),
        ("g", False),
        ("i.j.k", False),
        ("l", False),
    }


@pytest.mark.parametrize("library", ROOMS)
def test_a_vendors_library_stays_in_its_room(library: str) -> None:
    rooms = [*ROOMS[library], "bot.demo"]
    found = [
        at(path, imported.line, imported.name)
        for path in MODULES
        if not any(inside(name_of(path), room) for room in rooms)
        for imported in imports(path)
        if inside(imported.name, library)
    ]
    assert found == []


def test_sql_is_spoken_only_in_the_store() -> None:
    sql = re.compile(
        r"^\s*(SELECT\s.+\sFROM\s|INSERT\s+INTO\s|UPDATE\s+\w+\s+SET\s|DELETE\s+FROM\s|CREATE\s+(TABLE|INDEX)|PRAGMA\s)",
        re.DOTALL,
    )
    spoken = {
        name_of(path): [at(path, line, text.strip()[:60]) for line, text in strings(path) if sql.match(text)]
        for path in MODULES
    }
    assert any(inside(name, "bot.store") and found for name, found in spoken.items())
    assert [line for name, found in spoken.items() if not inside(name, "bot.store") for line in found] == []


def test_model_studios_words_are_spoken_only_in_its_room() -> None:
    words = re.compile(
        r"X-DashScope|image2video|wan2\.2-animate|wan-(std|pro)|task_status|oss_access_key_id|upload_host"
    )
    found = [
        at(path, line, text[:60])
        for path in MODULES
        if not any(inside(name_of(path), room) for room in ("bot.studio", "bot.studio_codes", "bot.demo"))
        for line, text in strings(path)
        if words.search(text)
    ]
    assert found == []


@pytest.mark.parametrize("module", sorted(CENTRE))
def test_the_centre_imports_the_standard_library_and_itself(module: str) -> None:
    path = ROOT / (module.replace(".", "/") + ".py")
    found = [
        at(path, imported.line, imported.name)
        for imported in imports(path)
        if not imported.types_only
        and imported.name.split(".")[0] not in sys.stdlib_module_names
        and not any(inside(imported.name, name) for name in CENTRE)
    ]
    assert found == []


@pytest.mark.parametrize("module", sorted(CENTRE - STEPS))
def test_what_is_pure_touches_no_clock_disk_or_network(module: str) -> None:
    path = ROOT / (module.replace(".", "/") + ".py")
    impure = {"asyncio", "time", "datetime", "os", "pathlib", "random", "secrets", "socket", "threading", "logging"}
    found = [imported for imported in imports(path) if not imported.types_only]
    assert [at(path, i.line, i.name) for i in found if i.name.split(".")[0] in impure] == []


def test_the_practice_world_is_imported_by_nothing_but_its_own_command() -> None:
    found = [
        at(path, imported.line, imported.name)
        for path in MODULES
        if not inside(name_of(path), "bot.demo") and name_of(path) != "bot.cli"
        for imported in imports(path)
        if inside(imported.name, "bot.demo")
    ]
    assert found == []


def test_each_command_loads_only_what_it_needs() -> None:
    """The bot that serves not the practice world, and help nothing of either."""
    found = [
        ast.unparse(node)
        for node in tree(ROOT / "bot" / "cli.py").body
        if isinstance(node, ast.Import | ast.ImportFrom) and "bot" in ast.unparse(node)
    ]
    assert found == ["from bot.order import Kind"]


def test_slack_is_met_only_by_who_builds_the_bot() -> None:
    """Everything else speaks to it through a protocol of its own."""
    found = [
        at(path, imported.line, imported.name)
        for path in MODULES
        if not any(inside(name_of(path), room) for room in ("bot.slack", "bot.demo")) and name_of(path) != "bot.app"
        for imported in imports(path)
        if inside(imported.name, "bot.slack")
    ]
    assert found == []


def test_whatever_the_bot_imports_is_declared() -> None:
    """What only comes along with another package may stay away with that one's next version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {re.split(r"[\[<>=~! ]", name)[0].lower().replace("-", "_") for name in project["dependencies"]}
    called = {"PIL": "pillow", "yaml": "pyyaml", "dotenv": "python_dotenv"}
    imported = {each.name.partition(".")[0] for path in MODULES for each in imports(path) if not each.types_only}
    foreign = imported - set(sys.stdlib_module_names) - {"bot", "__future__", ""}
    assert {called.get(name, name) for name in foreign} <= declared

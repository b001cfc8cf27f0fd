"""A small language for saying what a JSON structure may look like, and for reporting every place where it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Report:
    """What was found wrong: ``no more than 24 characters allowed [json-pointer:/view/title/text]``."""

    problems: list[str] = field(default_factory=list)

    def add(self, what: str, path: str) -> None:
        """Note one problem at a place."""
        self.problems.append(f"{what} [json-pointer:{path}]")


Rule = Callable[[Report, Any, str], None]


def string(most: int, *, least: int = 0, only: tuple[str, ...] = ()) -> Rule:
    """A string of a certain length, or one of a few words."""

    def check(report: Report, value: Any, path: str) -> None:
        if not isinstance(value, str):
            report.add("must be a string", path)
        elif len(value) > most:
            report.add(f"no more than {most} characters allowed", path)
        elif len(value) < least:
            report.add(f"must be more than {least - 1} characters", path)
        elif only and value not in only:
            report.add(f"must be one of {', '.join(only)}", path)

    return check


def word(*allowed: str) -> Rule:
    """One of a few words."""
    return string(255, only=allowed)


def boolean(report: Report, value: Any, path: str) -> None:
    """True or false."""
    if not isinstance(value, bool):
        report.add("must be a boolean", path)


def integer(least: int, most: int) -> Rule:
    """A whole number between two others."""

    def check(report: Report, value: Any, path: str) -> None:
        if isinstance(value, bool) or not isinstance(value, int):
            report.add("must be an integer", path)
        elif not least <= value <= most:
            report.add(f"must be between {least} and {most}", path)

    return check


def items(rule: Rule, most: int, *, least: int = 1) -> Rule:
    """A list whose every item follows a rule."""

    def check(report: Report, value: Any, path: str) -> None:
        if not isinstance(value, list):
            report.add("must be an array", path)
            return
        if len(value) > most:
            report.add(f"no more than {most} items allowed", path)
        if len(value) < least:
            report.add(f"must contain at least {least} item(s)", path)
        for number, item in enumerate(value):
            rule(report, item, f"{path}/{number}")

    return check


def record(*, need: Mapping[str, Rule] | None = None, may: Mapping[str, Rule] | None = None) -> Rule:
    """An object with these fields and no others."""
    needed, known = need or {}, {**(need or {}), **(may or {})}

    def check(report: Report, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            report.add("must be an object", path)
            return
        for name in needed.keys() - value.keys():
            report.add(f"missing required field: {name}", path)
        for name, content in value.items():
            if name in known:
                known[name](report, content, f"{path}/{name}")
            else:
                report.add(f"unknown field: {name}", f"{path}/{name}")

    return check


def tagged(rules: Mapping[str, Rule]) -> Rule:
    """An object whose ``type`` says which rule it follows."""

    def check(report: Report, value: Any, path: str) -> None:
        kind = value.get("type") if isinstance(value, dict) else None
        if isinstance(kind, str) and kind in rules:
            rules[kind](report, value, path)
        else:
            report.add(f"unsupported type: {kind}", f"{path}/type")

    return check


def both(*rules: Rule) -> Rule:
    """Several rules at once."""

    def check(report: Report, value: Any, path: str) -> None:
        for rule in rules:
            rule(report, value, path)

    return check


def exactly_one(*names: str) -> Rule:
    """An object with one, and only one, of these fields."""

    def check(report: Report, value: Any, path: str) -> None:
        if isinstance(value, dict) and sum(name in value for name in names) != 1:
            report.add(f"must have exactly one of {', '.join(names)}", path)

    return check


def at_least_one(*names: str) -> Rule:
    """An object with one or more of these fields."""

    def check(report: Report, value: Any, path: str) -> None:
        if isinstance(value, dict) and not any(name in value for name in names):
            report.add(f"must have one of {', '.join(names)}", path)

    return check


def typed(kind: str, *, need: Mapping[str, Rule] | None = None, may: Mapping[str, Rule] | None = None) -> Rule:
    """A record of a certain ``type``."""
    return record(need={"type": word(kind), **(need or {})}, may=may)

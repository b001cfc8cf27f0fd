from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from bot.config import LATER, ConfigError, Settings, read

BOT, APP, KEY, SIGNING = "xoxb-1-abcdefsecret", "xapp-1-abcdefsecret", "sk-abcdefsecret123", "signing-abcdefsecret"
GOOD = {"SLACK_BOT_TOKEN": BOT, "SLACK_APP_TOKEN": APP, "DASHSCOPE_API_KEY": KEY}


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    ours = [*LATER, *(name.upper() for name in Settings.model_fields)]
    for name in list(os.environ):
        if name.upper() in ours:
            monkeypatch.delenv(name)


def with_(monkeypatch: pytest.MonkeyPatch, **settings: str) -> Settings:
    return with_file(monkeypatch, None, **settings)


def with_file(monkeypatch: pytest.MonkeyPatch, env_file: Path | None, **settings: str) -> Settings:
    for name, value in {**GOOD, **settings}.items():
        monkeypatch.setenv(name, value)
    return read(env_file=env_file)


def complaint(monkeypatch: pytest.MonkeyPatch, **settings: str) -> str:
    with pytest.raises(ConfigError) as error:
        with_(monkeypatch, **settings)
    return str(error.value)


def dotenv(tmp_path: Path, **settings: str) -> Path:
    path = tmp_path / ".env"
    path.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    return path


def test_what_is_required_is_enough_and_the_rest_has_the_documented_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_(monkeypatch)
    assert found.slack_bot_token.get_secret_value() == BOT
    assert found.slack_api_url == "https://slack.com/api/"
    assert (found.dashscope_api_region, found.dashscope_workspace_id, found.dashscope_http_base_url) == (
        "singapore",
        None,
        None,
    )
    assert (found.port, found.host, found.data_dir, found.spool_max) == (3000, "0.0.0.0", Path("data"), 5 * 2**30)
    assert (found.poll_seconds, found.tasks_at_once, found.log_level) == (15.0, 1, "INFO")
    assert (found.public_url, found.file_host, found.hosts_files_itself) == (None, None, False)


@pytest.mark.parametrize(
    ("settings", "itself"),
    [
        ({"PUBLIC_URL": "https://bot.example"}, True),
        ({"PUBLIC_URL": "https://bot.example", "FILE_HOST": "modelstudio"}, False),
        ({"PUBLIC_URL": "https://bot.example", "FILE_HOST": "local"}, True),
        ({"FILE_HOST": "modelstudio"}, False),
    ],
)
def test_files_are_hosted_here_when_there_is_a_public_address(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], *, itself: bool
) -> None:
    assert with_(monkeypatch, **settings).hosts_files_itself is itself


def test_nothing_set_names_everything_required_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        read(env_file=None)
    assert set(str(error.value).splitlines()) == {
        "SLACK_BOT_TOKEN is required",
        "DASHSCOPE_API_KEY is required",
        "SLACK_SIGNING_SECRET is required unless SLACK_APP_TOKEN is set (Socket Mode)",
    }


WRONG = {
    "SLACK_BOT_TOKEN": "xoxp-wrong",
    "SLACK_APP_TOKEN": "xoxb-wrong",
    "SLACK_API_URL": "slack",
    "DASHSCOPE_API_REGION": "mars",
    "DASHSCOPE_WORKSPACE_ID": "a/b",
    "DASHSCOPE_HTTP_BASE_URL": "https://x.example/v1",
    "FILE_HOST": "ftp",
    "PUBLIC_URL": "bot.example",
    "PORT": "70000",
    "SPOOL_MAX": "lots",
    "POLL_SECONDS": "0",
    "TASKS_AT_ONCE": "0",
    "LOG_LEVEL": "loud",
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_value_is_reported_by_its_name_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    (line,) = complaint(monkeypatch, **{name: WRONG[name]}).splitlines()
    assert re.match(rf"{name}\b", line)


def test_all_wrong_values_are_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = complaint(monkeypatch, **WRONG, DATABASE_URL="postgresql://x", METRICS_PORT="1").splitlines()
    assert {re.split(r"\W", line)[0] for line in lines} == {*WRONG, "DATABASE_URL", "METRICS_PORT"}


@pytest.mark.parametrize("name", LATER)
def test_settings_of_later_versions_are_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert complaint(monkeypatch, **{name: "x"}) == f"{name} is not supported yet; unset it"


def test_later_settings_are_refused_from_the_file_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="KEEP_DAYS is not supported yet"):
        with_file(monkeypatch, dotenv(tmp_path, KEEP_DAYS="3"))


def test_s3_is_refused_as_a_file_host(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(monkeypatch, FILE_HOST="s3").startswith("FILE_HOST")


def test_local_hosting_needs_a_public_address(monkeypatch: pytest.MonkeyPatch) -> None:
    assert complaint(monkeypatch, FILE_HOST="local") == "PUBLIC_URL is required for FILE_HOST=local"


def test_http_mode_needs_the_signing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "SLACK_SIGNING_SECRET is required" in complaint(monkeypatch, SLACK_APP_TOKEN="")
    assert with_(monkeypatch, SLACK_APP_TOKEN="", SLACK_SIGNING_SECRET=SIGNING).slack_app_token is None


def test_the_environment_stands_above_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = dotenv(tmp_path, **GOOD, PORT="1111", HOST="127.0.0.1")
    monkeypatch.setenv("PORT", "2222")
    found = read(env_file=path)
    assert (found.port, found.host, found.slack_bot_token.get_secret_value()) == (2222, "127.0.0.1", BOT)


def test_a_file_that_is_not_there_is_no_fault(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert with_file(monkeypatch, tmp_path / "none").port == 3000


@pytest.mark.parametrize("name", ["PORT", "PUBLIC_URL", "FILE_HOST", "LOG_LEVEL", "SLACK_SIGNING_SECRET", "KEEP_DAYS"])
def test_empty_means_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    assert with_(monkeypatch, **{name: ""}) == with_(monkeypatch)


@pytest.mark.parametrize(
    ("name", "value", "also"),
    [
        ("SLACK_APP_TOKEN", APP, {}),
        ("PUBLIC_URL", "https://bot.example", {"SLACK_APP_TOKEN": APP, "FILE_HOST": "local"}),
    ],
)
def test_an_empty_variable_leaves_the_files_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str, also: dict[str, str]
) -> None:
    path = dotenv(tmp_path, SLACK_BOT_TOKEN=BOT, DASHSCOPE_API_KEY=KEY, **also | {name: value})
    monkeypatch.setenv(name, "")
    found = getattr(read(env_file=path), name.lower())
    assert getattr(found, "get_secret_value", lambda: found)() == value


@pytest.mark.parametrize("name", sorted({*(n.upper() for n in Settings.model_fields), *LATER}))
@pytest.mark.parametrize("secret", [BOT, APP, KEY, SIGNING, "https://user:hush-secret@bot.example:99999/"])
def test_a_secret_in_any_place_is_in_no_message_and_no_repr(
    monkeypatch: pytest.MonkeyPatch, name: str, secret: str
) -> None:
    try:
        told = repr(with_(monkeypatch, **{name: secret}))
    except ConfigError as error:
        told = f"{error} {error!r}"
    if name not in {"HOST", "DATA_DIR", "DASHSCOPE_WORKSPACE_ID"}:  # these take any word
        assert "secret" not in told.lower().replace("slack_signing_secret", "").replace(
            "slack_client_secret", ""
        ).replace("secretstr", "")


def test_every_secret_is_known_to_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(with_(monkeypatch, SLACK_SIGNING_SECRET=SIGNING).secrets()) == {BOT, APP, KEY, SIGNING}


def test_addresses_are_kept_as_given_and_slacks_ends_in_a_slash(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_(
        monkeypatch,
        SLACK_API_URL="http://127.0.0.1:1/api",
        PUBLIC_URL="https://bot.example/sub",
        DASHSCOPE_HTTP_BASE_URL="https://w.example/api/v1",
    )
    assert found.slack_api_url == "http://127.0.0.1:1/api/"
    assert found.public_url == "https://bot.example/sub"
    assert found.dashscope_http_base_url == "https://w.example/api/v1"


@pytest.mark.parametrize(
    ("name", "value", "found"),
    [
        ("SPOOL_MAX", "2GiB", 2 * 2**30),
        ("SPOOL_MAX", "1500MB", 1_500_000_000),
        ("POLL_SECONDS", "0.25", 0.25),
        ("LOG_LEVEL", "debug", "DEBUG"),
        ("PORT", "0", 0),
        ("DASHSCOPE_API_REGION", "beijing", "beijing"),
    ],
)
def test_values_are_read_as_documented(monkeypatch: pytest.MonkeyPatch, name: str, value: str, found: object) -> None:
    assert getattr(with_(monkeypatch, **{name: value}), name.lower()) == found


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("POLL_SECONDS", "nan"),
        ("POLL_SECONDS", "inf"),
        ("PORT", "-1"),
        ("PORT", "http"),
        ("TASKS_AT_ONCE", "1.5"),
        ("SPOOL_MAX", "-5GiB"),
        ("SPOOL_MAX", "0"),
        ("SPOOL_MAX", "5"),  # "5" is five bytes: no file would ever fit, and every job would wait for ever
        ("PUBLIC_URL", "ftp://bot.example"),
        ("DASHSCOPE_WORKSPACE_ID", "evil.example/"),
        ("DASHSCOPE_WORKSPACE_ID", "a.b"),
    ],
)
def test_values_that_could_never_work_are_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    assert complaint(monkeypatch, **{name: value}).startswith(name)


def test_settings_do_not_change(monkeypatch: pytest.MonkeyPatch) -> None:
    found = with_(monkeypatch)
    with pytest.raises(ValueError, match="frozen"):
        found.port = 1  # type: ignore[misc]

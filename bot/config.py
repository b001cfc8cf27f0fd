"""Settings, read once: the environment, and under it a ``.env`` file. Every bad value is reported at once."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BeforeValidator,
    ByteSize,
    Field,
    SecretStr,
    TypeAdapter,
    ValidationError,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_core import ErrorDetails

# Settings that a later version will know: set now, they are refused by name, so that nobody believes in them.
LATER = (
    "WATERMARK",
    "ADMINS",
    "ALLOWED_CHANNELS",
    "CONFIRM_ABOVE",
    "BUDGET_PER_USER",
    "BUDGET_PER_CHANNEL",
    "PRICES",
    "KEEP_DAYS",
    "METRICS_PORT",
    "S3_BUCKET",
    "DATABASE_URL",
    "SLACK_CLIENT_ID",
    "SLACK_CLIENT_SECRET",
)

# The largest inputs that need no mending, and a result of one job. In less, no job would ever find room.
LEAST_SPOOL = 500_000_000


class ConfigError(Exception):
    """The settings are not usable; the message names every one that is wrong, and no secret."""


def _url(value: str) -> str:
    TypeAdapter(AnyHttpUrl).validate_python(value)
    return value


def _api(value: str) -> str:
    if not value.rstrip("/").endswith("/api/v1"):
        raise ValueError("must end in /api/v1")
    return value


def _prefixed(prefix: str) -> AfterValidator:
    def check(value: SecretStr) -> SecretStr:
        if not value.get_secret_value().startswith(prefix):
            raise ValueError(f"must start with {prefix}")
        return value

    return AfterValidator(check)


def _slash(value: str) -> str:
    return value if value.endswith("/") else f"{value}/"


def _upper(value: Any) -> Any:
    return value.upper() if isinstance(value, str) else value


Url = Annotated[str, AfterValidator(_url)]
Secret = Annotated[SecretStr, Field(min_length=1)]


class Settings(BaseSettings):
    """What an operator can set. Empty means not set."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True, hide_input_in_errors=True
    )

    slack_bot_token: Annotated[Secret, _prefixed("xoxb-")]
    slack_signing_secret: Secret | None = None
    slack_app_token: Annotated[Secret, _prefixed("xapp-")] | None = None
    slack_api_url: Annotated[Url, AfterValidator(_slash)] = "https://slack.com/api/"
    dashscope_api_key: Secret
    dashscope_api_region: Literal["singapore", "beijing"] = "singapore"
    dashscope_workspace_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$")] | None = None
    dashscope_http_base_url: Annotated[Url, AfterValidator(_api)] | None = None
    file_host: Literal["local", "modelstudio"] | None = None
    public_url: Url | None = None
    port: Annotated[int, Field(ge=0, le=65535)] = 3000
    host: str = "0.0.0.0"  # noqa: S104 -- a bot behind a platform's router must listen everywhere
    data_dir: Path = Path("data")
    spool_max: Annotated[ByteSize, Field(ge=LEAST_SPOOL)] = ByteSize(5 * 1024**3)
    poll_seconds: Annotated[float, Field(gt=0, le=3600)] = 15.0
    tasks_at_once: Annotated[int, Field(ge=1, le=1000)] = 1
    log_level: Annotated[Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"], BeforeValidator(_upper)] = "INFO"

    @property
    def hosts_files_itself(self) -> bool:
        """True when inputs are served by this bot."""
        return (self.file_host or ("local" if self.public_url else "modelstudio")) == "local"

    def secrets(self) -> list[str]:
        """Return every secret value, for taking them out of the logs."""
        values = (self.slack_bot_token, self.slack_signing_secret, self.slack_app_token, self.dashscope_api_key)
        return [value.get_secret_value() for value in values if value is not None]


def read(*, env_file: Path | None = Path(".env")) -> Settings:
    """Return the settings, or raise one ConfigError that names everything wrong with them."""
    try:
        given = {name.upper(): value for name, value in dotenv_values(env_file).items()} if env_file else {}
    except UnicodeDecodeError as error:
        raise ConfigError(f"{env_file} is not UTF-8 text") from error
    given |= {name.upper(): value for name, value in os.environ.items() if value}  # empty means not set
    wrong = [f"{name} is not supported yet; unset it" for name in LATER if given.get(name)]
    wrong += _together(given)
    try:
        settings = Settings(_env_file=env_file)
    except ValidationError as error:
        wrong += [_line(found) for found in error.errors()]
    if wrong:
        raise ConfigError("\n".join(wrong))
    return settings


def _together(given: Mapping[str, str | None]) -> list[str]:
    """What only makes sense together; looked at also when single values are wrong, so that all is said at once."""
    wrong = []
    if not given.get("SLACK_APP_TOKEN") and not given.get("SLACK_SIGNING_SECRET"):
        wrong.append("SLACK_SIGNING_SECRET is required unless SLACK_APP_TOKEN is set (Socket Mode)")
    if given.get("FILE_HOST") == "local" and not given.get("PUBLIC_URL"):
        wrong.append("PUBLIC_URL is required for FILE_HOST=local")
    return wrong


def _line(found: ErrorDetails) -> str:
    name = ".".join(str(part) for part in found["loc"][:1]).upper()
    if found["type"] == "missing":
        return f"{name} is required"
    return f"{name}: {found['msg'].removeprefix('Value error, ')}"

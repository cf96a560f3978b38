"""Every setting: environment REELYARD_*, or reelyard.toml in the folder one starts in."""

import functools
import ipaddress
import os
import re
import sys
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

PREFIX = "REELYARD_"


class SettingsError(Exception):
    """One line: the setting, its value, what is allowed."""


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix=PREFIX, toml_file="reelyard.toml", extra="forbid", frozen=True
    )

    data: Path = Field(Path("reelyard-data"), description="Folder for database, blobs, keys, work")
    database_url: str = Field(
        "", description="`sqlite:///FILE` or `postgresql://...`; empty: SQLite in the data folder"
    )
    broker_url: str = Field(
        "", description="`redis://...`; empty: the broker inside the process (one machine)"
    )
    storage_url: str = Field(
        "", description="`file:///FOLDER` or `s3://BUCKET?endpoint=URL`; empty: in the data folder"
    )
    s3_access_key: str = Field("", description="S3 key id; empty: what boto3 finds by itself")
    s3_secret_key: str = Field(
        "", description="S3 secret (better by `REELYARD_S3_SECRET_KEY_FILE`)"
    )
    inbox: Path | None = Field(None, description="Watch folder; empty: `inbox` in the data folder")
    inbox_quiet_s: float = Field(
        5, ge=0.2, le=3600, description="A file is taken when unchanged for so many seconds"
    )
    inbox_rescan_s: float = Field(
        30, ge=1, le=3600, description="Seconds between full scans of the inbox"
    )
    inbox_polling: bool = Field(
        False, description="Watch by polling, for network shares that send no events"
    )
    inbox_ignore: list[str] = Field(
        [], description='Names to leave alone, as globs: `["*.bak", "tmp-*"]`'
    )
    speech: Literal["auto", "whisper", "pocketsphinx", "none"] = Field(
        "auto", description="Speech engine; `auto` takes whisper where a model can be had"
    )
    speech_model: str = Field(
        "small", description="Whisper model: a name (fetched at first use) or a folder; `none`: off"
    )
    profile: Literal["auto", "talk", "game", "sport", "stage"] = Field(
        "auto", description="What recordings are taken for where their sidecar does not say"
    )
    audio_model: Path | None = Field(
        None, description="ONNX model with AudioSet classes, used instead of the project's own"
    )
    rating_url: str = Field(
        "", description="OpenAI-compatible endpoint (`https://.../v1`) that rates what is said"
    )
    rating_model: str = Field("", description="The model that is asked there")
    rating_key: str = Field("", description="Its key (better by `REELYARD_RATING_KEY_FILE`)")
    clip_min_s: int = Field(15, ge=1, le=600, description="Shortest clip, seconds")
    clip_max_s: int = Field(90, ge=5, le=3600, description="Longest clip, seconds")
    clip_limit: int = Field(20, ge=1, le=500, description="Most clips of one recording")
    renditions: bool = Field(True, description="Encode whole recordings for streaming")
    threads: int = Field(
        0, ge=0, le=256, description="Media jobs at once in one process; 0: one a core"
    )
    child_memory_mb: int = Field(6144, ge=512, description="Address space of one media child, MB")
    keep_free_mb: int = Field(
        1024, ge=0, description="No work is started that would leave less disk space, MB"
    )
    keys: Path | None = Field(
        None, description="Folder of the signing key and chain; empty: `keys` in the data folder"
    )
    allow_ai_training: bool = Field(
        False, description="What clips say of AI training where the creator's sidecar says nothing"
    )
    operator: str = Field(
        "operator@reelyard.local", description="E-mail of the account that may do everything"
    )
    seller: str = Field("Reelyard", description="Who sells, as invoices say it; lines by `;`")
    currency: str = Field(
        "USD", pattern=r"^[A-Z]{3}$", description="Currency of the house's prices (ISO 4217)"
    )
    payments: Literal["sandbox", "stripe"] = Field(
        "sandbox", description="Who takes payments; `sandbox` moves no money"
    )
    stripe_key: str = Field("", description="Stripe's secret key (better by `..._KEY_FILE`)")
    stripe_webhook_secret: str = Field(
        "", description="What Stripe signs webhooks with (`whsec_...`)"
    )
    stripe_url: str = Field("", description="Another address of Stripe's API, for trials")
    smtp_url: str = Field(
        "", description="`smtp://USER:PASSWORD@HOST:PORT` or `smtps://...`; empty: an outbox folder"
    )
    mail_from: str = Field(
        "Reelyard <no-reply@reelyard.local>", description="Sender of the house's mails"
    )
    letters_hours: str = Field(
        "8-20", description="Hours of the day (UTC) in which letters leave; service mails wait not"
    )
    letters_every_s: float = Field(
        60.0, ge=1, le=3600, description="Seconds between looks for letters whose turn it is"
    )
    bounce_token: str = Field(
        "", description="What a mail server shows to report bounces; empty: that door is closed"
    )
    hook_networks: list[str] = Field(
        [], description='Private networks that partners\' webhooks may reach: `["10.1.0.0/16"]`'
    )
    hand_off: Literal["", "nginx"] = Field(
        "", description="`nginx`: files of a local store are sent by it (`X-Accel-Redirect`)"
    )
    host: str = Field("127.0.0.1", description="Address the catalogue listens on")
    port: int = Field(8000, ge=0, le=65535, description="Port the catalogue listens on")
    public_url: str = Field("", description="Address of the catalogue as visitors see it")
    ffmpeg: str = Field("", description="An ffmpeg to use instead of the bundled one (>= 8.1.2)")
    log: Literal["quiet", "text", "json"] = Field("text", description="Form of the log on stderr")

    @field_validator("database_url")
    @classmethod
    def _database(cls, value: str) -> str:
        return _scheme(value, ("sqlite", "postgresql", "postgresql+psycopg"))

    @field_validator("broker_url")
    @classmethod
    def _broker(cls, value: str) -> str:
        return _scheme(value, ("redis", "rediss", "unix"))

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str) -> str:
        return _scheme(value, ("file", "s3"))

    @field_validator("smtp_url")
    @classmethod
    def _smtp(cls, value: str) -> str:
        return _scheme(value, ("smtp", "smtps"))

    @field_validator("mail_from")
    @classmethod
    def _sender(cls, value: str) -> str:
        if not re.fullmatch(r"([^<>@\r\n]* )?<?[^<>@\s]+@[^<>@\s]+>?", value):
            raise ValueError("looks like `Name <name@example.org>`")
        return value

    @field_validator("letters_hours")
    @classmethod
    def _hours(cls, value: str) -> str:
        found = re.fullmatch(r"(\d{1,2})-(\d{1,2})", value)
        if not found or not int(found[1]) < int(found[2]) <= 24:
            raise ValueError("looks like `8-20`: the first hour, the hour it ends, 24 at most")
        return value

    @field_validator("bounce_token")
    @classmethod
    def _bounces(cls, value: str) -> str:
        if value and len(value) < 16:
            raise ValueError("has 16 characters or more")
        return value

    @field_validator("rating_url")
    @classmethod
    def _rating(cls, value: str) -> str:
        return _scheme(value, ("https", "http"))

    @field_validator("hook_networks")
    @classmethod
    def _networks(cls, value: list[str]) -> list[str]:
        return [str(ipaddress.ip_network(one)) for one in value]

    @property
    def resolved_database_url(self) -> str:
        return self.database_url or f"sqlite:///{(self.data / 'reelyard.db').absolute()}"

    @property
    def resolved_storage_url(self) -> str:
        return self.storage_url or (self.data / "blobs").absolute().as_uri()

    @property
    def resolved_inbox(self) -> Path:
        return (self.inbox or self.data / "inbox").absolute()

    @property
    def resolved_keys(self) -> Path:
        return (self.keys or self.data / "keys").absolute()

    @property
    def work_folder(self) -> Path:
        return (self.data / "work").absolute()

    @property
    def media_threads(self) -> int:
        return self.threads or len(os.sched_getaffinity(0))

    @property
    def base_url(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self.host}:{self.port}"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            _SecretFiles(settings_cls),
            TomlConfigSettingsSource(settings_cls),
        )


class _SecretFiles(PydanticBaseSettingsSource):
    """REELYARD_NAME_FILE names a file whose text is the setting: containers give secrets so."""

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        path = os.environ.get(f"{PREFIX}{field_name.upper()}_FILE")
        if not path:
            return None, field_name, False
        try:
            return Path(path).read_text(encoding="utf-8").strip(), field_name, False
        except OSError as error:
            raise SettingsError(
                f"{PREFIX}{field_name.upper()}_FILE={path}: can't be read ({error.strerror})"
            ) from error

    def __call__(self) -> dict[str, Any]:
        found = {
            name: self.get_field_value(None, name)[0] for name in self.settings_cls.model_fields
        }
        return {name: value for name, value in found.items() if value is not None}


def _scheme(value: str, allowed: tuple[str, ...]) -> str:
    if value and urlsplit(value).scheme not in allowed:
        raise ValueError(f"must begin with {' or '.join(f'{name}://' for name in allowed)}")
    return value


@functools.cache
def settings() -> Settings:
    """Read once. Raises SettingsError: the setting, its value, what is allowed."""
    _refuse_unknown()
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "?"
        shown = _shown(name, repr(first["input"]))
        raise SettingsError(
            f"{PREFIX}{name.upper()}={shown}: {first['msg'].removeprefix('Value error, ')}"
        ) from error


def _refuse_unknown() -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields}
    known |= {f"{name}_FILE" for name in known}
    for name in sorted(os.environ):
        if name.startswith(PREFIX) and name not in known:
            raise SettingsError(
                f"{name}={_shown(name, repr(os.environ[name]))}: "
                "there is no such setting; see README"
            )


def _shown(name: str, value: str) -> str:
    """No secret on a screen or in a log, not even in a misspelt setting."""
    if re.search(r"secret|password|token|key(?!s$)", name, re.IGNORECASE):
        return "(secret)"
    return re.sub(r"://[^/\s]*@", "://(secret)@", value)


def settings_or_exit() -> Settings:
    """For the start of a program: a wrong value ends it with one line."""
    try:
        return settings()
    except SettingsError as error:
        print(f"reelyard: {error}", file=sys.stderr)  # noqa: T201 (the log is not set up yet)
        raise SystemExit(2) from None

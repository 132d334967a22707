"""Settings: environment variables `BACKSTORY_*`, each overridden by its flag."""

import base64
import binascii
import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretBytes, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from api.failures import Misuse

_TENANT = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}\Z")
_SERVER = re.compile(r"[^\s,]+:[0-9]{1,5}\Z")
_PREFIX = re.compile(r"[A-Za-z0-9._-]{1,200}\Z")
_KEY_LENGTH = 32


def _tenant(name: str) -> str:
    if not _TENANT.match(name):
        raise ValueError("lower-case letters, digits, - and _, at most 63, beginning with a letter or digit")
    return name


def _servers(text: str) -> str:
    if not all(_SERVER.match(server) for server in text.split(",")):
        raise ValueError("host:port, joined by commas")
    return text


def _prefix(text: str) -> str:
    if not _PREFIX.match(text):
        raise ValueError("letters, digits, ., - and _, at most 200")
    return text


def _tenants(names: str) -> str:
    for name in names.split(","):
        _tenant(name)
    return names


def read_master_key(text: bytes) -> bytes:
    """Return the 32 bytes that a master key's base64 text stands for. Raises ValueError, without the text."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != _KEY_LENGTH:
        raise ValueError("32 bytes in base64, as `openssl rand -base64 32` makes them")
    return key


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.path.strip("/") or parts.query:
        raise ValueError("a URL without a path, such as https://crm.example.org")
    return text.rstrip("/")


def _master_key(text: SecretBytes) -> SecretBytes:
    read_master_key(text.get_secret_value())
    return text


class Settings(BaseSettings):
    """Everything that can be set from outside."""

    model_config = SettingsConfigDict(
        env_prefix="BACKSTORY_", env_ignore_empty=True, frozen=True, extra="ignore", hide_input_in_errors=True
    )

    data: Path = Field(
        Path(".backstory"),
        description="The data folder: the embedded PostgreSQL, the master key, lock files, where the API listens.",
    )
    database: str | None = Field(
        None, description="A PostgreSQL (15 or newer) by URL, instead of the embedded one in the data folder."
    )
    tenant: Annotated[str, AfterValidator(_tenant)] = Field(
        "main", description="Whose records a command reads and writes."
    )
    master_key: Annotated[SecretBytes, AfterValidator(_master_key)] | None = Field(
        None,
        description="The key that wraps every person's key: 32 bytes in base64. Without it, `master.key` of "
        "the data folder is used, and made for a new log. No flag sets it: command lines are seen by all.",
    )
    kafka: Annotated[str, AfterValidator(_servers)] | None = Field(
        None, description="Kafka's brokers, host:port, joined by commas. Without it nothing is published."
    )
    kafka_prefix: Annotated[str, AfterValidator(_prefix)] = Field(
        "backstory", description="What the names of the topics begin with; `.events` and others follow."
    )
    intake_tenants: Annotated[str, AfterValidator(_tenants)] | None = Field(
        None,
        description="The tenants, with commas between, that services may name when they publish; without it, "
        "only the tenant of the intake itself.",
    )
    host: str = Field("127.0.0.1", description="The address that the API listens on.")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(
        8080, description="The port that the API listens on; 0 takes a free one."
    )
    rate_limit: Annotated[float, Field(gt=0, le=1_000_000)] = Field(
        1000.0, description="Requests a second that each API key may make of one process of the API."
    )
    url: Annotated[str, AfterValidator(_url)] | None = Field(
        None, description="Where people reach the service, without a path; else where it listens."
    )
    smtp_host: str | None = Field(
        None,
        description="The mail server for links to sign in and mail to customers; without one the console shows links.",
    )
    smtp_port: Annotated[int, Field(ge=1, le=65535)] = Field(587, description="The port of the mail server.")
    smtp_user: str | None = Field(None, description="Whom the mail server knows.")
    smtp_password: SecretStr | None = Field(None, description="The password for the mail server.")
    smtp_from: str | None = Field(None, description="The address that mail is sent from.")
    smtp_security: Literal["starttls", "tls", "none"] = Field(
        "starttls", description="How the way to the mail server is encrypted: starttls, tls or none."
    )
    oidc_issuer: str | None = Field(
        None, description="The OpenID Connect provider that may confirm who people are, by its issuer URL."
    )
    oidc_client_id: str | None = Field(None, description="As which client the provider knows the service.")
    oidc_client_secret: SecretStr | None = Field(None, description="The secret of that client.")
    oidc_label: str = Field("your company's account", description="How the sign-in page calls the provider.")
    sql_timeout: Annotated[float, Field(ge=0, le=86_400)] = Field(
        300.0, description="Seconds after which `backstory sql` gives up on PostgreSQL; 0 waits for ever."
    )


def read_settings(**flags: Any) -> Settings:  # noqa: ANN401 - checked by the model
    """Return the settings, flags that are not None before environment variables.

    Raises Misuse naming the flag, its environment variable and the rule that the value breaks.
    """
    given = {
        name: value for name, value in flags.items() if value is not None and name in Settings.model_fields
    }
    try:
        return Settings(**given)
    except ValidationError as cause:
        [first, *_] = cause.errors(include_url=False, include_input=False, include_context=False)
        name = str(first["loc"][0]) if first["loc"] else "settings"
        flag = f"--{name.replace('_', '-')}" if name in given else f"BACKSTORY_{name.upper()}"
        raise Misuse(f"{flag}: {first['msg'].removeprefix('Value error, ')}") from None

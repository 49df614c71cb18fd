"""Read every setting from the environment once, check it, and freeze it (contract section 8)."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Literal, cast

from config.addresses import (
    LOOPBACK,
    MAX_PORT,
    read_networks,
    read_origins,
    read_process_port,
    read_public_url,
)
from config.archive import ArchivePlace, ArchiveUnusable, read_archive_place
from config.daily_caps import DailyCaps
from config.images import Bucket, read_images_bucket
from config.limits import read_daily_caps, read_rate_limits
from config.providers import (
    Provider,
    read_email_provider,
    read_push_provider,
    read_sms_provider,
)
from config.public_key import (
    PublicKey,
    PublicKeyUnusable,
    is_asymmetric_key,
    read_public_key,
)
from config.rate_limits import RateLimits
from config.reader import Reader, SettingsError, refusal
from config.secrets import (
    MIN_JWT_SECRET_BYTES,
    SecretsUnusable,
    decode_encryption_keys,
    development_encryption_key,
    development_jwt_secret,
    is_development_jwt_secret,
    is_development_key,
)
from config.tls import TlsFiles, TlsUnusable

__all__ = ["Environment", "LogFormat", "Settings", "SettingsError", "read_settings"]

Environment = Literal["development", "production"]
LogFormat = Literal["console", "json"]

DEFAULT_PORT = 8000
MAX_PROCESSES = 64
DEFAULT_WORKERS = 16
MAX_WORKERS = 256
DEFAULT_SOCKETS = 15_000
MAX_SOCKETS = 1_000_000
DEFAULT_CAMPAIGN_RATE = 200
MAX_CAMPAIGN_RATE = 100_000
LOG_LEVELS = ("info", "debug", "warning", "error")
# MongoDB refuses other characters on one platform or another, and more than 63 bytes on all.
DATABASE_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
INSTANCE_NAME = re.compile(r"[A-Za-z0-9._:@/-]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the environment says; secrets stay out of its `repr`."""

    env: Environment
    host: str
    port: int
    public_url: str
    tls: TlsFiles | None
    """None where a proxy speaks TLS, or nobody does."""
    data_dir: Path
    mongodb_uri: str | None = field(repr=False)
    mongodb_database: str
    redis_url: str | None = field(repr=False)
    queue_redis_url: str | None = field(repr=False)
    processes: int
    process_port: int | None
    """Where the first process listens as well, and each further one at the next."""
    links_dir: Path | None
    """Where server processes of a machine find one another; None: they ask each other by Redis."""
    sockets: int
    """Of one server process, at most."""
    workers: int
    jwt_secret: str | None = field(repr=False)
    """None where tokens are signed with a private key and no secret is given."""
    jwt_public_key: PublicKey | None
    jwt_jwks_url: str | None = field(repr=False)
    jwt_issuer: str | None
    jwt_audience: str | None
    encryption_keys: tuple[bytes, ...] = field(repr=False)
    allowed_origins: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    metrics_allow: tuple[IPv4Network | IPv6Network, ...]
    email: Provider
    push: Provider
    sms: Provider
    archive: ArchivePlace | None
    """None where notifications are removed for good."""
    images: Bucket | None
    """None where uploaded pictures are files."""
    rate_limits: RateLimits
    daily_caps: DailyCaps
    campaign_recipients_per_s: int
    log_format: LogFormat
    log_level: str
    instance: str

    @property
    def is_production(self) -> bool:
        """Tell whether development conveniences are refused."""
        return self.env == "production"

    @property
    def has_demo(self) -> bool:
        """Tell whether one can be somebody on the demo page: tokens are minted for it."""
        return not self.is_production and self.jwt_secret is not None


def read_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that `environ` holds.

    In development a missing secret is generated once and kept in the data directory, which is
    created for it. Raises `SettingsError` at the first bad variable.
    """
    reader = Reader(environ)
    env = cast("Environment", reader.one_of("ENV", ("development", "production")))
    is_production = env == "production"
    host = reader.text("HOST", "127.0.0.1")
    port = reader.number("PORT", DEFAULT_PORT, low=0, high=MAX_PORT)
    data_dir = _data_dir(reader)
    tls = _tls(reader)
    processes = reader.number("PROCESSES", 1, low=1, high=MAX_PROCESSES)
    redis_url = reader.url("REDIS_URL", ("redis", "rediss"))
    jwt_public_key = _jwt_public_key(reader)
    jwt_jwks_url = reader.url("JWT_JWKS_URL", ("https", "http"))
    has_public_keys = jwt_public_key is not None or jwt_jwks_url is not None
    return Settings(
        env=env,
        host=host,
        port=port,
        public_url=read_public_url(reader, host, port, scheme="http" if tls is None else "https"),
        tls=tls,
        data_dir=data_dir,
        mongodb_uri=reader.url("MONGODB_URI", ("mongodb", "mongodb+srv")),
        mongodb_database=reader.matching(
            "MONGODB_DATABASE", "savenbite_notifications", DATABASE_NAME
        ),
        redis_url=redis_url,
        queue_redis_url=reader.url("QUEUE_REDIS_URL", ("redis", "rediss")) or redis_url,
        processes=processes,
        process_port=read_process_port(reader, port, processes),
        links_dir=_links_dir(reader),
        sockets=reader.number("SOCKETS", DEFAULT_SOCKETS, low=1, high=MAX_SOCKETS),
        workers=reader.number("WORKERS", DEFAULT_WORKERS, low=1, high=MAX_WORKERS),
        jwt_secret=_jwt_secret(
            reader, data_dir, is_production=is_production, has_public_keys=has_public_keys
        ),
        jwt_public_key=jwt_public_key,
        jwt_jwks_url=jwt_jwks_url,
        jwt_issuer=reader.optional("JWT_ISSUER"),
        jwt_audience=reader.optional("JWT_AUDIENCE"),
        encryption_keys=_encryption_keys(reader, data_dir, is_production=is_production),
        allowed_origins=read_origins(reader),
        trusted_proxies=tuple(map(str, read_networks(reader, "TRUSTED_PROXIES"))),
        metrics_allow=read_networks(reader, "METRICS_ALLOW", LOOPBACK),
        email=read_email_provider(reader, is_production=is_production),
        push=read_push_provider(reader, is_production=is_production),
        sms=read_sms_provider(reader, is_production=is_production),
        archive=_archive(reader),
        images=read_images_bucket(reader, environ, is_production=is_production),
        rate_limits=read_rate_limits(reader),
        daily_caps=read_daily_caps(reader),
        campaign_recipients_per_s=reader.number(
            "CAMPAIGN_RATE", DEFAULT_CAMPAIGN_RATE, low=1, high=MAX_CAMPAIGN_RATE
        ),
        log_format=cast("LogFormat", reader.one_of("LOG_FORMAT", ("console", "json"))),
        log_level=reader.one_of("LOG_LEVEL", LOG_LEVELS),
        instance=reader.matching("INSTANCE", f"{socket.gethostname()}:{port}", INSTANCE_NAME),
    )


def _data_dir(reader: Reader) -> Path:
    path = Path(reader.text("DATA_DIR", "var")).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise refusal("DATA_DIR", f"{path} is not a directory")
    return path


def _links_dir(reader: Reader) -> Path | None:
    given = reader.optional("LINKS_DIR")
    return None if given is None else Path(given).expanduser().absolute()


def _archive(reader: Reader) -> ArchivePlace | None:
    given = reader.optional("ARCHIVE")
    if given is None:
        return None
    try:
        return read_archive_place(given)
    except ArchiveUnusable as error:
        raise refusal("ARCHIVE", error.problem) from None


def _tls(reader: Reader) -> TlsFiles | None:
    cert, key = reader.optional("TLS_CERT"), reader.optional("TLS_KEY")
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        missing, given = ("TLS_KEY", "SNB_TLS_CERT") if key is None else ("TLS_CERT", "SNB_TLS_KEY")
        raise refusal(missing, f"must be set, since {given} is")
    files = TlsFiles(Path(cert).expanduser().absolute(), Path(key).expanduser().absolute())
    try:
        files.server_context()
    except TlsUnusable as error:
        raise refusal("TLS_CERT", f"{cert} with {key} {error.problem}") from None
    return files


def _jwt_secret(
    reader: Reader, data_dir: Path, *, is_production: bool, has_public_keys: bool
) -> str | None:
    given = reader.optional("JWT_SECRET")
    if given is None:
        if has_public_keys:
            return None
        return _generated("JWT_SECRET", development_jwt_secret, data_dir, is_production)
    if is_asymmetric_key(given):
        raise refusal("JWT_SECRET", "is an asymmetric key; see SNB_JWT_PUBLIC_KEY_FILE")
    if len(given.encode()) < MIN_JWT_SECRET_BYTES:
        raise refusal("JWT_SECRET", f"must be at least {MIN_JWT_SECRET_BYTES} bytes long")
    if is_production and is_development_jwt_secret(given):
        raise refusal("JWT_SECRET", "is a development secret, refused in production")
    return given


def _jwt_public_key(reader: Reader) -> PublicKey | None:
    given = reader.optional("JWT_PUBLIC_KEY_FILE")
    if given is None:
        return None
    path = Path(given).expanduser()
    try:
        return read_public_key(path)
    except PublicKeyUnusable as error:
        raise refusal("JWT_PUBLIC_KEY_FILE", f"{path} {error.problem}") from None


def _encryption_keys(reader: Reader, data_dir: Path, *, is_production: bool) -> tuple[bytes, ...]:
    given = reader.optional("ENCRYPTION_KEYS") or _generated(
        "ENCRYPTION_KEYS", development_encryption_key, data_dir, is_production
    )
    try:
        keys = decode_encryption_keys(given)
    except SecretsUnusable as error:
        raise refusal("ENCRYPTION_KEYS", error.problem) from None
    if is_production and any(is_development_key(key) for key in keys):
        raise refusal("ENCRYPTION_KEYS", "has a development key, refused in production")
    return keys


def _generated(
    name: str, generate: Callable[[Path], str], data_dir: Path, is_production: bool
) -> str:
    if is_production:
        raise refusal(name, "must be set in production")
    try:
        return generate(data_dir)
    except SecretsUnusable as error:
        raise refusal("DATA_DIR", error.problem) from None

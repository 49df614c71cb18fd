"""Run the notification service, or a part of it; `python run.py --help` lists the commands."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from config.archive import ArchivePlace, ArchiveUnusable, read_archive_place
from config.logging import configure_logging
from config.settings import Settings, SettingsError, read_settings
from server.auth import UserType
from server.banner import banner
from server.demo import SeedingFailed, seed
from server.launcher import CannotLaunch, launch, launch_servers
from server.probe import local_url
from server.tokens import TokensRefused, mint

CANNOT_RUN = 2
DEFAULT_TOKEN_HOURS = 24

JOB_NAMES = ("analytics", "schedules", "weekly-digest", "retention", "sweep")
"""The names of `server.jobs.JOBS`, which no other command should load."""

TASK_EXPLAINED = (
    "run one periodic job now, on the stores given or those of the service running here"
)


def main(arguments: Sequence[str]) -> int:
    """Carry out the command and return the exit status: 2 for what cannot run as it is told."""
    options = _parser().parse_args(arguments)
    try:
        settings = read_settings(os.environ)
    except SettingsError as error:
        return _refuse(str(error))
    configure_logging(settings.log_format, settings.log_level)
    command: Callable[[Settings, argparse.Namespace], int] = options.command
    return command(settings, options)


def _all(settings: Settings, _options: argparse.Namespace) -> int:
    try:
        return launch(settings, os.environ, program=Path(__file__), when_ready=_welcome)
    except CannotLaunch as error:
        return _refuse(error.problem)


def _welcome(settings: Settings) -> None:
    if not settings.has_demo:
        return
    try:
        _seed_demo(settings, keep_unfollowed=True)
    except SeedingFailed as error:
        print(f"demo data: {error}", file=sys.stderr)
    print(banner(settings), flush=True)


def _serve(settings: Settings, options: argparse.Namespace) -> int:
    # Imported here, and below, because no program should load what another one needs.
    from server.serve import run_server

    lacking = _needing_stores(settings)
    if lacking:
        return lacking
    if options.shared_port or settings.processes == 1:
        return run_server(settings, is_port_shared=options.shared_port)
    try:
        return launch_servers(settings, os.environ, program=Path(__file__))
    except CannotLaunch as error:
        return _refuse(error.problem)


def _worker(settings: Settings, _options: argparse.Namespace) -> int:
    from tasks.worker import run_worker

    return _needing_stores(settings) or run_worker(settings)


def _token(settings: Settings, options: argparse.Namespace) -> int:
    try:
        token = mint(
            settings,
            options.sub,
            UserType(options.user_type),
            name=options.name,
            business_id=options.business_id,
            valid_for=timedelta(hours=options.hours),
        )
    except TokensRefused as error:
        return _refuse(str(error))
    print(token)
    return 0


def _seed(settings: Settings, _options: argparse.Namespace) -> int:
    try:
        _seed_demo(settings, keep_unfollowed=False)
    except TokensRefused as error:
        return _refuse(str(error))
    except SeedingFailed as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _seed_demo(settings: Settings, *, keep_unfollowed: bool) -> None:
    seeded = seed(
        local_url(settings),
        lambda sub, user_type: mint(settings, sub, user_type),
        keep_unfollowed=keep_unfollowed,
        tls=settings.tls,
    )
    print(f"demo data: {seeded.events_new} new events, {seeded.follows_new} new follows")


def _check(settings: Settings, _options: argparse.Namespace) -> int:
    from server.dependencies import check_dependencies
    from server.open_files import file_limit, raise_file_limit, shortage

    print("settings: ok")
    dependencies = asyncio.run(check_dependencies(settings))
    for dependency in dependencies:
        print(dependency)
    raise_file_limit()
    files = file_limit()
    problem = shortage(settings.sockets, files)
    print(f"open files: ok ({files})" if problem is None else f"open files: warning ({problem})")
    return int(any(dependency.problem for dependency in dependencies))


def _task(settings: Settings, options: argparse.Namespace) -> int:
    from server.embedded_uris import read_uris
    from server.jobs import run_jobs
    from storage.client import StoreUnavailable
    from tasks.archives.archive import ArchiveUnavailable
    from tasks.archives.opening import open_archive

    settings = read_settings({**read_uris(settings.data_dir), **os.environ})
    cannot_run = _needing_stores(settings)
    if cannot_run:
        return cannot_run
    if options.archive is not None and options.name != "retention":
        return _refuse("--archive: only `task retention` puts anything into an archive")
    try:
        archive = open_archive(options.archive or settings.archive)
        asyncio.run(run_jobs(settings, options.name, options.as_of, archive=archive, say=print))
    except (StoreUnavailable, ArchiveUnavailable) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    except TimeoutError:
        print(f"{options.name}: took too long; what is done is kept", file=sys.stderr)
        return 1
    return 0


def _moment(text: str) -> datetime:
    """Return the time, to the millisecond that the store keeps."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not an RFC 3339 time")
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def _archive(text: str) -> ArchivePlace:
    try:
        return read_archive_place(text)
    except ArchiveUnusable as error:
        raise argparse.ArgumentTypeError(error.problem) from None


def _needing_stores(settings: Settings) -> int:
    """Return 0 when the stores are named; only `all` starts embedded ones."""
    for variable, uri in (
        ("SNB_MONGODB_URI", settings.mongodb_uri),
        ("SNB_REDIS_URL", settings.redis_url),
    ):
        if uri is None:
            return _refuse(f"{variable}: must be set, or use `run.py all`, which brings its own")
    return 0


def _refuse(problem: str) -> int:
    print(problem, file=sys.stderr)
    return CANNOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="run.py", description="Save n Bite notifications")
    parser.set_defaults(command=_all)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command, explained in (
        ("all", _all, "the whole service on this machine, embedded stores included (default)"),
        ("serve", _serve, "the server: SNB_PROCESSES processes on one port"),
        ("worker", _worker, "one worker process"),
        ("seed", _seed, "tell the running service of the demo data (development)"),
        ("check", _check, "check the settings and whether the dependencies answer"),
        ("token", _token, "print a token to try things with (development)"),
    ):
        commands.add_parser(name, help=explained, description=explained).set_defaults(
            command=command
        )
    commands.choices["serve"].add_argument(
        "--shared-port",
        action="store_true",
        help="be one process, and share the port with others that do; each needs its SNB_INSTANCE",
    )
    task = commands.add_parser("task", help="run one periodic job now", description=TASK_EXPLAINED)
    task.set_defaults(command=_task)
    task.add_argument("name", metavar="NAME", choices=JOB_NAMES, help=", ".join(JOB_NAMES))
    task.add_argument(
        "--as-of", type=_moment, metavar="TIME", help="as if it were then (RFC 3339); now"
    )
    task.add_argument(
        "--archive",
        type=_archive,
        metavar="DIR|s3://BUCKET/PREFIX",
        help="of retention: where rows go before they are removed; as SNB_ARCHIVE says",
    )
    token = commands.choices["token"]
    token.add_argument("--sub", type=UUID, required=True, metavar="UUID", help="user id")
    token.add_argument(
        "--user-type",
        required=True,
        choices=("customer", "ngo", "provider", "admin", "service"),
    )
    token.add_argument("--name", help="display name")
    token.add_argument("--business-id", type=UUID, metavar="UUID", help="of a provider")
    token.add_argument("--hours", type=float, default=DEFAULT_TOKEN_HOURS, help="valid for (24)")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

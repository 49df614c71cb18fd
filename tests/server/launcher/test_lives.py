"""How the programs of a service begin and end together."""

from __future__ import annotations

import signal
from collections.abc import Callable

import psutil

from bench.ports import free_ports
from tests.server.launcher.program import DEADLINE_S, PRODUCTION, Service, run, servers, wait_until


def test_a_signal_stops_all_with_0_and_what_was_stored_is_there_after_a_restart(
    start: Callable[..., Service],
) -> None:
    service = start()
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    family = service.family()
    assert len(family) == 4
    service.process.send_signal(signal.SIGINT)
    assert service.process.wait(DEADLINE_S) == 0
    assert not [child for child in family.values() if child.is_running()]
    assert not service.says("Traceback")
    restarted = Service(service.data_dir)
    wait_until(lambda: restarted.says("demo data: 0 new events"))
    restarted.end()


def test_nothing_outlives_a_launcher_that_is_killed(start: Callable[..., Service]) -> None:
    service = start()
    wait_until(service.is_ready)
    family = list(service.family().values())
    assert len(family) == 4
    service.process.kill()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def test_stores_that_are_given_are_used_and_production_has_no_demo(
    start: Callable[..., Service], mongodb_uri: str, redis_url: str, database_name: str
) -> None:
    service = start(
        **PRODUCTION,
        SNB_MONGODB_URI=mongodb_uri,
        SNB_MONGODB_DATABASE=database_name,
        SNB_REDIS_URL=redis_url,
    )
    wait_until(service.is_ready)
    assert sorted(service.family()) == ["run.py serve", "run.py worker"]
    service.end()
    assert not service.says("CUSTOMER=")


def test_several_processes_serve_one_port_and_each_that_dies_is_started_again(
    start: Callable[..., Service],
) -> None:
    own_port = free_ports(2)
    service = start(
        SNB_PROCESSES="2",
        SNB_PROCESS_PORT=str(own_port),
        SNB_INSTANCE="here",
        SNB_LOG_FORMAT="json",
    )
    wait_until(lambda: service.says("Ctrl-C stops everything"))
    wait_until(lambda: service.output.read_text().count('"event": "serving"') == 2)
    first, second = servers(service)
    names = {process.environ()["SNB_INSTANCE"] for process in (first, second)}
    assert names == {"here/1", "here/2"}
    assert len(list((service.data_dir / "links").glob("*.sock"))) == 2

    def listens(process: psutil.Process) -> set[int]:
        return {
            each.laddr.port
            for each in process.net_connections("tcp")
            if each.status == psutil.CONN_LISTEN
        }

    assert listens(first) == {service.port, own_port}
    assert listens(second) == {service.port, own_port + 1}
    first.kill()
    wait_until(
        lambda: (
            {process.pid for process in servers(service)} - {first.pid, second.pid}
            and len(servers(service)) == 2
        )
    )
    assert service.is_ready()
    wait_until(lambda: {port for each in servers(service) for port in listens(each)} >= {own_port})
    refused = run(
        service.data_dir.with_name("other"), SNB_PORT=str(service.port), SNB_PROCESSES="2"
    )
    assert (refused.returncode, refused.stderr.count("\n")) == (2, 1)
    assert "Address already in use" in refused.stderr
    family = servers(service)
    service.process.terminate()
    assert service.process.wait(DEADLINE_S) == 0
    assert not [child for child in (*family, second) if child.is_running()]
    assert not service.says("Traceback")


def test_serving_by_several_processes_needs_nothing_but_the_stores(
    start: Callable[..., Service],
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
) -> None:
    service = start(
        "serve",
        SNB_PROCESSES="2",
        SNB_MONGODB_URI=mongodb_uri,
        SNB_MONGODB_DATABASE=database_name,
        SNB_REDIS_URL=redis_url,
    )
    wait_until(service.is_ready)
    wait_until(lambda: len(servers(service)) == 2)
    assert sorted(service.family()) == ["run.py serve"]
    service.process.terminate()
    assert service.process.wait(DEADLINE_S) == 0

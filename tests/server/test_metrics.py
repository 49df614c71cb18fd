"""What operators can see of a process, and who may see it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tornado.httpclient import HTTPResponse

from actors.distribution import Distribution
from server.loop_lag import BOUNDS_S
from server.service import Service
from tests.server.figures import figure
from tests.support.api import Api, token
from tests.support.service import running
from tests.support.sockets import Socket
from tests.support.world import World, eventually, listing

METRICS = "/metrics"
Labels = dict[str, str]


async def shown(api: Api, **headers: str) -> HTTPResponse:
    return await api.raw(METRICS, **headers)


async def test_metrics_are_in_the_text_format_of_prometheus(api: Api) -> None:
    response = await shown(api)
    assert response.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    families = {family.name for family in text_string_to_metric_families(response.body.decode())}
    assert families >= {
        "snb_http_request_duration_seconds",
        "snb_sockets",
        "snb_user_actors",
        "snb_requests_in_flight",
        "snb_mailbox_messages",
        "snb_events_accepted",
        "snb_events_repeated",
        "snb_fan_out_batches",
        "snb_fan_out_recipients",
        "snb_frames_sent",
        "snb_sockets_closed",
        "snb_schedules_planned",
        "snb_schedules_withdrawn",
        "snb_schedules_late_seconds",
        "snb_loop_lag_seconds",
        "snb_gc_pause_seconds",
        "snb_sockets_waiting",
        "snb_sockets_refused",
        "process_resident_memory_bytes",
        "process_cpu_seconds",
        "python_gc_objects_collected",
    }


async def test_requests_are_counted_by_route_and_status_whatever_is_in_their_path(
    api: Api,
) -> None:
    route = "/api/notifications/{notification_id}/delete/"
    name = "snb_http_request_duration_seconds_count"
    before = await figure(api, name, method="DELETE", route=route, status="4xx")
    for _ in range(3):
        await api.delete(f"/api/notifications/{uuid4()}/delete", token())
    after = await figure(api, name, method="DELETE", route=route, status="4xx")
    assert after - before == 3
    assert await figure(api, name, route=route, status="2xx") == 0


async def test_what_clients_make_up_is_no_label(api: Api) -> None:
    name = "snb_http_request_duration_seconds_count"
    before = await figure(api, name, route="unknown")
    for path in ("/one", "/two", f"/{uuid4()}"):
        await api.request("BREW", path)
    assert await figure(api, name, method="unknown", route="unknown", status="4xx") >= 3
    assert await figure(api, name, route="unknown") == before + 3
    text = (await shown(api)).body.decode()
    assert "BREW" not in text
    assert "/two" not in text


async def test_sockets_their_frames_and_their_ends_are_counted(api: Api, world: World) -> None:
    sent = await figure(api, "snb_frames_sent_total")
    left = await figure(api, "snb_sockets_closed_total", code="client")
    refused = await figure(api, "snb_sockets_closed_total", code="4401")
    person = await world.person()
    socket = await world.connect(person)
    assert await figure(api, "snb_sockets") == 1
    assert await figure(api, "snb_user_actors") == 1
    assert await figure(api, "snb_frames_sent_total") == sent + 1
    socket.close()

    async def has_left() -> bool:
        return await figure(api, "snb_sockets") == 0

    await eventually(has_left)
    assert await figure(api, "snb_sockets_closed_total", code="client") == left + 1
    stranger = await Socket.open(api.base_url)
    await stranger.send(type="authenticate", token="garbage")
    await stranger.expect("authentication_failed")
    assert await stranger.closed() == 4401

    async def is_refused() -> bool:
        return await figure(api, "snb_sockets_closed_total", code="4401") == refused + 1

    await eventually(is_refused)


async def test_events_and_their_fan_outs_are_counted(api: Api, world: World) -> None:
    accepted = await figure(api, "snb_events_accepted_total")
    repeated = await figure(api, "snb_events_repeated_total")
    batches = await figure(api, "snb_fan_out_batches_total")
    recipients = await figure(api, "snb_fan_out_recipients_total")
    shop = await world.shop()
    await world.follower(shop)
    event_id = uuid4().hex
    for _ in range(2):
        await world.event("listing.created", listing(shop.id), id=event_id)

    async def is_told() -> bool:
        return await figure(api, "snb_fan_out_recipients_total") == recipients + 1

    await eventually(is_told)
    assert await figure(api, "snb_fan_out_batches_total") >= batches + 1
    assert await figure(api, "snb_events_accepted_total") == accepted + 4
    assert await figure(api, "snb_events_repeated_total") == repeated + 1


async def test_every_single_actor_shows_its_mailbox(api: Api) -> None:
    families = text_string_to_metric_families((await shown(api)).body.decode())
    mailboxes = next(family for family in families if family.name == "snb_mailbox_messages")
    actors = {sample.labels["actor"] for sample in mailboxes.samples}
    assert actors >= {"dispatcher", "claimer", "lane.fan_out", "lease_keeper", "users"}


async def test_a_loop_that_is_blocked_shows(api: Api, service: Service) -> None:
    before = await figure(api, "snb_loop_lag_seconds_count")

    async def is_measured() -> bool:
        return await figure(api, "snb_loop_lag_seconds_count") > before

    await eventually(is_measured)
    assert await figure(api, "snb_loop_lag_seconds_bucket", le="+Inf") >= before


def test_lateness_is_counted_in_the_bucket_that_it_fits_in() -> None:
    lag = Distribution(BOUNDS_S)
    for late_s in (0.0, BOUNDS_S[0], BOUNDS_S[0] + 0.0001, 60.0):
        lag.observe(late_s)
    assert lag.counts == [2, 1, *[0] * (len(BOUNDS_S) - 2), 1]
    assert lag.total_s == pytest.approx(60.0021)


FOREIGNERS: list[tuple[dict[str, str], Labels, int]] = [
    ({}, {}, 200),
    ({"SNB_METRICS_ALLOW": "10.0.0.0/8, 127.0.0.1"}, {}, 200),
    ({"SNB_METRICS_ALLOW": "10.0.0.0/8"}, {}, 403),
    # From a proxy that nobody trusts it may be anybody.
    ({}, {"X-Forwarded-For": "127.0.0.1"}, 403),
    ({}, {"Forwarded": "for=127.0.0.1"}, 403),
    ({"SNB_TRUSTED_PROXIES": "127.0.0.1"}, {"X-Forwarded-For": "203.0.113.9"}, 403),
    (
        {"SNB_TRUSTED_PROXIES": "127.0.0.1", "SNB_METRICS_ALLOW": "203.0.113.0/24"},
        {"X-Forwarded-For": "203.0.113.9"},
        200,
    ),
    (
        {"SNB_TRUSTED_PROXIES": "127.0.0.1", "SNB_METRICS_ALLOW": "2001:db8::7"},
        {"X-Forwarded-For": "2001:db8::8"},
        403,
    ),
]


@pytest.mark.parametrize(("variables", "headers", "status"), FOREIGNERS)
async def test_metrics_are_for_the_networks_of_the_setting(
    mongodb_uri: str,
    redis_url: str,
    database_name: str,
    variables: dict[str, str],
    headers: Labels,
    status: int,
) -> None:
    own = {"SNB_INSTANCE": "test:metrics", **variables}
    async with running(mongodb_uri, redis_url, database_name, **own) as service:
        api = Api(service.settings.public_url)
        assert (await shown(api, **headers)).code == status
        api.close()


async def test_what_is_done_by_the_clock_is_told_of(service: Service, api: Api) -> None:
    jobs, at = service.stores.jobs, datetime(2026, 11, 22, 5, tzinfo=UTC)
    await jobs.begin("begun", at=at, again_at=at)
    await jobs.succeeded("tidy", "3 rows removed", at=at, took=timedelta(seconds=1.5))
    await jobs.failed("tidy", "KeyError", at=at, took=timedelta(seconds=2.5), again_at=at)
    assert await figure(api, "snb_job_runs_total", job="tidy") == 2
    assert await figure(api, "snb_job_failures_total", job="tidy") == 1
    assert await figure(api, "snb_job_last_run_duration_seconds", job="tidy") == 2.5
    ended = "snb_job_last_run_timestamp_seconds"
    assert await figure(api, ended, job="tidy") == at.timestamp()
    assert await figure(api, "snb_job_runs_total", job="begun") == 0
    assert f'{ended}{{job="begun"}}' not in (await shown(api)).body.decode()

"""Read single figures of `/metrics`."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from tests.support.api import Api


async def figure(api: Api, name: str, **labels: str) -> float:
    """Return the sample `name` that has `labels`, 0 when there is none."""
    response = await api.raw("/metrics")
    assert response.code == 200
    return sum(
        sample.value
        for family in text_string_to_metric_families(response.body.decode())
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )

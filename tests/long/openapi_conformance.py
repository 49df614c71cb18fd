"""Ask a running service what its OpenAPI document allows, and much that it does not.

    .venv/bin/python -m tests.long.openapi_conformance .venv-long/bin/schemathesis

schemathesis makes up the requests, as every role in turn; no answer may be a 5xx, nor one that the
document does not have. It lives in an environment of its own, since it pins much of the test's.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from server.auth import UserType
from storage.embedded import EmbeddedMongo
from storage.embedded_redis import EmbeddedRedis
from tests.support.api import token
from tests.support.service import running

CASES_AT_LEAST = 2_000

EXAMPLES_AN_OPERATION = 25

SEED = 20_260_106
"""The same cases each time, so that a failure can be looked into."""

EXCLUDED = ("positive_data_acceptance",)
"""Rules such as that a time lies ahead are no matter of a schema, and a 400 of theirs is right."""


async def conform(schemathesis: str, base_url: str, user_type: UserType, *, directory: str) -> int:
    """Run as `user_type` and return how many cases there were. Raises SystemExit at a failure.

    What schemathesis remembers it leaves in `directory`.
    """
    process = await asyncio.create_subprocess_exec(
        schemathesis,
        "run",
        f"{base_url}/api/openapi.json",
        f"--header=Authorization: Bearer {token(user_type=user_type.value)}",
        f"--max-examples={EXAMPLES_AN_OPERATION}",
        "--phases=coverage,fuzzing,stateful",
        f"--exclude-checks={','.join(EXCLUDED)}",
        f"--seed={SEED}",
        cwd=directory,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output = (await process.communicate())[0].decode()
    generated = re.search(r"(\d+) generated", output)
    if process.returncode != 0 or generated is None:
        print(output)
        raise SystemExit(f"as {user_type}: not what the document says")
    print(f"as {user_type}: {generated[1]} cases, every answer as documented", flush=True)
    return int(generated[1])


async def main(schemathesis: str) -> None:
    """Run as every role against a service of its own."""
    with tempfile.TemporaryDirectory() as directory:
        stores = [
            EmbeddedMongo(Path(directory, "mongodb")),
            EmbeddedRedis(Path(directory, "redis")),
        ]
        try:
            mongodb_uri, redis_url = [store.start() for store in stores]
            async with running(mongodb_uri, redis_url, "conformance") as service:
                url = service.settings.public_url
                cases = [
                    await conform(schemathesis, url, each, directory=directory) for each in UserType
                ]
        finally:
            for store in stores:
                store.stop()
    if sum(cases) < CASES_AT_LEAST:
        raise SystemExit(f"only {sum(cases)} cases")


if __name__ == "__main__":
    asyncio.run(main(str(Path(sys.argv[1]).absolute())))

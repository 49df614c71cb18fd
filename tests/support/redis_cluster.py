"""A Redis Cluster of three nodes on loopback, each of them a real server."""

from __future__ import annotations

import time
from pathlib import Path

import redis
from tornado.testing import bind_unused_port

from storage.embedded_redis import EmbeddedRedis

SLOTS = 16_384
NODES = 3
FORMED_WITHIN_S = 20.0
POLL_S = 0.05


class ClusterNode(EmbeddedRedis):
    """One node."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        socket, self.bus_port = bind_unused_port()
        socket.close()

    def forget_caps(self) -> None:
        """Do nothing: it knows of none, and refuses all that is about keys until it is in one."""

    @property
    def port(self) -> int:
        """Where it listens, once it runs."""
        assert self._port is not None
        return self._port

    def client(self) -> redis.Redis:
        """Return a client of this node alone."""
        return redis.Redis(port=self.port)

    def _command(self, program: Path, port: int) -> list[str | Path]:
        return [
            *super()._command(program, port),
            *("--cluster-enabled", "yes", "--cluster-port", str(self.bus_port)),
            *("--cluster-node-timeout", "2000", "--cluster-config-file", "nodes.conf"),
        ]


class LocalCluster:
    """Three nodes that share the slots evenly, without replicas."""

    def __init__(self, directory: Path) -> None:
        self.nodes = [ClusterNode(directory / f"node-{number}") for number in range(NODES)]

    def start(self) -> str:
        """Start the nodes, make a cluster of them, and return its URL."""
        for node in self.nodes:
            node.start()
        share = SLOTS // NODES
        for number, node in enumerate(self.nodes):
            first = number * share
            last = SLOTS - 1 if number == NODES - 1 else first + share - 1
            with node.client() as client:
                client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
                client.execute_command("CLUSTER ADDSLOTSRANGE", first, last)
        with self.nodes[0].client() as client:
            for node in self.nodes[1:]:
                client.execute_command("CLUSTER MEET", "127.0.0.1", node.port, node.bus_port)
        deadline = time.monotonic() + FORMED_WITHIN_S
        while not all(self._is_formed(node) for node in self.nodes):
            assert time.monotonic() < deadline, "the cluster did not form"
            time.sleep(POLL_S)
        return f"redis://127.0.0.1:{self.nodes[0].port}/0"

    def stop(self) -> None:
        """Stop the nodes."""
        for node in self.nodes:
            node.stop()

    @staticmethod
    def _is_formed(node: ClusterNode) -> bool:
        with node.client() as client:
            state = client.execute_command("CLUSTER INFO")
        return state["cluster_state"] == "ok" and int(state["cluster_known_nodes"]) == NODES

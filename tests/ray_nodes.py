"""A Ray cluster of several nodes on this machine, in a process of its own, whose nodes can be
killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from typing import Any

_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0"}
_NODE = {"object_store_memory": 80_000_000, "include_log_monitor": False}


class RayNodes:
    """A cluster that begins with its head.

    Args:
        cpus: of the head.
        resources: of the head, beside its CPUs.

    Attributes:
        address: HOST:PORT.
    """

    def __init__(self, cpus: int = 1, **resources: float) -> None:
        self._folder = tempfile.mkdtemp(prefix="ray-")  # short: the paths of sockets are limited
        self._said = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the cluster
        self._process = subprocess.Popen(
            [sys.executable, __file__, self._folder, str(cpus), json.dumps(resources)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            # where it notes its address too, which on a machine without Ray has no place yet
            env={**os.environ, **_QUIET, "RAY_TMPDIR": self._folder},
        )
        self.address = str(self._answer())

    def add(self, cpus: int = 1, **resources: float) -> int:
        """Add a node. Returns its number.

        Args:
            cpus: of the node.
            resources: beside its CPUs.
        """
        return int(self._ask({"op": "add", "cpus": cpus, "resources": resources}))

    def kill(self, node: int) -> None:
        """End a node without warning, as when its machine fails.

        Args:
            node: its number.
        """
        self._ask({"op": "kill", "node": node})

    def close(self) -> None:
        """End all nodes."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()
        self._said.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        while not (line := self._process.stdout.readline()).startswith("> "):
            if not line:
                self._said.seek(0)
                told = self._said.read()
                self.close()
                raise RuntimeError(f"the cluster ended: {told[-3000:]}")
        return json.loads(line[2:])


def _main(folder: str, cpus: str, resources: str) -> None:
    from ray.cluster_utils import Cluster

    os.mkdir(os.path.join(folder, "ray"))
    head = {"include_dashboard": False, "no_monitor": True, "temp_dir": folder}
    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": int(cpus), "resources": json.loads(resources), **head, **_NODE},
    )
    print(f"> {json.dumps(cluster.address)}", flush=True)
    nodes = []
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["op"] == "add":
            nodes.append(
                cluster.add_node(num_cpus=asked["cpus"], resources=asked["resources"], **_NODE)
            )
            print(f"> {len(nodes) - 1}", flush=True)
        else:
            cluster.remove_node(nodes[asked["node"]], allow_graceful=False)
            print("> null", flush=True)
    cluster.shutdown()


if __name__ == "__main__":
    _main(*sys.argv[1:])

"""A Dask cluster as an executor: the same work, on other machines."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, NamedTuple

RETRIES = 3
"""How often Dask itself does a task again that failed with its worker."""
BATCH = 8
"""Repositories that a worker is given at a time."""
PATIENCE = 60
"""Seconds for a scheduler to answer, and for the first worker to come."""


class NoCluster(Exception):
    """There is no cluster to work with; the message says why, and how to mend it."""


class Cluster(NamedTuple):
    """An executor, and how many batches keep it busy."""

    executor: Executor
    width: int


@contextmanager
def cluster(address: str) -> Iterator[Cluster]:
    """The cluster of a scheduler.

    :raises NoCluster: where it does not answer, has no workers, or Dask is not installed.
    """
    try:
        import distributed
    except ImportError:
        raise NoCluster("Dask is not installed: pip install 'dockopt[bot,dask]'") from None
    connect: Any = distributed.Client  # it has no types
    try:
        client = connect(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise NoCluster(f"no Dask scheduler answers at {address} ({type(error).__name__})") from None
    try:
        try:
            client.wait_for_workers(1, timeout=PATIENCE)
        except TimeoutError:
            raise NoCluster(f"the Dask scheduler at {address} has no workers: start some") from None
        threads = sum(client.nthreads().values())
        yield Cluster(client.get_executor(pure=False, retries=RETRIES), 2 * threads)
    finally:
        client.close()

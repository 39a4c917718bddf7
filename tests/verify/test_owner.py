from __future__ import annotations

import os
import subprocess

import pytest

from optimizer.verify import owner
from optimizer.verify.owner import Owner, new_name


@pytest.fixture
def own() -> Owner:
    found = Owner.of(new_name())
    assert found is not None
    return found


def ended() -> int:
    """The number of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def test_a_name_says_who_gave_it_and_is_given_once(own: Owner) -> None:
    assert own.pid == os.getpid()
    assert not own.dead
    assert new_name() != new_name()


def test_who_has_ended_is_dead_and_so_is_everybody_from_before_the_last_start(own: Owner) -> None:
    assert own._replace(pid=ended()).dead
    assert own._replace(started=own.started + 1).dead  # another process has its number now
    assert own._replace(boot="00000000").dead


def test_nothing_is_known_of_another_machine(own: Owner) -> None:
    assert not own._replace(machine="00000000", pid=ended(), boot="00000000").dead


@pytest.mark.parametrize("name", ["", "debian", "dockopt-verify-1-2", "my-dockopt-verify-0-0-1-1-0", owner.PREFIX])
def test_other_names_have_no_owner(name: str) -> None:
    assert Owner.of(name) is None


def test_a_longer_name_begins_with_its_owner(own: Owner) -> None:
    assert Owner.of(f"{new_name()}:1") == Owner.of(f"{new_name()}-2") == own

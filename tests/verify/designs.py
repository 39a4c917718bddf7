"""Images put together anew, for the rules of what may differ then."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from optimizer.verify.compare import compare
from optimizer.verify.design import Bases
from tests.verify.images import Item
from tests.verify.systems import looked


class Case(NamedTuple):
    """Two images, two bases, what the fix declares, and the names of what fails."""

    before: Mapping[str, Item | None]
    after: Mapping[str, Item | None]
    declared: Iterable[str] = ()
    fails: Iterable[str] = ()
    old: Mapping[str, Item] = {}
    new: Mapping[str, Item] = {}


def failing(case: Case) -> list[str]:
    images = (looked({path: item for path, item in each.items() if item}) for each in case[:2])
    bases = Bases(looked(case.old), looked(case.new))
    return sorted(each.name for each in compare(*images, allowed=case.declared, bases=bases).failures)

"""A short memory for functions of large values that do not change: by which object it is, not by what is in it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

MOST = 8
"""Calls whose results are kept: as many stages as are looked at in turn by several transforms."""


def remembered(function: Callable[P, R]) -> Callable[P, R]:
    """Give the same result for the same objects, of the last few calls.

    For pure functions of frozen values, which are dear to compare: a stage, a build context. The arguments are kept
    with the result, so that no other object can come by the same number.
    """
    known: OrderedDict[tuple[int, ...], tuple[object, R]] = OrderedDict()

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        if kwargs:
            return function(*args, **kwargs)
        key = tuple(map(id, args))
        if key in known:
            return known[key][1]
        result = function(*args, **kwargs)
        known[key] = (args, result)
        if len(known) > MOST:
            known.popitem(last=False)
        return result

    return call

"""The engine of dockopt, an optimising compiler for Dockerfiles; it knows no particular rewrite.

The names in `__all__` are for other programs (docs/api.md); everything else may change at any time.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optimizer.api import optimize as optimize
    from optimizer.document import ParseError as ParseError
    from optimizer.engine import Outcome as Outcome
    from optimizer.fix import Companion as Companion
    from optimizer.fix import Edit as Edit
    from optimizer.fix import Fix as Fix
    from optimizer.fix import Refusal as Refusal
    from optimizer.fix import Safety as Safety
    from optimizer.registry import UnknownTransform as UnknownTransform

__version__ = "0.1.0"

_HOMES = {
    "optimize": "api",
    "ParseError": "document",
    "Outcome": "engine",
    "Companion": "fix",
    "Edit": "fix",
    "Fix": "fix",
    "Refusal": "fix",
    "Safety": "fix",
    "UnknownTransform": "registry",
}

__all__ = ["__version__", *_HOMES]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        # The command line imports this package with every start, and needs none of these names.
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})

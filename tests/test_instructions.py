"""What BuildKit refuses beyond its parser."""

from __future__ import annotations

import pytest

from optimizer.document import ParseError, parse
from optimizer.instructions import check, mount_fields


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("RUN --mount=foo true", "name=value"),
        ("RUN --mount true", "no value"),
        ("RUN --mount=type=volume,target=/x true", "unsupported mount type 'volume'"),
        ("RUN --network=bogus true", "invalid mode for --network"),
        ("RUN --security=none true", "invalid mode for --security"),
        ("VOLUME", "VOLUME requires at least one argument"),
        ("VOLUME []", "VOLUME requires at least one argument"),
        ('VOLUME ["/x", " "]', "none of them empty"),
        ("HEALTHCHECK", "HEALTHCHECK requires at least one argument"),
        ("HEALTHCHECK CMD", "missing command"),
        ("HEALTHCHECK CMD []", "missing command"),
        ("HEALTHCHECK NONE true", "takes no arguments"),
        ("HEALTHCHECK curl localhost", "unknown type 'CURL'"),
        ("ONBUILD RUN --network=bogus true", "invalid mode"),
    ],
)
def test_refuses_what_the_builder_refuses(line: str, reason: str) -> None:
    with pytest.raises(ParseError) as refused:
        check(parse(f"FROM a\n{line}\n"))
    assert (refused.value.line, refused.value.column) == (2, 1)
    assert reason in refused.value.message


@pytest.mark.parametrize(
    "line",
    [
        "RUN --mount=target=/x,ro true",
        "RUN --mount=TYPE=Cache,target=/x true",
        "RUN --mount=type=$kind,target=/x true",
        "RUN --mount=type=secret,id=x,required true",
        "RUN --network=none --security=insecure true",
        "VOLUME /x",
        'VOLUME ["/x"]',
        "HEALTHCHECK none",
        "HEALTHCHECK --retries=3 cmd true",
    ],
)
def test_takes_what_the_builder_takes(line: str) -> None:
    check(parse(f"FROM a\n{line}\n"))


def test_a_mount_is_a_line_of_csv() -> None:
    assert list(mount_fields('type=bind,"source=/a,b",target=/x')) == ["type=bind", "source=/a,b", "target=/x"]

"""Layers against a simple model: dictionaries, applied one after another."""

from __future__ import annotations

import io
from collections.abc import Iterator
from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from optimizer.verify.image import read_archive, read_tar
from tests.verify.images import Item, docker_save, file, folder, hard_link, oci, symlink, tar_of

Model = dict[str, str]
"""Every path with "dir", or the first characters of its content's hash."""

names = st.sampled_from("abc")
paths = st.lists(names, min_size=1, max_size=3).map(lambda parts: "/" + "/".join(parts))
things = st.one_of(
    st.binary(max_size=3).map(file), st.just(folder()), st.just(Item(to="/nowhere")), st.just(Item(to="opaque"))
)
layers = st.dictionaries(paths, things, max_size=6)


def above(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def consistent(layer: dict[str, Item]) -> dict[str, Item]:
    """The layer without what a builder cannot write: something in what is not there, or is no directory."""
    hides = {path for path, item in layer.items() if item.to == "/nowhere" or (item.kind == b"0" and not item.to)}
    return {path: item for path, item in layer.items() if not any(folder in hides for folder in above(path))}


def members(layer: dict[str, Item]) -> Iterator[tuple[str, Item]]:
    for path, item in layer.items():
        folder_of, _, name = path.rpartition("/")
        if item.to == "/nowhere":
            yield f"{folder_of}/.wh.{name}", file()
        elif item.to == "opaque":
            yield f"{path}/.wh..wh..opq", file()
            yield path, folder()
        else:
            yield path, item


def drop(model: Model, path: str) -> None:
    for below in [other for other in model if other.startswith(f"{path}/")]:
        del model[below]


def apply(model: Model, layer: dict[str, Item]) -> None:
    for path, item in layer.items():
        if item.to:
            drop(model, path)
        if item.to == "/nowhere":
            model.pop(path, None)
    for path, item in sorted(layer.items()):
        if item.to == "/nowhere":
            continue
        for directory in above(path):
            model[directory] = "dir"
        is_file = item.kind == b"0" and not item.to
        if is_file:
            drop(model, path)
        model[path] = sha256(item.content).hexdigest()[:6] if is_file else "dir"


def below_files(model: Model, layer: dict[str, Item]) -> bool:
    """Whether the layer puts something below a file of the layers before: no builder writes that."""
    replaced = {path for path, item in layer.items() if item.to != "/nowhere"}
    return any(
        model.get(directory, "dir") != "dir" and directory not in replaced
        for path in layer
        for directory in above(path)
    )


@given(st.lists(layers, max_size=4), st.randoms(use_true_random=False), st.sampled_from([oci, docker_save]))
def test_layers_and_whiteouts(stack: list[dict[str, Item]], random: object, archive: object) -> None:
    model: Model = {}
    written = []
    for layer in map(consistent, stack):
        if below_files(model, layer):
            continue
        apply(model, layer)
        # as in every layer, a directory comes before what lies in it; apart from that, in any order
        found = list(members(layer))
        random.shuffle(found)  # type: ignore[attr-defined]
        written.append(tar_of(sorted(found, key=lambda each: each[0].count("/"))))
    read = read_archive(io.BytesIO(archive(written)))  # type: ignore[operator]
    assert {path: entry.sha256[:6] or "dir" for path, entry in read.entries.items()} == model


@given(st.dictionaries(paths, st.binary(max_size=3).map(file), max_size=5), st.integers(0, 5))
def test_names_of_one_file_are_found_whichever_are_taken_away(files: dict[str, Item], gone: int) -> None:
    first = {path: item for path, item in files.items() if not any(directory in files for directory in above(path))}
    links = {f"/links/{number}": hard_link(path) for number, path in enumerate(first)}
    removed = list(links)[:gone]
    whiteouts = {path.replace("/links/", "/links/.wh."): file() for path in removed}
    stack = [tar_of([*first.items(), *links.items()]), tar_of(whiteouts.items())]
    found = read_archive(io.BytesIO(oci(stack)))
    expected = {frozenset({path, link}) for path, link in zip(first, links, strict=True) if link not in removed}
    assert set(found.peers.values()) == expected


@given(st.dictionaries(paths, st.just(symlink("/x")), max_size=3), st.binary(max_size=2000))
def test_any_bytes_are_read_or_refused(files: dict[str, Item], noise: bytes) -> None:
    from contextlib import suppress

    from optimizer.verify.entry import Config, ImageError

    whole = tar_of(sorted(files.items()))
    for stream in (noise, whole[: len(noise)] + noise, noise[:512].ljust(512, b"\0") + whole):
        for reader in (read_tar, read_archive):
            with suppress(ImageError):
                assert isinstance(reader(io.BytesIO(stream)).config, Config)

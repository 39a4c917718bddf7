from __future__ import annotations

import gzip
import io
import json
import os
import tarfile
from collections.abc import Callable
from itertools import chain, repeat
from pathlib import Path

import pytest

from optimizer.verify import stream
from optimizer.verify.entry import Config, Limits, Pieces, Wanted
from optimizer.verify.image import ImageError, Kind, Layer, read_archive, read_tar
from tests.verify.images import Item, docker_save, file, folder, hard_link, image, oci, symlink, tar_of

CAPABILITY = b"\x01\x00\x00\x02\x00\x04\x00\x00\xff\x00\x00\x00"

CONFIG: dict[str, object] = {
    "Env": ["PATH=/bin", "EMPTY=", "A=b=c"],
    "Cmd": ["x"],
    "Entrypoint": None,
    "User": "app",
    "WorkingDir": "/app/",
    "ExposedPorts": {"80": {}, "53/udp": {}},
    "Volumes": {"/data": {}},
    "Labels": {"a": "b"},
    "Healthcheck": {"Test": ["CMD", "x"], "Interval": 5, "Retries": 0},
    "StopSignal": "SIGINT",
    "Shell": ["/bin/bash", "-c"],
    "OnBuild": ["RUN x"],
}


def read(archive: bytes, **more: object) -> dict[str, str]:
    """The paths of an image, each with its content hash, link target or kind."""
    found = read_archive(io.BytesIO(archive), **more)  # type: ignore[arg-type]
    return {path: entry.link or entry.sha256[:4] or entry.kind for path, entry in found.entries.items()}


def test_everything_that_tells_an_entry_from_another_is_read() -> None:
    found = image(
        {
            "/d": folder(0o1777, uid=3, gid=4),
            "/d/f": file(
                "text", 0o4755, uid=70_000, gid=5, xattrs={"user.b": b"1", "security.capability": CAPABILITY}, mtime=7.5
            ),
            "/d/h": hard_link("/d/f"),
            "/l": symlink("../d"),
            "/c": Item(kind=tarfile.CHRTYPE, device=(1, 3), mode=0o666),
            "/p": Item(kind=tarfile.FIFOTYPE, mode=0o600),
        }
    )
    entry = found.entries["/d/f"]
    assert (entry.kind, entry.mode, entry.uid, entry.gid, entry.size) == (Kind.FILE, 0o4755, 70_000, 5, 4)
    assert entry.sha256 == "982d9e3eb996f559e633f4d194def3761d909f5a3b647d1a851fead67c32c9d1"
    assert entry.xattrs == (("security.capability", CAPABILITY), ("user.b", b"1"))
    assert entry.mtime == 7.5
    assert found.entries["/d/h"] == entry
    assert found.links == {"/d/f": "/d/f", "/d/h": "/d/f"}
    assert (found.entries["/d"].mode, found.entries["/d"].kind) == (0o1777, Kind.DIRECTORY)
    assert found.entries["/l"].link == "../d"
    assert (found.entries["/c"].kind, found.entries["/c"].device) == (Kind.CHARACTER_DEVICE, (1, 3))
    assert found.entries["/p"].kind is Kind.FIFO


def test_attributes_that_the_build_host_gave_are_left_out() -> None:
    found = image({"/f": file(xattrs={"security.selinux": b"x", "trusted.overlay.origin": b"y", "user.z": b"z"})})
    assert found.entries["/f"].xattrs == (("user.z", b"z"),)


@pytest.mark.parametrize(
    "name", ["/" + "n" * 300, "/" + "/".join(["d" * 90] * 4), "/ünï-\udcff", "/a\nb", "/.wh", "/x.wh.y"]
)
@pytest.mark.parametrize("style", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_any_name_is_read_as_it_is(name: str, style: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=style, errors="surrogateescape") as archive:
        info = tarfile.TarInfo(name[1:])
        info.type, info.linkname = tarfile.SYMTYPE, name[1:]
        archive.addfile(info)
    found = read_archive(io.BytesIO(oci([out.getvalue()]))).entries
    assert name in found
    assert found[name].link == name[1:]


def test_the_configuration_is_read_the_same_from_an_image_and_from_docker_inspect() -> None:
    expected = Config(
        "linux/amd64", {"PATH": "/bin", "EMPTY": "", "A": "b=c"}, ("x",), (), "app", "/app",
        frozenset({"80/tcp", "53/udp"}), frozenset({"/data"}), {"a": "b"},
        {"Test": ("CMD", "x"), "Interval": 5}, "SIGINT", ("/bin/bash", "-c"), ("RUN x",),
    )  # fmt: skip
    assert image({}, CONFIG).config == expected
    assert Config.from_json({"Os": "linux", "Architecture": "amd64", "Config": CONFIG, "Id": "x"}) == expected


@pytest.mark.parametrize(
    "document",
    [[], None, {"config": ["x"]}, {"config": {"Env": "A=b"}}, {"config": {"User": 3}}, {"config": {"Labels": ["a"]}}],
)
def test_a_configuration_of_another_shape_is_refused(document: object) -> None:
    with pytest.raises(ImageError, match="configuration"):
        Config.from_json(document)


def test_all_forms_of_an_archive_mean_the_same() -> None:
    layers = [tar_of({"/a": file("1"), "/b": file("2")}.items()), tar_of({"/.wh.a": file()}.items())]
    forms = [oci(layers), oci(layers, packed=True), docker_save(layers)]
    assert [list(read(form)) for form in forms] == [["/b"]] * 3
    whole = tar_of({"/b": file("2")}.items())
    assert {path: e.sha256[:4] for path, e in read_tar(io.BytesIO(whole)).entries.items()} == read(forms[0])
    sizes = read_archive(io.BytesIO(forms[1])).layers
    assert [size.unpacked for size in sizes] == list(map(len, layers))
    assert all(size.stored < size.unpacked for size in sizes)


def test_zstd_is_read_where_python_can() -> None:
    if (zstd := stream.zstd()) is None:
        pytest.skip("needs Python 3.14, or backports.zstd")
    layer = zstd.compress(SMALL[:3000]) + zstd.compress(SMALL[3000:])  # two frames, as in zstd:chunked
    assert list(read(oci([layer]))) == ["/a", "/b"]
    for damaged in (layer[:-20], layer[:30] + b"xxxx" + layer[34:], layer[: len(layer) // 2]):
        with pytest.raises(ImageError, match=r"is damaged|ends early"):
            read(oci([damaged]))


def test_zstd_is_named_where_python_cannot_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "zstd", lambda: None)
    with pytest.raises(ImageError, match=r"packed with zstd, which Python reads from 3\.14 on: use that, install"):
        read(oci([b"\x28\xb5\x2f\xfd" + bytes(600)]))


LAYERS: list[tuple[list[dict[str, Item]], set[str]]] = [
    ([{"/d/a": file()}, {"/.wh.d": file()}], set()),
    ([{"/d/a": file()}, {"/d/.wh..wh..opq": file(), "/d/b": file()}], {"/d", "/d/b"}),
    ([{"/d/a": file()}, {"/d/b": file(), "/d/.wh..wh..opq": file()}], {"/d", "/d/b"}),  # whatever their order
    ([{"/d/a": file()}, {"/d": file()}], {"/d"}),
    ([{"/d": file()}, {"/d": folder(), "/d/a": file()}], {"/d", "/d/a"}),
    ([{"/d/a": file()}, {"/d": folder(0o700)}], {"/d", "/d/a"}),
    ([{"/a": file()}, {"/.wh.a": file(), "/a": file()}], {"/a"}),
    ([{}, {"/.wh.never": file(), "/x/.wh.never": file()}], set()),
    (
        [{"/usr/bin": folder(), "/bin": symlink("usr/bin")}, {"/bin/x": file()}],
        {"/usr", "/usr/bin", "/usr/bin/x", "/bin"},
    ),
    ([{"/.wh..wh.plnk": file(), "/a": file()}], {"/a"}),
]


@pytest.mark.parametrize(("layers", "expected"), LAYERS)
def test_layers_are_laid_over_one_another(layers: list[dict[str, Item]], expected: set[str]) -> None:
    assert set(read(oci([tar_of(layer.items()) for layer in layers]))) == expected


def test_a_hard_link_to_a_file_of_a_lower_layer_is_one_with_it() -> None:
    layers = [tar_of({"/a": file("1"), "/b": file("2")}.items()), tar_of({"/c": hard_link("/a")}.items())]
    found = read_archive(io.BytesIO(oci(layers)))
    assert found.links == {"/a": "/a", "/c": "/a"}
    gone = read_archive(io.BytesIO(oci([*layers, tar_of({"/.wh.a": file()}.items())])))
    assert gone.links == {}
    assert gone.entries["/c"].size == 1


def test_layers_are_read_once() -> None:
    layer = tar_of({"/a": file("1")}.items())
    cache: dict[str, Layer] = {}
    first = read_archive(io.BytesIO(oci([layer])), cache=cache)
    assert len(cache) == 1
    seen: list[str] = []

    def look(path: str, size: int, head: bytes) -> Wanted | None:
        seen.append(path)
        return None

    more = tar_of({"/b": file("2")}.items())
    second = read_archive(io.BytesIO(oci([layer, more])), cache=cache, look=look)
    assert seen == ["/b"]
    assert second.entries["/a"] == first.entries["/a"]


def test_content_is_kept_where_it_is_asked_for() -> None:
    content = bytes(range(256)) * 10_000  # spans several chunks
    asked: list[tuple[str, int, bytes]] = []

    def look(path: str, size: int, head: bytes) -> Wanted | None:
        asked.append((path, size, head[:2]))
        if path == "/other":
            return None
        return Wanted((range(10), range(2_000_000, 2_000_010), range(size - 3, size)), lambda it: (
            it.at(0, 10), it.at(2_000_000, 10), it.at(size - 3, 3), _fails(it)
        ))  # fmt: skip

    def _fails(pieces: Pieces) -> str:
        with pytest.raises(ValueError, match="not kept"):
            pieces.at(100, 1)
        return "refused"

    found = image({"/big": file(content), "/other": file("ab")}, look=look)
    assert asked == [("/big", len(content), b"\x00\x01"), ("/other", 2, b"ab")]
    assert found.entries["/big"].found == (content[:10], content[2_000_000:2_000_010], content[-3:], "refused")
    assert found.entries["/other"].found is None


def test_one_image_of_several_is_chosen_by_name() -> None:
    def several() -> io.BytesIO:
        one, two = tar_of([("a", file())]), tar_of([("b", file())])
        manifest = [
            {"Config": "c.json", "RepoTags": [tag], "Layers": [layer]}
            for tag, layer in (("one:latest", "1.tar"), ("r.example/x/two:3", "2.tar"))
        ]
        members = {"1.tar": one, "2.tar": two, "c.json": b"{}", "manifest.json": json.dumps(manifest).encode()}
        return io.BytesIO(tar_of((name, file(content)) for name, content in members.items()))

    assert list(read_archive(several(), name="one").entries) == ["/a"]
    assert list(read_archive(several(), name="two:3").entries) == ["/b"]
    for name in ("", "three", "two"):
        with pytest.raises(ImageError, match=r"holds (2|no) images"):
            read_archive(several(), name=name)


def _edited(archive: bytes, at: int, value: bytes) -> bytes:
    return archive[:at] + value + archive[at + len(value) :]


def _header(name: str, size: int, kind: bytes = tarfile.REGTYPE) -> bytes:
    info = tarfile.TarInfo(name)
    info.size, info.type = size, kind
    return info.tobuf(tarfile.GNU_FORMAT)


def _pax(records: bytes) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, len(records)
    return info.tobuf(tarfile.USTAR_FORMAT) + records.ljust(512, b"\0") + tar_of([("f", file())])


SMALL = tar_of([("a", file("x" * 2000)), ("b", file("y"))])
HOSTILE: dict[str, tuple[bytes, str]] = {
    "a way out": (tar_of([("../etc/passwd", file())]), r"'\.\./etc/passwd' is no path"),
    "a way out in the middle": (tar_of([("a/../../b", file())]), "is no path"),
    "a whiteout of nothing": (tar_of([("d/.wh...", file())]), "is no path"),
    "a long path": (tar_of([("n" * 5000, file())]), "is no path"),
    "a NUL in a path": (_pax(b"13 path=a\0bc\n"), "is no path"),
    "a hard link to nothing": (tar_of([("a", hard_link("/nothing"))]), "/a: a hard link to /nothing"),
    "a hard link to a directory": (tar_of([("d", folder()), ("a", hard_link("/d"))]), "hard link to /d"),
    "a file in a file": (tar_of([("a", file()), ("a/b", file())]), "/a/b: lies in something"),
    "a ring of links": (tar_of([("a", symlink("b")), ("b", symlink("a")), ("a/x", file())]), "/a/x: lies in"),
    "a cut in a content": (SMALL[:1500], "ends early, after"),
    "a cut between members": (SMALL[:2560], "ends early, after"),
    "no end": (SMALL[:-10240].rstrip(b"\0") if len(SMALL) > 10240 else SMALL[:3584], "ends early, after"),
    "a damaged header": (_edited(SMALL, 2560 + 100, b"999"), "damaged at byte"),
    "a bad record": (_pax(b"99 path=a\n"), "damaged at byte"),
    "a record without an end": (_pax(b"path"), "damaged at byte"),
    "a bad number": (_pax(b"12 size=abc\n"), "damaged at byte"),
    "a negative number": (_pax(b"11 size=-1\n"), "damaged at byte"),
    "an unknown kind": (_header("v", 0, b"V") + SMALL, "v: .* unknown type b'V'"),
    "a sparse file of GNU": (_header("s", 0, tarfile.GNUTYPE_SPARSE) + SMALL, "sparse file"),
    "a sparse file": (_pax(b"22 GNU.sparse.major=1\n"), "sparse file"),
    "not gzip after all": (b"\x1f\x8b" + b"\xff" * 600, r"layer .* is damaged"),
    "half of a gzip": (gzip.compress(os.urandom(5000))[:2000], "damaged|ends early"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_layer_that_is_damaged_or_hostile_is_refused(name: str) -> None:
    layer, message = HOSTILE[name]
    with pytest.raises(ImageError, match=message):
        read(oci([layer]))


@pytest.mark.parametrize(
    ("archive", "message"),
    [
        (b"", "ends early, after 0 bytes"),
        (b"not a tar at all" * 100, "damaged at byte"),
        (tar_of([("a", file())]), "it is not what docker save writes"),
        (oci([SMALL])[:4000], "ends early"),
        (tar_of([("manifest.json", file("[{}]"))]), "its manifest is not complete"),
        (tar_of([("manifest.json", file("[" * 100_000))]), "is no JSON"),
        (tar_of([("manifest.json", file("[1"))]), "is no JSON"),
        (tar_of([("manifest.json", file('[{"Config": "c", "Layers": []}]'))]), "lacks c"),
        (tar_of([("manifest.json", file('[{"Config": "../c", "Layers": []}]'))]), "is no path"),
        (
            tar_of([("manifest.json", file('[{"Config": "c", "Layers": ["l"]}]')), ("c", file("{}"))]),
            "lacks the layer l",
        ),
        (tar_of([("index.json", file('{"manifests": []}'))]), "holds no images"),
    ],
)
def test_an_archive_that_is_none_is_refused(archive: bytes, message: str) -> None:
    with pytest.raises(ImageError, match=message):
        read(archive)


class Endless:
    """A stream that begins with a head and never ends."""

    def __init__(self, head: bytes, again: bytes) -> None:
        self._chunks = chain([head] if head else [], repeat(again))

    def read(self, size: int, /) -> bytes:
        return next(self._chunks)


@pytest.mark.parametrize(
    ("head", "again", "message"),
    [
        (_header("f", 1 << 60), bytes(1 << 16), "more than 10000000 bytes"),
        (b"", _header("f", 0) * 100, "more than 1000 entries"),
        (_header("f", 1 << 40, tarfile.XHDTYPE), bytes(1 << 16), f"a header of {1 << 40} bytes"),
        (_header("f", 1 << 40, tarfile.GNUTYPE_LONGNAME), bytes(1 << 16), f"a header of {1 << 40} bytes"),
        (b"", _header("f", 512, tarfile.XGLTYPE) + b"9 a=xxxx\n" + bytes(503), "too many headers"),
    ],
)
@pytest.mark.parametrize("reader", [read_tar, read_archive])
def test_an_endless_stream_is_refused_soon(
    reader: Callable[..., object], head: bytes, again: bytes, message: str
) -> None:
    limits = Limits(unpacked=10_000_000, entries=1000, text=100_000)
    with pytest.raises(ImageError, match=message):
        reader(Endless(head, again), limits=limits)


def test_a_layer_that_unpacks_without_end_is_refused() -> None:
    bomb = gzip.compress(_header("f", 1 << 33) + bytes(1 << 26))
    with pytest.raises(ImageError, match="more than 10000000 bytes"):
        read_archive(io.BytesIO(oci([bomb])), limits=Limits(unpacked=10_000_000))


def test_paths_of_great_length_are_refused() -> None:
    members = ((f"{n}{'/d' * 40}", file()) for n in range(20))
    with pytest.raises(ImageError, match="its paths have more than 10000 characters"):
        read_tar(io.BytesIO(tar_of(members)), limits=Limits(text=10_000))


def test_implied_directories_count_as_entries() -> None:
    deep = tar_of([(f"{n}{'/d' * 500}", file()) for n in range(5)])
    with pytest.raises(ImageError, match="more than 1000 entries"):
        read_archive(io.BytesIO(oci([deep])), limits=Limits(entries=1000))


def test_duplicates_are_what_unpacking_leaves_of_them() -> None:
    layer = tar_of([("a", file("1")), ("a", file("22")), ("d", folder()), ("d/x", file()), ("d", folder(0o700))])
    found = read_archive(io.BytesIO(oci([layer]))).entries
    assert found["/a"].size == 2
    assert found["/d"].mode == 0o700
    assert "/d/x" in found


def test_pax_defaults_hold_for_all_that_follows() -> None:
    def records(content: bytes, kind: bytes) -> bytes:
        return _header("x", len(content), kind) + content.ljust(512, b"\0")

    layer = records(b"9 uid=77\n", tarfile.XGLTYPE) + records(b"9 gid=88\n", tarfile.XHDTYPE) + SMALL
    found = read_archive(io.BytesIO(oci([layer]))).entries
    assert [(found[path].uid, found[path].gid) for path in ("/a", "/b")] == [(77, 88), (77, 0)]


def test_the_stream_is_read_to_its_end() -> None:
    """A program that writes into a pipe that nobody reads to the end dies of it."""
    stream = io.BytesIO(oci([SMALL]) + bytes(100_000))
    read_archive(stream)
    assert stream.read() == b""


def test_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    image({"/a": file("1"), "/b": symlink("/a")})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bin/sh", "/usr/bin/dash"),
        ("sh", None),
        ("x", "/app/x"),
        ("../app/./x", "/app/x"),
        ("/../../app/x", "/app/x"),
        ("/ring/x", None),
        ("/app/x/y", None),
        ("/up", "/"),
        ("/", "/"),
    ],
)
def test_a_path_is_followed_as_a_process_would(path: str, expected: str | None) -> None:
    files = {
        "/usr/bin/dash": file(), "/usr/bin/sh": symlink("dash"), "/bin": symlink("usr/bin"), "/app/x": file(),
        "/ring": symlink("/ring"), "/up": symlink("../../.."),
    }  # fmt: skip
    assert image(files, {"WorkingDir": "/app"}).resolve(path) == expected

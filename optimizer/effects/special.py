"""Commands whose words are read in a way of their own: find, sed, tar, git."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence

from optimizer.effects.doing import ACCOUNTS, Around, Doing, NotKnown, literals
from optimizer.effects.table import EXECUTED
from optimizer.independence import UNKNOWN, shown_command
from optimizer.shell import Simple, Word

READS_INPUT = frozenset({
    "cat", "head", "tail", "wc", "sort", "uniq", "cut", "tr", "od", "hexdump", "md5sum", "sha1sum", "sha256sum",
    "sha512sum", "base64", "grep", "egrep", "fgrep", "tee",
})  # fmt: skip
"""What reads its input where no file is named."""
_VALUED_TESTS = frozenset({
    "-name", "-iname", "-path", "-ipath", "-wholename", "-type", "-maxdepth", "-mindepth", "-user", "-group", "-perm",
    "-size", "-mtime", "-mmin", "-ctime", "-atime", "-regex", "-iregex", "-regextype", "-uid", "-gid", "-links",
    "-xtype",
})  # fmt: skip
_TESTS = frozenset({
    "-print", "-print0", "-empty", "-o", "-or", "-a", "-and", "-not", "!", "(", ")", "-depth", "-prune", "-xdev",
    "-mount", "-quit", "-true", "-false", "-readable", "-writable", "-executable", "-ls", "-noleaf", ",",
})  # fmt: skip
_SED_VALUED = frozenset({"-e", "--expression"})
_SED_FLAGS = frozenset({"-n", "-r", "-E", "-u", "-s", "-z", "--quiet", "--regexp-extended", "--posix"})
_CLONE_VALUED = frozenset({"-b", "--branch", "--depth", "-o", "--origin", "-c", "--config", "-j", "--jobs"})
_CLONE_FLAGS = frozenset({
    "--recursive", "--recurse-submodules", "--shallow-submodules", "--single-branch", "--no-single-branch", "-q",
    "--quiet", "-v", "--progress", "--no-tags", "--bare", "--mirror", "--no-checkout", "-n", "--verbose",
})  # fmt: skip
_TAR_FLAGS = frozenset("xcztjJvpPokmhS")
_TAR_LONG = frozenset({
    "--extract", "--create", "--list", "--gzip", "--gunzip", "--bzip2", "--xz", "--zstd", "--verbose",
    "--no-same-owner", "--no-same-permissions", "--same-owner", "--preserve-permissions", "--auto-compress",
    "--numeric-owner", "--overwrite", "--touch", "--keep-old-files",
})  # fmt: skip
_TAR_VALUED = frozenset({"--strip-components", "--strip", "--exclude", "--wildcards", "--owner", "--group", "--mode"})


def _not_known(command: Simple, what: str = "is not a command that is known here") -> NotKnown:
    return NotKnown(f"`{shown_command(command)}` {what}")


def find(doing: Doing, command: Simple, words: Sequence[Word], around: Around) -> None:
    """Find: reads folders; -delete and -exec of plain commands on what is found write them."""
    doing.tool(around)
    doing.uses_variables("tool")
    at = 0
    paths: list[str] = []
    while at < len(words) and not words[at].text.startswith(("-", "\\(", "!", "(")):
        paths += doing.paths(words[at], around)
        at += 1
    paths = paths or doing.resolved(".", ".", around)
    doing.read(*paths)
    while at < len(words):
        test = words[at].literal
        at += 1
        if test in _VALUED_TESTS:
            at += 1
        elif test == "-newer":
            doing.read(*doing.paths(words[at], around))
            at += 1
        elif test == "-delete":
            doing.write(*paths)
        elif test in ("-exec", "-execdir"):
            end = next((n for n in range(at, len(words)) if words[n].literal in (";", "+")), None)
            parts = [word.literal for word in words[at:end]]
            plain = all(part is not None and "/" not in part for part in parts)
            if end is None or not parts or parts[0] not in EXECUTED or not plain or parts.count("{}") != 1:
                raise _not_known(command)
            if parts[0] in ("chown", "chgrp"):
                doing.reads += ACCOUNTS
            doing.write(*paths)
            at = end + 1
        elif test not in _TESTS:
            raise _not_known(command)


def sed(doing: Doing, command: Simple, words: Sequence[Word], around: Around) -> None:
    """Sed with scripts that substitute, delete, or add lines."""
    doing.tool(around)
    doing.uses_variables("tool")
    texts = literals(words, around.environment)
    operands: list[Word] = []
    scripts: list[str | None] = []
    in_place = False
    at = 0
    while at < len(words):
        text = texts[at]
        if text is not None and text.startswith("-") and len(text) > 1:
            if text in _SED_VALUED:
                at += 1
                scripts.append(texts[at] if at < len(texts) else None)
            elif text in ("-i", "--in-place", "-ri", "-Ei", "-ni"):
                in_place = True
            elif text not in _SED_FLAGS:
                raise _not_known(command)
        else:
            operands.append(words[at])
        at += 1
    if not scripts and operands:
        first = operands.pop(0)
        scripts.append(literals([first], around.environment)[0])
    if not scripts or not all(script is not None and _harmless(script) for script in scripts):
        raise _not_known(command, "has a script that may do more than change lines")
    for word in operands:
        paths = doing.paths(word, around)
        doing.read(*paths)
        if in_place:
            doing.write(*paths)
            # the new file takes the old one's place, by way of one beside it that nobody else sees


def _harmless(script: str) -> bool:
    """Whether a sed script is one command that neither runs nor writes anything."""
    rest = _behind_address(script.strip())
    if rest is None or not rest:
        return False
    if rest[0] in "dpac=iq":
        # text of a, c and i may be anything; d, p and q end there
        return rest[0] in "aci" or len(rest) == 1
    if rest[0] in "sy" and len(rest) > 1:
        mark = rest[1]
        parts = _divided(rest[2:], mark)
        return len(parts) == 3 and set(parts[2]) <= set("gIiMmp0123456789") and "\n" not in rest and ";" not in parts[2]
    return False


def _behind_address(script: str) -> str | None:
    for _ in range(2):
        if script.startswith("/"):
            parts = _divided(script[1:], "/")
            if len(parts) < 2:
                return None
            script = script[len(parts[0]) + 2 :].lstrip()
        else:
            script = script.lstrip("0123456789$").lstrip()
        if not script.startswith(","):
            break
        script = script[1:].lstrip()
    return script.lstrip("!").lstrip()


def _divided(text: str, mark: str) -> list[str]:
    parts, escaped = [""], False
    for char in text:
        if char == mark and not escaped and len(parts) < 3:
            parts.append("")
        else:
            parts[-1] += char
        escaped = char == "\\" and not escaped
    return parts


def tar(doing: Doing, command: Simple, words: Sequence[Word], around: Around) -> None:
    """Tar: reads what it packs, writes the folder that it unpacks into."""
    doing.tool(around)
    doing.uses_variables("tool")
    letters = ""
    archive: Word | None = None
    folder: Word | None = None
    members: list[Word] = []
    queue = list(words)[::-1]
    first = True
    while queue:
        word = queue.pop()
        text = literals([word], around.environment)[0]
        if text is None or UNKNOWN in text.partition("=")[0] or not (first or text.startswith("-")):
            members.append(word)
        elif text.startswith("--"):
            name, equals, content = text.partition("=")
            if name in ("--file", "--directory") and not equals and queue:
                archive, folder = (queue.pop(), folder) if name == "--file" else (archive, queue.pop())
            elif name in _TAR_VALUED and (equals or name == "--wildcards"):
                pass
            elif name in _TAR_LONG and not content:
                letters += {"--extract": "x", "--create": "c", "--list": "t"}.get(name, "")
            else:
                raise _not_known(command)
        else:
            for letter in text.lstrip("-"):
                if letter in "fC" and queue:
                    archive, folder = (queue.pop(), folder) if letter == "f" else (archive, queue.pop())
                elif letter in _TAR_FLAGS:
                    letters += letter
                else:
                    raise _not_known(command)
        first = False
    modes = set(letters) & set("xct")
    places = doing.resolved(".", ".", around) if folder is None else doing.paths(folder, around)
    inner = Around((*places,), around.environment)
    files = [] if archive is None or archive.literal == "-" else doing.paths(archive, around)
    if modes == {"c"}:
        for word in members:
            doing.read(*doing.paths(word, inner))
        doing.change(*files)
        doing.reads += ACCOUNTS
    elif modes == {"x"}:
        doing.read(*files)
        doing.change(*places)
        doing.ground.regions += places
        doing.reads += ACCOUNTS
    elif modes == {"t"}:
        doing.read(*files)
    else:
        raise _not_known(command)
    if "P" in letters:
        raise _not_known(command, "may write anywhere")


def git(doing: Doing, command: Simple, words: Sequence[Word], around: Around) -> None:
    """Git clone from a server, and git config for a user or the system."""
    doing.tool(around)
    doing.uses_variables("all")
    texts = literals(words, around.environment)
    if texts[:1] == ["config"]:
        where = texts[1] if len(texts) > 1 else None
        if where == "--global":
            doing.settings(around, writes=True)
        elif where == "--system":
            doing.change("/etc/gitconfig")
        else:
            raise _not_known(command)
        return
    if texts[:1] != ["clone"]:
        raise _not_known(command)
    operands: list[str] = []
    at = 1
    while at < len(texts):
        text = texts[at]
        if text is None:
            raise _not_known(command, "has a word that is not known")
        name = text.partition("=")[0]
        if text.startswith("-"):
            if text in _CLONE_VALUED:
                at += 1
            elif name not in _CLONE_VALUED and name not in _CLONE_FLAGS and not text.startswith("--filter="):
                raise _not_known(command)
        else:
            operands.append(text)
        at += 1
    if not operands or not (operands[0].startswith(("https://", "http://", "ssh://", "git://", "git@"))):
        raise _not_known(command, "may take its files from the image")
    name = posixpath.basename(operands[0].rstrip("/")).removesuffix(".git")
    into = operands[1] if len(operands) > 1 else name
    paths = doing.resolved(into, into, around)
    doing.network = True
    doing.reach(*paths)
    doing.change(*paths)
    doing.ground.regions += paths


READERS: Mapping[str, Callable[[Doing, Simple, Sequence[Word], Around], None]] = {
    "find": find,
    "sed": sed,
    "tar": tar,
    "git": git,
}

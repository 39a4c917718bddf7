"""What `bundle install` reads: the Gemfile, which is Ruby and is read only as far as it is plain."""

from __future__ import annotations

import re
from collections.abc import Iterator

from optimizer.manifests.base import Collector, Invocation, Needs, ProjectFiles, RefusedError, join, parent
from optimizer.manifests.options import Arguments, Grammar

_GRAMMAR = Grammar(
    flags="""
        --deployment --no-deployment --frozen --no-frozen --local --quiet --verbose --clean --no-clean
        --no-cache --no-prune --full-index --system --force --redownload --prefer-local --no-color
        --standalone --binstubs -V|--version
    """,
    values="""
        -j|--jobs -r|--retry --path --gemfile --without --with --shebang -P|--trust-policy
        --target-rbconfig
    """,
    clusters=True,
)
_REMEMBERED = (
    "--deployment",
    "--frozen",
    "--path",
    "--without",
    "--with",
    "--system",
    "--clean",
    "--binstubs",
)
_STATEMENTS = frozenset(
    {
        *("source", "gem", "group", "groups", "platforms", "platform", "ruby", "git_source", "git", "github"),
        *(
            "gist",
            "env",
            "install_if",
            "end",
            "if",
            "unless",
            "else",
            "elsif",
            "case",
            "when",
            "raise",
            "puts",
        ),
    }
)
_OPENS_FILE = re.compile(
    r"\b(?:File|IO)\b(?:\.(?:read|exist\?|exists\?|file\?|readlines)\(\s*(['\"])([^'\"#]+)\1\s*\))?"
)
_READS = re.compile(
    r"`|%x|(?<![:.\w])(?:Dir|Pathname|open|load|require|require_relative|system|exec|YAML|JSON|Kernel)\b(?!\s*:(?!:))"
    r"|__dir__|__FILE__"
)
_PATH = re.compile(r"(?:\bpath:|:path\s*=>|\bgemspec:)\s*(?:(['\"])([^'\"#]+)\1)?")
_KEYED = re.compile(r"(['\"])(?:path|gemspec)\1\s*(?:=>|:)")
_FILE_OPTION = re.compile(r"\bfile:\s*(['\"])([^'\"#]+)\1")
_TEXT = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"|#[^\n]*")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where the Gemfile evaluates a gemspec or is more than plain statements.
    """
    words = [word for word in invocation.arguments if word is None or not word.startswith("-")]
    if words and words[0] != "install":
        return None
    arguments = _GRAMMAR.read(invocation.arguments)
    if arguments.has("--version"):
        return None
    environment = invocation.environment
    gemfile = arguments.last("--gemfile") or environment.get("BUNDLE_GEMFILE", "Gemfile")
    if gemfile is None:
        raise RefusedError("the variable BUNDLE_GEMFILE is not known")
    if not _are_groups(arguments):
        raise RefusedError(f"bundle install takes no {arguments.operands[-1]}")
    if view is None:
        evidence = "bundle install reads the Gemfile and its lock, if it evaluates no gemspec"
        return Needs("bundler", (gemfile, f"{gemfile}.lock*"), (evidence,), proved=False)

    files = Collector(view)
    gemfile = files.at("gems.rb" if gemfile == "Gemfile" and not view.is_file(gemfile) else gemfile)
    lock = gemfile.replace("gems.rb", "gems.locked") if gemfile.endswith("gems.rb") else f"{gemfile}.lock"
    base = parent(gemfile)
    _gemfile(files, gemfile, "bundle install")
    for path in files.optional(lock):
        if re.search(r"^  remote: \.\s*$", files.text(path, gemfile), re.MULTILINE):
            raise RefusedError(f"{path} holds the project itself as a gem")
    files.optional(join(base, ".ruby-version"))
    frozen = _settings(files, base, invocation, arguments)
    if view.is_dir(join(base, "vendor/cache")):
        files.directory(join(base, "vendor/cache"), "bundle install")
    files.note("bundle install reads the Gemfile and its lock, which name no gem of the project")
    rewrites = [path for path in files.found if path == lock and not frozen]
    if any(option.name in _REMEMBERED for option in arguments.options):
        rewrites += [path for path in files.found if path.endswith(".bundle/config")]
    return Needs(
        "bundler",
        files.paths(),
        tuple(files.evidence),
        outputs=tuple(files.outputs),
        rewrites=tuple(rewrites),
    )


def _are_groups(arguments: Arguments) -> bool:
    """Tell whether further words can only be groups (`--without development test`)."""
    return len(arguments.operands) <= 1 or bool(arguments.values("--without", "--with"))


def _gemfile(files: Collector, path: str, named_by: str) -> None:
    """Add a Gemfile and what it reads; raises RefusedError on any statement that is not plain."""
    for statement in _statements(files.text(path, named_by)):
        verb = re.match(r"[a-z_]\w*", statement)
        is_assignment = re.match(r"[a-z_]\w*\s*(?:\|\|)?=(?!=)", statement)
        if verb and verb.group() == "eval_gemfile":
            literal = re.fullmatch(r"eval_gemfile[\s(]+(['\"])([^'\"#]+)\1\)?", statement)
            if not literal:
                raise RefusedError(f"{path} evaluates a Gemfile that it does not plainly name")
            if (named := join(parent(path), literal.group(2))) not in files.found:
                _gemfile(files, named, path)
            continue
        if not is_assignment and (not verb or verb.group() not in _STATEMENTS):
            raise RefusedError(f"{path} is more than plain statements: {statement.splitlines()[0]}")
        _statement(files, path, statement)


def _statement(files: Collector, path: str, statement: str) -> None:
    bare = _TEXT.sub(lambda found: '""' if found.group()[0] != "#" else "", statement)
    if reads := _READS.search(bare):
        raise RefusedError(f"{path} may read other files: {reads.group()}")
    if _KEYED.search(statement):
        raise RefusedError(f"{path} takes a gem from a path that it does not plainly name")
    if "#{" in statement and re.search(r"#\{[^}]*\b(?:File|IO|Dir)\b", statement):
        raise RefusedError(f"{path} may read other files in a text")
    for _, opened in _OPENS_FILE.findall(statement if re.search(r"\b(?:File|IO)\b", bare) else ""):
        if not opened:
            raise RefusedError(f"{path} opens a file that it does not plainly name")
        files.optional(join(parent(path), opened))
    for _, named in _FILE_OPTION.findall(statement if statement.startswith("ruby") else ""):
        files.require(join(parent(path), named), path)
    for _, place in _PATH.findall(statement if re.search(r"\bpath:|:path\b", bare) else ""):
        if not place:
            raise RefusedError(f"{path} takes a gem from a path that it does not plainly name")
        files.directory(join(parent(path), place), path)


def _statements(text: str) -> Iterator[str]:
    """Yield the statements: lines without comments, joined where a line cannot end."""
    held = ""
    for line in text.splitlines():
        line = _TEXT.sub(lambda found: "" if found.group()[0] == "#" else found.group(), line).strip()
        held = f"{held} {line}".strip()
        if not line or line.endswith((",", "\\", "(", "[", "{", "=>", "&&", "||")):
            held = held.removesuffix("\\")
            continue
        yield held
        held = ""
    if held:
        yield held


def _settings(files: Collector, base: str, invocation: Invocation, arguments: Arguments) -> bool:
    """Add bundler's settings and record where gems go; tell whether the lock stays as it is."""
    environment = dict(invocation.environment)
    if "BUNDLE_APP_CONFIG" not in environment:
        for path in files.optional(join(base, ".bundle/config")):
            for line in files.text(path, path).splitlines():
                key, _, value = line.partition(":")
                environment.setdefault(key.strip(), value.strip().strip("\"'"))
    if any(name.startswith("BUNDLE_LOCAL__") for name in environment):
        raise RefusedError("a BUNDLE_LOCAL setting takes a gem from a local path")
    deployment = arguments.has("--deployment") or environment.get("BUNDLE_DEPLOYMENT") in ("1", "true")
    place = arguments.last("--path") or environment.get("BUNDLE_PATH", "vendor/bundle" if deployment else "")
    if place is None:
        raise RefusedError("the variable BUNDLE_PATH is not known")
    files.writes(*[join(base, place)] if place else [], *(["bin"] if arguments.has("--binstubs") else []))
    return deployment or arguments.has("--frozen") or environment.get("BUNDLE_FROZEN") in ("1", "true")

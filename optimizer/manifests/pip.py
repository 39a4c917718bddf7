"""What `pip install`, `pip download` and `pip wheel` read, by any name (`pip3.9`, `python -m pip`)."""

from __future__ import annotations

from optimizer.manifests.base import Collector, Invocation, Needs, ProjectFiles, RefusedError
from optimizer.manifests.options import Arguments, Grammar
from optimizer.manifests.requirements import ProjectItselfError, find_links, follow, follow_requirement

GRAMMAR = Grammar(
    flags="""
        --no-deps --pre --dry-run --user -U|--upgrade --force-reinstall -I|--ignore-installed
        --ignore-requires-python --no-build-isolation --use-pep517 --no-use-pep517
        --check-build-dependencies --break-system-packages --compile --no-compile
        --no-warn-script-location --no-warn-conflicts --egg --require-hashes --no-require-hashes
        --no-clean --prefer-binary --no-index --debug --isolated --no-input --require-virtualenv
        -v|--verbose -q|--quiet --no-proxy-env --no-cache|--no-cache-dir --no-color
        --disable-pip-version-check --no-python-version-warning --process-dependency-links
    """,
    values="""
        -r|--requirement -c|--constraint --build-constraint -e|--editable --group -f|--find-links --cert
        --client-cert -t|--target --prefix --root --src|--source -d|--dest -w|--wheel-dir --platform
        --python-version --implementation --abi --upgrade-strategy --no-binary --only-binary
        --progress-bar --root-user-action -i|--index-url|--pypi-url --extra-index-url --keyring-provider
        --proxy --retries --timeout|--default-timeout --exists-action --trusted-host --cache-dir
        --use-feature --use-deprecated --resume-retries --allow-external --allow-unverified
        -C|--config-settings --global-option --install-option --build-option
    """,
    clusters=True,
)
_COMMANDS = frozenset({"install", "download", "wheel"})
_LISTS = ("--requirement", "--constraint", "--build-constraint", "--override", "--exclude")
_WRITTEN = ("--target", "--prefix", "--root", "--source", "--dest", "--wheel-dir")
_BUILD_SETTINGS = ("--config-settings", "--global-option", "--install-option", "--build-option")


def read(invocation: Invocation, view: ProjectFiles | None) -> Needs | None:
    """Tell what the command reads; None where it installs nothing.

    Raises RefusedError where it builds the project itself or reads what cannot be known.
    """
    if not any(word in _COMMANDS for word in invocation.arguments):
        return None
    arguments = GRAMMAR.read(
        invocation.arguments,
        GRAMMAR.settings(invocation.environment, "PIP_", harmless="PIP_ROOT_USER_ACTION"),
    )
    command, *requirements = arguments.operands or ("",)
    if command not in _COMMANDS:
        return None
    if view is None:
        return guess("pip", arguments, requirements)
    files = Collector(view)
    if "-m" in invocation.program or invocation.environment.get("PYTHONPATH", ""):
        _refuse_shadowing(view)
    tool = f"pip {command}"
    prefetch: tuple[tuple[str, ...], ...] = ()
    collect_lists(files, arguments, tool)
    try:
        collect_named(files, arguments, requirements, tool)
    except ProjectItselfError as error:
        if not arguments.values("--requirement") or command != "install":
            raise
        prefetch = ((*invocation.program, command, *arguments.spelled(GRAMMAR.canonical - {"--editable"})),)
        files.note(f"{error}, and that stays after the COPY; its lists are installed before")
    files.writes(*arguments.values(*_WRITTEN))
    if command != "install" and not arguments.values("--dest", "--wheel-dir"):
        raise RefusedError(f"{tool} writes its files among the sources")
    return Needs(
        "pip",
        files.paths(),
        tuple(files.evidence),
        prefetch,
        outputs=tuple(files.outputs),
        same_image=not prefetch,  # two resolutions may choose other versions than one
    )


def collect_lists(files: Collector, arguments: Arguments, tool: str) -> None:
    """Add the files that the options of a pip-like command name, followed through.

    Raises RefusedError as the readers of requirements do.
    """
    for name in _LISTS:
        for path in arguments.values(name):
            follow(files, path, tool, constraint=name != "--requirement")
    for place in arguments.values("--find-links"):
        find_links(files, place, tool)
    for group in arguments.values("--group"):
        path, colon, _ = group.rpartition(":")
        files.require(path if colon else "pyproject.toml", tool)
    files.optional(*arguments.values("--cert", "--client-cert"))
    for value in arguments.values(*_BUILD_SETTINGS):
        if "/" in value:
            raise RefusedError(f"{tool} passes a path to a build: {value}")


def collect_named(files: Collector, arguments: Arguments, requirements: list[str], tool: str) -> None:
    """Add what the requirements on the command line name.

    Raises ProjectItselfError where one of them is the project in the working directory.
    """
    for requirement in requirements:
        follow_requirement(files, requirement, tool)
    for requirement in arguments.values("--editable"):
        follow_requirement(files, requirement, tool, editable=True)
    if not files.found:
        files.note(f"{tool} names packages only and reads nothing of the project")


def guess(tool: str, arguments: Arguments, requirements: list[str]) -> Needs:
    """Tell what the text alone suggests: the lists that the command names, without what they include.

    Raises RefusedError where the text already shows a local path.
    """
    named = [*requirements, *arguments.values("--editable", "--find-links")]
    local = [word for word in named if word.startswith((".", "/", "file:"))] + arguments.values("--group")
    if local:
        raise RefusedError(f"{tool} names {local[0]}, and there is no build context to look at")
    lists = tuple(path for path in arguments.values(*_LISTS) if "://" not in path)
    evidence = f"the command names {', '.join(lists)}" if lists else "the command names packages only"
    return Needs(tool, lists, (evidence,), outputs=tuple(arguments.values(*_WRITTEN)), proved=not lists)


def _refuse_shadowing(view: ProjectFiles) -> None:
    """With the working directory on its path, Python imports a module of the project in place of its own."""
    import sys

    for name in (*sorted(sys.stdlib_module_names - {"test"}), "pip", "sitecustomize", "usercustomize"):
        if view.is_file(f"{name}.py") or view.is_file(f"{name}/__init__.py"):
            raise RefusedError(f"pip runs with the project on Python's path, where {name} hides another module")

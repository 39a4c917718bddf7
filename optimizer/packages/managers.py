"""What is known of each package manager: its commands, what it keeps for later, and how that is cleaned.

Source: each manager's own manual. Directories with ``~`` lie in the home of the user that installs.
"""

from __future__ import annotations

from msgspec import Struct

Words = frozenset[str]
NONE: Words = frozenset()


class Flag(Struct, frozen=True):
    """A flag right behind the subcommand, by which nothing is kept in the first place."""

    text: str
    same: Words = NONE
    """Other options that say that the author has decided: they turn the cache off, or put it somewhere."""


class Commands(Struct, frozen=True):
    """Commands behind the last install; ``{program}`` is the manager as the author calls it.

    A command without it removes files of root, with sudo where the install needed it.
    """

    texts: tuple[str, ...]
    same: Words = NONE


class Manager(Struct, frozen=True):
    """A package manager. Subcommands of two words (``env create``) have one blank between them."""

    name: str
    programs: Words
    install: Words
    """Subcommands that fetch packages; "" is the program without any."""
    cleaning: Flag | Commands
    keeps: str
    """What it leaves behind, as a reason says it."""
    directories: tuple[str, ...]
    """Where that lies."""
    upgrade: Words = NONE
    """Subcommands that fetch packages, but no new ones by name."""
    update: Words = NONE
    """Subcommands that fetch nothing but the lists of packages."""
    clean: Words = NONE
    reads: Words = NONE
    """Subcommands that look into the lists of packages and fetch nothing."""
    valued: Words = NONE
    """Options in front of the subcommand whose value is the next word."""
    switches: Words = NONE
    """Environment variables by which the author decides about the cache, in capitals."""
    marks: tuple[str, ...] = ()
    """Pieces of a path by which the author's own cleaning is known, besides the directories."""
    family: str = ""
    """What managers have in common that clean the same cache; "" where there is only this one."""

    @property
    def group(self) -> str:
        return self.family or self.name

    @property
    def of_system(self) -> bool:
        """Whether it installs packages of the distribution, as root."""
        return self.directories[0].startswith("/var/")


APT = Manager(
    "apt", frozenset({"apt-get", "apt", "aptitude"}),
    install=frozenset({"install", "reinstall"}),
    upgrade=frozenset({"upgrade", "dist-upgrade", "full-upgrade", "safe-upgrade", "dselect-upgrade", "build-dep",
                       "satisfy", "source", "download"}),
    update=frozenset({"update"}),
    clean=frozenset({"clean", "autoclean", "auto-clean", "distclean", "dist-clean"}),
    reads=frozenset({"list", "search", "show", "showsrc", "policy", "depends", "rdepends", "versions", "why",
                     "changelog", "indextargets"}),
    cleaning=Commands(("rm -rf /var/lib/apt/lists/*",)),
    keeps="the package lists of apt",
    directories=("/var/lib/apt/lists",),
    valued=frozenset({"-o", "--option", "-c", "--config-file", "-t", "--target-release", "--default-release", "-a",
                      "--host-architecture"}),
    marks=("lib/apt", "apt/lists", "/var/lib/{", "/var/{", "/var/lib/*", "/var/lib/[^"),
)  # fmt: skip

APK = Manager(
    "apk", frozenset({"apk"}),
    install=frozenset({"add"}),
    upgrade=frozenset({"upgrade", "fix"}),
    update=frozenset({"update"}),
    clean=frozenset({"cache clean"}),
    reads=frozenset({"search", "list", "policy", "dot", "fetch"}),
    cleaning=Flag("--no-cache"),
    keeps="the package index of apk",
    directories=("/var/cache/apk", "/etc/apk/cache"),
    valued=frozenset({"-p", "--root", "-X", "--repository", "--arch", "--cache-dir", "--cache-max-age", "--keys-dir",
                      "--repositories-file", "--wait", "--progress-fd", "--timeout"}),
    marks=("/var/cache", "/var/{"),
)  # fmt: skip

_RPM_INSTALL = frozenset({"install", "reinstall", "localinstall", "groupinstall", "group install", "module install",
                          "install-n", "install-na", "install-nevra", "swap", "downgrade", "builddep"})  # fmt: skip
_RPM_UPGRADE = frozenset({"update", "upgrade", "distro-sync", "update-minimal", "upgrade-minimal", "groupupdate"})
_RPM_VALUED = frozenset({"-c", "--config", "-d", "-e", "-R", "-x", "--exclude", "--enablerepo", "--disablerepo",
                         "--repo", "--repoid", "--installroot", "--releasever", "--setopt", "--forcearch",
                         "--repofrompath", "--debuglevel", "--errorlevel", "--advisory"})  # fmt: skip
_RPM_OFFLINE = frozenset({"-C", "--cacheonly"})

DNF = Manager(
    "dnf", frozenset({"dnf", "dnf5", "dnf-3"}),
    install=_RPM_INSTALL, upgrade=_RPM_UPGRADE, update=frozenset({"makecache"}), clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean all", "rm -rf /var/cache/dnf"), same=_RPM_OFFLINE),
    keeps="the cache of dnf",
    directories=("/var/cache/dnf", "/var/cache/libdnf5"), valued=_RPM_VALUED, marks=("/var/cache", "/var/{"),
    family="rpm",
)  # fmt: skip

YUM = Manager(
    "yum", frozenset({"yum"}),
    install=_RPM_INSTALL, upgrade=_RPM_UPGRADE, update=frozenset({"makecache", "makecache fast"}),
    clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean all", "rm -rf /var/cache/yum"), same=_RPM_OFFLINE),
    keeps="the cache of yum",
    directories=("/var/cache/yum", "/var/cache/dnf"), valued=_RPM_VALUED, marks=("/var/cache", "/var/{"),
    family="rpm",
)  # fmt: skip

MICRODNF = Manager(
    "microdnf", frozenset({"microdnf"}),
    install=_RPM_INSTALL, upgrade=_RPM_UPGRADE, update=frozenset({"makecache"}), clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean all", "rm -rf /var/cache/yum"), same=_RPM_OFFLINE),
    keeps="the cache of microdnf",
    directories=("/var/cache/yum", "/var/cache/dnf"), valued=_RPM_VALUED, marks=("/var/cache", "/var/{"),
    family="rpm",
)  # fmt: skip

TDNF = Manager(
    "tdnf", frozenset({"tdnf"}),
    install=_RPM_INSTALL, upgrade=_RPM_UPGRADE, update=frozenset({"makecache"}), clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean all", "rm -rf /var/cache/tdnf"), same=_RPM_OFFLINE),
    keeps="the cache of tdnf",
    directories=("/var/cache/tdnf",), valued=_RPM_VALUED, marks=("/var/cache", "/var/{"),
    family="rpm",
)  # fmt: skip

ZYPPER = Manager(
    "zypper", frozenset({"zypper"}),
    install=frozenset({"install", "in", "source-install", "si", "install-new-recommends", "inr"}),
    upgrade=frozenset({"update", "up", "dist-upgrade", "dup", "patch"}),
    update=frozenset({"refresh", "ref"}),
    clean=frozenset({"clean", "cc"}),
    cleaning=Commands(("{program} clean --all", "rm -rf /var/cache/zypp/*"), same=frozenset({"--no-refresh"})),
    keeps="the cache of zypper",
    directories=("/var/cache/zypp",),
    valued=frozenset({"-c", "--config", "-C", "--cache-dir", "-R", "--root", "--installroot", "-p", "--plus-repo",
                      "-D", "--reposd-dir", "--releasever", "--plus-content"}),
    marks=("/var/cache", "/var/{"),
)  # fmt: skip

PACMAN = Manager(
    "pacman", frozenset({"pacman"}),
    # pacman's subcommands are options; reading.py turns them into these names.
    install=frozenset({"-S"}), upgrade=frozenset({"-Su"}), update=frozenset({"-Sy"}), clean=frozenset({"-Sc"}),
    # `pacman -Scc --noconfirm` answers its own question with no: the files stay.
    cleaning=Commands(("rm -rf /var/cache/pacman/pkg/*",)),
    keeps="the package archives of pacman",
    directories=("/var/cache/pacman",), marks=("/var/cache", "/var/{"),
)  # fmt: skip

PIP = Manager(
    "pip", frozenset({"pip"}),
    install=frozenset({"install"}), clean=frozenset({"cache"}),
    # optparse takes the beginning of an option for the option
    cleaning=Flag("--no-cache-dir", same=frozenset({"--cache-dir", "--no-cache"})),
    keeps="the cache of pip",
    directories=("~/.cache/pip",),
    valued=frozenset({"--proxy", "--timeout", "--default-timeout", "--trusted-host", "--cert", "--client-cert",
                      "--log", "--retries", "--exists-action", "--python", "--cache-dir"}),
    switches=frozenset({"PIP_NO_CACHE_DIR", "PIP_CACHE_DIR"}),
    marks=("/.cache", "cache/pip"), family="pip",
)  # fmt: skip

PIPX = Manager(
    "pipx", frozenset({"pipx"}),
    install=frozenset({"install", "inject"}),
    cleaning=Flag("--pip-args=--no-cache-dir", same=frozenset({"--pip-args"})),
    keeps="the cache of pip",
    directories=("~/.cache/pip",), switches=PIP.switches, marks=PIP.marks, family="pip",
)  # fmt: skip

UV = Manager(
    "uv", frozenset({"uv"}),
    install=frozenset({"pip install", "pip sync", "sync", "tool install"}), clean=frozenset({"cache"}),
    cleaning=Flag("--no-cache", same=frozenset({"-n", "--no-cache-dir", "--cache-dir", "--link-mode", "--offline"})),
    keeps="the cache of uv",
    directories=("~/.cache/uv",),
    valued=frozenset({"--cache-dir", "--directory", "--project", "--config-file", "--color"}),
    switches=frozenset({"UV_NO_CACHE", "UV_CACHE_DIR", "UV_LINK_MODE", "UV_OFFLINE"}),
    marks=("/.cache",),
)  # fmt: skip

NPM = Manager(
    "npm", frozenset({"npm"}),
    install=frozenset({"install", "i", "in", "ins", "add", "ci", "clean-install", "install-clean", "update", "up",
                       "isntall", "install-test", "it", "cit"}),
    clean=frozenset({"cache"}),
    cleaning=Commands(("{program} cache clean --force",), same=frozenset({"--cache", "--offline"})),
    keeps="the cache of npm",
    directories=("~/.npm",),
    valued=frozenset({"--prefix", "-C", "--registry", "--loglevel", "-w", "--workspace", "--userconfig",
                      "--globalconfig", "--fetch-timeout", "--fetch-retries", "--cache"}),
    switches=frozenset({"NPM_CONFIG_CACHE"}),
    marks=("_cacache", "npm config get cache"),
)  # fmt: skip

YARN = Manager(
    "yarn", frozenset({"yarn", "yarnpkg"}),
    install=frozenset({"", "install", "add", "global add", "upgrade"}),
    clean=frozenset({"cache"}),
    cleaning=Commands(("{program} cache clean",), same=frozenset({"--cache-folder", "--offline"})),
    keeps="the cache of yarn",
    directories=("/usr/local/share/.cache/yarn", "~/.cache/yarn", "~/.yarn/berry/cache"),
    valued=frozenset({"--cwd", "--network-timeout", "--registry", "--modules-folder", "--mutex", "--cache-folder",
                      "--network-concurrency"}),
    switches=frozenset({"YARN_CACHE_FOLDER"}),
    marks=("/.cache", "share/.cache"),
)  # fmt: skip

PNPM = Manager(
    "pnpm", frozenset({"pnpm"}),
    install=frozenset({"install", "i", "add", "update", "up", "fetch"}),
    clean=frozenset({"store prune"}),
    cleaning=Commands(("{program} store prune",), same=frozenset({"--store-dir", "--store", "--offline"})),
    keeps="what pnpm fetched and nothing uses",
    directories=("~/.local/share/pnpm", "~/.pnpm-store", "~/.cache/pnpm"),
    valued=frozenset({"-C", "--dir", "--filter", "-F", "--registry", "--store-dir"}),
    switches=frozenset({"NPM_CONFIG_STORE_DIR", "PNPM_STORE_PATH", "PNPM_STORE_DIR"}),
    marks=("pnpm",),
)  # fmt: skip

_CONDA_INSTALL = frozenset({"install", "create", "env create", "env update"})
_CONDA_UPGRADE = frozenset({"update", "upgrade"})

CONDA = Manager(
    "conda", frozenset({"conda"}), install=_CONDA_INSTALL, upgrade=_CONDA_UPGRADE, clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean -afy",), same=frozenset({"--offline"})),
    keeps="the package cache of conda", directories=("/opt/conda/pkgs", "~/.conda/pkgs"),
    switches=frozenset({"CONDA_PKGS_DIRS"}), marks=("/pkgs",), family="conda",
)  # fmt: skip

MAMBA = Manager(
    "mamba", frozenset({"mamba"}), install=_CONDA_INSTALL, upgrade=_CONDA_UPGRADE, clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean -afy",), same=frozenset({"--offline"})),
    keeps="the package cache of mamba", directories=CONDA.directories,
    switches=CONDA.switches, marks=CONDA.marks, family="conda",
)  # fmt: skip

MICROMAMBA = Manager(
    "micromamba", frozenset({"micromamba"}), install=_CONDA_INSTALL, upgrade=_CONDA_UPGRADE,
    clean=frozenset({"clean"}),
    cleaning=Commands(("{program} clean --all --yes",), same=frozenset({"--offline"})),
    keeps="the package cache of micromamba", directories=("/opt/conda/pkgs", "~/.mamba/pkgs", "~/micromamba/pkgs"),
    switches=CONDA.switches, marks=CONDA.marks, family="conda",
    valued=frozenset({"-r", "--root-prefix", "-p", "--prefix", "--rc-file"}),
)  # fmt: skip

GEM = Manager(
    "gem", frozenset({"gem"}),
    install=frozenset({"install", "i", "update"}),
    cleaning=Commands(('rm -rf "$({program} env gemdir)"/cache/*',),
                      same=frozenset({"-i", "--install-dir", "--user-install"})),
    keeps="the package archives of gem",
    directories=("/usr/local/bundle/cache", "/var/lib/gems"),
    marks=("/cache", "/.gem"),
)  # fmt: skip

COMPOSER = Manager(
    "composer", frozenset({"composer", "composer.phar"}),
    install=frozenset({"install", "i", "update", "upgrade", "require", "create-project", "global require",
                       "global install", "global update"}),
    clean=frozenset({"clear-cache", "clearcache", "cc"}),
    cleaning=Commands(("{program} clear-cache",), same=frozenset({"--no-cache"})),
    keeps="the cache of composer",
    directories=("~/.composer/cache", "~/.cache/composer"),
    valued=frozenset({"-d", "--working-dir"}),
    switches=frozenset({"COMPOSER_CACHE_DIR", "COMPOSER_NO_CACHE"}),
    marks=("/.composer", "/.cache", "composer/cache"),
)  # fmt: skip

MANAGERS = (
    APT, APK, DNF, YUM, MICRODNF, TDNF, ZYPPER, PACMAN, PIP, PIPX, UV, NPM, YARN, PNPM, CONDA, MAMBA, MICROMAMBA, GEM,
    COMPOSER,
)  # fmt: skip

LEFT_ALONE = {
    ("cargo", "build"): "the next build compiles from cargo's registry, and it lies beside the installed programs",
    ("cargo", "install"): "the next build compiles from cargo's registry, and it lies beside the installed programs",
    ("go", "build"): "the next build compiles from go's module cache",
    ("go", "install"): "the next build compiles from go's module cache",
    ("go", "get"): "the next build compiles from go's module cache",
    ("bundle", "install"): "where bundle keeps archives depends on settings that the text does not show",
    ("poetry", "install"): "poetry's cache can hold the virtual environment that the program runs in",
    ("pipenv", "install"): "pipenv's cache lies beside the virtual environment that the program may run in",
}
"""Programs with the subcommand by which they install, whose caches are not touched, and why."""

BY_PROGRAM = {program: manager for manager in MANAGERS for program in manager.programs}

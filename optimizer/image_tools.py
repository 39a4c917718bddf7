"""What the full variants of official images bring along that their slim variants do not, and how those are called.

Source for the tags: every revision of docker-library/official-images up to August 2026. With these rules each tag has
its slim variant, and wherever both were listed they were of the same Debian release. Source for the commands: the
package list of buildpack-deps, on which the full images stand, resolved with apt on Debian 11 and 12, less what
debian:*-slim holds; names with an architecture or a version are left out.
"""

from __future__ import annotations

from msgspec import Struct, field

from optimizer.packages.reading import unversioned

SUITES = frozenset({"buster", "bullseye", "bookworm", "trixie"})
_DEBIAN = frozenset({"stable", "oldstable", "oldoldstable", "testing", "unstable", "forky", "sid"}) | SUITES
UNPACKED_NOT = (
    "/usr/share/doc/**", "/usr/share/groff/**", "/usr/share/info/**", "/usr/share/linda/**", "/usr/share/lintian/**",
    "/usr/share/locale/**", "/usr/share/man/**",
)  # fmt: skip
"""What dpkg leaves out of every package in a slim image, also of those that are installed in it.

Source: debuerreotype's `.slimify-excludes`, which the slim images of Debian are made with.
"""
FIRST_DEBIAN_SLIM = 20181011
"""The first snapshot of which every suite has a slim variant."""

COMMANDS: dict[str, str] = {
    "autoconf": "autoconf autoheader autom4te autoreconf autoscan autoupdate ifnames",
    "automake": "aclocal automake",
    "binutils": "addr2line ar as c++filt dwp elfedit gold gprof ld ld.bfd ld.gold nm objcopy objdump ranlib readelf "
    "size strings strip",
    "bzip2": "bunzip2 bzcat bzcmp bzdiff bzegrep bzexe bzfgrep bzgrep bzip2 bzip2recover bzless bzmore",
    "ca-certificates": "update-ca-certificates",
    "comerr-dev": "compile_et",
    "cpp": "cpp",
    "curl": "curl",
    "dpkg-dev": "dpkg-architecture dpkg-buildflags dpkg-buildpackage dpkg-checkbuilddeps dpkg-distaddfile "
    "dpkg-genbuildinfo dpkg-genchanges dpkg-gencontrol dpkg-gensymbols dpkg-mergechangelogs dpkg-name "
    "dpkg-parsechangelog dpkg-scanpackages dpkg-scansources dpkg-shlibdeps dpkg-source dpkg-vendor",
    "file": "file",
    "fontconfig": "fc-cache fc-cat fc-conflist fc-list fc-match fc-pattern fc-query fc-scan fc-validate",
    "g++": "c++ g++",
    "gcc": "c89 c99 c89-gcc c99-gcc cc gcc gcc-ar gcc-nm gcc-ranlib gcov gcov-dump gcov-tool lto-dump",
    "git": "git git-receive-pack git-shell git-upload-archive git-upload-pack scalar",
    "gnupg": "dirmngr dirmngr-client gpg gpg-agent gpg-connect-agent gpg-wks-server gpg-zip gpgcompose gpgconf "
    "gpgparsemail gpgsm gpgsplit gpgtar kbxutil lspgpot watchgnupg",
    "icu-devtools": "derb genbrk genccode gencfu gencmn gencnval gendict gennorm2 genrb gensprep icuinfo icupkg "
    "makeconv pkgdata uconv",
    "imagemagick": "animate compare composite conjure convert display identify import mogrify montage stream",
    "libc-dev-bin": "gencat rpcgen",
    "libcurl4-openssl-dev": "curl-config",
    "libgdk-pixbuf2.0-bin": "gdk-pixbuf-csource gdk-pixbuf-pixdata gdk-pixbuf-thumbnailer",
    "libglib2.0-bin": "gapplication gdbus gio gio-querymodules glib-compile-schemas gresource gsettings",
    "libglib2.0-dev-bin": "gdbus-codegen glib-compile-resources glib-genmarshal glib-gettextize glib-mkenums gtester",
    "libkrb5-dev": "krb5-config krb5-config.mit",
    "libmariadb-dev": "mariadb-config mariadb_config mysql_config",
    "libncurses-dev": "ncurses5-config ncurses6-config ncursesw5-config ncursesw6-config",
    "libpcre2-dev": "pcre2-config pcre-config",
    "libpng-dev": "libpng-config libpng16-config",
    "libpq-dev": "pg_config",
    "libtool": "libtoolize",
    "libwmf-dev": "libwmf-config",
    "libxml2-dev": "xml2-config",
    "libxslt1-dev": "xslt-config",
    "m4": "m4",
    "make": "gmake make make-first-existing-target",
    "mercurial": "chg hg hg-ssh",
    "openssh-client": "scp sftp slogin ssh ssh-add ssh-agent ssh-copy-id ssh-keygen ssh-keyscan",
    "openssl": "c_rehash openssl",
    "patch": "patch",
    "perl": "corelist cpan enc2xs encguess h2ph h2xs instmodsh json_pp libnetcfg perlbug perldoc perlivp perlthanks "
    "piconv pl2pm pod2html pod2man pod2text pod2usage podchecker prove ptar ptardiff ptargrep shasum splain "
    "streamzip xsubpp zipdetails",
    "pkg-config": "pkg-config pkgconf",
    "procps": "free pgrep pidwait pkill pmap ps pwdx skill slabtop snice sysctl tload top uptime vmstat w watch",
    "python3": "pdb3 py3clean py3compile py3versions pydoc3 pygettext3 python3",
    "shared-mime-info": "update-mime-database",
    "sq": "sq",
    "subversion": "svn svnadmin svnauthz svnbench svndumpfilter svnfsfs svnlook svnmucc svnrdump svnserve svnsync "
    "svnversion",
    "tcl": "tclsh",
    "tk": "wish",
    "unzip": "funzip unzip unzipsfx zipgrep zipinfo",
    "wget": "wget",
    "xz-utils": "lzmainfo unxz xz xzcat xzcmp xzdiff xzegrep xzfgrep xzgrep xzless xzmore",
}
"""Debian packages of the full images that have commands, and the commands."""

PACKAGE_OF = {command: package for package, commands in COMMANDS.items() for command in commands.split()}

BRINGS: dict[str, str] = {
    "build-essential": "g++ gcc cpp binutils make dpkg-dev patch bzip2 xz-utils perl libc-dev-bin",
    "g++": "gcc cpp binutils libc-dev-bin",
    "gcc": "cpp binutils",
    "dpkg-dev": "make patch bzip2 xz-utils binutils perl",
    "automake": "autoconf m4 perl",
    "autoconf": "m4 perl",
    "libtool": "gcc cpp binutils file",
    "git": "perl",
    "git-lfs": "git perl",
    "gnupg2": "gnupg",
    "mercurial": "python3",
    "ca-certificates": "openssl",
    "python3-dev": "python3",
    "python3-pip": "python3 ca-certificates openssl",
    "python3-venv": "python3 ca-certificates openssl",
    "default-libmysqlclient-dev": "libmariadb-dev",
    "pkgconf": "pkg-config",
}
"""Which of these packages an apt package brings, recommendations left out (resolved on Debian 12)."""

BUILDING = frozenset({
    "autoconf", "automake", "comerr-dev", "cpp", "g++", "gcc", "libcurl4-openssl-dev", "libglib2.0-dev-bin",
    "libkrb5-dev", "libmariadb-dev", "libncurses-dev", "libpcre2-dev", "libpng-dev", "libpq-dev", "libtool",
    "libwmf-dev", "libxml2-dev", "libxslt1-dev", "m4", "make", "pkg-config",
})  # fmt: skip
"""Packages whose commands build from source, and may use any header and library of the full image."""

BUILDERS = frozenset(
    {"cmake", "configure", "ninja", "meson", "scons", "bazel", "clang", "clang++", "gfortran", "rpmbuild"}
)
"""Commands that the full image does not have either, and that build with what it has."""


NETWORK = frozenset({"curl", "wget", "git", "svn", "hg"})
"""Commands, and packages of that name, that connect by TLS; apt's recommend the CA certificates."""


class Official(Struct, frozen=True):
    """An official image with slim variants."""

    name: str
    since: tuple[int, ...]
    """The first version of which every tag has a slim variant."""
    infix: bool = True
    """``3.12-slim-bookworm``; otherwise ``20-bookworm-slim``."""
    words: frozenset[str] = frozenset()
    """Tags that stand for a version."""
    own: frozenset[str] = frozenset()
    """Commands that the image has of its own, in /usr/local."""
    keeps: frozenset[str] = field(default_factory=frozenset)
    """Packages that the slim variant has too."""


IMAGES = {
    image.name: image
    for image in (
        Official(
            "python", (3, 5),
            own=frozenset({"python", "python3", "pydoc3", "pdb3"}),
            keeps=frozenset({"ca-certificates", "openssl", "tzdata"}),
        ),
        Official(
            "node", (4,), infix=False,
            words=frozenset({
                "lts", "current", "argon", "boron", "carbon", "dubnium", "erbium", "fermium", "gallium", "hydrogen",
                "iron", "jod", "krypton",
            }),
        ),
        Official("ruby", (2, 2), keeps=frozenset({"ca-certificates", "openssl"})),
        Official(
            "perl", (5, 30), words=frozenset({"stable"}),
            own=frozenset(COMMANDS["perl"].split()), keeps=frozenset({"make"}),
        ),
        Official(
            "rust", (1, 25),
            keeps=frozenset({"ca-certificates", "openssl", "gcc", "cpp", "binutils", "libc-dev-bin"}),
        ),
        Official("debian", (9, 3), infix=False),
    )
}  # fmt: skip


def slim_tag(image: Official, tag: str | None) -> str | None:
    """The tag of the slim variant of the same release; None where there is none for certain, or it is slim already."""
    if image.name == "debian":
        return _debian(image, tag)
    if tag in (None, "latest"):
        return "slim"
    parts = (tag or "").split("-")
    suite = [parts.pop()] if parts[-1] in SUITES else []
    threaded = [parts.pop()] if image.name == "perl" and parts[-1:] == ["threaded"] else []
    if len(parts) > 1 or not (not parts or parts[0] in image.words or _is_version(parts[0], image.since)):
        return None
    return "-".join([*parts, "slim", *threaded, *suite] if image.infix else [*parts, *suite, "slim"])


def _debian(image: Official, tag: str | None) -> str | None:
    suite, _, snapshot = (tag or "latest").partition("-")
    if suite in _DEBIAN and (not snapshot or (snapshot.isdigit() and int(snapshot) >= FIRST_DEBIAN_SLIM)):
        return f"{tag}-slim"
    return f"{tag}-slim" if _is_version(suite, image.since) and not snapshot else None


def _is_version(text: str, since: tuple[int, ...]) -> bool:
    """Whether it is a version of up to three numbers, from the first one on; ``3`` is the newest 3.x."""
    numbers = text.split(".")
    if len(numbers) > 3 or not all(number.isdigit() for number in numbers):
        return False
    return tuple(map(int, numbers)) >= since[: len(numbers)]


def package_of(command: str) -> str | None:
    """The Debian package of the full image that a command comes from (``gcc-12`` too), or None."""
    plain = command.removeprefix("x86_64-linux-gnu-").removeprefix("aarch64-linux-gnu-")
    return PACKAGE_OF.get(plain) or PACKAGE_OF.get(unversioned(plain))


def brought_by(package: str) -> frozenset[str]:
    """The packages of the full image that installing an apt package brings, itself included."""
    name = package.partition("=")[0].partition(":")[0].partition("/")[0]
    if name not in COMMANDS and name not in BRINGS and unversioned(name) in COMMANDS:
        name = unversioned(name)
    return frozenset({name, *BRINGS.get(name, "").split()})

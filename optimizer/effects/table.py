"""What known commands read and write, as data.

A line is: names | options | operands. An option with ``=`` takes a value, and ``=r`` or ``=w`` says that the value is
a path that is read or written; one that is not listed is not known, and neither is the command then. ``*`` takes any.
Operands: ``r`` is read, ``w`` is written, ``m`` is a folder that is made, ``-`` is no path, and ``…`` repeats what
stands before it; without any, no operand is known. Source: POSIX.1-2024, and the manual pages of GNU coreutils,
findutils, curl, wget, git, shadow, ca-certificates, locales, debconf and OpenSSL.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from optimizer.independence import SHARED

PLAIN = """
: true false pwd sleep exit return shift umask ulimit wait nproc id whoami date uname | * | - …
echo printf | * | - …
which hash type command | * | - …
cat head tail wc | -n= -c= -q -u -l -w -m | r …
ls | -l -a -A -1 -h -d -R -r -t -F -i | r …
basename dirname | -a | - …
mkdir | -p -m= -v --parents --mode= --verbose | m …
touch | -a -m -c -f -t= -d= -r=r --no-create --date= --reference=r | w …
rm rmdir unlink | -r -R -f -d -v -i --recursive --force --verbose --one-file-system | w …
cp | -r -R -a -f -p -P -L -H -d -v -u -n -x -T -t=w --recursive --archive --force --preserve --preserve= --verbose --no-clobber --update --no-preserve= --parents --target-directory=w --no-target-directory | r … w
mv | -f -n -v -u -T -t=w --force --no-clobber --verbose --target-directory=w | w …
ln | -s -f -n -v -r -T --symbolic --force --no-dereference --verbose --relative | - …
chmod | -R -f -v -c --recursive --verbose --changes --quiet --reference=r | - w …
chown chgrp | -R -f -v -c -h -H -L -P --recursive --no-dereference --from= --verbose --changes --quiet --reference=r | - w …
truncate | -s= --size= -c | w …
tee | -a -i --append | w …
"""  # noqa: E501
"""Commands that every image with a shell has, and that do the same everywhere: no package changes them."""

TOOLS = """
install | -d -D -m= -o= -g= -v -c -s -p -t=w -T --mode= --owner= --group= --directory --target-directory=w | r … w
ls cat head tail wc sort uniq cut tr od hexdump stat file du df readlink realpath md5sum sha1sum sha256sum sha512sum cmp diff base64 test | * | r …
grep egrep fgrep zgrep | -e= -f=r -i -v -q -s -n -c -l -L -o -w -x -r -R -E -F -P -h -H -A= -B= -C= -m= --include= --exclude= --quiet --extended-regexp --fixed-strings --perl-regexp --only-matching --recursive --ignore-case --no-messages --color= | - r …
curl | -f -s -S -L -k -O -o=w -H= -A= -X= -u= -e= -J -C= -g -i -I -j -l -m= -N -p -R -v -z= -Z -4 -6 -# -1 -2 -3 -w= -x= --fail --silent --show-error --location --insecure --remote-name --output=w --output-dir=w --header= --user-agent= --request= --user= --compressed --create-dirs --retry= --retry-delay= --retry-max-time= --retry-connrefused --retry-all-errors --connect-timeout= --max-time= --proto= --proto-default= --proto-redir= --tlsv1.2 --tlsv1.3 --tlsv1 --http1.1 --http2 --ipv4 --ipv6 --progress-bar --no-progress-meter --proxy= --globoff --referer= --remote-header-name --remote-time --verbose --head --include --fail-with-body --url= --cacert=r --write-out= --max-redirs= --limit-rate= --oauth2-bearer= | - …
wget | -q -O=w -P=w -nv -c -N -S -v -nc -x -nH -t= -T= -w= -U= -4 -6 --quiet --output-document=w --directory-prefix=w --no-verbose --no-check-certificate --progress= --show-progress --tries= --timeout= --wait= --waitretry= --retry-connrefused --https-only --secure-protocol= --header= --user-agent= --user= --password= --continue --max-redirect= --no-cookies --no-cache --content-disposition --trust-server-names --no-hsts --ca-certificate=r --inet4-only --prefer-family= --auth-no-challenge --passive-ftp --max-redirect= --retry-on-http-error= --no-clobber --output-file=w -o=w | - …
unzip | -q -qq -o -n -d=w -j -u -x= -a -l -t -v | r - …
useradd adduser groupadd addgroup usermod groupmod userdel groupdel deluser delgroup passwd chpasswd | -m -M -r -S -D -H -s= -u= -g= -G= -d=w -h= -c= -k=r -p= -l -a -o -N -U -f -K= -e= -b= -R= --create-home --no-create-home --system --shell= --uid= --gid= --groups= --home=w --home-dir=w --comment= --gecos= --disabled-password --disabled-login --ingroup= --group --no-user-group --user-group --non-unique --no-log-init --append --password= --quiet --force --force-badname --allow-bad-names --badname --skel=r --expiredate= --key= --remove --add-extra-groups --delete --unlock --lock --login= | - …
"""  # noqa: E501
"""Commands that a package may bring or change, with what they read and write besides the system itself."""

KEEPERS = """
c_rehash | -v |
update-ca-certificates | -f -v --fresh --verbose |
locale-gen | --purge --no-purge --keep-existing | - …
dpkg-reconfigure | -f= -p= -u -a --frontend= --priority= --unseen-only --all --force | - …
"""
"""Tools that bring up to date what the system has of its own: they write where packages do, and nowhere else."""

CHANGE_ACCOUNTS = frozenset({
    "useradd", "adduser", "groupadd", "addgroup", "usermod", "groupmod", "userdel", "groupdel", "deluser", "delgroup",
    "passwd", "chpasswd",
})  # fmt: skip
ACCOUNT_PLACES = ("/etc", "/var/mail", "/var/log", "/var/spool/mail")
FETCHERS = frozenset({"curl", "wget", "git"})
TESTS = frozenset({"[", "test", "[["})
FILE_TESTS = frozenset(f"-{letter}" for letter in "efdrwxsLhbcpSugkOGN")
FILE_PAIRS = frozenset({"-nt", "-ot", "-ef"})
ASKING = frozenset({"which", "hash", "type", "command"})
"""Commands that look for programs: what they find depends on what is installed."""
EXECUTED = frozenset({"rm", "chmod", "chown", "touch", "rmdir", "unlink", "chgrp"})
"""What `find -exec` may run on what it has found."""

SYSTEM = tuple(sorted({*SHARED, "/opt/conda", "/opt/google", "/opt/java", "/opt/microsoft", "/opt/mssql-tools",
                       "/opt/pipx", "/usr/games", "/usr/local/bundle", "/usr/local/cargo", "/usr/local/go",
                       "/usr/local/openjdk-*", "/usr/local/rustup", "/usr/src/googletest", "/usr/src/gtest", "/var/www",
                       "/go", "/srv/ftp"} - {"/tmp", "/var/tmp"}))  # fmt: skip
"""Where software of any kind is installed; what it leaves in /tmp has names of its own."""
HOME = (
    ".bundle", ".cache", ".cargo", ".composer", ".conda", ".condarc", ".config", ".curlrc", ".docker", ".dotnet",
    ".gem", ".gemrc", ".git-credentials", ".gitconfig", ".gnupg", ".gradle", ".ivy2", ".java", ".local", ".m2",
    ".mamba", ".netrc", ".node-gyp", ".npm", ".npmrc", ".nuget", ".nvm", ".pip", ".pnpm-state", ".pnpm-store",
    ".poetry", ".profile", ".bashrc", ".bash_profile", ".bash_login", ".zshrc", ".zshenv", ".zprofile",
    ".pydistutils.cfg", ".pypirc", ".python_history", ".rustup", ".ssh", ".wget-hsts", ".wgetrc", ".yarn", ".yarnrc",
    ".yarnrc.yml", "go",
)  # fmt: skip
"""What tools read and write in the home of the user."""
MANIFESTS = (
    "package.json", "package-lock.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", "yarn.lock", ".yarnrc.yml", ".yarnrc",
    ".npmrc", ".yarn", ".pnp.cjs", "go.work", "go.mod", "Cargo.toml", "Cargo.lock", ".cargo", "rust-toolchain",
    "rust-toolchain.toml", "pom.xml", ".mvn", "settings.gradle", "settings.gradle.kts", "Directory.Build.props",
    "Directory.Build.targets", "Directory.Packages.props", "NuGet.config", "nuget.config", "NuGet.Config",
    "global.json", "pyproject.toml", "uv.lock", "uv.toml", "poetry.toml", "Pipfile", "Gemfile", ".bundle",
    "composer.json", "setup.cfg", "setup.py", ".python-version", ".node-version", ".nvmrc", ".tool-versions",
    ".git", "lerna.json", "node_modules",
)  # fmt: skip
"""What installers look for in the folders above the project, too."""
STANDARD_PATH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
LIBRARIES = (
    "/usr/lib/libc.so.6",
    "/usr/lib/ld-linux-x86-64.so.2",
    "/usr/lib/ld-musl-x86_64.so.1",
    "/etc/ld.so.preload",
)
"""Stand for what every program is loaded with."""

BASIC = ("LANG", "LANGUAGE", "LC_", "TZ", "HOME", "PATH", "LD_", "TMPDIR", "POSIXLY_CORRECT", "IFS", "ENV", "BASH_ENV",
         "PS4", "CDPATH", "SHELLOPTS", "BASHOPTS", "GLOBIGNORE", "COLUMNS", "BLOCK_SIZE", "BLOCKSIZE",
         "VERSION_CONTROL", "SIMPLE_BACKUP_SUFFIX", "TIME_STYLE", "LS_COLORS", "OLDPWD", "PWD", "GLIBC_TUNABLES",
         "MALLOC_", "DIRSTACK")  # fmt: skip
"""Beginnings of the variables that a shell and the plain commands look at."""
_METADATA = (
    "APP APPLICATION BRANCH BUILD BUILT COMMIT CREATED DATE DESCRIPTION GIT HASH HEAD ID IMAGE JOB LONG MAINTAINER NUM "
    "NUMBER PIPELINE PROJECT REF RELEASE REV REVISION SERVICE SHA SHA1 SHORT SOURCE TAG TIME TIMESTAMP TITLE URL VCS "
    "VENDOR VERSION"
)
METADATA = frozenset(_METADATA.split())
"""Words of names such as GIT_COMMIT or BUILD_DATE. Package managers of the system and tools read no such variable."""
_TOLD = "BRANCH COMMIT CREATED DATE HASH NUMBER REF RELEASE REV REVISION SHA SHA1 TAG TIMESTAMP VERSION"
TOLD = frozenset(_TOLD.split())
"""One of them is in every name that tells about a build."""
POINTERS = ("PIP", "PYTHON", "VIRTUAL_ENV", "NPM_CONFIG", "NODE_", "GO", "CARGO", "RUSTUP", "GEM_", "BUNDLE_", "XDG_",
            "NVM_", "CURL_", "GIT_", "JAVA_", "MAVEN_", "M2_", "GRADLE_", "COMPOSER_", "CONDA_", "UV_", "POETRY_",
            "PIPENV_", "PIPX_", "YARN_", "PNPM_", "DEB", "APT_", "LD_", "PERL", "RUBY", "R_", "PHP_", "DOTNET_",
            "NUGET_", "PLAYWRIGHT_", "PUPPETEER_", "CYPRESS_", "SSL_", "REQUESTS_", "TMPDIR", "WORKON_HOME",
            "COREPACK_", "ELECTRON_", "MAMBA_", "VOLTA_", "SDKMAN_", "WGETRC", "CMAKE_", "CC", "CXX")  # fmt: skip
"""Beginnings of the variables by which tools are told where their files are, in capitals."""
PLACES = ("_HOME", "_DIR", "PATH", "_ROOT", "_PREFIX", "_FILE", "_CACHE", "_FOLDER", "_CONSTRAINT", "_USERCONFIG",
          "_ENV", "_TARGET", "_CONFIG", "TMPDIR", "WGETRC")  # fmt: skip
"""Endings of those that name a place."""


class Row(NamedTuple):
    """What is known of a command."""

    plain: bool
    """Whether every image with a shell has it, and no package changes it."""
    options: Mapping[str, str] | None
    """The role of the value of each option, "" for one without a value; None: any option is fine."""
    operands: tuple[str, ...]
    keeps: bool = False
    """Whether it writes where software is installed."""

    def roles(self, count: int) -> list[str]:
        """The role of each of so many operands."""
        if not self.operands:
            return []
        at = self.operands.index("…")
        before, behind = self.operands[:at], self.operands[at + 1 :]
        repeated = before[-1]
        fixed = before[:-1]
        middle = max(count - len(fixed) - len(behind), 0)
        return [*fixed, *[repeated] * middle, *behind][:count] if count >= len(behind) else [*behind][-count:]


@cache
def rows() -> Mapping[str, Row]:
    """What is known of each command, by its name; what is plain and a tool as well is plain with the plain options."""
    found: dict[str, Row] = {}
    for text, plain in ((TOOLS, False), (KEEPERS, False), (PLAIN, True)):
        for line in text.strip().splitlines():
            names, options, operands = (part.split() for part in line.split("|"))
            known = None if options == ["*"] else dict(map(_option, options))
            for name in names:
                found[name] = Row(plain, known, tuple(operands), text is KEEPERS)
    return found


def _option(text: str) -> tuple[str, str]:
    name, equals, role = text.partition("=")
    return name, (role or "-") if equals else ""

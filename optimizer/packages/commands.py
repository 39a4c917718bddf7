"""Commands that are known to need no package lists of the image: all others may.

A shell script or a program of unknown name may call ``apt-get install`` and rely on lists that an earlier RUN left
behind. Interpreters, build tools and language package managers do not; a few update the lists themselves.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

from optimizer.packages.managers import BY_PROGRAM
from optimizer.packages.reading import program_name, unversioned, unwrap
from optimizer.shell import Simple, Word

_SHELL = """
. : [ [[ alias bg break builtin case cd command continue declare dirs echo eval exec exit export expr false fg
getopts hash history jobs kill let local mapfile popd printenv printf pushd pwd read readarray readonly return
set shift shopt sleep source test time times trap true type typeset ulimit umask unalias unset wait
"""

_SYSTEM = """
7z 7za a2disconf a2dismod a2dissite a2enconf a2enmod a2ensite addgroup adduser alternatives apt-config apt-key
apt-mark ar arch aria2c augtool awk axel base32 base64 basename bc bsdtar bunzip busybox bzcat bzip c_rehash
cat chage chattr chcon checkmodule chfn chgrp chkconfig chmod chown chpasswd chroot chsh cksum clear cmp
column comm cp cpio create-cert cron crontab crudini csplit curl cut date dconf dd ddrescue
debconf-get-selections debconf-set-selections debootstrap debuild delgroup deluser depmod df dhclient diff dig
dircolors dirmngr dirname dmesg docker-image-info dockerize dos2unix download-frozen-image-v2.sh dpkg
dpkg-architecture dpkg-buildflags dpkg-buildpackage dpkg-deb dpkg-divert dpkg-parsechangelog dpkg-query
dpkg-reconfigure dpkg-scanpackages dpkg-source dpkg-statoverride du ed egrep elfedit env envsubst execstack
factor fakeroot fallocate fc-cache fgrep file find flock fold free ftp fuser gawk getcap getconf getent
getfacl git gosu gpasswd gpg gpg-agent gpgconf gpgv grep groupadd groupdel groupmod groups gunzip gzip head
hexdump hg host hostname hostnamectl htpasswd httpie hwclock iconv id ifconfig init initctl insserv install
install-info invoke-rc.d ip ipcs iptables java-config join jq kill killall ldapadd ldapmodify ldconfig ldd
less lighttpd-enable-mod link ln locale locale-gen localectl localedef locate logger login logname look
losetup ls lsattr lsb_release lscpu lsof lspci lzip lzma make-ssl-cert makeinfo mawk mcookie md mdadm mkdir
mkfifo mkfontdir mkfontscale mknod mkpasswd mktemp modprobe more mount mountpoint mv nano nc netcat netstat
newaliases newgrp newusers nl nproc nslookup ntpdate numfmt od openssl p7zip passwd paste patch patchelf
paxctl pgrep ping pkg-config pkill postalias postconf postmap pr prelink ps pstree pwconv pwgen readelf
readlink realpath reset restorecon rev rm rmdir rpm rpm2cpio rpmbuild rpmkeys rsync runc sa-update salt-key
savelog scanelf scp sed semanage semodule seq service setcap setfacl setpriv setsebool setsid sftp sha1sum
sha224sum sha256sum sha384sum sha512sum shasum shred shuf slapadd sort split ssh ssh-add ssh-agent ssh-keygen
ssh-keyscan sshd ssl-cert-check start-stop-daemon stat strace strings strip stty su-exec supervisorctl svn
sync sysctl systemctl tac tail tar tee telnet timedatectl timeout tini toe top touch tput tr truncate tset
tsort tty tzselect uname uncompress unexpand uniq unix2dos unlink unlzma unrar unshare unxz unzip
update-alternatives update-ca-certificates update-ca-trust update-catalog update-icon-caches update-initramfs
update-java-alternatives update-locale update-mime-database update-rc.d updatedb uptime upx useradd userdel
usermod users uudecode uuidgen vi vim vipw visudo watch wc wget whatis whereis which who whoami x11vnc xar
xauth xmllint xmlstarlet xxd xz xzcat yes zcat zdump zgrep zic zip zipalign zipinfo zstd
"""

_BUILD = """
Build Configure aclocal all.bash ant asciidoc autoconf autogen.sh autoheader automake autoreconf autoupdate b2
bazel bazelisk bison bjam bootstrap bootstrap.sh buildconf c++ c89 c99 cc ccache checkinstall clang clang++
cmake cmake3 config configure configure.sh cpack cpp ct-ng ctest cython distcc doxygen emcc emcmake emmake
f2py flex fmtutil fmtutil-sys g++ gcc gcov gdb gfortran ghc gmake gnumake gperf gradle gradlew groovy
install-tl intltoolize jam javac javadoc kotlinc latex latexmk lcov ld lein libtool libtoolize llvm-config m4
make make.bash makepkg mcs meson mktexlsr mono msbuild msgfmt mvn mvnw nasm nim nimble ninja nm nvcc objcopy
objdump otp_build pandoc pdflatex phpize premake protoc qmake qmake-qt4 qmake-qt5 ragel rake-compiler ranlib
rpath runConfigureICU rustup-init sbt scons strip swift swiftc swig tcc texhash tlmgr updmap updmap-sys valac
waf xbuild xelatex yasm zig
"""

_LANGUAGES = """
R Rscript Singular activate adb alembic android ansible-galaxy artisan avdmanager aws az black bower brunch
buildout bun bundle bundler bunx cabal cargo carton celery cert-sync certmgr chicken-install conda-build
cordova corepack coursier cpan cpanm cpanp cross crystal cs cypress cythonize dart deactivate deno dep
django-admin docker-php-entrypoint docker-php-ext-configure docker-php-ext-enable docker-php-ext-install
docker-php-pecl-install docker-php-source dotnet drupal drush duckdb dune easy_install elixir ember emulator
erl erlc esbuild eslint expo fastlane flake8 flask flit flutter fnm fpc gcloud gem geth ghcup gitbook gleam
glide go go-bindata godep goenv gofmt goimports golangci-lint golint govendor gox grunt gsutil guile gulp
gunicorn hatch haxe haxelib hex iex install.r install2.r ionic ipcluster ipython irb isort jar jarsigner java
jdeps jekyll jest jlink jshell julia jupyter jupyter-kernelspec jupyter-lab jupyter-labextension
jupyter-nbextension jupyter-notebook jupyter-serverextension keytool kotlin lazbuild lerna libman lua luajit
luarocks maturin mix mkdocs mocha mono mozroots mypy n nave nbstripout ncu next ng nimble node node-gyp nodejs
nox npm-check-updates npx nuget nuxt nvm nx ocaml ocamlfind octave opam paket parcel pdm pear pecl perl perl6
phantomjs php php-config php-fpm php5dismod php5enmod phpcbf phpcs phpdismod phpenmod phpunit pip-compile
pip-sync pipenv pkg-fetch playwright pm2 poetry polymer pre-commit prettier pub puma pwsh py.test pybabel
pyenv pylint pypy pytest python pyvenv racket raco rails rake raku rbenv rebar rebar3 rollup ros ruby
ruby-build ruby-install rustc rustfmt rustup rvm rvm-shell rye sass sbcl scala scalac sccache scilab sdk
sdkmanager serve shards spack sphinx-build sqlite sqlite3 stack swipl tox trunk ts-node tsc turbo twine
unicorn update_rubygems uvicorn vcpkg venv virtualenv vite volta vue vulcanize wasm-pack webpack wheel wp
xcaddy yo zef
"""

_SERVICES = """
Xvfb add-user.sh apache2ctl apachectl buildah cassandra catalina.sh certbot chromedriver chromium consul
containerd convert createdb createuser cups dbus-daemon dbus-uuidgen dfs docker docker-compose dockerd dovecot
dropdb elasticsearch elasticsearch-keystore elasticsearch-plugin etcd etcdctl exim4 ffmpeg firefox
fix-permissions geckodriver glib-compile-schemas google-chrome google-chrome-stable gs gsettings
gtk-update-icon-cache hadoop hdfs helm httpd initdb inkscape install-php-extensions jboss-cli.sh kibana-plugin
kubectl kustomize letsencrypt logstash-plugin magick mariadb mariadb-install-db mariadbd memcached mkcert
mongo mongod mongosh monit mysql mysql_config mysql_install_db mysql_upgrade mysqladmin mysqld mysqld_safe
mysqldump mysqlsh named neo4j neo4j-admin nginx nomad packer pdftoppm pg_config pg_createcluster pg_ctl
pg_ctlcluster pg_dropcluster pg_restore podman postfix postgres psql rabbitmq-plugins rabbitmqadmin
rabbitmqctl redis-cli redis-server runit runsv s6-svscan sendmail skopeo spark-submit standalone.sh steamcmd
steamcmd.sh supervisord sv terraform tesseract unbound vault vncpasswd vncserver vsftpd wine wineboot
wineserver xvfb-run
"""

KNOWN = frozenset(f"{_SHELL} {_SYSTEM} {_BUILD} {_LANGUAGES} {_SERVICES}".split()) - {"eval", ".", "source"}
USER_SHELLS = frozenset({"su", "runuser"})
SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh", "ksh"}) | USER_SHELLS
SOURCING = frozenset({".", "source"})

_SCRIPTS = (".py", ".js", ".mjs", ".cjs", ".ts", ".php", ".rb", ".pl", ".jar", ".R", ".jl", ".lua")
"""Endings of programs that an interpreter runs, as ``python x.py`` does."""

_TOOL_FOLDERS = ("node_modules/.bin/", "vendor/bin/", "bazel-bin/", "/site-packages/", "/etc/init.d/")

_INSTALLER = re.compile(
    r"(mini|ana)conda|miniforge|mambaforge|micromamba|cmake-|bazel-|cuda_|google-cloud-sdk|rustup|node-v|jdk|jre|awscli|aws/install",
    re.IGNORECASE,
)
"""Downloaded installers that unpack files and nothing else."""

_SETTINGS = frozenset((
    "activate", ".bashrc", ".profile", ".bash_profile", ".zshrc", "profile", "bashrc", "nvm.sh", "rvm", ".rvm",
    "rvm.sh", "env", "os-release", "lsb-release", "envvars", "conda.sh", "mamba.sh", "sdkman-init.sh", "asdf.sh",
    "setup.bash", "setvars.sh", "emsdk_env.sh", "enable", "locale", "environment",
))  # fmt: skip
"""Files that are sourced for their variables and functions."""

HARMLESS_URLS = (
    "sh.rustup.rs", "install.python-poetry.org", "python-poetry/poetry", "nvm-sh/nvm", "creationix/nvm",
    "getcomposer.org", "astral.sh/uv", "get.sdkman.io", "bootstrap.pypa.io", "get.helm.sh", "helm/helm",
    "bun.sh/install", "deno.land", "get-pip.py", "get.pnpm.io", "yarnpkg.com/install", "npmjs.org/install",
    "npmjs.com/install", "starship.rs", "get.haskellstack.org", "get.rvm.io", "pyenv.run", "pyenv-installer",
    "volta.sh", "fnm.vercel.app", "ohmyzsh", "oh-my-zsh", "sdk.cloud.google.com", "golangci", "goreleaser",
    "install.meteor.com", "rclone.org/install", "micro.mamba.pm",
)  # fmt: skip
"""Scripts from the network that are known to install nothing through apt or apk."""

UPDATING_URLS = (
    "deb.nodesource.com", "nodesource_setup", "packagecloud.io/install", "get.docker.com",
    "packages.gitlab.com/install", "script.deb.sh", "aka.ms/InstallAzureCLIDeb",
)  # fmt: skip
"""Scripts from the network that run ``apt-get update`` themselves, before they install and after they add a source."""


def is_known(words: Sequence[Word]) -> bool:
    """Whether the command that these words run uses no lists of packages; package managers are not judged here."""
    start = unwrap(words)
    if start >= len(words):
        return True
    name = program_name(words[start])
    if name is None:
        return False
    if name in SOURCING:
        return len(words) > start + 1 and program_name(words[start + 1]) in _SETTINGS
    return _is_known_name(name) or any(folder in words[start].text for folder in _TOOL_FOLDERS) or bool(
        _INSTALLER.search(words[start].text)
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _is_known_name(name: str) -> bool:
    plain = unversioned(name)
    return any(each in KNOWN or each in BY_PROGRAM for each in (name, plain)) or name.endswith(_SCRIPTS)


def handed(command: Simple) -> tuple[Literal["text", "input", "known", "unknown"], str]:
    """What a shell that is called runs: literal text (which follows), its input, a file that is known, or anything.

    ``su postgres -c "psql"`` gives ("text", "psql"), ``bash install.sh`` gives ("unknown", "").
    """
    start = unwrap(command.words)
    switches_user = program_name(command.words[start]) in USER_SHELLS
    words = iter(command.words[start + 1 :])
    for word in words:
        text = word.literal or word.text
        if text in ("-o", "+o", "-O", "--rcfile", "--init-file"):
            next(words, None)
        elif text == "-n":
            return "known", ""
        elif text == "--command" or (text.startswith("-") and not text.startswith("--") and "c" in text):
            script = next(words, None)
            return ("unknown", "") if script is None or script.literal is None else ("text", script.literal)
        elif not text.startswith("-") and not switches_user:
            return ("known" if _INSTALLER.search(text) or program_name(word) in KNOWN else "unknown"), ""
    return "known" if switches_user else "input", ""

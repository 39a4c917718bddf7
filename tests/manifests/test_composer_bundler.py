from __future__ import annotations

import json
from typing import Any

import pytest

from tests.manifests.memory import Project, ask, found, refused

GEMS = {
    "Gemfile": 'source "https://rubygems.org"\ngem "rails", "~> 7"\n',
    "Gemfile.lock": "GEM\n",
    "app.rb": "",
}
SPLIT = "composer install --no-scripts --no-autoloader"


def composer(plugins: tuple[str, ...] = (), **fields: Any) -> Project:
    packages = [{"name": name, "type": "composer-plugin"} for name in plugins]
    return {
        "composer.json": json.dumps(fields),
        "composer.lock": json.dumps({"packages": packages, "packages-dev": []}),
        "index.php": "",
    }


@pytest.mark.parametrize(
    ("command", "prefetch"),
    [
        ("composer install", SPLIT),
        ("composer install --no-dev -o", "composer install --no-dev -o --no-scripts --no-autoloader"),
        ("composer install --no-scripts", SPLIT),
        (SPLIT, ""),
        ("php composer.phar install -n", "php composer.phar install -n --no-scripts --no-autoloader"),
        ("php -d x=1 /usr/bin/composer i", "php -d x=1 /usr/bin/composer i --no-scripts --no-autoloader"),
    ],
)  # fmt: skip
def test_composer_leaves_scripts_and_autoloader_for_later(command: str, prefetch: str) -> None:
    answer = found(command, composer(scripts={"post-install-cmd": "@php artisan x"}))
    assert " ".join(answer.prefetch[0] if answer.prefetch else ()) == prefetch
    assert answer.files == ("composer.json", "composer.lock")
    assert (answer.outputs, answer.same_image, answer.proved) == (("vendor",), True, True)


@pytest.mark.parametrize(
    ("project", "files"),
    [
        ({**composer(), "auth.json": "{}"}, {"auth.json"}),
        ({**composer(("symfony/flex",)), "symfony.lock": "{}"}, {"symfony.lock"}),
        (composer(("composer/installers",)), set()),
        (
            composer(repositories=[{"type": "vcs", "url": "https://x.example/y"}, {"packagist.org": False}]),
            set(),
        ),
        ({**composer(repositories={"a": {"type": "artifact", "url": "zips"}}), "zips/a.zip": ""}, {"zips/"}),
    ],
)
def test_what_else_composer_reads(project: Project, files: set[str]) -> None:
    assert set(found("composer install", project).files) - {"composer.json", "composer.lock"} == files


@pytest.mark.parametrize(
    ("command", "project", "reason"),
    [
        ("composer install", composer(repositories=[{"type": "path", "url": "../lib"}]), "path ../lib"),
        ("composer install", composer(repositories=[{"type": "vcs", "url": "./lib"}]), "local path"),
        ("composer install", composer(repositories=[{"type": "composer", "url": "file:///app/x"}]), "local path"),
        ("composer install", composer(("cweagans/composer-patches",)), "cweagans"),
        ("composer install", composer(("symfony/flex",)), "symfony/flex"),
        ("composer install", {"composer.json": '{"config": {"allow-plugins": {"a/b": true}}}'}, "a/b"),
        ("composer install", {"index.php": ""}, "composer.json"),
        ("composer install", {**composer(), "vendor/autoload.php": ""}, "writes vendor"),
        ("composer install", {**composer(config={"bin-dir": "bin"}), "bin/console": ""}, "writes bin"),
        ("composer install", composer(extra={"installer-paths": {"web/x": []}}), "installer-paths"),
        (SPLIT, {**composer(), ".git/HEAD": ""}, "commit"),
        ("composer install --strange", composer(), "--strange"),
    ],
)
def test_composer_refusals(command: str, project: Project, reason: str) -> None:
    assert reason in refused(command, project)


def test_composer_elsewhere() -> None:
    texts = {f"api/{path}": text for path, text in composer().items()}
    assert found("composer install -d api", texts).files == ("api/composer.json", "api/composer.lock")
    assert "COMPOSER" in refused("composer install", composer(), "/app", COMPOSER="other.json")
    assert found("composer install", composer(), "/app", COMPOSER_VENDOR_DIR="/vendor").outputs == ("../vendor",)


@pytest.mark.parametrize(
    ("command", "environment", "rewrites"),
    [
        ("bundle install", {}, ("Gemfile.lock",)),
        ("bundle", {}, ("Gemfile.lock",)),
        ("bundle install --jobs 4 --retry=3 --without development test", {}, ("Gemfile.lock",)),
        ("bundle install -j4 --frozen", {}, ()),
        ("bundler install --deployment", {}, ()),
        ("bundle install", {"BUNDLE_FROZEN": "true"}, ()),
        ("bundle install", {"BUNDLE_DEPLOYMENT": "1", "BUNDLE_PATH": "/usr/local/bundle"}, ()),
    ],
)
def test_bundler_moves(command: str, environment: dict[str, str | None], rewrites: tuple[str, ...]) -> None:
    answer = found(command, GEMS, "/app", **environment)
    assert (answer.files, answer.prefetch, answer.rewrites) == (("Gemfile", "Gemfile.lock"), (), rewrites)


@pytest.mark.parametrize(
    ("gemfile", "extra", "files"),
    [
        ('ruby file: ".ruby-version"', {".ruby-version": "3.3.0"}, {".ruby-version"}),
        ('ruby File.read(".ruby-version").strip', {".ruby-version": ""}, {".ruby-version"}),
        ('eval_gemfile "gems/common.rb"', {"gems/common.rb": 'gem "x"'}, {"gems/common.rb"}),
        ('gem "x", path: "gems/x"', {"gems/x/x.gemspec": "", "gems/x/x.rb": ""}, {"gems/x/"}),
        ('gem "x",\n  git: "https://x.example/x", # path: "no"\n  tag: "v1"', {}, set()),
        ("group :test do\n  gem 'x', require: false\nend", {}, set()),
        ('git_source(:github) { |repo| "https://github.com/#{repo}.git" }', {}, set()),
        ('rails = ENV.fetch("RAILS", "7")\ngem "rails", rails if RUBY_VERSION > "3"', {}, set()),
        ("", {"vendor/cache/x.gem": ""}, {"vendor/cache/"}),
        ("", {".bundle/config": '---\nBUNDLE_WITHOUT: "test"\n'}, {".bundle/config"}),
    ],
)
def test_what_else_bundler_reads(gemfile: str, extra: Project, files: set[str]) -> None:
    texts = {**GEMS, "Gemfile": gemfile, **extra}
    assert set(found("bundle install", texts).files) - {"Gemfile", "Gemfile.lock"} == files


@pytest.mark.parametrize(
    ("gemfile", "extra", "reason"),
    [
        ("gemspec", {}, "plain statements: gemspec"),
        ('gem "x", path: "."', {}, "the sources themselves"),
        ('gem "x", path: dir', {}, "plainly name"),
        ('gem "x", "path" => "x"', {"x/x.gemspec": ""}, "plainly name"),
        ('gem "x", :path => "gone"', {}, "gone"),
        ('Dir["gems/*.rb"].each { |f| eval_gemfile f }', {}, "plain statements"),
        ('gem "x", File.read(name)', {}, "plainly name"),
        ('gem "x", File.open("v").gets', {}, "plainly name"),
        ('gem "x", `cat VERSION`', {}, "`"),
        ('gem "x", "#{File.read(%q(V))}"', {}, "in a text"),
        ('require_relative "lib/version"', {}, "plain statements"),
        ('version = YAML.load("x")', {}, "YAML"),
        ("", {"Gemfile.lock": "PATH\n  remote: .\n  specs:\n"}, "the project itself"),
        (
            "",
            {".bundle/config": 'BUNDLE_PATH: "vendor/bundle"', "vendor/bundle/x": ""},
            "writes vendor/bundle",
        ),
        ("", {".bundle/config": "BUNDLE_LOCAL__X: ../x"}, "BUNDLE_LOCAL"),
    ],
)
def test_bundler_refusals(gemfile: str, extra: Project, reason: str) -> None:
    assert reason in refused("bundle install", {**GEMS, "Gemfile": gemfile, **extra})


def test_bundler_elsewhere() -> None:
    texts = {"deps/Gemfile": "", "deps/Gemfile.lock": ""}
    for answer in (
        found("bundle install --gemfile deps/Gemfile", texts),
        found("bundle install", texts, "/app", BUNDLE_GEMFILE="/app/deps/Gemfile"),
    ):
        assert answer.files == ("deps/Gemfile", "deps/Gemfile.lock")


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("composer install", ("composer.json", "composer.lock*")),
        ("bundle install", ("Gemfile", "Gemfile.lock*")),
    ],
)
def test_without_a_context(command: str, files: tuple[str, ...]) -> None:
    answer = found(command, None)
    assert (answer.files, answer.proved) == (files, False)


@pytest.mark.parametrize(
    "command", ["composer dump-autoload", "php artisan x", "bundle exec rake", "bundle config x", "php"]
)
def test_other_commands_are_not_known(command: str) -> None:
    assert ask(command, {**composer(), **GEMS}) is None

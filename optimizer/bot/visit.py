"""One repository from end to end. Whatever goes wrong is in the outcome, and nothing is left half done.

Done twice it does no more than done once: the same plan makes the same commits, and a request that is there is found
again. So a visit that was interrupted, wherever, is mended by the next one.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from traceback import extract_tb
from typing import NamedTuple

from optimizer.bot import text
from optimizer.bot.decision import Decision, decide
from optimizer.bot.forge import Forge, ForgeError, Project, Request, Wanted
from optimizer.bot.git import NO_BRANCH, Access, GitError, Identity
from optimizer.bot.journal import Done, Outcome, Status, weightiest
from optimizer.bot.plan import Plan, marked, withdrawn
from optimizer.bot.planning import PATIENCE, Judge, Proposals, TooLong, onboarding, proposals
from optimizer.bot.secret import Token
from optimizer.bot.tree import Head, Tree, cloned
from optimizer.config import BotSettings, load
from optimizer.tasks import Ask

OPT_IN = "the bot waits to be let in: merge its request, or write enabled = true under [bot] in .dockopt.toml"
"""Why nothing is done where it was told to ask first."""


class How(NamedTuple):
    """What the command line says about a visit."""

    ask: Ask = Ask()
    opt_in: bool = False
    """Work only where a settings file says ``enabled = true``."""
    onboard: bool = False
    """With opt_in: ask to be let in by a request that writes such a file."""
    dry_run: bool = False
    identity: Identity = Identity()
    history: int = 0
    """Of so many commits what they changed is taken into account."""
    review: bool = False
    """Comment on other people's requests that touch a Dockerfile."""
    may_open: int = 1_000_000
    """How many requests may be opened."""


Tell = Callable[[str], None]


def visit(
    forge: Forge, token: Token, path: str, how: How, tell: Tell = lambda line: None, judge: Judge | None = None
) -> Outcome:
    """Bring the bot's requests of one repository to where they should be.

    :param tell: hears, in a dry run, all that would be done.
    """
    try:
        outcome = _Visit(forge, token, how, tell, judge).run(path)
    except (ForgeError, GitError) as error:
        outcome = Outcome(path, "failed", error.message, again=error.again)
    except OSError as error:
        outcome = Outcome(path, "failed", f"this machine says: {error.strerror or type(error).__name__}")
    except TooLong:
        outcome = Outcome(path, "failed", f"its Dockerfiles take longer than {PATIENCE:.0f} seconds: left alone")
    except Exception as error:
        where = extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(where.filename)}:{where.lineno}"
        outcome = Outcome(path, "failed", f"internal error ({type(error).__name__} at {place}): please report it")
    return _stamped(outcome, how)


def _stamped(outcome: Outcome, how: How) -> Outcome:
    from msgspec.structs import replace

    return replace(outcome, at=time.time(), dry=how.dry_run)


class _Visit:
    def __init__(self, forge: Forge, token: Token, how: How, tell: Tell, judge: Judge | None) -> None:
        self.forge = forge
        self.token = token
        self.how = how
        self.tell = tell
        self.judge = judge
        self.opened = self.open = 0
        """Requests opened by this visit, and open now."""

    def run(self, path: str) -> Outcome:
        project = self.forge.project(path)
        if project.archived:
            return Outcome(path, "skipped", "it is archived")
        if not project.default_branch:
            return Outcome(path, "skipped", "it is empty")
        if not project.may_push:
            return Outcome(path, "failed", "the token may not push to it: give its user the right to write there")
        try:
            with self.clone(Access(project.url, self.forge.user, self.token), project.default_branch) as tree:
                return self.at(path, project, tree)
        except GitError as error:
            if error.message == NO_BRANCH:  # GitHub names a default branch before there is any
                return Outcome(path, "skipped", "it is empty, or has no branch that requests could be for")
            raise

    def at(self, path: str, project: Project, tree: Tree) -> Outcome:
        """What is to be done with a working copy of the default branch, whose settings count."""
        from optimizer import registry

        names = {each.name for each in registry.load()}
        config = load(tree.root / "Dockerfile", names)
        if config.problems:
            return Outcome(path, "failed", tree.shown(str(config.problems[0])))
        settings = config.settings.bot
        for key, name in (("branch", f"{settings.branch}/x"), ("target", settings.target or tree.branch)):
            if not tree.is_branch(name):
                return Outcome(path, "failed", f"its settings: bot.{key}: no branch can be called so")
        if settings.enabled is False:
            return Outcome(path, "skipped", "switched off by its settings")
        if self.how.opt_in and not settings.enabled:
            plan = onboarding(tree, settings) if self.how.onboard else None
            if plan is None:
                return Outcome(path, "skipped", OPT_IN)
            found = Proposals((plan,))
            return self.outcome(path, found, self.bring(project, tree, settings, found))
        if settings.target and settings.target != tree.branch:
            with self.clone(tree.git.access, settings.target) as other:
                return self.propose(path, project, other, settings)
        return self.propose(path, project, tree, settings)

    def clone(self, access: Access, branch: str) -> AbstractContextManager[Tree]:
        return cloned(access, branch, self.how.identity, whole=self.judge is not None, history=self.how.history)

    def propose(self, path: str, project: Project, tree: Tree, settings: BotSettings) -> Outcome:
        found = proposals(tree, self.how.ask, settings, self.judge)
        done = self.bring(project, tree, settings, found)
        if self.how.review:
            from optimizer.bot.reviewing import review

            review(self.forge, project, tree, self.how.ask, settings, self.tell if self.how.dry_run else None)
        return self.outcome(path, found, done)

    def bring(self, project: Project, tree: Tree, settings: BotSettings, found: Proposals) -> list[Done]:
        """Bring each branch to where it should be; those without a plan have nothing left to propose."""
        plans = {plan.branch: plan for plan in found.plans}
        there = tree.branches(settings.branch, plans)
        requests = {name: self.forge.requests(project, name) for name in sorted({*plans, *there})}
        self.open = sum(each.state == "open" for listed in requests.values() for each in listed)
        done = []
        for name, listed in requests.items():
            plan = plans.get(name)
            head = tree.head(name) if name in there else None
            limit = (
                "the limit of requests is reached" if self.opened >= self.how.may_open
                else "its settings allow no more open requests" if self.open >= settings.max_open
                else ""
            )  # fmt: skip
            decision = decide(plan, listed, head, may_open=limit)
            if decision.act == "close" and found.problems:
                decision = Decision("leave", decision.request, "unchanged", "some Dockerfiles cannot be read now")
            try:
                done.append(self.act(project, tree, settings, name, plan, decision, head))
            except (ForgeError, GitError) as error:
                if error.again:
                    raise
                done.append(Done(name, "failed", message=error.message, plan=plan.hash if plan else ""))
        return done

    def act(
        self, project: Project, tree: Tree, settings: BotSettings, name: str, plan: Plan | None,
        decision: Decision, head: Head | None,
    ) -> Done:  # fmt: skip
        """Do what was decided about a branch, or say in a dry run that it would be done."""
        url = decision.request.url if decision.request else ""
        hash = plan.hash if plan else ""
        if self.how.dry_run and decision.act != "leave":
            self.say(project, settings, name, plan, decision)
        if plan is not None and decision.act in ("open", "update"):
            status: Status = "opened" if decision.act == "open" else "updated"
            if not self.how.dry_run:
                url = self.put(project, tree, self.wanted(settings, plan, tree.branch), plan, decision, head).url
            self.opened += decision.act == "open"
            self.open += decision.act == "open"
            return Done(name, status, url, hash)
        if plan is not None and decision.act == "comment" and decision.request is not None:
            commented = any(marked(each) == hash for each in self.forge.comments(project, decision.request))
            if not commented and not self.how.dry_run:
                self.forge.comment(project, decision.request, text.comment(plan, self.forge.noun))
            return Done(name, "unchanged" if commented else "commented", url, hash, decision.why)
        if decision.act == "close" and decision.request is not None:
            if not self.how.dry_run:
                self.forge.close(project, decision.request, withdrawn(decision.request.text))
                if head is not None:
                    with suppress(GitError):  # it is closed all the same
                        tree.delete(name, head)
            self.open -= 1
            return Done(name, "closed", url)
        return Done(name, decision.status, url, hash, decision.why)

    def put(
        self, project: Project, tree: Tree, wanted: Wanted, plan: Plan, decision: Decision, head: Head | None
    ) -> Request:
        """Push the plan's commits, and open or update its request; a branch that nobody asked for is taken away."""
        commit = tree.build(plan)
        if head is None or head.commit != commit:
            tree.push(commit, plan.branch, head)
        try:
            if decision.request is None:
                return self.forge.open(project, wanted)
            self.forge.update(project, decision.request, wanted)
            return decision.request
        except ForgeError as error:
            if head is None and not error.again:
                with suppress(GitError):
                    tree.delete(plan.branch, Head(commit, plan.hash))
            raise

    def wanted(self, settings: BotSettings, plan: Plan, target: str) -> Wanted:
        return Wanted(
            plan.branch, target, plan.title, text.description(plan, self.forge.noun),
            settings.labels, settings.assignees, settings.reviewers, settings.draft,
        )  # fmt: skip

    def say(self, project: Project, settings: BotSettings, name: str, plan: Plan | None, decision: Decision) -> None:
        """Tell a dry run's user what would be done, all of it."""
        where = f"{project.path}: would {decision.act} {decision.request.url if decision.request else 'a request'}"
        self.tell(f"{where} on branch {name}")
        if plan is not None:
            wanted = self.wanted(settings, plan, settings.target or project.default_branch)
            self.tell(f"title: {'Draft: ' * wanted.draft}{wanted.title}")
            self.tell("commits:")
            for commit in plan.commits:
                self.tell(f"  {commit.message.splitlines()[0]}")
            self.tell(f"\n{text.comment(plan, self.forge.noun) if decision.act == 'comment' else wanted.text}")
            self.tell(plan.diff)

    def outcome(self, path: str, found: Proposals, done: list[Done]) -> Outcome:
        statuses: list[Status] = [each.status for each in done]
        messages = [each.message for each in done if each.message] + list(found.problems)
        if found.problems and not any(status in ("opened", "updated", "closed") for status in statuses):
            statuses.append("failed")
        abouts = [about for plan in found.plans for about in plan.abouts]
        return Outcome(
            path,
            weightiest(statuses),
            messages[0] if messages else "",
            tuple(done),
            dict(Counter(note.transform for about in abouts for note in about.fixes)),
            sum(about.suggestions for about in abouts),
            sum(bool(about.fixes) for about in abouts),
            tuple(each for about in abouts for each in about.measured),
        )

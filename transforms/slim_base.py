"""An official image becomes its slim variant of the same release."""

from __future__ import annotations

from collections.abc import Iterator

from optimizer.checks import instruction_text
from optimizer.context import BuildContext
from optimizer.fix import Edit, Options, Phase, Proposal, Safety, Transform
from optimizer.image_tools import IMAGES, UNPACKED_NOT, Official, slim_tag
from optimizer.images import parse_reference
from optimizer.language_packages import Minor
from optimizer.model import Model, Stage
from optimizer.system_needs import first_need


class SlimBase(Transform):
    """Build on the slim variant of an official image where nothing shows a need of more.

    ## What it does
    Changes the tag of `python`, `node`, `ruby`, `perl`, `rust` and `debian` to the slim variant of the same version and
    the same Debian release, where that is known to exist: `python:3.12` becomes `python:3.12-slim`, `node:20-bookworm`
    becomes `node:20-bookworm-slim`.

    ## Why
    The full variants stand on `buildpack-deps`: compilers, version control, and the headers of dozens of libraries,
    which a finished application has no use for, and which are pulled and scanned with every image. Of `debian` itself
    the slim variant lacks documentation, manual pages and translations.

    ## Example
    ```dockerfile
    FROM python:3.12
    RUN pip install --no-cache-dir flake8
    ENTRYPOINT ["flake8"]
    ```

    ## Instead
    ```dockerfile
    FROM python:3.12-slim
    RUN pip install --no-cache-dir flake8
    ENTRYPOINT ["flake8"]
    ```

    ## When it refuses
    - a command of the stage, of a stage built on it, or of a script or package.json they run calls a tool that only the
      full variant has (`curl`, `git`, `unzip`, `ps`, …) and that no apt install before it brings; `make`, `gcc` and the
      like even then, for what they build may need its headers;
    - a package may be compiled or may need a system library: a Python package without a known wheel for this version of
      Python, an npm package with an install script, any gem, a crate that binds a library;
    - something cannot be looked into: a script that is not in the build context, a RUN that cannot be read, copied
      sources without a build context, an image without CMD and ENTRYPOINT;
    - the stage is a builder from which only `COPY --from` takes files: its base is not shipped;
    - the image has a digest, its tag comes from an ARG, or the slim variant is not known to exist.

    ## Safety
    Suggested: what a program needs at run time cannot be read from its text with certainty (section 7).
    """

    name = "slim_base"
    summary = "an official image becomes its slim variant of the same release"
    phase = Phase.BASE
    safety = Safety.SUGGESTED

    def propose(self, model: Model, context: BuildContext | None, options: Options) -> Iterator[Proposal]:
        for stage in model.stages:
            if stage.parent is not None or stage.base is None:
                continue
            reference = parse_reference(stage.base)
            image = IMAGES.get(reference.official or "")
            tag = slim_tag(image, reference.tag) if image is not None else None
            if image is None or tag is None:
                continue
            slim = f"{reference.name}:{tag}"
            written = stage.origin.words[0]
            if reference.digest is not None:
                yield self.refuse(stage.origin, f"{stage.base} is pinned by its digest", "section 7")
            elif written != stage.base:
                yield self.refuse(stage.origin, f"{written} can be another image by a build argument", "section 7")
            elif need := first_need(model, stage, context, image, _minor(image, reference.tag)):
                yield self.refuse(
                    stage.origin, f"{stage.base} does not become {slim}: line {need.line} {need.reason}", "section 7"
                )
            elif not model.ships(stage):
                reason = f"{stage.base} does not become {slim}: it is the base of a builder stage and not shipped"
                yield self.refuse(stage.origin, reason, "section 7")
            else:
                yield self.slim(stage, image, slim)

    def slim(self, stage: Stage, image: Official, slim: str) -> Proposal:
        origin, written = stage.origin, stage.origin.words[0]
        was = instruction_text(origin)
        start = origin.args_start
        debian = image.name == "debian"
        more = "documentation, manual pages and translations" if debian else "compilers, headers and tools"
        return self.fix(
            origin,
            [Edit(origin.offset(start), origin.offset_after(start + len(written)), slim)],
            f"nothing shows a need of the {more} that {written} has and {slim} has not",
            "what the full image has more than the slim one",
            removes=[was],
            adds=[was.replace(written, slim, 1)],
            paths=UNPACKED_NOT,
        )


def _minor(image: Official, tag: str | None) -> Minor:
    """The x of Python 3.x in a tag; None where the tag moves on to the next one."""
    numbers = (tag or "").partition("-")[0].split(".")
    return int(numbers[1]) if image.name == "python" and len(numbers) > 1 else None

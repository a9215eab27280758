"""The command `vtlab`: compare strategies, recommend one, classify images or open the lessons from a shell.

Whatever a person gets wrong ends in one line on stderr and a non-zero exit.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from vtlab import __version__
from vtlab.data.listing import CAMS_FOLDER
from vtlab.system.files import find_shipped_files
from vtlab.system.interrupts import Termination, raise_on_termination

if TYPE_CHECKING:
    from vtlab.study.setting import Setting
    from vtlab.study.study import Study
    from vtlab.training.strategies import Strategy

MAX_SEED = 2**32 - 1  # which is all that NumPy takes
SHOWN_FILES = 5  # of those that were left out, in the terminal
DESCRIPTION = "Given a pretrained vision model and a small data set: what should be trained?"
COMPARE_DESCRIPTION = """\
Train from scratch, as a linear probe, partially and fully, on the same few images, with
several seeds, and write a report.

PATH is a folder or zip with one folder of images per class, or with train/ and test/ (or
val/, dev/, holdout/ …) above the class folders; then test/ is the test set. Folders in the
class folders, such as one per patient, are whole on one side of every split (--group).
Or a table of files and classes
beside the images, as spreadsheets and other tools write it. Without PATH the task is the
embedded garden, and nothing is downloaded. The names garden, fine, far, glyphs, textures,
arrows, digits (handwritten, from scikit-learn) and printed (digits drawn from fonts) are tasks too,
and never mean a folder that is called so: write ./garden for that.
"""
RECOMMEND_DESCRIPTION = """\
Race ways to train on PATH's training images: each learns from three quarters of them and is judged on the
rest, in several splits; the test images are not touched. Says which way to take, how sure that is, and the
lines that do it, in Python and here.
"""
PREDICT_DESCRIPTION = """\
Print a line for each image: the file, the class, and the probability that the model gives it.
With --csv FILE also a table with the probability of every class. With --cam also the picture of where the
evidence lies (Grad-CAM), one for each image, in a folder of their own.
"""


class StoreOnce(argparse.Action):
    """Keeps the value of an option that is given once: of two values one would not be used."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Keep it, or refuse the second."""
        seen = vars(namespace).setdefault("seen_options", set())
        if option_string and self.dest in seen:
            raise argparse.ArgumentError(self, "given twice")
        seen.add(self.dest)
        setattr(namespace, self.dest, values)


class OneLineParser(argparse.ArgumentParser):
    """A parser that complains in one line, which names the option and where help is."""

    def __init__(self, **options: Any) -> None:
        """Take each option once."""
        super().__init__(**options)
        self.register("action", None, StoreOnce)

    def error(self, message: str) -> NoReturn:
        """End with the sentence and without the usage, which would hide it."""
        message = message.removeprefix("argument ").replace(
            "ignored explicit argument", "it takes no value, and was given"
        )
        _print_error(f"{message} (see {self.prog} --help)")
        self.exit(2)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Refuse what is not known here, where the subcommand's own help can be named."""
        known, odd = super().parse_known_args(args, namespace)
        if odd:
            hint = "" if odd[0].startswith("-") else "; a path with spaces is quoted"
            self.error(f"not understood: {shlex.join(odd)}{hint}")
        return known, odd


def build_parser() -> OneLineParser:
    """The command line, as `--help` shows it."""
    top = OneLineParser(prog="vtlab", description=DESCRIPTION)
    top.add_argument("--version", action="version", version=f"vtlab {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    shared = _build_shared_options()
    _add_compare_options(
        commands.add_parser(
            "compare",
            parents=[shared],
            help="compare the four strategies and write a report",
            description=COMPARE_DESCRIPTION,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
    )
    _add_recommend_options(
        commands.add_parser(
            "recommend",
            parents=[shared],
            help="say what to train for your images, within a time",
            description=RECOMMEND_DESCRIPTION,
        )
    )
    _add_predict_options(
        commands.add_parser(
            "predict",
            help="name what is in images, by a saved model",
            description=PREDICT_DESCRIPTION,
        )
    )
    commands.add_parser("starts", help="list the pretrained networks that are at hand")
    lab = commands.add_parser("lab", help="open lesson 01 in JupyterLab")
    lab.add_argument(
        "--folder",
        type=_parse_folder,
        default=None,
        help="where the lessons are copied when this is not a clone (default: vtlab-lessons)",
    )
    return top


def _build_shared_options() -> OneLineParser:
    """What compare and recommend both understand: how images are read, and which network learns."""
    shared = OneLineParser(add_help=False)
    images = shared.add_argument_group("how images are read")
    images.add_argument(
        "--image-size",
        type=_parse_count,
        metavar="PX",
        help="side of the images (default: the backbone's own, such as 64 or 224, and 128 where PATH "
        "chooses it)",
    )
    images.add_argument(
        "--strict",
        action="store_true",
        help="stop at an image that cannot be read (default: leave it out, say so)",
    )
    images.add_argument(
        "--flip",
        action=argparse.BooleanOptionalAction,
        default=None,  # then the task says whether a mirror image has the same class
        help="mirror half of the training views, or none, since left and right, or writing, tell the classes "
        "apart (default: none of digits, arrows and traffic signs)",
    )
    images.add_argument(
        "--group",
        metavar="HOW",
        help="which images belong together, such as those of a patient, an animal or a film, and stay on one "
        "side of every split: folder (the folders in a class folder), name (p07_1.jpg and p07_2.jpg), auto "
        "(images that look the same), a column of a table, a pattern with brackets such as '(p[0-9]+)_' for "
        "the names of files, or none (default: what the names of folders and columns say)",
    )
    from vtlab.data.decoding import RESIZES

    ways = "; ".join(f"{name}: {about}" for name, about in RESIZES.items())
    images.add_argument(
        "--resize",
        choices=RESIZES,
        default="crop",
        help=f"how an image becomes a square. {ways} (default: %(default)s)",
    )
    table = shared.add_argument_group("what a table (.csv, .tsv, .txt, .jsonl, .xlsx) says")
    table.add_argument(
        "--file-column",
        metavar="NAME",
        help="the column of the image files (default: the one whose values are files beside the table)",
    )
    table.add_argument(
        "--label-column",
        metavar="NAME",
        help="the column of the classes (default: label, class, target and the like, or a column per class "
        "with one 1 in each row)",
    )
    table.add_argument(
        "--split-column",
        metavar="NAME",
        help="the column that says what is for testing: in words, as yes and no, or by numbers of folds, of "
        "which the last is tested (default: split, is_valid, fold and the like)",
    )
    table.add_argument(
        "--regression",
        action="store_true",
        help="the label is a number to be predicted, not a class",
    )
    network = shared.add_argument_group("which network learns")
    network.add_argument(
        "--backbone",
        default="default",
        metavar="NAME",
        help="mini_resnet, mini_vgg, mini_inception, mini_mobilenet, efficientnet_lite0, a network of "
        "torchvision or timm, such as resnet18 or timm:convnext_atto (with arguments for timm: "
        "timm:vit_tiny_patch16_224,img_size=160), or your own: FILE.py:FUNCTION or "
        "package.module:FUNCTION builds it "
        "(default: efficientnet_lite0 for photographs, mini_resnet for drawn tasks; see vtlab starts)",
    )
    network.add_argument(
        "--weights",
        default="default",
        metavar="FILE",
        help="a file of weights, such as a trainer's checkpoint; the folder of a model that --save wrote, "
        "which knows its backbone; or a name of torchvision's (default: the shipped or published ones)",
    )
    network.add_argument(
        "--epochs",
        type=_parse_count,
        metavar="N",
        help="passes over the training images (default: as many as give enough steps)",
    )
    from vtlab.results.labels import RECIPES

    recipes = "; ".join(f"{name}: {about}" for name, about in RECIPES.items())
    how = network.add_mutually_exclusive_group()
    how.add_argument(
        "--recipe",
        choices=RECIPES,
        default="chosen",
        help=f"how strategies are trained. {recipes} (default: %(default)s)",
    )
    how.add_argument(
        "--tune", dest="recipe", action="store_const", const="tuned", help="as --recipe tuned"
    )
    return shared


def _add_compare_options(one: argparse.ArgumentParser) -> None:
    """Add the options that `vtlab compare` alone understands."""
    one.add_argument(
        "path",
        nargs="?",
        default="garden",
        metavar="PATH",
        help="a folder or zip of images, or a task's name (default: garden)",
    )
    what = one.add_argument_group("what is compared")
    what.add_argument(
        "--strategies",
        default="scratch,probe,partial,full",
        metavar="A,B,…",
        help="out of scratch, probe, partial, partial(K), full, lp_ft, "
        "surgical(STAGE), of a stage or a module in one (default: %(default)s)",
    )
    what.add_argument(
        "--shots",
        default=None,  # what this means depends on PATH, see `_read_shots`
        metavar="N|all",
        help="training images per class (default: 5; all for a folder)",
    )
    how = one.add_argument_group("how strategies are trained, beside --recipe and --epochs")
    how.add_argument(
        "--batch-size",
        type=_parse_count,
        metavar="N",
        help="images in a step; where memory runs out, fewer (default: 16; 32 with --recipe plain)",
    )
    how.add_argument(
        "--class-weights",
        type=_parse_class_weights,
        metavar="HOW",
        help="balanced: classes count alike, however many images each has; or a number above 0 for each class, "
        "in the order of their names, such as 1,1,5 (default: images count alike)",
    )
    how.add_argument(
        "--label-smoothing",
        type=float,
        metavar="SHARE",
        help="of each target the share that goes to all classes alike, from 0 to below 1 (default: 0)",
    )
    how = one.add_argument_group("how often, and where")
    how.add_argument(
        "--seeds",
        type=_parse_count,
        default=3,
        metavar="N",
        help="runs of each strategy (default: 3)",
    )
    how.add_argument(
        "--seed", type=_parse_seed, default=0, metavar="S", help="the first seed (default: 0)"
    )
    how.add_argument(
        "--jobs",
        type=_parse_count,
        default=1,
        metavar="N",
        help="worker processes (default: 1, train in this one)",
    )
    how.add_argument(
        "--out",
        type=_parse_folder,
        default=Path("vtlab-report"),
        metavar="FOLDER",
        help="for report.html, runs.csv and the finished runs (default: %(default)s)",
    )
    how.add_argument(
        "--save",
        action="store_true",
        help="keep the best strategy's first network in FOLDER/model, for predict",
    )


def _add_recommend_options(asked: argparse.ArgumentParser) -> None:
    """Add the options that `vtlab recommend` alone understands."""
    asked.add_argument(
        "path", metavar="PATH", help="a folder, zip or table of images, or a task's name"
    )
    asked.add_argument(
        "--budget",
        type=_parse_duration,
        default=300.0,
        metavar="TIME",
        help="such as 90s, 5min or 1h (default: 5min)",
    )
    asked.add_argument(
        "--shots",
        default=None,
        metavar="N|all",
        help="training images per class (default: 20; all for a folder)",
    )
    asked.add_argument(
        "--seed",
        type=_parse_seed,
        default=0,
        metavar="S",
        help="of the shots and the splits (default: 0)",
    )


def _add_predict_options(named: argparse.ArgumentParser) -> None:
    """Add the options of `vtlab predict`."""
    named.add_argument("model", type=Path, metavar="MODEL", help="a folder that --save wrote")
    named.add_argument("images", nargs="+", type=Path, metavar="IMAGE", help="a file or a folder")
    named.add_argument(
        "--backbone",
        metavar="FILE.py:FUNCTION",
        help="what builds the network, where MODEL is of a network of your own",
    )
    named.add_argument(
        "--cam",
        action="store_true",
        help="also write a picture of where the evidence for the class lies (Grad-CAM)",
    )
    named.add_argument(
        "--csv",
        type=_parse_csv_name,
        metavar="FILE",
        help="also write a table: file, class, confidence and the probability of every class (of a model of "
        "numbers: the number), and why an image has none",
    )
    named.add_argument(
        "--out",
        type=_parse_folder,
        metavar="FOLDER",
        help=f"where these pictures go; those of earlier calls are replaced (default: {CAMS_FOLDER})",
    )


def _parse_duration(text: str) -> float:
    match = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h|)", text.strip())
    if not match or float(match[1]) <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 90s, 5min or 1h")
    return float(match[1]) * {"min": 60, "h": 3600}.get(match[2], 1)


def _parse_csv_name(text: str) -> Path:
    path = Path(text)
    if path.suffix.lower() != ".csv":  # so that no photograph is written over
        raise argparse.ArgumentTypeError(f"{text} does not end in .csv")
    if not path.parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {path.parent}")
    return path


def _parse_count(text: str) -> int:
    number = _parse_natural(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not 1 or more")
    return number


def _parse_folder(text: str) -> Path:
    if not text.strip():
        raise argparse.ArgumentTypeError("the name of a folder is empty; '.' is the one you are in")
    return Path(text)


def _parse_class_weights(text: str) -> str | tuple[float, ...]:
    if text == "balanced":
        return text
    with contextlib.suppress(ValueError):
        weights = tuple(float(part) for part in text.split(","))
        if all(0 < weight < float("inf") for weight in weights):
            return weights
    raise argparse.ArgumentTypeError(
        f"{text!r} is neither balanced nor numbers above 0 as in 1,1,5"
    )


def _parse_seed(text: str) -> int:
    number = _parse_natural(text)
    if number > MAX_SEED:
        raise argparse.ArgumentTypeError(f"{text} is more than {MAX_SEED}")
    return number


def _parse_natural(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return number


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status."""
    for stream in (sys.stdout, sys.stderr):
        # a sign that a terminal lacks must not stop the work
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else list(arguments)
    given = build_parser().parse_args(words)
    given.line = shlex.join(["vtlab", *words])
    try:
        with raise_on_termination(), warnings.catch_warnings():
            warnings.showwarning = lambda message, *where, **more: _print_note(f"vtlab: {message}")
            status = COMMANDS[given.command](given)
            sys.stdout.flush()  # here, where a closed pipe can be answered
            return status
    except KeyboardInterrupt as stopped:
        kept = "; finished runs are kept, and the same command goes on from there"
        print(f"\nvtlab: stopped{kept if given.command == 'compare' else ''}", file=sys.stderr)
        return 143 if isinstance(stopped, Termination) else 130  # as shells report these signals
    except BrokenPipeError:  # whoever read the output, such as `head`, has enough
        with contextlib.suppress(OSError):  # or Python would complain when it flushes at its end
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + 13
    except (ValueError, OSError) as error:
        _print_error(error)
        return 2


def compare_command(given: argparse.Namespace) -> int:
    """Run `vtlab compare`; returns the exit status."""
    from vtlab.data.file_names import printable_name
    from vtlab.results.comparison import format_comparison
    from vtlab.results.conclusions import state_conclusion
    from vtlab.study.compare import compare

    started = time.perf_counter()
    strategies = [_read_strategy(name, given) for name in _split_names(given.strategies)]
    shots = _read_shots(given, drawn="5")
    seeds = range(given.seed, given.seed + given.seeds)
    if seeds[-1] > MAX_SEED:
        raise ValueError(f"--seed {given.seed} with --seeds {given.seeds} goes beyond {MAX_SEED}")
    _check_folder(given.out)
    study = compare(
        given.path,
        strategies=strategies,
        shots=shots,
        seeds=seeds,
        setting=_read_setting(given),
        folder=given.out / "runs",
        jobs=given.jobs,
        keep_networks=given.save,
        say=_print_note,
    )
    # what took long is kept before anything is said
    comparison, lost = study.comparison(), all(run.diverged for run in study.runs)
    saved = _save_best(study, given.out / "model") if given.save and not lost else ()
    report = study.write_report(given.out, command=printable_name(given.line))
    print(format_comparison(comparison))
    print(f"\n{state_conclusion(comparison)}".replace("\N{NO-BREAK SPACE}", " "))
    for caveat in study.list_caveats():
        if caveat not in comparison.training_notes:  # which stand below the table
            print(f"  - {caveat}".replace("\N{NO-BREAK SPACE}", " "))
    if skipped := study.task.skipped:
        count = "1 file was" if len(skipped) == 1 else f"{len(skipped)} files were"
        print(f"\n{count} left out; the report names each:")
        print("\n".join(f"  {sentence}" for sentence in skipped[:SHOWN_FILES]))
    for line in saved:
        print(line)
    print(f"\n{time.perf_counter() - started:.0f} s in all. Next, open:")
    print(f"  {printable_name(str(report))}")
    print("  vtlab lab      (lesson 01 in JupyterLab)")
    if lost:
        unsaved = ", and no network was saved" if given.save else ""
        _print_error(f"every run diverged: no strategy has an accuracy{unsaved}")
    return 1 if lost else 0


def _save_best(study: Study, folder: Path) -> tuple[str, str]:
    """Save the network of the best strategy; gives the lines on how to predict with it."""
    from vtlab.data.file_names import printable_name
    from vtlab.models.backbones import is_known_backbone
    from vtlab.training.saving import save

    run, score = study.best(), "R²" if study.task.asks_a_number else "accuracy"
    reached = study.comparison(run.shots).format_score(run.test_accuracy)
    network = study.model(run, say=_print_note)
    own = [] if is_known_backbone(network.name) else ["--backbone", network.name]
    save(network, folder, study.task, strategy=run.strategy, test_accuracy=run.test_accuracy)
    return (
        f"\nThe network of {run.strategy}, seed {run.seed} (best mean {score} on the test "
        f"images, so its {reached} flatters a little) is in "
        f"{printable_name(str(folder))}:",
        f"  {printable_name(shlex.join(['vtlab', 'predict', str(folder), *own]))} IMAGE…",
    )


def recommend_command(given: argparse.Namespace) -> int:
    """Run `vtlab recommend`; returns the exit status."""
    from vtlab.data.file_names import printable_name
    from vtlab.study.recommend import recommend

    setting = _read_setting(given)
    made = setting.make_task(shots=_read_shots(given, drawn="20"), seed=given.seed)
    for line in made.skipped:
        _print_note(f"  {line}")
    found = recommend(made, budget=given.budget, setting=setting, seed=given.seed, say=_print_note)
    print(replace(found, path=printable_name(given.path)))
    return 0


def predict_command(given: argparse.Namespace) -> int:
    """Run `vtlab predict`: a file that cannot be read is reported, and all others are classified."""
    import pandas as pd

    from vtlab.data.file_names import printable_name
    from vtlab.study.predict import Predictor, find_images_to_predict
    from vtlab.system.files import write_csv

    if given.out and not given.cam:
        raise ValueError(f"--out {given.out} says where --cam writes its pictures: give --cam, too")
    out = given.out or Path(CAMS_FOLDER)
    _check_folder(out)
    predictor = Predictor(given.model, given.backbone)
    found = find_images_to_predict(given.images)
    if given.cam and out.resolve() in {path.resolve().parent for path in found.images}:
        raise ValueError(f"--out {out} holds the images themselves: name another folder")
    for sentence in (*found.notes, *found.lost):
        _print_error(sentence)
    failures = len(found.lost)
    # an image that is not reached, since a person or a closed pipe stops the work, has a row, too
    rows = [predictor.row(path, None, "not reached") for path in found.images]
    try:
        for number, path in enumerate(found.images):
            cells = []
            try:
                classification = predictor.classify(path)
                rows[number] = predictor.row(path, classification)
                cells = [str(path), classification.class_name, classification.answer]
                if given.cam:
                    cells.append(
                        str(predictor.save_cam(path, out, classification, say=_print_note))
                    )
            except (ValueError, OSError) as error:
                failures += 1
                rows[number]["error"] = " ".join(printable_name(str(error)).split())
                _print_error(error)
            if cells:
                print("\t".join(map(printable_name, cells)), flush=True)
    finally:
        if given.csv:
            rows += [
                predictor.row(Path(), None, sentence) | {"file": ""} for sentence in found.lost
            ]
            write_csv(given.csv, pd.DataFrame(rows), for_spreadsheets=True)
    return 1 if failures else 0


def _read_setting(given: argparse.Namespace) -> Setting:
    """What the options say that all runs share."""
    from vtlab.study.setting import Setting

    return Setting(
        task=given.path,
        backbone=given.backbone,
        weights=given.weights,
        image_size=given.image_size,
        epochs=given.epochs,
        recipe=given.recipe,
        strict=given.strict,
        flip=given.flip,
        group=given.group,
        resize=given.resize,
        file_column=given.file_column,
        label_column=given.label_column,
        split_column=given.split_column,
        regression=given.regression,
    )


def _read_strategy(name: str, given: argparse.Namespace) -> Strategy:
    """The strategy of that name, trained as the options say; says which of them it has no use for."""
    from vtlab.training.strategies import strategy

    if given.batch_size and given.recipe == "plain":
        raise ValueError(
            f"--batch-size {given.batch_size}: the batches of --recipe plain have 32 images"
        )
    made, options = strategy(name), ("batch_size", "class_weights", "label_smoothing")
    asked = {option: getattr(given, option) for option in options}
    asked = {option: value for option, value in asked.items() if value is not None}
    if made.convex:
        unused = {option: asked.pop(option) for option in list(asked) if option != "class_weights"}
        if unused:
            words = ", ".join(f"{option.replace('_', ' ')} {v}" for option, v in unused.items())
            _print_note(f"  not used, since {name} is solved on all images at once: {words}")
    return replace(made, **asked)


def _check_folder(path: Path) -> None:
    """Refuse a file where a folder is written, before the work and not after it."""
    if path.exists() and not path.is_dir():
        raise ValueError(f"--out {path} is a file, not a folder")


def _print_note(line: str) -> None:
    """A line for a person, beside the results."""
    print(line, file=sys.stderr)


def _print_error(what: object) -> None:
    """One line on stderr."""
    print(f"vtlab: {' '.join(str(what).split())}", file=sys.stderr)


def _split_names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise ValueError("--strategies names no strategy")
    if len(set(names)) < len(names):
        raise ValueError("--strategies names a strategy twice")
    return names


def _read_shots(given: argparse.Namespace, *, drawn: str) -> int | None:
    """Training images per class: as asked, or all of a folder, or so many of a task that is drawn."""
    from vtlab.data.tasks import is_built_in_task

    in_files = not is_built_in_task(given.path) and Path(given.path).exists()
    text = given.shots if given.shots is not None else "all" if in_files else drawn
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise ValueError(f"--shots {text}: it is a whole number from 1, or all")
    return int(text)


def starts_command(given: argparse.Namespace) -> int:
    """Run `vtlab starts`; returns the exit status."""
    from vtlab.study.starts import format_starts, starts

    print(format_starts(starts()))
    return 0


def lab_command(given: argparse.Namespace) -> int:
    """Run `vtlab lab`: open JupyterLab at lesson 01, in a clone's folder or in a writable copy."""
    shipped = lessons = find_shipped_files("lessons")
    if shipped.parent.name == "_shipped":  # installed: those are not to be written on
        lessons = given.folder or Path("vtlab-lessons")
        if not lessons.exists():
            shutil.copytree(shipped, lessons)
            print(f"lessons copied to {lessons}")
    elif given.folder:
        _print_note(f"--folder {given.folder} is not used: this clone has the lessons in {shipped}")
    first = min(lessons.glob("01_*.ipynb"), default=None)
    if first is None:
        what = "holds no lessons (01_….ipynb)" if lessons.is_dir() else "is a file, not a folder"
        raise ValueError(
            f"{lessons} {what}: name another folder (--folder), or one that is not there yet"
        )
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    command = [sys.executable, "-m", "jupyterlab", str(first)]
    return subprocess.run(command, env=environment, check=False).returncode


COMMANDS = {
    "compare": compare_command,
    "recommend": recommend_command,
    "predict": predict_command,
    "starts": starts_command,
    "lab": lab_command,
}

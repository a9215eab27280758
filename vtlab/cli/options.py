"""The options of every subcommand, as `--help` shows them."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any, NoReturn

from vtlab import __version__
from vtlab.cli.messages import print_error
from vtlab.cli.values import (
    parse_class_weights,
    parse_count,
    parse_csv_name,
    parse_duration,
    parse_jupyter_option,
    parse_name,
    parse_path,
    parse_seed,
)
from vtlab.data.listing import CAMS_FOLDER

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
        print_error(f"{message} (see {self.prog} --help)")
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
    lab = commands.add_parser("lab", help="open lesson 01 in JupyterLab, in a copy of the lessons")
    lab.add_argument(
        "--folder",
        type=parse_path,
        default=None,
        help="where the lessons are copied, or lie already (default: vtlab-lessons)",
    )
    lab.add_argument(
        "jupyter",
        type=parse_jupyter_option,
        nargs="*",
        metavar="-- OPTION",
        help="what follows -- goes to JupyterLab, such as -- --port=9000 --no-browser",
    )
    return top


def _build_shared_options() -> OneLineParser:
    """What compare and recommend both understand: how images are read, and which network learns."""
    shared = OneLineParser(add_help=False)
    images = shared.add_argument_group("how images are read")
    images.add_argument(
        "--image-size",
        type=parse_count,
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
        "with one 1 in each row; else the only one that can be it, which is said)",
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
        type=parse_name,
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
        type=parse_name,
        default="default",
        metavar="FILE",
        help="a file of weights, such as a trainer's checkpoint; the folder of a model that --save wrote, "
        "which knows its backbone; or a name of torchvision's (default: the shipped or published ones)",
    )
    network.add_argument(
        "--epochs",
        type=parse_count,
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
        type=parse_name,
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
        type=parse_count,
        metavar="N",
        help="images in a step; where memory runs out, fewer (default: 16; 32 with --recipe plain)",
    )
    how.add_argument(
        "--class-weights",
        type=parse_class_weights,
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
        type=parse_count,
        default=3,
        metavar="N",
        help="runs of each strategy (default: 3)",
    )
    how.add_argument(
        "--seed", type=parse_seed, default=0, metavar="S", help="the first seed (default: 0)"
    )
    how.add_argument(
        "--jobs",
        type=parse_count,
        default=1,
        metavar="N",
        help="worker processes (default: 1, train in this one)",
    )
    how.add_argument(
        "--out",
        type=parse_path,
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
        "path",
        type=parse_name,
        metavar="PATH",
        help="a folder, zip or table of images, or a task's name",
    )
    asked.add_argument(
        "--budget",
        type=parse_duration,
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
        type=parse_seed,
        default=0,
        metavar="S",
        help="of the shots and the splits (default: 0)",
    )


def _add_predict_options(named: argparse.ArgumentParser) -> None:
    """Add the options of `vtlab predict`."""
    named.add_argument("model", type=parse_path, metavar="MODEL", help="a folder that --save wrote")
    named.add_argument(
        "images", nargs="+", type=parse_path, metavar="IMAGE", help="a file or a folder"
    )
    named.add_argument(
        "--backbone",
        type=parse_name,
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
        type=parse_csv_name,
        metavar="FILE",
        help="also write a table: file, class, confidence and the probability of every class (of a model of "
        "numbers: the number), and why an image has none",
    )
    named.add_argument(
        "--out",
        type=parse_path,
        metavar="FOLDER",
        help=f"where these pictures go; those of earlier calls are replaced (default: {CAMS_FOLDER})",
    )

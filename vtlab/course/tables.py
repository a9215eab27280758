"""The committed tables of `data/results` that lessons read; a lesson takes them from its own module."""

from __future__ import annotations

import pandas as pd

from vtlab.models.mini_networks import MINI_NETWORKS
from vtlab.system.files import find_shipped_files


def shots_table(name: str = "garden") -> pd.DataFrame:
    """A committed table of accuracy against shots on the default task, a row per run.

    Args:
        name: "garden" for recipes that are chosen within the shots, "plain" for the plain recipe (`plain`);
            images and seeds are the same.

    Raises:
        FileNotFoundError: If there is none of that name.

    Lessons 01, 04 and 05.
    """
    return read_committed_table(f"shots_{name}")


def read_committed_table(name: str) -> pd.DataFrame:
    """The table `data/results/NAME.csv`, which comes with the package.

    Raises:
        FileNotFoundError: If there is none.
    """
    path = find_shipped_files("results") / f"{name}.csv"
    if not path.exists():
        raise FileNotFoundError(f"no committed table {name}.csv")
    return pd.read_csv(path)


ZOO = tuple(MINI_NETWORKS)


def zoo_table() -> pd.DataFrame:
    """The committed table of the small backbones, a row for each.

    Columns: backbone, weights, megaflops (per image forward; a multiplication and an addition
    are two operations), megabytes (on disk), cells (side of the last map at 64 px),
    forward_images_s, training_images_s, forward_ratio, training_ratio (to mini_resnet's),
    pretraining_accuracy, and for each task and strategy the test accuracy with its interval,
    such as garden_probe, garden_probe_low, garden_probe_high.

    Lessons 02 and 11.
    """
    return read_committed_table("zoo")


def pretraining_log(name: str) -> pd.DataFrame:
    """The committed log of one backbone's pretraining, with the column `backbone`."""
    log = read_committed_table(f"pretrain_{name}")
    log.insert(0, "backbone", name)
    return log


def controls_table() -> pd.DataFrame:
    """The committed table of what costs nothing, a row per run.

    Columns: `data` (as in other tables), `way`, `shots`, `seed`, `test_accuracy`, `train_accuracy` where
    something was trained. "pixels" is the nearest shot in plain pixels, "random" a linear probe on random
    features, "patient" full fine-tuning from natural weights with as many epochs as features get that do
    not fit.

    Raises:
        FileNotFoundError: If there is none.

    Lessons 05 and 16.
    """
    return read_committed_table("controls")


def heads_table() -> pd.DataFrame:
    """The committed table, a row per run.

    `part` says what is compared. "start": the head's first weights (`way`), all stages learn;
    `first_loss` and `gradient` (the length of the gradient in the stages) are those before the
    first step. "head": kinds of heads on frozen stages, of so many `weights`, at two rates. "number": counting
    petals, `error` is the mean absolute one.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 03.
    """
    return read_committed_table("heads")


def depth_table() -> pd.DataFrame:
    """The committed table, a row per run: the first `stages` of five are pretrained, the rest drawn anew.

    `target` is "garden" (plants) or "digits"; `way` says whether the pretrained stages are "frozen" or
    "fine-tuned".

    Raises:
        FileNotFoundError: If there is none.

    Lesson 06.
    """
    return read_committed_table("depth")


def repairs_table() -> pd.DataFrame:
    """The committed table, a row per run: after a `shift` one `part` of a network is changed, at a `rate`.

    `before` is the network's test accuracy without any change. No rate is given where nothing takes steps.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 06.
    """
    return read_committed_table("repairs")


def drift_table() -> pd.DataFrame:
    """The committed table, a row per run: way, rate, seed, accuracies, drift by stage.

    `test_accuracy` is on the new task. `old_accuracy` is on 16 species of the source with the
    head that was fitted before fine-tuning, `old_refit` with a head fitted anew afterwards; both
    are the same before fine-tuning (`old_before`). `moved_S` is how far the weights of stage S
    moved (see `measure_movement`), `cka_S` how alike its features stayed (see `linear_cka`).

    Raises:
        FileNotFoundError: If there is none.

    Lesson 07.
    """
    return read_committed_table("drift")


def augmentation_table() -> pd.DataFrame:
    """The committed table, a row per run.

    `part` says what is compared. "few", "many": ways to augment the garden's 5 or 40 images per
    class; "own recipe": the same as "few" by the strategy's own recipe and not the plain one; "arrows": a
    task whose class is a direction, 10 images per class; "new views": partial with
    a view of its own for every epoch, to hold against the eight that are kept in "few". With 40
    images per class full has 10 epochs and scratch 15. `mirrored_accuracy` is that of the mean
    answer to each test image and its mirror image, where it was taken.
    `cpu_seconds` are processor seconds of the training.

    Raises:
        FileNotFoundError: If there is none.

    Lesson 08.
    """
    return read_committed_table("augmentation")


def cam_table(name: str = "scores") -> pd.DataFrame:
    """A committed table: "scores", "sanity", "methods" or "shortcut".

    Raises:
        FileNotFoundError: If there is none of that name.

    Lesson 09.
    """
    return read_committed_table(f"cam_{name}")


def real_table() -> pd.DataFrame:
    """The committed table, a row per run.

    Columns: `data` ("photo", "sketch", "hymenoptera", "flowers", "eurosat", "hands"), `start` ("garden" and
    "natural", mini_resnet at 64 px; "efficientnet_lite0" at 96 px), `strategy`, `shots`, `seed`, `rate` (of
    the recipe that was chosen within the shots), `test_accuracy` and `balanced_accuracy` on what the shots
    leave, `test_images`, `chance` (always naming the most frequent class), `steps`, `train_loss` and
    `train_accuracy` at the end, `under_trained`, `diverged`, `shifted_accuracy` (of what was learnt
    from photographs, on sketches), `seconds` (beside other work: not to be compared). Training
    from scratch knows no start: its rows are of the architecture.

    Raises:
        FileNotFoundError: If there is none.

    Lessons 04 and 16.
    """
    return read_committed_table("real")

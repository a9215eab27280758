"""What each subcommand does with its options; each returns the exit status."""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vtlab.cli.messages import print_error, print_note
from vtlab.cli.values import MAX_SEED
from vtlab.data.listing import CAMS_FOLDER
from vtlab.system.files import find_shipped_files

if TYPE_CHECKING:
    from vtlab.study.setting import Setting
    from vtlab.study.study import Study
    from vtlab.training.strategies import Strategy

SHOWN_FILES = 5  # of those that were left out, in the terminal


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
        setting=read_setting(given),
        folder=given.out / "runs",
        jobs=given.jobs,
        keep_networks=given.save,
        say=print_note,
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
        print_error(f"every run diverged: no strategy has an accuracy{unsaved}")
    return 1 if lost else 0


def _save_best(study: Study, folder: Path) -> tuple[str, str]:
    """Save the network of the best strategy; gives the lines on how to predict with it."""
    from vtlab.data.file_names import printable_name
    from vtlab.models.backbones import is_known_backbone
    from vtlab.training.saving import save

    run, score = study.best(), "R²" if study.task.asks_a_number else "accuracy"
    reached = study.comparison(run.shots).format_score(run.test_accuracy)
    network = study.model(run, say=print_note)
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

    setting = read_setting(given)
    made = setting.make_task(shots=_read_shots(given, drawn="20"), seed=given.seed)
    for line in made.skipped:
        print_note(f"  {line}")
    found = recommend(made, budget=given.budget, setting=setting, seed=given.seed, say=print_note)
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
    if given.cam:
        _check_folder(out)
    predictor = Predictor(given.model, given.backbone)
    found = find_images_to_predict(given.images)
    if given.cam and out.resolve() in {path.resolve().parent for path in found.images}:
        raise ValueError(f"--out {out} holds the images themselves: name another folder")
    for sentence in (*found.notes, *found.lost):
        print_error(sentence)
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
                    cells.append(str(predictor.save_cam(path, out, classification, say=print_note)))
            except (ValueError, OSError) as error:
                failures += 1
                rows[number]["error"] = " ".join(printable_name(str(error)).split())
                print_error(error)
            if cells:
                print("\t".join(map(printable_name, cells)), flush=True)
    finally:
        if given.csv:
            rows += [
                predictor.row(Path(), None, sentence) | {"file": ""} for sentence in found.lost
            ]
            write_csv(given.csv, pd.DataFrame(rows), for_spreadsheets=True)
    return 1 if failures else 0


def read_setting(given: argparse.Namespace) -> Setting:
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
            print_note(f"  not used, since {name} is solved on all images at once: {words}")
    return replace(made, **asked)


def _check_folder(path: Path) -> None:
    """Refuse a file where a folder is written, before the work and not after it."""
    if path.exists() and not path.is_dir():
        raise ValueError(f"--out {path} is a file, not a folder")


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
    """Run `vtlab lab`: open JupyterLab at lesson 01, in a copy that may be written on."""
    lessons = given.folder or Path("vtlab-lessons")
    if not lessons.exists():
        skipped = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "source", "tools")
        shutil.copytree(find_shipped_files("lessons"), lessons, ignore=skipped)
        print(f"lessons copied to {lessons}")
    first = min(lessons.glob("01_*.ipynb"), default=None)
    if first is None:
        what = "holds no lessons (01_….ipynb)" if lessons.is_dir() else "is a file, not a folder"
        raise ValueError(
            f"{lessons} {what}: name another folder (--folder), or one that is not there yet"
        )
    environment = {**os.environ, "JUPYTER_PLATFORM_DIRS": "1"}
    command = [sys.executable, "-m", "jupyterlab", str(first), *given.jupyter]
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container there is nobody else
        command.append("--allow-root")
    return subprocess.run(command, env=environment, check=False).returncode


COMMANDS = {
    "compare": compare_command,
    "recommend": recommend_command,
    "predict": predict_command,
    "starts": starts_command,
    "lab": lab_command,
}

"""The report: well-formed, whole, escaped, and its numbers those of the metrics."""

import os
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from runs_made_up import diverged

from vtlab import plots
from vtlab.results import conclusions as findings
from vtlab.results import metrics as metrics
from vtlab.results import records as records
from vtlab.results.comparison import Comparison, format_comparison
from vtlab.results.formatting import format_strategy_name
from vtlab.results.records import Epoch, Run
from vtlab.study import report as report
from vtlab.study.report_data import ReportData, choose_report_images
from vtlab.study.study import Study

N, K = 60, 3
CLASSES = ("Velaria montis", "<b>&\"'</p>", "$5 \N{HONEYBEE}")
LABELS = [i % K for i in range(N)]
RANDOM = np.random.default_rng(0)
PIXELS = RANDOM.integers(0, 256, (N, 3, 16, 16), dtype=np.uint8)
MASKS = np.zeros((N, 16, 16), bool)
MASKS[:, 4:12, 4:12] = True
CAMS = (3, 0, 7)
VOID = {"meta", "link", "img", "br", "source"}


def run(strategy, seed, wrong, cams=True):
    random = np.random.default_rng([seed, wrong])
    guesses = np.array(LABELS)
    places = random.choice(N, wrong, replace=False)
    guesses[places] = (guesses[places] + 1) % K
    maps = random.random((len(CAMS), 4, 4)).tolist() if cams else []
    return Run(
        task="garden",
        backbone="mini_resnet",
        weights="garden & co",
        strategy=strategy,
        shots=5,
        seed=seed,
        val_accuracy=None,
        test_accuracy=1 - wrong / N,
        balanced_accuracy=1 - wrong / N,
        seconds=1.5 + seed,
        trainable_weights=195,
        total_weights=1000,
        steps=2,
        diverged="",
        epochs=tuple(Epoch(i, 2 / i, 1 - 0.5 / i, 0.1, 0.1) for i in range(1, 4)),
        predictions=tuple(guesses.tolist()),
        confidences=tuple(random.random(N).tolist()),
        cams=tuple(tuple(map(tuple, one)) for one in maps),
        settings={"rate": None if strategy == "probe" else 0.001, "epochs": 3, "torch": "2"},
    )


def study(**more):
    return [
        run(s, i, wrong + i, **more)
        for s, wrong in (("scratch", 35), ("probe", 9), ("partial(1)", 7), ("full", 8))
        for i in range(3)
    ]


def data(runs, baseline=0.4, **more):
    comparison = Comparison(runs, 1 / 3, baseline)
    indices = choose_report_images(comparison, LABELS, CAMS)
    given = {
        "comparison": comparison,
        "classes": CLASSES,
        "train_counts": [5] * K,
        "test_labels": LABELS,
        "shown_images": PIXELS[list(indices)],
        "shown_indices": indices,
        "cam_indices": CAMS,
        "masks": MASKS[list(indices)],
        "description": "Which <plant> is it?",
        "command": 'vtlab compare "<photos>" && echo',
        "machine": {"processor": "a & b", "torch": "2"},
        "notes": ["no test folder: <held> out"],
        "skipped": ["<torn>.png cannot be read"],
    }
    return ReportData(**given | more)


class Page(HTMLParser):
    """Tags, attributes and text of a page; refuses tags that do not match."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tags, self.text, self.rows = [], [], [], []
        self.feed(page)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, words):
        if "style" not in self.open:
            self.text.append(words)
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += words.replace("\N{NO-BREAK SPACE}", " ")

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]

    def words(self):
        return " ".join("".join(self.text).split())


@pytest.fixture(scope="module")
def runs():
    return study()


@pytest.fixture(scope="module")
def source(runs):
    return report.render_report(data(runs))


@pytest.fixture(scope="module")
def page(source):
    return Page(source)


def test_the_page_is_well_formed_and_in_english(source, page):
    assert source.startswith("<!DOCTYPE html>")
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1


def test_nothing_is_loaded_from_anywhere_and_there_is_no_script(source, page):
    assert not page.all("script")
    for _, attributes in page.tags:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "srcset", "href"):
            assert attributes.get(name, "data:").startswith("data:")
    pictureless = re.sub(r"data:image/[^']*", "", source)
    assert "http:" not in pictureless and "https:" not in pictureless and "url(" not in pictureless
    assert "@import" not in pictureless


def test_every_image_has_words_and_a_size(page):
    images = page.all("img")
    assert len(images) == 5
    for image in images:
        assert len(image["alt"]) > 20 and int(image["width"]) > 0 and int(image["height"]) > 0


def test_the_answer_comes_first_in_one_sentence(page, runs):
    words = page.words()
    said = " ".join(findings.state_conclusion(Comparison(runs)).split())
    assert said in words
    assert words.index(said) < words.index("The numbers")


def test_names_and_texts_of_others_are_escaped(source, page):
    assert "<b>&" not in source.replace("<b>&lt;", "")
    assert "<plant>" not in source and "<photos>" not in source and "<held>" not in source
    words = page.words()
    for expected in (
        CLASSES[1],
        "Which <plant> is it?",
        'compare "<photos>" && echo',
        "<held> out",
        "garden & co",
        "a & b",
    ):
        assert expected in words
    alts = " ".join(image["alt"] for image in page.all("img"))
    assert CLASSES[1] in alts


def test_the_table_holds_the_numbers_of_the_summary(page, runs):
    rows = {row[0]: row[1:] for row in page.rows}
    gaps = Comparison(runs).differences.set_index("strategy")
    for row in metrics.summarise_metrics(records.runs_to_table(runs), N).itertuples():
        cells = rows[format_strategy_name(row.strategy).replace("\N{NO-BREAK SPACE}", " ")]
        assert cells[0] == f"{100 * row.mean:.1f} %"
        assert cells[1] == f"{100 * row.low:.1f} to {100 * row.high:.1f}"
        assert cells[2] == "195 (20 %)"
        if row.strategy != gaps.index[0]:
            assert cells[3].startswith(f"{100 * gaps.behind[row.strategy]:.1f} (")
        assert cells[4:] == [f"{row.seeds}", f"{row.seconds:.1f}"]
    assert rows["Chance"][0] == "33.3 %"
    assert rows["Nearest neighbour in pixels"][0] == "40.0 %"
    assert rows["Partial (1)"][3] == "the best"


def test_what_a_careful_reader_asks_is_answered(page):
    words = page.words()
    for heading in (
        "Before you rely on it",
        "While learning",
        "What is taken for what",
        "Worst mistakes",
        "What each one looks at",
        "How to read this",
        "What was run",
        "On what machine",
    ):
        assert heading in words
    for term in ("Student's t", "binomial", "read once", "found on other tasks"):
        assert term in words
    assert "15 for each run, 5 of each class" in words and "60, the same for all runs" in words


def test_settings_that_differ_stand_in_a_table_and_the_others_once(page):
    assert ["rate", "0.001", "none", "0.001", "0.001"] in page.rows
    assert not [row for row in page.rows if row[0].startswith(("steps", "torch"))]
    assert "steps2" in page.words()
    assert page.words().count("torch") == 1  # the machine says it, the settings need not


def test_a_report_needs_only_the_images_that_it_shows(runs):
    indices = choose_report_images(Comparison(runs), LABELS, CAMS)
    worst = findings._find_worst_mistakes(Comparison(runs), LABELS)
    assert set(indices) == {*CAMS, *worst.image}
    assert len(indices) == len(set(indices)) < N


def test_the_pictures_are_those_of_the_right_test_images(runs, monkeypatch):
    shown = {}
    monkeypatch.setattr(plots, "cams", keep(shown, "cams"))
    monkeypatch.setattr(plots, "mistakes", keep(shown, "mistakes"))
    report.render_report(data(runs))
    worst = findings._find_worst_mistakes(Comparison(runs), LABELS)
    np.testing.assert_array_equal(shown["mistakes"][0][0], PIXELS[worst.image])
    (images, maps), more = shown["cams"]
    np.testing.assert_array_equal(images, PIXELS[list(CAMS)])
    np.testing.assert_array_equal(more["masks"], MASKS[list(CAMS)])
    first = next(one for one in runs if one.strategy == "probe")
    assert list(maps) == ["scratch", "probe", "partial(1)", "full"]
    assert maps["probe"] == first.cams
    assert more["marks"]["probe"] == [
        (CLASSES[first.predictions[i]], first.predictions[i] == LABELS[i]) for i in CAMS
    ]


def test_empty_heat_maps_are_counted(runs):
    nothing = ((0.0,) * 4,) * 4
    runs = [
        replace(one, cams=(nothing, *one.cams[1:])) if one.strategy == "full" else one
        for one in runs
    ]
    words = Page(report.render_report(data(runs))).words()
    assert f"No evidence for it was found by Full in 1 of {len(CAMS)} images." in words


def keep(shown, name):
    """Remembers what a plot was given and draws something small."""
    from vtlab.plots import style as style

    def plot(*positional, **named):
        shown[name] = (positional, named)
        return style.new_figure(width=1, height=1)[0]

    return plot


def bare(**more):
    """The least that makes a report, quick to write."""
    runs = [replace(run("probe", 0, 0, cams=False), epochs=())]
    given = {
        "masks": None,
        "baseline": None,
        "cam_indices": (),
        "notes": (),
        "skipped": (),
        "machine": {},
        "command": "",
        "description": "",
        "shown_images": PIXELS[:0],
        "shown_indices": (),
    }
    return data(more.pop("runs", runs), **given | more)


def test_balanced_accuracy_stands_beside_accuracy_where_test_classes_are_uneven():
    from sklearn.metrics import balanced_accuracy_score

    labels = [0] * (N - 10) + [1] * 6 + [2] * 4
    runs = [replace(run("probe", s, 0, cams=False), epochs=()) for s in range(2)]
    theirs = [balanced_accuracy_score(labels, one.predictions) for one in runs]
    runs = [replace(one, balanced_accuracy=b) for one, b in zip(runs, theirs, strict=True)]
    page = Page(report.render_report(bare(runs=runs, test_labels=labels)))
    heads, first = page.rows[0], page.rows[1]
    assert first[heads.index("Balanced accuracy")] == f"{100 * np.mean(theirs):.1f} %"
    assert "Balanced accuracy" not in Page(report.render_report(bare())).rows[0]


def test_what_there_is_not_is_left_out():
    page = Page(report.render_report(bare()))
    words = page.words()
    assert "made none" in words
    for absent in ("While learning", "What each one looks at", "On what machine"):
        assert absent not in words
    assert len(page.all("img")) == 2 and not page.all("pre")


def test_a_report_is_written_whole_and_again_over_the_old_one(tmp_path):
    path = report.write_report(tmp_path / "new" / "folder", bare())
    assert path == tmp_path / "new" / "folder" / "report.html"
    report.write_report(path.parent, bare(description="another"))
    assert path.read_text(encoding="utf-8") == report.render_report(bare(description="another"))
    assert [one.name for one in path.parent.iterdir()] == ["report.html"]


def test_a_failed_write_leaves_the_old_report_and_nothing_else(tmp_path, monkeypatch):
    path = report.write_report(tmp_path, bare())
    before = path.read_bytes()

    def full(_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        report.write_report(tmp_path, bare(description="another"))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def toy_study(toy):
    """Two seeds of two strategies with four images per class, and a run with two."""
    random = np.random.default_rng(0)
    labels = toy.test.labels.numpy()
    made = []
    for seed in range(2):
        for strategy, share in (("full", 0.8), ("probe", 0.5)):
            guesses = np.where(random.random(len(labels)) < share, labels, (labels + 1) % 3)
            made.append(
                replace(
                    run(strategy, seed, 0),
                    shots=4,
                    predictions=tuple(guesses.tolist()),
                    confidences=(0.5,) * len(labels),
                    test_accuracy=float((guesses == labels).mean()),
                )
            )
    return Study([*made, replace(made[0], shots=2)], toy, list(CAMS))


def test_a_study_becomes_a_report_a_table_of_runs_and_lines_for_the_terminal(tmp_path, toy_study):
    study = toy_study
    path = study.write_report(tmp_path, 4, command="vtlab compare toy")
    words = Page(path.read_text(encoding="utf-8")).words()
    assert "With 4 images per class, Full " in words
    assert "12 for each run, 4 of each class" in words and "vtlab compare toy" in words
    written = pd.read_csv(tmp_path / "runs.csv")
    assert written.val_accuracy.isna().all()  # nothing was held back
    pd.testing.assert_frame_equal(
        written.drop(columns="val_accuracy"),
        study.table().drop(columns="val_accuracy"),
        check_dtype=False,
    )
    assert format_comparison(study.comparison(4)).splitlines()[2].startswith("Full")
    with pytest.raises(ValueError, match="no run with 9 images per class"):
        study.write_report(tmp_path, 9)
    with pytest.raises(ValueError, match="no run with all training images"):
        study.write_report(tmp_path)  # there are two numbers of images: which?


def test_a_report_and_its_lines_build_each_table_once(tmp_path, toy_study, monkeypatch):
    built = Counter()
    for module, name in ((records, "runs_to_table"), (metrics, "paired_difference")):
        build = getattr(module, name)
        monkeypatch.setattr(
            module, name, lambda *given, n=name, build=build: built.update([n]) or build(*given)
        )
    toy_study.write_report(tmp_path, 4)
    format_comparison(toy_study.comparison(4))
    # one table is the comparison's, the other one of all runs is runs.csv; each strategy has a difference
    assert built == {"runs_to_table": 2, "paired_difference": 2}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"test_labels": LABELS[:-1]}, "differ in size"),
        ({"shown_images": PIXELS[:2], "shown_indices": (1,)}, "2 shown images but 1 indices"),
    ],
)
def test_data_that_do_not_belong_together_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        data(study(), **wrong)


def test_no_runs_and_runs_of_several_shots_are_refused():
    with pytest.raises(ValueError, match="at least one run"):
        data([])
    mixed = [run("probe", 0, 3), replace(run("probe", 1, 3), shots=10)]
    with pytest.raises(ValueError, match="one number of images per class"):
        data(mixed)


def test_no_figure_is_left_to_pyplot(source):
    assert pyplot.get_fignums() == []


@pytest.mark.parametrize("strategies", [("full",), ("scratch", "probe", "partial(1)", "full")])
def test_what_diverged_has_words_in_the_report_and_no_number(strategies):
    made = [diverged(of) if of.strategy in strategies else of for of in study()]
    page = Page(report.render_report(data(made)))
    full = next(row for row in page.rows if row[0] == "Full")
    assert full[1:3] == ["diverged", ""] and "0 of 3" in full
    words = page.words()
    assert "3 of 3 runs of Full" in words and "at step 2 the loss was nan" in words
    assert not re.search(r"nan\W*%", words)
    if len(strategies) > 1:
        assert "every run diverged: there is no accuracy" in words
        assert "Worst mistakes" not in words and "What is taken for what" not in words
    else:
        assert "Partial (1) leads" in words


def test_one_run_that_diverged_is_counted_beside_the_seeds():
    made = study()
    made[-1] = diverged(made[-1])
    rows = Page(report.render_report(data(made))).rows
    seeds = rows[0].index("Seeds")
    assert [row[seeds] for row in rows[1:5]] == ["3", "3", "3", "2 of 3"]


def test_steps_training_accuracy_and_who_ended_too_early_stand_among_the_settings():
    early = replace(study()[0], strategy="full", steps=40)
    late = replace(early, strategy="probe", epochs=(Epoch(1, 0.1, 1.0, 0.0, 0.1),), steps=7)
    page = Page(report.render_report(data([late, early])))
    assert ["steps", "7", "40"] in page.rows
    ends = ["training images right at the end", "100.0 %", "83.3 % (under-trained)"]
    assert ends in page.rows
    assert "Under-trained: 1 of 1 runs of Full." in page.words()

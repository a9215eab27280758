"""A practitioner's afternoon, as it would be spent: photographs of patients, a table, a network of one's own.

Told in the order of the day. What each morning's work leaves is what the next goes on from.
"""

import csv
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import vtlab as vt
from vtlab.cli import main
from vtlab.study import recommend

KINDS = {"keratosis": (190, 60), "melanoma": (60, 190), "nevus": (120, 120)}  # red and blue
PATIENTS, VISITS = 5, 2  # of each kind, and images of each patient
SIZE = 32

NETWORK = """
    from torch import nn

    class Small(nn.Module):
        def __init__(self, kinds=7):
            super().__init__()
            self.body = nn.Sequential(
                nn.Sequential(nn.Conv2d(3, 8, 3, 2), nn.BatchNorm2d(8), nn.ReLU()),
                nn.Sequential(nn.Conv2d(8, 12, 3, 2), nn.BatchNorm2d(12), nn.ReLU()),
            )
            self.fc = nn.Linear(12, kinds)

        def forward(self, images):
            return self.fc(self.body(images).mean((2, 3)))

    def make():
        return Small()
"""


def heic():
    """Whether HEIC can be written here, and so be read."""
    try:
        import pillow_heif
    except ImportError:
        return False
    pillow_heif.register_heif_opener()
    return True


def draw(kind, patient, visit, side=48):
    """A spot of the kind's colour on the patient's own skin; no two images look the same."""
    random = np.random.default_rng([*map(ord, kind), patient])
    pixels = np.full((side, side, 3), random.integers(80, 160, 3))
    y, x = np.mgrid[:side, :side] - side / 2 + 3 * visit
    pixels[x**2 + y**2 < (side / 3) ** 2] = (KINDS[kind][0], 60, KINDS[kind][1])
    grain = np.random.default_rng([patient, visit]).integers(-12, 12, pixels.shape)
    return (pixels + grain).clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """Where the work is done: `skin/KIND/PATIENT/IMAGE`, a Kaggle table, a network and its checkpoint."""
    desk = tmp_path_factory.mktemp("desk")
    rows = [("image_id", "lesion_id", "dx")]
    for kind in KINDS:
        for patient in range(PATIENTS):
            folder = desk / "skin" / kind / f"{kind[:3]}{patient}"
            folder.mkdir(parents=True)
            for visit in range(VISITS):
                name = f"ISIC_{len(rows):04}"
                rows.append((name, folder.name, kind))
                photo = draw(kind, patient, visit)
                if patient == 1 and visit and heic():  # as telephones save it
                    Image.fromarray(photo).save(folder / f"{name}.heic", quality=90)
                elif patient == 2 and visit:  # as a DICOM viewer exports it: 12 bits in 16
                    deep = (photo[..., 0].astype(np.uint16) << 4) | 15
                    Image.fromarray(deep).save(folder / f"{name}.png")
                else:
                    Image.fromarray(photo).save(folder / f"{name}.jpg", quality=95)
    with (desk / "train.csv").open("w", newline="") as table:
        csv.writer(table).writerows(rows)
    (desk / "own_network.py").write_text(textwrap.dedent(NETWORK))
    network = build(desk)
    # what a trainer wrote, wrapped as trainers do
    state = {f"module.{name}": value for name, value in network.state_dict().items()}
    torch.save({"epoch": 90, "state_dict": state, "best_acc1": 71.3}, desk / "checkpoint.pth.tar")
    return desk


def build(desk):
    """The network of one's own, its weights drawn with a seed."""
    scope = {}
    exec((desk / "own_network.py").read_text(), scope)
    with torch.random.fork_rng():
        torch.manual_seed(7)
        return scope["make"]()


@pytest.fixture(scope="module")
def photos(desk):
    return vt.task(desk / "skin", shots="all", image_size=SIZE, group="folder")


@pytest.fixture(scope="module")
def network(desk):
    other = build(desk)
    for weight in other.parameters():  # the checkpoint must bring them back
        torch.nn.init.constant_(weight, 0.5)
    said = []
    network = vt.backbone(
        other,
        weights=desk / "checkpoint.pth.tar",
        stages=["body.0", "body.1"],
        mean=[0.5] * 3,
        std=[0.25] * 3,
        image_size=SIZE,
        classes=3,
        say=said.append,
    )
    assert said == ["checkpoint.pth.tar: the entries 'state_dict.module.…' are taken"]
    return network


def test_at_one_the_folder_is_read_and_no_patient_is_on_both_sides(photos):
    assert photos.classes == tuple(KINDS)
    here = (*photos.train.files, *photos.test.files)
    assert len({*here}) == 3 * PATIENTS * VISITS - len(photos.skipped) == 30  # none is lost
    assert sum(file.endswith(".heic") for file in here) == 3 * heic()
    sides = [{*part.groups} for part in (photos.train, photos.test)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 3 * PATIENTS
    for part in (photos.train, photos.test):
        assert [file.split("/")[0] for file in part.files] == [
            photos.classes[k] for k in part.labels
        ]
    # twelve bits are as bright as the eight that they were made of, for all of the set
    assert photos.bits == 12
    assert any("12 bits are used, so that 4,095 is white" in note for note in photos.notes)
    for part in (photos.train, photos.test):
        for image, file in zip(part.pixels, part.files, strict=True):
            assert 50 < image.float().mean() < 200, file
            if file.endswith(".png"):
                kind, patient = file.split("/")[0], int(file.split("/")[1][-1])
                red = draw(kind, patient, 1)[..., 0].mean()
                assert abs(image.float().mean() - red) < 3


def test_at_two_the_checkpoint_is_the_start_of_ones_own_network(network, desk):
    plain = build(desk).eval()
    images = torch.rand(4, 3, SIZE, SIZE, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        assert torch.allclose(network.eval().run_stages(images, 0), plain.body(images), atol=1e-6)
    assert network.stage_names == ("body_0", "body_1") and network.output_count == 3
    with pytest.raises(ValueError, match="body"):  # weights of another network are no start
        torch.save({"state_dict": torch.nn.Linear(3, 3).state_dict()}, desk / "other.pth")
        vt.backbone(plain, weights=desk / "other.pth", image_size=SIZE, mean=[0.5] * 3, std=[1] * 3)


@pytest.fixture(scope="module")
def study(photos, network, desk):
    ways = [vt.probe, vt.partial(1)]
    setting, said = vt.Setting(backbone=network, epochs=4, recipe="committed"), []
    study = vt.compare(
        photos,
        strategies=ways,
        shots="all",
        seeds=2,
        setting=setting,
        folder=desk / "runs",
        progress=False,
        keep_networks=True,
        say=said.append,
    )
    assert said[0].startswith("begins from Small")
    return study


def test_at_three_ways_to_train_are_compared(study, photos, network):
    table = study.table()
    assert sorted(table.strategy) == ["partial"] * 2 + ["probe"] * 2
    assert (table.backbone == "Small").all()
    assert study.best().test_accuracy > 1 / 3 and not table.diverged.any()
    for run in study.runs:
        right = [a == b for a, b in zip(run.predictions, photos.test.labels.tolist(), strict=True)]
        assert run.test_accuracy == pytest.approx(np.mean(right))


def test_at_four_a_race_on_the_training_images_says_what_to_train(photos, network, monkeypatch):
    learnt = []
    split = recommend.stratified_split

    def watched(labels, share, seed, classes, groups):
        kept, held = split(labels, share, seed, classes, groups)
        learnt.append([{groups[i] for i in part.tolist()} for part in (kept, held)])
        return kept, held

    monkeypatch.setattr(recommend, "stratified_split", watched)
    monkeypatch.setattr(recommend, "MAX_SPLITS", 3)
    setting = vt.Setting(backbone=network, epochs=3, recipe="committed")
    found = vt.recommend(photos, budget=600, setting=setting, ways=[vt.probe, vt.partial(1)])
    assert {*found.table.way} == {"probe", "partial"} and sum(found.images) == len(photos.train)
    assert len(learnt) >= 3 and all(kept and held and not kept & held for kept, held in learnt)
    assert found.code.startswith("vt.fit(network, task, vt.") and "vtlab compare" not in str(found)


def test_at_half_past_four_the_report_is_one_page(study, desk):
    page = study.write_report(desk / "report").read_text(encoding="utf-8")
    for words in ("Small", "keratosis", "melanoma", "nevus", "12 bits are used", "groups"):
        assert words in page, words
    assert "http://" not in page.replace("http://www.w3.org", "")
    runs = pd.read_csv(desk / "report" / "runs.csv")
    assert runs.test_accuracy.tolist() == [run.test_accuracy for run in study.runs]


def test_at_five_the_table_of_the_competition_says_the_same_as_the_folder(photos, desk):
    """Ids without ending, and a column of lesions: the same images, classes and groups."""
    table = vt.task(desk / "train.csv", shots="all", image_size=SIZE)
    assert table.classes == photos.classes and table.bits == 12
    how = next(note for note in table.notes if "by other names than the table's" in note)
    assert how.endswith("… (ISIC_0001 = skin/keratosis/ker0/ISIC_0001.jpg …)") and len(how) < 250
    known = {}
    for part in (photos.train, photos.test):
        rows = zip(part.files, part.labels.tolist(), part.groups, part.pixels, strict=True)
        known |= {file.split("/")[-1]: row for file, *row in rows}
    assert len(known) == len(table.train) + len(table.test)
    for part in (table.train, table.test):
        for file, label, pixels in zip(part.files, part.labels, part.pixels, strict=True):
            assert known[file.split("/")[-1]][0] == label
            assert torch.equal(known[file.split("/")[-1]][2], pixels)
    sides = [{*part.groups} for part in (table.train, table.test)]
    assert not sides[0] & sides[1] and len(sides[0] | sides[1]) == 3 * PATIENTS


@pytest.mark.filterwarnings("default")  # each is a line for a person
def test_in_the_evening_the_command_does_it_all_again_and_answers_in_a_table(
    desk, monkeypatch, capsys
):
    monkeypatch.chdir(desk)
    own = ["--backbone", "own_network.py:make"]
    start = [*own, "--weights", "checkpoint.pth.tar", "--image-size", str(SIZE)]
    quick = ["--strategies", "probe", "--seeds", "1", "--group", "lesion_id"]
    assert main(["compare", "train.csv", *start, *quick, "--save"]) == 0
    shown = capsys.readouterr()
    assert "vtlab predict vtlab-report/model --backbone own_network.py:make IMAGE" in shown.out
    assert "begins from own_network.py:make with the weights checkpoint.pth.tar" in shown.err
    # new patients: one image is a telephone's, one a DICOM viewer's, one was cut off on its way
    (desk / "new").mkdir()
    for number, name in enumerate(["ISIC_0003.jpg", "ISIC_0016.png", "ISIC_0024.heic"]):
        if found := next((desk / "skin").rglob(name), None):
            (desk / "new" / f"{number} {name}").write_bytes(found.read_bytes())
    (desk / "new" / "torn.jpg").write_bytes(b"\xff\xd8\xff\xe0")
    assert main(["predict", "vtlab-report/model", "new", *own, "--csv", "answers.csv"]) == 1
    answers = pd.read_csv("answers.csv")
    assert list(answers) == [
        *("file", "class", "confidence"),
        *(f"p({kind})" for kind in KINDS),
        "error",
    ]
    assert len(answers) == 3 + heic() and answers.file.iloc[-1].endswith("torn.jpg")
    assert "torn.jpg cannot be read" in answers.error.iloc[-1]
    read = answers[answers.error.isna()]
    every = read[[f"p({kind})" for kind in KINDS]]
    assert np.allclose(every.sum(axis=1), 1)
    assert (every.idxmax(axis=1) == "p(" + read["class"] + ")").all()


def test_at_night_what_was_learnt_leaves_the_house(study, photos, desk):
    run = study.best()
    network = study.model(run)
    vt.save(network, desk / "model", photos, strategy=run.strategy, test_accuracy=run.test_accuracy)
    again, card = vt.load(desk / "model", build(desk))
    assert card.classes == tuple(KINDS) and card.bits == 12
    pixels = photos.test.pixels
    assert torch.equal(vt.predict(again, pixels), vt.predict(network, pixels))
    assert vt.predict(again, pixels).argmax(1).tolist() == [*run.predictions]
    images = again.normalise(pixels)
    exported = torch.export.export(again, (images,)).module()
    with torch.no_grad():
        assert torch.allclose(exported(images), again(images), atol=1e-5)

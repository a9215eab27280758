"""The tutorial's recipe against vtlab, everything from the image files on."""

import statistics
import time
import zipfile

import pytest
import torch
from benchmarks.plain import mobilenet, tutorial
from PIL import Image

import vtlab as vt
from vtlab.garden.worlds import WORLDS
from vtlab.models.normalisation import GARDEN_NORMALISATION, IMAGENET_NORMALISATION

pytestmark = [
    pytest.mark.benchmark,
    # the tutorial's four workers are more than two cores
    pytest.mark.filterwarnings("ignore:This DataLoader will create:UserWarning"),
]
EPOCHS = 25
FULL_EPOCHS = 5  # each is like the others; 25 of the recipe's take nine minutes


@pytest.fixture(scope="module")
def hymenoptera(photos, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hymenoptera")
    zipfile.ZipFile(photos / "hymenoptera_224.zip").extractall(folder)
    return folder, photos / "weights" / "mobilenet_v2.pth"


@pytest.fixture(scope="module")
def garden_files(tmp_path_factory):
    """40 images a class to learn from and 20 to test on, as files of 64 px."""
    folder, world = tmp_path_factory.mktemp("garden"), WORLDS["garden"]
    for part, shots, seed in (("train", 40, 0), ("val", 20, 1)):
        pixels, labels, _ = world.draw(shots, seed, 64)
        for i, (image, label) in enumerate(zip(pixels, labels, strict=True)):
            place = folder / part / f"class{int(label)}"
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.permute(1, 2, 0).numpy()).save(place / f"{i}.png")
    return folder


def probe(folder, backbone, weights, size):
    """From the files to the test accuracy: images right, and seconds."""
    started = time.perf_counter()
    task = vt.task(folder, shots="all", image_size=size)
    network = vt.backbone(backbone, classes=len(task.classes), weights=weights)
    for _ in vt.fit(network, task, vt.probe):
        pass
    accuracy = vt.evaluate(network, task.test.pixels, task.test.labels)
    return round(accuracy * len(task.test)), time.perf_counter() - started


def against_the_recipe(recipe, ours):
    """The recipe's epochs once, with our whole run after every fifth of them."""
    ours()  # imports and warms up
    total, best, best_at, runs = 0.0, -1, 0.0, []
    for number, (right, images, _trained, took) in enumerate(recipe, 1):  # noqa: B007
        total += took
        if right > best:
            best, best_at = right, total
        if number % 5 == 0:
            runs.append(ours())
    right, own = runs[0][0], statistics.median(s for _, s in runs)
    return total, best, best_at, images, right, own, len(runs)


def told(total, best, best_at, images, right, own, count):
    return (
        f"recipe {total:.0f} s once, best {best}/{images} after {best_at:.0f} s; "
        f"vtlab {right}/{images} in {own:.2f} s (median of {count})"
    )


def test_the_linear_probe_on_photographs(hymenoptera, ratios):
    folder, weights = hymenoptera
    model = mobilenet(weights, 2, frozen=True)
    recipe = tutorial(
        folder,
        model,
        model.classifier[1].parameters(),
        IMAGENET_NORMALISATION.mean,
        IMAGENET_NORMALISATION.std,
        epochs=EPOCHS,
    )
    shown = against_the_recipe(recipe, lambda: probe(folder, "mobilenet_v2", weights, 224))
    total, best, best_at, _, right, own, _ = shown
    ratios.check("probe, hymenoptera: recipe's images lost", best - right, most=2)
    ratios.check(
        "probe, hymenoptera: recipe's time to its best / ours",
        best_at / own,
        least=5,
        bfloat16=True,
    )
    ratios.check(
        "probe, hymenoptera: recipe's 25 epochs / ours",
        total / own,
        least=40,
        detail=told(*shown),
        bfloat16=True,
    )


def test_the_linear_probe_on_the_garden(garden_files, ratios):
    model = vt.backbone(classes=8).to(memory_format=torch.contiguous_format)
    for stage in model.stages.values():
        stage.requires_grad_(False)
    recipe = tutorial(
        garden_files,
        model,
        model.head.parameters(),
        GARDEN_NORMALISATION.mean,
        GARDEN_NORMALISATION.std,
        size=64,
        epochs=EPOCHS,
    )
    shown = against_the_recipe(recipe, lambda: probe(garden_files, "mini_resnet", "default", 64))
    ratios.check(
        "probe, garden: recipe's 25 epochs / ours",
        shown[0] / shown[5],
        least=20,
        detail=told(*shown),
        bfloat16=True,
    )


def test_full_fine_tuning_on_photographs(hymenoptera, ratios):
    """The same number of epochs, from the files to the test accuracy, three times in turn.

    Each side as it stands: the recipe tests after every epoch, vtlab once at the end. The ratio without
    any test on either side is printed too.
    """
    folder, weights = hymenoptera
    runs = []
    for _ in range(3):
        model = mobilenet(weights, 2, frozen=False)
        recipe = list(
            tutorial(
                folder,
                model,
                model.parameters(),
                IMAGENET_NORMALISATION.mean,
                IMAGENET_NORMALISATION.std,
                epochs=FULL_EPOCHS,
            )
        )
        started = time.perf_counter()
        task = vt.task(folder, shots="all", image_size=224)
        network = vt.backbone("mobilenet_v2", classes=2, weights=weights)
        list(vt.fit(network, task, vt.full, epochs=FULL_EPOCHS))
        trained = time.perf_counter() - started
        accuracy = vt.evaluate(network, task.test.pixels, task.test.labels)
        tested = time.perf_counter() - started
        runs.append(
            (
                sum(training for _, _, training, _ in recipe),
                sum(whole for *_, whole in recipe),
                trained,
                tested,
            )
        )
        best, own_right = max(right for right, *_ in recipe), round(accuracy * len(task.test))
    training, whole, trained, tested = (
        statistics.median(times) for times in zip(*runs, strict=True)
    )
    images = FULL_EPOCHS * len(task.train)
    ratios.note(
        "full, hymenoptera: the same without tests",
        f"{training / trained:.2f}",
        f"{images / trained:.0f} against {images / training:.0f} images/s (medians of 3)",
    )
    ratios.check(
        "full, hymenoptera: our images/s / recipe's",
        whole / tested,
        least=2,
        detail=f"{images / tested:.0f} against {images / whole:.0f} images/s (medians of 3); "
        f"recipe at best {best}, vtlab {own_right} of {len(task.test)}",
        bfloat16=True,
    )

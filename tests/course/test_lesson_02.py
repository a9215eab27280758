import pytest
import torch
import traitlets
from tests_support import artist

import vtlab as vt
from vtlab.course import lesson_02 as lesson_02_
from vtlab.course.neighbour_panel import find_neighbours
from vtlab.course.tables import read_committed_table
from vtlab.results import labels as names

TITLES = "pretrained", "random weights"


def test_committed_accuracies_lie_inside_their_intervals_and_above_chance():
    table = lesson_02_.zoo_table().set_index("backbone")
    for key in (column.removesuffix("_low") for column in table if column.endswith("_low")):
        there = table[table[key].notna()]
        assert tuple(there.index) == lesson_02_.ZOO
        assert (there[f"{key}_low"] <= there[key]).all()
        assert (there[key] <= there[f"{key}_high"]).all()
        assert (there[f"{key}_low"] > 0.125).all()


def test_every_log_ends_where_the_recipe_does_and_at_the_tables_accuracy():
    table = lesson_02_.zoo_table().set_index("backbone")
    assert tuple(table.index) == lesson_02_.ZOO
    for name in lesson_02_.ZOO:
        log = lesson_02_.pretraining_log(name)
        assert log.images.iloc[-1] == 200_000 // 128 * 128
        assert log.test_accuracy.iloc[-1] == pytest.approx(table.loc[name].pretraining_accuracy)
        assert log.loss.iloc[-1] < log.loss.iloc[0]


def test_every_backbone_of_the_zoo_has_a_label_and_a_colour_of_its_own():
    assert set(lesson_02_.ZOO) <= set(names.BACKBONES)
    everything = [*names.BACKBONES.values(), *names.STRATEGIES.values()]
    assert len({label.colour for label in everything}) == len(everything)
    assert names.get_label("mini_vgg").text == "mini VGG"


def said(capsys, number, answer):
    vt.check(number, answer)
    return capsys.readouterr().out


@pytest.fixture(scope="module")
def garden():
    return vt.task("garden", shots=4, seed=0, tests=1)


def test_neighbours_are_the_voters_of_the_librarys_accuracy(garden):
    labels = garden.train.labels
    features = torch.nn.functional.one_hot(labels).double() + 0.01 * torch.rand(
        len(labels), 8, generator=torch.Generator().manual_seed(1)
    )
    nearest = find_neighbours(features, 3)
    assert not (nearest == torch.arange(len(labels))[:, None]).any(), "none is its own neighbour"
    assert (labels[nearest] == labels[:, None]).all()
    assert vt.analysis.neighbour_accuracy(features, labels, 3) == 1
    assert lesson_02_.own_class_share(features, labels) == pytest.approx(3 / 5, abs=0.05)


def test_the_panel_shows_an_image_and_its_neighbours_right_and_wrong(garden):
    images, labels = garden.train.pixels, garden.train.labels
    looks = {"pixels": images, "classes": torch.nn.functional.one_hot(labels).double()}
    panel = lesson_02_.NeighbourPanel(looks, images, labels, garden.classes, image=5)
    assert "classes 3" in panel.describe(), "four of a class: three others"
    written = [text.get_text() for text in panel.figure().axes[0].texts]
    assert "3 of 5" in written and sum(words.startswith("✓") for words in written) >= 3
    panel.buttons["next"].click()
    assert panel.image == panel.controls["image"].value == 6
    with pytest.raises(traitlets.TraitError, match="the last image is 31"):
        panel.image = 32
    panel.close()


def test_two_networks_patches_stand_side_by_side_under_their_names(garden):
    network = vt.backbone("mini_resnet")
    found = vt.analysis.measure_responses(network, garden.train.pixels)
    rows = vt.analysis.strongest_patches(network, found, garden.train.pixels, channels=2)
    figure = lesson_02_.plot_two_patches(rows, rows)
    (ax,) = figure.axes
    a, b = (next(t for t in ax.texts if t.get_text() == f"network {x}") for x in "AB")
    assert a.get_position()[0] < ax.lines[-1].get_xdata()[0] < b.get_position()[0]
    assert len(ax.images) == 2 * 5 * 2 * 4


def test_two_networks_maps_stand_side_by_side_beside_the_image(garden):
    first = {"stem": torch.rand(4, 8, 8), "stage1": torch.rand(4, 4, 4)}
    second = {stage: 1 - of for stage, of in first.items()}
    (ax,) = lesson_02_.plot_two_maps(garden.train.pixels[0], first, second).axes
    assert len(ax.images) == 1 + 2 * 8
    left, right = (next(t for t in ax.texts if t.get_text() == x) for x in TITLES)
    cut = ax.lines[-1].get_xdata()[0]
    assert left.get_position()[0] < cut <= right.get_position()[0]
    starts = sorted({round(image.get_extent()[0], 3) for image in ax.images})
    assert sum(start > cut for start in starts) == 4


def test_a_random_network_has_random_weights_and_the_statistics_of_the_images(garden):
    pixels = garden.train.pixels
    one, other = (lesson_02_.random_networks(["mini_vgg"], pixels, seed) for seed in (0, 1))
    first, second = one["mini_vgg"], other["mini_vgg"]
    assert not first.training and first.origin == "random"
    weights = [next(network.stages["stage4"].parameters()) for network in (first, second)]
    assert not torch.equal(*weights)
    convolution, norm = list(first.stages["stem"].modules())[2:4]
    with torch.no_grad():
        maps = convolution(first.normalise(pixels))
    torch.testing.assert_close(norm.running_mean, maps.mean((0, 2, 3)), atol=1e-4, rtol=1e-3)


def test_the_committed_stacks_have_five_seeds_each_at_the_rate_that_ended_lowest():
    table = lesson_02_.degradation_table()
    runs = table.groupby(["shortcuts", "layers"])
    assert (runs.seed.nunique() == 5).all() and (runs.rate.nunique() == 1).all()
    assert set(table.layers) == set(lesson_02_.DEPTH_COLOURS)
    tried = read_committed_table("degradation").query("seed == @lesson_02_.RATE_SEED")
    last = tried[tried.epoch == tried.epoch.max()]
    best = last.loc[last.groupby(["shortcuts", "layers"]).loss.idxmin()]
    for row in best.itertuples():
        assert runs.get_group((row.shortcuts, row.layers)).rate.iloc[0] == row.rate


def test_training_errors_are_drawn_with_a_line_for_each_seed_and_their_mean():
    table = lesson_02_.degradation_table()
    plain, cured = lesson_02_.plot_degradation(table).axes
    for ax, shortcuts in ((plain, False), (cured, True)):
        assert len(ax.lines) == 2 * (5 + 1)
        for layers in lesson_02_.DEPTH_COLOURS:
            runs = table[(table.shortcuts == shortcuts) & (table.layers == layers)]
            drawn = artist(ax, f"{layers} layers").get_ydata()
            assert drawn[-1] == pytest.approx(
                runs[runs.epoch == runs.epoch.max()].train_error.mean()
            )


def test_the_probes_seed_by_seed_have_the_means_of_the_zoos_table():
    probes = lesson_02_.zoo_probes_table()
    assert not probes.duplicated(["task", "backbone", "seed"]).any()
    means = probes.groupby(["task", "backbone"]).test_accuracy.mean()
    zoo = lesson_02_.zoo_table().set_index("backbone")
    for task in ("garden", "digits"):
        for name in lesson_02_.ZOO:
            assert means[task, name] == pytest.approx(zoo.loc[name, f"{task}_probe"], abs=0.01)


def test_blocks_of_all_four_designs_are_drawn_and_two_have_a_shortcut():
    figure = lesson_02_.plot_blocks()
    titles = [ax.get_title(loc="left") for ax in figure.axes]
    assert titles == ["mini VGG", "mini ResNet", "mini Inception", "mini MobileNet"]
    assert [len(ax.lines) for ax in figure.axes] == [0, 1, 0, 1]


def test_sample_photographs_are_square_and_small():
    found = lesson_02_.sample_photographs(32)
    assert {name: tuple(image.shape) for name, image in found.items()} == {
        "temple": (3, 32, 32),
        "flower": (3, 32, 32),
    }
    assert all(image.dtype == torch.uint8 for image in found.values())


def test_exercise_3_has_one_right_letter(capsys):
    assert [("right" in said(capsys, "02.3", letter)) for letter in "abc"] == [False, False, True]


def test_exercise_4_asks_for_better_features_of_textures(capsys):
    assert "right" in said(capsys, "02.4", lambda maps: maps.std((2, 3)))
    assert "not yet. Of other images, the means name" in said(
        capsys, "02.4", lambda maps: maps.mean((2, 3))
    )
    assert "not yet. Give a tensor (160, D)" in said(capsys, "02.4", lambda maps: maps.mean())
    assert "not attempted" in said(capsys, "02.4", lambda maps: ...)

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from vtlab.data import digits
from vtlab.data.tasks import task


def rows(pixels: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in pixels}


def test_handwritten_digits_are_scikit_learns_up_to_the_margin_and_the_size():
    scans = load_digits()
    theirs = torch.from_numpy(255 - scans.images * 255 / 16)
    pixels, labels = digits.handwritten_digits(
        10
    )  # 8 pixels and a margin of one: nothing to enlarge
    assert labels.tolist() == scans.target.tolist()
    for channel in range(3):
        assert (pixels[:, channel, 1:-1, 1:-1] - theirs).abs().max() <= 0.5
    assert (pixels[:, :, [0, -1]] == 255).all() and (pixels[:, :, :, [0, -1]] == 255).all()


def test_enlarging_is_pillows_bicubic():
    from PIL import Image

    small, large = 1 - load_digits().images / 16, digits.handwritten_digits(64)[0]
    for i in range(0, 1797, 100):
        framed = Image.fromarray(np.pad(small[i].astype(np.float32), 1, constant_values=1))
        theirs = np.asarray(framed.resize((64, 64), Image.Resampling.BICUBIC)).clip(0, 1) * 255
        assert np.abs(large[i, 0].numpy() - theirs).max() <= 0.51


def test_the_test_set_is_the_end_of_the_collection_and_is_never_a_shot():
    made = task("digits", shots="all")
    pixels, labels = digits.handwritten_digits()
    assert torch.equal(made.test.pixels, pixels[797:]) and len(made.test) == 1000
    assert torch.equal(made.train.pixels, pixels[:797])
    assert torch.equal(made.train.labels, labels[:797])
    assert not rows(made.train.pixels) & rows(made.test.pixels)
    assert made.at(5, 3).test is made.test


def test_shots_of_digits_are_balanced_nested_and_differ_by_seed():
    made = task("digits", shots=5, image_size=16)
    assert torch.bincount(made.train.labels).tolist() == [5] * 10
    assert rows(made.train.pixels) < rows(made.at(8, 0).train.pixels)
    assert rows(made.train.pixels) != rows(made.at(5, 1).train.pixels)
    assert made.classes == tuple("0123456789") and made.chance == pytest.approx(0.1, abs=0.01)


def test_too_many_shots_and_endless_ones_are_refused_by_name():
    with pytest.raises(ValueError, match="class '4' has 79 training images, fewer than the 80"):
        task("digits", shots=80)
    with pytest.raises(ValueError, match="printed has no end of images"):
        task("printed", shots="all", image_size=16)
    with pytest.raises(ValueError, match="-1 is negative"):
        task("printed", seed=-1, image_size=16)
    with pytest.raises(ValueError, match="digit'.*digits, printed"):
        task("digit")


def test_a_printed_digit_is_the_same_whatever_else_is_drawn():
    few, many = digits.printed_digits(2, 0), digits.printed_digits(30, 0)
    for k in range(10):
        assert torch.equal(few[0][2 * k : 2 * k + 2], many[0][30 * k : 30 * k + 2])
        assert torch.equal(few[2][2 * k : 2 * k + 2], many[2][30 * k : 30 * k + 2])
    assert torch.equal(few[0], digits.printed_digits(2, 0)[0])
    assert not torch.equal(few[0], digits.printed_digits(2, 1)[0])


def test_printed_splits_share_neither_fonts_nor_designs_nor_images():
    def design(name: str) -> str:
        return "cm" if name.startswith("cm") else name[:5]

    train, test = ({design(n) for n in f} for f in (digits.TRAIN_FONTS, digits.TEST_FONTS))
    assert not train & test
    for name in digits.TRAIN_FONTS + digits.TEST_FONTS:
        assert (digits._fonts_folder() / f"{name}.ttf").is_file()
    made = task("printed", shots=20)
    assert torch.bincount(made.test.labels).tolist() == [120] * 10
    assert not rows(made.train.pixels) & rows(made.test.pixels)


def test_every_font_is_used_and_only_those_of_its_split(monkeypatch):
    asked = set()
    whole = digits._font_atlas

    class Noticing:
        def __init__(self, fonts, size):
            self.fonts, self.tiles = fonts, whole(fonts, size)

        def __getitem__(self, place):
            asked.update(self.fonts[i] for i in place[0].tolist())
            return self.tiles[place]

    monkeypatch.setattr(digits, "_font_atlas", Noticing)
    digits.printed_digits(30, 0, 16)
    assert asked == set(digits.TRAIN_FONTS)
    asked.clear()
    digits.printed_digits(30, None, 16)
    assert asked == set(digits.TEST_FONTS)


def test_a_printed_digit_lies_inside_its_picture_and_not_always_in_the_centre():
    images, _, masks = digits.printed_digits(60, 0)
    edge = torch.cat([masks[:, 0], masks[:, -1], masks[:, :, 0], masks[:, :, -1]], 1)
    assert edge.any(1).float().mean() < 0.05  # a slanted corner may be cut
    share = masks.float().mean((1, 2))
    assert share.min() > 0.01 and share.max() < 0.5
    assert masks[:, 32, 32].float().mean() < 0.4
    assert images.dtype == torch.uint8 and images.shape == (600, 3, 64, 64)


def test_the_ink_can_be_told_from_the_paper():
    images, _, masks = digits.printed_digits(30, 0)
    grey = images.float().mean(1)
    for picture, ink in zip(grey, masks, strict=True):
        assert (picture[ink].mean() - picture[~ink].mean()).abs() > 20  # of 255


def test_matplotlib_is_not_imported_for_its_fonts():
    code = (
        "import sys; from vtlab.data.digits import printed_digits; printed_digits(1, 0, 16); "
        "print('matplotlib' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"

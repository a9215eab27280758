from vtlab.garden.worlds import WORLDS


def test_contrast_and_blur_do_what_their_names_say():
    plain, _, _ = WORLDS["garden"].draw(1, 0, 32)
    for kind in ("contrast", "blur"):
        turned, _, _ = WORLDS["garden"].turn(corruption=kind, strength=4).draw(1, 0, 32)
        steps = [x.float().diff(dim=3).abs().mean() for x in (plain, turned)]
        assert steps[1] < 0.6 * steps[0]

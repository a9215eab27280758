import pytest

from vtlab.system.sealing import seal_json, unseal_json


def test_a_sealed_file_gives_back_its_values_and_no_flipped_bit_passes():
    values = {"epochs": 3, "rate": 1e-3, "classes": ["ant", "bée"], "augment": None}
    content = seal_json(values)
    assert unseal_json(content) == values
    for place in range(len(content)):
        for bit in range(8):
            torn = bytearray(content)
            torn[place] ^= 1 << bit
            with pytest.raises(ValueError, match="sha256 differs"):
                unseal_json(bytes(torn))


@pytest.mark.parametrize("content", [b"", b"{}", b"[" * 100_000, b'{"content": 1}', b"\xff\x00"])
def test_what_was_never_sealed_is_refused(content):
    with pytest.raises(ValueError, match="sha256 differs"):
        unseal_json(content)

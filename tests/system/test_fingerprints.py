import hashlib

import torch

from vtlab.system.fingerprints import (
    HASH_BYTES,
    fingerprint_bytes,
    fingerprint_file,
    fingerprint_tensors,
    hash_bytes,
    list_fingerprint_differences,
)


def test_bytes_and_files_have_their_sha256(tmp_path):
    (tmp_path / "file").write_bytes(b"petal")
    expected = hashlib.sha256(b"petal")
    assert (
        fingerprint_bytes(b"petal") == fingerprint_file(tmp_path / "file") == expected.hexdigest()
    )
    assert hash_bytes(b"pe", b"tal") == expected.digest() and len(expected.digest()) == HASH_BYTES


def test_tensors_differ_by_name_type_shape_and_value():
    base = torch.arange(6)
    others = [
        {"a": base},
        {"b": base},
        {"a": base.int()},
        {"a": base.view(2, 3)},
        {"a": base + 1},
        {"a": base[:0]},
    ]
    assert len({fingerprint_tensors(tensors) for tensors in others}) == len(others)
    assert fingerprint_tensors({"a": base, "b": base}) == fingerprint_tensors(
        {"b": base, "a": base}
    )


def test_every_difference_is_named_with_both_values():
    there, here = {"epochs": 3, "task": "garden"}, {"task": "garden", "rate": 0.1}
    assert list_fingerprint_differences(there, here) == [
        "epochs is 3 there and None here",
        "rate is None there and 0.1 here",
    ]
    assert list_fingerprint_differences(here, here) == []

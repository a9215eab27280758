"""Archives as other systems write them: names that are not in UTF-8, archives in archives, other kinds."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from images_made_up import picture

from vtlab.data.folders import read_folder


def write(path: Path, names: list[str], encoding: str) -> Path:
    """A zip whose members' names are in this encoding, and which does not say so."""
    with pytest.MonkeyPatch.context() as patch, zipfile.ZipFile(path, "w") as archive:
        patch.setattr(
            zipfile.ZipInfo,
            "_encodeFilenameFlags",
            lambda self: (self.filename.encode(encoding), 0),
        )
        for i, name in enumerate(names):
            archive.writestr(name, picture((i, 0, 0)))
        archive.close()
    return path


CLASSES = {
    "cp932": [("猫", "犬"), ("ねこ", "いぬ"), ("表", "裏"), ("ソース", "能力"), ("正常", "異常")],
    "gb18030": [("猫", "狗"), ("健康", "锈病"), ("苹果", "香蕉"), ("良品", "不良品")],
    "big5": [("貓", "狗"), ("健康", "鏽病"), ("功能", "許可")],
    "cp949": [("고양이", "강아지"), ("정상 세포", "암 세포 사진")],
    "cp437": [("Käfer", "Wespe"), ("été", "hiver"), ("niño", "niña")],
    "cp866": [("кошка", "собака"), ("норма", "патология")],
    "utf-8": [("Käfer", "猫"), ("кошка", "собака")],
}


@pytest.mark.parametrize("slash", ["/", "\\"])
@pytest.mark.parametrize(
    ("encoding", "classes"), [(e, pair) for e, pairs in CLASSES.items() for pair in pairs]
)
def test_names_in_the_code_pages_of_the_world_are_readable_and_no_file_is_lost(
    tmp_path, encoding, classes, slash
):
    names = [f"{kind}{slash}{i}.png" for kind in classes for i in range(4)]
    read = read_folder(write(tmp_path / "set.zip", names, encoding), 16)
    assert {*read.classes} == {*classes} and len(read.train) == 8 and not read.skipped
    assert {*read.train.files} == {name.replace("\\", "/") for name in names}
    said = [note for note in read.notes if "names" in note]
    note = f"names in set.zip are not in UTF-8: they were read as {encoding}"
    assert said == ([] if encoding in ("utf-8", "cp437") else [note])


def test_names_of_files_are_decoded_as_their_folders_are(tmp_path):
    names = [f"set/{kind}/写真{i}.png" for kind in ("桜", "梅") for i in range(4)]
    read = read_folder(write(tmp_path / "set.zip", names, "cp932"), 16)
    assert read.classes == ("桜", "梅") and {*read.train.files} == {*names}


def test_names_that_no_encoding_explains_are_kept_apart(tmp_path):
    names = [f"{kind}/{i}.png" for kind in ("a", "b") for i in range(4)]
    path = tmp_path / "set.zip"
    with pytest.MonkeyPatch.context() as patch, zipfile.ZipFile(path, "w") as archive:
        odd = {"a": b"\xff\xfe\x81", "b": b"\xff\xfe\x82"}
        patch.setattr(
            zipfile.ZipInfo,
            "_encodeFilenameFlags",
            lambda self: (odd[self.filename[0]] + self.filename[1:].encode(), 0),
        )
        for i, name in enumerate(names):
            archive.writestr(name, picture((i, 0, 0)))
        archive.close()
    read = read_folder(path, 16)
    assert len(read.classes) == 2 and len(read.train) == 8


@pytest.mark.parametrize("name", ["..\\猫\\0.png", "../表/0.png", "/猫/0.png"])
def test_a_name_that_climbs_out_is_refused_in_any_encoding(tmp_path, name):
    names = [f"{kind}/{i}.png" for kind in ("猫", "表") for i in range(4)]
    with pytest.raises(ValueError, match=r"set\.zip is refused.*climbs out"):
        read_folder(write(tmp_path / "set.zip", [*names, name], "cp932"), 16)


# ------------------------------------------------------------------ other archives


@pytest.mark.parametrize("name", ["set.tar", "set.tar.gz", "set.tgz", "set.tar.xz", "set.dat"])
def test_an_archive_of_another_kind_is_to_be_unpacked(tmp_path, name):
    mode = {"gz": "w:gz", "tgz": "w:gz", "xz": "w:xz"}.get(name.rpartition(".")[2], "w")
    with tarfile.open(tmp_path / name, mode) as archive:
        for kind in "ab":
            for i in range(4):
                info = tarfile.TarInfo(f"{kind}/{i}.png")
                info.size = len(picture())
                archive.addfile(info, io.BytesIO(picture()))
    with pytest.raises(ValueError, match=rf"{name} is an archive.*unpack it, and give the folder"):
        read_folder(tmp_path / name)


@pytest.mark.parametrize("name", ["set.7z", "set.rar", "set.tar.zst"])
def test_an_archive_that_python_cannot_read_is_known_by_its_name(tmp_path, name):
    (tmp_path / name).write_bytes(b"7z\xbc\xaf\x27\x1c")
    with pytest.raises(ValueError, match="is an archive.*unpack it"):
        read_folder(tmp_path / name)


def test_archives_in_a_zip_or_a_folder_are_to_be_unpacked(tmp_path):
    folder = tmp_path / "set"
    folder.mkdir()
    for inner in ("train.zip", "test.zip"):
        write(folder / inner, [f"{kind}/{i}.png" for kind in "ab" for i in range(4)], "utf-8")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for inner in folder.iterdir():
            archive.write(inner, inner.name)
    for path in (folder, tmp_path / "set.zip"):
        with pytest.raises(
            ValueError, match=r"holds archives \(test\.zip …\) and no images: unpack"
        ):
            read_folder(path)


def test_an_archive_beside_images_is_named(tmp_path):
    for kind in "ab":
        for i in range(4):
            path = tmp_path / kind / f"{i}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(picture((i, 0, 0)))
    (tmp_path / "more.tar.gz").write_bytes(b"\x1f\x8b")
    assert read_folder(tmp_path, 16).skipped == (
        "more.tar.gz is an archive: unpack it to use what it holds",
    )

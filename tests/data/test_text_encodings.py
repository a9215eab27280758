import locale

import pytest

from vtlab.data.text_encodings import decode_text

TEXTS = {
    "cp1252": [
        "Käfer",
        "Österreich;Müller",
        "café,crème brûlée",
        "piñón",
        "GRÖSSE",
        "naïve,Ålesund",
    ],
    "gb18030": ["猫,狗", "品种", "健康,锈病,斑点", "苹果", "绿", "玫瑰,郁金香,蒲公英", "叶,病"],
    "cp932": ["猫,犬", "ねこ", "カブトムシ,クワガタ", "柴犬", "健康,病気", "花"],
    "big5": ["貓,狗", "健康,鏽病", "玫瑰,鬱金香", "蒲公英"],
    "cp949": ["장미,튤립,해바라기", "고양이,강아지,토끼"],
    "cp1251": ["кошка,собака", "роза", "Лист;Стебель"],
}


@pytest.mark.parametrize(
    ("encoding", "word"), [(e, w) for e, words in TEXTS.items() for w in words]
)
def test_a_table_is_read_in_the_encoding_in_which_it_makes_sense(encoding, word):
    text = f"file,label\nimg/1.jpg,{word}\nimg/2.jpg,other\n"
    assert decode_text(text.encode(encoding)) == (text, encoding)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("word", ["cat", "Käfer", "猫", "고양이"])
def test_unicode_is_told_by_its_form(encoding, word):
    text = f"file,label\n1.jpg,{word}\n"
    assert decode_text(text.encode(encoding))[0] == text


def test_names_that_are_known_decide():
    # "葉" in Big5 is a common sign in GBK, too
    content = "葉/1.jpg,葉\n".encode("big5")
    assert decode_text(content)[1] == "gb18030"
    assert decode_text(content, ["葉", "1.jpg"]) == ("葉/1.jpg,葉\n", "big5")
    content = "kočka.jpg,kočka\n".encode("cp1250")
    assert decode_text(content)[0] == "koèka.jpg,koèka\n"


def test_the_machines_own_encoding_goes_before_a_guess(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda setlocale=True: "cp1250")
    assert decode_text("kočka".encode("cp1250")) == ("kočka", "cp1250")


def test_the_west_of_old_zips_is_another_one():
    assert decode_text("Käfer/é.jpg".encode("cp437"), western="cp437") == ("Käfer/é.jpg", "cp437")


def test_whatever_bytes_come_a_text_is_given():
    for content in (b"", b"\xff", b"\x81\x8d,\xff\xfe", bytes(range(256))):
        assert isinstance(decode_text(content)[0], str)

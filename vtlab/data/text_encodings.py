"""Text in whatever encoding a spreadsheet or an archiver wrote it.

UTF-8 and UTF-16 are told by their form. All others look alike to a program, so each is judged by the
signs that it would give: how many of them are common in its language.
"""

from __future__ import annotations

import codecs
import locale
import unicodedata
from collections.abc import Iterable

# what Windows calls its encodings, and the first bytes of the common signs of those with two bytes a sign
EAST_ASIAN = {"gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6), "cp949": (0xB0, 0xC8)}
SHIFT_JIS_COMMON = range(0x889F, 0x9873)  # kanji of the first level
MANY_SIGNS = 6  # that are Hangul throughout: Chinese would have others among so many


def decode_text(
    content: bytes, known: Iterable[str] = (), western: str = "cp1252"
) -> tuple[str, str]:
    """A text and the encoding that it was read in.

    Args:
        content: The bytes.
        known: Words that the text may hold, such as names of files that lie beside it: the encoding in
            which most of them occur is the right one.
        western: The encoding of Western European signs: `cp1252` from Windows, `cp437` in old zips, where
            Cyrillic is `cp866`.
    """
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16", "replace"), "utf-16"
    for place, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):  # of letters one byte is 0
        if content[:2].count(0) == 1 and content[place] == 0:
            return content.decode(encoding, "replace"), encoding
    try:
        return content.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError:
        pass
    own = codecs.lookup(locale.getpreferredencoding(False)).name  # which a spreadsheet here writes
    readings = {}
    cyrillic = "cp866" if western == "cp437" else "cp1251"
    for encoding in (own, "cp932", *EAST_ASIAN, cyrillic, western):
        if encoding not in ("utf-8", "ascii"):
            try:
                readings[encoding] = content.decode(encoding)
            except UnicodeDecodeError:
                continue
    if not readings:
        return content.decode(western, "replace"), western
    words = {unicodedata.normalize("NFC", word) for word in known if not word.isascii()}

    def judge(encoding: str) -> tuple[int, bool, float]:
        text = unicodedata.normalize("NFC", readings[encoding])
        return sum(word in text for word in words), encoding == own, _common_share(text, encoding)

    best = max(readings, key=judge)  # of equals the first
    return readings[best], best


def _common_share(text: str, encoding: str) -> float:
    """The share of the signs beyond ASCII, in [0, 1], that are common in texts of this encoding."""
    odd = [i for i, sign in enumerate(text) if not sign.isascii()]
    share = sum(_is_common(text, i, encoding) for i in odd) / len(odd)
    if encoding in EAST_ASIAN and share == 1:
        # in "ni\xa4o" the second byte would be a letter's
        share -= 0.1 * any(text[i - 1 : i].isascii() and text[i - 1 : i].islower() for i in odd)
    if encoding == "cp949":
        # the same bytes are common Chinese, too
        return (
            share + 0.1 if share == 1 and len({text[i] for i in odd}) >= MANY_SIGNS else share - 0.1
        )
    return share


def _is_common(text: str, place: int, encoding: str) -> bool:
    sign = text[place]
    if encoding in EAST_ASIAN:
        # the codec of the first level alone, as gb18030 has every sign
        code = sign.encode("gb2312" if encoding == "gb18030" else encoding, "ignore")
        low, high = EAST_ASIAN[encoding]
        return len(code) == 2 and low <= code[0] <= high
    if encoding == "cp932":
        kana = unicodedata.name(sign, "").startswith(("HIRAGANA", "KATAKANA"))
        return kana or int.from_bytes(sign.encode("cp932")) in SHIFT_JIS_COMMON
    if encoding in ("cp1251", "cp866"):  # a Cyrillic letter among its like
        beside = text[max(0, place - 1) : place] + text[place + 1 : place + 2]
        return sign.isalpha() and not any(c.isascii() and c.isalpha() for c in beside)
    return sign.isalpha() and sign not in "ƒªº"

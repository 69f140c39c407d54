"""Words in scripts where marks, joiners or missing spaces make them hard to find."""

import unicodedata

from aligner.normalise import normalise_verse


def words(text: str, language: str = "eng") -> list[str]:
    return [token.normalised for token in normalise_verse(text, language)]


def written(text: str, language: str = "eng") -> list[str]:
    return [token.written for token in normalise_verse(text, language)]


def test_vowel_signs_and_joiners_belong_to_words():
    assert words("क्षेत्र की सूर्य", "hin") == ["क्षेत्र", "की", "सूर्य"]
    assert words("க்\u200dஷ ক্\u200cষ") == ["க்ஷ", "ক্ষ"]


def test_tatweel_and_harakat_are_written_but_not_normalised():
    text = "كـــتاب مُحَمَّد"
    assert words(text, "ara") == ["كتاب", "محمد"]
    assert written(text, "ara") == text.split()


def test_kashmiri_keeps_the_signs_that_are_its_vowels():
    assert words("گ\u0657ر", "kas") == ["گ\u0657ر"]
    assert words("گ\u0657ر", "urd") == ["گر"]


def test_presentation_forms_are_letters():
    assert words("ﻛﺘﺎﺏ ﷲ", "ara") == ["كتاب", "الله"]


def test_bidi_marks_are_not_part_of_the_written_edges():
    assert written("\u200fسلام\u200f \u202bab\u200ec\u202c", "ara") == [
        "سلام",
        "ab\u200ec",
    ]


def test_armenian_marks_stand_inside_words():
    assert words("ինչո՞ւ։ այո՛", "hye") == ["ինչու", "այո"]


def test_hebrew_acronyms_and_cantillation():
    assert words('צה״ל צה"ל "שלום"', "heb") == ["צהל", "צהל", "שלום"]
    assert words("דָּבָ֖ר", "heb") == [unicodedata.normalize("NFKC", "דָּבָר")]


def test_thai_clusters():
    text = "หมู่บ้านน้ำใจเก่าศาสตร์มากๆ"
    assert written(text, "tha") == [
        "ห", "มู่", "บ้า", "น", "น้ำ", "ใจ", "เก่า", "ศา", "ส", "ตร์", "มา", "กๆ",
    ]  # fmt: skip


def test_lao_khmer_and_burmese_clusters():
    assert written("ເຮືອ", "lao") == ["ເຮື", "ອ"]
    assert written("ខ្មែរភាសា", "khm") == ["ខ្មែ", "រ", "ភា", "សា"]
    assert written("ကျွန်တော်အင်္ဂလိပ်", "mya") == ["ကျွန်", "တော်", "အင်္ဂ", "လိပ်"]


def test_chinese_japanese_and_tibetan_units():
    assert written("船，红色。一二〇", "cmn") == list("船红色一二〇")
    assert not any(t.is_number for t in normalise_verse("一二〇", "cmn"))
    assert written("がっこうへ人々とコーヒー", "jpn") == [
        "が", "っこ", "う", "へ", "人々", "と", "コー", "ヒー",
    ]  # fmt: skip
    assert written("བོད་སྐད།", "bod") == ["བོད", "སྐད"]
    assert written("배가 간다", "kor") == ["배가", "간다"]


def test_scripts_part_where_they_meet():
    assert written("iPhoneを2台") == ["iPhone", "を", "2", "台"]

"""One verse to its words, each tied to the characters that it was written with.

The steps are those of MMS (Pratap et al. 2023, section 3.1): NFKC, lower case, HTML
entities, punctuation. What differs, because text was lost there: every token keeps its
place in the text, numbers of every script stay (as number tokens), and punctuation goes
by Unicode category with the exceptions of rules.py.

- A word runs over letters, marks (vowel signs, accents, viramas) and what stands
  unspoken between them: zero-width marks, soft hyphens, tatweel. Hyphens, dashes,
  spaces and symbols end it. An apostrophe between two letters belongs to it.
- A number runs over decimal digits of any script and the separators between them
  (1,000 and 3.5 and 10:30). Each other numeral (½ Ⅷ ፲) is a number of its own.
- Letters and digits never share a token: "4th" is the number 4 and the word "th",
  "Covid19" the word "covid" and the number 19. A superscript digit right after a letter
  (a tone in some orthographies, a note call in others) stays in the word, unspoken.
- Scripts without spaces get one token per cluster: a Chinese character, a kana with
  its small companions, a Thai or Lao consonant with its vowel signs, a Burmese syllable
  with its final, a Khmer stack. Clusters follow the spelling and are not always
  syllables. A sign that repeats the word before it (ๆ ៗ) joins a cluster, unspoken.
"""

import html
import re
import unicodedata
from dataclasses import dataclass
from html.entities import html5

from aligner.characters import plain_number, role_of, spoken_letters
from aligner.rules import TextRules, rules_for

_ENTITY = re.compile(
    r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
)

# Over roles (characters.py). Possessive, so that no text takes more than linear time.
_WORD = r"L[LMH]*+(?:I*+(?:[QJ]I*+)?+[LMH]++)*+"
_TAIL = r"(?:I*+(?:[eMx]|k(?:I*+c)?+))*+"
_CLUSTER = rf"(?:p*+c|p++|e){_TAIL}(?:I*+c[eM]?+x{_TAIL})*+"
_NUMBER = r"D++(?:[IM]*+[SQ]?+[IM]*+D++)*+|[NH]"
_TOKENS = re.compile(f"(?P<word>{_WORD}|{_CLUSTER})|(?P<number>{_NUMBER})")
_TOKENS_WITH_EDGES = re.compile(
    f"(?P<word>Q?+{_WORD}Q?+|{_CLUSTER})|(?P<number>{_NUMBER})"
)


@dataclass(frozen=True)
class Token:
    """One word or number of a verse; ``text[char_start:char_end] == written``.

    ``normalised`` of a word is lower-case letters, marks and apostrophes; of a number
    ASCII digits and separators.
    """

    written: str
    normalised: str
    char_start: int
    char_end: int
    is_number: bool


def _units(text: str) -> list[tuple[int, int, str]]:
    """Split text into characters and HTML entities: (start, end, decoded)."""
    units = []
    position = 0
    for entity in _ENTITY.finditer(text):
        name = entity[0][1:]
        if not name.startswith("#") and name not in html5:
            continue
        start, end = entity.span()
        units += [(i, i + 1, text[i]) for i in range(position, start)]
        # An entity for a control character decodes to nothing at all.
        units.append((start, end, html.unescape(entity[0]) or " "))
        position = end
    units += [(i, i + 1, text[i]) for i in range(position, len(text))]
    return units


def _lower(word: str, rules: TextRules) -> str:
    """Lower-case a whole word (final sigma needs its neighbours)."""
    word = unicodedata.normalize("NFC", word)
    if rules.dotted_i:
        word = word.replace("İ", "i").replace("I", "ı")
    return unicodedata.normalize("NFKC", word.lower())


def normalise_verse(text: str, language: str) -> tuple[Token, ...]:
    """Return the words and numbers of a verse, in order.

    Spans are ordered and disjoint, and every letter and digit of the text lies in one;
    the exceptions are the names of HTML entities and characters that are only a mark
    (tatweel alone, isolated harakat).

    Args:
      text: the verse as written.
      language: ISO 639-3 code, optionally with a script (``kaz-Latn``).
    """
    rules = rules_for(language)
    units = _units(text)
    roles = "".join(role_of(decoded, rules) for _, _, decoded in units)
    pattern = _TOKENS_WITH_EDGES if rules.edge_apostrophes else _TOKENS
    tokens = []
    for match in pattern.finditer(roles):
        first, last = match.start(), match.end()
        parts = [decoded for _, _, decoded in units[first:last]]
        is_number = match.lastgroup == "number"
        if is_number:
            normalised = "".join(map(plain_number, parts))
        else:
            letters = "".join(spoken_letters(part, rules) for part in parts)
            normalised = _lower(letters, rules)
        start, end = units[first][0], units[last - 1][1]
        written = text[start:end]
        tokens.append(Token(written, normalised, start, end, is_number))
    return tuple(tokens)

import re
import shutil
from html.parser import HTMLParser

import fsspec
import pytest

from pipelines.report.make import ReportOptions, make_report
from schemas.errors import ArtifactError, ConfigError
from tests.pipelines.corpora import contents
from tests.pipelines.report.built import HOSTILE, TEXTS, build_corpus, describe


class Elements(HTMLParser):
    """Counts elements and gathers their texts and addresses."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self.addresses = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.addresses += [v for k, v in attributes if k in ("src", "href")]
        assert not any(name.startswith("on") for name, _ in attributes)

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build_corpus(tmp_path_factory.mktemp("make") / "c")


@pytest.fixture(scope="module")
def made(built):
    return make_report(str(built), ReportOptions(examples=4, listed=5))


def page(root, name):
    return (root / "report" / name).read_text(encoding="utf-8")


def test_every_language_has_a_page_and_every_address_a_file(built, made):
    folder = built / "report"
    assert made.languages == 3
    names = ["index.html", *(f"language/{n}.html" for n in ("arb", "swh", "unknown"))]
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.html")) == (
        sorted(names)
    )
    used = set()
    for name in names:
        for address in Elements(page(built, name)).addresses:
            if address == "data:,":
                continue
            # Nothing from outside of the folder.
            assert re.fullmatch(r"(\.\./)?[\w./-]+|#[\w-]+", address), address
            if not address.startswith("#"):
                target = (folder / name).parent / address
                assert target.resolve().is_relative_to(folder.resolve())
                assert target.is_file(), address
                used.add(target.resolve())
    unused = {p.resolve() for p in folder.rglob("*") if p.is_file()} - used
    assert {p.parent.name for p in unused if p.name != "index.html"} == {"data"}
    sizes = [path.stat().st_size for path in folder.rglob("*") if path.is_file()]
    assert sum(sizes) == made.total_bytes
    assert (made.silent, made.left_out) == (0, 0)


def test_text_of_the_corpus_is_text(built, made):
    found = Elements(page(built, "language/swh.html"))
    assert "img" not in found.tags
    assert found.tags.count("script") == 1
    # Should anything get through, it would not run.
    assert "content=\"default-src 'none'; script-src 'self'" in page(
        built, "index.html"
    )
    texts = "".join(found.texts)
    assert f"{HOSTILE} 0" in texts  # a reject's message
    assert HOSTILE in texts.replace(f"{HOSTILE} ", "")  # an event's, a segment's
    assert "built <b>" in texts
    assert "b" not in Elements(page(built, "index.html")).tags[:12]


def test_the_same_corpus_gives_the_same_bytes(built, made, tmp_path):
    twin = tmp_path / "elsewhere"
    shutil.copytree(built, twin, ignore=shutil.ignore_patterns("report"))
    make_report(str(twin), ReportOptions(examples=4, listed=5))
    assert contents(twin / "report") == contents(built / "report")


def test_each_kind_of_segments_is_shown(built, made):
    text = page(built, "language/arb.html")
    titles = re.findall(r'<h2 id="(\w+)">', text)
    assert titles[-4:] == ["worst", "borderline", "random", "unlabeled"]
    assert text.count("<article") == text.count("<audio") == 16
    assert 'dir="auto"' in text
    assert "rejected by default: score_below_threshold" in text
    assert TEXTS["arb"].split()[0] in text


def test_decoys_are_drawn_where_a_calibration_left_some(built, tmp_path):
    root = tmp_path / "c"
    shutil.copytree(built, root, ignore=shutil.ignore_patterns("report", "shards"))
    (root / "calibration").mkdir()
    (root / "calibration/swh.json").write_text(
        '{"decoy_scores_histogram": {"edges": [-3, -2, -1], "counts": [5, 2]}}'
    )
    report = make_report(str(root), ReportOptions(examples=2))
    assert page(root, "language/swh.html").count('class="decoys"') == 1
    assert 'class="decoys"' not in page(root, "language/arb.html")
    # The shards are gone: everything is there but sound.
    assert report.silent == 16
    assert report.clips_bytes == 0
    assert "no shard has them" in page(root, "index.html")


def test_sound_is_left_out_beyond_a_size_the_same_for_each_language(built, tmp_path):
    root = tmp_path / "c"
    shutil.copytree(built, root, ignore=shutil.ignore_patterns("report"))
    report = make_report(str(root), ReportOptions(examples=4, max_audio_mb=0.06))
    assert 0 < report.clips_bytes <= 60_000
    assert report.left_out > 0
    shown = [page(root, f"language/{n}.html").count("<audio") for n in ("arb", "swh")]
    assert min(shown) > 0
    assert "--max-audio-mb" in page(root, "index.html")


def test_only_unlabeled_recordings(tmp_path):
    root = build_corpus(tmp_path / "c", labeled=False, selection=False)
    make_report(str(root), ReportOptions(examples=3))
    text = page(root, "language/swh.html")
    assert re.findall(r'<h2 id="(\w+)">', text)[-1] == "unlabeled"
    assert text.count("<audio") == 3
    assert 'id="threshold"' not in page(root, "index.html")


def test_without_selections(tmp_path):
    root = build_corpus(tmp_path / "c", selection=False, sound=False)
    make_report(str(root), ReportOptions(examples=3))
    text = page(root, "language/swh.html")
    assert "No selection was made" in text
    assert "Selections" not in text


def test_nothing_but_rejects_and_nothing_at_all(tmp_path):
    root = build_corpus(tmp_path / "c", labeled=False, unlabeled=False, selection=False)
    make_report(str(root), ReportOptions())
    assert "There are no segments." in page(root, "language/swh.html")
    assert "source_missing" in page(root, "language/swh.html")
    describe(tmp_path / "empty")
    assert make_report(str(tmp_path / "empty"), ReportOptions()).languages == 0
    assert "no row" in page(tmp_path / "empty", "index.html")


def test_a_finished_run(finished, tmp_path):
    root = tmp_path / "c"
    shutil.copytree(finished, root, ignore=shutil.ignore_patterns("store"))
    report = make_report(str(root), ReportOptions(examples=2))
    assert (report.languages, report.silent) == (2, 0)
    assert page(root, "language/rus.html").count("<audio") >= 2


def test_a_corpus_in_a_bucket(built):
    filesystem = fsspec.filesystem("memory")
    root = "memory://reported/corpus"
    filesystem.put(f"{built}/", "/reported/corpus/", recursive=True)
    report = make_report(root, ReportOptions(examples=1))
    assert report.uri == f"{root}/report/index.html"
    assert filesystem.exists("/reported/corpus/report/index.html")
    assert report.silent == 0


def test_what_cannot_be_reported(tmp_path):
    with pytest.raises(ArtifactError, match=r"corpus\.json: expected a finished run"):
        make_report(str(tmp_path), ReportOptions())
    (tmp_path / "corpus.json").write_text("{")
    with pytest.raises(ArtifactError, match="expected JSON"):
        make_report(str(tmp_path), ReportOptions())
    with pytest.raises(ConfigError, match="examples: expected 0 or more, got -1"):
        ReportOptions(examples=-1)


def test_the_command(built, command, tmp_path):
    root = tmp_path / "corpus"
    shutil.copytree(built, root, ignore=shutil.ignore_patterns("report"))
    toml = tmp_path / "corpus.toml"
    toml.write_text('[corpus]\nname = "t"\nmanifest = "m.csv"\noutput = "corpus"\n')
    done = command("report", toml, "--examples", 1)
    assert done.status == 0, done.err
    assert "3 languages" in done.out
    assert str(root / "report/index.html") in done.out.replace("\n", "")
    done = command("report", toml, "--json", "--examples", 1, "--max-audio-mb", 0)
    assert '"clips_bytes": 0' in done.out
    assert command("report", tmp_path / "none.toml").status == 2

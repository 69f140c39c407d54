"""A source that changes under its address, from one run to the next."""

from pipelines.tables import read_alignments
from tests.pipelines.corpora import contents, run_plainly, states, write_corpus

NAME = "swh-mrk-001"


def test_what_has_changed_is_done_again_if_it_is_asked_for(server, speech, tmp_path):
    files = {"/a.mp3": speech.audio(NAME), "/a.txt": speech.text(NAME)}
    content = {path: file.read_bytes() for path, file in files.items()}

    def answer(handler):
        body = content[handler.path]
        etag = f'"{hash(body)}"'
        if handler.headers.get("If-None-Match") == etag:
            handler.send(304, {"ETag": etag})
        else:
            handler.send(200, {"Content-Length": str(len(body)), "ETag": etag}, body)

    server.serve = lambda: answer
    row = speech.row(NAME)
    row.update(audio=server.url("/a.mp3"), text=server.url("/a.txt"))
    toml = write_corpus(tmp_path, speech, [row])
    corpus = tmp_path / "corpus"
    assert run_plainly(toml) == 0
    first = contents(corpus)
    words = content["/a.txt"].split()
    content["/a.txt"] = content["/a.txt"].replace(words[-1], b"kabisa")

    assert run_plainly(toml) == 0
    assert len(server.requests) == 2
    assert contents(corpus) == first

    toml.write_text(toml.read_text() + "[fetch]\ncheck_again = true\n")
    audio_before = {path: state for path, state in states(corpus).items()
                    if path.endswith(".bin")}  # fmt: skip
    assert run_plainly(toml) == 0
    asked = [
        (path, "If-None-Match" in headers) for path, headers in server.requests[2:]
    ]
    # What has changed is asked for twice: whether, and then for its bytes.
    assert asked == [("/a.mp3", True), ("/a.txt", True), ("/a.txt", False)]
    assert audio_before.items() <= states(corpus).items()
    texts = [row.verse.text for row in read_alignments(str(corpus))]
    assert texts[-1].split()[-1] == "kabisa"

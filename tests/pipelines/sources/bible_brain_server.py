"""A real HTTP server on loopback that answers like Bible Brain, faults included.

It knows one key, pages its lists, signs the addresses of files anew in each answer, and
lets a test put faults before the answers to any path.
"""

import http.server
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

KEY = "0a1b2c3d-test-key-4e5f"


@dataclass(frozen=True)
class Book:
    """A book: its code, name and chapters, each with the bytes of its audio."""

    book_id: str
    chapters: Mapping[int, bytes]


@dataclass
class Bible:
    """One Bible with filesets of any kind; texts by fileset, then by book."""

    abbr: str
    iso: str
    filesets: list[dict[str, str]]
    books: list[Book]
    usx: dict[str, dict[str, bytes]] = field(default_factory=dict)
    plain: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    copyrights: dict[str, str] = field(default_factory=dict)
    timestamps: dict[tuple[str, str, int], list[tuple[str, float]]] = field(
        default_factory=dict
    )
    downloadable: bool = True
    parts: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


Fault = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers one question; faults of its path come first."""

    protocol_version = "HTTP/1.1"
    server: "BibleBrainServer"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        path = parts.path
        with self.server.lock:
            self.server.asked.append((path, query))
            faults = self.server.faults.get(path, [])
            fault = faults.pop(0) if faults else None
        if fault is not None:
            fault(self)
        elif path.startswith("/api/"):
            self.answer(path.removeprefix("/api/").split("/"), query)
        else:
            self.file(path, query)

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def json(self, document: Any, status: int = 200, **headers: str) -> None:
        self.send(status, json.dumps(document).encode(), **headers)

    def error(self, status: int, message: str, **headers: str) -> None:
        document = {"error": {"message": message, "status_code": status}}
        self.json(document, status, **headers)

    def answer(self, path: list[str], query: dict[str, str]) -> None:
        server = self.server
        if query.get("key") != KEY or query.get("v") != "4":
            self.error(401, f"You need a valid key, {query.get('key')} is none")
            return
        match path:
            case ["bibles"]:
                code = query.get("language_code")
                found = [b for b in server.bibles if code in (None, b.iso)]
                self.page([server.summary(b) for b in found], query)
            case ["download", "list"]:
                self.page(server.downloads(), query)
            case ["bibles", abbr, "copyright"]:
                self.json(server.copyright(server.bible(abbr)))
            case ["bibles", "filesets", fileset, book, chapter]:
                self.chapter(fileset, book, int(chapter), query)
            case ["bibles", abbr] if server.bible(abbr) is not None:
                self.json({"data": server.details(server.bible(abbr))})
            case ["download", fileset]:
                self.download(fileset, query)
            case ["timestamps"]:
                self.json([{"fileset_id": name} for name in server.timed()])
            case ["timestamps", fileset, book, chapter]:
                self.times(fileset, book, int(chapter))
            case _:
                self.error(404, "There is no such thing")

    def page(self, items: list[Any], query: dict[str, str]) -> None:
        size = min(int(query.get("limit", 25)), self.server.page_items)
        page = int(query.get("page", 1))
        pages = max(1, -(-len(items) // size))
        pagination = {"total": len(items), "current_page": page, "total_pages": pages}
        part = items[(page - 1) * size : page * size]
        self.json({"data": part, "meta": {"pagination": pagination}})

    def download(self, fileset: str, query: dict[str, str]) -> None:
        bible = self.server.bible_of(fileset)
        if bible is None:
            self.error(404, "No fileset")
        elif not bible.downloadable:
            self.error(403, "You do not have bulk access to this fileset")
        else:
            self.page(self.server.files(bible, fileset), query)

    def chapter(
        self, fileset: str, book: str, chapter: int, query: dict[str, str]
    ) -> None:
        bible = self.server.bible_of(fileset)
        if bible is None:
            self.error(404, "No fileset")
            return
        if fileset in bible.usx:
            files = self.server.usx_files(bible, fileset)
            if book == "ALL":
                self.page(files, query)
                return
            found = [file for file in files if file["book_id"] == book]
        elif fileset in bible.plain:
            verses = bible.plain[fileset]
            found = [
                v for v in verses if (v["book_id"], v["chapter"]) == (book, chapter)
            ]
        else:
            found = [
                file
                for file in self.server.files(bible, fileset)
                if (file["book_id"], file["chapter_start"]) == (book, chapter)
            ]
        if found:
            self.json({"data": found, "meta": {}})
        else:
            self.error(404, "No Fileset Chapters Found for the provided params")

    def times(self, fileset: str, book: str, chapter: int) -> None:
        bible = self.server.bible_of(fileset)
        rows = bible.timestamps.get((fileset, book, chapter), []) if bible else []
        self.json(
            {
                "data": [
                    {
                        "book": book,
                        "chapter": str(chapter),
                        "verse_start": verse,
                        "timestamp": start_sec,
                    }
                    for verse, start_sec in rows
                ]
            }
        )

    def file(self, path: str, query: dict[str, str]) -> None:
        """Send a file, or its rest if that is asked for, while its signature holds."""
        content = self.server.content.get(path)
        if content is None:
            self.send(404, b"")
        elif int(query.get("Signature", "0")) <= self.server.expired:
            self.send(403, b"")
        else:
            start = 0
            asked = self.headers.get("Range", "")
            if asked.startswith("bytes=") and self.headers.get("If-Range") == '"v1"':
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            whole = len(content)
            headers = {"ETag": '"v1"'}
            if start:
                headers["Content_Range"] = f"bytes {start}-{whole - 1}/{whole}"
            self.send(206 if start else 200, content[start:], **headers)


class BibleBrainServer(http.server.ThreadingHTTPServer):
    """The server; see the fixture ``bible_brain``."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bibles: list[Bible] = []
        self.content: dict[str, bytes] = {}
        self.faults: dict[str, list[Fault]] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.lock = threading.Lock()
        self.page_items = 2
        self.signed = 0
        self.expired = 0
        self.stopping = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/api"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are what is tested here."""

    def paths(self, start: str = "/") -> list[str]:
        return [path for path, _ in self.asked if path.startswith(start)]

    def signed_address(self, path: str, content: bytes) -> str:
        self.content[path] = content
        with self.lock:
            self.signed += 1
        query = f"Expires=1&Signature={self.signed}&Key-Pair-Id=APK"
        return f"http://127.0.0.1:{self.server_port}{path}?{query}"

    def bible(self, abbr: str) -> Bible | None:
        return next((b for b in self.bibles if b.abbr == abbr), None)

    def bible_of(self, fileset: str) -> Bible | None:
        return next(
            (b for b in self.bibles if any(f["id"] == fileset for f in b.filesets)),
            None,
        )

    def summary(self, bible: Bible) -> dict[str, Any]:
        return {
            "abbr": bible.abbr,
            "name": f"The {bible.abbr}",
            "iso": bible.iso,
            "filesets": {"dbp-prod": bible.filesets},
        }

    def details(self, bible: Bible) -> dict[str, Any]:
        books = [
            {"book_id": book.book_id, "chapters": list(book.chapters)}
            for book in bible.books
        ]
        return {**self.summary(bible), "alphabet": {"script": "Latn"}, "books": books}

    def downloads(self) -> list[dict[str, str]]:
        return [
            {"type": f["type"], "language": b.iso, "fileset_id": f["id"]}
            for b in self.bibles
            if b.downloadable
            for f in b.filesets
            if f["type"].startswith("audio")
        ]

    def copyright(self, bible: Bible | None) -> list[dict[str, Any]]:
        assert bible is not None
        return [
            {"id": fileset, "copyright": {"copyright": words, "open_access": 1}}
            for fileset, words in bible.copyrights.items()
        ]

    def timed(self) -> list[str]:
        return sorted({key[0] for b in self.bibles for key in b.timestamps})

    def files(self, bible: Bible, fileset: str) -> list[dict[str, Any]]:
        if fileset in bible.parts:
            return [
                {**part, "path": self.signed_address(part["path"], part["bytes"])}
                | {"bytes": None}
                for part in bible.parts[fileset]
            ]
        return [
            {
                "book_id": book.book_id,
                "book_name": book.book_id.title(),
                "chapter_start": chapter,
                "chapter_end": None,
                "verse_start": 1,
                "verse_end": None,
                "path": self.signed_address(
                    f"/audio/{fileset}/{fileset}_{book.book_id}_{chapter:03d}.mp3",
                    audio,
                ),
                "duration": 20.5,
                "filesize_in_bytes": len(audio),
            }
            for book in bible.books
            for chapter, audio in book.chapters.items()
        ]

    def usx_files(self, bible: Bible, fileset: str) -> list[dict[str, Any]]:
        return [
            {
                "book_id": book,
                "chapter_start": 1,
                "path": self.signed_address(f"/text/{fileset}/{book}.usx", usx),
                "filesize_in_bytes": len(usx),
            }
            for book, usx in bible.usx[fileset].items()
        ]


def answer_with(status: int, message: str = "No", **headers: str) -> Fault:
    """Answer with an error as the server words it."""
    return lambda handler: handler.error(status, message, **headers)


def broken_json(handler: Handler) -> None:
    """Break off in the middle of an answer that was announced to be whole."""
    handler.send(200, b'{"data": [{"book_id": "MA')


def truncated(handler: Handler) -> None:
    """Promise more bytes than come."""
    handler.send(200, b'{"data": [', Content_Length="5000")
    handler.close_connection = True


def stalled(handler: Handler) -> None:
    """Begin an answer and fall silent."""
    handler.send(200, b'{"data"', Content_Length="5000")
    handler.server.stopping.wait()


def dripping(handler: Handler) -> None:
    """Send an answer byte by byte, never silent for long and never done."""
    handler.send(200, b"", Content_Length="50000")
    while not handler.server.stopping.wait(0.01):
        handler.wfile.write(b" ")
        handler.wfile.flush()

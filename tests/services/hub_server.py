"""A Hub on this machine: repositories as folders, read in ranges as the real one allows."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PATH = re.compile(r"/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)")


@dataclass
class Hub:
    """What is there, what was asked of it, and how it answers."""

    folder: Path  # of repositories, as org--name
    sent: dict[str, int] = field(default_factory=dict)  # bytes of each file
    tokens: set[str] = field(default_factory=set)
    refusal: tuple[int, str] | None = None  # status and code for everything
    ranges: bool = True  # False: it sends whole files, whatever is asked
    stalls: bool = False  # it accepts, and says nothing until it is let go
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""


@contextmanager
def serving(folder: Path) -> Iterator[Hub]:
    """Serve until the block ends."""
    hub = Hub(folder)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            hub.tokens.add(self.headers.get("Authorization", ""))
            if hub.stalls:
                hub.release.wait(60)
                return
            with suppress(OSError):  # the client may have seen enough
                self._answer()

        def _answer(self) -> None:
            found = _PATH.fullmatch(self.path)
            if hub.refusal is not None:
                self._refuse(*hub.refusal)
                return
            assert found is not None
            repository = hub.folder / found["repository"].replace("/", "--")
            if not repository.is_dir():
                self._refuse(401, "RepoNotFound")
            elif found["revision"] != "main":
                self._refuse(404, "RevisionNotFound")
            elif not (repository / found["name"]).is_file():
                self._refuse(404, "EntryNotFound")
            else:
                self._send(found["name"], repository / found["name"])

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, name: str, path: Path) -> None:
            size = path.stat().st_size
            asked = re.fullmatch(r"bytes=0-(\d+)", self.headers.get("Range", ""))
            length = min(size, int(asked[1]) + 1) if asked and hub.ranges else size
            self.send_response(206 if asked and hub.ranges else 200)
            self.send_header("Content-Length", str(length))
            self.end_headers()
            with path.open("rb") as file:
                while length > 0 and (data := file.read(min(length, 2**16))):
                    self.wfile.write(data)
                    length -= len(data)
                    hub.sent[name] = hub.sent.get(name, 0) + len(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.release.set()
        server.shutdown()
        server.server_close()
        thread.join(10)

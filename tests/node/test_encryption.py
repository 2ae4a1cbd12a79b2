"""A node over TLS: it trusts what the machine trusts, and nobody else."""

from __future__ import annotations

import contextlib
import shutil
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from desk import Desk, Emulated, configuration

Venues = Callable[..., list[Emulated]]


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost that vouches for itself, and its key."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = folder / "cert.pem", folder / "key.pem"
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    make += ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    subprocess.run([*make, "-keyout", str(key), "-out", str(cert)], check=True, capture_output=True)
    return cert, key


def pump(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while part := one.recv(65536):
            other.sendall(part)
    for end in (one, other):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def encrypted(target: tuple[str, int], cert: Path, key: Path) -> Iterator[int]:
    """A port that speaks TLS and hands on to `target`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    plain, _ = server.accept()
                    threading.Thread(target=hand_on, args=(plain,), daemon=True).start()

        def hand_on(plain: socket.socket) -> None:
            with contextlib.suppress(OSError):
                inner = context.wrap_socket(plain, server_side=True)
                outer = socket.create_connection(target)
                threading.Thread(target=pump, args=(inner, outer), daemon=True).start()
                pump(outer, inner)

        threading.Thread(target=serve, daemon=True).start()
        yield server.getsockname()[1]


def test_a_node_trades_over_tls_with_those_it_trusts(desk: Desk, venues: Venues) -> None:
    (venue,) = venues("binance")
    cert, key = certificate(desk.folder)
    host, port = venue.http.removeprefix("http://").split(":")
    with encrypted((host, int(port)), cert, key) as secure:
        text = configuration([venue]).replace(venue.http, f"https://localhost:{secure}")
        (desk.folder / "node.toml").write_text(text.replace(venue.ws, f"wss://localhost:{secure}"))
        desk.environment = {"SSL_CERT_FILE": str(cert)}
        node = desk.start("paper", "--config", "node.toml", "--log-json")
        desk.until(lambda: desk.log().count("link-up") >= 1, "its link is up")
        node.send_signal(signal.SIGTERM)
        assert node.wait(timeout=30) == 0
        (desk.folder / "empty.pem").write_text("")
        desk.environment = {"SSL_CERT_FILE": str(desk.folder / "empty.pem")}
        done = desk.run("paper", "--config", "node.toml")
        assert done.returncode == 6, done.stderr
        assert "certificate" in done.stderr

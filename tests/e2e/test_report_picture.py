"""The report as a browser shows it: a picture that is not blank, and a script that the page's policy lets run."""

from __future__ import annotations

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest

from qke_sim.report.analysis import analyse
from qke_sim.report.html import NAV, render_report
from qke_sim.report.summary import summarise
from qke_sim.scenario import load_story, run_story

STORY = Path(__file__).parents[2] / "scenarios" / "upgrade-single-master.yaml"


@pytest.fixture(scope="module")
def chromium() -> str:
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None:
        pytest.skip("chromium is not installed")
    return found


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    result = run_story(load_story(STORY))
    analysis = analyse(result.records, result.ended_ms)
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render_report(summarise(result, analysis, "0.1.0"), analysis), encoding="utf-8")
    return path


def browse(chromium: str, page: Path, home: Path, *options: str) -> str:
    """Open the page in a browser that has no network to speak of; return what it prints."""
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    command = [chromium, *fixed, f"--user-data-dir={home}", "--proxy-server=127.0.0.1:9", *options, page.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout


def read_png(data: bytes) -> list[bytes]:
    """Return the rows of an RGB or RGBA picture with 8 bits per channel, as 3 bytes per pixel."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    place, packed = 8, b""
    width = depth = colour = 0
    while place < len(data):
        length, name = struct.unpack(">I4s", data[place : place + 8])
        body = data[place + 8 : place + 8 + length]
        if name == b"IHDR":
            width, _, depth, colour = struct.unpack(">IIBB", body[:10])
        elif name == b"IDAT":
            packed += body
        place += length + 12
    assert depth == 8
    size = {2: 3, 6: 4}[colour]
    raw, stride = zlib.decompress(packed), width * size
    rows: list[bytes] = []
    before = bytes(stride)
    for start in range(0, len(raw), stride + 1):
        before = unfilter(raw[start], raw[start + 1 : start + 1 + stride], before, size)
        rows.append(before if size == 3 else b"".join(before[n : n + 3] for n in range(0, stride, size)))
    return rows


def unfilter(kind: int, row: bytes, above: bytes, size: int) -> bytes:
    """Undo the filter of one row: none, left, up, mean or Paeth (PNG specification, 9.2)."""
    if kind == 0:
        return row
    found = bytearray(size) + row  # A black pixel before the first.
    above = bytes(size) + above
    for n in range(size, len(found)):
        left, up, corner = found[n - size], above[n], above[n - size]
        if kind == 4:
            guess = left + up - corner
            add = min((left, up, corner), key=lambda value: abs(guess - value))
        else:
            add = (0, left, up, (left + up) // 2)[kind]
        found[n] = (found[n] + add) & 0xFF
    return bytes(found[size:])


def test_the_picture_is_not_blank(chromium: str, page: Path, tmp_path: Path):
    picture = tmp_path / "report.png"
    browse(chromium, page, tmp_path / "home", f"--screenshot={picture}", "--window-size=640,2400", "--hide-scrollbars")
    rows = read_png(picture.read_bytes())
    pixels = {row[n : n + 3] for row in rows for n in range(0, len(row), 3)}
    assert len(rows) == 2400  # How far down a part lies depends on the machine's fonts.
    assert rows[0][:3] == bytes.fromhex("fdfdfc")  # The page
    assert bytes.fromhex("eaf6ee") in pixels  # All expectations held
    assert bytes.fromhex("d9e7fa") in pixels  # The bar of a phase
    assert len(pixels) > 50


def test_the_browser_finds_every_section_and_runs_the_script(chromium: str, page: Path, tmp_path: Path):
    dom = browse(chromium, page, tmp_path / "home", "--dump-dom")
    for name, title in NAV:
        assert f'<h2 id="{name}">{title}</h2>' in dom
    assert dom.count('class="hair"') == 3  # One per axis. The policy names the script by its hash.


def test_no_text_is_wider_than_a_narrow_page(chromium: str, page: Path, tmp_path: Path):
    probe = tmp_path / "probe.html"
    # A window has at least 500 pixels, which is as narrow for the style sheet; the page's own width is set.
    ask = (
        "onload = () => { document.body.style.width = '360px'; document.title = `wide ${document.body.scrollWidth}`; };"
    )
    text = page.read_text(encoding="utf-8").replace("Content-Security-Policy", "X-None")
    text = text.replace("<details>", '<details open="">').replace("</body>", f"<script>{ask}</script></body>")
    probe.write_text(text, encoding="utf-8")
    dom = browse(chromium, probe, tmp_path / "home", "--window-size=500,800", "--hide-scrollbars", "--dump-dom")
    assert dom.partition("<title>wide ")[2].partition("<")[0] == "360"

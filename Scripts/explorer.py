"""Visits `switchback explore` with a browser: every journey of a visitor, on every run that is given.

Usage: explorer.py SWITCHBACK NAME=RUN [NAME=RUN ...] [--only PART OF A JOURNEY'S NAME]

RUN is a finished run of `features`, or a folder that holds such runs and others beside them; notes and
answers are written into it. Prints a line for each journey, `ok JOURNEY (NAME): figure`, `skipped` or
`FAILED` with the reason. In no journey may a page log an error, break the Content Security Policy, ask anyone
but this machine, or be refused, unless the journey is about that. Exits with 1 where a journey failed.
"""

import argparse
import array
import html
import http.client
import json
import pathlib
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import urllib.parse
from collections.abc import Callable
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import (
    Browser, BrowserContext, ConsoleMessage, FilePayload, Page, Request, Response, WebError, sync_playwright)

LIMIT = 1e-4
WAIT = 60_000
LOOPBACK = {"127.0.0.1", "localhost", "[::1]", "::1"}
CHROMIUM = "/usr/bin/chromium"
NARROW = {"width": 375, "height": 812}
# What the first page may take. Times are said and never judged: machines differ.
BUDGETS = {"home kB": 600, "home requests": 20}
# True once every picture in sight is there.
SHOWN = """() => [...document.images].filter(image => {
  const box = image.getBoundingClientRect();
  return image.getAttribute('src') && box.width && box.top < innerHeight && box.bottom > 0;
}).every(image => image.complete && image.naturalWidth)"""
# Drops or pastes a picture that the explorer serves.
GIVEN = """async kind => {
  const bytes = await (await fetch('images/0.webp')).blob(), data = new DataTransfer();
  data.items.add(new File([bytes], 'picture.webp', {type: 'image/webp'}));
  document.dispatchEvent(kind === 'drop'
    ? new DragEvent('drop', {dataTransfer: data, cancelable: true})
    : new ClipboardEvent('paste', {clipboardData: data}));
}"""
# True once the live page says something that is not said where all goes well.
COMPLAINT = "() => !/^(|Done.|Computing…)$/.test(document.querySelector('#said').textContent)"
SHOWN_CARDS = "cards => cards.map(card => card.id)"
# What reaches beyond the right edge of the window, but for what lies in a box that scrolls by itself.
BEYOND = """() => [...document.body.querySelectorAll('*')].filter(e => {
  for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
    if (getComputedStyle(p).overflowX !== 'visible') return false;
  return e.getBoundingClientRect().right > innerWidth + 1;
}).slice(0, 3).map(e =>
  `${e.tagName.toLowerCase()}${e.id ? '#' + e.id : ''} to ${Math.round(e.getBoundingClientRect().right)}`)"""
MOVING = """() => [...document.querySelectorAll('*')].filter(e => {
  const style = getComputedStyle(e);
  return style.animationName !== 'none'
    || style.transitionDuration.split(', ').some(time => parseFloat(time) > 0);
}).length"""


# What a page shows at an epoch: the frames that are chosen, the enlarged one, the slider and the address.
MOMENT = """() => {
  const svg = document.querySelector('#still svg'), range = document.querySelector('#slider input');
  return {
    now: [...document.querySelectorAll('.film .now')].map(figure => figure.id),
    still: svg && ['width', 'height', 'viewBox'].map(name => svg.getAttribute(name)),
    picture: svg && new URL(svg.querySelector('image').getAttribute('href'), location.href).pathname,
    slider: range.value, says: range.getAttribute('aria-valuetext'), query: location.search,
  };
}"""
SOURCES = "images => images.map(image => image.src)"
SIZES = "images => images.map(image => image.naturalWidth)"
FOCUSED = "[document.activeElement.tagName, document.activeElement.getAttribute('name') || '']"


class Failure(Exception):
    """Why a journey failed."""


class Skipped(Exception):
    """Why a journey has nothing to show on a run."""


def need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise Failure(otherwise)


def switchback(tool: str, *arguments: str) -> None:
    result = subprocess.run([tool, *arguments, "--quiet"], capture_output=True, text=True)
    said = f"switchback {arguments[0]} exits with {result.returncode}: {result.stderr.strip()}"
    need(result.returncode == 0, said)


def refusal(tool: str, *arguments: str) -> str:
    """The sentence in which a command is refused, which says what to do instead."""
    result = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60)
    said = result.stderr.strip()
    what = f"switchback {' '.join(arguments)} exits with {result.returncode} and says '{said}'"
    need(result.returncode not in (0, 1) and result.returncode > 0, what)
    # What is wrong with the words of a command is followed by its usage.
    first = said.split("\n")[0]
    need(re.fullmatch(r"error: .+\.", first) is not None and "switchback " in first, what)
    return first


def tensor(data: bytes) -> tuple[list[int], array.array]:
    """Shape and values of the array `projection` of a safetensors file."""
    (length,) = struct.unpack_from("<Q", data)
    entry = json.loads(data[8:8 + length])["projection"]
    need(entry["dtype"] == "F32", f"the projection is of {entry['dtype']}")
    start, end = entry["data_offsets"]
    values = array.array("f")
    values.frombytes(data[8 + length + start:8 + length + end])
    return entry["shape"], values


def named(picture: bytes) -> FilePayload:
    """A file as it is chosen."""
    return {"name": "picture.webp", "mimeType": "image/webp", "buffer": picture}


class Server:
    """`switchback explore`, serving: a run, a folder of runs, or a model and images."""

    def __init__(self, tool: str, *what: str, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [tool, "explore", *what, "--no-open", "--json", "--port", str(port)], stdout=subprocess.PIPE,
            text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        need(bool(line), f"switchback explore {' '.join(what)} does not serve")
        self.address: str = json.loads(line)["url"]
        self.base, self.token = self.address.split("?token=")
        self.port = urllib.parse.urlsplit(self.base).port or 80

    def json(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{path}?token={self.token}")
        return json.loads(connection.getresponse().read())

    def text(self, path: str) -> str:
        """A page, as someone is sent it who was let in."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/?token={self.token}")
        answer = connection.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
        answer.read()
        connection.request("GET", f"/{path}", headers={"Cookie": cookie})
        return connection.getresponse().read().decode()

    def interrupt(self) -> int:
        """Ends it as Ctrl-C does; its exit code."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Site:
    """A run that is served, or a folder with runs, and what is known of it."""

    def __init__(self, tool: str, name: str, run: str, folder: pathlib.Path) -> None:
        self.tool, self.name, self.run = tool, name, run
        self.folder = folder / name
        self.folder.mkdir()
        self.server = Server(tool, run)
        self.facts = self.server.json("api/run.json")
        self.layers: list[dict[str, Any]] = self.facts["layers"]
        self.last = self.layers[-1]
        self.units: list[dict[str, Any]] = self.server.json(f"api/layers/{self.quoted}.json")["units"]
        active = [unit["unit"] for unit in self.units if unit["strongest"] > 0]
        # The first of three units in a row that are active, so that each has something to show.
        self.unit = next(unit for unit in active if {unit + 1, unit + 2} <= set(active))
        top = self.server.json(f"api/layers/{self.quoted}/units/{self.unit}.json")["top"]
        self.class_name: str | None = top[0].get("label")
        home = self.server.text("index.html")
        # Pages of other studies, names of other runs of `features`, and epochs: a single run has none.
        self.studies = [html.unescape(path) for path in re.findall(r'href="(runs/[^"]+)"', home)]
        self.others = [html.unescape(name) for name in re.findall(r'href="with/([^"/]+)/index', home)]
        listed = re.search(r'data-epochs="([^"]*)"', self.server.text(self.unit_page(self.unit)))
        self.epochs = listed[1].split() if listed else []

    @property
    def stem(self) -> str:
        return self.last["stem"]

    @property
    def quoted(self) -> str:
        return urllib.parse.quote(self.stem, safe="")

    @property
    def ranked(self) -> list[str]:
        """The last layer's units by their largest activation, as a page names them."""
        units = sorted(self.units, key=lambda unit: (-unit["strongest"], unit["unit"]))
        return [f"u{unit['unit']}" for unit in units]

    def unit_page(self, unit: int, rule: str = "") -> str:
        return f"units/{self.quoted}/{unit}{rule and '.' + rule}.html"

    @property
    def layer_page(self) -> str:
        return f"layers/{self.quoted}.html"

    @property
    def pages(self) -> dict[str, str]:
        """A page of every kind, by its name."""
        one, other = f"{self.stem}:{self.unit}", f"{self.stem}:{self.unit + 1}"
        asked = urllib.parse.urlencode({"q": self.class_name or self.last["layer"]})
        layers = [self.stem, f"{self.others[0]}/" if self.others else self.layers[0]["stem"]]
        pages = {
            "home": "index.html", "layer": self.layer_page, "unit": self.unit_page(self.unit),
            "search": f"search.html?{asked}", "compare": self.compared(one, other),
            "compare of layers": self.compared(*layers), "game": self.question("patches", 1),
            "live": "live.html",
        }
        pages |= {path.removesuffix(".html"): path for path in self.studies}
        if self.epochs:
            pages["layer at an epoch"] = f"{self.layer_page}?epoch={self.epochs[0]}"
            pages["unit at an epoch"] = f"{self.unit_page(self.unit)}?epoch={self.epochs[0]}"
            pages["compare at an epoch"] = self.compared(f"{one}@{self.epochs[0]}", one)
        return pages

    def compared(self, one: str, other: str) -> str:
        """Where two sides are shown beside each other."""
        return f"compare.html?{urllib.parse.urlencode({'a': one, 'b': other})}"

    def question(self, shown: str, number: int) -> str:
        """Where the game asks about the last layer."""
        asked = {"layer": self.stem, "show": shown, "round": number}
        return f"game.html?{urllib.parse.urlencode(asked)}"


class Visit:
    """What one journey opens, and what went wrong on its pages without being looked for."""

    def __init__(self, browser: Browser, site: Site) -> None:
        self.browser, self.site = browser, site
        self.faults: list[str] = []
        self.requests: list[str] = []
        self.open: set[Request] = set()
        # Faults that the journey is about, as a pattern.
        self.expected: str | None = None
        self.contexts: list[BrowserContext] = []

    def context(self, **options: Any) -> BrowserContext:
        context = self.browser.new_context(**options)
        self.contexts.append(context)
        context.set_default_timeout(WAIT)
        context.on("console", self._heard)
        context.on("weberror", self._thrown)
        context.on("request", self._asked)
        context.on("response", self._answered)
        context.on("requestfinished", self._closed)
        context.on("requestfailed", self._closed)
        return context

    def enter(self, path: str = "index.html", **options: Any) -> Page:
        """A page of the site, in a browser that was let in by the token and knows nothing else."""
        page = self.context(**options).new_page()
        page.goto(self.site.server.address)
        self.go(page, path)
        return page

    def go(self, page: Page, path: str) -> None:
        page.goto(self.site.server.base + path)
        page.wait_for_function(SHOWN)

    def picture(self, page: Page, server: Server | None = None) -> bytes:
        """A picture that the explorer serves, to be given back to it."""
        answer = page.context.request.get(f"{(server or self.site.server).base}images/0.webp")
        need(answer.status == 200, f"images/0.webp answers {answer.status}")
        return answer.body()

    def give(self, page: Page) -> dict[str, Any]:
        """Gives the live page a picture: what the explorer answers, once its units are listed."""
        picture = self.picture(page)
        with page.expect_response(lambda answer: answer.url.endswith("/api/live")) as awaited:
            page.set_input_files("#file", named(picture))
        found = awaited.value.json()
        page.wait_for_selector("#excited button")
        page.wait_for_function(SHOWN)
        return found

    def carry(self, page: Page) -> None:
        """Gives the live page a picture, and carries an activation of it back."""
        self.give(page)
        page.locator("#excited button").first.click()
        page.wait_for_selector("#array a")
        page.wait_for_function(SHOWN)

    def quiet(self, page: Page) -> None:
        """Waits until nothing was asked for in the last while."""
        still, end = 0, time.monotonic() + WAIT / 1000
        while still < 5:
            need(time.monotonic() < end, f"still open: {[request.url for request in self.open][:3]}")
            page.wait_for_timeout(100)
            still = 0 if self.open else still + 1

    def end(self) -> list[str]:
        """Closes all; the faults that the journey is not about."""
        for context in self.contexts:
            context.close()
        faults = [fault for fault in self.faults if not self.expected or not re.search(self.expected, fault)]
        return list(dict.fromkeys(faults))

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text} at {message.location['url']}")

    def _thrown(self, error: WebError) -> None:
        self.faults.append(f"page: {error.error}")

    def _asked(self, request: Request) -> None:
        self.requests.append(request.url)
        self.open.add(request)
        parts = urllib.parse.urlsplit(request.url)
        if parts.scheme not in ("blob", "file") and parts.hostname not in LOOPBACK:
            self.faults.append(f"leaves this machine: {request.url}")

    def _closed(self, request: Request) -> None:
        self.open.discard(request)

    def _answered(self, response: Response) -> None:
        if response.status >= 400:
            self.faults.append(f"{response.status} of {response.url}")


Journey = Callable[[Visit], str]
JOURNEYS: dict[str, Journey] = {}


def journey(name: str) -> Callable[[Journey], Journey]:
    def added(function: Journey) -> Journey:
        JOURNEYS[name] = function
        return function

    return added


def settled(page: Page, path: str) -> None:
    """Waits for the page of this path, and for its pictures."""
    page.wait_for_url(lambda url: url.split("#")[0].endswith("/" + path))
    page.wait_for_function(SHOWN)


def exchanged(page: Page, unit: int) -> None:
    """Waits until a key's unit stands in the page: its address may be there before it."""
    page.wait_for_function("unit => document.querySelector('#note').dataset.unit === unit", arg=str(unit))


def order(page: Page) -> list[str]:
    """The units that a layer's page shows, in their order."""
    return page.eval_on_selector_all(".card:not([hidden])", SHOWN_CARDS)


@journey("walk")
def walk(visit: Visit) -> str:
    """From the first page to a unit, to the next by key, and to two units beside each other and back."""
    site = visit.site
    page = visit.enter()
    shown = page.locator("section.layer").count()
    need(shown == len(site.layers), f"the first page shows {shown} of {len(site.layers)} layers")
    page.click(f"section.layer h2 a[href='{site.layer_page}']")
    settled(page, site.layer_page)
    need(len(order(page)) == len(site.units), f"{len(order(page))} cards for {len(site.units)} units")
    page.click(f"#u{site.unit}")
    settled(page, site.unit_page(site.unit))
    figures = page.locator(".nine figure").count()
    need(figures > 0, "the unit's page shows no image")
    page.keyboard.press("ArrowRight")
    settled(page, site.unit_page(site.unit + 1))
    page.click("#pin")
    page.wait_for_selector("#pin[aria-pressed=true]")
    need("Pinned" in page.inner_text("#pin"), "the button does not say that the unit is pinned")
    page.keyboard.press("ArrowRight")
    settled(page, site.unit_page(site.unit + 2))
    page.keyboard.press("c")
    page.wait_for_url("**/compare.html?*")
    page.wait_for_function(SHOWN)
    titles = page.locator(".pane h2").all_inner_texts()
    expected = [f"{site.last['layer']} unit {site.unit + step}" for step in (1, 2)]
    need(titles == expected, f"{titles} stand beside each other, not {expected}")
    page.keyboard.press("x")
    need(page.locator(".pane:visible").count() == 1, "x does not show one of both alone")
    page.go_back()
    settled(page, site.unit_page(site.unit + 2))
    page.go_back()
    settled(page, site.unit_page(site.unit + 1))
    page.go_back()
    settled(page, site.unit_page(site.unit))
    page.go_back()
    settled(page, site.layer_page)
    visit.go(page, site.unit_page(site.unit + 1))
    page.click("#pin")
    page.wait_for_selector("#pin[aria-pressed=false]")
    return f"{shown} layers, {len(site.units)} units, {figures} images of one, {len(visit.requests)} requests"


@journey("projection")
def projection(visit: Visit) -> str:
    """Of a picture of one's own, the page gives for a unit of each layer what `switchback project` gives."""
    site = visit.site
    page = visit.enter("live.html")
    visit.give(page)
    file = site.folder / "picture.webp"
    file.write_bytes(visit.picture(page))
    worst = 0.0
    for layer in site.layers:
        page.select_option("#layer", layer["stem"])
        button = page.locator("#excited button").first
        button.hover()
        page.wait_for_function("() => document.querySelector('#map').naturalWidth > 0")
        button.click()
        page.wait_for_function(SHOWN)
        link = page.locator("#array a").first.get_attribute("href") or ""
        asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(link).query))
        answer = page.context.request.get(urllib.parse.urljoin(page.url, link))
        need(answer.status == 200, f"{link} answers {answer.status}")
        stem = site.folder / f"{layer['stem']}-projection"
        switchback(
            site.tool, "project", site.facts["model"], str(file), "--layer", layer["layer"],
            "--unit", asked["unit"], "--at", f"{asked['row']},{asked['column']}", "--rule", asked["rule"],
            "--array", f"{stem}.safetensors", "--out", f"{stem}.png")
        shape, found = tensor(answer.body())
        expected_shape, expected = tensor(pathlib.Path(f"{stem}.safetensors").read_bytes())
        need(shape == expected_shape, f"{layer['layer']}: {shape}, not {expected_shape}")
        largest = max(map(abs, expected))
        need(largest > 0, f"{layer['layer']}: the projection is nothing")
        worst = max(worst, max(abs(one - other) for one, other in zip(found, expected)) / largest)
    need(worst <= LIMIT, f"differs by {worst:.1e} of the largest")
    # Where the picture is pressed is where the activation is carried back from.
    before = page.inner_text("#what")
    page.locator("#stage").click(position={"x": 3, "y": 3})
    after = page.inner_text("#what")
    need("row 0, column 0" in after and after != before, f"pressing the corner shows {after}")
    page.wait_for_function(SHOWN)
    return f"{len(site.layers)} layers, differs by {worst:.1e} of the largest"


@journey("ways in")
def ways_in(visit: Visit) -> str:
    """Pictures may be dropped, pasted or taken by the camera; what is none is refused with the reason."""
    visit.expected = r"\b422\b"
    page = visit.enter("live.html")
    page.set_input_files("#file", named(b"no picture"))
    page.wait_for_function(COMPLAINT)
    refused = page.inner_text("#said")
    need("the image" in refused, f"what is no picture is answered '{refused}'")
    for kind in ("drop", "paste"):
        with page.expect_response("**/api/live") as awaited:
            page.evaluate(GIVEN, kind)
        need(awaited.value.status == 200, f"a picture by {kind} is answered {awaited.value.status}")
        page.wait_for_selector("#excited button")
        visit.go(page, "live.html")
    start, frames = time.monotonic(), 5
    page.click("#webcam")
    for _ in range(frames):
        page.wait_for_event("response", lambda answer: answer.url.endswith("/api/live") and answer.ok)
    rate = frames / (time.monotonic() - start)
    page.wait_for_selector("#excited button")
    page.click("#webcam")
    need(page.inner_text("#webcam") == "Camera", "the camera does not stop")
    visit.quiet(page)
    return f"'{refused}'; camera {rate:.1f} pictures/s"


@journey("sort and filter")
def sort_and_filter(visit: Visit) -> str:
    """The address of a layer's page says how it is sorted and filtered, and leads anyone there."""
    site = visit.site
    page = visit.enter(site.layer_page)
    page.select_option("#sorting select", "strongest")
    need(order(page) == site.ranked, "the order is not that of the largest activations")
    word = site.class_name or str(site.unit)
    page.fill("#sorting [name=q]", word)
    shown = order(page)
    need(0 < len(shown) <= len(site.units), f"'{word}' leaves {len(shown)} units")
    if not site.class_name:
        need(shown == [f"u{word}"], f"'{word}' leaves {shown}")
    said = page.inner_text("#sorting output")
    need(said == f"{len(shown)} of {len(site.units)}", f"the page says {said}, and shows {len(shown)}")
    address = urllib.parse.urlsplit(page.url)
    query = dict(urllib.parse.parse_qsl(address.query))
    need(query == {"sort": "strongest", "q": word.lower()}, f"the address says {query}")
    other = visit.enter(f"{address.path[1:]}?{address.query}")
    need(order(other) == shown, "another browser shows another order at the same address")
    need(other.input_value("#sorting select") == "strongest", "another browser's form does not say the order")
    return f"{len(shown)} of {len(site.units)} units with '{word}'"


@journey("occluder")
def occluder(visit: Visit) -> str:
    """Hiding parts changes the classes as `switchback occlude` has it, and hovering asks for nothing."""
    site = visit.site
    page = visit.enter("live.html")
    given = visit.give(page)
    if not given.get("classes"):
        need("no classes" in page.inner_text("#classes"), "the page does not say that there are no classes")
        raise Skipped("the network names no classes")
    need(page.locator("#classes .bar").count() == len(given["classes"]), "the classes are not all shown")
    file = site.folder / "hidden.webp"
    file.write_bytes(visit.picture(page))
    size = min(given["rows"], given["columns"]) // 4
    stride = size // 3
    address = f"{site.server.base}api/live/{given['id']}/occlusion.json?size={size}&stride={stride}"
    answer = page.context.request.get(address)
    need(answer.status == 200, f"{address} answers {answer.status}: {answer.text().strip()}")
    swept = answer.json()
    worst = 0.0
    for name in swept["classes"][:3]:
        run = site.folder / f"occlusion-{name['index']}"
        switchback(
            site.tool, "occlude", site.facts["model"], str(file), "--size", str(size),
            "--stride", str(stride), "--class", str(name["index"]), "--out", str(run))
        (made,) = (run / "occlusion").glob("*.json")
        expected = [value for row in json.loads(made.read_text())["probability"] for value in row]
        found = [value for row in name["probability"] for value in row]
        need(len(found) == len(expected), f"{len(found)} positions, not {len(expected)}")
        worst = max(worst, max(abs(one - other) for one, other in zip(found, expected)))
    need(worst <= LIMIT, f"differs by {worst:.1e}")

    page.check("#hiding")
    page.wait_for_function("() => document.querySelector('#said').textContent === 'Move over the image.'")
    box = page.locator("#stage").bounding_box()
    assert box
    asked, bars = len(visit.requests), set()
    for step in range(25):
        page.mouse.move(
            box["x"] + (step % 5 + 0.5) / 5 * box["width"], box["y"] + (step // 5 + 0.5) / 5 * box["height"])
        bars.add(page.inner_text("#classes"))
    need(page.is_visible("#square"), "the hidden part is not shown")
    page.mouse.move(1, 1)
    page.wait_for_timeout(300)
    need(not page.is_visible("#square"), "the hidden part stays when the pointer has left")
    need(len(visit.requests) == asked, f"hovering makes {len(visit.requests) - asked} requests")
    need(len(bars) > 1, "the classes stay the same wherever the pointer is")
    # A picture that is given while another's parts are being hidden takes its place; so does asking again.
    again: dict[str, Callable[[], Any]] = {
        "another picture": lambda: visit.give(page), "asking again": lambda: page.click("#hiding")}
    for what, act in again.items():
        for _ in range(4):
            act()
        visit.quiet(page)
        said = page.inner_text("#said")
        need(said == "Move over the image.", f"after {what} the page says '{said}'")
    return f"{len(found)} positions, differs by {worst:.1e}; 25 places: 0 requests, {len(bars)} readings"


@journey("keyboard")
def keyboard(visit: Visit) -> str:
    """Everything by keys alone."""
    site = visit.site
    page = visit.enter()
    page.keyboard.press("Tab")
    first, left = page.evaluate(
        "[document.activeElement.className, document.activeElement.getBoundingClientRect().left]")
    need(first == "skip", "Tab does not lead to the skip link first")
    need(left >= 0, "the skip link stays out of sight")
    page.keyboard.press("Enter")
    need(page.url.endswith("#main"), "the skip link does not lead to the content")
    stops = 0
    for _ in range(12):
        page.keyboard.press("Tab")
        tag, style = page.evaluate(
            "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]")
        need(tag != "BODY", f"Tab leads nowhere after {stops} stops")
        need(style != "none", f"nothing shows that {tag} has the focus")
        stops += 1
    visit.go(page, "index.html")
    page.keyboard.press("/")
    need(page.evaluate("document.activeElement.name") == "q", "/ does not lead to the search")
    page.keyboard.type(f"{site.last['layer']}:3")
    page.keyboard.press("Enter")
    settled(page, site.unit_page(3))
    page.keyboard.press("3")
    settled(page, site.unit_page(3, "guided"))
    page.keyboard.press("ArrowLeft")
    settled(page, site.unit_page(2, "guided"))
    page.keyboard.press("u")
    settled(page, site.layer_page)
    page.keyboard.press("r")
    page.wait_for_url("**/units/**")
    page.keyboard.press("?")
    need(page.is_visible("#keys"), "? does not list the keys")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Escape")
    need(not page.is_visible("#keys"), "Escape does not close the list of keys")
    page.keyboard.press("u")
    settled(page, site.layer_page)
    page.keyboard.press("u")
    settled(page, "index.html")

    visit.go(page, "live.html")
    visit.give(page)
    page.focus("#layer")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("#array a")
    page.wait_for_function(SHOWN)
    page.keyboard.press("o")
    need(page.is_checked("#hiding"), "o does not start hiding parts")
    page.keyboard.press("o")
    need(not page.is_checked("#hiding"), "o does not end hiding parts")
    page.keyboard.press("Control+o")
    need(not page.is_checked("#hiding"), "Control and o, which opens a file, starts hiding parts")
    visit.quiet(page)
    return f"{stops} stops of Tab, each to be seen; search, rules, up, any unit, list of keys, live"


@journey("no script")
def no_script(visit: Visit) -> str:
    """Every page shows what it has without JavaScript, and its forms work."""
    site = visit.site
    page = visit.enter(java_script_enabled=False)
    need(page.locator("section.layer .strip img").count() > 0, "the first page shows no units")
    visit.go(page, site.layer_page)
    page.select_option("#sorting select", "strongest")
    page.click("#sorting button")
    page.wait_for_url("**sort=strongest*")
    need(order(page) == site.ranked, "the order is not that of the largest activations")
    visit.go(page, site.unit_page(site.unit))
    need(page.locator(".nine figure svg.tile").count() > 0, "the unit's page shows no tile")
    page.click(".steps a[rel=next]")
    settled(page, site.unit_page(site.unit + 1))
    page.fill("[role=search] input", f"{site.last['layer']}:{site.unit}")
    page.press("[role=search] input", "Enter")
    settled(page, site.unit_page(site.unit))
    page.fill("[role=search] input", site.class_name or site.last["layer"])
    page.press("[role=search] input", "Enter")
    page.wait_for_url("**/search.html?*")
    found = page.locator("main li a").count()
    need(found > 0, "the search finds nothing")
    visit.go(page, "compare.html")
    page.fill("[name=a]", f"{site.stem}:{site.unit}")
    page.fill("[name=b]", f"{site.stem}:{site.unit}:guided")
    page.click("main form button")
    page.wait_for_url("**/compare.html?*")
    page.wait_for_function(SHOWN)
    need(page.locator(".pane img").count() == 4, "two units beside each other are not four pictures")
    visit.go(page, "live.html")
    need(page.is_visible("noscript p"), "the page of one's own image does not say that it needs its script")
    visit.go(page, site.question("projections", 1))
    need(page.is_visible("noscript p"), "the game does not say that answering needs its script")
    need(0 not in page.eval_on_selector_all("#game img", SIZES), "pictures of the game are missing")
    page.select_option("[name=show]", "patches")
    page.click("main form button")
    page.wait_for_url("**show=patches*")
    need(page.locator("[data-choice]").count() == 4, "asking again by the form asks nothing")
    visit.go(page, site.compared(site.stem, site.layers[0]["stem"]))
    need(page.locator(".pane .strip img").count() == 2, "two layers beside each other are not two strips")
    for path in site.studies:
        visit.go(page, path)
        need(page.locator("main figure img").count() > 0, f"{path} shows no figure")
    if site.epochs:
        epoch = site.epochs[0]
        visit.go(page, site.unit_page(site.unit))
        need(not page.is_visible("#slider"), "there is a slider, which does nothing without its script")
        page.click(f"#e{epoch} a")
        page.wait_for_url(f"**epoch={epoch}")
        now = page.eval_on_selector_all(".film .now", SHOWN_CARDS)
        need(now == [f"e{epoch}"], f"the link of epoch {epoch} leads to {now}")
        visit.go(page, site.layer_page)
        page.click(f"#epochs a[href='?epoch={epoch}']")
        page.wait_for_url(f"**epoch={epoch}")
        page.wait_for_function(SHOWN)
        sources = page.eval_on_selector_all(".card img", SOURCES)
        holds = all(f"/epochs/{site.quoted}/{epoch}/" in one for one in sources)
        need(holds, f"at epoch {epoch} the layer shows {sources[:1]}")
    # What is written is kept, or whoever writes is told that it is not.
    visit.go(page, site.unit_page(site.unit))
    page.click("details summary")
    if page.is_visible("#note button"):
        page.fill("#note textarea", "without the script")
        page.click("#note button")
        page.wait_for_load_state()
        kept = page.input_value("#note textarea") == "without the script"
        need(kept or page.locator("noscript").count() > 0, "a note is lost without a word")
    # A filter means the same with the script and without it.
    filtered = []
    for word in filter(None, (site.class_name, str(site.unit))):
        path = f"{site.layer_page}?{urllib.parse.urlencode({'sort': 'strongest', 'q': word})}"
        visit.go(page, path)
        without, scripted = order(page), order(visit.enter(path))
        need(
            without == scripted,
            f"'{word}' leaves {len(without)} units without the script, {len(scripted)} with it")
        filtered.append(f"'{word}' leaves {len(without)}")
    return f"{10 + len(site.studies)} pages, search finds {found}, {', '.join(filtered)}"


@journey("epochs")
def epochs(visit: Visit) -> str:
    """A unit and a layer through training: by keys, by the address, onwards and back."""
    site = visit.site
    if not site.epochs:
        raise Skipped("no run of 'evolve' lies beside it")
    page = visit.enter()
    page.click(f"section.layer h2 a[href='{site.layer_page}']")
    settled(page, site.layer_page)
    page.click(f"#u{site.unit}")
    settled(page, site.unit_page(site.unit))
    visit.quiet(page)
    frames = page.locator(".film figure svg").count()
    need(frames == len(site.epochs), f"{frames} frames for {len(site.epochs)} epochs")
    film = f"/epochs/{site.quoted}/{site.unit}.jpg"
    asked = [url for url in visit.requests if film in url]
    need(len(asked) == 1, f"the film is asked for {len(asked)} times")

    def holds(page: Page, place: int, where: str) -> dict[str, Any]:
        """What is shown, which is to be the epoch of a place."""
        epoch, moment = site.epochs[place], page.evaluate(MOMENT)
        expected = {
            "now": [f"e{epoch}"], "slider": str(place), "says": f"epoch {epoch}", "query": f"?epoch={epoch}"}
        found = {name: moment[name] for name in expected}
        need(found == expected, f"{where}: the page is at {found}, not at {expected}")
        return moment

    # What comes into sight is asked for then, whether or not the slider moves.
    drawn = {page.locator("#still svg").screenshot()}
    visit.quiet(page)
    before, last = len(visit.requests), len(site.epochs) - 1
    need(page.evaluate(MOMENT)["slider"] == str(last), "the slider does not start at the last epoch")
    for place in reversed(range(last)):
        page.keyboard.press(",")
        holds(page, place, "by the key ,")
        drawn.add(page.locator("#still svg").screenshot())
    need(len(drawn) > 1, "the enlarged frame looks the same at each epoch")
    page.keyboard.press(",")
    holds(page, 0, "by the key , at the first epoch")
    page.keyboard.press(".")
    holds(page, 1, "by the key .")
    page.focus("#slider input")
    page.keyboard.press("ArrowRight")
    holds(page, 2, "by an arrow key in the slider")
    page.keyboard.press("ArrowLeft")
    moment = holds(page, 1, "by an arrow key in the slider")
    need(moment["picture"] is not None and moment["picture"].endswith(film), f"still: {moment['picture']}")
    visit.quiet(page)
    # Chromium looks for a page's icon whenever its address changes.
    more = [url for url in visit.requests[before:] if "/explorer.svg" not in url]
    need(not more, f"the slider makes {len(more)} requests, such as {more[:2]}")

    def again(page: Page) -> Page:
        parts = urllib.parse.urlsplit(page.url)
        return visit.enter(f"{parts.path[1:]}?{parts.query}")

    other = again(page).evaluate(MOMENT)
    need(other == moment, f"at the same address another browser shows {other}, not {moment}")
    # Onwards and back.
    page.evaluate("document.activeElement.blur()")
    epoch = site.epochs[1]
    page.keyboard.press("ArrowRight")
    settled(page, f"{site.unit_page(site.unit + 1)}?epoch={epoch}")
    following = holds(page, 1, "at the next unit")
    expected = f"/epochs/{site.quoted}/{site.unit + 1}.jpg"
    need(following["picture"].endswith(expected), f"the next unit's still is of {following['picture']}")
    page.keyboard.press(".")
    holds(page, 2, "at the next unit by the key .")
    page.go_back()
    settled(page, f"{site.unit_page(site.unit)}?epoch={epoch}")
    exchanged(page, site.unit)
    need(holds(page, 1, "back at the unit") == moment, "back at the unit another picture stands there")
    page.go_back()
    settled(page, site.layer_page)

    # The layer's page exchanges its overviews.
    plain = page.eval_on_selector_all(".card img", SOURCES)
    page.keyboard.press(",")
    epoch = site.epochs[last - 1]
    moved = page.eval_on_selector_all(".card img", SOURCES)
    stem = re.escape(site.quoted)
    there = f"/epochs/{site.quoted}/{epoch}/"
    expected = [re.sub(rf"/atlases/[^/]+/{stem}/", there, one) for one in plain]
    need(moved == expected and moved != plain, f"at epoch {epoch} the cards show {moved[:1]}")
    page.select_option("#sorting select", "strongest")
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))
    need(query == {"sort": "strongest", "epoch": epoch}, f"the layer's address says {query}")
    page.wait_for_function(SHOWN)
    moved, units = page.eval_on_selector_all(".card img", SOURCES), order(page)
    reopened = again(page)
    found = reopened.eval_on_selector_all(".card img", SOURCES)
    need(found == moved, f"at the same address another browser's cards show {found[:1]}, not {moved[:1]}")
    need(order(reopened) == units, "another browser's cards stand in another order")
    for place in (last - 1, last - 2):
        found = reopened.evaluate(MOMENT)["slider"]
        need(found == str(place), f"another browser's slider is at {found}, not at {place}")
        reopened.keyboard.press(",")
    reopened.click("#epochs a[href='?']")
    reopened.wait_for_url(lambda url: url.endswith(site.layer_page))
    reopened.wait_for_function(SHOWN)
    found = reopened.eval_on_selector_all(".card img", SOURCES)
    need(sorted(found) == sorted(plain), f"'as in the run' the cards show {found[:1]}, not {plain[:1]}")
    page.go_back()
    settled(page, "index.html")
    return f"{frames} frames in 1 request, {len(drawn)} pictures, the slider asks for nothing"


@journey("notes")
def notes(visit: Visit) -> str:
    """A unit is pinned and written about by keys alone; what was written is text everywhere."""
    site = visit.site
    text = 'an <b>eye</b> & "p", /n. x 3?'
    page = visit.enter(site.unit_page(site.unit + 1))
    visit.quiet(page)
    page.keyboard.press("ArrowLeft")
    settled(page, site.unit_page(site.unit))
    exchanged(page, site.unit)

    def pin(pressed: bool) -> None:
        page.keyboard.press("p")
        page.wait_for_selector(f"#pin[aria-pressed={str(pressed).lower()}]", timeout=5000)

    def tab(*places: list[str]) -> None:
        """Moves the focus on to a place."""
        for _ in range(60):
            page.keyboard.press("Tab")
            if page.evaluate(FOCUSED) in places:
                return
        raise Failure(f"Tab does not lead to {places}")

    def write(said: str) -> None:
        page.evaluate("document.activeElement.blur(), getSelection().removeAllRanges()")
        tab(["SUMMARY", ""])
        if not page.is_visible("#note textarea"):
            page.keyboard.press("Enter")
        tab(["TEXTAREA", "text"])
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.type(said)
        need(page.input_value("#note textarea") == said, "keys do something else while a note is written")
        tab(["BUTTON", ""])
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#note output').textContent")
        found = page.inner_text("#note output")
        need(found == "Kept.", f"a note is answered '{found}'")

    def shows(where: str) -> None:
        found = page.input_value("#note textarea")
        need(found == text, f"{where} the note is '{found}'")
        need(page.is_visible("#note textarea"), f"{where} the note is folded away")
        need(page.get_attribute("#pin", "aria-pressed") == "true", f"{where} the unit is not pinned")
        need(page.locator("main b:text-is('eye')").count() == 0, f"{where} the note's markup is markup")

    def line(where: str) -> None:
        link = page.locator(f"main li:has(> a[href='{site.unit_page(site.unit)}'])").filter(has_text=text)
        need(link.count() == 1, f"{where} lists the note {link.count()} times")
        need(link.locator("b").count() == 0, f"in {where} the note's markup is markup")

    pin(True)
    write(text)
    listed = site.server.json("api/notes.json")["notes"]
    mine = [note for note in listed if (note["layer"], note["unit"]) == (site.last["layer"], site.unit)]
    need(len(mine) == 1 and mine[0]["text"] == text and mine[0]["isPinned"], f"the notebook has {mine}")
    page.reload()
    shows("after a reload")
    visit.go(page, "index.html")
    line("the first page")
    page.keyboard.press("/")
    page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.wait_for_url("**/search.html?*")
    line("the search")
    need(text in page.inner_text("h1"), f"the search says that it is for {page.inner_text('h1')}")
    need(page.locator("h1 b").count() == 0, "what is searched for is markup")
    # The same where keys lead from unit to unit, which reads their pages beforehand.
    page = visit.enter(site.unit_page(site.unit + 1))
    visit.quiet(page)
    page.keyboard.press("ArrowLeft")
    settled(page, site.unit_page(site.unit))
    exchanged(page, site.unit)
    shows("reached by a key")
    write("")
    pin(False)
    page.keyboard.press("ArrowRight")
    settled(page, site.unit_page(site.unit + 1))
    exchanged(page, site.unit + 1)
    page.keyboard.press("ArrowLeft")
    settled(page, site.unit_page(site.unit))
    exchanged(page, site.unit)
    left = site.server.json("api/notes.json")["notes"]
    mine = [note for note in left if (note["layer"], note["unit"]) == (site.last["layer"], site.unit)]
    need(not mine, f"emptied and unpinned, the notebook still has {mine}")
    found = page.input_value("#note textarea"), page.get_attribute("#pin", "aria-pressed")
    need(found == ("", "false"), f"emptied and unpinned, by keys to the next unit and back there are {found}")
    visit.go(page, "index.html")
    count = page.locator(f"main li > a[href='{site.unit_page(site.unit)}']").count()
    need(count == 0, "emptied and unpinned, the first page still lists the unit")
    return f"{len(text)} characters kept as text in 4 places, found, and removed"


@journey("game")
def game(visit: Visit) -> str:
    """Ten questions answered by keys, by patches and by projections; each counts once."""
    site = visit.site
    page = visit.enter()
    page.click("header a[href='game.html']")
    settled(page, "game.html")
    rounds = site.server.json("api/notes.json")["rounds"]
    figures = []

    def answer(choice: int) -> tuple[bool, int, int]:
        """Answers by keys: whether it was right, and the score that is told."""
        page.locator("[data-choice]").nth(choice).focus()
        page.keyboard.press("Enter")
        page.wait_for_function("() => document.querySelector('#told').textContent")
        told = page.inner_text("#told")
        said = re.match(r"(Right\.|No: [^.]+\.) (\d+) of (\d+) so far\. unit \d+$", told.strip())
        need(said is not None, f"an answer is answered '{told}'")
        assert said
        marked = page.eval_on_selector_all(".right", "all => all.map(e => e.dataset.choice)")
        need(len(marked) == 1, f"{len(marked)} choices are marked as the right one")
        is_right = marked == [str(choice)]
        agrees = is_right == (said[1] == "Right.")
        need(agrees, f"choice {choice} is answered '{told}', and {marked} is marked")
        return is_right, int(said[2]), int(said[3])

    for shown in ("patches", "projections"):
        mine = [one for one in rounds if (one["layer"], one["shown"]) == (site.last["layer"], shown)]
        right, count = sum(one["isRight"] for one in mine), len(mine)
        # The form asks the first question that was not asked yet.
        page.select_option("main [name=layer]", site.stem)
        page.select_option("main [name=show]", shown)
        page.click("main form button")
        page.wait_for_url(f"**show={shown}")
        first = int(page.get_attribute("#game", "data-round") or 0)
        asked = {one["round"] for one in mine}
        need(first not in asked, f"question {first} is asked again")
        for number in range(first, first + 5):
            page.wait_for_selector(f"#game[data-round='{number}'][data-show={shown}]")
            page.wait_for_function(SHOWN)
            sizes = page.eval_on_selector_all("#game img", SIZES)
            need(len(sizes) == 5 and 0 not in sizes, f"question {number} shows pictures {sizes} wide")
            is_right, said, of = answer(number % 4)
            right, count = right + is_right, count + 1
            need((said, of) == (right, count), f"{right} of {count} is told as {said} of {of}")
            if number < first + 4:
                page.keyboard.press("n")
                page.wait_for_url(f"**round={number + 1}")
        # The same question once more, answered in each way, counts no more.
        visit.go(page, site.question(shown, first + 4))
        row = page.locator("main table tr").filter(has_text=site.last["layer"]).filter(has_text=shown)
        need(row.count() == 1, f"the scores have {row.count()} rows of {site.last['layer']} by {shown}")
        cells = row.locator("td").all_inner_texts()
        need(cells[2] == f"{right} of {count}", f"the scores say {cells}, not {right} of {count}")
        for choice in range(2):
            _, said, of = answer(choice)
            need((said, of) == (right, count), f"again: {right} of {count} is told as {said} of {of}")
            page.reload()
        figures.append(f"{right} of {count} by {shown}")
        visit.go(page, "game.html")
    # What excited the unit is told only afterwards: the link leads to the unit.
    answer(0)
    link = page.locator("#told a")
    path = link.get_attribute("href") or ""
    link.click()
    settled(page, path)
    return ", ".join(figures)


@journey("beside")
def beside(visit: Visit) -> str:
    """What other studies found, the units of which they speak, and units of two runs beside each other."""
    site = visit.site
    if not site.studies and not site.others:
        raise Skipped("no other run lies beside it")
    page = visit.enter()
    figures, links = 0, set()
    for path in site.studies:
        visit.go(page, "index.html")
        page.click(f"main a[href='{path}']")
        settled(page, path)
        pictures = page.locator("main figure img")
        for place in range(pictures.count()):
            pictures.nth(place).scroll_into_view_if_needed()
            page.wait_for_function(SHOWN)
        sizes = pictures.evaluate_all(SIZES)
        need(bool(sizes) and 0 not in sizes, f"{path} shows figures {sizes} pixels wide")
        figures += len(sizes)
        spoken = page.locator("main a[href*='/units/']")
        leading = spoken.evaluate_all("all => all.map(a => a.href)")
        links |= set(leading)
        if leading:
            title = page.inner_text("h1")
            target = spoken.first.get_attribute("href") or ""
            spoken.first.click()
            settled(page, target.removeprefix("../"))
            back = page.locator(f"main li a[href='../../{path}']")
            need(title in back.all_inner_texts(), f"{target} does not say that {path} speaks of it")
            page.go_back()
            settled(page, path)
        page.keyboard.press("u")
        settled(page, "index.html")
    for link in sorted(links):
        status = page.context.request.get(link).status
        need(status == 200, f"{link} answers {status}")

    def panes(count: int) -> None:
        """Two sides with so many pictures, which x shows in turn."""
        page.wait_for_function(SHOWN)
        texts = page.locator(".pane").all_inner_texts()
        need(len(texts) == 2, f"{page.url} shows {texts}")
        sizes = page.eval_on_selector_all(".pane img", SIZES)
        need(len(sizes) == count and 0 not in sizes, f"{page.url} shows pictures {sizes} pixels wide")
        for visible in (1, 2):
            page.keyboard.press("x")
            found = page.locator(".pane:visible").count()
            need(found == visible, f"{page.url}: x shows {found} sides, not {visible}")

    one = f"{site.stem}:{site.unit}"
    for name in site.others:
        facts = site.server.text(f"with/{urllib.parse.quote(name, safe='')}/api/run.json")
        layers = json.loads(facts)["layers"]
        layer = next((layer for layer in layers if layer["stem"] == site.stem), layers[-1])
        stem = urllib.parse.quote(layer["stem"], safe="")
        unit = min(site.unit, layer["units"] - 1)
        visit.go(page, "index.html")
        page.click(f"main a[href='with/{name}/index.html']")
        settled(page, f"with/{name}/index.html")
        shown = page.locator("section.layer .strip img").count()
        need(shown == len(layers), f"{name} shows {shown} of {len(layers)} layers")
        page.click(f"section.layer h2 a[href='layers/{stem}.html']")
        settled(page, f"with/{name}/layers/{stem}.html")
        page.click(f"#u{unit}")
        settled(page, f"with/{name}/units/{stem}/{unit}.html")
        need(page.locator(".nine figure").count() > 0, f"a unit of {name} shows no image")
        page.keyboard.press("u")
        settled(page, f"with/{name}/layers/{stem}.html")
        page.click("header a:text-is('First run')")
        settled(page, "index.html")
        # A unit that is pinned here, beside one of there.
        visit.go(page, site.unit_page(site.unit))
        page.keyboard.press("p")
        page.wait_for_selector("#pin[aria-pressed=true]")
        visit.go(page, f"with/{name}/units/{stem}/{unit}.html")
        page.keyboard.press("c")
        page.wait_for_url("**/compare.html?*")
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(page.url).query))
        need(query == {"a": one, "b": f"{name}/{layer['stem']}:{unit}"}, f"c leads to {query}")
        panes(4)
        page.locator(".pane h2 a").nth(1).click()
        settled(page, f"with/{name}/units/{stem}/{unit}.html")
        visit.go(page, site.unit_page(site.unit))
        page.keyboard.press("p")
        page.wait_for_selector("#pin[aria-pressed=false]")
        visit.go(page, "index.html")
        page.click(f"main a[href='compare.html?a=/&b={name}/']")
        page.wait_for_url("**/compare.html?**")
        panes(0)
        rows = page.locator(".pane tbody tr").count()
        need(rows == len(site.layers) + len(layers), f"two runs beside each other have {rows} layers")
        visit.go(page, site.compared(site.stem, f"{name}/{layer['stem']}"))
        panes(2)
    visit.go(page, site.compared(site.stem, site.layers[0]["stem"]))
    panes(2)
    if site.epochs:
        visit.go(page, site.compared(f"{one}@{site.epochs[0]}", f"{one}@{site.epochs[-1]}"))
        panes(0)
        drawn = {page.locator(".pane svg").nth(place).screenshot() for place in range(2)}
        said = page.locator(".pane p").all_inner_texts()
        for epoch in (site.epochs[0], site.epochs[-1]):
            need(any(f"epoch {epoch}:" in text for text in said), f"epoch {epoch} is not said: {said}")
        need(len(drawn) == 2, "the unit looks the same at the first epoch and at the last")
        page.locator(".pane h2 a").first.click()
        settled(page, f"{site.unit_page(site.unit)}?epoch={site.epochs[0]}")
    visit.go(page, site.compared(one, f"nowhere/{one}"))
    said = page.locator(".pane").nth(1).inner_text()
    need("There is no" in said, f"instead of a run that is not there the page shows '{said}'")
    found = f"{len(site.studies)} studies with {figures} figures and {len(links)} units"
    return f"{found}, {len(site.others)} other runs of features"


@journey("paper")
def paper(visit: Visit) -> str:
    """Units as figures for paper, from their own pages, a layer's and a comparison's."""
    site = visit.site
    page = visit.enter()
    starts = {"SVG": b"<", "PNG": b"\x89PNG", "PDF": b"%PDF-"}
    sizes = []
    for name in ("unit", "layer", "compare"):
        visit.go(page, site.pages[name])
        for kind, start in starts.items():
            link = page.locator("main a[href*='figures/units.']").filter(has_text=kind)
            need(link.count() == 1, f"{name} has {link.count()} figures as {kind}")
            address = urllib.parse.urljoin(page.url, link.get_attribute("href") or "")
            answer = page.context.request.get(address)
            need(answer.status == 200, f"{address} answers {answer.status}: {answer.text()[:200]}")
            body = answer.body()
            need(body.startswith(start), f"{address} starts with {body[:8]!r}")
            sizes.append(len(body))
    return f"{len(sizes)} figures of {min(sizes) / 1000:.0f} to {max(sizes) / 1000:.0f} kB"


@journey("under way")
def under_way(visit: Visit) -> str:
    """What is searched is looked at meanwhile, once it was interrupted, and while it goes on to its end."""
    site = visit.site
    if not site.facts["pictures"].startswith("scenes:"):
        raise Skipped("its images are not drawn by the command, so that there are never many more of them")
    # More than are searched while the pages are looked at.
    count = 30_000
    run, model = str(site.folder / "search"), site.facts["model"]
    images = f"scenes:split=validation,count={count}"

    def let_in(server: Server) -> Page:
        page = visit.context().new_page()
        page.goto(server.address)
        page.wait_for_function(SHOWN)
        return page

    def searched(server: Server) -> int:
        return server.json("api/run.json")["searched"]

    def banner(page: Page, where: str) -> int:
        """How far the search is by what the page says."""
        need(page.locator("#progress").count() == 1, f"{where}: nothing says that the search is under way")
        said = page.inner_text("#progress")
        numbers = re.search(r"Searched ([\d,]+) of ([\d,]+) images", said)
        need(numbers is not None, f"{where}: the page says '{said}'")
        assert numbers
        done, of = (int(number.replace(",", "")) for number in numbers.groups())
        need(of == count and 0 <= done < count, f"{where}: the page says '{said}'")
        return done

    # A page may ask for more of its pictures just when its server is interrupted.
    visit.expected = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE"
    start = time.monotonic()
    server = Server(site.tool, model, images, "--out", run, "--quiet")
    try:
        page = let_in(server)
        first = time.monotonic() - start
        begun = banner(page, "at once")
        shown = page.locator("section.layer").count()
        need(shown == len(site.layers), f"at once {shown} of {len(site.layers)} layers are there")
        page.goto(server.base + site.unit_page(site.unit))
        banner(page, "a unit's page")
        page.goto(f"{server.base}live.html")
        banner(page, "the live page")
        page.set_input_files("#file", named(visit.picture(page, server)))
        page.wait_for_selector("#excited button")
        live = time.monotonic() - start
        until = time.monotonic() + 60
        while searched(server) == 0:
            need(time.monotonic() < until, "after a minute there is nothing of the search to be seen")
            page.wait_for_timeout(250)
        if searched(server) == count:
            raise Skipped(f"{count} images were searched before they could be looked at")
        page.goto(server.base + site.layer_page)
        seen = banner(page, "once something was found")
        need(seen > begun, f"once {searched(server)} images were searched the page is of {seen}")
        need(page.locator(".card img").count() > 0, f"after {seen} images no unit shows anything")
        page.wait_for_function(SHOWN)
        page.context.close()
        code = server.interrupt()
        need(code == 130, f"interrupted, switchback explore exits with {code}, not with 130")
    finally:
        server.kill()

    # The run that was interrupted is explored, and its search goes on by the line that is shown.
    server = Server(site.tool, run)
    try:
        page = let_in(server)
        stopped = banner(page, "interrupted")
        need(stopped >= seen, f"interrupted after {seen} images, the run has {stopped}")
        command = page.inner_text("#progress code")
        named_it = "switchback features" in command and run in command
        need(named_it, f"the search is said to go on by '{command}'")
        page.goto(server.base + site.unit_page(site.unit))
        need(banner(page, "an interrupted unit's page") == stopped, "pages differ in how far the search is")
        search = subprocess.Popen(
            [site.tool, "features", model, images, "--search-only", "--out", run, "--quiet"])
        try:
            code = search.wait(timeout=240)
            need(code == 0, f"the search does not go on: it exits with {code}")
        finally:
            search.kill()
        until = time.monotonic() + 30
        while page.locator("#progress").count():
            need(time.monotonic() < until, "the search has ended, and pages still say that it is under way")
            page.wait_for_timeout(500)
            page.reload()
        need(searched(server) == count, f"in the end {searched(server)} of {count} images are searched")
        page.goto(server.base)
        need(page.locator("#progress").count() == 0, "at the end the first page says that the search goes on")
        said = page.inner_text("main p >> nth=0")
        need(f"{count:,} images" in said, f"the first page does not say {count:,} images: {said}")
        page.wait_for_function(SHOWN)
    finally:
        server.kill()
    times = f"there after {first:.1f} s, one's own image after {live:.1f} s"
    return f"{times}, units after {seen} images, stopped at {stopped} of {count}, whole in the end"


@journey("refused")
def refused(visit: Visit) -> str:
    """What is no run is refused in a sentence that names the command by which there would be one."""
    site = visit.site
    empty, other = site.folder / "empty", site.folder / "no run"
    empty.mkdir()
    other.mkdir()
    (other / "notes.txt").write_text("no run")
    study = site.folder / "study"
    study.mkdir()
    (study / "run.json").write_text('{"format": 1, "kind": "train", "configuration": {}}')
    said = [refusal(site.tool, "explore", str(folder), "--no-open") for folder in (empty, other, study)]
    both = refusal(site.tool, "explore", site.facts["model"], "--no-open")
    need("--out" in both, f"a model alone is refused by '{both}'")
    return f"'{said[0].replace(str(site.folder), '...')}'"


@journey("accessibility")
def accessibility(visit: Visit) -> str:
    """No page breaks a rule of axe that is serious or critical, light or dark."""
    axe = Axe()
    serious: dict[str, list[str]] = {}
    checked, slight = 0, 0
    looks: dict[str, dict[str, Any]] = {
        "light": {"color_scheme": "light"}, "dark": {"color_scheme": "dark"}, "narrow": {"viewport": NARROW}}

    def judge(page: Page, where: str) -> None:
        nonlocal checked, slight
        checked += 1
        for violation in axe.run(page).response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = violation["nodes"]
                serious.setdefault(violation["id"], []).append(
                    f"{where}: {len(nodes)} such as {nodes[0]['html'][:90]}")
            else:
                slight += 1

    for look, options in looks.items():
        page = visit.enter(**options)
        for name, path in visit.site.pages.items():
            visit.go(page, path)
            judge(page, f"{name}, {look}")
            if name == "live":
                visit.carry(page)
                judge(page, f"{name} with an image, {look}")
        page.keyboard.press("?")
        judge(page, f"keys, {look}")
    need(
        not serious,
        "; ".join(
            f"{rule} on {len(where)} of {checked} pages, {where[0]}" for rule, where in serious.items()))
    return f"{checked} pages, {slight} slighter remarks"


def widths(visit: Visit, most: int, **options: Any) -> int:
    """The widest of the pages, none of which may scroll sideways."""
    page = visit.enter(**options)
    widest, wide = 0, []
    for name, path in visit.site.pages.items():
        visit.go(page, path)
        if name == "live":
            visit.carry(page)
        width = page.evaluate("document.documentElement.scrollWidth")
        widest = max(widest, width)
        if width > most:
            wide.append(f"{name} is {width} wide ({', '.join(page.evaluate(BEYOND))})")
    need(not wide, "; ".join(wide))
    return widest


@journey("narrow")
def narrow(visit: Visit) -> str:
    """On a telephone's screen no page scrolls sideways."""
    return f"{len(visit.site.pages)} pages, {widths(visit, 376, viewport=NARROW)} of 375 pixels"


@journey("zoom and still")
def zoom_and_still(visit: Visit) -> str:
    """At twice the size no page scrolls sideways, and where less motion is asked for nothing moves."""
    widest = widths(
        visit, 641, viewport={"width": 640, "height": 400}, device_scale_factor=2, reduced_motion="reduce")
    page = visit.enter(reduced_motion="reduce")
    for name, path in visit.site.pages.items():
        visit.go(page, path)
        moving = page.evaluate(MOVING)
        need(moving == 0, f"{moving} elements of {name} move though less motion is asked for")
    return f"{len(visit.site.pages)} pages, {widest} of 640 pixels, nothing moves"


@journey("token")
def token(visit: Visit) -> str:
    """Nobody is let in without the token."""
    visit.expected = r"\b403\b"
    server = visit.site.server
    page = visit.enter()
    need("token" not in page.url, "the address still shows the token")
    (cookie,) = page.context.cookies()
    need(cookie["httpOnly"] and cookie["sameSite"] == "Strict", f"the cookie is {cookie}")
    stranger = visit.context().new_page()
    for path in ("", "?token=", f"?token={'0' * len(server.token)}", f"?token={server.token[:-1]}"):
        answer = stranger.goto(server.base + path)
        need(answer is not None and answer.status == 403, f"/{path} answers {answer and answer.status}")
    need("token" in stranger.inner_text("body"), "the refusal does not say what is missing")
    paths = [*visit.site.pages.values(), "images/0.webp", "api/run.json", "explorer.js", "nothing"]
    for path in paths:
        status = stranger.context.request.get(server.base + path).status
        need(status == 403, f"{path} answers {status} without the cookie")
    posted = stranger.context.request.post(
        f"{server.base}api/live", data=b"picture", headers={"X-Switchback": "1"})
    need(posted.status == 403, f"a picture without the cookie is answered {posted.status}")
    foreign = {"Host": "example.org"}, {"Origin": "http://example.org"}, {"Sec-Fetch-Site": "cross-site"}
    for headers in foreign:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", f"/api/run.json?token={server.token}", headers=headers)
        status = connection.getresponse().status
        need(status == 403, f"{headers} is answered {status}")
    need(page.context.request.get(server.base).status == 200, "who was let in is not any more")
    return f"{4 + len(paths) + 1 + len(foreign)} requests refused"


@journey("restart")
def restart(visit: Visit) -> str:
    """The page of one's own image says that the server has ended, and all works once it is back."""
    site = visit.site
    visit.expected = r"ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|\b403\b"
    server = Server(site.tool, site.run)
    try:
        page = visit.context().new_page()
        page.goto(server.address)
        page.goto(f"{server.base}live.html")
        picture = named(visit.picture(page, server))
        page.set_input_files("#file", picture)
        page.wait_for_selector("#excited button")
        server.kill()
        page.set_input_files("#file", picture)
        page.wait_for_function(COMPLAINT)
        said = page.inner_text("#said")
        server = Server(site.tool, site.run, port=server.port)
        page.goto(server.address)
        need(page.url == server.base, f"the new address leads to {page.url}")
        page.goto(f"{server.base}live.html")
        page.set_input_files("#file", picture)
        page.wait_for_selector("#excited button")
    finally:
        server.kill()
    need("does not answer" in said, f"once the server has ended the page says only '{said}'")
    return f"'{said}'"


NEXT = """() => new Promise(done => {
  const begun = performance.now(), old = document.querySelector('main');
  document.dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight', bubbles: true}));
  (function look() {
    const main = document.querySelector('main');
    if (main === old) return setTimeout(look, 1);
    const pictures = [...main.querySelectorAll('.nine image')].map(i => i.decode().catch(() => {}));
    Promise.all(pictures).then(() => requestAnimationFrame(() => setTimeout(
      () => done(performance.now() - begun))));
  })();
})"""


@journey("speed")
def speed(visit: Visit) -> str:
    """How long visitors wait, how much is sent, and how many requests it takes."""
    site = visit.site
    server = Server(site.tool, site.run)
    found: dict[str, float] = {}
    sizes: list[float] = []

    def timed(name: str, act: Callable[[], Any]) -> None:
        start = time.monotonic()
        act()
        page.wait_for_load_state("load")
        page.wait_for_function(SHOWN)
        found[name] = 1000 * (time.monotonic() - start)

    def next_unit() -> float:
        """From the key to the next unit's pictures, as the page itself sees it, in milliseconds."""
        took: float = page.evaluate(NEXT)
        settled(page, site.unit_page(site.unit + 1))
        return took

    def listed() -> None:
        page.set_input_files("#file", named(picture))
        page.wait_for_selector("#excited button")

    page = visit.context().new_page()
    try:
        wire = page.context.new_cdp_session(page)
        wire.send("Network.enable")
        wire.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
        timed("home", lambda: page.goto(server.address))
        found["home kB"], found["home requests"] = sum(sizes) / 1000, len(visit.requests)
        unit = server.base + site.unit_page(site.unit)
        timed("cold unit", lambda: page.goto(unit))
        visit.quiet(page)
        timed("unit again", lambda: page.goto(unit))
        visit.quiet(page)
        found["next unit"] = next_unit()
        visit.quiet(page)
        page.goto(f"{server.base}live.html")
        picture = visit.picture(page, server)
        timed("live", listed)
        # A unit is pressed before its layer's page has its pictures, of which most are still to be drawn.
        largest = max(site.layers, key=lambda layer: layer["units"])
        stem = urllib.parse.quote(largest["stem"], safe="")
        page.goto(f"{server.base}layers/{stem}.html", wait_until="commit")
        card = page.locator(".card").nth(7)
        card.wait_for()
        page.wait_for_timeout(300)
        unit = urllib.parse.urljoin(page.url, card.get_attribute("href") or "")
        timed("unit out of a cold layer", lambda: page.goto(unit))
    finally:
        page.context.close()
        server.kill()
    figures = ", ".join(
        f"{name} {value:.0f}{'' if name.startswith('home ') else ' ms'}" for name, value in found.items())
    over = [name for name, most in BUDGETS.items() if found[name] > most]
    need(not over, f"{', '.join(over)} over the budget: {figures}")
    return figures


@journey("copy")
def copy(visit: Visit) -> str:
    """A copy of some units, opened from the disk and from a server of files: the pages say what the served ones say."""
    site = visit.site
    folder = site.folder / "copy"
    units = f"{site.unit}...{site.unit + 2}"
    switchback(site.tool, "explore", site.run, "--export", str(folder), "--units", units)
    files = subprocess.Popen(
        [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory", str(folder)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert files.stdout
        port = re.search(r"port (\d+)", files.stdout.readline())
        assert port
        served = visit.enter(site.unit_page(site.unit))
        captions = served.locator(".nine figcaption").all_inner_texts()
        for root in (folder.as_uri(), f"http://127.0.0.1:{port[1]}"):
            page = visit.context().new_page()
            page.goto(f"{root}/index.html")
            page.wait_for_function(SHOWN)
            page.click(f"section.layer h2 a[href='{site.layer_page}']")
            settled(page, site.layer_page)
            need(len(order(page)) == 3, f"{root}: {len(order(page))} units where 3 were copied")
            page.select_option("[name=sort]", "number")
            need(order(page)[0] == f"u{site.unit}", f"{root}: sorted by number {order(page)} stand there")
            page.click(f"#u{site.unit}")
            settled(page, site.unit_page(site.unit))
            copied = page.locator(".nine figcaption").all_inner_texts()
            need(copied == captions, f"{root}: the unit's page says {copied[:2]}, not {captions[:2]}")
            page.keyboard.press("ArrowRight")
            settled(page, site.unit_page(site.unit + 1))
            if site.epochs:
                page.keyboard.press(",")
                now = page.eval_on_selector_all(".film .now", SHOWN_CARDS)
                need(now == [f"e{site.epochs[-2]}"], f"{root}: by the key , the slider leads to {now}")
            for path in site.studies:
                page.goto(f"{root}/index.html")
                page.click(f"main a[href='{path}']")
                settled(page, path)
                size = page.locator("main figure img").first.evaluate("image => image.naturalWidth")
                need(size > 0, f"{root}: {path} shows a figure of {size} pixels")
    finally:
        files.kill()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return f"{size / 1000:.0f} kB for 3 units of {len(site.layers)} layers"


def report(browser: Browser, site: Site, name: str, act: Journey) -> str:
    """Makes a journey, and prints what came of it: ok, skipped or FAILED."""
    visit = Visit(browser, site)
    word = "ok"
    try:
        said = act(visit)
    except Skipped as reason:
        word, said = "skipped", str(reason)
    except Exception as error:
        word, said = "FAILED", " ".join(str(error).split()) or type(error).__name__
    if faults := visit.end():
        word, said = "FAILED", f"{said}; beside: {'; '.join(faults)}"
    print(f"{word} {name} ({site.name}): {said}", flush=True)
    return word


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("switchback")
    parser.add_argument("runs", nargs="+", metavar="NAME=RUN")
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    words: list[str] = []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[
                "--no-sandbox", "--disable-dev-shm-usage", "--use-fake-device-for-media-stream",
                "--use-fake-ui-for-media-stream"])
        for named in arguments.runs:
            name, run = named.split("=", 1)
            site = Site(arguments.switchback, name, run, pathlib.Path(folder))
            try:
                for title, act in JOURNEYS.items():
                    if arguments.only in title:
                        words.append(report(browser, site, title, act))
            finally:
                site.server.kill()
        browser.close()
    failed = words.count("FAILED")
    print(f"{words.count('ok')} passed, {failed} failed, {words.count('skipped')} skipped")
    return 1 if failed or not words else 0


if __name__ == "__main__":
    sys.exit(main())

"""Visits `switchback explore` with a browser: every journey of a visitor, on every run that is given.

Usage: explorer.py SWITCHBACK NAME=RUN [NAME=RUN ...] [--only PART OF A JOURNEY'S NAME]

RUN is a finished run of `features`. Prints a line for each journey, `ok JOURNEY (NAME): figure`, `skipped` or
`FAILED` with the reason. In no journey may a page log an error, break the Content Security Policy, ask anyone
but this machine, or be refused, unless the journey is about that. Exits with 1 where a journey failed.
"""

import argparse
import array
import http.client
import json
import pathlib
import re
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
    """`switchback explore`, serving."""

    def __init__(self, tool: str, run: str, port: int = 0) -> None:
        self.process = subprocess.Popen(
            [tool, "explore", run, "--no-open", "--json", "--port", str(port)], stdout=subprocess.PIPE,
            text=True)
        assert self.process.stdout
        line = self.process.stdout.readline()
        need(bool(line), f"switchback explore {run} does not serve")
        self.address: str = json.loads(line)["url"]
        self.base, self.token = self.address.split("?token=")
        self.port = urllib.parse.urlsplit(self.base).port or 80

    def json(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", f"/{path}?token={self.token}")
        return json.loads(connection.getresponse().read())

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


class Site:
    """A run that is served, and what is known of it."""

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
        sides = urllib.parse.urlencode({"a": one, "b": other})
        asked = urllib.parse.urlencode({"q": self.class_name or self.last["layer"]})
        return {
            "home": "index.html", "layer": self.layer_page, "unit": self.unit_page(self.unit),
            "search": f"search.html?{asked}", "compare": f"compare.html?{sides}", "live": "live.html",
        }


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
    return f"7 pages, search finds {found}, {', '.join(filtered)}"


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
        server = Server(site.tool, site.run, server.port)
        page.goto(server.address)
        need(page.url == server.base, f"the new address leads to {page.url}")
        page.goto(f"{server.base}live.html")
        page.set_input_files("#file", picture)
        page.wait_for_selector("#excited button")
    finally:
        server.kill()
    need("does not answer" in said, f"once the server has ended the page says only '{said}'")
    return f"'{said}'"


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

    def next_unit() -> None:
        page.keyboard.press("ArrowRight")
        settled(page, site.unit_page(site.unit + 1))

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
        timed("next unit", next_unit)
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

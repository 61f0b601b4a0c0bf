"""A small report with drawn frames, and a page as a strict reader sees it, for the tests of reports."""

import re
from html.parser import HTMLParser

import numpy as np

from eval.report.pictures import Instant
from eval.results import Interval, Report, Row
from eval.statistics.intervals import block_bootstrap, drift

FRAMES, FPS = 40, 20.0
#: Mean of each method: lower is better, higher is better, and one without a direction.
MEANS = {"perfclone": (0.06, 27.0), "nearest": (0.09, 29.0)}


def row(method, clip="walk", seed=0, means=None, slope=0.0):
    """A row with noise of a hundredth around its means, and of PSNR with a slope a frame."""
    rng = np.random.default_rng(seed)
    made = Row(method, clip, FRAMES, FPS)
    for name, mean in zip(("st_lpips_alex", "psnr"), means or MEANS[method]):
        for region in ("whole", "person"):
            values = (mean * (1 + 0.01 * rng.normal(size=FRAMES))).tolist()
            if name == "psnr":
                values = [value + slope * t for t, value in enumerate(values)]
            made.series.setdefault(name, {})[region] = values
            made.values.setdefault(name, {})[region] = block_bootstrap(values, 0)
            made.drift.setdefault(name, {})[region] = drift(values, FPS)
    made.values["lag"] = {"person": Interval(1.0, n=FRAMES)}
    made.floors = {"psnr/whole": 40.0}
    return made


def report(*rows, **settings):
    return Report("benchmark", settings, rows=list(rows) or [row("perfclone"), row("nearest", seed=1)])


def instants(count=FRAMES, size=(48, 64), truth=True, driving=True):
    """A square that walks; the output is dimmer than the truth by ten levels."""
    for t in range(count):
        real = np.full((*size, 3), 100, np.uint8)
        real[10:30, t : t + 12] = (200, 60, 60)
        yield Instant(
            t, t / FPS, real - 10, real[:, ::-1] if driving else None, np.zeros_like(real), real if truth else None
        )


class Page(HTMLParser):
    """A page as a strict reader sees it: what is open, what is loaded, and all the words."""

    VOID = {"meta", "img", "br", "hr", "link", "input"}

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.loads, self.ids, self.words, self.tags = [], [], [], [], []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs, closed=False):
        self.tags.append(tag)
        attrs = dict(attrs)
        self.ids += [attrs["id"]] if "id" in attrs else []
        names = ("src", "poster", "data", "srcset") + (("href",) if tag in ("link", "use", "image") else ())
        self.loads += [attrs[name] for name in names if name in attrs]
        self.loads += re.findall(r"url\(([^)]*)\)", attrs.get("style") or "")
        if tag not in self.VOID and not closed:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs, closed=True)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

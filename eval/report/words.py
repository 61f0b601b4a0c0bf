"""What a report says in plain words: its headline, where a method falls short, what drifts, what each metric means."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..results import REGIONS, Interval, Report, Row, Slope
from ..statistics.paired import NOT_SHOWN, Difference, differences
from .table import by_clip, competitors, floor, in_order, metric, number
from .worst import worst

#: The method that a report is about, where it is among several.
OURS = "perfclone"
#: The distances that stand for what people see, the best first.
PERCEPTUAL = ("lpips_alex", "st_lpips_alex")
MEANINGS = {
    "lpips_alex": "How different two pictures look, by the features of a network; 0 for equal ones.",
    "st_lpips_alex": "LPIPS trained to forgive shifts that people do not see; 0 for equal pictures.",
    "psnr": "Mean squared error of the pixels on a logarithmic scale; ∞ for equal pictures.",
    "ssim": "Agreement of local brightness, contrast and structure; 1 for equal pictures.",
    "ms_ssim": "SSIM at five sizes of the picture; 1 for equal pictures.",
    "fid": "Distance of two sets of pictures: Gaussians fitted to Inception's features. Depends on N.",
    "kid": "Distance of two sets of pictures: a kernel over Inception's features, times 1000.",
    "fd_efficientnet_lite0": "As FID, over EfficientNet-Lite0's features: not comparable with published FID.",
    "kd_efficientnet_lite0": "As KID, over EfficientNet-Lite0's features: not comparable with published KID.",
    "sharpness": "How much fine detail there is beside the real frame; more than that counts as 1.",
    "found_again": "Share of the faces, or hands, of the real video that are found in the output too.",
    "point_error": "How far the points of face or hand lie from the real ones, where both are found.",
    "warp_error": "What changes from frame to frame beyond what moved, by optical flow; real video is not 0 either.",
    "moves": "Share of the frames in which the real person moves, in which the output's does, too.",
    "jumps": "Steps between frames that change the person more than 99 of 100 of the real video's steps.",
    "temporal_flickering": "1 less the mean change of the pixels from frame to frame; rewards standing still.",
    "t_of": "How far the motion of the output differs from that of the truth, by optical flow.",
    "t_lp": "How far the perceptual change from frame to frame differs from that of the truth.",
    "background_change": "Mean change from frame to frame of the background that nobody covers.",
    "pck_0.1": "Share of joints found within a tenth of the torso's length of where they should be.",
    "pck_0.2": "Share of joints found within a fifth of the torso's length of where they should be.",
    "joint_error": "Mean distance of the joints from where they should be.",
    "lag": "Frames by which the output follows late; 0 is in time.",
    "face_distance": "Distance of the faces' descriptors in output and truth.",
}


def headline(report: Report) -> list[str]:
    """The worst thing, what was compared, whether it is better, and where it falls short: a few plain sentences."""
    rows = competitors(report.rows)
    if not rows:
        return ["Nothing was scored."]
    methods = list(dict.fromkeys(row.method for row in rows))
    ours = OURS if OURS in methods else methods[0]
    others = [method for method in methods if method != ours]
    mine = [row for row in rows if row.method == ours]
    told = [worst(mine), f"{ours} was {_against(others)} on {_count(len(mine), 'clip')}, {_frames(mine)}."]
    told += [_versus(report, ours, other) for other in others] or [_likeness(mine)]
    seen = [note for note in notes(mine) if "has seen" in note]
    return [sentence for sentence in [*told, _floors(report, mine), _drifts(mine), *seen] if sentence]


def drift_sentence(name: str, slope: Slope) -> str:
    """As in "no drift: +0.001 a minute, interval [-0.002, 0.004]"."""
    return f"{_drift_verdict(name, slope)}: {drift_numbers(name, slope)}"


def drift_numbers(name: str, slope: Slope) -> str:
    """As in "+0.001 a minute, interval [-0.002, 0.004]"."""
    digits = metric(name).digits
    change = number(slope.per_minute, digits)
    sign = "+" if not change.startswith("-") else ""
    unit = f" {metric(name).unit}" if metric(name).unit else ""
    interval = f"[{number(slope.low, digits)}, {number(slope.high, digits)}]"
    return f"{sign}{change}{unit} a minute, interval {interval}"


def notes(rows: Iterable[Row]) -> list[str]:
    """What is noted about rows, each sentence once; the methods named where it is not about all of them."""
    rows = list(rows)
    told: dict[str, list[str]] = {}
    for row in rows:
        for note in row.notes:
            told.setdefault(note, []).append(row.method)
    return [note if len(by) == len(rows) else f"{', '.join(by)}: {note}" for note, by in told.items()]


def meanings(report: Report) -> list[tuple[str, str, str, str]]:
    """Title, meaning, better direction and source of every metric of a report."""
    names = in_order(name for row in report.rows for name in row.values)
    known = ((metric(name), MEANINGS.get(name, "")) for name in names)
    directions = {"lower": "lower is better", "higher": "higher is better", "none": "described only"}
    return [(each.title, meaning, directions[each.better], each.source) for each, meaning in known]


def _against(others: list[str]) -> str:
    return f"compared with {_list(others)}" if others else "scored beside the truth"


def _versus(report: Report, ours: str, other: str) -> str:
    """How often ours is better than another method, and where it is worse."""
    found: list[Difference] = []
    for rows in by_clip(report).values():
        pair = [next((row for row in rows if row.method == method), None) for method in (other, ours)]
        if None not in pair:
            found += differences(*pair, seed=report.seed)
    counts = Counter(each.verdict for each in found if each.verdict != "not judged")
    if not counts:
        return f"Against {other} nothing can be judged: there are no values frame by frame."
    total = _count(counts.total(), "comparison")
    kinds = {"better": "better", "worse": "worse", NOT_SHOWN: "not shown to differ"}
    parts = [f"{told} in {counts[verdict]}" for verdict, told in kinds.items() if counts[verdict]]
    if len(parts) == 1:
        return f"Against {other} it is {kinds[next(iter(counts))]} in all {total}."
    worse = {(each.metric, each.region) for each in found if each.verdict == "worse"}
    where = f"; it is worse in {_places(worse)}" if worse else ""
    return f"Against {other} it is, of {total}, {_list(parts)}{where}."


def _places(found: Iterable[tuple[str, str]]) -> str:
    """Metrics with their regions, such as "tOF (person region) and PSNR (whole frame, person region)"."""
    found = set(found)
    names = in_order(name for name, _ in found)
    regions = ([title for region, title in REGIONS.items() if (name, region) in found] for name in names)
    return _list([f"{metric(name).title} ({', '.join(titles)})" for name, titles in zip(names, regions)])


def _likeness(rows: list[Row]) -> str:
    """The perceptual distance of the only method there is."""
    for name in PERCEPTUAL:
        found = {region: [row.values.get(name, {}).get(region) for row in rows] for region in ("whole", "person")}
        if all(map(all, found.values())):
            shown = [f"{number(_mean(each), 3)} in the {REGIONS[region]}" for region, each in found.items()]
            return f"{metric(name).title} to the truth is {' and '.join(shown)} (0 is equal)."
    return ""


def _floors(report: Report, mine: list[Row]) -> str:
    """Where ours lies on the wrong side of the real video's own value: less steady, further from the truth."""
    short = set()
    for row in mine:
        clip = [each for each in report.rows if each.clip == row.clip]
        for name, by_region in row.values.items():
            for region, found in by_region.items():
                real = floor(clip, name, region)
                if real is not None and _worse(name, found, real):
                    short.add((name, region))
    return f"It falls short of the real video in {_places(short)}." if short else ""


def _worse(name: str, found: Interval, real: float) -> bool:
    """Whether the real video's value lies on the better side of the whole interval."""
    low, high = (found.mean if bound is None else bound for bound in (found.low, found.high))
    return {"lower": low > real, "higher": high < real, "none": False}[metric(name).better]


def _drifts(mine: list[Row]) -> str:
    slopes = [(name, region, slope) for row in mine for name, by in row.drift.items() for region, slope in by.items()]
    if not slopes:
        return ""
    drifting = {(name, region) for name, region, slope in slopes if _for_the_worse(name, slope)}
    if not drifting:
        return "No drift for the worse is shown, from the first frame to the last."
    return f"It drifts for the worse in {_places(drifting)}."


def _for_the_worse(name: str, slope: Slope) -> bool:
    better = metric(name).better
    return slope.drifts and better != "none" and (slope.per_minute > 0) == (better == "lower")


def _drift_verdict(name: str, slope: Slope) -> str:
    if not slope.drifts:
        return "no drift"
    if metric(name).better == "none":
        return "drifts"
    return "drifts for the worse" if _for_the_worse(name, slope) else "drifts for the better"


def _frames(rows: list[Row]) -> str:
    return (
        f"{_count(sum(row.frames for row in rows), 'frame')} in all" if len(rows) > 1 else f"{rows[0].frames} frames"
    )


def _mean(found: Iterable[Interval]) -> float:
    means = [each.mean for each in found]
    return sum(means) / len(means)


def _count(n: int, what: str) -> str:
    return f"{n} {what}" if n == 1 else f"{n} {what}s"


def _list(parts: list[str]) -> str:
    """Such as "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"

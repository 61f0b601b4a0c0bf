"""What axe-core finds on a page that keeps somebody out: findings that are serious or critical."""

from pathlib import Path

AXE = Path(__file__).with_name("axe") / "axe.min.js"
GRAVE = ("serious", "critical")
#: The report inside the page is a document of its own, in a frame into which no script comes.
_RUN = """async () => (await axe.run(
    {exclude: [["iframe"]]},
    {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"]}
)).violations"""


def grave(page) -> list[str]:
    """Say what keeps people out of a page as it is now, a line for each element."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return [
        f"{found['id']}: {' '.join(map(str, node['target']))} {node['html'][:160]} {node['failureSummary']}"
        for found in page.evaluate(_RUN)
        if found["impact"] in GRAVE
        for node in found["nodes"]
    ]

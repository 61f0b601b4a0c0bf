"""Everybody can use the page: each tab, light and dark, wide and on a phone, is looked at by axe-core."""

import pytest
from access import grave

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_no_tab_keeps_anybody_out(studio, visit, size, scheme):
    page = visit(studio.address, viewport=size, color_scheme=scheme)
    names = page.get_by_role("tab")
    names.first.wait_for()
    assert names.count() == 5
    for n in range(5):
        names.nth(n).click()
        page.wait_for_timeout(700)  # events that never end keep the network from being idle
        assert not (found := grave(page)), "\n".join(found)
        wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wider <= 0, f"tab {n} is {wider} pixels wider than the screen"


def test_the_check_finds_what_is_wrong(visit, studio):
    page = visit(studio.address)
    page.set_content(
        '<html lang="en"><title>x</title><main><img src="data:,"><p style="color:#ccc">pale</p></main></html>'
    )
    assert {line.split(":")[0] for line in grave(page)} == {"image-alt", "color-contrast"}

"""Everybody can use the page: each tab, light and dark, wide and on a phone, is looked at by axe-core."""

import pytest
from access import grave

WIDE, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


@pytest.mark.slow
def test_no_tab_keeps_anybody_out(studio, visit):
    page = visit(studio.address, viewport=WIDE)
    names = page.get_by_role("tab")
    names.first.wait_for()
    assert names.count() == 5
    for n in range(5):
        page.set_viewport_size(WIDE)
        names.nth(n).click()
        page.wait_for_timeout(700)  # events that never end keep the network from being idle
        for size, scheme in ((WIDE, "light"), (WIDE, "dark"), (PHONE, "dark"), (PHONE, "light")):
            page.set_viewport_size(size)
            page.emulate_media(color_scheme=scheme)
            page.wait_for_function(f"document.body.classList.contains('dark') == {str(scheme == 'dark').lower()}")
            page.wait_for_timeout(200)
            assert not (found := grave(page)), "\n".join(found)
            wider = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
            assert wider <= 0, f"tab {n} is {wider} pixels wider than the screen"


def test_the_check_finds_what_is_wrong(visit, studio):
    page = visit(studio.address)
    page.set_content(
        '<html lang="en"><title>x</title><main><img src="data:,"><p style="color:#ccc">pale</p></main></html>'
    )
    assert {line.split(":")[0] for line in grave(page)} == {"image-alt", "color-contrast"}

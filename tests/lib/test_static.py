"""What the browser downloads: small enough, complete, and nothing the content policy refuses."""

import gzip
import hashlib
import re
from pathlib import Path

import django_htmx
import pytest
from django.conf import settings
from plotly.offline import get_plotlyjs_version

from crm.lib.templatetags import ui

ROOT = Path(settings.BASE_DIR)
STATIC = ROOT / "static"
HTMX = Path(django_htmx.__file__).parent / "static" / "django_htmx" / "htmx-2.min.js"
PAGES = sorted((ROOT / "templates").rglob("*.html"))
MAIL = {ROOT / "templates" / app / "mail" for app in ("campaigns", "listening")}  # e-mail knows no style sheets and is shown in a frame of its own
WEB_PAGES = [page for page in PAGES if not MAIL & {*page.parents}]


def gzipped(*paths: Path) -> int:
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in paths)


def chart_bundle() -> Path:
    return STATIC / "vendor" / f"plotly-shop-{get_plotlyjs_version()}.min.js"


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_style_sheets_weigh_at_most_15_kb():
    assert gzipped(*(STATIC / "css").glob("*.css")) <= 15 * 1024


def test_scripts_without_charts_weigh_at_most_25_kb():
    assert gzipped(HTMX, *(STATIC / "js").glob("*.js")) <= 25 * 1024


def test_our_own_script_weighs_at_most_9_kb():
    assert gzipped(STATIC / "js" / "app.js") <= 9 * 1024


def test_chart_bundle_weighs_at_most_480_kb():
    assert gzipped(chart_bundle()) <= 480 * 1024


def test_chart_bundle_is_the_version_plotly_py_speaks():
    files = {path.name for path in (STATIC / "vendor").iterdir()}
    version = get_plotlyjs_version()
    assert files == {f"plotly-shop-{version}.min.js", f"plotly-{version}.css", "plotly.LICENSE.txt", "README.md"}


def test_pages_name_the_files_of_that_version():
    base = (ROOT / "templates" / "base.html").read_text()
    named = set(re.findall(r"vendor/[^' \"]+", base))
    version = get_plotlyjs_version()
    assert named == {f"vendor/plotly-shop-{version}.min.js", f"vendor/plotly-{version}.css"}


def test_build_recipe_asks_for_that_version():
    recipe = (ROOT / "tools" / "plotly" / "package.json").read_text()
    assert re.findall(r'"plotly.js": "([^"]+)"', recipe) == [get_plotlyjs_version()]


def test_vendor_files_are_the_ones_that_were_built():
    noted = dict(re.findall(r"\| (plotly\S+) \| ([0-9a-f]{64}) \|", (STATIC / "vendor" / "README.md").read_text()))
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (STATIC / "vendor").glob("plotly*")
        if path.suffix in (".js", ".css")
    }
    assert noted == found


def test_chart_bundle_never_builds_code_from_text():
    text = chart_bundle().read_text()
    assert [call for call in ("new Function", "eval(") if call in text] == []


def test_chart_bundle_carries_no_map_styles():
    assert "maplibregl-ctrl" not in chart_bundle().read_text()


def test_licences_lie_beside_what_they_cover():
    assert [
        name
        for name in ("fonts/inter-LICENSE.txt", "img/icons.LICENSE.txt", "vendor/plotly.LICENSE.txt")
        if not (STATIC / name).is_file()
    ] == []


def test_sprite_holds_exactly_the_listed_icons():
    listed = (ROOT / "tools" / "icons" / "names.txt").read_text().split()
    assert listed == sorted(ui.icon_names())


def test_every_icon_a_page_or_a_module_names_exists():
    named = set()
    for page in WEB_PAGES:
        text = page.read_text()
        named |= set(re.findall(r'{% icon "([^"]+)"', text)) | set(re.findall(r'\bicon="([^"]+)"', text))
    for module in [*(ROOT / "crm").rglob("*.py"), *(ROOT / "loyalty").rglob("*.py")]:
        named |= set(re.findall(r'\bicon="([a-z0-9-]+)"', module.read_text()))
    assert sorted(named - ui.icon_names()) == []


def test_every_file_a_style_sheet_names_exists():
    named = [
        (sheet.parent / name).resolve()
        for sheet in (STATIC / "css").glob("*.css")
        for name in re.findall(r'url\("(?!data:)([^"]+)"\)', sheet.read_text())
    ]
    assert [path for path in named if not path.is_file()] == []


def test_style_sheets_stay_in_their_layers():
    """A rule outside the layers beats every rule in them, whatever its place."""
    loose = []
    for sheet in sorted((STATIC / "css").glob("*.css")):
        text = re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL)
        depth, start = 0, 0
        for index, letter in enumerate(text):
            if letter == "{":
                if depth == 0:
                    opening = text[start:index].rsplit(";", 1)[-1].strip()
                    if not opening.startswith(("@layer", "@font-face")):
                        loose.append(f"{sheet.name}: {opening}")
                depth += 1
            elif letter == "}":
                depth -= 1
                start = index + 1
        assert depth == 0, f"{sheet.name} has unbalanced braces"
    assert loose == []


def test_every_colour_a_rule_uses_is_a_token():
    sheets = {sheet.name: sheet.read_text() for sheet in (STATIC / "css").glob("*.css")}
    defined = set(re.findall(r"(--[\w-]+)\s*:", "".join(sheets.values())))
    used = set(re.findall(r"var\((--[\w-]+)", "".join(sheets.values())))
    assert sorted(used - defined) == []


@pytest.mark.parametrize("page", WEB_PAGES, ids=relative)
def test_pages_carry_no_inline_code(page):
    """The content policy forbids it; the browser would drop it without a word."""
    text = re.sub(r"{%.*?%}", "", page.read_text())  # {% with one=… %} is no attribute
    inline = re.findall(r"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*(?:\ssrc=|application/json))[^>]*>|hx-on", text)
    assert inline == []

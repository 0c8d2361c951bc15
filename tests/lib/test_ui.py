"""The components' own markup: what a reader, a keyboard and a screen reader get from each tag."""

import re

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template import engines
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import translation

from crm.lib.templatetags import ui

USE = (
    r'<svg class="icon" width="18" height="18" aria-hidden="true"><use href="[^"]*icons[^"]*#([a-z0-9-]+)"></use></svg>'
)


def draw(source: str, path: str = "/", rf=None, **context) -> str:
    """Render a template and write each icon as [its name]."""
    request = rf.get(path) if rf else None
    return re.sub(USE, r"[\1]", engines["django"].from_string(source).render(context, request))


def tags(html: str, name: str) -> list[str]:
    return re.findall(rf"<{name}\b[^>]*>", html)


# Icons and marks


def test_icon_is_decoration_without_a_label():
    assert draw('{% icon "users" %}') == "[users]"


def test_icon_with_a_label_is_an_image_with_a_name():
    html = draw('{% icon "users" label="Customers" %}')
    assert tags(html, "svg") == ['<svg class="icon" width="18" height="18" role="img" aria-label="Customers">']


def test_unknown_icon_is_a_clear_error_for_makers():
    with pytest.raises(ui.UnknownChoice, match="There is no icon 'unicorn' in static"):
        draw('{% icon "unicorn" %}')


@override_settings(STRICT_ICONS=False)
def test_unknown_icon_costs_owners_nothing_but_the_icon():
    assert draw('a{% icon "unicorn" %}b') == "ab"


def test_badge_says_its_state_in_words():
    assert draw('{% badge state tone="bad" %}', state="At <risk>") == (
        '<span class="badge badge-bad"><span class="dot"></span>At &lt;risk&gt;</span>'
    )


def test_badge_with_an_icon_needs_no_dot():
    assert draw('{% badge "Suggested" tone="accent" icon="sparkles" %}') == (
        '<span class="badge badge-accent">[sparkles]Suggested</span>'
    )


def test_unknown_tone_is_a_clear_error():
    with pytest.raises(ui.UnknownChoice, match="There is no tone 'red'; choose one of neutral, good, warn, bad, info"):
        draw('{% badge "x" tone="red" %}')


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Theo Patel", "TP"),
        ("王晓雨", "王"),
        ("Elif", "E"),
        ("Anna Maria von Berg", "AB"),
        ("anna.berg@example.com", "AB"),
        ("", "?"),
        (None, "?"),
        ("…", "?"),
        ("  élan  vital ", "ÉV"),
        ("김민수", "김"),
        ("さくら", "さ"),
    ],
)
def test_initials(name, shown):
    assert ui.initials(name) == shown


def test_avatar_keeps_its_tint():
    assert draw("{% avatar 'Theo Patel' 7 %}") == '<span class="avatar avatar-3" aria-hidden="true">TP</span>'
    assert (
        draw("{% avatar 'Theo Patel' none %}", none=None)
        == '<span class="avatar avatar-1" aria-hidden="true">TP</span>'
    )


def test_kbd_shows_each_key():
    assert draw('{% kbd "Ctrl K" %}') == '<span class="keys"><kbd>Ctrl</kbd> <kbd>K</kbd></span>'


# Buttons and links


def test_button_without_an_address_sends_its_form():
    assert draw('{% button "Save" %}') == '<button class="btn btn-primary" type="submit">Save</button>'


def test_button_with_an_address_is_a_link():
    assert draw('{% button "Add" href=to kind="plain" icon="plus" %}', to="/new/?a=1&b=2") == (
        '<a class="btn btn-plain" href="/new/?a=1&amp;b=2">[plus]Add</a>'
    )


def test_button_carries_name_value_and_attributes():
    assert draw(
        '{% button "Tag" name="act" value="tag" kind="ghost" hx_post="/t/" disabled=True title=none %}', none=None
    ) == ('<button class="btn btn-ghost" type="submit" name="act" value="tag" hx-post="/t/" disabled>Tag</button>')


def test_button_of_an_icon_alone_keeps_its_name():
    assert draw('{% button "Close" icon="x" icon_only=True type="button" kind="ghost" %}') == (
        '<button class="btn btn-ghost btn-icon" type="button" title="Close">[x]'
        '<span class="sr-only">Close</span></button>'
    )


def test_unknown_kind_of_button_is_a_clear_error():
    with pytest.raises(ui.UnknownChoice, match="There is no kind of button 'secondary'"):
        draw('{% button "x" kind="secondary" %}')


def test_chip_marks_the_chosen_filter():
    assert draw('{% chip "At risk" href="?g=1" active=True count=1284 %}') == (
        '<a class="chip" href="?g=1" aria-current="true">At risk <span class="chip-count">1,284</span></a>'
    )
    assert (
        draw('{% chip "All" href="?" count=0 %}')
        == '<a class="chip" href="?">All <span class="chip-count">0</span></a>'
    )


def test_tabs_mark_the_page_shown():
    assert draw("{% tabs items label='Loyalty' %}", items=[("Rules", "/r/", True), ("Log", "/l/", False)]) == (
        '<nav class="tabs" aria-label="Loyalty"><a class="tab" href="/r/" aria-current="page">Rules</a>'
        '<a class="tab" href="/l/">Log</a></nav>'
    )


def test_stepper_says_what_is_done_and_where_one_is():
    assert draw("{% stepper steps 2 %}", steps=["Upload", "Match", "Check"]) == (
        '<ol class="stepper"><li class="step step-done"><span class="step-mark">[check]</span>'
        '<span class="step-label">Upload<span class="sr-only"> (done)</span></span></li>'
        '<li class="step step-now" aria-current="step"><span class="step-mark">2</span>'
        '<span class="step-label">Match</span></li>'
        '<li class="step step-next"><span class="step-mark">3</span><span class="step-label">Check</span></li></ol>'
    )


@pytest.mark.parametrize(
    ("path", "href", "here"),
    [
        ("/customers/7/", "/customers/", True),
        ("/orders/", "/customers/", False),
        ("/", "/", True),
        ("/orders/", "/", False),
    ],
)
def test_menu_marks_the_section_shown(rf, path, href, here):
    html = draw("{% menulink href 'X' 'users' %}", path, rf, href=href)
    assert ('aria-current="page"' in html) is here


def test_pager_keeps_the_other_choices_of_the_address(rf):
    page = Paginator(range(60), 25).page(2)
    html = draw("{% pager page %}", "/customers/?q=a%26b&sort=-spent&page=2", rf, page=page)
    assert tags(html, "a") == [
        '<a class="btn btn-plain" rel="prev" href="?q=a%26b&amp;sort=-spent&amp;page=1">',
        '<a class="btn btn-plain" rel="next" href="?q=a%26b&amp;sort=-spent&amp;page=3">',
    ]
    assert re.sub("<[^>]+>", "|", html).split("|")[2:-1] == [
        "[chevron-left]Previous",
        "",
        "Page 2 of 3",
        "",
        "Next[chevron-right]",
        "",
    ]


def test_pager_of_a_single_page_is_nothing(rf):
    assert draw("{% pager page %}", "/", rf, page=Paginator(range(5), 25).page(1)) == ""


def test_pager_on_the_first_page_has_no_way_back(rf):
    html = draw("{% pager page %}", "/", rf, page=Paginator(range(60), 25).page(1))
    assert tags(html, "a") == ['<a class="btn btn-plain" rel="next" href="?page=2">']


def test_pager_with_a_target_swaps_it_and_keeps_real_addresses(rf):
    html = draw("{% pager page target='#results' %}", "/", rf, page=Paginator(range(60), 25).page(1))
    assert tags(html, "a") == [
        '<a class="btn btn-plain" rel="next" href="?page=2" hx-get="?page=2" hx-target="#results" hx-select="#results" '
        'hx-swap="outerHTML show:window:top" hx-push-url="true">'
    ]


@pytest.mark.parametrize(
    ("path", "leads_to", "said"),
    [
        ("/?q=a&page=3", "?q=a&amp;sort=spent", "Spent"),
        ("/?sort=spent", "?sort=-spent", "Spent[chevron-up] (lowest first)"),
        ("/?sort=-spent&page=2", "?sort=spent", "Spent[chevron-down] (highest first)"),
    ],
)
def test_sortlink_turns_round_and_starts_at_page_one(rf, path, leads_to, said):
    html = draw('{% sortlink "Spent" "spent" %}', path, rf)
    assert (re.search(r'href="([^"]*)"', html)[1], re.sub("<[^>]+>", "", html)) == (leads_to, said)


def test_sortlink_knows_an_order_that_is_not_in_the_address(rf):
    html = draw('{% sortlink "Spent" "spent" "-spent" %}', "/", rf)
    assert re.sub("<[^>]+>", "", html) == "Spent[chevron-down] (highest first)"


# Forms


class Sample(forms.Form):
    name = forms.CharField(label="Name", help_text="In full.")
    points = forms.IntegerField(label="Points", required=False)
    amount = forms.DecimalField(label="Amount", required=False)
    city = forms.ChoiceField(label="City", choices=[("b", "Berlin")], required=False)
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"class": "tall"}))
    file = forms.FileField(label="File", required=False)
    agreed = forms.BooleanField(label="Said yes", required=False)
    how = forms.ChoiceField(label="How", widget=forms.RadioSelect, choices=[("a", "A"), ("b", "B")], help_text="One.")
    version = forms.IntegerField(widget=forms.HiddenInput, initial=3)


def test_field_ties_label_control_and_help_together():
    assert draw("{% field form.name %}", form=Sample()) == (
        '<div class="field"><label class="label" for="id_name">Name</label>'
        '<input type="text" name="name" class="input" required aria-describedby="id_name_helptext" id="id_name">'
        '<p class="help" id="id_name_helptext">In full.</p></div>'
    )


def test_field_says_what_is_wrong_where_it_is_heard():
    html = draw("{% field form.name %}", form=Sample({"name": ""}))
    assert tags(html, "input") == [
        '<input type="text" name="name" class="input" required aria-invalid="true" '
        'aria-describedby="id_name_helptext id_name_error" id="id_name">'
    ]
    assert '<p class="error" id="id_name_error">[triangle-alert]<span>This field is required.</span></p>' in html
    assert tags(html, "div") == ['<div class="field has-error">']


def test_field_that_may_stay_empty_says_so():
    html = draw("{% field form.city %}", form=Sample())
    assert re.search("<label.*</label>", html)[0] == (
        '<label class="label" for="id_city">City <span class="optional">optional</span></label>'
    )


def test_field_brings_up_the_right_keys_on_a_phone():
    modes = {
        name: re.search(r'inputmode="(\w+)"', draw("{% field field %}", field=Sample()[name]))
        for name in ("points", "amount", "name")
    }
    assert {name: mode and mode[1] for name, mode in modes.items()} == {
        "points": "numeric",
        "amount": "decimal",
        "name": None,
    }


def test_field_names_each_kind_of_control_for_the_style_sheet():
    classes = {
        name: re.search(
            r'<(?:input|select|textarea)[^>]* class="([^"]+)"', draw("{% field field %}", field=Sample()[name])
        )[1]
        for name in ("name", "city", "note", "file")
    }
    assert classes == {"name": "input", "city": "select", "note": "tall textarea", "file": "file"}


def test_checkbox_stands_before_its_label():
    assert draw("{% field form.agreed %}", form=Sample()) == (
        '<div class="field"><div class="check"><input type="checkbox" name="agreed" id="id_agreed">'
        '<label for="id_agreed">Said yes</label></div></div>'
    )


def test_radio_buttons_are_one_group_with_a_name():
    html = draw("{% field form.how %}", form=Sample({}))
    assert tags(html, "fieldset") == [
        '<fieldset class="field has-error" aria-describedby="id_how_helptext id_how_error">'
    ]
    assert re.findall(r'<label for="([^"]+)">(\w)</label>', html) == [("id_how_0", "A"), ("id_how_1", "B")]
    assert re.findall("<legend[^>]*>(.*)</legend>", html) == ["How"]


def test_hidden_field_is_only_its_input():
    assert (
        draw("{% field form.version %}", form=Sample())
        == '<input type="hidden" name="version" value="3" id="id_version">'
    )


def test_field_takes_attributes():
    html = draw('{% field form.name css="wide" autocomplete="name" hx_get="/x/" %}', form=Sample())
    assert tags(html, "div") == ['<div class="field wide">']
    assert tags(html, "input") == [
        '<input type="text" name="name" autocomplete="name" hx-get="/x/" class="input" required '
        'aria-describedby="id_name_helptext" id="id_name">'
    ]


def test_formerrors_of_a_right_form_is_nothing():
    assert draw("{% formerrors form %}", form=Sample()) == ""


def test_formerrors_leads_to_each_field_and_tells_hidden_ones():
    form = Sample({"how": "a", "version": "x"})
    form.is_valid()
    form.add_error(None, "Two customers have this e-mail.")
    html = draw("{% formerrors form %}", form=form)
    assert re.findall("<li>(.*?)</li>", html) == [
        "Two customers have this e-mail.",
        "Enter a whole number.",
        '<a href="#id_name">Name</a>: This field is required.',
    ]
    assert re.search('callout-title">([^<]+)<', html)[1] == "3 things need another look"
    assert tags(html, "div")[0] == '<div class="callout callout-bad" role="alert" tabindex="-1" autofocus>'


# Blocks


def test_card_with_everything():
    assert draw(
        '{% card title="Points" note="As of Nov 20" link="/l/" link_label="All" id="p" %}<p>x</p>{% endcard %}'
    ) == (
        '<section class="card" id="p"><header class="card-head"><div class="card-titles">'
        '<h2 class="card-title">Points</h2>'
        '<p class="card-note">As of Nov 20</p></div><a class="card-link" href="/l/">All</a></header><p>x</p></section>'
    )


def test_bare_card():
    assert draw("{% card %}x{% endcard %}") == '<section class="card">x</section>'


def test_card_escapes_its_title_and_keeps_its_content():
    assert draw("{% card title=title %}<b>{{ title }}</b>{% endcard %}", title="<i>") == (
        '<section class="card"><header class="card-head"><div class="card-titles">'
        '<h2 class="card-title">&lt;i&gt;</h2></div>'
        "</header><b>&lt;i&gt;</b></section>"
    )


def test_callout_says_its_tone_with_an_icon():
    assert draw('{% callout tone="warn" title="Old numbers" %}x{% endcallout %}') == (
        '<div class="callout callout-warn">[triangle-alert]<div class="callout-body">'
        '<p class="callout-title">Old numbers</p>x</div></div>'
    )


def test_empty_place_says_what_would_fill_it():
    assert draw('{% empty icon="users" title="No customers yet" %}<p>Import.</p>{% endempty %}') == (
        '<div class="empty"><span class="empty-icon">[users]</span><h2 class="empty-title">No customers yet</h2>'
        '<div class="empty-body"><p>Import.</p></div></div>'
    )


def test_chart_holds_its_numbers_as_a_table():
    assert draw('{% chart src="/c.json" label="Up" height=200 %}<table></table>{% endchart %}') == (
        '<ui-chart class="chart" src="/c.json" label="Up"><div class="chart-plot h-200"></div>'
        '<details class="chart-table">'
        '<summary>Show as table</summary><div class="table-wrap"><table></table></div></details></ui-chart>'
    )


def test_chart_of_a_height_the_style_sheet_does_not_know_is_a_clear_error():
    with pytest.raises(ui.UnknownChoice, match="There is no chart height 250; choose one of 160, 200, 240, 260, 300"):
        draw('{% chart src="/c.json" label="Up" height=250 %}{% endchart %}')


# Numbers as pictures


def kpi_words(html: str) -> list[str]:
    return [word for word in re.sub("<[^>]+>", "|", html).split("|") if word.strip()]


@pytest.mark.parametrize(
    ("delta", "good_when", "tone", "said"),
    [
        (0.124, "up", "good", ["[arrow-up-right]", "up ", "12%"]),
        (-0.031, "up", "bad", ["[arrow-down-right]", "down ", "3.1%"]),
        (0.18, "down", "bad", ["[arrow-up-right]", "up ", "18%"]),
        (-0.18, "down", "good", ["[arrow-down-right]", "down ", "18%"]),
        (0.0001, "up", "flat", ["no change"]),
    ],
)
def test_kpi_says_its_change_with_arrow_word_and_number(delta, good_when, tone, said):
    html = draw(
        "{% kpi 'Revenue' '€1' delta=delta good_when=good_when note='vs before' %}", delta=delta, good_when=good_when
    )
    assert kpi_words(html) == ["Revenue", "€1", *said, "vs before"]
    assert re.search(r"delta delta-(\w+)", html)[1] == tone


def test_kpi_without_a_comparison_invents_none():
    assert draw("{% kpi 'Revenue' '€1' delta=none %}", none=None) == (
        '<div class="kpi"><p class="kpi-label">Revenue</p><div class="kpi-row"><p class="kpi-value">€1</p></div></div>'
    )


def test_sparkline_runs_from_the_oldest_to_the_newest():
    html = draw("{% sparkline points %}", points=[0, 5, 10])
    assert re.search('<polyline points="([^"]+)"', html)[1] == "3.0,25.0 42.0,14.0 81.0,3.0"


def test_sparkline_of_equal_values_is_level():
    html = draw("{% sparkline points %}", points=[7, 7])
    assert re.search('<polyline points="([^"]+)"', html)[1] == "3.0,14.0 81.0,14.0"


def test_sparkline_of_one_value_is_nothing():
    assert draw("{% sparkline points %}", points=[7]) == ""


def test_segmentbar_divides_the_whole():
    html = draw(
        "{% segmentbar parts %}", parts=[("Regulars", 3, "c1", "/r/"), ("New", 1, "c2", ""), ("Gone", 0, "c3", "")]
    )
    assert re.findall(r'<rect class="fill-(c\d)" x="([\d.]+)%" width="([\d.]+)%"', html) == [
        ("c1", "0.00", "75.00"),
        ("c2", "75.00", "25.00"),
    ]
    assert kpi_words(html) == ["Regulars", "3", "75%", "New", "1", "25%", "Gone", "0", "0%"]


def test_segmentbar_of_nobody_divides_nothing():
    assert re.findall("<rect[^>]* x=", draw("{% segmentbar parts %}", parts=[("New", 0, "c1", "")])) == []


def test_meter_shows_share_and_words():
    assert draw('{% meter 0.82 tone="bad" label="82 %" %}') == (
        '<span class="meter meter-bad"><progress value="0.82" max="1" aria-hidden="true"></progress>'
        '<span class="num">82 %</span></span>'
    )


def test_progressbar_without_a_value_says_only_that_it_goes_on():
    assert draw('{% progressbar none 1 "Reading" %}', none=None) == (
        '<div class="progressbar"><p class="progress-label">Reading</p><progress aria-label="Reading"></progress></div>'
    )
    assert tags(draw('{% progressbar 3 10 "3 of 10" %}'), "progress") == [
        '<progress aria-label="3 of 10" value="3" max="10">'
    ]


def test_numbers_in_attributes_stay_readable_for_browsers_in_every_language():
    with translation.override("zh-hans"):
        assert tags(draw("{% meter 1234.5 max=10000 %}"), "progress") == [
            '<progress value="1234.5" max="10000" aria-hidden="true">'
        ]


# Pages


def test_styleguide_shows_every_component(owner_client):
    response = owner_client.get(reverse("styleguide"))
    assert response.status_code == 200
    source = response.templates[0]
    with open(source.origin.name) as file:
        used = set(re.findall(r"{% (\w+)", file.read()))
    components = set(ui.register.tags) - {f"end{name}" for name in ui.register.tags}
    assert components - used == {"menulink", "ui_strings", "sparkline"}  # drawn by base.html and inside kpi


def test_styleguide_needs_a_login(client, shop, owner):
    assert client.get(reverse("styleguide")).status_code == 302


@pytest.mark.parametrize(("name", "status"), [("bars", 200), ("flows", 200), ("broken", 200), ("unicorns", 404)])
def test_sample_figures(owner_client, name, status):
    assert owner_client.get(reverse("styleguide_figure", args=[name])).status_code == status


def test_page_has_the_keys_to_its_script(owner_client):
    html = owner_client.get(reverse("styleguide")).content.decode()
    assert len(re.findall(r'<meta name="csrf-token" content="[A-Za-z0-9]{64}">', html)) == 1
    assert len(re.findall(r'<script id="ui-strings" type="application/json">', html)) == 1
    assert re.findall(r"<script(?![^>]* src=)[^>]*>", html) == ['<script id="ui-strings" type="application/json">']


def test_theme_of_the_cookie_is_there_before_any_script(owner_client):
    owner_client.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark"' in owner_client.get(reverse("styleguide")).content.decode()


def test_theme_cookie_of_anything_else_is_ignored(owner_client):
    owner_client.cookies["theme"] = 'x" onload="'
    assert "data-theme=" not in owner_client.get(reverse("styleguide")).content.decode().split("<head>")[0]


def test_page_in_chinese_says_so(owner_client):
    owner_client.cookies["language"] = "zh-hans"
    assert '<html lang="zh-Hans"' in owner_client.get(reverse("styleguide")).content.decode()


def test_missing_page_keeps_the_menu_for_owners(owner_client):
    response = owner_client.get("/no/such/page/")
    assert (response.status_code, [t.name for t in response.templates][:2]) == (404, ["404.html", "base.html"])


def test_our_fault_is_told_without_needing_the_database():
    html = engines["django"].get_template("500.html").render({})
    assert re.findall("<h1>(.*)</h1>", html) == ["Something went wrong on our side"]


@pytest.mark.django_db
def test_form_from_a_forgotten_page_is_told_kindly(shop, owner):
    response = Client(enforce_csrf_checks=True).post(reverse("styleguide"))
    assert (response.status_code, response.templates[0].name) == (403, "403_csrf.html")

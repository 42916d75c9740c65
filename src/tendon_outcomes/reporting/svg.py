"""A drawing as inline SVG: no metadata, nothing that points outside, names of its own, a title and a description."""

from __future__ import annotations

import re

from markupsafe import Markup, escape

_FONTS = "'DejaVu Sans', Verdana, 'Segoe UI', sans-serif"


def inline(drawn: str, *, name: str, title: str, desc: str, css_class: str) -> Markup:
    """The SVG that matplotlib wrote, made fit to stand in a page beside others.

    ``name`` begins every id of this drawing: two drawings in one page would otherwise share clip paths and marker shapes.
    """
    view_box = re.search(r'viewBox="([\d. ]+)"', drawn)
    body = drawn[drawn.index(">", drawn.index("<svg")) + 1 : drawn.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href", "href")
    body = re.sub(r"'DejaVu Sans'(, ?[^;\"]+)?", _FONTS, body)
    body = _named(body, name)
    label = f'id="{name}-title">{escape(title)}</title><desc id="{name}-desc">{escape(desc)}</desc>'
    opening = (
        f'<svg class="{css_class}" viewBox="{view_box[1] if view_box else "0 0 720 400"}" role="img" '
        f'aria-labelledby="{name}-title {name}-desc" stroke-linejoin="round"><title {label}'
    )
    return Markup(opening + re.sub(r"\n\s*", "\n", body).strip() + "</svg>\n")


def _named(body: str, name: str) -> str:
    """Ids that something refers to get this drawing's name; the others go."""
    used = set(re.findall(r"url\(#([^)]+)\)", body)) | set(re.findall(r'href="#([^"]+)"', body))
    body = re.sub(r' id="([^"]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", body)
    return re.sub(r'href="#([^"]+)"', rf'href="#{name}-\1"', body)

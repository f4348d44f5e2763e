"""What a reader gets to see, read from a page's HTML: its text, its forms as a browser would send them, their errors."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
UNSEEN = {"script", "style", "template", "title"}


class Element:
    """A node of the page; text nodes are plain strings among the children."""

    def __init__(self, name: str, attributes: dict[str, str], parent: Element | None) -> None:
        self.name, self.attributes, self.parent = name, attributes, parent
        self.children: list[Element | str] = []

    def all(self, *names: str) -> list[Element]:
        """All elements below with one of these names (any, when none is given), in the page's order."""
        found = []
        for child in self.children:
            if isinstance(child, Element):
                if not names or child.name in names:
                    found.append(child)
                found += child.all(*names)
        return found

    def by_id(self, wanted: str) -> Element | None:
        return next((element for element in self.all() if element.attributes.get("id") == wanted), None)

    def by_class(self, wanted: str) -> list[Element]:
        return [e for e in self.all() if wanted in e.attributes.get("class", "").split()]

    @property
    def raw(self) -> str:
        return "".join(child if isinstance(child, str) else child.raw for child in self.children)

    @property
    def text(self) -> str:
        """The text that is shown, with single spaces."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return "" if self.name in UNSEEN else " ".join(" ".join(parts).split())


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = self.here = Element("page", {}, None)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        assert self.here.name == tag, f"</{tag}> ends <{self.here.name}>"
        assert self.here.parent is not None
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def read(response: Any) -> Element:
    """The page of a response. Fails on an element that is not closed where it should be."""
    return read_text(response.content.decode())


def read_text(text: str) -> Element:
    """The same of a page's text."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root, f"<{reader.here.name}> is not closed"
    return reader.root


def form_on(response: Any, form_id: str = "record-form") -> dict[str, Any]:
    """What a browser would send if the form with this id were sent as it is shown; several values make a list."""
    form = read(response).by_id(form_id)
    assert form is not None, f"no form #{form_id}"
    return sent_by(form)


def sent_by(form: Element) -> dict[str, Any]:
    """What a browser would send if this form were sent as it is shown."""
    sent: dict[str, Any] = {}
    for control in form.all("input", "textarea", "select"):
        name, kind = control.attributes.get("name"), control.attributes.get("type", "text")
        if not name or "disabled" in control.attributes:
            continue
        if control.name == "select":
            chosen = [o for o in control.all("option") if "selected" in o.attributes]
            values = [o.attributes.get("value", o.text) for o in chosen or control.all("option")[:1]]
        elif control.name == "textarea":
            values = [re.sub(r"\A\r?\n", "", control.raw)]
        elif kind in ("checkbox", "radio"):
            values = [control.attributes.get("value", "on")] if "checked" in control.attributes else []
        else:
            values = [control.attributes.get("value", "")]
        for value in values:
            sent[name] = [*sent[name], value] if isinstance(sent.get(name), list) else value
    return sent


def errors_on(response: Any) -> dict[str, list[str]]:
    """The errors at each control, by the control's name without the prefix of its id: {"ends_on": ["…"]}."""
    page = read(response)
    found = {
        element.attributes["id"].removeprefix("id_").removesuffix("_error"): [
            message.text for message in element.by_class("form-hint-invalid")
        ]
        for element in page.all()
        if element.attributes.get("id", "").endswith("_error")
    }
    for name in found:
        control = page.by_id(f"id_{name}")
        assert control is not None, f"the error of {name} belongs to no control"
        assert control.attributes.get("aria-invalid") == "true", name
        assert f"id_{name}_error" in control.attributes.get("aria-describedby", ""), name
    return found


def summary_on(response: Any) -> list[str]:
    """The items of the error summary at the top of the page."""
    return [item.text for box in read(response).by_class("gt-error-summary") for item in box.all("li")]

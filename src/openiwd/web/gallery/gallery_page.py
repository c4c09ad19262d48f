"""The gallery: each component on a page of its own, in each of its states. For those who build pages."""

from __future__ import annotations

from typing import Any, Final

from litestar import Response, get
from litestar.params import FromPath

from openiwd.domain.attribute import AttributeConfig, AttributeType
from openiwd.domain.errors import NotFoundError
from openiwd.domain.rule_set import RuleSetDocument
from openiwd.web.configuration.vocabulary_view import Known, vocabulary_of
from openiwd.web.shell.form import Field, Form
from openiwd.web.shell.rendering import ENVIRONMENT
from openiwd.web.shell.visit import CurrentVisit

FOLDER: Final = "gallery/"
COMPONENTS: Final = sorted(
    name.removeprefix(FOLDER).removesuffix(".html")
    for name in ENVIRONMENT.list_templates()
    if name.startswith(FOLDER) and name != f"{FOLDER}gallery.html"
)
"""A component's page is the template of its name in that folder."""
FIELDS: Final = [
    Field("text", "Text", value="Police report", hint="Shown with the item."),
    Field("required", "Required", required=True),
    Field("wrong", "Wrong", value="25:00", error="this is no time of day"),
    Field("choice", "Choice", "select", value="b", options=[("a", "First"), ("b", "Second")]),
    Field(
        "many", "Several", "multiple", value=["b"], options=[("a", "First"), ("b", "Second"), ("c", "Third")]
    ),
    Field("long", "Long text", "textarea", value="One line\nand another"),
    Field("flag", "Yes or no", "checkbox", value=True),
    Field("until", "Until", "datetime-local"),
]
DOCUMENT: Final = RuleSetDocument(
    name="Gallery",
    attributes=[
        AttributeConfig("product", label="Product", allowed=["theft", "glass"]),
        AttributeConfig("amount", AttributeType.DECIMAL, "Amount in €"),
    ],
)
KNOWN: Final = Known(
    skills=["german", "motor_claims"],
    groups=["motor"],
    agents=[["rossi", "Amara Rossi"]],
    tables=[["regions", ["region", "office"]]],
    reasons=[["review", "In review"]],
)
DIALOG: Final = Form(
    action="/_components/dialog",
    title="Hold this item?",
    text="It keeps its age; nobody is offered it until it is resumed.",
    fields=FIELDS[:1],
    submit="Hold",
    note="Resume brings it back.",
)


@get(["/_components", "/_components/{name:str}"])
async def gallery_page(visit: CurrentVisit, name: FromPath[str] = "button") -> Response[Any]:
    """One component in all its states."""
    if name not in COMPONENTS:
        raise NotFoundError("there is no such component", hint=f"one of {', '.join(COMPONENTS)}")
    return visit.page(
        f"{FOLDER}{name}.html",
        active="",
        components=COMPONENTS,
        component=name,
        fields=FIELDS,
        form=DIALOG,
        error=None,
        vocabulary=vocabulary_of(DOCUMENT, KNOWN, visit.t),
    )


PAGES: Final[list[Any]] = [gallery_page]

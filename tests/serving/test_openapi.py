"""The OpenAPI document against the table of routes, the running service and the page for people."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from data.access import Role
from serving.access import RULES, Rule
from serving.openapi import ENTRIES, document, refusals
from serving.problem import MEDIA_TYPE

OPERATIONS = [
    (path, method, operation)
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
]


def test_every_route_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, method, _ in OPERATIONS}
    assert described == {(rule.method, rule.path) for rule in RULES} == set(ENTRIES)
    assert len({operation["operationId"] for *_, operation in OPERATIONS}) == len(OPERATIONS)


def test_a_route_without_a_description_is_found() -> None:
    with pytest.raises(KeyError):
        document((*RULES, Rule("GET", "/v1/new", frozenset(Role))))


@pytest.mark.parametrize("rule", RULES, ids=lambda r: f"{r.method} {r.path}")
def test_what_a_rule_can_refuse_is_documented_as_a_problem(rule: Rule) -> None:
    operation = document()["paths"][rule.path][rule.method.lower()]
    wanted = {405} if rule.free else {401, 403, 405, 429, 503}
    assert wanted <= set(refusals(rule, ENTRIES[rule.method, rule.path]))
    for status, answer in operation["responses"].items():
        if int(status) >= 400:
            assert list(answer["content"]) == [MEDIA_TYPE]
    assert operation["security"] == ([] if rule.free else [{"apiKey": []}])
    names = {p["name"] for p in operation.get("parameters", []) if p["in"] == "path"}
    assert names == ({"ticket"} if "{ticket}" in rule.path else set())


def test_every_reference_leads_somewhere() -> None:
    found = document()
    text = json.dumps(found)
    names = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert names <= set(found["components"]["schemas"])
    assert {"TicketIn", "Problem", "DecisionOut"} <= names


def test_the_service_gives_the_document_and_shows_it_to_people(service: Any) -> None:
    served = httpx.get(f"{service.url}/v1/openapi.json")
    assert served.json() == document() == httpx.get(f"{service.url}/docs.json").json()
    page = httpx.get(f"{service.url}/docs")
    assert page.headers["content-type"].startswith("text/html")
    for path, _, operation in OPERATIONS:
        assert f"<code>{path}</code>" in page.text
        assert f'id="{operation["operationId"]}"' in page.text
    assert "/v1/openapi.json" in page.text
    assert "<script" not in page.text
    assert 'href="/docs"' in httpx.get(f"{service.url}/").text


def test_what_is_not_in_the_table_is_not_there(service: Any) -> None:
    for path in (
        "/static_content/index.css",
        "/v1/tickets/",
        "/v1//tickets",
        "/V1/tickets",
        "/v1/triage/submit",
    ):
        answer = httpx.get(f"{service.url}{path}")
        assert (path, answer.status_code) == (path, 404)
        assert answer.headers["content-type"] == MEDIA_TYPE

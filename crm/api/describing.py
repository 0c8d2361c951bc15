"""The API in words, for the page that describes it: drawn from the OpenAPI description, so that both say the same."""

from dataclasses import dataclass, field
from functools import cache

from crm.api.routes import api

_SECTIONS = ("me", "customers", "orders", "products", "coupons")


@dataclass(frozen=True)
class Field:
    name: str
    type: str
    is_needed: bool
    note: str = ""


@dataclass(frozen=True)
class Operation:
    method: str
    path: str
    summary: str
    parameters: list[Field] = field(default_factory=list)
    body: list[Field] = field(default_factory=list)
    is_list: bool = False


@cache
def sections() -> list[tuple[str, list[Operation]]]:
    """Return (first part of the address, its operations), in the order of the table above."""
    schema = api.get_openapi_schema()
    shapes = schema["components"]["schemas"]
    found: dict[str, list[Operation]] = {}
    for path, methods in schema["paths"].items():
        for method, said in methods.items():
            section = path.removeprefix("/api/v1/").partition("/")[0]
            found.setdefault(section, []).append(_operation(path, method, said, shapes))
    return sorted(found.items(), key=lambda pair: _SECTIONS.index(pair[0]) if pair[0] in _SECTIONS else len(_SECTIONS))


def _operation(path: str, method: str, said: dict, shapes: dict) -> Operation:
    parameters = [
        Field(row["name"], _type(row["schema"], shapes), row.get("required", False), row.get("description", ""))
        for row in said.get("parameters", [])
    ]
    body = said.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    is_list = body.get("type") == "array"
    shape = _shape(body["items"] if is_list else body, shapes)
    needed = set(shape.get("required", []))
    fields = [
        Field(name, _type(row, shapes), name in needed, row.get("description", ""))
        for name, row in shape.get("properties", {}).items()
    ]
    return Operation(method.upper(), path, said.get("summary", ""), parameters, fields, is_list)


def _shape(said: dict, shapes: dict) -> dict:
    return shapes[said["$ref"].rpartition("/")[2]] if "$ref" in said else said


def _type(said: dict, shapes: dict) -> str:
    """Return a short word for a type: the words of JSON, an enumeration's values, a list's items."""
    if "anyOf" in said:
        words = [word for part in said["anyOf"] if (word := _type(part, shapes)) != "null"]
        return " | ".join(dict.fromkeys(words))
    if "enum" in said or "const" in said:
        return " | ".join(f'"{value}"' for value in said.get("enum", [said.get("const")]))
    if "$ref" in said:
        names = ", ".join(_shape(said, shapes).get("properties", {}))
        return f"{{{names}}}"
    if said.get("type") == "array":
        return f"[{_type(said['items'], shapes)}]"
    return said.get("format") or said.get("type", "")

"""How Sphinx builds the site; `python tools/build_docs.py` prepares what it builds from, and calls it."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

from docutils import nodes
from pydantic import BaseModel
from sphinx.addnodes import pending_xref
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.pycode import ModuleAnalyzer
from sphinx.util.typing import stringify_annotation

sys.path.insert(0, str(Path(__file__).parents[1]))

import livn
from tools.docsite.docstrings import converted

project = "livn"
author = "The livn developers"
version = release = livn.__version__
html_title = f"livn {release}"
copyright = author

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["conf.py"]
nitpicky = True
nitpick_ignore_regex = [
    ("py:class", ".*"),  # types in signatures, some of which are not public
    ("py:.*", r"(?!livn\.).*"),  # what other packages define is not looked for: no network
]
smartquotes = False

myst_heading_anchors = 4

autodoc_default_options = {"members": True, "member-order": "bysource"}
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autodoc_type_aliases = {name: name for name in ("ArrayLike", "DTypeLike")}
napoleon_numpy_docstring = False
napoleon_use_param = False
napoleon_custom_sections = [("Attributes", "params_style"), ("Result", "params_style")]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
toc_object_entries_show_parents = "hide"

html_theme = "furo"
html_copy_source = False
html_show_sphinx = False
html_show_copyright = False


def convert_docstring(app: Sphinx, what: str, name: str, obj: Any, options: Any, lines: list[str]) -> None:
    """Docstrings are written with single backticks; before napoleon reads them."""
    if what == "data":
        lines[:] = _written_at_definition(name.rpartition(".")[2], obj) or lines
    lines[:] = converted(lines)
    if what in {"attribute", "data", "property"}:  # what stands before a colon in the first line would be their type
        lines.insert(0, "\\ ")


def _written_at_definition(name: str, obj: Any) -> list[str]:
    """The docstring below a constant, in the module of livn that defines it."""
    for path in sorted(module for module in sys.modules if module.startswith("livn")):
        if getattr(sys.modules[path], name, None) is obj:
            written = ModuleAnalyzer.for_module(path).find_attr_docs().get(("", name))
            if written:
                return written
    return []


def show_signature(
    app: Sphinx, what: str, name: str, obj: Any, options: Any, signature: str | None, returns: str | None
) -> tuple[str | None, str | None] | None:
    """Of classes made of checked fields their names, types and defaults, without the checks; of protocols nothing."""
    if what != "class" or signature is None:
        return None
    if getattr(obj, "_is_protocol", False):
        return "", None
    if not issubclass(obj, BaseModel):
        return signature.replace("<factory>", "..."), returns
    shown = []
    for field in obj._fields_in_order():
        info = obj.model_fields[field]
        default = "" if info.is_required() else f" = {info.get_default(call_default_factory=True)!r}"
        shown.append(f"{field}: {stringify_annotation(_unchecked(info.annotation), 'smart')}{default}")
    return f"({', '.join(shown)})", None


def _unchecked(kind: Any) -> Any:
    """A type without what `Annotated` adds to it."""
    parts = get_args(kind)
    if hasattr(kind, "__metadata__"):
        return _unchecked(parts[0])
    if get_origin(kind) in {Union, UnionType}:
        return Union[tuple(_unchecked(part) for part in parts)]  # noqa: UP007
    if get_origin(kind) in {dict, list, tuple}:
        return get_origin(kind)[tuple(_unchecked(part) for part in parts)]
    return kind


def skip_machinery(app: Sphinx, what: str, name: str, obj: Any, skip: bool, options: Any) -> bool | None:
    """What pydantic adds to classes is not shown."""
    return True if name.startswith("model_") else None


def drop_empty_heads(app: Sphinx, doctree: nodes.document) -> None:
    """Markdown has no tables without a head: an empty one is not shown."""
    for head in list(doctree.findall(nodes.thead)):
        if not head.astext().strip():
            head.parent.remove(head)


def prefer_classes(app: Sphinx, doctree: nodes.document) -> None:
    """In signatures `Env` and `System` are the classes, where protocols have the same names."""
    for node in doctree.findall(pending_xref):
        if node.get("refdomain") == "py" and node["reftarget"] in {"Env", "System"}:
            node["reftarget"], node["refspecific"] = f"livn.{node['reftarget']}", False


def resolve_alias(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.Element
) -> nodes.Element | None:
    """A reference to an object by another path than that it is documented under, or to a class or member by name."""
    if node.get("refdomain") != "py":
        return None
    domain, target = env.domains.python_domain, node["reftarget"]
    if target.startswith("livn."):
        path = _defined_at(target)
    else:
        name, _, member = target.partition(".")
        places = {}
        for place, entry in domain.objects.items():
            protocol = place.startswith("livn.types.")
            if place.rpartition(".")[2] == name and entry.objtype in {"class", "exception"} and not protocol:
                places[entry.node_id] = place
        path = ".".join(filter(None, [*places.values(), member])) if len(places) == 1 else None
    if path is None or path == target or path not in domain.objects:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", path, node, content)


def _defined_at(path: str) -> str | None:
    """The path of the definition of what `path`, which starts with "livn.", names; None where there is nothing."""
    found: Any = livn
    parts = path.split(".")
    for i, part in enumerate(parts[1:], 2):
        try:
            found = getattr(found, part)
        except AttributeError:
            try:
                found = import_module(".".join(parts[:i]))
            except ImportError:
                return None
    return f"{getattr(found, '__module__', '')}.{getattr(found, '__qualname__', '')}"


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    app.connect("autodoc-process-docstring", convert_docstring, priority=100)
    app.connect("autodoc-process-signature", show_signature)
    app.connect("autodoc-skip-member", skip_machinery)
    app.connect("doctree-read", drop_empty_heads)
    app.connect("doctree-read", prefer_classes)
    app.connect("missing-reference", resolve_alias)

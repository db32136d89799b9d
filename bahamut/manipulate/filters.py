"""Filters that storage is asked with: those of a request, of a namespace, of what is propagated."""

from __future__ import annotations

import re
from collections.abc import Callable

from bahamut.elemental.filters import Filter, FilterCostError, FilterError
from bahamut.elemental.filters.cost import MAX_COMPARISONS, MAX_VALUES
from bahamut.elemental.model import Model
from bahamut.elemental.namespace import is_namespace_child_of, namespace_ancestors
from bahamut.elemental.parameters import Parameters
from bahamut.manipulate.errors import InvalidQueryError, TooExpensiveError

NAMESPACE = "namespace"
"""Attribute that says in which namespace an object is."""
PROPAGATE = "propagate"
"""Attribute that says whether an object is seen from the namespaces below its own."""


def new_filters_from_query_parameters(parameters: Parameters) -> Filter | None:
    """Return the filter that the parameter ``q`` states, None if it states none.

    Of several any must hold; an empty one always does (Go: NewFiltersFromQueryParameters).

    Args:
        parameters: those of a request; ``q`` is of type string.

    Raises:
        InvalidQueryError: a text is not a filter.
        TooExpensiveError: the filters hold more values or comparisons than one filter may.
    """
    parameter = parameters.get("q")
    texts = parameter.string_values or [parameter.string_value]
    try:
        filters = [Filter.parse(text) if text else Filter() for text in texts]
        if len(filters) == 1:
            return filters[0] or None
        _check_size(filters)
        return Filter().or_(*filters) or None
    except FilterCostError as error:
        raise TooExpensiveError(f"Invalid filter: {error}", error.position) from error
    except FilterError as error:
        raise InvalidQueryError(f"Invalid filter: {error}", error.position) from error


def _check_size(filters: list[Filter]) -> None:
    """Refuse filters that are small one by one, but not together."""
    comparisons = [c for condition in filters for c in condition.comparisons()]
    if len(comparisons) > MAX_COMPARISONS or sum(len(c.values) for c in comparisons) > MAX_VALUES:
        raise FilterCostError(f"more than {MAX_COMPARISONS} comparisons or {MAX_VALUES} values")


def new_namespace_filter(namespace: str, *, recursive: bool, attribute: str = NAMESPACE) -> Filter:
    """Return the filter of what is in a namespace (Go: NewNamespaceFilter).

    Args:
        namespace: its name; empty is ``/``. In the pattern of a recursive filter it is escaped,
            so that ``/a.b`` does not mean ``/axb``.
        recursive: whether what is anywhere below is meant, too.
        attribute: the one that holds the namespace (Go: NewNamespaceFilterWithCustomProperty).

    Raises:
        FilterError: no filter can name the namespace.
    """
    namespace = namespace or "/"
    here = Filter().with_key(attribute).equals(namespace)
    if not recursive:
        return here
    below = Filter().with_key(attribute)
    if namespace == "/":
        return below.matches("^/")
    return Filter().or_(here, below.matches(f"^{re.escape(namespace.removesuffix('/'))}/"))


def new_propagation_filter(
    namespace: str,
    *,
    attribute: str = NAMESPACE,
    propagate: str = PROPAGATE,
    additional: Filter | None = None,
) -> Filter | None:
    """Return the filter of what the namespaces above propagate, nearest first; None for ``/``.

    Go: NewPropagationFilter, NewPropagationFilterWithCustomProperty.

    Args:
        namespace: its name; empty is ``/``.
        attribute: the one that holds the namespace.
        propagate: the one that says whether an object is propagated.
        additional: what must hold of the propagated objects besides.

    Raises:
        FilterError: no filter can name the namespace.
    """
    branches = [
        Filter().with_key(attribute).equals(above).with_key(propagate).equals(value=True)
        for above in namespace_ancestors(namespace)
    ]
    if not branches:
        return None
    return Filter().or_(*(b.and_(additional) if additional else b for b in branches))


def namespace_test(
    model: type[Model], namespace: str, *, recursive: bool, propagated: bool
) -> Callable[[Model], bool] | None:
    """Return a function that says of an object what the filters of a namespace say.

    None if there is nothing to say: the namespace is empty, or objects of this kind have none.

    Args:
        model: the kind of the objects.
        namespace: the one that is meant.
        recursive: whether what is anywhere below is meant, too.
        propagated: whether what is propagated from above is meant, too.
    """
    key, flag = model.WIRE_NAMES.get(NAMESPACE), model.WIRE_NAMES.get(PROPAGATE, "")
    if not namespace or key is None:
        return None
    is_above = _above(namespace)

    def test(obj: Model) -> bool:
        found = obj.__dict__.get(key)
        if not isinstance(found, str):
            return False
        if found == namespace or (recursive and is_namespace_child_of(found, namespace)):
            return True
        return propagated and obj.__dict__.get(flag) is True and is_above(found)

    return test


def _above(namespace: str) -> Callable[[str], bool]:
    """Return a function that says whether a namespace is among `namespace_ancestors`.

    To name all of them would take megabytes for a long name of many parts.
    """
    if namespace in ("", "/"):
        return lambda _: False
    path = namespace[namespace.find("/") :] if "/" in namespace else ""
    return lambda name: name == "/" or (name != "" and path.startswith(f"{name}/"))

"""The methods of a model class as straight-line code, written and executed once per class.

As the standard library's dataclasses do: what differs between two models is known when the class
is made, so nothing is looked up while requests are served. The text that is executed holds names
of attributes only as Python literals or as checked identifiers.
"""

from __future__ import annotations

import keyword
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

from bahamut.elemental import patterns, shapes, validators
from bahamut.elemental.attributes import AttributeSpec
from bahamut.elemental.errors import Error, Errors

MISSING: Any = object()
"""Stands for an argument or a key that was not given."""

ZEROS: dict[str, Any] = {"string": "", "enum": "", "integer": 0, "float": 0.0, "boolean": False}
MAX_ERRORS = 100
"""Errors after which validation stops."""
REFERENCES = frozenset(("ref", "refList", "refMap"))
_MUTABLE = frozenset(("list", "object", "external", "ref", "refList", "refMap"))
_FAST = {
    "string": "{v}.__class__ is str",
    "enum": "{v}.__class__ is str",
    "boolean": "{v}.__class__ is bool",
    "integer": f"{{v}}.__class__ is int and {shapes.MIN_INTEGER} <= {{v}} <= {shapes.MAX_INTEGER}",
}
_AS_IS: dict[str, type] = {"string": str, "boolean": bool}
"""Types whose every value is one on the wire, by name."""
_REQUIRED_TEST = {
    "time": "v is None",
    "integer": "v == 0",
    "float": "v == 0",
    "ref": "v is None",
}


class Source:
    """Lines of code and the values they name."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.scope: dict[str, Any] = {"MISSING": MISSING}

    def add(self, *lines: str) -> None:
        """Add lines."""
        self.lines += lines

    def name(self, prefix: str, value: Any) -> str:
        """Return a name under which the code finds *value*."""
        name = f"{prefix}_{len(self.scope)}"
        self.scope[name] = value
        return name

    def function(self, name: str) -> Callable[..., Any]:
        """Execute the lines and return the function that they define."""
        exec("\n".join(self.lines), self.scope)  # noqa: S102 - see the head of this file
        made: Callable[..., Any] = self.scope[name]
        return made


def is_plain_name(wire: str, reserved: frozenset[str]) -> bool:
    """Tell whether ``self.wire`` reads and writes the instance's own dictionary.

    Python reads names in code by their compatibility form: ``ª`` in code is ``a``.
    """
    is_name = wire.isidentifier() and unicodedata.is_normalized("NFKC", wire)
    return is_name and not keyword.iskeyword(wire) and wire not in reserved


def zero_of(spec: AttributeSpec) -> Any:
    """Return the zero value of an attribute's type."""
    return ZEROS.get(spec.type)


def first_value(spec: AttributeSpec) -> Callable[[], Any]:
    """Return a function that makes the first value of an attribute."""
    if spec.default is not None:
        default = spec.default
        return lambda: shapes.copied(default)
    if not spec.no_init:
        if spec.type in ("list", "refList"):
            return list
        if spec.type == "refMap":
            return dict
        if spec.type == "ref":
            return lambda: model_of(spec)()
    zero = zero_of(spec)
    return lambda: zero


def model_of(spec: AttributeSpec) -> Any:
    """Return the model class that a reference points to."""
    return spec.model if isinstance(spec.model, type) else spec.model()


def compile_init(specs: Sequence[AttributeSpec], reserved: frozenset[str]) -> Callable[..., None]:
    """Return ``__init__``: keyword arguments by Python name, assigned in wire order."""
    source, arguments = Source(), []
    body = []
    for spec in specs:
        make = first_value(spec)
        argument = spec.python_name
        if spec.type in _MUTABLE:
            default = "MISSING"
            is_list = spec.type in ("list", "refList") and make() == []
            maker = "[]" if is_list else f"{source.name('make', make)}()"
            value = f"{maker} if {argument} is MISSING else {argument}"
        else:
            default, value = source.name("default", make()), argument
        arguments.append(f"{argument}={default}")
        body.append(f"    {_target(spec, reserved)} = {value}")
    head = f"*, {', '.join(arguments)}" if arguments else ""
    source.add(f"def __init__(self, {head}):", *(body or ["    return"]))
    return source.function("__init__")


def compile_zero(specs: Sequence[AttributeSpec], reserved: frozenset[str]) -> Callable[..., Any]:
    """Return ``zero``: an object all of whose attributes are unset, defaults too."""
    source = Source()
    source.add("def zero(cls):", "    self = cls.__new__(cls)")
    for spec in specs:
        source.add(f"    {_target(spec, reserved)} = {source.name('zero', zero_of(spec))}")
    source.add("    return self")
    return source.function("zero")


def _target(spec: AttributeSpec, reserved: frozenset[str]) -> str:
    if is_plain_name(spec.wire, reserved):
        return f"self.{spec.wire}"
    return f"self.__dict__[{spec.wire!r}]"


def decoder_for(spec: AttributeSpec) -> shapes.Decoder:
    """Return the decoder of an attribute's values."""
    if spec.type in shapes.SCALARS:
        return shapes.SCALARS[spec.type][1]
    if spec.type == "list":
        known = shapes.SCALARS.get(spec.subtype)
        as_is = _AS_IS.get(spec.subtype)
        return shapes.decode_list_of(known[1] if known else shapes.decode_object, as_is)
    if spec.type in REFERENCES:
        nested = shapes.decode_model_of(lambda: model_of(spec))
        kinds = {"ref": nested, "refList": shapes.decode_list_of(nested)}
        return kinds.get(spec.type) or shapes.decode_mapping_of(nested)
    if spec.codec is not None:
        return _codec_decoder(spec.codec)
    if spec.annotation:
        return shapes.decoder_of(shapes.parse_annotation(spec.annotation))
    return shapes.decode_object


def _codec_decoder(codec: Any) -> shapes.Decoder:
    def decode(value: Any, path: str) -> Any:
        if value is None:
            return None
        try:
            return codec.from_wire(value)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise shapes.DecodeError(f"cannot be read: {error}", path) from error

    return decode


def compile_update(
    specs: Sequence[AttributeSpec], reserved: frozenset[str], *, is_sparse: bool
) -> Callable[..., None]:
    """Return ``update_from_wire``: decodes a mapping into the object.

    A key that is absent leaves the attribute alone; null sets it to its zero value, and on a
    sparse object takes it away.
    """
    source = Source()
    source.add("def update_from_wire(self, value):")
    if is_sparse or any(spec.type == "ref" for spec in specs):
        source.add("    d = self.__dict__")  # made for each object, so only where it is needed
    for spec in specs:
        if not spec.exposed:
            continue
        target = f"d[{spec.wire!r}]" if is_sparse else _target(spec, reserved)
        decode = source.name("decode", decoder_for(spec))
        decoded = f"{decode}(v, {spec.wire!r})"
        fast = _FAST.get(spec.type)
        if fast:
            decoded = f"v if {fast.format(v='v')} else {decoded}"
        elif spec.type == "ref":
            decoded = f"{source.name('merge', _merged(spec))}(d.get({spec.wire!r}), v)"
        source.add(f"    if {spec.wire!r} in value:", f"        v = value[{spec.wire!r}]")
        if is_sparse:
            source.add(f"        if v is None: d.pop({spec.wire!r}, None)")
            source.add(f"        else: {target} = {decoded}")
        else:
            source.add(f"        {target} = {decoded}")
    source.add("    return")
    return source.function("update_from_wire")


def _merged(spec: AttributeSpec) -> Callable[[Any, Any], Any]:
    """Return what decodes a reference into the object that is there already.

    Its absent keys leave that object's attributes alone, and null unsets all of them, as in the
    original: a reference that has an object keeps one.
    """
    decode, wire = decoder_for(spec), spec.wire

    def merge(current: Any, value: Any) -> Any:
        if current is None:
            return decode(value, wire)
        if value is None:
            return type(current).zero()
        if value.__class__ is not dict:
            raise shapes.refuse(value, "an object", wire)
        try:
            current.update_from_wire(value)
        except shapes.DecodeError as error:
            raise error.below(wire) from None
        return current

    return merge


def compile_copy(specs: Sequence[AttributeSpec], reserved: frozenset[str]) -> Callable[..., Any]:
    """Return ``copy``: a deep copy."""
    source = Source()
    copied = source.name("copied", shapes.copied)
    source.add("def copy(self):", "    d = self.__dict__", "    it = self")
    source.add("    self = it.__class__.__new__(it.__class__)")
    for spec in specs:
        value = f"d[{spec.wire!r}]"
        if spec.type in _MUTABLE:
            value = f"None if (v := {value}) is None else {copied}(v)"
        source.add(f"    {_target(spec, reserved)} = {value}")
    source.add("    return self")
    return source.function("copy")


def compile_to_wire(specs: Sequence[AttributeSpec]) -> Callable[..., dict[str, Any]]:
    """Return ``to_wire`` for a class that does not travel as it is."""
    source = Source()
    source.add("def to_wire(self):", "    d = self.__dict__", "    w = {}")
    for spec in specs:
        if spec.exposed:
            put = f"w[{spec.wire!r}] = d[{spec.wire!r}]"
            if spec.omit_empty:
                is_set = source.name("is_set", lambda v: not validators.is_zero(v))
                put = f"if {is_set}(d[{spec.wire!r}]): {put}"
            source.add(f"    {put}")
    source.add("    return w")
    return source.function("to_wire")


def compile_problems(
    specs: Sequence[AttributeSpec], *, is_sparse: bool
) -> Callable[..., list[Error]]:
    """Return what finds the errors of an object; one ``if`` per rule, none on the good path.

    When a required attribute is missing, only such errors are reported. What is absent from a
    sparse object breaks no rule.
    """
    source = Source()
    source.add("def problems(self):", "    d = self.__dict__", "    required = []", "    e = []")
    for spec in sorted(specs, key=lambda s: s.name):
        if spec.exposed and not spec.transient:
            rules = list(_rules(spec, source))
            if rules:
                if is_sparse:
                    rules = [f"if {spec.wire!r} in d:", *(f"    {rule}" for rule in rules)]
                    rules.insert(1, f"    v = d[{spec.wire!r}]")
                else:
                    rules.insert(0, f"v = d[{spec.wire!r}]")
                source.add(*(f"    {rule}" for rule in rules))
    source.add("    return required or e")
    return source.function("problems")


def _rules(spec: AttributeSpec, source: Source) -> list[str]:
    name, rules = repr(spec.name), list[str]()
    if spec.required and spec.type != "boolean":
        test = _REQUIRED_TEST.get(spec.type, "not v")
        if spec.type in ("object", "external"):
            test = f"{source.name('is_zero', validators.is_zero)}(v)"
        fail = source.name("fail", validators.validate_required_string)
        rules.append(f'if {test}: required.append({fail}({name}, ""))')
    if spec.type in REFERENCES:
        rules.append(f"if v: e += {source.name('nested', nested_problems)}(v)")
    if spec.allowed_choices:
        choices, relaxed = source.name("choices", spec.allowed_choices), spec.autogenerated
        fail = source.name("fail", validators.validate_string_in_list)
        allowed = source.name(
            "allowed", frozenset(spec.allowed_choices) | ({""} if relaxed else set())
        )
        check = f"{fail}({name}, v, {choices}, autogenerated={relaxed})"
        rules.append(f"if v not in {allowed}: e.append({check})")
    if spec.type == "string":
        rules += _text_rules(spec, source)
    if spec.type in ("integer", "float"):
        rules += _number_rules(spec, source)
    for function in spec.validations:
        custom = source.name("custom", custom_problems)
        rules.append(f"e += {custom}({source.name('function', function)}, {name}, v)")
    return rules


def _text_rules(spec: AttributeSpec, source: Source) -> list[str]:
    name, rules = repr(spec.name), list[str]()
    if spec.allowed_chars:
        fail = source.name("fail", validators.validate_pattern)
        given = f"{name}, v, {spec.allowed_chars!r}, {spec.allowed_chars_message!r}"
        check = f"(x := {fail}({given}, required={spec.required}))"
        if characters := patterns.characters_of(spec.allowed_chars):
            check = f"(not v or v.strip({characters!r})) and {check}"
        rules.append(f"if {check}: e.append(x)")
    if spec.max_length is not None:
        fail = source.name("fail", validators.validate_maximum_length)
        rules.append(
            f"if len(v) > {spec.max_length}: e.append({fail}({name}, v, {spec.max_length}))"
        )
    if spec.min_length is not None:
        fail = source.name("fail", validators.validate_minimum_length)
        rules.append(
            f"if len(v) < {spec.min_length}: e.append({fail}({name}, v, {spec.min_length}))"
        )
    return rules


def _number_rules(spec: AttributeSpec, source: Source) -> list[str]:
    name, rules = repr(spec.name), list[str]()
    is_integer = spec.type == "integer"
    maximum = validators.validate_maximum_int if is_integer else validators.validate_maximum_float
    minimum = validators.validate_minimum_int if is_integer else validators.validate_minimum_float
    for bound, sign, check in ((spec.max_value, ">", maximum), (spec.min_value, "<", minimum)):
        if bound is not None:
            limit, fail = source.name("bound", bound), source.name("fail", check)
            rules.append(f"if v {sign} {limit}: e.append({fail}({name}, v, {limit}))")
    return rules


def nested_problems(value: Any) -> list[Error]:
    """Return the errors of nested objects, once their unset attributes have their defaults."""
    if isinstance(value, dict):
        value = list(value.values())
    found: list[Error] = []
    for nested in value if isinstance(value, list) else [value]:
        if nested is not None:
            nested.reset_defaults()
            found += all_problems(nested)
            if len(found) > MAX_ERRORS:
                break
    return found


def all_problems(given: Any) -> list[Error]:
    """Return the errors of an object: of its attributes, then of the model's own validations.

    When a required attribute is missing, only such errors are reported. The model's own
    validations need a whole object, which a sparse one is not.
    """
    found: list[Error] = type(given).problems(given)
    if given.IS_SPARSE or not given.VALIDATIONS:
        return found
    if not any(e.description.endswith(" is required") for e in found):
        for function in given.VALIDATIONS:
            found += custom_problems(function, "", given)
    return found


def reported(found: list[Error]) -> list[Error]:
    """Return the first errors, and one more that stands for the others."""
    if len(found) <= MAX_ERRORS:
        return found
    return [*found[:MAX_ERRORS], validators.too_many_errors(MAX_ERRORS)]


def custom_problems(function: Callable[..., None], name: str, *values: Any) -> list[Error]:
    """Return what a custom validator raises as validation errors (decision X40)."""
    try:
        function(*((name,) if name else ()), *values)
    except Errors as errors:
        return list(errors)
    except Error as error:
        return [error]
    except Exception as error:  # noqa: BLE001 - whatever a validator raises refuses the value
        return [validators.validation_error(name, str(error))]
    return []

"""`Model`: an object of an API, whose own ``__dict__`` is its wire form.

The keys of the dictionary are the wire names, in the order in which they travel, put there by
assignment, so that all objects of a class share their keys and encoding one is encoding its
dictionary. What differs between classes is compiled once, when the class is made.
"""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Any, ClassVar, Self, dataclass_transform

from bahamut.elemental import compile as compiler
from bahamut.elemental.annotations import described
from bahamut.elemental.attributes import AttributeSpec, attribute
from bahamut.elemental.errors import Error, Errors
from bahamut.elemental.identity import EMPTY_IDENTITY, Identity
from bahamut.elemental.naming import KeptCompiled, KeptMethod, python_name_of
from bahamut.elemental.shapes import DecodeError, copied
from bahamut.elemental.validators import is_zero

__all__ = ["DecodeError", "Model", "attribute", "new_model"]


@dataclass_transform(kw_only_default=True, field_specifiers=(attribute,))
class Model:
    """The base of every object (Go: Identifiable, PlainIdentifiable, AttributeSpecifiable).

    A class states what it is in its head and its attributes in its body::

        class Task(Model, identity=Identity("task", "tasks")):
            title: str = attribute(default="", required=True)

    Args of the class statement:
        identity: what it is; without one the class is detached, to be nested in others only.
        version: of the API.
        default_order: attribute names, with ``-`` in front for descending.
        indexes: names of attributes that are looked up together.
        aliases: further names of the identity.
        validations: functions of the object that raise when it is not valid.
    """

    IDENTITY: ClassVar[Identity] = EMPTY_IDENTITY
    ATTRIBUTES: ClassVar[tuple[AttributeSpec, ...]] = ()
    """Sorted by wire name."""
    VERSION: ClassVar[int] = 0
    DEFAULT_ORDER: ClassVar[tuple[str, ...]] = ()
    INDEXES: ClassVar[tuple[tuple[str, ...], ...]] = ()
    ALIASES: ClassVar[tuple[str, ...]] = ()
    VALIDATIONS: ClassVar[tuple[Callable[[Any], None], ...]] = ()
    DETACHED: ClassVar[bool] = True
    IS_SPARSE: ClassVar[bool] = False
    IS_PLAIN_WIRE: ClassVar[bool] = True
    """Whether an object travels as its dictionary is: nothing is unexposed or left out if empty."""
    IDENTIFIER: ClassVar[str] = ""
    """Wire name of the identifier, empty without one."""
    WIRE_NAMES: ClassVar[Mapping[str, str]] = {}
    """Wire name by specification name and exposed name."""
    SPARSE: ClassVar[type[Model]]
    """The twin all of whose attributes may be absent."""
    PLAIN: ClassVar[type[Model]]
    """The class itself; of a sparse twin, the class it is the twin of."""

    def __init_subclass__(cls, **options: Any) -> None:
        if cls.__dict__.get("IS_SPARSE"):
            return
        _set_options(cls, **options)
        inherited = {spec.name: spec for spec in cls.ATTRIBUTES}
        own = _declared(cls)
        _check_names(cls, own)  # before one takes the other's place below
        specs = inherited | {spec.name: spec for spec in own}
        cls.ATTRIBUTES = tuple(sorted(specs.values(), key=lambda spec: spec.wire))
        _check_names(cls, cls.ATTRIBUTES)
        cls.PLAIN = cls
        cls.IDENTIFIER = next((s.wire for s in cls.ATTRIBUTES if s.identifier), "")
        cls.IS_PLAIN_WIRE = all(s.exposed and not s.omit_empty for s in cls.ATTRIBUTES)
        cls.WIRE_NAMES = {name: s.wire for s in cls.ATTRIBUTES for name in (s.wire, s.name)}
        taken = _taken(cls.ATTRIBUTES)
        for spec in cls.ATTRIBUTES:
            _install(cls, spec, taken)
        _compile(cls, taken)
        cls.SPARSE = _sparse_twin(cls, taken)

    # --- identity ----------------------------------------------------------------------------

    @property
    def identity(self) -> Identity:
        """What kind of object it is."""
        return self.IDENTITY

    @property
    def identifier(self) -> str:
        """The value of the identifier attribute, empty without one."""
        return self.__dict__.get(self.IDENTIFIER) or ""

    @identifier.setter
    def identifier(self, value: str) -> None:
        if not self.IDENTIFIER:
            return
        if self.IS_SPARSE and not value:
            self.__dict__.pop(self.IDENTIFIER, None)
        else:
            self.__dict__[self.IDENTIFIER] = value

    @property
    def model_version(self) -> int:
        """The version of the API that the class belongs to."""
        return self.VERSION

    # --- the wire ----------------------------------------------------------------------------

    def to_wire(self) -> dict[str, Any]:
        """Return what travels: the exposed attributes by wire name, in order; not to be changed.

        Secrets are included: `without_secrets` takes them out. Nested objects stay objects.
        """
        if self.IS_PLAIN_WIRE and len(self.__dict__) == len(self.ATTRIBUTES):
            return self.__dict__
        return self._project()

    @classmethod
    def from_wire(cls, value: Mapping[str, Any]) -> Self:
        """Return a new object, defaults applied, with *value* decoded into it.

        Raises:
            DecodeError: a value is not of its attribute's type.
        """
        made = cls()
        made.update_from_wire(value)
        return made

    def update_from_wire(self, value: Mapping[str, Any]) -> None:
        """Decode *value* into the object; absent keys change nothing, null unsets.

        Raises:
            DecodeError: a value is not of its attribute's type.
        """

    @classmethod
    def zero(cls) -> Self:
        """Return an object with nothing set, not even the defaults."""
        return cls()

    @classmethod
    def from_storage(cls, values: Mapping[str, Any]) -> Self:
        """Return an object of trusted values by wire name; absent ones are zero. No checks."""
        made = cls.zero()
        for name, value in values.items():
            made.__dict__[name] = value
        return made

    # --- rules -------------------------------------------------------------------------------

    def problems(self) -> list[Error]:
        """Return the validation errors of the attributes; of required ones alone, if any is."""
        return []

    def validate(self) -> None:
        """Check every rule of the model (Go: Validate).

        Raises:
            Errors: all that is wrong, at once; after 100 errors the last one says so.
        """
        found = compiler.all_problems(self)
        if found:
            raise Errors(*compiler.reported(found))

    def reset_defaults(self) -> None:
        """Give every attribute that is unset its default (Go: ResetDefaultForZeroValues)."""
        for wire, default in self._defaults:
            if is_zero(self.__dict__.get(wire)):
                self.__dict__[wire] = copied(default)

    _defaults: ClassVar[tuple[tuple[str, Any], ...]] = ()

    # --- copies, sparse objects, patches -----------------------------------------------------

    def copy(self) -> Self:
        """Return a deep copy (Go: DeepCopy)."""
        made = self.__class__.__new__(self.__class__)
        for name, value in self.__dict__.items():
            made.__dict__[name] = copied(value)
        return made

    def __copy__(self) -> Self:
        made = self.__class__.__new__(self.__class__)
        made.__dict__.update(self.__dict__)
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return type(self).copy(self)

    def to_sparse(self, *names: str) -> Model:
        """Return a sparse object with these attributes, all of them without *names*.

        Args:
            *names: specification or exposed names; unknown ones are ignored.
        """
        values, sparse = self.__dict__, self.SPARSE()
        if names:
            wanted = {self.WIRE_NAMES.get(name) for name in names}
            chosen: Iterable[AttributeSpec] = (s for s in self.ATTRIBUTES if s.wire in wanted)
        else:
            chosen = self.ATTRIBUTES
        for spec in chosen:
            value = values.get(spec.wire)
            if value is not None or (spec.wire in values and spec.type != "ref"):
                sparse.__dict__[spec.wire] = value
        return sparse

    def to_plain(self) -> Model:
        """Return a plain object: what is absent from a sparse one has its default."""
        made = self.PLAIN()
        made.patch(self)
        return made

    def patch(self, sparse: Model) -> None:
        """Overwrite attributes with those present in *sparse*.

        Raises:
            TypeError: *sparse* is of another identity.
        """
        if sparse.PLAIN is not self.PLAIN and sparse.IDENTITY != self.IDENTITY:
            raise TypeError("cannot patch from a parse with different identity")
        for name, value in sparse.__dict__.items():
            self.__dict__[name] = copied(value)

    # --- introspection -----------------------------------------------------------------------

    @classmethod
    def attribute_spec(cls, name: str) -> AttributeSpec | None:
        """Return what is known of an attribute, by its names in any case; None if unknown."""
        return cls._specs.get(name.lower())

    _specs: ClassVar[Mapping[str, AttributeSpec]] = {}

    def value_for_attribute(self, name: str) -> Any:
        """Return the value of an attribute by its specification name, None if unknown."""
        return self.__dict__.get(self.WIRE_NAMES.get(name, name))

    def encrypt_attributes(self, encrypter: Any) -> None:
        """Encrypt the attributes that are to be encrypted at rest.

        Args:
            encrypter: has ``encrypt_string(text)``.

        Raises:
            ValueError: it cannot.
        """
        self._crypt(encrypter.encrypt_string, "encrypt")

    def decrypt_attributes(self, encrypter: Any) -> None:
        """Decrypt the attributes that are encrypted at rest.

        Args:
            encrypter: has ``decrypt_string(text)``.

        Raises:
            ValueError: it cannot.
        """
        self._crypt(encrypter.decrypt_string, "decrypt")

    def _crypt(self, convert: Callable[[str], str], verb: str) -> None:
        for spec in self.ATTRIBUTES:
            if spec.encrypted and self.__dict__.get(spec.wire) is not None:
                try:
                    self.__dict__[spec.wire] = convert(self.__dict__[spec.wire])
                except Exception as error:
                    raise ValueError(
                        f"unable to {verb} attribute '{spec.name}' for "
                        f"'{type(self).__name__}' ({self.identifier}): {error}"
                    ) from error

    def _project(self) -> dict[str, Any]:
        values = self.__dict__
        return {s.wire: values[s.wire] for s in self.ATTRIBUTES if s.exposed and s.wire in values}

    # --- manners -----------------------------------------------------------------------------

    def __eq__(self, other: object) -> bool:
        if self.__class__ is not other.__class__:
            return NotImplemented
        return self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = ", ".join(
            f"{s.python_name}={self.__dict__[s.wire]!r}"
            for s in self.ATTRIBUTES
            if s.wire in self.__dict__ and not s.secret
        )
        return f"{type(self).__name__}({values})"

    def __str__(self) -> str:
        return f"<{self.IDENTITY.name}:{self.identifier}>"


RESERVED = frozenset(dir(Model)) | {"IDENTITY", "SPARSE", "PLAIN"}
"""Names of `Model`'s own: an attribute of such a name gets a Python name with a trailing ``_``."""


def new_model(
    name: str, *, identity: Identity, attributes: Sequence[AttributeSpec], **options: Any
) -> type[Model]:
    """Make a model class at run time, by the path that a class statement takes.

    Args:
        name: of the class.
        identity: what it is; the empty identity for a detached class.
        attributes: their specifications, in any order.
        **options: as in the class statement, and ``doc``, its docstring.
    """
    doc = options.pop("doc", "")

    def fill(body: dict[str, Any]) -> None:
        body["__doc__"] = doc
        body["__declared__"] = tuple(attributes)

    return types.new_class(name, (Model,), {"identity": identity, **options}, fill)


def _set_options(  # noqa: PLR0913 - the options of a class statement
    cls: type[Model],
    *,
    identity: Identity | None = None,
    version: int | None = None,
    default_order: Iterable[str] = (),
    indexes: Iterable[Iterable[str]] = (),
    aliases: Iterable[str] = (),
    validations: Iterable[Callable[[Any], None]] = (),
    detached: bool | None = None,
) -> None:
    if identity is not None:
        if not isinstance(identity, Identity):
            raise TypeError(f"{cls.__name__}: identity must be an Identity, not {identity!r}")
        cls.IDENTITY = identity
    if version is not None:
        cls.VERSION = version
    cls.DETACHED = cls.IDENTITY.is_empty if detached is None else detached
    cls.DEFAULT_ORDER = tuple(default_order) or cls.DEFAULT_ORDER
    cls.INDEXES = tuple(tuple(index) for index in indexes) or cls.INDEXES
    cls.ALIASES = tuple(aliases) or cls.ALIASES
    cls.VALIDATIONS = tuple(validations) or cls.VALIDATIONS


def _declared(cls: type[Model]) -> list[AttributeSpec]:
    """Return the attributes of a class body, completed, and take them out of the class."""
    given: Iterable[AttributeSpec] = cls.__dict__.get("__declared__", ())
    found: list[AttributeSpec] = []
    for spec in given:
        name = python_name_of(spec.name, RESERVED)
        while any(name == other.python_name for other in found):
            name += "_"
        found.append(_completed(spec, name))
    in_body = {n: v for n, v in vars(cls).items() if isinstance(v, AttributeSpec)}
    if in_body:
        annotations = inspect.get_annotations(cls, eval_str=True)
        for name, spec in in_body.items():
            delattr(cls, name)
            typed = spec if spec.type else described(spec, annotations.get(name), cls, name)
            found.append(_completed(typed, name))
    return found


def _completed(spec: AttributeSpec, python_name: str) -> AttributeSpec:
    name = spec.name or spec.wire or python_name
    return replace(
        spec,
        name=name,
        python_name=spec.python_name or python_name,
        wire=spec.wire or name,
        storage_name=spec.storage_name or ("_id" if spec.identifier else name.lower()),
    )


def _check_names(cls: type[Model], specs: Sequence[AttributeSpec]) -> None:
    for kind in ("name", "wire", "python_name"):
        names = [getattr(spec, kind) for spec in specs]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise TypeError(f"{cls.__name__} has two attributes named {', '.join(sorted(twice))}")
    hidden = [s.python_name for s in specs if s.python_name in RESERVED]
    if hidden:
        raise TypeError(
            f"{cls.__name__}: an attribute cannot be named {', '.join(hidden)}, which is Model's "
            f"own; name it {hidden[0]}_ and say wire={hidden[0]!r}"
        )


def _taken(specs: Sequence[AttributeSpec]) -> frozenset[str]:
    """Return the names under which a class has something else than the attribute on the wire."""
    return RESERVED | {spec.python_name for spec in specs if spec.python_name != spec.wire}


def _install(cls: type[Model], spec: AttributeSpec, taken: frozenset[str]) -> None:
    """Put what reads and writes an attribute under its Python name into the class."""
    wire = spec.wire
    if wire in RESERVED and inspect.isroutine(getattr(Model, wire, None)):
        setattr(cls, wire, KeptMethod(wire))
    if wire == spec.python_name:
        return
    if compiler.is_plain_name(wire, taken):
        read: Callable[[Any], Any] = attrgetter(wire)
    else:

        def read(instance: Any) -> Any:
            return instance.__dict__.get(wire)

    def write(instance: Any, value: Any) -> None:
        instance.__dict__[wire] = value

    setattr(cls, spec.python_name, property(read, write, doc=spec.description))


def _compile(cls: type[Model], taken: frozenset[str]) -> None:
    made: Any = cls
    specs = cls.ATTRIBUTES
    made.__init__ = compiler.compile_init(specs, taken)
    made.zero = classmethod(compiler.compile_zero(specs, taken))
    made.update_from_wire = compiler.compile_update(specs, taken, is_sparse=False)
    made.copy = compiler.compile_copy(specs, taken)
    made.problems = compiler.compile_problems(specs, is_sparse=False)
    made._project = compiler.compile_to_wire(specs)
    made._defaults = tuple(
        (s.wire, s.default) for s in specs if s.has_default and s.default is not None
    )
    made._specs = {s.python_name.lower(): s for s in specs} | {
        name.lower(): s for s in specs for name in (s.wire, s.name)
    }
    for wire in (s.wire for s in specs):
        if wire in ("zero", "copy", "problems", "update_from_wire", "_project", "__init__"):
            setattr(cls, wire, KeptCompiled(getattr(cls, wire)))


def _sparse_twin(cls: type[Model], taken: frozenset[str]) -> type[Model]:
    """Return the class of objects that hold some of the attributes; absent ones read as None."""
    specs = cls.ATTRIBUTES
    exposed = tuple(s.wire for s in specs if s.exposed)

    def __init__(self: Model, **values: Any) -> None:  # noqa: N807
        if not values:
            return
        wires = {s.python_name: s.wire for s in specs}
        unknown = values.keys() - wires.keys()
        if unknown:
            raise TypeError(f"{cls.__name__} has no attribute {', '.join(sorted(unknown))}")
        for spec in specs:
            if spec.python_name in values:
                self.__dict__[spec.wire] = values[spec.python_name]

    def _project(self: Model) -> dict[str, Any]:
        values = self.__dict__
        return {wire: values[wire] for wire in exposed if wire in values}

    body: dict[str, Any] = {
        "IS_SPARSE": True,
        "IS_PLAIN_WIRE": False,
        "__doc__": f"A sparse {cls.__name__}.",
        "__module__": cls.__module__,
        "__qualname__": f"{cls.__qualname__}.SPARSE",
        "__init__": __init__,
        "zero": classmethod(lambda twin: twin()),
        "update_from_wire": compiler.compile_update(specs, taken, is_sparse=True),
        "copy": Model.copy,
        "problems": compiler.compile_problems(specs, is_sparse=True),
        "_project": _project,
        "PLAIN": cls,
    }
    for spec in specs:
        if compiler.is_plain_name(spec.wire, taken):
            body[spec.wire] = None
    twin: type[Model] = type(f"Sparse{cls.__name__}", (cls,), body)
    twin.SPARSE = twin
    return twin

"""The model layer (Go: elemental): identities, objects, requests, filters; pure values."""

from bahamut.elemental.attributes import AttributeSpec, attribute
from bahamut.elemental.encoding import (
    JSON,
    MSGPACK,
    convert,
    decode,
    decode_errors,
    decode_into,
    decode_list,
    encode,
)
from bahamut.elemental.errors import Error, Errors, is_error_with_code, is_validation_error
from bahamut.elemental.event import Event
from bahamut.elemental.filters import (
    Comparator,
    Filter,
    FilterComposer,
    FilterError,
    MatcherError,
    compile_filter,
    filter_composer,
    matches,
)
from bahamut.elemental.identity import (
    ALL_IDENTITY,
    EMPTY_IDENTITY,
    ROOT_IDENTITY,
    Identity,
)
from bahamut.elemental.model import DecodeError, Model, new_model
from bahamut.elemental.namespace import HeaderNamespacer, Namespacer
from bahamut.elemental.operations import EventType, Operation, parse_operation
from bahamut.elemental.parameters import (
    Parameter,
    ParameterDefinition,
    Parameters,
    ParametersRequirement,
)
from bahamut.elemental.push_config import PushConfig
from bahamut.elemental.raw_request import RawRequest
from bahamut.elemental.registry import ModelManager, Registry
from bahamut.elemental.relationships import Relationship, RelationshipInfo
from bahamut.elemental.request import Request
from bahamut.elemental.secrecy import (
    AESAttributeEncrypter,
    AttributeEncrypter,
    new_aes_attribute_encrypter,
    without_secrets,
)
from bahamut.elemental.streams import make_stream_decoder, make_stream_encoder
from bahamut.elemental.verify import (
    backport_unexposed_fields,
    validate_advanced_specification,
    verify,
)

__all__ = [
    "ALL_IDENTITY",
    "EMPTY_IDENTITY",
    "JSON",
    "MSGPACK",
    "ROOT_IDENTITY",
    "AESAttributeEncrypter",
    "AttributeEncrypter",
    "AttributeSpec",
    "Comparator",
    "DecodeError",
    "Error",
    "Errors",
    "Event",
    "EventType",
    "Filter",
    "FilterComposer",
    "FilterError",
    "HeaderNamespacer",
    "Identity",
    "MatcherError",
    "Model",
    "ModelManager",
    "Namespacer",
    "Operation",
    "Parameter",
    "ParameterDefinition",
    "Parameters",
    "ParametersRequirement",
    "PushConfig",
    "RawRequest",
    "Registry",
    "Relationship",
    "RelationshipInfo",
    "Request",
    "attribute",
    "backport_unexposed_fields",
    "compile_filter",
    "convert",
    "decode",
    "decode_errors",
    "decode_into",
    "decode_list",
    "encode",
    "filter_composer",
    "is_error_with_code",
    "is_validation_error",
    "make_stream_decoder",
    "make_stream_encoder",
    "matches",
    "new_aes_attribute_encrypter",
    "new_model",
    "parse_operation",
    "validate_advanced_specification",
    "verify",
    "without_secrets",
]

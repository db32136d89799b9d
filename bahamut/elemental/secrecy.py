"""What must not leave: secret attributes are blanked on a copy; others are encrypted at rest."""

import base64
import os
from collections.abc import Iterable
from typing import Any, Protocol

from bahamut.elemental.compile import model_of, zero_of
from bahamut.elemental.model import Model

_holds_secrets: dict[type[Model], bool] = {}


def has_secrets(model: type[Model]) -> bool:
    """Tell whether objects of *model* hold secrets, their own or nested ones."""
    found = _holds_secrets.get(model)
    if found is None:
        found = _holds_secrets[model] = _looks_for_secrets(model.PLAIN, set())
    return found


def _looks_for_secrets(model: type[Model], seen: set[type[Model]]) -> bool:
    seen.add(model)
    for spec in model.ATTRIBUTES:
        if spec.secret:
            return True
        if spec.model is not None:
            nested = model_of(spec)
            if nested not in seen and _looks_for_secrets(nested, seen):
                return True
    return False


def without_secrets(value: Any) -> Any:
    """Return *value* with its secrets blanked (decision X21).

    An object, plain or sparse, or lists and mappings with objects in them; what holds no secret
    comes back as it is. What is changed is a copy.
    """
    if isinstance(value, Model):
        return _blanked(value) if has_secrets(type(value)) else value
    if isinstance(value, list | tuple) and _may_hold_secrets(value):
        return [without_secrets(item) for item in value]
    if isinstance(value, dict) and _may_hold_secrets(value.values()):
        return {key: without_secrets(item) for key, item in value.items()}
    return value


def _may_hold_secrets(items: Iterable[Any]) -> bool:
    """Tell whether one of *items* is of a class with secrets, or could hold such an object."""
    return any(
        has_secrets(kind) if issubclass(kind, Model) else issubclass(kind, list | tuple | dict)
        for kind in set(map(type, items))
    )


def _blanked(given: Model) -> Model:
    made = given.__copy__()
    reset_own_secrets(made)
    for spec in made.ATTRIBUTES:
        if spec.model is not None and has_secrets(model_of(spec)):
            value = made.__dict__.get(spec.wire)
            if value is not None:
                made.__dict__[spec.wire] = without_secrets(value)
    return made


def wire_without_secrets(value: Any, model: type[Model]) -> Any:
    """Return the wire form of an object, or of several, with its secrets at zero.

    Args:
        value: a mapping, or a list or mapping of such; it is left alone.
        model: the class of the objects.
    """
    if isinstance(value, list):
        return [wire_without_secrets(item, model) for item in value]
    if not isinstance(value, dict) or not has_secrets(model):
        return value
    made = dict(value)
    for spec in model.ATTRIBUTES:
        given = made.get(spec.wire)
        if given is None:
            continue
        if spec.secret:
            made[spec.wire] = zero_of(spec)
        elif spec.type == "refMap" and isinstance(given, dict):
            nested = model_of(spec)
            made[spec.wire] = {k: wire_without_secrets(v, nested) for k, v in given.items()}
        elif spec.model is not None:
            made[spec.wire] = wire_without_secrets(given, model_of(spec))
    return made


def reset_own_secrets(given: Model) -> None:
    """Blank the secrets of one object in place: zero on a plain one, absent on a sparse one."""
    for spec in given.ATTRIBUTES:
        if spec.secret:
            if given.IS_SPARSE:
                given.__dict__.pop(spec.wire, None)
            else:
                given.__dict__[spec.wire] = zero_of(spec)


def reset_secret_attributes_values(value: Any) -> None:
    """Blank the secrets of an object, or of each in a list, in place; nested ones too.

    Go: ResetSecretAttributesValues.
    """
    if isinstance(value, dict):
        value = list(value.values())
    for each in value if isinstance(value, list | tuple) else [value]:
        if isinstance(each, Model):
            reset_own_secrets(each)
            for spec in each.ATTRIBUTES:
                if spec.model is not None:
                    reset_secret_attributes_values(each.__dict__.get(spec.wire))


class AttributeEncrypter(Protocol):
    """Encrypts attributes before they are stored (Go: elemental.AttributeEncrypter)."""

    def encrypt_string(self, value: str) -> str:
        """Return *value* encrypted; an empty text stays empty."""
        ...

    def decrypt_string(self, value: str) -> str:
        """Return what `encrypt_string` was given."""
        ...


class AESAttributeEncrypter:
    """AES-128-GCM with a passphrase for key (Go: NewAESAttributeEncrypter).

    Needs the extra ``encryption``. What it writes is base64 of nonce, ciphertext and tag.

    Args:
        passphrase: 16 bytes of UTF-8.

    Raises:
        ValueError: it has another size.
        ModuleNotFoundError: the extra is not installed.
    """

    NONCE_SIZE = 12

    def __init__(self, passphrase: str) -> None:
        key = passphrase.encode()
        if len(key) != 16:
            raise ValueError("invalid passphrase: size must be exactly 16 bytes")
        try:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "encrypting attributes needs the extra: pip install bahamut[encryption]"
            ) from error
        self._cipher = AESGCM(key)

    def encrypt_string(self, value: str) -> str:
        """Return *value* encrypted."""
        if not value:
            return ""
        nonce = os.urandom(self.NONCE_SIZE)
        return base64.b64encode(nonce + self._cipher.encrypt(nonce, value.encode(), None)).decode()

    def decrypt_string(self, value: str) -> str:
        """Return the text that was encrypted.

        Raises:
            ValueError: *value* is not what this key encrypted.
        """
        if not value:
            return ""
        try:
            data = base64.b64decode(value, validate=True)
        except ValueError:  # no base64, or not even ASCII
            raise ValueError("illegal base64 data at input byte 0") from None
        if len(data) < self.NONCE_SIZE:
            raise ValueError("data is too small")
        from cryptography.exceptions import InvalidTag

        try:
            return self._cipher.decrypt(
                data[: self.NONCE_SIZE], data[self.NONCE_SIZE :], None
            ).decode()
        except InvalidTag:
            raise ValueError("cipher: message authentication failed") from None


def new_aes_attribute_encrypter(passphrase: str) -> AESAttributeEncrypter:
    """Return an encrypter of attributes."""
    return AESAttributeEncrypter(passphrase)

"""What must not leave."""

from typing import Any

import pytest
from bahamut.elemental import Identity, Model, attribute
from bahamut.elemental.encoding import JSON, MSGPACK, encode
from bahamut.elemental.secrecy import (
    has_secrets,
    new_aes_attribute_encrypter,
    reset_secret_attributes_values,
    without_secrets,
)


class Key(Model):
    name: str = attribute(default="")
    value: str = attribute(default="", secret=True)


class User(Model, identity=Identity("user", "users")):
    by_name: dict[str, Key] | None = attribute(default=None)
    key: Key | None = attribute(default=None)
    keys: list[Key] | None = attribute(default=None)
    login: str = attribute(default="")
    pin: int = attribute(default=0, secret=True)


class Open(Model, identity=Identity("open", "opens")):
    name: str = attribute(default="")


def user(value: str, pin: int) -> User:
    def key(name: str) -> Key:
        return Key(name=name, value=value)

    return User(login="a", pin=pin, key=key("x"), keys=[key("y")], by_name={"z": key("z")})


def test_secrets_are_blanked_on_a_copy_however_deep() -> None:
    given = user("secret", 7)
    assert without_secrets(given) == user("", 0)
    assert without_secrets([given, given]) == [user("", 0)] * 2
    assert given == user("secret", 7)


def test_secrets_are_absent_from_sparse_objects() -> None:
    sparse = user("secret", 7).to_sparse("login", "pin", "key")
    assert without_secrets(sparse).to_wire() == {"key": Key(name="x"), "login": "a"}


KEY = Key(value="secret")
OPEN = [Open(name="a"), [Open(name="a"), Open(name="b")], "text", [], {"a": 1}, [1, Open()]]


@pytest.mark.parametrize("value", [*OPEN, None])
def test_what_holds_no_secret_comes_back_as_it_is(value: Any) -> None:
    assert without_secrets(value) == value


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
@pytest.mark.parametrize(
    "value",
    [
        KEY, KEY.to_sparse(), [KEY], [KEY, KEY.to_sparse()], (KEY,), user("secret", 0),
        [Open(name="a"), KEY], [1, KEY], {"a": KEY}, {"a": [{"b": (KEY,)}]},
    ],
    ids=str,
)  # fmt: skip
def test_no_secret_is_encoded_wherever_it_is(value: Any, encoding: str) -> None:
    assert b"secret" in encode(encoding, value)
    blanked = encode(encoding, value, blanks_secrets=True)
    assert b"secret" not in blanked
    assert blanked == encode(encoding, without_secrets(value))


@pytest.mark.parametrize("encoding", [JSON, MSGPACK])
@pytest.mark.parametrize("value", [*OPEN, [[1], {"a": "b"}]], ids=str)
def test_what_holds_no_secret_is_encoded_as_it_is(value: Any, encoding: str) -> None:
    assert encode(encoding, value, blanks_secrets=True) == encode(encoding, value)


def test_which_models_hold_secrets() -> None:
    assert [has_secrets(each) for each in (Key, User, User.SPARSE, Open)] == [
        True,
        True,
        True,
        False,
    ]


def test_secrets_are_blanked_in_place() -> None:
    one, other = user("secret", 7), user("secret", 7)
    reset_secret_attributes_values([one, other])
    assert one == other == user("", 0)


def test_what_is_encrypted_is_decrypted_with_the_same_key_only() -> None:
    encrypter = new_aes_attribute_encrypter("0123456789abcdef")
    for text in ("", "a", "é" * 1000):
        encrypted = encrypter.encrypt_string(text)
        assert encrypter.decrypt_string(encrypted) == text
    assert encrypter.encrypt_string("a") != encrypter.encrypt_string("a")
    other = new_aes_attribute_encrypter("fedcba9876543210")
    for wrong in (encrypter.encrypt_string("a"), "not base64", "YQ==", "é"):
        with pytest.raises(ValueError, match=r"^(cipher|illegal|data)"):
            other.decrypt_string(wrong)


@pytest.mark.parametrize("passphrase", ["", "short", "é" * 16])
def test_a_passphrase_has_sixteen_bytes(passphrase: str) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        new_aes_attribute_encrypter(passphrase)

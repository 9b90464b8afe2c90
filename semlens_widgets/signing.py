"""The door to `cryptography`: Ed25519 signatures (RFC 8032) with keys of one's own, as PEM files."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

Key = str | os.PathLike[str] | bytes
ALGORITHM = "Ed25519"
_MADE_BY = "openssl genpkey -algorithm ed25519 -out key.pem; openssl pkey -in key.pem -pubout -out key.pub.pem"
_HEX = re.compile(r"[0-9a-f]+")


def sign(message: bytes, key: Key, password: str | None = None) -> dict[str, str]:
    """The signature of a message, with the public key that belongs to it, both in hexadecimal digits.

    key: the private key: a PEM file, or what one holds. password: of a key that is encrypted.
    ModuleNotFoundError without `cryptography`; ValueError for a key that is none, or of another kind.
    """
    ed25519, serialization, _ = _library()
    raw = _pem(key)
    try:
        private = serialization.load_pem_private_key(raw, None if password is None else password.encode())
    except TypeError as error:
        raise ValueError(f"the key cannot be opened: {error}; a key that is encrypted needs its password=") from None
    except ValueError as error:
        raise ValueError(f"this is no private key in PEM, or its password is another ({error}); make one: {_MADE_BY}"
                         ) from None  # fmt: skip
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise ValueError(f"the key is of another kind ({type(private).__name__}); needed is Ed25519: {_MADE_BY}")
    public = private.public_key().public_bytes_raw().hex()
    return {"algorithm": ALGORITHM, "public_key": public, "signature": private.sign(message).hex()}


def is_valid(message: bytes, signature: Any) -> bool:
    """Whether a signature, as `sign` gives it, is that of the message by the key it names."""
    ed25519, _, invalid = _library()
    names = ("algorithm", "public_key", "signature")
    if not isinstance(signature, dict) or set(signature) != set(names) or signature["algorithm"] != ALGORITHM:
        return False
    public, signed = (signature[name] for name in names[1:])
    if not all(isinstance(text, str) and _HEX.fullmatch(text) and len(text) % 2 == 0 for text in (public, signed)):
        return False
    try:
        ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(public)).verify(bytes.fromhex(signed), message)
    except (ValueError, invalid):
        return False
    return True


def public_key(key: Key) -> str:
    """The hexadecimal digits of a public key: a PEM file, or what one holds. ValueError for anything else."""
    ed25519, serialization, _ = _library()
    try:
        public = serialization.load_pem_public_key(_pem(key))
    except ValueError as error:
        raise ValueError(f"this is no public key in PEM ({error}); make one from yours: {_MADE_BY}") from None
    if not isinstance(public, ed25519.Ed25519PublicKey):
        raise ValueError(f"the key is of another kind ({type(public).__name__}); needed is Ed25519: {_MADE_BY}")
    digits: str = public.public_bytes_raw().hex()
    return digits


def _pem(key: Key) -> bytes:
    if isinstance(key, bytes):
        return key
    if isinstance(key, str) and key.lstrip().startswith("-----BEGIN"):
        return key.encode()
    return Path(key).read_bytes()


def _library() -> tuple[Any, Any, Any]:
    try:
        from cryptography.exceptions import InvalidSignature
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519
    except ImportError:
        raise ModuleNotFoundError(
            "signatures need the package cryptography, which is not installed: pip install 'semlens-widgets[sign]'. "
            "The seal itself is made and checked without it"
        ) from None
    return ed25519, serialization, InvalidSignature

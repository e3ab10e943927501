"""Makes legacy-values.json and multi-fernet.json, the vectors of the tests beside src/core/crypto/legacy.

Independent of Keyhold: everything is computed by the Python package `cryptography` (made with 50.0.2). To make them again:

    pip install cryptography && python3 test/vectors/legacy/make_vectors.py

The bytes that would be random are counted up, so that the output is always the same. Every key here is an obvious fake.
"""

import base64
import json
import pathlib

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import hashes, padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

PASSPHRASE = "fake legacy passphrase, höchst geheim"
HERE = pathlib.Path(__file__).parent
DIGESTS = {"sha256": hashes.SHA256(), "sha512": hashes.SHA512(), "sha1": hashes.SHA1()}


def counted(first, count):
    return bytes((first + index) % 256 for index in range(count))


def derive(kdf, salt):
    secret = PASSPHRASE.encode()
    if kdf["name"] == "scrypt":
        return Scrypt(salt=salt, length=32, n=kdf["n"], r=kdf["r"], p=kdf["p"]).derive(secret)
    return PBKDF2HMAC(algorithm=DIGESTS[kdf["digest"]], length=32, salt=salt, iterations=kdf["iterations"]).derive(secret)


def encoded(encoding, data):
    return data.hex() if encoding == "hex" else base64.b64encode(data).decode()


def vector(title, cipher, kdf, encoding, text, iv, salt, tag=None):
    key = derive(kdf, salt)
    if cipher == "aes-256-gcm":
        sealed = AESGCM(key).encrypt(iv, text.encode(), None)
        parts = [sealed] if tag == "appended" else [sealed[:-16], sealed[-16:]]
    else:
        padder = padding.PKCS7(128).padder()
        encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
        parts = [encryptor.update(padder.update(text.encode()) + padder.finalize()) + encryptor.finalize()]
    value = ":".join(encoded(encoding, part) for part in [iv, salt, *parts])
    return {"title": title, "cipher": cipher, "kdf": kdf, "encoding": encoding, "text": text, "value": value}


scrypt = {"name": "scrypt", "n": 16384, "r": 8, "p": 1}
strong_scrypt = {"name": "scrypt", "n": 32768, "r": 8, "p": 2}
pbkdf2 = {"name": "pbkdf2", "iterations": 100000, "digest": "sha512"}
weak_pbkdf2 = {"name": "pbkdf2", "iterations": 1000, "digest": "sha256"}
openai = "sk-test-legacy-openai-0123456789"
azure = "0123456789abcdef0123456789abcdef"

values = [
    vector("GCM, scrypt, hex, the tag behind the ciphertext", "aes-256-gcm", scrypt, "hex", openai, counted(1, 12), counted(32, 16), "appended"),
    vector("GCM, scrypt, hex, the tag as the fourth part", "aes-256-gcm", scrypt, "hex", openai, counted(2, 12), counted(33, 16), "own"),
    vector("GCM with an IV of 16 bytes", "aes-256-gcm", scrypt, "hex", openai, counted(3, 16), counted(34, 32), "appended"),
    vector("GCM, other scrypt parameters, base64", "aes-256-gcm", strong_scrypt, "base64", openai, counted(4, 12), counted(35, 64), "appended"),
    vector("GCM, PBKDF2, base64, the tag as the fourth part", "aes-256-gcm", pbkdf2, "base64", openai, counted(5, 16), counted(36, 16), "own"),
    vector("GCM, a text that is no key", "aes-256-gcm", weak_pbkdf2, "hex", "grüße \U0001f511", counted(6, 12), counted(37, 8), "appended"),
    vector("CBC, scrypt, hex", "aes-256-cbc", scrypt, "hex", openai, counted(7, 16), counted(38, 16)),
    vector("CBC, a whole block of padding", "aes-256-cbc", weak_pbkdf2, "hex", azure, counted(8, 16), counted(39, 16)),
    vector("CBC, PBKDF2, base64", "aes-256-cbc", pbkdf2, "base64", openai, counted(9, 16), counted(40, 32)),
    vector("CBC, PBKDF2 with SHA-1", "aes-256-cbc", {"name": "pbkdf2", "iterations": 10000, "digest": "sha1"}, "hex", openai, counted(10, 16), counted(41, 16)),
]
(HERE / "legacy-values.json").write_text(json.dumps({"passphrase": PASSPHRASE, "values": values}, indent=2) + "\n")

keys = [base64.urlsafe_b64encode(counted(first, 32)).decode() for first in (64, 96, 128)]
tokens = [
    {"key": index, "text": text, "token": Fernet(key)._encrypt_from_parts(text.encode(), 1700000000 + index, counted(index, 16)).decode()}
    for index, key in enumerate(keys)
    for text in (openai, "0123456789abcdef")
]
(HERE / "multi-fernet.json").write_text(json.dumps({"keys": keys, "tokens": tokens}, indent=2) + "\n")

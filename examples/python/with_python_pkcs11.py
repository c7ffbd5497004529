#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generates, finds, signs, encrypts and wraps with python-pkcs11 (pip install python-pkcs11)."""
import os
import sys

import pkcs11
from pkcs11 import Attribute, GCMParams, KeyType, Mechanism, ObjectClass

MODULE = os.environ.get("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so")
LABEL = os.environ.get("TOKEN_LABEL", "demo")
MESSAGE = b"a message of 24 bytes..."


def generate(session):
    session.generate_keypair(KeyType.RSA, 2048, label="signer", store=True)
    session.generate_key(KeyType.AES, 256, label="data", template={Attribute.EXTRACTABLE: True, Attribute.SENSITIVE: True})
    session.generate_key(KeyType.AES, 256, label="wrapper")
    print('generated: RSA key pair "signer", AES keys "data" and "wrapper"')


def find(session):
    counts = [len(list(session.get_objects({Attribute.CLASS: kind})))
              for kind in (ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY)]
    print("found: {} public, {} private, {} secret keys".format(*counts))


def sign(session):
    private = session.get_key(object_class=ObjectClass.PRIVATE_KEY, label="signer")
    public = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label="signer")
    signature = private.sign(MESSAGE, mechanism=Mechanism.SHA256_RSA_PKCS)
    if not public.verify(MESSAGE, signature, mechanism=Mechanism.SHA256_RSA_PKCS):
        sys.exit("The signature is wrong.")
    with open("signature.bin", "wb") as file:
        file.write(signature)
    print(f"signed: {len(signature)} bytes, verified")


def encrypt(session):
    key = session.get_key(object_class=ObjectClass.SECRET_KEY, label="data")
    params = GCMParams(nonce=session.generate_random(96), aad=None, tag_bits=128)
    sealed = key.encrypt(MESSAGE, mechanism=Mechanism.AES_GCM, mechanism_param=params)
    if key.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=params) != MESSAGE:
        sys.exit("The message came back changed.")
    print(f"encrypted: {len(sealed)} bytes, decrypted to the same")
    return sealed, params


def wrap(session, sealed, params):
    key = session.get_key(object_class=ObjectClass.SECRET_KEY, label="data")
    wrapper = session.get_key(object_class=ObjectClass.SECRET_KEY, label="wrapper")
    wrapped = wrapper.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP)
    back = wrapper.unwrap_key(ObjectClass.SECRET_KEY, KeyType.AES, wrapped, mechanism=Mechanism.AES_KEY_WRAP)
    if back.decrypt(sealed, mechanism=Mechanism.AES_GCM, mechanism_param=params) != MESSAGE:
        sys.exit("The unwrapped key is another one.")
    print(f"wrapped: {len(wrapped)} bytes, unwrapped key decrypts")


def main():
    token = pkcs11.lib(MODULE).get_token(token_label=LABEL)
    print(f"token: {token.label}")
    with token.open(rw=True, user_pin=os.environ["USER_PIN"]) as session:
        generate(session)
        find(session)
        sign(session)
        sealed, params = encrypt(session)
        wrap(session, sealed, params)


if __name__ == "__main__":
    main()

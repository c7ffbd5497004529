#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""The steps of examples/intro-to-soft-hsm with python-pkcs11, one each time it is called.

Usage: walkthrough.py MODULE wrong-pin|generate|list|encrypt|decrypt|sign|delete"""
import base64
import sys

import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MGF, ObjectClass
from pkcs11.util.rsa import encode_rsa_public_key

INTRO = "examples/intro-to-soft-hsm/"
OAEP = (Mechanism.SHA_1, MGF.SHA1, None)


def key(session, object_class):
    return session.get_key(object_class=object_class, key_type=KeyType.RSA, label="MyKey")


def generate(session):
    public, private = session.generate_keypair(KeyType.RSA, 2048, id=b"\x01", label="MyKey", store=True)
    assert public.key_length == 2048 and private[Attribute.SENSITIVE] and not private[Attribute.EXTRACTABLE]


def show(session):
    for object_class in (ObjectClass.PUBLIC_KEY, ObjectClass.PRIVATE_KEY):
        for found in session.get_objects({Attribute.CLASS: object_class}):
            print(object_class.name, found.key_type.name, found.key_length, found.label)


def encrypt(session):
    with open(INTRO + "secret_message.txt", "rb") as file:
        message = file.read().rstrip(b"\n")
    with open(INTRO + "encrypted_message.bin", "wb") as file:
        file.write(key(session, ObjectClass.PUBLIC_KEY).encrypt(
            message, mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=OAEP))


def decrypt(session):
    with open(INTRO + "encrypted_message.bin", "rb") as file:
        print(key(session, ObjectClass.PRIVATE_KEY).decrypt(
            file.read(), mechanism=Mechanism.RSA_PKCS_OAEP, mechanism_param=OAEP).decode())


def sign(session):
    with open(INTRO + "confidential_document.txt", "rb") as file:
        document = file.read()
    signature = key(session, ObjectClass.PRIVATE_KEY).sign(document, mechanism=Mechanism.SHA256_RSA_PKCS)
    public = key(session, ObjectClass.PUBLIC_KEY)
    assert public.verify(document, signature, mechanism=Mechanism.SHA256_RSA_PKCS)
    assert not public.verify(document + b"!", signature, mechanism=Mechanism.SHA256_RSA_PKCS)
    with open("signature.bin", "wb") as file:
        file.write(signature)
    with open("public.pem", "wb") as file:
        file.write(b"-----BEGIN RSA PUBLIC KEY-----\n")
        file.write(base64.encodebytes(encode_rsa_public_key(public)))
        file.write(b"-----END RSA PUBLIC KEY-----\n")


def delete(session):
    for found in list(session.get_objects({Attribute.LABEL: "MyKey"})):
        found.destroy()


STEPS = {"generate": generate, "list": show, "encrypt": encrypt, "decrypt": decrypt, "sign": sign, "delete": delete}


def main():
    module, step = sys.argv[1:]
    token = pkcs11.lib(module).get_token(token_label="MyToken")
    if step == "wrong-pin":
        try:
            token.open(user_pin="4321")
        except pkcs11.PinIncorrect as error:
            print(type(error).__name__)
        return
    with token.open(rw=True, user_pin="1234") as session:
        STEPS[step](session)


if __name__ == "__main__":
    main()

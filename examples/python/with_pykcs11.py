#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Generates, finds, signs, encrypts and wraps with PyKCS11 (pip install PyKCS11)."""
import os
import sys

from PyKCS11 import PyKCS11 as P

MODULE = os.environ.get("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so")
LABEL = os.environ.get("TOKEN_LABEL", "demo")
MESSAGE = b"a message of 24 bytes..."
YES, NO = P.CK_TRUE, P.CK_FALSE


def aes_template(label, extractable, uses):
    template = [(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_VALUE_LEN, 32),
                (P.CKA_LABEL, label), (P.CKA_SENSITIVE, YES), (P.CKA_EXTRACTABLE, extractable)]
    return template + [(use, YES) for use in uses]


def generate(session):
    public = [(P.CKA_CLASS, P.CKO_PUBLIC_KEY), (P.CKA_TOKEN, YES), (P.CKA_LABEL, "signer"), (P.CKA_VERIFY, YES),
              (P.CKA_MODULUS_BITS, 2048), (P.CKA_PUBLIC_EXPONENT, (1, 0, 1))]
    private = [(P.CKA_CLASS, P.CKO_PRIVATE_KEY), (P.CKA_TOKEN, YES), (P.CKA_PRIVATE, YES), (P.CKA_LABEL, "signer"),
               (P.CKA_SIGN, YES), (P.CKA_SENSITIVE, YES)]
    session.generateKeyPair(public, private)
    session.generateKey(aes_template("data", YES, [P.CKA_ENCRYPT, P.CKA_DECRYPT]))
    session.generateKey(aes_template("wrapper", NO, [P.CKA_WRAP, P.CKA_UNWRAP]))
    print('generated: RSA key pair "signer", AES keys "data" and "wrapper"')


def key(session, kind, label):
    return session.findObjects([(P.CKA_CLASS, kind), (P.CKA_LABEL, label)])[0]


def find(session):
    counts = [len(session.findObjects([(P.CKA_CLASS, kind)]))
              for kind in (P.CKO_PUBLIC_KEY, P.CKO_PRIVATE_KEY, P.CKO_SECRET_KEY)]
    print("found: {} public, {} private, {} secret keys".format(*counts))


def sign(session):
    mechanism = P.Mechanism(P.CKM_SHA256_RSA_PKCS)
    signature = bytes(session.sign(key(session, P.CKO_PRIVATE_KEY, "signer"), MESSAGE, mechanism))
    if not session.verify(key(session, P.CKO_PUBLIC_KEY, "signer"), MESSAGE, signature, mechanism):
        sys.exit("The signature is wrong.")
    with open("signature.bin", "wb") as file:
        file.write(signature)
    print(f"signed: {len(signature)} bytes, verified")


def encrypt(session):
    data = key(session, P.CKO_SECRET_KEY, "data")
    mechanism = P.AES_GCM_Mechanism(bytes(session.generateRandom(12)), b"", 128)
    sealed = bytes(session.encrypt(data, MESSAGE, mechanism))
    if bytes(session.decrypt(data, sealed, mechanism)) != MESSAGE:
        sys.exit("The message came back changed.")
    print(f"encrypted: {len(sealed)} bytes, decrypted to the same")
    return sealed, mechanism


def wrap(session, sealed, gcm):
    mechanism = P.Mechanism(P.CKM_AES_KEY_WRAP)
    wrapper = key(session, P.CKO_SECRET_KEY, "wrapper")
    wrapped = bytes(session.wrapKey(wrapper, key(session, P.CKO_SECRET_KEY, "data"), mechanism))
    template = [(P.CKA_CLASS, P.CKO_SECRET_KEY), (P.CKA_KEY_TYPE, P.CKK_AES), (P.CKA_DECRYPT, YES)]
    back = session.unwrapKey(wrapper, wrapped, template, mechanism)
    if bytes(session.decrypt(back, sealed, gcm)) != MESSAGE:
        sys.exit("The unwrapped key is another one.")
    print(f"wrapped: {len(wrapped)} bytes, unwrapped key decrypts")


def main():
    library = P.PyKCS11Lib()
    library.load(MODULE)
    slots = [slot for slot in library.getSlotList(tokenPresent=True)
             if library.getTokenInfo(slot).label.strip() == LABEL]
    if not slots:
        sys.exit(f"There is no token with the label '{LABEL}'.")
    print(f"token: {LABEL}")
    session = library.openSession(slots[0], P.CKF_SERIAL_SESSION | P.CKF_RW_SESSION)
    session.login(os.environ["USER_PIN"])
    generate(session)
    find(session)
    sign(session)
    sealed, mechanism = encrypt(session)
    wrap(session, sealed, mechanism)
    session.logout()
    session.closeSession()


if __name__ == "__main__":
    main()

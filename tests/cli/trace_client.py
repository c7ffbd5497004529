#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""An application to be traced: trace_client.py MODULE PIN. Imports a key whose value is known, uses it
for GCM, signs and verifies, and asks for random bytes, which it prints in hexadecimal digits."""
import sys

import PyKCS11
from PyKCS11.LowLevel import (
    CKA_CLASS, CKA_DECRYPT, CKA_ENCRYPT, CKA_EXTRACTABLE, CKA_ID, CKA_KEY_TYPE, CKA_LABEL, CKA_MODULUS_BITS,
    CKA_PUBLIC_EXPONENT, CKA_SENSITIVE, CKA_SIGN, CKA_TOKEN, CKA_VALUE, CKA_VERIFY, CKF_RW_SESSION,
    CKF_SERIAL_SESSION, CKG_MGF1_SHA256, CKK_AES, CKM_AES_CBC_PAD, CKM_RSA_PKCS_KEY_PAIR_GEN, CKM_SHA256,
    CKM_SHA256_RSA_PKCS_PSS, CKO_SECRET_KEY,
)

KEY = b"the value of key"
PLAIN = b"a plaintext that nobody may read in a trace"


def main():
    lib = PyKCS11.PyKCS11Lib()
    lib.load(sys.argv[1])
    slot = lib.getSlotList(tokenPresent=True)[0]
    session = lib.openSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION)
    try:
        session.login("not-the-pin")
    except PyKCS11.PyKCS11Error:
        pass
    session.login(sys.argv[2])
    key = session.createObject([
        (CKA_CLASS, CKO_SECRET_KEY), (CKA_KEY_TYPE, CKK_AES), (CKA_TOKEN, True), (CKA_SENSITIVE, False),
        (CKA_EXTRACTABLE, True), (CKA_ENCRYPT, True), (CKA_DECRYPT, True), (CKA_LABEL, "imported"),
        (CKA_ID, b"\x0a\x0b"), (CKA_VALUE, KEY),
    ])
    assert bytes(session.getAttributeValue(key, [CKA_VALUE])[0]) == KEY
    cbc = PyKCS11.Mechanism(CKM_AES_CBC_PAD, b"0123456789abcdef")
    secret = session.encrypt(key, PLAIN, cbc)
    assert bytes(session.decrypt(key, secret, cbc)) == PLAIN
    gcm = PyKCS11.AES_GCM_Mechanism(b"twelve bytes", b"aad", 128)
    assert bytes(session.decrypt(key, session.encrypt(key, PLAIN, gcm), gcm)) == PLAIN
    public, private = session.generateKeyPair(
        [(CKA_MODULUS_BITS, 2048), (CKA_PUBLIC_EXPONENT, (1, 0, 1)), (CKA_VERIFY, True), (CKA_LABEL, "pair")],
        [(CKA_SIGN, True), (CKA_LABEL, "pair")], PyKCS11.Mechanism(CKM_RSA_PKCS_KEY_PAIR_GEN, None))
    pss = PyKCS11.RSA_PSS_Mechanism(CKM_SHA256_RSA_PKCS_PSS, CKM_SHA256, CKG_MGF1_SHA256, 32)
    signature = session.sign(private, PLAIN, pss)
    assert session.verify(public, PLAIN, signature, pss)
    assert not session.verify(public, PLAIN[:-1] + b"!", signature, pss)
    print(bytes(session.generateRandom(24)).hex())
    session.seedRandom(b"a seed that is secret too")
    session.logout()
    session.closeSession()


if __name__ == "__main__":
    main()

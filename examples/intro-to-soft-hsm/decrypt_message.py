#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Decrypts encrypted_message.bin with the private key "MyKey" of the token "MyToken".

Usage: decrypt_message.py [MODULE]
The PKCS#11 module is the argument, else $PKCS11_MODULE, else the installed one.
"""
import os
import sys

import PyKCS11

MODULE_PATH = "/usr/lib/softhsm/libsofthsm2.so"
USER_PIN = "1234"
TOKEN_LABEL = "MyToken"
KEY_LABEL = "MyKey"
PLAINTEXT_FILE = "examples/intro-to-soft-hsm/secret_message.txt"
ENCRYPTED_FILE = "examples/intro-to-soft-hsm/encrypted_message.bin"
DECRYPTED_FILE = "examples/intro-to-soft-hsm/decrypted_message.txt"
MECHANISM = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA_1, PyKCS11.CKG_MGF1_SHA1)


def module_path():
    if len(sys.argv) > 1:
        return sys.argv[1]
    return os.environ.get("PKCS11_MODULE", MODULE_PATH)


def find_slot(pkcs11):
    for slot in pkcs11.getSlotList(tokenPresent=True):
        if pkcs11.getTokenInfo(slot).label.strip() == TOKEN_LABEL:
            return slot
    sys.exit(f"There is no token with the label '{TOKEN_LABEL}'.")


def find_private_key(session):
    keys = session.findObjects(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_LABEL, KEY_LABEL)]
    )
    if not keys:
        sys.exit(f"There is no private key with the label '{KEY_LABEL}'.")
    return keys[0]


def compare_with_original(message):
    """The original may be elsewhere; where it is here, it must be what came out."""
    if not os.path.exists(PLAINTEXT_FILE):
        return
    with open(PLAINTEXT_FILE, "rb") as file:
        if file.read().rstrip(b"\r\n") != message:
            sys.exit(f"The decrypted message is not the one in '{PLAINTEXT_FILE}'.")


def decrypt_message(session):
    with open(ENCRYPTED_FILE, "rb") as file:
        encrypted = file.read()
    print(f"Read {len(encrypted)} bytes from '{ENCRYPTED_FILE}'.")

    key = find_private_key(session)
    print(f"Found Private Key with label '{KEY_LABEL}'.")

    print(f"Decrypting data using mechanism: {PyKCS11.CKM_RSA_PKCS_OAEP}...")
    message = bytes(session.decrypt(key, encrypted, MECHANISM))
    with open(DECRYPTED_FILE, "wb") as file:
        file.write(message + b"\n")
    print(f"Data decrypted and saved to '{DECRYPTED_FILE}'.")
    compare_with_original(message)
    print(f"\nDecrypted message: '{message.decode()}'")


def main():
    path = module_path()
    pkcs11 = PyKCS11.PyKCS11Lib()
    pkcs11.load(path)
    print(f"Loaded PKCS#11 library from {path}")

    slot = find_slot(pkcs11)
    print(f"Found token in slot ID: {slot}")

    session = pkcs11.openSession(slot, PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
    try:
        session.login(USER_PIN)
        print(f"Logged into token '{TOKEN_LABEL}' successfully with User PIN.")
        try:
            decrypt_message(session)
        finally:
            session.logout()
    finally:
        session.closeSession()
    print("\nLogged out and session closed.")


if __name__ == "__main__":
    main()

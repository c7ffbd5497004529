#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Encrypts secret_message.txt with the public key "MyKey" of the token "MyToken".

Usage: encrypt_message.py [MODULE]
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


def find_public_key(session):
    keys = session.findObjects(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_LABEL, KEY_LABEL)]
    )
    if not keys:
        sys.exit(f"There is no public key with the label '{KEY_LABEL}'.")
    return keys[0]


def read_message():
    """The line of text, without its newline."""
    with open(PLAINTEXT_FILE, "rb") as file:
        return file.read().rstrip(b"\r\n")


def encrypt_message(session):
    message = read_message()
    print(f"Read {len(message)} bytes from '{PLAINTEXT_FILE}'.")
    print(f"Data to encrypt: '{message.decode()}'")

    key = find_public_key(session)
    print(f"Found Public Key with label '{KEY_LABEL}'.")

    print(f"Encrypting data using mechanism: {PyKCS11.CKM_RSA_PKCS_OAEP}...")
    encrypted = bytes(session.encrypt(key, message, MECHANISM))
    with open(ENCRYPTED_FILE, "wb") as file:
        file.write(encrypted)
    print(f"Data encrypted and saved to '{ENCRYPTED_FILE}'. Length: {len(encrypted)} bytes.")


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
            encrypt_message(session)
        finally:
            session.logout()
    finally:
        session.closeSession()
    print("\nLogged out and session closed.")


if __name__ == "__main__":
    main()

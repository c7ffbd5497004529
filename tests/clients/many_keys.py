#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""Makes many P-256 key pairs in one process, for programs that list what a token has.

Usage: many_keys.py MODULE TOKEN-LABEL PIN COUNT
The pairs have the ids 0x100000 and up, and labels "many-N"."""
import ctypes
import sys

ULONG = ctypes.c_ulong
CKA_TOKEN, CKA_PRIVATE, CKA_LABEL, CKA_ID, CKA_SENSITIVE = 0x1, 0x2, 0x3, 0x102, 0x103
CKA_SIGN, CKA_VERIFY, CKA_EC_PARAMS = 0x108, 0x10A, 0x180
CKM_EC_KEY_PAIR_GEN = 0x1040
CKF_RW_SERIAL, CKU_USER = 0x6, 1
P256 = bytes.fromhex("06082a8648ce3d030107")


class Attribute(ctypes.Structure):
    _fields_ = [("type", ULONG), ("value", ctypes.c_char_p), ("length", ULONG)]


class Mechanism(ctypes.Structure):
    _fields_ = [("mechanism", ULONG), ("parameter", ctypes.c_void_p), ("length", ULONG)]


def template(values):
    return (Attribute * len(values))(*[Attribute(kind, value, len(value)) for kind, value in values.items()]), len(values)


def fine(name, code):
    if code != 0:
        sys.exit(f"{name}: 0x{code:x}")


def slot_of(module, label):
    count = ULONG(64)
    slots = (ULONG * 64)()
    fine("C_GetSlotList", module.C_GetSlotList(1, slots, ctypes.byref(count)))
    for slot in slots[: count.value]:
        info = ctypes.create_string_buffer(512)
        fine("C_GetTokenInfo", module.C_GetTokenInfo(ULONG(slot), info))
        if info.raw[:32].rstrip() == label.encode():
            return slot
    sys.exit(f"no token {label}")


def make(module, session, number):
    yes, no = b"\x01", b"\x00"
    common = {CKA_TOKEN: yes, CKA_LABEL: b"many-%d" % number, CKA_ID: (0x100000 + number).to_bytes(3, "big")}
    public, private = ULONG(), ULONG()
    fine("C_GenerateKeyPair", module.C_GenerateKeyPair(
        session, ctypes.byref(Mechanism(CKM_EC_KEY_PAIR_GEN, None, 0)),
        *template(common | {CKA_EC_PARAMS: P256, CKA_VERIFY: yes, CKA_PRIVATE: no}),
        *template(common | {CKA_SIGN: yes, CKA_PRIVATE: yes, CKA_SENSITIVE: yes}),
        ctypes.byref(public), ctypes.byref(private)))


def main():
    path, label, pin, count = sys.argv[1:]
    module = ctypes.CDLL(path)
    fine("C_Initialize", module.C_Initialize(None))
    session = ULONG()
    fine("C_OpenSession", module.C_OpenSession(ULONG(slot_of(module, label)), ULONG(CKF_RW_SERIAL), None, None,
                                               ctypes.byref(session)))
    fine("C_Login", module.C_Login(session, ULONG(CKU_USER), pin.encode(), ULONG(len(pin))))
    for number in range(int(count)):
        make(module, session, number)
    fine("C_Finalize", module.C_Finalize(None))


if __name__ == "__main__":
    main()

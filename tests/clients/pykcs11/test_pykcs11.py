#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""PyKCS11 against a module: what a Python program does with a token, and what it is told when it
does it wrongly. Known answers are published ones (FIPS 197, SP 800-38A and -38D, RFC 4231, 8032)
or come from Python's own hashlib and arithmetic.

Usage: test_pykcs11.py MODULE SOFTHSM2-UTIL [SKIP-LIST]
Prints TAP. The skip list has lines "name of a check<TAB>reason".
"""
import hashlib
import hmac
import importlib.metadata
import os
import subprocess
import sys
import tempfile
import traceback

import PyKCS11
from PyKCS11 import LowLevel

SO_PIN = "12345678"
PIN = "1234"
LABEL = "python"

# Constants that older PyKCS11 does not name.
CKM_AES_KEY_WRAP = 0x2109
CKM_AES_KEY_WRAP_KWP = 0x210B
CKR_ACTION_PROHIBITED = 0x1B

P256 = bytes.fromhex("06082a8648ce3d030107")
P384 = bytes.fromhex("06052b81040022")
ED25519 = bytes.fromhex("06032b6570")

RW = PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION

checks = []


def check(function):
    """Registers a check; its name is the first line of its text."""
    checks.append(function)
    return function


def name_of(function):
    return function.__doc__.strip().split("\n")[0].rstrip(".")


def refused(code, call, *arguments):
    """The call must fail with that code."""
    try:
        call(*arguments)
    except PyKCS11.PyKCS11Error as error:
        assert error.value == code, f"0x{error.value:x} instead of 0x{code:x}"
    else:
        raise AssertionError(f"was not refused with 0x{code:x}")


def mechanism(kind, parameter=None):
    return PyKCS11.Mechanism(kind, parameter)


class World:
    """The module with one token, and a session logged in."""

    def __init__(self, module, util):
        self.folder = tempfile.TemporaryDirectory(prefix="keykist-python.")
        tokens = os.path.join(self.folder.name, "tokens")
        os.mkdir(tokens)
        config = os.path.join(self.folder.name, "softhsm2.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(f"directories.tokendir = {tokens}/\nlog.level = ERROR\n")
        os.environ["SOFTHSM2_CONF"] = config
        subprocess.run(
            [util, "--module", module, "--init-token", "--free", "--label", LABEL,
             "--so-pin", SO_PIN, "--pin", PIN],
            check=True, stdout=subprocess.DEVNULL,
        )
        self.pkcs11 = PyKCS11.PyKCS11Lib()
        self.pkcs11.load(module)
        self.slot = self.find_slot(LABEL)
        # One session keeps the login; each check has another of its own.
        self.base = self.pkcs11.openSession(self.slot, RW)
        self.base.login(PIN)
        self.session = self.base
        self.number = 0

    def find_slot(self, label):
        for slot in self.pkcs11.getSlotList(tokenPresent=True):
            if self.pkcs11.getTokenInfo(slot).label.strip() == label:
                return slot
        raise AssertionError(f"no token {label}")

    def next_id(self):
        self.number += 1
        return (self.number,)

    def attribute(self, handle, kind):
        return self.session.getAttributeValue(handle, [kind])[0]

    def data(self, handle, kind):
        return bytes(self.session.getAttributeValue(handle, [kind], True)[0])

    def secret(self, key_type, value, **flags):
        template = [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
            (PyKCS11.CKA_KEY_TYPE, key_type),
            (PyKCS11.CKA_TOKEN, flags.get("token", False)),
            (PyKCS11.CKA_PRIVATE, True),
            (PyKCS11.CKA_SENSITIVE, flags.get("sensitive", False)),
            (PyKCS11.CKA_EXTRACTABLE, flags.get("extractable", True)),
            (PyKCS11.CKA_ENCRYPT, True),
            (PyKCS11.CKA_DECRYPT, True),
            (PyKCS11.CKA_SIGN, True),
            (PyKCS11.CKA_VERIFY, True),
            (PyKCS11.CKA_WRAP, True),
            (PyKCS11.CKA_UNWRAP, True),
            (PyKCS11.CKA_ID, self.next_id()),
            (PyKCS11.CKA_VALUE, value),
        ]
        return self.session.createObject(template)

    def aes(self, value, **flags):
        return self.secret(PyKCS11.CKK_AES, value, **flags)

    def unwrap_template(self, key_type=PyKCS11.CKK_AES):
        return [
            (PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY),
            (PyKCS11.CKA_KEY_TYPE, key_type),
            (PyKCS11.CKA_TOKEN, False),
            (PyKCS11.CKA_SENSITIVE, False),
            (PyKCS11.CKA_EXTRACTABLE, True),
        ]

    def rsa_pair(self, session, token=False):
        key_id = self.next_id()
        common = [(PyKCS11.CKA_TOKEN, token), (PyKCS11.CKA_ID, key_id), (PyKCS11.CKA_LABEL, "rsa")]
        public = common + [
            (PyKCS11.CKA_MODULUS_BITS, 2048),
            (PyKCS11.CKA_PUBLIC_EXPONENT, (1, 0, 1)),
            (PyKCS11.CKA_ENCRYPT, True),
            (PyKCS11.CKA_VERIFY, True),
            (PyKCS11.CKA_WRAP, True),
        ]
        private = common + [
            (PyKCS11.CKA_PRIVATE, True),
            (PyKCS11.CKA_SENSITIVE, True),
            (PyKCS11.CKA_DECRYPT, True),
            (PyKCS11.CKA_SIGN, True),
            (PyKCS11.CKA_UNWRAP, True),
        ]
        return session.generateKeyPair(public, private)

    def ec_pair(self, params, generate, derive=False):
        common = [(PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_ID, self.next_id())]
        public = common + [(PyKCS11.CKA_EC_PARAMS, params), (PyKCS11.CKA_VERIFY, True)]
        private = common + [
            (PyKCS11.CKA_PRIVATE, True),
            (PyKCS11.CKA_SENSITIVE, True),
            (PyKCS11.CKA_SIGN, True),
            (PyKCS11.CKA_DERIVE, derive),
        ]
        return self.session.generateKeyPair(public, private, mechanism(generate))

    def rsa(self):
        """One pair for all checks that only use it."""
        if not hasattr(self, "rsa_keys"):
            self.rsa_keys = self.rsa_pair(self.base)
        return self.rsa_keys


def encrypt_in_parts(session, key, how, data, size):
    """C_EncryptUpdate with room for its output, which PyKCS11's own encryptUpdate does not give."""
    session.encryptInit(how, key)
    parts = []
    for at in range(0, len(data), size):
        out = PyKCS11.ckbytelist([0] * (size + 16))
        rv = session.lib.C_EncryptUpdate(session.session, PyKCS11.ckbytelist(data[at : at + size]), out)
        assert rv == PyKCS11.CKR_OK, hex(rv)
        parts.append(bytes(out))
    out = PyKCS11.ckbytelist([0] * 32)
    rv = session.lib.C_EncryptFinal(session.session, out)
    assert rv == PyKCS11.CKR_OK, hex(rv)
    return b"".join(parts) + bytes(out)


def rsa_recover(world, public, signature):
    """The padded message inside a signature, by arithmetic."""
    modulus = int.from_bytes(world.data(public, PyKCS11.CKA_MODULUS), "big")
    exponent = int.from_bytes(world.data(public, PyKCS11.CKA_PUBLIC_EXPONENT), "big")
    value = pow(int.from_bytes(signature, "big"), exponent, modulus)
    return value.to_bytes(len(signature), "big")


# --- slots, tokens, sessions ---------------------------------------------------------------------


@check
def get_info(world):
    """getInfo names the manufacturer and the version."""
    info = world.pkcs11.getInfo()
    assert info.manufacturerID.strip() == "SoftHSM", info.manufacturerID
    assert info.cryptokiVersion[0] in (2, 3)


@check
def slot_list(world):
    """getSlotList ends with one slot that is not initialised."""
    slots = world.pkcs11.getSlotList(tokenPresent=True)
    flags = [world.pkcs11.getTokenInfo(slot).flags & PyKCS11.CKF_TOKEN_INITIALIZED for slot in slots]
    assert len(slots) == 2 and flags[0] and not flags[1], flags


@check
def slot_info(world):
    """getSlotInfo describes the slot by its number."""
    info = world.pkcs11.getSlotInfo(world.slot)
    assert info.slotDescription.strip() == f"SoftHSM slot ID 0x{world.slot:x}"
    assert info.flags & PyKCS11.CKF_TOKEN_PRESENT


@check
def token_info(world):
    """getTokenInfo gives label, model, serial and flags."""
    info = world.pkcs11.getTokenInfo(world.slot)
    assert info.label.strip() == LABEL and info.model.strip() == "SoftHSM v2"
    assert int(info.serialNumber.strip()[8:], 16) & 0x7FFFFFFF == world.slot
    wanted = (PyKCS11.CKF_RNG | PyKCS11.CKF_LOGIN_REQUIRED | PyKCS11.CKF_USER_PIN_INITIALIZED
              | PyKCS11.CKF_TOKEN_INITIALIZED)
    assert info.flags & wanted == wanted, hex(info.flags)


@check
def unknown_slot(world):
    """A slot that does not exist is refused."""
    refused(PyKCS11.CKR_SLOT_ID_INVALID, world.pkcs11.getTokenInfo, 0x7FFFFFF1)
    refused(PyKCS11.CKR_SLOT_ID_INVALID, world.pkcs11.openSession, 0x7FFFFFF1, RW)


@check
def mechanism_list(world):
    """getMechanismList has no doubles, and getMechanismInfo knows each."""
    kinds = LowLevel.ckulonglist()  # PyKCS11 1.5.20 adds one of its own to the list
    assert world.pkcs11.lib.C_GetMechanismList(world.slot, kinds) == PyKCS11.CKR_OK
    assert len(kinds) == len(set(kinds)) and PyKCS11.CKM_RSA_PKCS in kinds
    for kind in kinds:
        info = LowLevel.CK_MECHANISM_INFO()
        assert world.pkcs11.lib.C_GetMechanismInfo(world.slot, kind, info) == PyKCS11.CKR_OK, hex(kind)
    assert world.pkcs11.lib.C_GetMechanismInfo(world.slot, 0x80001234, info) == PyKCS11.CKR_MECHANISM_INVALID


@check
def mechanism_info(world):
    """getMechanismInfo tells what RSA with PKCS #1 padding can do."""
    info = world.pkcs11.getMechanismInfo(world.slot, "CKM_RSA_PKCS")
    wanted = PyKCS11.CKF_SIGN | PyKCS11.CKF_VERIFY | PyKCS11.CKF_ENCRYPT | PyKCS11.CKF_DECRYPT
    assert info.flags & wanted == wanted and info.ulMaxKeySize >= 4096


@check
def session_states(world):
    """Sessions go from public to user, together."""
    session = world.pkcs11.openSession(world.slot, PyKCS11.CKF_SERIAL_SESSION)
    assert session.getSessionInfo().state == PyKCS11.CKS_RO_USER_FUNCTIONS
    assert world.session.getSessionInfo().state == PyKCS11.CKS_RW_USER_FUNCTIONS
    world.session.logout()
    assert session.getSessionInfo().state == PyKCS11.CKS_RO_PUBLIC_SESSION
    world.session.login(PIN)
    assert session.getSessionInfo().state == PyKCS11.CKS_RO_USER_FUNCTIONS
    session.closeSession()


@check
def login_twice(world):
    """A second login is refused."""
    refused(PyKCS11.CKR_USER_ALREADY_LOGGED_IN, world.session.login, PIN)
    refused(PyKCS11.CKR_USER_ANOTHER_ALREADY_LOGGED_IN, world.session.login, SO_PIN, PyKCS11.CKU_SO)


@check
def wrong_pin(world):
    """A wrong PIN is refused, counted, and forgotten after a right one."""
    world.session.logout()
    try:
        refused(PyKCS11.CKR_PIN_INCORRECT, world.session.login, "9999")
        assert world.pkcs11.getTokenInfo(world.slot).flags & PyKCS11.CKF_USER_PIN_COUNT_LOW
    finally:
        world.session.login(PIN)
    assert not world.pkcs11.getTokenInfo(world.slot).flags & PyKCS11.CKF_USER_PIN_COUNT_LOW


@check
def set_pin(world):
    """setPin changes the PIN, and only with the old one."""
    refused(PyKCS11.CKR_PIN_INCORRECT, world.session.setPin, "9999", "4321")
    refused(PyKCS11.CKR_PIN_LEN_RANGE, world.session.setPin, PIN, "1")
    world.session.setPin(PIN, "98765")
    world.session.logout()
    refused(PyKCS11.CKR_PIN_INCORRECT, world.session.login, PIN)
    world.session.login("98765")
    world.session.setPin("98765", PIN)


@check
def init_token(world):
    """initToken and initPin make a second token."""
    free = world.pkcs11.getSlotList(tokenPresent=True)[-1]
    world.pkcs11.initToken(free, SO_PIN, "second".ljust(32))
    session = world.pkcs11.openSession(world.find_slot("second"), RW)
    refused(PyKCS11.CKR_USER_PIN_NOT_INITIALIZED, session.login, PIN)
    session.login(SO_PIN, PyKCS11.CKU_SO)
    session.initPin("5678")
    session.logout()
    session.login("5678")
    session.logout()
    session.closeSession()


@check
def read_only_session(world):
    """A read-only session makes no token objects."""
    session = world.pkcs11.openSession(world.slot, PyKCS11.CKF_SERIAL_SESSION)
    template = [(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_TOKEN, True)]
    refused(PyKCS11.CKR_SESSION_READ_ONLY, session.createObject, template)
    session.closeSession()


@check
def closed_session(world):
    """A closed session is not served."""
    session = world.pkcs11.openSession(world.slot, PyKCS11.CKF_SERIAL_SESSION)
    session.closeSession()
    refused(PyKCS11.CKR_SESSION_HANDLE_INVALID, session.getSessionInfo)


@check
def random(world):
    """generateRandom gives bytes that differ, seedRandom takes some."""
    first = bytes(world.session.generateRandom(64))
    assert len(first) == 64 and first != bytes(world.session.generateRandom(64))
    try:
        world.session.seedRandom([1, 2, 3, 4])
    except PyKCS11.PyKCS11Error as error:
        assert error.value == PyKCS11.CKR_RANDOM_SEED_NOT_SUPPORTED


# --- digests -------------------------------------------------------------------------------------


def digest_matches(world, kind, name):
    data = os.urandom(1000)
    assert bytes(world.session.digest(data, mechanism(kind))) == hashlib.new(name, data).digest()
    running = world.session.digestSession(mechanism(kind))
    for at in range(0, len(data), 77):
        running.update(data[at : at + 77])
    assert bytes(running.final()) == hashlib.new(name, data).digest()


@check
def digest_md5(world):
    """digest MD5."""
    digest_matches(world, PyKCS11.CKM_MD5, "md5")


@check
def digest_sha1(world):
    """digest SHA-1."""
    digest_matches(world, PyKCS11.CKM_SHA_1, "sha1")


@check
def digest_sha2(world):
    """digest SHA-2."""
    digest_matches(world, PyKCS11.CKM_SHA224, "sha224")
    digest_matches(world, PyKCS11.CKM_SHA256, "sha256")
    digest_matches(world, PyKCS11.CKM_SHA384, "sha384")
    digest_matches(world, PyKCS11.CKM_SHA512, "sha512")


@check
def digest_sha3(world):
    """digest SHA-3."""
    for kind, name in ((0x2B0, "sha3_256"), (0x2B5, "sha3_224"), (0x2C0, "sha3_384"), (0x2D0, "sha3_512")):
        digest_matches(world, kind, name)


# --- objects and attributes ----------------------------------------------------------------------


@check
def data_object(world):
    """A data object is stored, found, changed and destroyed."""
    template = [
        (PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA),
        (PyKCS11.CKA_TOKEN, True),
        (PyKCS11.CKA_LABEL, "note"),
        (PyKCS11.CKA_APPLICATION, "test"),
        (PyKCS11.CKA_VALUE, b"a few bytes"),
    ]
    handle = world.session.createObject(template)
    found = world.session.findObjects([(PyKCS11.CKA_LABEL, "note")])
    assert len(found) == 1
    assert world.data(found[0], PyKCS11.CKA_VALUE) == b"a few bytes"
    assert world.attribute(handle, PyKCS11.CKA_APPLICATION) == "test"
    world.session.setAttributeValue(handle, [(PyKCS11.CKA_LABEL, "other note")])
    assert not world.session.findObjects([(PyKCS11.CKA_LABEL, "note")])
    world.session.destroyObject(handle)
    refused(PyKCS11.CKR_OBJECT_HANDLE_INVALID, world.session.destroyObject, handle)
    assert not world.session.findObjects([(PyKCS11.CKA_LABEL, "other note")])


@check
def object_survives_sessions(world):
    """Token objects outlive a session, session objects do not."""
    session = world.pkcs11.openSession(world.slot, RW)
    for token in (True, False):
        session.createObject(
            [(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_TOKEN, token), (PyKCS11.CKA_LABEL, f"kept {token}")]
        )
    assert len(world.session.findObjects([(PyKCS11.CKA_LABEL, "kept False")])) == 1
    session.closeSession()
    assert not world.session.findObjects([(PyKCS11.CKA_LABEL, "kept False")])
    (kept,) = world.session.findObjects([(PyKCS11.CKA_LABEL, "kept True")])
    world.session.destroyObject(kept)


@check
def private_objects(world):
    """Private objects are not there before the login."""
    handle = world.session.createObject(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_TOKEN, True), (PyKCS11.CKA_PRIVATE, True),
         (PyKCS11.CKA_LABEL, "private note"), (PyKCS11.CKA_VALUE, b"secret")]
    )
    world.session.logout()
    try:
        assert not world.session.findObjects([(PyKCS11.CKA_LABEL, "private note")])
        refused(PyKCS11.CKR_OBJECT_HANDLE_INVALID, world.session.destroyObject, handle)
    finally:
        world.session.login(PIN)
    (found,) = world.session.findObjects([(PyKCS11.CKA_LABEL, "private note")])
    assert world.data(found, PyKCS11.CKA_VALUE) == b"secret"
    world.session.destroyObject(found)


@check
def find_many(world):
    """findObjects finds two hundred objects, each once."""
    for number in range(200):
        world.session.createObject(
            [(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_LABEL, "many"),
             (PyKCS11.CKA_VALUE, number.to_bytes(2, "big"))]
        )
    found = world.session.findObjects([(PyKCS11.CKA_LABEL, "many")])
    assert len({world.data(handle, PyKCS11.CKA_VALUE) for handle in found}) == 200 == len(found)
    for handle in found:
        world.session.destroyObject(handle)


@check
def key_attributes(world):
    """A generated key has the attributes that its template and history give it."""
    handle = world.session.generateKey(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY), (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
         (PyKCS11.CKA_VALUE_LEN, 32), (PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_SENSITIVE, True),
         (PyKCS11.CKA_EXTRACTABLE, False), (PyKCS11.CKA_LABEL, "attributes"), (PyKCS11.CKA_ID, (7, 7))]
    )
    wanted = {
        PyKCS11.CKA_KEY_TYPE: PyKCS11.CKK_AES,
        PyKCS11.CKA_VALUE_LEN: 32,
        PyKCS11.CKA_LOCAL: True,
        PyKCS11.CKA_SENSITIVE: True,
        PyKCS11.CKA_ALWAYS_SENSITIVE: True,
        PyKCS11.CKA_EXTRACTABLE: False,
        PyKCS11.CKA_NEVER_EXTRACTABLE: True,
        PyKCS11.CKA_LABEL: "attributes",
        PyKCS11.CKA_KEY_GEN_MECHANISM: PyKCS11.CKM_AES_KEY_GEN,
    }
    values = world.session.getAttributeValue(handle, list(wanted))
    for (kind, want), value in zip(wanted.items(), values):
        assert value == want, (kind, value, want)
    assert world.data(handle, PyKCS11.CKA_ID) == b"\7\7"


@check
def sensitive_value(world):
    """A sensitive value is not told, and sensitive stays sensitive."""
    handle = world.aes(bytes(16), sensitive=True, extractable=False)
    assert world.session.getAttributeValue(handle, [PyKCS11.CKA_VALUE])[0] is None
    refused(PyKCS11.CKR_ATTRIBUTE_READ_ONLY, world.session.setAttributeValue, handle, [(PyKCS11.CKA_SENSITIVE, False)])
    refused(PyKCS11.CKR_ATTRIBUTE_READ_ONLY, world.session.setAttributeValue, handle, [(PyKCS11.CKA_EXTRACTABLE, True)])


@check
def incomplete_templates(world):
    """Templates that lack something or contradict themselves are refused."""
    refused(PyKCS11.CKR_TEMPLATE_INCOMPLETE, world.session.createObject, [(PyKCS11.CKA_TOKEN, False)])
    refused(
        PyKCS11.CKR_TEMPLATE_INCOMPLETE, world.session.generateKey,
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY), (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES)],
    )
    refused(
        PyKCS11.CKR_TEMPLATE_INCONSISTENT, world.session.generateKey,
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_VALUE_LEN, 16)],
    )


@check
def undestroyable(world):
    """An object that may not be destroyed stays."""
    handle = world.session.createObject(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_DATA), (PyKCS11.CKA_TOKEN, False), (0x172, False)]
    )
    refused(CKR_ACTION_PROHIBITED, world.session.destroyObject, handle)


# --- RSA -----------------------------------------------------------------------------------------


@check
def rsa_pkcs1(world):
    """RSA signatures with PKCS #1 padding are what the arithmetic says."""
    public, private = world.rsa()
    data = b"message to be signed"
    signature = bytes(world.session.sign(private, data, mechanism(PyKCS11.CKM_SHA256_RSA_PKCS)))
    prefix = bytes.fromhex("3031300d060960864801650304020105000420")
    block = prefix + hashlib.sha256(data).digest()
    assert rsa_recover(world, public, signature) == b"\0\1" + b"\xff" * (253 - len(block)) + b"\0" + block
    assert world.session.verify(public, data, signature, mechanism(PyKCS11.CKM_SHA256_RSA_PKCS))
    assert not world.session.verify(public, data + b"!", signature, mechanism(PyKCS11.CKM_SHA256_RSA_PKCS))


@check
def rsa_pss(world):
    """RSA PSS with SHA-256."""
    public, private = world.rsa()
    pss = PyKCS11.RSA_PSS_Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS_PSS, PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, 32)
    first = bytes(world.session.sign(private, b"data", pss))
    assert first != bytes(world.session.sign(private, b"data", pss))
    assert world.session.verify(public, b"data", first, pss)
    assert rsa_recover(world, public, first)[-1] == 0xBC
    damaged = bytes([first[0] ^ 1]) + first[1:]
    assert not world.session.verify(public, b"data", damaged, pss)


@check
def rsa_oaep_sha1(world):
    """RSA OAEP with SHA-1."""
    public, private = world.rsa()
    oaep = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA_1, PyKCS11.CKG_MGF1_SHA1)
    sealed = world.session.encrypt(public, b"hello", oaep)
    assert bytes(world.session.decrypt(private, sealed, oaep)) == b"hello"


@check
def rsa_oaep_label(world):
    """RSA OAEP with SHA-256 and a label."""
    public, private = world.rsa()
    oaep = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, b"label")
    other = PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA256, PyKCS11.CKG_MGF1_SHA256, b"lapel")
    sealed = world.session.encrypt(public, b"hello", oaep)
    assert bytes(world.session.decrypt(private, sealed, oaep)) == b"hello"
    try:
        world.session.decrypt(private, sealed, other)
    except PyKCS11.PyKCS11Error:
        return
    raise AssertionError("another label opened it")


@check
def rsa_too_long(world):
    """RSA refuses what does not fit."""
    public, private = world.rsa()
    refused(PyKCS11.CKR_DATA_LEN_RANGE, world.session.encrypt, public, bytes(246), mechanism(PyKCS11.CKM_RSA_PKCS))
    refused(PyKCS11.CKR_DATA_LEN_RANGE, world.session.sign, private, bytes(246), mechanism(PyKCS11.CKM_RSA_PKCS))


@check
def rsa_wrap(world):
    """An AES key goes out and in under RSA."""
    public, private = world.rsa()
    value = os.urandom(32)
    for wrapping in (
        mechanism(PyKCS11.CKM_RSA_PKCS),
        PyKCS11.RSAOAEPMechanism(PyKCS11.CKM_SHA_1, PyKCS11.CKG_MGF1_SHA1),
    ):
        wrapped = world.session.wrapKey(public, world.aes(value), wrapping)
        assert len(wrapped) == 256
        key = world.session.unwrapKey(private, wrapped, world.unwrap_template(), wrapping)
        assert world.data(key, PyKCS11.CKA_VALUE) == value


@check
def token_key_pair(world):
    """A key pair on the token is found again by class and id."""
    public, private = world.rsa_pair(world.session, token=True)
    key_id = world.attribute(public, PyKCS11.CKA_ID)
    for cls in (PyKCS11.CKO_PUBLIC_KEY, PyKCS11.CKO_PRIVATE_KEY):
        assert len(world.session.findObjects([(PyKCS11.CKA_CLASS, cls), (PyKCS11.CKA_ID, key_id)])) == 1
    assert world.data(public, PyKCS11.CKA_MODULUS) == world.data(private, PyKCS11.CKA_MODULUS)
    world.session.destroyObject(public)
    world.session.destroyObject(private)


# --- elliptic curves -----------------------------------------------------------------------------


@check
def ecdsa(world):
    """ECDSA with P-256 and P-384."""
    for params, size in ((P256, 32), (P384, 48)):
        public, private = world.ec_pair(params, PyKCS11.CKM_EC_KEY_PAIR_GEN)
        digest = os.urandom(size)
        signature = bytes(world.session.sign(private, digest, mechanism(PyKCS11.CKM_ECDSA)))
        assert len(signature) == 2 * size
        assert world.session.verify(public, digest, signature, mechanism(PyKCS11.CKM_ECDSA))
        assert not world.session.verify(public, os.urandom(size), signature, mechanism(PyKCS11.CKM_ECDSA))
        point = world.data(public, PyKCS11.CKA_EC_POINT)
        assert point[:1] == b"\4" and point[2:3] == b"\4" and len(point) == 3 + 2 * size


@check
def ecdsa_hashed(world):
    """ECDSA with hashing inside."""
    public, private = world.ec_pair(P256, PyKCS11.CKM_EC_KEY_PAIR_GEN)
    data = os.urandom(5000)
    hashed = mechanism(PyKCS11.CKM_ECDSA_SHA256)
    signature = world.session.sign(private, data, hashed)
    assert world.session.verify(public, hashlib.sha256(data).digest(), signature, mechanism(PyKCS11.CKM_ECDSA))


@check
def ed25519(world):
    """Ed25519 signs and verifies."""
    public, private = world.ec_pair(ED25519, 0x1055)
    eddsa = mechanism(0x1057)
    signature = bytes(world.session.sign(private, b"data", eddsa))
    assert len(signature) == 64
    assert signature == bytes(world.session.sign(private, b"data", eddsa))
    assert world.session.verify(public, b"data", signature, eddsa)
    assert not world.session.verify(public, b"dada", signature, eddsa)


@check
def ecdh(world):
    """Two keys agree on one secret."""
    first = world.ec_pair(P256, PyKCS11.CKM_EC_KEY_PAIR_GEN, derive=True)
    second = world.ec_pair(P256, PyKCS11.CKM_EC_KEY_PAIR_GEN, derive=True)
    template = world.unwrap_template(PyKCS11.CKK_GENERIC_SECRET) + [(PyKCS11.CKA_VALUE_LEN, 32)]
    secrets = []
    for mine, theirs in ((first, second), (second, first)):
        point = world.data(theirs[0], PyKCS11.CKA_EC_POINT)[2:]
        key = world.session.deriveKey(mine[1], template, PyKCS11.ECDH1_DERIVE_Mechanism(point))
        secrets.append(world.data(key, PyKCS11.CKA_VALUE))
    assert secrets[0] == secrets[1] and len(secrets[0]) == 32


# --- AES, HMAC -----------------------------------------------------------------------------------


@check
def aes_ecb(world):
    """AES-ECB gives the block of FIPS 197."""
    key = world.aes(bytes(range(32)))
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    sealed = bytes(world.session.encrypt(key, block, mechanism(PyKCS11.CKM_AES_ECB)))
    assert sealed.hex() == "8ea2b7ca516745bfeafc49904b496089"
    assert bytes(world.session.decrypt(key, sealed, mechanism(PyKCS11.CKM_AES_ECB))) == block


@check
def aes_cbc(world):
    """AES-CBC gives the block of SP 800-38A."""
    key = world.aes(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    cbc = mechanism(PyKCS11.CKM_AES_CBC, bytes(range(16)))
    sealed = bytes(world.session.encrypt(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"), cbc))
    assert sealed.hex() == "7649abac8119b246cee98e9b12e9197d"
    assert bytes(world.session.decrypt(key, sealed, cbc)).hex() == "6bc1bee22e409f96e93d7e117393172a"


@check
def aes_cbc_misused(world):
    """AES-CBC refuses a short block and a short IV."""
    key = world.aes(bytes(16))
    cbc = mechanism(PyKCS11.CKM_AES_CBC, bytes(16))
    refused(PyKCS11.CKR_DATA_LEN_RANGE, world.session.encrypt, key, bytes(15), cbc)
    short = mechanism(PyKCS11.CKM_AES_CBC, bytes(15))
    refused(PyKCS11.CKR_MECHANISM_PARAM_INVALID, world.session.encrypt, key, bytes(16), short)


@check
def aes_cbc_pad(world):
    """AES-CBC-PAD round trips every length, in one part and in several."""
    key = world.aes(os.urandom(24))
    cbc = mechanism(PyKCS11.CKM_AES_CBC_PAD, os.urandom(16))
    for length in (1, 15, 16, 17, 1000):
        data = os.urandom(length)
        sealed = bytes(world.session.encrypt(key, data, cbc))
        assert len(sealed) == length // 16 * 16 + 16
        assert bytes(world.session.decrypt(key, sealed, cbc)) == data
        assert encrypt_in_parts(world.session, key, cbc, data, 7) == sealed


@check
def aes_ctr(world):
    """AES-CTR gives the block of SP 800-38A."""
    key = world.aes(bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c"))
    counter = bytes.fromhex("f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff")
    ctr = PyKCS11.AES_CTR_Mechanism(128, counter)
    sealed = bytes(world.session.encrypt(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a"), ctr))
    assert sealed.hex() == "874d6191b620e3261bef6864990db6ce"


@check
def aes_gcm(world):
    """AES-GCM gives test case 4 of the specification."""
    key = world.aes(bytes.fromhex("feffe9928665731c6d6a8f9467308308"))
    text = bytes.fromhex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
        "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
    )
    gcm = PyKCS11.AES_GCM_Mechanism(
        bytes.fromhex("cafebabefacedbaddecaf888"), bytes.fromhex("feedfacedeadbeeffeedfacedeadbeefabaddad2"), 128
    )
    sealed = bytes(world.session.encrypt(key, text, gcm))
    assert sealed.hex() == (
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e"
        "21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e091"
        "5bc94fbc3221a5db94fae95ae7121a47"
    )
    assert bytes(world.session.decrypt(key, sealed, gcm)) == text


@check
def aes_gcm_damaged(world):
    """AES-GCM detects a flipped bit."""
    key = world.aes(bytes(16))
    gcm = PyKCS11.AES_GCM_Mechanism(bytes(12), b"header", 128)
    sealed = bytes(world.session.encrypt(key, b"some text", gcm))
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    refused(PyKCS11.CKR_ENCRYPTED_DATA_INVALID, world.session.decrypt, key, damaged, gcm)


@check
def aes_wrap(world):
    """AES key wrap gives the vector of RFC 3394."""
    kek = world.aes(bytes(range(16)))
    value = bytes.fromhex("00112233445566778899aabbccddeeff")
    wrapped = bytes(world.session.wrapKey(kek, world.aes(value), mechanism(CKM_AES_KEY_WRAP)))
    assert wrapped.hex() == "1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5"
    key = world.session.unwrapKey(kek, wrapped, world.unwrap_template(), mechanism(CKM_AES_KEY_WRAP))
    assert world.data(key, PyKCS11.CKA_VALUE) == value


@check
def aes_wrap_padded(world):
    """AES key wrap with padding gives the vector of RFC 5649."""
    kek = world.aes(bytes.fromhex("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8"))
    value = bytes.fromhex("c37b7e6492584340bed12207808941155068f738")
    secret = world.secret(PyKCS11.CKK_GENERIC_SECRET, value)
    wrapped = bytes(world.session.wrapKey(kek, secret, mechanism(CKM_AES_KEY_WRAP_KWP)))
    assert wrapped.hex() == "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"
    key = world.session.unwrapKey(
        kek, wrapped, world.unwrap_template(PyKCS11.CKK_GENERIC_SECRET), mechanism(CKM_AES_KEY_WRAP_KWP)
    )
    assert world.data(key, PyKCS11.CKA_VALUE) == value


@check
def damaged_wrapping(world):
    """A damaged wrapped key is refused."""
    kek = world.aes(os.urandom(32))
    wrapped = bytes(world.session.wrapKey(kek, world.aes(os.urandom(16)), mechanism(CKM_AES_KEY_WRAP)))
    damaged = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    refused(
        PyKCS11.CKR_WRAPPED_KEY_INVALID, world.session.unwrapKey, kek, damaged, world.unwrap_template(),
        mechanism(CKM_AES_KEY_WRAP),
    )


@check
def unextractable(world):
    """A key that is not extractable is not wrapped."""
    kek = world.aes(os.urandom(32))
    key = world.aes(os.urandom(16), extractable=False)
    refused(PyKCS11.CKR_KEY_UNEXTRACTABLE, world.session.wrapKey, kek, key, mechanism(CKM_AES_KEY_WRAP))


@check
def hmac_vector(world):
    """HMAC with SHA-256 gives test case 1 of RFC 4231."""
    key = world.secret(PyKCS11.CKK_GENERIC_SECRET, b"\x0b" * 20)
    sha256 = mechanism(PyKCS11.CKM_SHA256_HMAC)
    mac = bytes(world.session.sign(key, b"Hi There", sha256))
    assert mac.hex() == "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
    assert world.session.verify(key, b"Hi There", mac, sha256)
    assert not world.session.verify(key, b"Hi there", mac, sha256)


@check
def hmac_all(world):
    """HMAC agrees with Python's own."""
    value = os.urandom(64)
    key = world.secret(PyKCS11.CKK_GENERIC_SECRET, value)
    for kind, name in (
        (PyKCS11.CKM_SHA_1_HMAC, "sha1"), (PyKCS11.CKM_SHA224_HMAC, "sha224"), (PyKCS11.CKM_SHA256_HMAC, "sha256"),
        (PyKCS11.CKM_SHA384_HMAC, "sha384"), (PyKCS11.CKM_SHA512_HMAC, "sha512"),
    ):
        data = os.urandom(300)
        assert bytes(world.session.sign(key, data, mechanism(kind))) == hmac.digest(value, data, name)


@check
def wrong_key_type(world):
    """A mechanism does not take a key of another kind."""
    key = world.aes(bytes(16))
    refused(PyKCS11.CKR_KEY_TYPE_INCONSISTENT, world.session.sign, key, b"x", mechanism(PyKCS11.CKM_SHA256_RSA_PKCS))


@check
def usage_flags(world):
    """A key does only what its flags allow."""
    key = world.session.generateKey(
        [(PyKCS11.CKA_CLASS, PyKCS11.CKO_SECRET_KEY), (PyKCS11.CKA_KEY_TYPE, PyKCS11.CKK_AES),
         (PyKCS11.CKA_VALUE_LEN, 16), (PyKCS11.CKA_TOKEN, False), (PyKCS11.CKA_ENCRYPT, True),
         (PyKCS11.CKA_DECRYPT, False), (PyKCS11.CKA_WRAP, False)]
    )
    sealed = world.session.encrypt(key, bytes(16), mechanism(PyKCS11.CKM_AES_ECB))
    refused(
        PyKCS11.CKR_KEY_FUNCTION_NOT_PERMITTED, world.session.decrypt, key, sealed, mechanism(PyKCS11.CKM_AES_ECB)
    )


@check
def wrong_mechanism(world):
    """A mechanism that does not exist is refused."""
    key = world.aes(bytes(16))
    refused(PyKCS11.CKR_MECHANISM_INVALID, world.session.encrypt, key, bytes(16), mechanism(0x80001234))


@check
def bad_handle(world):
    """A handle that was never given is refused."""
    handle = LowLevel.CK_OBJECT_HANDLE()
    handle.assign(0x7FFFFFF1)
    refused(PyKCS11.CKR_OBJECT_HANDLE_INVALID, world.session.getAttributeValue, handle, [PyKCS11.CKA_CLASS])
    refused(PyKCS11.CKR_KEY_HANDLE_INVALID, world.session.encrypt, handle, bytes(16), mechanism(PyKCS11.CKM_AES_ECB))


# --- the end -------------------------------------------------------------------------------------


@check
def load_again(world):
    """The module can be let go and loaded again."""
    path = world.pkcs11.pkcs11dll_filename
    world.base.closeSession()
    world.session.closeSession()
    world.pkcs11.unload()
    world.pkcs11.load(path)
    assert world.find_slot(LABEL) == world.slot
    world.session = world.pkcs11.openSession(world.slot, RW)


def read_skips(path):
    with open(path, encoding="utf-8") as file:
        return dict(line.rstrip("\n").split("\t", 1) for line in file if "\t" in line)


def run(function, world, skips):
    """One line of TAP without its number."""
    name = name_of(function)
    try:
        world.session = world.pkcs11.openSession(world.slot, RW)
        function(world)
        world.session.closeSession()
    except Exception:  # whatever went wrong, the next check runs
        if name in skips:
            return f"ok %d - {name} # SKIP {skips[name]}"
        return f"not ok %d - {name}\n" + "\n".join("#   " + line for line in traceback.format_exc().splitlines())
    return f"ok %d - {name}"


def main():
    module, util = (os.path.realpath(path) for path in sys.argv[1:3])
    skips = read_skips(sys.argv[3]) if len(sys.argv) > 3 else {}
    world = World(module, util)
    if len(sys.argv) <= 3:
        print(f"# client PyKCS11 {importlib.metadata.version('PyKCS11')}")
    print(f"1..{len(checks)}")
    failed = False
    for number, function in enumerate(checks, 1):
        line = run(function, world, skips)
        failed |= line.startswith("not ok")
        print(line.replace("%d", str(number), 1), flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

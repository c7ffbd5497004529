// SPDX-License-Identifier: BSD-2-Clause
// A program with pkcs11js in steps, the results checked by Node's own crypto where it can.
// Usage: node pkcs11js_steps.js MODULE TOKEN PIN SO-PIN RESULTS
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const p11 = require("pkcs11js");
const { step, refused, same, finish } = require("./steps.js");

const [path, label, pin, soPin, results] = process.argv.slice(2);
const module_ = new p11.PKCS11();
// What the package has no names for.
const CKS_RW_PUBLIC_SESSION = 2;
const CKS_RW_USER_FUNCTIONS = 3;
const CKZ_DATA_SPECIFIED = 1;
const P256 = Buffer.from("06082a8648ce3d030107", "hex");
const message = Buffer.from("a message of some length");
const long = Buffer.alloc(100000, "0123456789");
let slot, session, aes, rsa, ec, secret, data, sealed, handle;

const mech = (mechanism, parameter) => ({ mechanism, parameter });
const get = (object, type) => module_.C_GetAttributeValue(session, object, [{ type }])[0].value;
const number = (value) => value.readUInt32LE(0);
const b64 = (buffer) => buffer.toString("base64url");

function find(template) {
  module_.C_FindObjectsInit(session, template);
  const found = [];
  for (let one = module_.C_FindObjects(session); one; one = module_.C_FindObjects(session)) found.push(one);
  module_.C_FindObjectsFinal(session);
  return found;
}

function encrypt(mechanism, key, bytes, room = bytes.length + 1024) {
  module_.C_EncryptInit(session, mechanism, key);
  return module_.C_Encrypt(session, bytes, Buffer.alloc(room));
}

function decrypt(mechanism, key, bytes, room = bytes.length + 1024) {
  module_.C_DecryptInit(session, mechanism, key);
  return module_.C_Decrypt(session, bytes, Buffer.alloc(room));
}

function sign(mechanism, key, bytes) {
  module_.C_SignInit(session, mechanism, key);
  return module_.C_Sign(session, bytes, Buffer.alloc(1024));
}

function verify(mechanism, key, bytes, signature) {
  module_.C_VerifyInit(session, mechanism, key);
  return module_.C_Verify(session, bytes, signature);
}

function rsaPublicKey() {
  const jwk = { kty: "RSA", n: b64(get(rsa.publicKey, p11.CKA_MODULUS)), e: b64(get(rsa.publicKey, p11.CKA_PUBLIC_EXPONENT)) };
  return crypto.createPublicKey({ key: jwk, format: "jwk" });
}

function ecPoint() {
  return get(ec.publicKey, p11.CKA_EC_POINT).subarray(2);
}

step("load", () => module_.load(path));
step("a call before C_Initialize", () => refused(p11.CKR_CRYPTOKI_NOT_INITIALIZED, () => module_.C_GetInfo()));
step("C_Initialize", () => module_.C_Initialize());
step("C_Initialize again", () => refused(p11.CKR_CRYPTOKI_ALREADY_INITIALIZED, () => module_.C_Initialize()));
step("C_GetInfo", () => assert.strictEqual(module_.C_GetInfo().cryptokiVersion.major, 2));
step("C_GetSlotList", () => {
  slot = module_.C_GetSlotList(true).find((one) => module_.C_GetTokenInfo(one).label.trim() === label);
  assert.ok(slot);
});
step("C_GetSlotInfo", () => assert.ok(module_.C_GetSlotInfo(slot).flags & p11.CKF_TOKEN_PRESENT));
step("C_GetTokenInfo", () => {
  const info = module_.C_GetTokenInfo(slot);
  assert.ok(info.flags & p11.CKF_TOKEN_INITIALIZED && info.flags & p11.CKF_USER_PIN_INITIALIZED);
});
step("C_GetMechanismList", () => assert.ok(module_.C_GetMechanismList(slot).includes(p11.CKM_AES_GCM)));
step("C_GetMechanismInfo", () => {
  const info = module_.C_GetMechanismInfo(slot, p11.CKM_RSA_PKCS_KEY_PAIR_GEN);
  assert.ok(info.flags & p11.CKF_GENERATE_KEY_PAIR && info.maxKeySize >= 4096);
});
step("C_OpenSession", () => {
  session = module_.C_OpenSession(slot, p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION);
  assert.strictEqual(module_.C_GetSessionInfo(session).state, CKS_RW_PUBLIC_SESSION);
});
step("a parallel session", () =>
  refused(p11.CKR_SESSION_PARALLEL_NOT_SUPPORTED, () => module_.C_OpenSession(slot, p11.CKF_RW_SESSION)));
step("a wrong PIN", () => refused(p11.CKR_PIN_INCORRECT, () => module_.C_Login(session, p11.CKU_USER, "wrong PIN")));
step("C_Login", () => {
  module_.C_Login(session, p11.CKU_USER, pin);
  assert.strictEqual(module_.C_GetSessionInfo(session).state, CKS_RW_USER_FUNCTIONS);
});
step("C_Login again", () => refused(p11.CKR_USER_ALREADY_LOGGED_IN, () => module_.C_Login(session, p11.CKU_USER, pin)));
step("C_SetPIN and back", () => {
  module_.C_SetPIN(session, pin, "a longer one");
  module_.C_SetPIN(session, "a longer one", pin);
});
step("C_GenerateRandom", () => {
  const one = module_.C_GenerateRandom(session, Buffer.alloc(64));
  assert.ok(!one.equals(module_.C_GenerateRandom(session, Buffer.alloc(64))));
});
step("C_SeedRandom", () => module_.C_SeedRandom(session, Buffer.from("some more")));
for (const [name, mechanism] of [["sha1", p11.CKM_SHA_1], ["sha256", p11.CKM_SHA256], ["sha384", p11.CKM_SHA384], ["sha512", p11.CKM_SHA512]])
  step(`C_Digest ${name}`, () => {
    module_.C_DigestInit(session, mech(mechanism));
    same(module_.C_Digest(session, long, Buffer.alloc(64)), crypto.createHash(name).update(long).digest());
  });
step("C_DigestUpdate, C_DigestFinal", () => {
  module_.C_DigestInit(session, mech(p11.CKM_SHA256));
  for (let i = 0; i < long.length; i += 777) module_.C_DigestUpdate(session, long.subarray(i, i + 777));
  same(module_.C_DigestFinal(session, Buffer.alloc(64)), crypto.createHash("sha256").update(long).digest());
});
step("C_GenerateKey AES, on the token", () => {
  aes = module_.C_GenerateKey(session, mech(p11.CKM_AES_KEY_GEN), [
    { type: p11.CKA_TOKEN, value: true }, { type: p11.CKA_PRIVATE, value: true },
    { type: p11.CKA_LABEL, value: "aes" }, { type: p11.CKA_ID, value: Buffer.from([1]) },
    { type: p11.CKA_VALUE_LEN, value: 32 }, { type: p11.CKA_SENSITIVE, value: true },
    { type: p11.CKA_EXTRACTABLE, value: false }, { type: p11.CKA_ENCRYPT, value: true },
    { type: p11.CKA_DECRYPT, value: true }, { type: p11.CKA_WRAP, value: true }, { type: p11.CKA_UNWRAP, value: true }]);
});
step("C_FindObjects by label and class", () => {
  const found = find([{ type: p11.CKA_LABEL, value: "aes" }, { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY }]);
  assert.strictEqual(found.length, 1);
  same(found[0], aes);
});
step("C_GetAttributeValue", () => {
  assert.strictEqual(number(get(aes, p11.CKA_VALUE_LEN)), 32);
  assert.strictEqual(get(aes, p11.CKA_LABEL).toString(), "aes");
  same(get(aes, p11.CKA_LOCAL), Buffer.from([1]));
});
step("a sensitive value", () => refused(p11.CKR_ATTRIBUTE_SENSITIVE, () => get(aes, p11.CKA_VALUE)));
step("C_SetAttributeValue", () => {
  module_.C_SetAttributeValue(session, aes, [{ type: p11.CKA_LABEL, value: "renamed" }]);
  assert.strictEqual(find([{ type: p11.CKA_LABEL, value: "renamed" }]).length, 1);
});
step("C_SetAttributeValue of what is read-only", () =>
  refused(p11.CKR_ATTRIBUTE_READ_ONLY, () => module_.C_SetAttributeValue(session, aes, [{ type: p11.CKA_SENSITIVE, value: false }])));
for (const [name, mechanism] of [
  ["CBC-PAD", mech(p11.CKM_AES_CBC_PAD, Buffer.alloc(16, 7))],
  ["GCM", mech(p11.CKM_AES_GCM, { type: p11.CK_PARAMS_AES_GCM, iv: Buffer.alloc(12, 9), ivBits: 96, aad: Buffer.from("aad"), tagBits: 128 })],
  ["GCM without aad", mech(p11.CKM_AES_GCM, { type: p11.CK_PARAMS_AES_GCM, iv: Buffer.alloc(12, 9), ivBits: 96, tagBits: 96 })],
  ["CTR", mech(p11.CKM_AES_CTR, Buffer.concat([Buffer.from([128, 0, 0, 0, 0, 0, 0, 0]), Buffer.alloc(16, 3)]))],
])
  step(`C_Encrypt, C_Decrypt AES-${name}`, () => same(decrypt(mechanism, aes, encrypt(mechanism, aes, long)), long));
step("C_Encrypt AES-CBC of half a block", () =>
  refused(p11.CKR_DATA_LEN_RANGE, () => encrypt(mech(p11.CKM_AES_CBC, Buffer.alloc(16)), aes, Buffer.alloc(9))));
step("C_EncryptUpdate as C_Encrypt", () => {
  const mechanism = mech(p11.CKM_AES_CBC_PAD, Buffer.alloc(16, 7));
  module_.C_EncryptInit(session, mechanism, aes);
  const parts = [];
  for (let i = 0; i < long.length; i += 1001)
    parts.push(module_.C_EncryptUpdate(session, long.subarray(i, i + 1001), Buffer.alloc(1040)));
  parts.push(module_.C_EncryptFinal(session, Buffer.alloc(32)));
  same(Buffer.concat(parts), encrypt(mechanism, aes, long));
});
step("a changed GCM message", () => {
  const mechanism = mech(p11.CKM_AES_GCM, { type: p11.CK_PARAMS_AES_GCM, iv: Buffer.alloc(12, 9), ivBits: 96, tagBits: 128 });
  sealed = Buffer.from(encrypt(mechanism, aes, message));
  sealed[3] ^= 1;
  refused(p11.CKR_ENCRYPTED_DATA_INVALID, () => decrypt(mechanism, aes, sealed));
});
step("C_GenerateKeyPair RSA", () => {
  rsa = module_.C_GenerateKeyPair(session, mech(p11.CKM_RSA_PKCS_KEY_PAIR_GEN), [
    { type: p11.CKA_TOKEN, value: true }, { type: p11.CKA_MODULUS_BITS, value: 2048 },
    { type: p11.CKA_PUBLIC_EXPONENT, value: Buffer.from([1, 0, 1]) }, { type: p11.CKA_VERIFY, value: true },
    { type: p11.CKA_ENCRYPT, value: true }, { type: p11.CKA_WRAP, value: true }, { type: p11.CKA_LABEL, value: "rsa" }], [
    { type: p11.CKA_TOKEN, value: true }, { type: p11.CKA_PRIVATE, value: true }, { type: p11.CKA_SENSITIVE, value: true },
    { type: p11.CKA_SIGN, value: true }, { type: p11.CKA_DECRYPT, value: true }, { type: p11.CKA_UNWRAP, value: true },
    { type: p11.CKA_LABEL, value: "rsa" }]);
});
step("C_Sign RSA, verified by Node", () => {
  const signature = sign(mech(p11.CKM_SHA256_RSA_PKCS), rsa.privateKey, message);
  assert.ok(crypto.verify("sha256", message, rsaPublicKey(), signature));
});
step("C_Verify RSA, signed twice in parts", () => {
  module_.C_SignInit(session, mech(p11.CKM_SHA512_RSA_PKCS), rsa.privateKey);
  module_.C_SignUpdate(session, message);
  module_.C_SignUpdate(session, long);
  const signature = module_.C_SignFinal(session, Buffer.alloc(512));
  module_.C_VerifyInit(session, mech(p11.CKM_SHA512_RSA_PKCS), rsa.publicKey);
  module_.C_VerifyUpdate(session, Buffer.concat([message, long]));
  module_.C_VerifyFinal(session, signature);
});
step("C_Verify of another message", () => {
  const signature = sign(mech(p11.CKM_SHA256_RSA_PKCS), rsa.privateKey, message);
  refused(p11.CKR_SIGNATURE_INVALID, () => verify(mech(p11.CKM_SHA256_RSA_PKCS), rsa.publicKey, long, signature));
});
step("C_Sign RSA-PSS, verified by Node", () => {
  const pss = { type: p11.CK_PARAMS_RSA_PSS, hashAlg: p11.CKM_SHA256, mgf: p11.CKG_MGF1_SHA256, saltLen: 32 };
  const signature = sign(mech(p11.CKM_SHA256_RSA_PKCS_PSS, pss), rsa.privateKey, message);
  assert.ok(crypto.verify("sha256", message, { key: rsaPublicKey(), padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature));
});
step("C_Decrypt RSA-OAEP of what Node encrypted", () => {
  const oaep = { type: p11.CK_PARAMS_RSA_OAEP, hashAlg: p11.CKM_SHA256, mgf: p11.CKG_MGF1_SHA256, source: CKZ_DATA_SPECIFIED };
  const bytes = crypto.publicEncrypt({ key: rsaPublicKey(), oaepHash: "sha256" }, message);
  same(decrypt(mech(p11.CKM_RSA_PKCS_OAEP, oaep), rsa.privateKey, bytes), message);
});
step("C_Encrypt RSA PKCS #1, C_Decrypt", () =>
  same(decrypt(mech(p11.CKM_RSA_PKCS), rsa.privateKey, encrypt(mech(p11.CKM_RSA_PKCS), rsa.publicKey, message)), message));
step("C_WrapKey, C_UnwrapKey AES", () => {
  const inner = module_.C_GenerateKey(session, mech(p11.CKM_AES_KEY_GEN), [
    { type: p11.CKA_VALUE_LEN, value: 16 }, { type: p11.CKA_EXTRACTABLE, value: true }, { type: p11.CKA_ENCRYPT, value: true },
    { type: p11.CKA_DECRYPT, value: true }]);
  const wrapped = module_.C_WrapKey(session, mech(p11.CKM_AES_KEY_WRAP), aes, inner, Buffer.alloc(256));
  assert.strictEqual(wrapped.length, 24);
  const back = module_.C_UnwrapKey(session, mech(p11.CKM_AES_KEY_WRAP), aes, wrapped, [
    { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY }, { type: p11.CKA_KEY_TYPE, value: p11.CKK_AES },
    { type: p11.CKA_ENCRYPT, value: true }, { type: p11.CKA_DECRYPT, value: true }]);
  const mechanism = mech(p11.CKM_AES_CBC_PAD, Buffer.alloc(16));
  same(decrypt(mechanism, back, encrypt(mechanism, inner, message)), message);
});
step("C_WrapKey of a key that may not leave", () => {
  refused(p11.CKR_KEY_UNEXTRACTABLE, () =>
    module_.C_WrapKey(session, mech(p11.CKM_RSA_PKCS), rsa.publicKey, aes, Buffer.alloc(512)));
});
step("C_GenerateKeyPair EC", () => {
  ec = module_.C_GenerateKeyPair(session, mech(p11.CKM_EC_KEY_PAIR_GEN), [
    { type: p11.CKA_EC_PARAMS, value: P256 }, { type: p11.CKA_VERIFY, value: true }], [
    { type: p11.CKA_SIGN, value: true }, { type: p11.CKA_DERIVE, value: true }, { type: p11.CKA_SENSITIVE, value: true }]);
});
step("C_Sign ECDSA, verified by Node", () => {
  const point = ecPoint();
  const key = crypto.createPublicKey({ key: { kty: "EC", crv: "P-256", x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) }, format: "jwk" });
  const signature = sign(mech(p11.CKM_ECDSA_SHA256), ec.privateKey, message);
  assert.ok(crypto.verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature));
});
step("C_DeriveKey ECDH, as Node", () => {
  const peer = crypto.createECDH("prime256v1");
  const parameter = { type: p11.CK_PARAMS_EC_DH, kdf: p11.CKD_NULL, publicData: peer.generateKeys() };
  const derived = module_.C_DeriveKey(session, mech(p11.CKM_ECDH1_DERIVE, parameter), ec.privateKey, [
    { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY }, { type: p11.CKA_KEY_TYPE, value: p11.CKK_GENERIC_SECRET },
    { type: p11.CKA_SENSITIVE, value: false }, { type: p11.CKA_EXTRACTABLE, value: true }, { type: p11.CKA_VALUE_LEN, value: 32 }]);
  same(get(derived, p11.CKA_VALUE), peer.computeSecret(ecPoint()));
});
step("C_CreateObject secret key, HMAC as Node", () => {
  secret = module_.C_CreateObject(session, [
    { type: p11.CKA_CLASS, value: p11.CKO_SECRET_KEY }, { type: p11.CKA_KEY_TYPE, value: p11.CKK_GENERIC_SECRET },
    { type: p11.CKA_VALUE, value: Buffer.from("short") }, { type: p11.CKA_SIGN, value: true }, { type: p11.CKA_VERIFY, value: true }]);
  same(sign(mech(p11.CKM_SHA256_HMAC), secret, long), crypto.createHmac("sha256", "short").update(long).digest());
});
step("C_CreateObject data, C_GetObjectSize", () => {
  data = module_.C_CreateObject(session, [
    { type: p11.CKA_CLASS, value: p11.CKO_DATA }, { type: p11.CKA_TOKEN, value: true },
    { type: p11.CKA_APPLICATION, value: "node" }, { type: p11.CKA_LABEL, value: "Grüße" }, { type: p11.CKA_VALUE, value: long }]);
  same(get(data, p11.CKA_VALUE), long);
  assert.strictEqual(get(data, p11.CKA_LABEL).toString(), "Grüße");
});
step("C_CopyObject", () => {
  handle = module_.C_CopyObject(session, data, [{ type: p11.CKA_LABEL, value: "copy" }]);
  assert.strictEqual(find([{ type: p11.CKA_LABEL, value: "copy" }]).length, 1);
});
step("C_DestroyObject", () => {
  module_.C_DestroyObject(session, handle);
  module_.C_DestroyObject(session, data);
  refused(p11.CKR_OBJECT_HANDLE_INVALID, () => get(handle, p11.CKA_LABEL));
});
step("an unknown mechanism", () => refused(p11.CKR_MECHANISM_INVALID, () => module_.C_DigestInit(session, mech(0x7fffffff))));
step("C_Sign without C_SignInit", () =>
  refused(p11.CKR_OPERATION_NOT_INITIALIZED, () => module_.C_Sign(session, message, Buffer.alloc(512))));
step("a buffer that is too small, then one that is not", () => {
  module_.C_DigestInit(session, mech(p11.CKM_SHA256));
  refused(p11.CKR_BUFFER_TOO_SMALL, () => module_.C_Digest(session, message, Buffer.alloc(8)));
  same(module_.C_Digest(session, message, Buffer.alloc(32)), crypto.createHash("sha256").update(message).digest());
});
step("C_Logout: private objects are out of sight", () => {
  module_.C_Logout(session);
  assert.strictEqual(find([{ type: p11.CKA_CLASS, value: p11.CKO_PRIVATE_KEY }]).length, 0);
});
step("the SO gives the user a new PIN", () => {
  module_.C_Login(session, p11.CKU_SO, soPin);
  module_.C_InitPIN(session, "4321");
  module_.C_Logout(session);
  module_.C_Login(session, p11.CKU_USER, "4321");
});
step("C_CloseSession, C_CloseAllSessions", () => {
  module_.C_CloseSession(session);
  refused(p11.CKR_SESSION_HANDLE_INVALID, () => module_.C_GetSessionInfo(session));
  module_.C_CloseAllSessions(slot);
});
step("token keys outlive C_Finalize", () => {
  module_.C_Finalize();
  module_.C_Initialize();
  session = module_.C_OpenSession(slot, p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION);
  module_.C_Login(session, p11.CKU_USER, "4321");
  assert.strictEqual(find([{ type: p11.CKA_LABEL, value: "rsa" }]).length, 2);
});
// The package hands the label on as it is: 32 bytes, as PKCS#11 wants.
step("C_InitToken makes it empty", () => {
  module_.C_CloseAllSessions(slot);
  module_.C_InitToken(slot, soPin, "anew".padEnd(32));
  assert.strictEqual(module_.C_GetTokenInfo(slot).label.trim(), "anew");
  session = module_.C_OpenSession(slot, p11.CKF_SERIAL_SESSION);
  assert.strictEqual(find([{ type: p11.CKA_TOKEN, value: true }, { type: p11.CKA_CLASS, value: p11.CKO_PUBLIC_KEY }]).length, 0);
});
step("C_Finalize, close", () => {
  module_.C_Finalize();
  module_.close();
});
finish(results);

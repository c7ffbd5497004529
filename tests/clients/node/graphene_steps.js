// SPDX-License-Identifier: BSD-2-Clause
// A program with graphene-pk11 in steps, the results checked by Node's own crypto where it can.
// Usage: node graphene_steps.js MODULE TOKEN PIN SO-PIN RESULTS
"use strict";
const assert = require("node:assert");
const crypto = require("node:crypto");
const graphene = require("graphene-pk11");
const { step, refused, same, finish } = require("./steps.js");

const [path, label, pin, soPin, results] = process.argv.slice(2);
const { ObjectClass, KeyType, KeyGenMechanism, SessionFlag, UserType } = graphene;
const message = Buffer.from("a message of some length");
const long = Buffer.alloc(100000, "0123456789");
const CKR_PIN_INCORRECT = 0xa0;
const CKR_ATTRIBUTE_SENSITIVE = 0x11;
const CKR_SIGNATURE_INVALID = 0xc0;
let module_, slot, session, aes, rsa, ec, data, certificate;

const b64 = (buffer) => buffer.toString("base64url");

function rsaPublicKey() {
  const found = rsa.publicKey.getAttribute({ modulus: null, publicExponent: null });
  return crypto.createPublicKey({ key: { kty: "RSA", n: b64(found.modulus), e: b64(found.publicExponent) }, format: "jwk" });
}

function ecPublicKey() {
  const point = rawPoint();
  return crypto.createPublicKey({ key: { kty: "EC", crv: "P-256", x: b64(point.subarray(1, 33)), y: b64(point.subarray(33)) }, format: "jwk" });
}

function rawPoint() {
  return ec.publicKey.getAttribute({ pointEC: null }).pointEC.subarray(2);
}

function roundTrip(algorithm, key, bytes) {
  const cipher = session.createCipher(algorithm, key);
  const parts = [];
  for (let i = 0; i < bytes.length; i += 4096) parts.push(cipher.update(bytes.subarray(i, i + 4096)));
  parts.push(cipher.final());
  const sealed = Buffer.concat(parts);
  const decipher = session.createDecipher(algorithm, key);
  const back = [decipher.update(sealed), decipher.final()];
  same(Buffer.concat(back), bytes);
  return sealed;
}

step("load", () => { module_ = graphene.Module.load(path, "Keykist"); });
step("initialize", () => module_.initialize());
step("the module's information", () => assert.ok(module_.libraryDescription.length > 0 && module_.cryptokiVersion.major === 2));
step("slots", () => {
  const slots = module_.getSlots(true);
  for (let i = 0; i < slots.length; i++) if (slots.items(i).getToken().label.trim() === label) slot = slots.items(i);
  assert.ok(slot);
});
step("the token's information", () => {
  const token = slot.getToken();
  assert.ok(token.flags & graphene.TokenFlag.TOKEN_INITIALIZED && token.minPinLen === 4);
  assert.ok(token.serialNumber.trim().length > 0);
});
step("mechanisms by name", () => {
  const names = [];
  const mechanisms = slot.getMechanisms();
  for (let i = 0; i < mechanisms.length; i++) {
    const mechanism = mechanisms.tryGetItem(i);
    assert.ok(mechanism, `mechanism ${i} has no information`);
    names.push(mechanism.name);
  }
  for (const name of ["RSA_PKCS", "AES_GCM", "ECDSA", "SHA256"]) assert.ok(names.includes(name), name);
});
step("open a session", () => {
  session = slot.open(SessionFlag.RW_SESSION | SessionFlag.SERIAL_SESSION);
  assert.strictEqual(session.state, 2);
});
step("a wrong PIN", () => refused(CKR_PIN_INCORRECT, () => session.login("wrong PIN")));
step("login", () => session.login(pin, UserType.USER));
step("another session is logged in too", () => {
  const other = slot.open(SessionFlag.SERIAL_SESSION);
  assert.strictEqual(other.state, 1);
  other.close();
});
step("a new PIN and back", () => {
  session.setPin(pin, "a longer one");
  session.setPin("a longer one", pin);
});
step("random bytes", () => assert.ok(!session.generateRandom(32).equals(session.generateRandom(32))));
for (const name of ["sha1", "sha224", "sha256", "sha384", "sha512"])
  step(`digest ${name}`, () => {
    const digest = session.createDigest(name);
    digest.update(long.subarray(0, 5));
    digest.update(long.subarray(5));
    same(digest.final(), crypto.createHash(name).update(long).digest());
  });
step("digest at once", () => same(session.createDigest("sha256").once(message), crypto.createHash("sha256").update(message).digest()));
step("generate an AES key", () => {
  aes = session.generateKey(KeyGenMechanism.AES, {
    label: "aes", id: Buffer.from([1]), token: true, private: true, valueLen: 32, sensitive: true, extractable: false,
    encrypt: true, decrypt: true, wrap: true, unwrap: true, keyType: KeyType.AES });
  assert.strictEqual(aes.class, ObjectClass.SECRET_KEY);
});
step("its attributes", () => {
  const found = aes.getAttribute({ label: null, valueLen: null, local: null, sensitive: null });
  assert.deepStrictEqual([found.label, found.valueLen, found.local, found.sensitive], ["aes", 32, true, true]);
});
step("its value is not given out", () => refused(CKR_ATTRIBUTE_SENSITIVE, () => aes.getAttribute({ value: null })));
step("find by template", () => {
  const found = session.find({ class: ObjectClass.SECRET_KEY, label: "aes" });
  assert.strictEqual(found.length, 1);
  assert.strictEqual(found.items(0).toType().label, "aes");
});
step("find with a call for each", () => {
  let count = 0;
  session.find({ label: "aes" }, () => { count++; });
  assert.strictEqual(count, 1);
});
step("another label", () => {
  aes.setAttribute({ label: "renamed" });
  assert.strictEqual(session.find({ label: "renamed" }).length, 1);
});
step("AES-CBC-PAD", () => roundTrip({ name: "AES_CBC_PAD", params: Buffer.alloc(16, 7) }, aes, long));
step("AES-ECB", () => roundTrip("AES_ECB", aes, Buffer.alloc(4096 * 3, 5)));
step("AES-GCM", () => {
  const algorithm = { name: "AES_GCM", params: new graphene.AesGcm240Params(Buffer.alloc(12, 3), Buffer.from("aad"), 128) };
  const sealed = session.createCipher(algorithm, aes).once(message, Buffer.alloc(128));
  assert.strictEqual(sealed.length, message.length + 16);
  same(session.createDecipher(algorithm, aes).once(sealed, Buffer.alloc(128)), message);
});
// Decryption in several calls is not for the package: its final() has room for one block, and a token gives
// nothing of a message before its tag was right.
step("AES-GCM encrypted in several calls", () => {
  const algorithm = { name: "AES_GCM", params: new graphene.AesGcm240Params(Buffer.alloc(12, 3), Buffer.from("aad"), 128) };
  const cipher = session.createCipher(algorithm, aes);
  const parts = [];
  for (let i = 0; i < long.length; i += 999) parts.push(cipher.update(long.subarray(i, i + 999)));
  parts.push(cipher.final());
  same(session.createDecipher(algorithm, aes).once(Buffer.concat(parts), Buffer.alloc(long.length + 16)), long);
});
step("an AES-GCM message that was changed", () => {
  const algorithm = { name: "AES_GCM", params: new graphene.AesGcm240Params(Buffer.alloc(12, 3), Buffer.from("aad"), 128) };
  const sealed = Buffer.from(session.createCipher(algorithm, aes).once(message, Buffer.alloc(128)));
  sealed[0] ^= 1;
  assert.throws(() => session.createDecipher(algorithm, aes).once(sealed, Buffer.alloc(128)));
});
step("generate an RSA key pair", () => {
  rsa = session.generateKeyPair(KeyGenMechanism.RSA, {
    label: "rsa", token: true, keyType: KeyType.RSA, modulusBits: 2048, publicExponent: Buffer.from([1, 0, 1]),
    verify: true, encrypt: true, wrap: true }, {
    label: "rsa", token: true, private: true, keyType: KeyType.RSA, sign: true, decrypt: true, unwrap: true, sensitive: true });
});
for (const hash of ["SHA1", "SHA256", "SHA512"])
  step(`${hash}_RSA_PKCS, verified by Node`, () => {
    const sign = session.createSign(`${hash}_RSA_PKCS`, rsa.privateKey);
    sign.update(long);
    assert.ok(crypto.verify(hash, long, rsaPublicKey(), sign.final()));
  });
step("RSA-PSS, verified by Node", () => {
  const algorithm = { name: "SHA256_RSA_PKCS_PSS", params: new graphene.RsaPssParams(graphene.MechanismEnum.SHA256, graphene.RsaMgf.MGF1_SHA256, 32) };
  const signature = session.createSign(algorithm, rsa.privateKey).once(message);
  assert.ok(crypto.verify("sha256", message, { key: rsaPublicKey(), padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, signature));
});
step("RSA-OAEP of what Node encrypted", () => {
  const algorithm = { name: "RSA_PKCS_OAEP", params: new graphene.RsaOaepParams(graphene.MechanismEnum.SHA1, graphene.RsaMgf.MGF1_SHA1) };
  const sealed = crypto.publicEncrypt({ key: rsaPublicKey(), oaepHash: "sha1" }, message);
  same(session.createDecipher(algorithm, rsa.privateKey).once(sealed, Buffer.alloc(256)), message);
});
step("verify", () => {
  const signature = session.createSign("SHA256_RSA_PKCS", rsa.privateKey).once(message);
  assert.ok(session.createVerify("SHA256_RSA_PKCS", rsa.publicKey).once(message, signature));
});
step("verify another message", () => {
  const signature = session.createSign("SHA256_RSA_PKCS", rsa.privateKey).once(message);
  const verify = session.createVerify("SHA256_RSA_PKCS", rsa.publicKey);
  let ok = false;
  try {
    ok = verify.once(long, signature);
  } catch (error) {
    refused(CKR_SIGNATURE_INVALID, () => { throw error; });
  }
  assert.strictEqual(ok, false);
});
step("wrap and unwrap with RSA", () => {
  const inner = session.generateKey(KeyGenMechanism.AES, { valueLen: 16, extractable: true, encrypt: true, decrypt: true, keyType: KeyType.AES });
  const wrapped = session.wrapKey("RSA_PKCS", rsa.publicKey, inner);
  const back = session.unwrapKey("RSA_PKCS", rsa.privateKey, wrapped, {
    class: ObjectClass.SECRET_KEY, keyType: KeyType.AES, encrypt: true, decrypt: true });
  const algorithm = { name: "AES_CBC_PAD", params: Buffer.alloc(16) };
  same(session.createDecipher(algorithm, back).once(session.createCipher(algorithm, inner).once(message, Buffer.alloc(64)), Buffer.alloc(64)), message);
});
step("generate an EC key pair", () => {
  ec = session.generateKeyPair(KeyGenMechanism.EC, {
    keyType: KeyType.EC, paramsECDSA: graphene.NamedCurve.getByName("secp256r1").value, verify: true }, {
    keyType: KeyType.EC, sign: true, derive: true, sensitive: true });
});
step("ECDSA, verified by Node", () => {
  const signature = session.createSign("ECDSA_SHA256", ec.privateKey).once(message);
  assert.ok(crypto.verify("sha256", message, { key: ecPublicKey(), dsaEncoding: "ieee-p1363" }, signature));
});
step("ECDH, as Node", () => {
  const peer = crypto.createECDH("prime256v1");
  const derived = session.deriveKey({ name: "ECDH1_DERIVE", params: new graphene.EcdhParams(graphene.EcKdf.NULL, null, peer.generateKeys()) },
    ec.privateKey, { class: ObjectClass.SECRET_KEY, keyType: KeyType.GENERIC_SECRET, sensitive: false, extractable: true, valueLen: 32 });
  same(derived.getAttribute({ value: null }).value, peer.computeSecret(rawPoint()));
});
step("an imported key computes Node's HMAC", () => {
  const key = session.create({ class: ObjectClass.SECRET_KEY, keyType: KeyType.GENERIC_SECRET, value: Buffer.from("short"), sign: true }).toType();
  same(session.createSign("SHA256_HMAC", key).once(long), crypto.createHmac("sha256", "short").update(long).digest());
});
step("a data object", () => {
  data = session.create({ class: ObjectClass.DATA, token: true, label: "Grüße", application: "node", value: long }).toType();
  same(data.value, long);
  assert.strictEqual(data.label, "Grüße");
  assert.ok(data.size > long.length);
});
step("a copy of it", () => {
  const copied = session.copy(data, { label: "copy" }).toType();
  assert.strictEqual(copied.label, "copy");
  copied.destroy();
});
step("a certificate object", () => {
  certificate = session.create({ class: ObjectClass.CERTIFICATE, certType: graphene.CertificateType.X_509, token: true,
    subject: Buffer.from("3000", "hex"), value: Buffer.from("3000", "hex"), id: Buffer.from([9]), label: "certificate" }).toType();
  same(certificate.value, Buffer.from("3000", "hex"));
});
step("destroy one, then all of a kind", () => {
  data.destroy();
  assert.strictEqual(session.find({ label: "Grüße" }).length, 0);
  assert.ok(session.destroy({ label: "certificate" }) === 1);
});
step("every object has a class that is known", () => {
  const all = session.find();
  assert.ok(all.length >= 3);
  for (let i = 0; i < all.length; i++) assert.ok(ObjectClass[all.items(i).class], `${all.items(i).class}`);
});
step("logout: private keys are out of sight", () => {
  session.logout();
  assert.strictEqual(session.find({ class: ObjectClass.PRIVATE_KEY }).length, 0);
});
step("the SO gives the user a new PIN", () => {
  session.login(soPin, UserType.SO);
  session.initPin("4321");
  session.logout();
  session.login("4321");
});
step("close all sessions", () => slot.closeAll());
step("a session after finalize and initialize", () => {
  module_.finalize();
  module_.initialize();
  const opened = module_.getSlots(true).items(0).open();
  opened.login("4321");
  assert.strictEqual(opened.find({ label: "rsa" }).length, 2);
  opened.logout();
  opened.close();
});
step("finalize", () => module_.finalize());
finish(results);

// SPDX-License-Identifier: BSD-2-Clause
// Generates, finds, signs, encrypts and wraps with pkcs11js.
"use strict";
const fs = require("node:fs");
const p11 = require("pkcs11js");

const message = Buffer.from("a message of 24 bytes...");
const label = process.env.TOKEN_LABEL || "demo";
const pkcs11 = new p11.PKCS11();
let session;

// { CKA_LABEL: "x" } as the list that the package takes.
const template = (attributes) => Object.entries(attributes).map(([name, value]) => ({ type: p11[name], value }));

function open() {
  pkcs11.load(process.env.PKCS11_MODULE || "/usr/lib/softhsm/libsofthsm2.so");
  pkcs11.C_Initialize();
  const slot = pkcs11.C_GetSlotList(true).find((one) => pkcs11.C_GetTokenInfo(one).label.trim() === label);
  if (!slot) throw new Error(`There is no token with the label '${label}'.`);
  session = pkcs11.C_OpenSession(slot, p11.CKF_SERIAL_SESSION | p11.CKF_RW_SESSION);
  pkcs11.C_Login(session, p11.CKU_USER, process.env.USER_PIN);
  console.log(`token: ${label}`);
}

function all(attributes) {
  pkcs11.C_FindObjectsInit(session, template(attributes));
  const found = pkcs11.C_FindObjects(session, 100);
  pkcs11.C_FindObjectsFinal(session);
  return found;
}

const key = (kind, name) => all({ CKA_CLASS: kind, CKA_LABEL: name })[0];

function generate() {
  pkcs11.C_GenerateKeyPair(session, { mechanism: p11.CKM_RSA_PKCS_KEY_PAIR_GEN },
    template({ CKA_TOKEN: true, CKA_LABEL: "signer", CKA_MODULUS_BITS: 2048, CKA_PUBLIC_EXPONENT: Buffer.from([1, 0, 1]), CKA_VERIFY: true }),
    template({ CKA_TOKEN: true, CKA_PRIVATE: true, CKA_LABEL: "signer", CKA_SIGN: true, CKA_SENSITIVE: true }));
  const aes = { mechanism: p11.CKM_AES_KEY_GEN };
  pkcs11.C_GenerateKey(session, aes, template({
    CKA_LABEL: "data", CKA_VALUE_LEN: 32, CKA_ENCRYPT: true, CKA_DECRYPT: true, CKA_SENSITIVE: true, CKA_EXTRACTABLE: true }));
  pkcs11.C_GenerateKey(session, aes, template({
    CKA_LABEL: "wrapper", CKA_VALUE_LEN: 32, CKA_WRAP: true, CKA_UNWRAP: true, CKA_SENSITIVE: true }));
  console.log('generated: RSA key pair "signer", AES keys "data" and "wrapper"');
}

function find() {
  const count = (kind) => all({ CKA_CLASS: kind }).length;
  console.log(`found: ${count(p11.CKO_PUBLIC_KEY)} public, ${count(p11.CKO_PRIVATE_KEY)} private, ${count(p11.CKO_SECRET_KEY)} secret keys`);
}

function sign() {
  const mechanism = { mechanism: p11.CKM_SHA256_RSA_PKCS };
  pkcs11.C_SignInit(session, mechanism, key(p11.CKO_PRIVATE_KEY, "signer"));
  const signature = pkcs11.C_Sign(session, message, Buffer.alloc(256));
  pkcs11.C_VerifyInit(session, mechanism, key(p11.CKO_PUBLIC_KEY, "signer"));
  pkcs11.C_Verify(session, message, signature);
  fs.writeFileSync("signature.bin", signature);
  console.log(`signed: ${signature.length} bytes, verified`);
}

function decrypts(with_, mechanism, sealed) {
  pkcs11.C_DecryptInit(session, mechanism, with_);
  return pkcs11.C_Decrypt(session, sealed, Buffer.alloc(sealed.length)).equals(message);
}

function encrypt() {
  const iv = pkcs11.C_GenerateRandom(session, Buffer.alloc(12));
  const mechanism = { mechanism: p11.CKM_AES_GCM, parameter: { type: p11.CK_PARAMS_AES_GCM, iv, ivBits: 96, tagBits: 128 } };
  pkcs11.C_EncryptInit(session, mechanism, key(p11.CKO_SECRET_KEY, "data"));
  const sealed = pkcs11.C_Encrypt(session, message, Buffer.alloc(message.length + 16));
  if (!decrypts(key(p11.CKO_SECRET_KEY, "data"), mechanism, sealed)) throw new Error("The message came back changed.");
  console.log(`encrypted: ${sealed.length} bytes, decrypted to the same`);
  return { mechanism, sealed };
}

function wrap({ mechanism, sealed }) {
  const keyWrap = { mechanism: p11.CKM_AES_KEY_WRAP };
  const wrapper = key(p11.CKO_SECRET_KEY, "wrapper");
  const wrapped = pkcs11.C_WrapKey(session, keyWrap, wrapper, key(p11.CKO_SECRET_KEY, "data"), Buffer.alloc(64));
  const back = pkcs11.C_UnwrapKey(session, keyWrap, wrapper, wrapped,
    template({ CKA_CLASS: p11.CKO_SECRET_KEY, CKA_KEY_TYPE: p11.CKK_AES, CKA_DECRYPT: true }));
  if (!decrypts(back, mechanism, sealed)) throw new Error("The unwrapped key is another one.");
  console.log(`wrapped: ${wrapped.length} bytes, unwrapped key decrypts`);
}

open();
generate();
find();
sign();
wrap(encrypt());
pkcs11.C_Logout(session);
pkcs11.C_Finalize();
pkcs11.close();

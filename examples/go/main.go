// SPDX-License-Identifier: BSD-2-Clause
// Generates, finds, signs, encrypts and wraps with github.com/miekg/pkcs11.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"

	"github.com/miekg/pkcs11"
)

var message = []byte("a message of 24 bytes...")

type token struct {
	*pkcs11.Ctx
	session pkcs11.SessionHandle
}

func setting(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

func must[T any](value T, err error) T {
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func mechanism(kind uint, parameter any) []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(kind, parameter)}
}

func template(pairs ...any) []*pkcs11.Attribute {
	var attributes []*pkcs11.Attribute
	for i := 0; i < len(pairs); i += 2 {
		attributes = append(attributes, pkcs11.NewAttribute(uint(pairs[i].(int)), pairs[i+1]))
	}
	return attributes
}

func open(context *pkcs11.Ctx, label string) token {
	for _, slot := range must(context.GetSlotList(true)) {
		if must(context.GetTokenInfo(slot)).Label == label {
			session := must(context.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION))
			check(context.Login(session, pkcs11.CKU_USER, os.Getenv("USER_PIN")))
			return token{context, session}
		}
	}
	log.Fatalf("There is no token with the label '%s'.", label)
	return token{}
}

func (t token) all(pairs ...any) []pkcs11.ObjectHandle {
	check(t.FindObjectsInit(t.session, template(pairs...)))
	found, _, err := t.FindObjects(t.session, 100)
	check(err)
	check(t.FindObjectsFinal(t.session))
	return found
}

func (t token) key(class uint, label string) pkcs11.ObjectHandle {
	found := t.all(pkcs11.CKA_CLASS, class, pkcs11.CKA_LABEL, label)
	if len(found) == 0 {
		log.Fatalf("There is no key with the label '%s'.", label)
	}
	return found[0]
}

func (t token) generate() {
	_, _, err := t.GenerateKeyPair(t.session, mechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil),
		template(pkcs11.CKA_TOKEN, true, pkcs11.CKA_LABEL, "signer", pkcs11.CKA_MODULUS_BITS, 2048,
			pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}, pkcs11.CKA_VERIFY, true),
		template(pkcs11.CKA_TOKEN, true, pkcs11.CKA_PRIVATE, true, pkcs11.CKA_LABEL, "signer",
			pkcs11.CKA_SIGN, true, pkcs11.CKA_SENSITIVE, true))
	check(err)
	aes := mechanism(pkcs11.CKM_AES_KEY_GEN, nil)
	must(t.GenerateKey(t.session, aes, template(pkcs11.CKA_LABEL, "data", pkcs11.CKA_VALUE_LEN, 32,
		pkcs11.CKA_ENCRYPT, true, pkcs11.CKA_DECRYPT, true, pkcs11.CKA_SENSITIVE, true, pkcs11.CKA_EXTRACTABLE, true)))
	must(t.GenerateKey(t.session, aes, template(pkcs11.CKA_LABEL, "wrapper", pkcs11.CKA_VALUE_LEN, 32,
		pkcs11.CKA_WRAP, true, pkcs11.CKA_UNWRAP, true, pkcs11.CKA_SENSITIVE, true)))
	fmt.Println(`generated: RSA key pair "signer", AES keys "data" and "wrapper"`)
}

func (t token) find() {
	fmt.Printf("found: %d public, %d private, %d secret keys\n", len(t.all(pkcs11.CKA_CLASS, pkcs11.CKO_PUBLIC_KEY)),
		len(t.all(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY)), len(t.all(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY)))
}

func (t token) sign() {
	check(t.SignInit(t.session, mechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil), t.key(pkcs11.CKO_PRIVATE_KEY, "signer")))
	signature := must(t.Sign(t.session, message))
	check(t.VerifyInit(t.session, mechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil), t.key(pkcs11.CKO_PUBLIC_KEY, "signer")))
	check(t.Verify(t.session, message, signature))
	check(os.WriteFile("signature.bin", signature, 0o644))
	fmt.Printf("signed: %d bytes, verified\n", len(signature))
}

func (t token) decrypts(key pkcs11.ObjectHandle, iv, sealed []byte) bool {
	params := pkcs11.NewGCMParams(iv, nil, 128)
	defer params.Free()
	check(t.DecryptInit(t.session, mechanism(pkcs11.CKM_AES_GCM, params), key))
	return bytes.Equal(must(t.Decrypt(t.session, sealed)), message)
}

func (t token) encrypt() (iv, sealed []byte) {
	key := t.key(pkcs11.CKO_SECRET_KEY, "data")
	iv = must(t.GenerateRandom(t.session, 12))
	params := pkcs11.NewGCMParams(iv, nil, 128)
	defer params.Free()
	check(t.EncryptInit(t.session, mechanism(pkcs11.CKM_AES_GCM, params), key))
	sealed = must(t.Encrypt(t.session, message))
	if !t.decrypts(key, iv, sealed) {
		log.Fatal("The message came back changed.")
	}
	fmt.Printf("encrypted: %d bytes, decrypted to the same\n", len(sealed))
	return iv, sealed
}

func (t token) wrap(iv, sealed []byte) {
	wrapper := t.key(pkcs11.CKO_SECRET_KEY, "wrapper")
	keyWrap := mechanism(pkcs11.CKM_AES_KEY_WRAP, nil)
	wrapped := must(t.WrapKey(t.session, keyWrap, wrapper, t.key(pkcs11.CKO_SECRET_KEY, "data")))
	back := must(t.UnwrapKey(t.session, keyWrap, wrapper, wrapped,
		template(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY, pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES, pkcs11.CKA_DECRYPT, true)))
	if !t.decrypts(back, iv, sealed) {
		log.Fatal("The unwrapped key is another one.")
	}
	fmt.Printf("wrapped: %d bytes, unwrapped key decrypts\n", len(wrapped))
}

func main() {
	context := pkcs11.New(setting("PKCS11_MODULE", "/usr/lib/softhsm/libsofthsm2.so"))
	if context == nil {
		log.Fatal("The module was not loaded.")
	}
	check(context.Initialize())
	label := setting("TOKEN_LABEL", "demo")
	t := open(context, label)
	fmt.Println("token:", label)
	t.generate()
	t.find()
	t.sign()
	t.wrap(t.encrypt())
	check(context.Logout(t.session))
	check(context.Finalize())
	context.Destroy()
}

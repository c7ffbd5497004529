// SPDX-License-Identifier: BSD-2-Clause
// What programs with miekg/pkcs11 do in the field and its own tests do not: many sessions at once,
// context-specific logins, imports, ECDH, errors that they tell apart. Usage: go test, with PKCS11_MODULE,
// TOKEN_LABEL and USER_PIN in the environment.
package miekg

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"sync"
	"testing"

	"github.com/miekg/pkcs11"
)

var p256 = []byte{6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7}

func attribute(kind uint, value interface{}) *pkcs11.Attribute {
	return pkcs11.NewAttribute(kind, value)
}

func mechanism(kind uint, parameter interface{}) []*pkcs11.Mechanism {
	return []*pkcs11.Mechanism{pkcs11.NewMechanism(kind, parameter)}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func isError(t *testing.T, err error, want uint) {
	t.Helper()
	var code pkcs11.Error
	if !errors.As(err, &code) || uint(code) != want {
		t.Fatalf("got %v, not 0x%X", err, want)
	}
}

type token struct {
	*pkcs11.Ctx
	slot uint
	main pkcs11.SessionHandle
}

func open(t *testing.T) *token {
	t.Helper()
	context := pkcs11.New(os.Getenv("PKCS11_MODULE"))
	if context == nil {
		t.Fatal("the module was not loaded")
	}
	must(t, context.Initialize())
	slots, err := context.GetSlotList(true)
	must(t, err)
	for _, slot := range slots {
		info, err := context.GetTokenInfo(slot)
		must(t, err)
		if info.Label == os.Getenv("TOKEN_LABEL") {
			session, err := context.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
			must(t, err)
			must(t, context.Login(session, pkcs11.CKU_USER, os.Getenv("USER_PIN")))
			opened := &token{context, slot, session}
			t.Cleanup(func() {
				must(t, context.CloseAllSessions(slot))
				must(t, context.Finalize())
				context.Destroy()
			})
			return opened
		}
	}
	t.Fatal("the token was not found")
	return nil
}

func (k *token) rsaPair(t *testing.T, more ...*pkcs11.Attribute) (public, private pkcs11.ObjectHandle) {
	t.Helper()
	public, private, err := k.GenerateKeyPair(k.main, mechanism(pkcs11.CKM_RSA_PKCS_KEY_PAIR_GEN, nil),
		[]*pkcs11.Attribute{attribute(pkcs11.CKA_MODULUS_BITS, 2048),
			attribute(pkcs11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}), attribute(pkcs11.CKA_VERIFY, true),
			attribute(pkcs11.CKA_ENCRYPT, true)},
		append([]*pkcs11.Attribute{attribute(pkcs11.CKA_SIGN, true), attribute(pkcs11.CKA_DECRYPT, true),
			attribute(pkcs11.CKA_SENSITIVE, true)}, more...))
	must(t, err)
	return public, private
}

func (k *token) rsaPublic(t *testing.T, key pkcs11.ObjectHandle) *rsa.PublicKey {
	t.Helper()
	found, err := k.GetAttributeValue(k.main, key, []*pkcs11.Attribute{
		attribute(pkcs11.CKA_MODULUS, nil), attribute(pkcs11.CKA_PUBLIC_EXPONENT, nil)})
	must(t, err)
	return &rsa.PublicKey{N: new(big.Int).SetBytes(found[0].Value), E: int(new(big.Int).SetBytes(found[1].Value).Int64())}
}

func (k *token) ecPair(t *testing.T, use uint) (public, private pkcs11.ObjectHandle, point []byte) {
	t.Helper()
	public, private, err := k.GenerateKeyPair(k.main, mechanism(pkcs11.CKM_EC_KEY_PAIR_GEN, nil),
		[]*pkcs11.Attribute{attribute(pkcs11.CKA_EC_PARAMS, p256), attribute(pkcs11.CKA_VERIFY, true)},
		[]*pkcs11.Attribute{attribute(use, true), attribute(pkcs11.CKA_SENSITIVE, true)})
	must(t, err)
	found, err := k.GetAttributeValue(k.main, public, []*pkcs11.Attribute{attribute(pkcs11.CKA_EC_POINT, nil)})
	must(t, err)
	_, err = asn1.Unmarshal(found[0].Value, &point)
	must(t, err)
	return public, private, point
}

// A pool of sessions that goroutines take turns with, as signing services have it.
func TestSessionsInParallel(t *testing.T) {
	k := open(t)
	public, private := k.rsaPair(t)
	key := k.rsaPublic(t, public)
	pool := make(chan pkcs11.SessionHandle, 16)
	for i := 0; i < cap(pool); i++ {
		session, err := k.OpenSession(k.slot, pkcs11.CKF_SERIAL_SESSION)
		must(t, err)
		pool <- session
	}
	var all sync.WaitGroup
	for i := 0; i < 64; i++ {
		all.Add(1)
		go func(i int) {
			defer all.Done()
			session := <-pool
			defer func() { pool <- session }()
			message := []byte{byte(i), byte(i >> 8)}
			if err := k.SignInit(session, mechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil), private); err != nil {
				t.Error(err)
				return
			}
			signature, err := k.Sign(session, message)
			if err != nil {
				t.Error(err)
				return
			}
			digest := sha256.Sum256(message)
			if err := rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], signature); err != nil {
				t.Error(err)
			}
		}(i)
	}
	all.Wait()
}

// A session key of one session is seen by the others, and gone with its own.
func TestSessionObjectsAcrossSessions(t *testing.T) {
	k := open(t)
	other, err := k.OpenSession(k.slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	must(t, err)
	_, err = k.GenerateKey(other, mechanism(pkcs11.CKM_AES_KEY_GEN, nil), []*pkcs11.Attribute{
		attribute(pkcs11.CKA_VALUE_LEN, 32), attribute(pkcs11.CKA_LABEL, "of the other")})
	must(t, err)
	count := func() int {
		must(t, k.FindObjectsInit(k.main, []*pkcs11.Attribute{attribute(pkcs11.CKA_LABEL, "of the other")}))
		found, _, err := k.FindObjects(k.main, 100)
		must(t, err)
		must(t, k.FindObjectsFinal(k.main))
		return len(found)
	}
	if count() != 1 {
		t.Fatal("not seen")
	}
	must(t, k.CloseSession(other))
	if count() != 0 {
		t.Fatal("still there")
	}
}

// Keys with CKA_ALWAYS_AUTHENTICATE: a login before each use.
func TestContextSpecificLogin(t *testing.T) {
	k := open(t)
	_, private := k.rsaPair(t, attribute(pkcs11.CKA_ALWAYS_AUTHENTICATE, true), attribute(pkcs11.CKA_PRIVATE, true))
	for round := 0; round < 2; round++ {
		must(t, k.SignInit(k.main, mechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil), private))
		must(t, k.Login(k.main, pkcs11.CKU_CONTEXT_SPECIFIC, os.Getenv("USER_PIN")))
		_, err := k.Sign(k.main, []byte("once"))
		must(t, err)
	}
	must(t, k.SignInit(k.main, mechanism(pkcs11.CKM_SHA256_RSA_PKCS, nil), private))
	_, err := k.Sign(k.main, []byte("once more"))
	isError(t, err, pkcs11.CKR_USER_NOT_LOGGED_IN)
}

// Signatures of the token, verified by Go.
func TestECDSA(t *testing.T) {
	k := open(t)
	_, private, point := k.ecPair(t, pkcs11.CKA_SIGN)
	x, y := elliptic.Unmarshal(elliptic.P256(), point)
	digest := sha256.Sum256([]byte("a message"))
	must(t, k.SignInit(k.main, mechanism(pkcs11.CKM_ECDSA, nil), private))
	signature, err := k.Sign(k.main, digest[:])
	must(t, err)
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])
	if !ecdsa.Verify(&ecdsa.PublicKey{Curve: elliptic.P256(), X: x, Y: y}, digest[:], r, s) {
		t.Fatal("Go does not verify it")
	}
}

// PSS and OAEP with SHA-256, the other side by Go.
func TestPSSAndOAEP(t *testing.T) {
	k := open(t)
	public, private := k.rsaPair(t)
	key := k.rsaPublic(t, public)
	must(t, k.SignInit(k.main, mechanism(pkcs11.CKM_SHA256_RSA_PKCS_PSS,
		pkcs11.NewPSSParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, 32)), private))
	signature, err := k.Sign(k.main, []byte("a message"))
	must(t, err)
	digest := sha256.Sum256([]byte("a message"))
	must(t, rsa.VerifyPSS(key, crypto.SHA256, digest[:], signature, &rsa.PSSOptions{SaltLength: 32}))

	sealed, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, key, []byte("a secret"), []byte("label"))
	must(t, err)
	oaep := pkcs11.NewOAEPParams(pkcs11.CKM_SHA256, pkcs11.CKG_MGF1_SHA256, pkcs11.CKZ_DATA_SPECIFIED, []byte("label"))
	must(t, k.DecryptInit(k.main, mechanism(pkcs11.CKM_RSA_PKCS_OAEP, oaep), private))
	opened, err := k.Decrypt(k.main, sealed)
	must(t, err)
	if string(opened) != "a secret" {
		t.Fatalf("%q", opened)
	}
}

// ECDH with a key of Go's; both sides have the same secret.
func TestECDH(t *testing.T) {
	k := open(t)
	_, private, point := k.ecPair(t, pkcs11.CKA_DERIVE)
	peer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	secret, err := k.DeriveKey(k.main, mechanism(pkcs11.CKM_ECDH1_DERIVE,
		pkcs11.NewECDH1DeriveParams(pkcs11.CKD_NULL, nil, elliptic.Marshal(peer.Curve, peer.X, peer.Y))), private,
		[]*pkcs11.Attribute{attribute(pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY),
			attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET), attribute(pkcs11.CKA_VALUE_LEN, 32),
			attribute(pkcs11.CKA_SENSITIVE, false), attribute(pkcs11.CKA_EXTRACTABLE, true)})
	must(t, err)
	ours, err := k.GetAttributeValue(k.main, secret, []*pkcs11.Attribute{attribute(pkcs11.CKA_VALUE, nil)})
	must(t, err)
	x, y := elliptic.Unmarshal(elliptic.P256(), point)
	shared, _ := elliptic.P256().ScalarMult(x, y, peer.D.Bytes())
	theirs := shared.FillBytes(make([]byte, 32))
	if !bytes.Equal(ours[0].Value, theirs) {
		t.Fatal("two secrets")
	}
}

// An EC key that Go made, imported, signs; the template has what importers put there.
func TestImportedKeySigns(t *testing.T) {
	k := open(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	private, err := k.CreateObject(k.main, []*pkcs11.Attribute{
		attribute(pkcs11.CKA_CLASS, pkcs11.CKO_PRIVATE_KEY), attribute(pkcs11.CKA_KEY_TYPE, pkcs11.CKK_EC),
		attribute(pkcs11.CKA_TOKEN, true), attribute(pkcs11.CKA_PRIVATE, true), attribute(pkcs11.CKA_SENSITIVE, true),
		attribute(pkcs11.CKA_SIGN, true), attribute(pkcs11.CKA_ID, []byte("imported")),
		attribute(pkcs11.CKA_EC_PARAMS, p256), attribute(pkcs11.CKA_VALUE, key.D.FillBytes(make([]byte, 32)))})
	must(t, err)
	digest := sha256.Sum256([]byte("imported"))
	must(t, k.SignInit(k.main, mechanism(pkcs11.CKM_ECDSA, nil), private))
	signature, err := k.Sign(k.main, digest[:])
	must(t, err)
	if !ecdsa.Verify(&key.PublicKey, digest[:], new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:])) {
		t.Fatal("Go does not verify it")
	}
	must(t, k.DestroyObject(k.main, private))
}

// AES-GCM in one part and in several give the same; an edit is found.
func TestGCMInParts(t *testing.T) {
	k := open(t)
	key, err := k.GenerateKey(k.main, mechanism(pkcs11.CKM_AES_KEY_GEN, nil), []*pkcs11.Attribute{
		attribute(pkcs11.CKA_VALUE_LEN, 32), attribute(pkcs11.CKA_ENCRYPT, true), attribute(pkcs11.CKA_DECRYPT, true)})
	must(t, err)
	message := bytes.Repeat([]byte("0123456789"), 1000)
	iv := []byte("twelve bytes")
	begin := func(init func(pkcs11.SessionHandle, []*pkcs11.Mechanism, pkcs11.ObjectHandle) error) {
		params := pkcs11.NewGCMParams(iv, []byte("aad"), 128)
		t.Cleanup(params.Free)
		must(t, init(k.main, mechanism(pkcs11.CKM_AES_GCM, params), key))
	}
	begin(k.EncryptInit)
	whole, err := k.Encrypt(k.main, message)
	must(t, err)
	begin(k.EncryptInit)
	var parts []byte
	for i := 0; i < len(message); i += 999 {
		end := i + 999
		if end > len(message) {
			end = len(message)
		}
		part, err := k.EncryptUpdate(k.main, message[i:end])
		must(t, err)
		parts = append(parts, part...)
	}
	last, err := k.EncryptFinal(k.main)
	must(t, err)
	if !bytes.Equal(whole, append(parts, last...)) {
		t.Fatal("parts differ from the whole")
	}
	whole[77] ^= 1
	begin(k.DecryptInit)
	if _, err = k.Decrypt(k.main, whole); err == nil {
		t.Fatal("an edit was not found")
	}
}

// The errors that programs look for.
func TestErrorsThatProgramsTellApart(t *testing.T) {
	k := open(t)
	isError(t, k.Initialize(), pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED)
	isError(t, k.Login(k.main, pkcs11.CKU_USER, os.Getenv("USER_PIN")), pkcs11.CKR_USER_ALREADY_LOGGED_IN)
	isError(t, k.SignInit(k.main, mechanism(pkcs11.CKM_ECDSA, nil), 4711), pkcs11.CKR_KEY_HANDLE_INVALID)
	_, err := k.Sign(k.main, []byte("nothing begun"))
	isError(t, err, pkcs11.CKR_OPERATION_NOT_INITIALIZED)
	isError(t, k.CloseSession(4711), pkcs11.CKR_SESSION_HANDLE_INVALID)
	_, err = k.GetTokenInfo(4711)
	isError(t, err, pkcs11.CKR_SLOT_ID_INVALID)
	public, private := k.rsaPair(t)
	_, err = k.GetAttributeValue(k.main, private, []*pkcs11.Attribute{attribute(pkcs11.CKA_PRIVATE_EXPONENT, nil)})
	isError(t, err, pkcs11.CKR_ATTRIBUTE_SENSITIVE)
	_, err = k.GetAttributeValue(k.main, public, []*pkcs11.Attribute{attribute(pkcs11.CKA_EC_POINT, nil)})
	isError(t, err, pkcs11.CKR_ATTRIBUTE_TYPE_INVALID)
	must(t, k.Logout(k.main))
	isError(t, k.Login(k.main, pkcs11.CKU_USER, "not the PIN"), pkcs11.CKR_PIN_INCORRECT)
	must(t, k.Login(k.main, pkcs11.CKU_USER, os.Getenv("USER_PIN")))
}

// Data objects and certificates' bytes come back as they went in, also empty ones.
func TestDataObjects(t *testing.T) {
	k := open(t)
	for _, value := range [][]byte{{}, {0}, bytes.Repeat([]byte{0xff}, 100000)} {
		object, err := k.CreateObject(k.main, []*pkcs11.Attribute{
			attribute(pkcs11.CKA_CLASS, pkcs11.CKO_DATA), attribute(pkcs11.CKA_TOKEN, true),
			attribute(pkcs11.CKA_APPLICATION, "field"), attribute(pkcs11.CKA_VALUE, value)})
		must(t, err)
		size, err := k.GetObjectSize(k.main, object)
		if err == nil && size < uint(len(value)) {
			t.Fatalf("%d bytes in an object of %d", len(value), size)
		}
		found, err := k.GetAttributeValue(k.main, object, []*pkcs11.Attribute{attribute(pkcs11.CKA_VALUE, nil)})
		must(t, err)
		if !bytes.Equal(found[0].Value, value) {
			t.Fatalf("%d bytes became %d", len(value), len(found[0].Value))
		}
		must(t, k.DestroyObject(k.main, object))
	}
}

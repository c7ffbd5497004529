// SPDX-License-Identifier: BSD-2-Clause
// What crypto11 is used for most: the key of a TLS server and of a certificate authority in the token.
// Usage: go test, with PKCS11_MODULE, TOKEN_LABEL and USER_PIN in the environment.
package crypto11

import (
	"bytes"
	"crypto"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/ThalesGroup/crypto11"
	"github.com/miekg/pkcs11"
)

func open(t *testing.T) *crypto11.Context {
	t.Helper()
	context, err := crypto11.Configure(&crypto11.Config{Path: os.Getenv("PKCS11_MODULE"),
		TokenLabel: os.Getenv("TOKEN_LABEL"), Pin: os.Getenv("USER_PIN")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := context.Close(); err != nil {
			t.Error(err)
		}
	})
	return context
}

// A certificate for localhost, signed by its own key in the token.
func selfSigned(t *testing.T, key crypto.Signer) *x509.Certificate {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		DNSNames: []string{"localhost"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func handshake(t *testing.T, key crypto.Signer, certificate *x509.Certificate, version uint16) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	client, server := net.Pipe()
	deadline := time.Now().Add(20 * time.Second)
	_ = client.SetDeadline(deadline)
	_ = server.SetDeadline(deadline)
	go func() {
		side := tls.Server(server, &tls.Config{MaxVersion: version,
			Certificates: []tls.Certificate{{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}}})
		_, _ = side.Write([]byte("hello"))
		_ = side.Close()
	}()
	side := tls.Client(client, &tls.Config{ServerName: "localhost", RootCAs: roots, MaxVersion: version})
	got := make([]byte, 5)
	if _, err := io.ReadFull(side, got); err != nil {
		t.Fatal(err)
	}
	if string(got) != "hello" || side.ConnectionState().Version != version {
		t.Fatalf("%q in version %x", got, side.ConnectionState().Version)
	}
}

func serve(t *testing.T, context *crypto11.Context, id string, key crypto.Signer) {
	certificate := selfSigned(t, key)
	if err := context.ImportCertificateWithLabel([]byte(id), []byte(id), certificate); err != nil {
		t.Fatal(err)
	}
	found, err := context.FindCertificate([]byte(id), nil, nil)
	if err != nil || found == nil || !found.Equal(certificate) {
		t.Fatalf("the certificate was not found as it went in: %v", err)
	}
	paired, err := context.FindKeyPair([]byte(id), nil)
	if err != nil {
		t.Fatal(err)
	}
	handshake(t, paired, found, tls.VersionTLS12)
	handshake(t, paired, found, tls.VersionTLS13)
}

func TestTLSWithRSA(t *testing.T) {
	context := open(t)
	key, err := context.GenerateRSAKeyPair([]byte("rsa"), 2048)
	if err != nil {
		t.Fatal(err)
	}
	serve(t, context, "rsa", key)
}

func TestTLSWithECDSA(t *testing.T) {
	context := open(t)
	for name, curve := range map[string]elliptic.Curve{"p256": elliptic.P256(), "p384": elliptic.P384()} {
		key, err := context.GenerateECDSAKeyPair([]byte(name), curve)
		if err != nil {
			t.Fatal(err)
		}
		serve(t, context, name, key)
	}
}

// Tickets and cookies sealed with a key of the token, with crypto11's AEAD.
func TestSealed(t *testing.T) {
	context := open(t)
	key, err := context.GenerateSecretKey([]byte("seal"), 256, crypto11.CipherAES)
	if err != nil {
		t.Fatal(err)
	}
	gcm, err := key.NewGCM()
	if err != nil {
		t.Fatal(err)
	}
	nonce := make([]byte, gcm.NonceSize())
	sealed := gcm.Seal(nil, nonce, []byte("a ticket"), []byte("aad"))
	opened, err := gcm.Open(nil, nonce, sealed, []byte("aad"))
	if err != nil || string(opened) != "a ticket" {
		t.Fatalf("%q, %v", opened, err)
	}
	sealed[0] ^= 1
	if _, err := gcm.Open(nil, nonce, sealed, []byte("aad")); err == nil {
		t.Fatal("an edit was not found")
	}
}

// MACs of the token with a generic key, whole and short.
func TestHMAC(t *testing.T) {
	context := open(t)
	key, err := context.GenerateSecretKey([]byte("mac"), 256, crypto11.CipherGeneric)
	if err != nil {
		t.Fatal(err)
	}
	sum := func(mechanism int, length int, message string) []byte {
		mac, err := key.NewHMAC(mechanism, length)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = mac.Write([]byte(message[:3]))
		_, _ = mac.Write([]byte(message[3:]))
		return mac.Sum(nil)
	}
	whole := sum(pkcs11.CKM_SHA256_HMAC, 0, "a message")
	if len(whole) != 32 || !bytes.Equal(whole, sum(pkcs11.CKM_SHA256_HMAC, 0, "a message")) {
		t.Fatal("the same message has two MACs")
	}
	if !bytes.Equal(whole[:10], sum(pkcs11.CKM_SHA256_HMAC_GENERAL, 10, "a message")) {
		t.Fatal("the short MAC is not the beginning of the long one")
	}
	if bytes.Equal(whole, sum(pkcs11.CKM_SHA256_HMAC, 0, "a massage")) {
		t.Fatal("two messages have one MAC")
	}
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys in a PKCS#11 token with what Java brings along: generate, find, sign, verify, encrypt, wrap.
 *
 * java Example.java keykist.cfg PIN ALIAS
 *
 * ALIAS is a key with a certificate in the token; docs/guides/java.md shows how keytool makes one.
 */
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.SecureRandom;
import java.security.Security;
import java.security.Signature;
import java.security.cert.X509Certificate;
import java.util.Arrays;
import java.util.Collections;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.GCMParameterSpec;

public class Example {
    private static final byte[] TEXT = "a text of some importance".getBytes(StandardCharsets.UTF_8);

    private static void list(KeyStore store) throws Exception {
        for (String alias : Collections.list(store.aliases())) {
            System.out.println("entry " + alias + (store.isKeyEntry(alias) ? ": a key" : ": a certificate"));
        }
    }

    /* Signs in the token; verifies with the certificate alone, which needs no token. */
    private static void sign(Provider token, PrivateKey key, X509Certificate certificate) throws Exception {
        Signature signer = Signature.getInstance("SHA256withRSA", token);
        signer.initSign(key);
        signer.update(TEXT);
        byte[] signature = signer.sign();
        Signature verifier = Signature.getInstance("SHA256withRSA");
        verifier.initVerify(certificate);
        verifier.update(TEXT);
        System.out.println("signature of " + signature.length + " bytes, good: " + verifier.verify(signature));
    }

    private static SecretKey encrypt(Provider token) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance("AES", token);
        generator.init(256);
        SecretKey key = generator.generateKey();
        byte[] iv = new byte[12];
        SecureRandom.getInstance("PKCS11", token).nextBytes(iv);
        Cipher cipher = Cipher.getInstance("AES/GCM/NoPadding", token);
        cipher.init(Cipher.ENCRYPT_MODE, key, new GCMParameterSpec(128, iv));
        byte[] hidden = cipher.doFinal(TEXT);
        cipher.init(Cipher.DECRYPT_MODE, key, new GCMParameterSpec(128, iv));
        boolean isBack = Arrays.equals(cipher.doFinal(hidden), TEXT);
        System.out.println("encrypted " + TEXT.length + " bytes to " + hidden.length + ", decrypted: " + isBack);
        return key;
    }

    /* The AES key leaves the token under an RSA key only, and comes back. */
    private static void wrap(Provider token, SecretKey key) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", token);
        generator.initialize(2048);
        KeyPair pair = generator.generateKeyPair();
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", token);
        cipher.init(Cipher.WRAP_MODE, pair.getPublic());
        byte[] wrapped = cipher.wrap(key);
        cipher.init(Cipher.UNWRAP_MODE, pair.getPrivate());
        SecretKey back = (SecretKey) cipher.unwrap(wrapped, "AES", Cipher.SECRET_KEY);
        System.out.println("wrapped to " + wrapped.length + " bytes, the same key came back: "
            + Arrays.equals(back.getEncoded(), key.getEncoded()));
    }

    public static void main(String[] arguments) throws Exception {
        Provider token = Security.getProvider("SunPKCS11").configure(arguments[0]);
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, arguments[1].toCharArray());
        list(store);
        PrivateKey key = (PrivateKey) store.getKey(arguments[2], null);
        System.out.println("the private key's bytes: " + (key.getEncoded() == null ? "stay in the token" : "leave it"));
        sign(token, key, (X509Certificate) store.getCertificate(arguments[2]));
        wrap(token, encrypt(token));
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Java's key store in the token: keys with their chains are put in, listed, used, replaced and deleted; what is in it
 * works with software and with TLS. Prints TAP; leaves the entries "kept" and "kept-secret" for other programs.
 *
 * Usage: Store CONFIGURATION PIN KEYS (a folder with rsa.p12, ec.p12, kept.p12, next.p12: a key and its chain of three,
 * the PIN their password)
 */
import java.io.FileInputStream;
import java.io.IOException;
import java.security.AuthProvider;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.KeyStoreException;
import java.security.PrivateKey;
import java.security.ProviderException;
import java.security.Security;
import java.security.Signature;
import java.security.cert.Certificate;
import java.util.Arrays;
import java.util.Collections;
import java.util.Set;
import java.util.TreeSet;
import javax.crypto.Cipher;
import javax.crypto.KeyGenerator;
import javax.crypto.SecretKey;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.security.auth.callback.Callback;
import javax.security.auth.callback.PasswordCallback;
import javax.security.auth.login.LoginException;

public class Store {
    private static AuthProvider token;
    private static char[] pin;
    private static String keys;

    private Store() {
    }

    private static KeyStore open() throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, pin);
        return store;
    }

    private static KeyStore file(String name) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(keys + "/" + name + ".p12")) {
            store.load(file, pin);
        }
        return store;
    }

    private static PrivateKey keyOf(String name) throws Exception {
        return (PrivateKey) file(name).getKey(name, pin);
    }

    private static Certificate[] chainOf(String name) throws Exception {
        return file(name).getCertificateChain(name);
    }

    private static Set<String> aliases(KeyStore store) throws Exception {
        return new TreeSet<>(Collections.list(store.aliases()));
    }

    /* Signed in the token, verified by software with the certificate. */
    private static boolean signs(PrivateKey key, Certificate certificate) throws Exception {
        String algorithm = certificate.getPublicKey().getAlgorithm();
        algorithm = "SHA256with" + (algorithm.equals("EC") ? "ECDSA" : algorithm);
        Signature ours = Signature.getInstance(algorithm, token);
        ours.initSign(key);
        ours.update(Tap.bytes(1000, 1));
        Signature judge = Signature.getInstance(algorithm);
        judge.initVerify(certificate);
        judge.update(Tap.bytes(1000, 1));
        return judge.verify(ours.sign());
    }

    private static void clear() throws Exception {
        KeyStore store = open();
        for (String alias : aliases(store)) {
            store.deleteEntry(alias);
        }
    }

    private static boolean isEmpty() throws Exception {
        KeyStore store = open();
        return store.size() == 0 && !store.aliases().hasMoreElements() && !store.containsAlias("rsa")
            && store.getKey("rsa", null) == null;
    }

    private static boolean wrongPin() {
        return Tap.fails(IOException.class, () -> {
            token.logout();
            KeyStore.getInstance("PKCS11", token).load(null, "000000".toCharArray());
        });
    }

    /* Put in through one store and read through another. */
    private static boolean imports(String name) throws Exception {
        open().setKeyEntry(name, keyOf(name), null, chainOf(name));
        KeyStore store = open();
        PrivateKey key = (PrivateKey) store.getKey(name, null);
        return store.isKeyEntry(name) && store.entryInstanceOf(name, KeyStore.PrivateKeyEntry.class)
            && Arrays.equals(store.getCertificateChain(name), chainOf(name))
            && store.getCertificate(name).equals(chainOf(name)[0])
            && name.equals(store.getCertificateAlias(chainOf(name)[0])) && signs(key, chainOf(name)[0]);
    }

    private static boolean hidesItsKeys() throws Exception {
        PrivateKey key = (PrivateKey) open().getKey("rsa", null);
        return key.getEncoded() == null && key.getFormat() == null && key.getAlgorithm().equals("RSA");
    }

    /* Java makes none; it shows those that have CKA_TRUSTED, which only the SO gives. */
    private static boolean trustsNobody() throws Exception {
        KeyStore store = open();
        Certificate root = chainOf("next")[2];
        return Tap.fails(KeyStoreException.class, () -> store.setCertificateEntry("anchor", root))
            && !open().containsAlias("anchor");
    }

    private static boolean keepsSecrets() throws Exception {
        SecretKeySpec aes = new SecretKeySpec(Tap.bytes(32, 8), "AES");
        KeyGenerator generator = KeyGenerator.getInstance("AES", token);
        generator.init(256);
        SecretKey made = generator.generateKey();
        IvParameterSpec iv = new IvParameterSpec(Tap.bytes(16, 2));
        Cipher before = Cipher.getInstance("AES/CBC/PKCS5Padding", token);
        before.init(Cipher.ENCRYPT_MODE, made, iv);
        byte[] hidden = before.doFinal(Tap.bytes(100, 1));
        open().setEntry("aes", new KeyStore.SecretKeyEntry(aes), null);
        open().setEntry("made", new KeyStore.SecretKeyEntry(made), null);
        KeyStore store = open();
        Cipher after = Cipher.getInstance("AES/CBC/PKCS5Padding", token);
        after.init(Cipher.DECRYPT_MODE, store.getKey("made", null), iv);
        Cipher ours = Cipher.getInstance("AES/CBC/PKCS5Padding", token);
        ours.init(Cipher.ENCRYPT_MODE, store.getKey("aes", null), iv);
        Cipher judge = Cipher.getInstance("AES/CBC/PKCS5Padding", "SunJCE");
        judge.init(Cipher.ENCRYPT_MODE, aes, iv);
        boolean holds = Arrays.equals(after.doFinal(hidden), Tap.bytes(100, 1))
            && Arrays.equals(ours.doFinal(Tap.bytes(100, 3)), judge.doFinal(Tap.bytes(100, 3)))
            && store.entryInstanceOf("aes", KeyStore.SecretKeyEntry.class);
        store.deleteEntry("aes");
        store.deleteEntry("made");
        return holds && !open().containsAlias("aes");
    }

    /* A pair that was made in the token for the session becomes an entry when it gets its certificate. */
    private static boolean keepsPairs() throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance("RSA", token);
        generator.initialize(2048);
        KeyPair pair = generator.generateKeyPair();
        Certificate[] wrong = chainOf("rsa");
        KeyStore store = open();
        store.setKeyEntry("pair", pair.getPrivate(), null, wrong);
        boolean isThere = open().isKeyEntry("pair");
        store.deleteEntry("pair");
        return isThere && !open().containsAlias("pair");
    }

    /* A new key and certificate under the old name: the old key is gone. */
    private static boolean rotates() throws Exception {
        KeyStore store = open();
        store.setKeyEntry("rsa", keyOf("next"), null, chainOf("next"));
        store = open();
        PrivateKey key = (PrivateKey) store.getKey("rsa", null);
        return signs(key, chainOf("next")[0]) && !signs(key, chainOf("rsa")[0])
            && store.getCertificate("rsa").equals(chainOf("next")[0]);
    }

    private static boolean deletes() throws Exception {
        KeyStore store = open();
        store.deleteEntry("ec");
        boolean holds = !store.containsAlias("ec") && !open().containsAlias("ec") && open().getKey("ec", null) == null;
        return holds && signs((PrivateKey) open().getKey("rsa", null), chainOf("next")[0]);
    }

    /* Client and server both sign with the key in the token. */
    private static boolean talks(String name, String protocol) throws Exception {
        clear();
        open().setKeyEntry(name, keyOf(name), null, chainOf(name));
        KeyManagerFactory managers = KeyManagerFactory.getInstance("PKIX");
        managers.init(open(), null);
        KeyStore anchors = KeyStore.getInstance("PKCS12");
        anchors.load(null, null);
        anchors.setCertificateEntry("root", chainOf(name)[2]);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(anchors);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(managers.getKeyManagers(), trust.getTrustManagers(), null);
        return Talk.talks(context, protocol, chainOf(name)[0]);
    }

    /* The PIN comes from whom the program asks, and only when it is needed. */
    private static boolean asksForThePin() throws Exception {
        clear();
        open().setKeyEntry("rsa", keyOf("rsa"), null, chainOf("rsa"));
        token.logout();
        int[] asked = {0};
        token.setCallbackHandler(callbacks -> {
            for (Callback callback : callbacks) {
                ((PasswordCallback) callback).setPassword(pin);
                asked[0]++;
            }
        });
        KeyStore store = KeyStore.getInstance("PKCS11", token);
        store.load(null, null);
        PrivateKey key = (PrivateKey) store.getKey("rsa", null);
        boolean holds = asked[0] == 1 && signs(key, chainOf("rsa")[0]);
        token.logout();
        return holds && Tap.fails(LoginException.class, () -> token.login(null, callbacks -> { }));
    }

    private static boolean cannotBeStored() throws Exception {
        KeyStore store = open();
        return Tap.fails(ProviderException.class, () -> store.setKeyEntry("rsa", new byte[10], null));
    }

    private static boolean leaves() throws Exception {
        clear();
        KeyStore store = open();
        store.setKeyEntry("kept", keyOf("kept"), null, chainOf("kept"));
        store.setEntry("kept-secret", new KeyStore.SecretKeyEntry(new SecretKeySpec(Tap.bytes(16, 3), "AES")), null);
        return aliases(open()).equals(Set.of("kept", "kept-secret"));
    }

    public static void main(String[] arguments) throws Exception {
        pin = arguments[1].toCharArray();
        keys = arguments[2];
        token = (AuthProvider) Security.getProvider("SunPKCS11").configure(arguments[0]);
        Security.addProvider(token);
        clear();
        Tap.check("an empty token has no entries", Store::isEmpty);
        Tap.check("a wrong PIN", Store::wrongPin);
        for (String name : new String[] {"rsa", "ec"}) {
            Tap.check("a key and its chain: " + name, () -> imports(name));
        }
        Tap.check("all are listed", () -> aliases(open()).equals(Set.of("rsa", "ec")));
        Tap.check("a stored key does not leave", Store::hidesItsKeys);
        Tap.check("no trusted certificate", Store::trustsNobody);
        Tap.check("secret keys", Store::keepsSecrets);
        Tap.check("a pair made in the token", Store::keepsPairs);
        Tap.check("a key is replaced", Store::rotates);
        Tap.check("an entry is deleted", Store::deletes);
        for (String protocol : new String[] {"TLSv1.3", "TLSv1.2"}) {
            Tap.check(protocol + " with an RSA key in the token", () -> talks("kept", protocol));
            Tap.check(protocol + " with an EC key in the token", () -> talks("ec", protocol));
        }
        Tap.check("the PIN is asked for", Store::asksForThePin);
        Tap.check("what cannot be stored", Store::cannotBeStored);
        Tap.check("entries for other programs", Store::leaves);
        Tap.end();
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token through the IAIK PKCS#11 wrapper's native library, as XiPKI's ipkcs11wrapper has it: objects are made, found,
 * changed, used and destroyed. Java without a token is the judge. Prints TAP.
 *
 * Usage: Wrapper MODULE PIN
 */
import java.math.BigInteger;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PublicKey;
import java.security.Signature;
import java.security.spec.RSAPublicKeySpec;
import java.util.Arrays;
import javax.crypto.Cipher;
import javax.crypto.Mac;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import org.xipki.pkcs11.wrapper.AttributeVector;
import org.xipki.pkcs11.wrapper.KeyPairTemplate;
import org.xipki.pkcs11.wrapper.Mechanism;
import org.xipki.pkcs11.wrapper.PKCS11Constants;
import org.xipki.pkcs11.wrapper.PKCS11Exception;
import org.xipki.pkcs11.wrapper.PKCS11KeyPair;
import org.xipki.pkcs11.wrapper.PKCS11Module;
import org.xipki.pkcs11.wrapper.Session;
import org.xipki.pkcs11.wrapper.params.ByteArrayParams;
import org.xipki.pkcs11.wrapper.params.GCM_PARAMS;

public class Wrapper {
    private static final byte[] DATA = Tap.bytes(1000, 1);
    private static final byte[] IV = Tap.bytes(16, 2);
    private static Session session;
    private static PKCS11KeyPair rsa;
    private static long aes;

    private Wrapper() {
    }

    private static boolean generatesRsa() throws Exception {
        KeyPairTemplate template = new KeyPairTemplate(PKCS11Constants.CKK_RSA).token(true).signVerify(true)
            .decryptEncrypt(true).labels("pair").id(new byte[] {1});
        template.publicKey().modulusBits(2048).publicExponent(BigInteger.valueOf(65537));
        template.privateKey().sensitive(true).extractable(false).private_(true);
        rsa = session.generateKeyPair(new Mechanism(PKCS11Constants.CKM_RSA_PKCS_KEY_PAIR_GEN), template);
        return rsa.getPublicKey() != 0 && rsa.getPrivateKey() != 0;
    }

    private static PublicKey publicKey() throws Exception {
        AttributeVector values = session.getAttrValues(
            rsa.getPublicKey(), PKCS11Constants.CKA_MODULUS, PKCS11Constants.CKA_PUBLIC_EXPONENT);
        return KeyFactory.getInstance("RSA").generatePublic(
            new RSAPublicKeySpec(values.modulus(), values.publicExponent()));
    }

    private static boolean signs() throws Exception {
        Mechanism mechanism = new Mechanism(PKCS11Constants.CKM_SHA256_RSA_PKCS);
        byte[] signed = session.signSingle(mechanism, rsa.getPrivateKey(), DATA);
        session.verifySingle(mechanism, rsa.getPublicKey(), DATA, signed);
        Signature judge = Signature.getInstance("SHA256withRSA");
        judge.initVerify(publicKey());
        judge.update(DATA);
        return judge.verify(signed) && Tap.fails(PKCS11Exception.class, () -> session.verifySingle(
            mechanism, rsa.getPublicKey(), DATA, Tap.changed(signed, 0)));
    }

    private static boolean finds() throws Exception {
        AttributeVector template = AttributeVector.newPrivateKey(PKCS11Constants.CKK_RSA).label("pair");
        long[] found = session.findObjectsSingle(template, 10);
        return found.length == 1 && found[0] == rsa.getPrivateKey()
            && session.findObjectsSingle(AttributeVector.newPrivateKey().label("nobody"), 10).length == 0;
    }

    private static boolean renames() throws Exception {
        session.setAttributeValues(rsa.getPrivateKey(), new AttributeVector().label("renamed"));
        String label = session.getAttrValues(rsa.getPrivateKey(), PKCS11Constants.CKA_LABEL).label();
        return "renamed".equals(label);
    }

    private static boolean hides() throws Exception {
        AttributeVector values = session.getAttrValues(rsa.getPrivateKey(), PKCS11Constants.CKA_SENSITIVE,
            PKCS11Constants.CKA_EXTRACTABLE, PKCS11Constants.CKA_ALWAYS_SENSITIVE, PKCS11Constants.CKA_NEVER_EXTRACTABLE);
        return values.sensitive() && !values.extractable() && values.alwaysSensitive() && values.neverExtractable();
    }

    private static boolean imports() throws Exception {
        aes = session.createObject(AttributeVector.newSecretKey(PKCS11Constants.CKK_AES).value(Tap.bytes(32, 3))
            .token(false).encrypt(true).decrypt(true).extractable(true).sensitive(false));
        return Arrays.equals(
            session.getAttrValues(aes, PKCS11Constants.CKA_VALUE).value(), Tap.bytes(32, 3));
    }

    private static boolean encrypts() throws Exception {
        Mechanism mechanism = new Mechanism(PKCS11Constants.CKM_AES_CBC_PAD, new ByteArrayParams(IV));
        byte[] hidden = session.encryptSingle(mechanism, aes, DATA);
        Cipher judge = Cipher.getInstance("AES/CBC/PKCS5Padding");
        judge.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(Tap.bytes(32, 3), "AES"), new IvParameterSpec(IV));
        return Arrays.equals(hidden, judge.doFinal(DATA))
            && Arrays.equals(session.decryptSingle(mechanism, aes, hidden), DATA);
    }

    private static boolean encryptsWithGcm() throws Exception {
        byte[] nonce = Arrays.copyOf(IV, 12);
        Mechanism mechanism = new Mechanism(PKCS11Constants.CKM_AES_GCM, new GCM_PARAMS(nonce, DATA, 128));
        byte[] hidden = session.encryptSingle(mechanism, aes, DATA);
        Cipher judge = Cipher.getInstance("AES/GCM/NoPadding");
        judge.init(Cipher.ENCRYPT_MODE, new SecretKeySpec(Tap.bytes(32, 3), "AES"), new GCMParameterSpec(128, nonce));
        judge.updateAAD(DATA);
        return Arrays.equals(hidden, judge.doFinal(DATA))
            && Arrays.equals(session.decryptSingle(mechanism, aes, hidden), DATA);
    }

    private static boolean macs() throws Exception {
        long key = session.createObject(AttributeVector.newSecretKey(PKCS11Constants.CKK_GENERIC_SECRET)
            .value(Tap.bytes(40, 4)).token(false).sign(true).verify(true));
        Mac judge = Mac.getInstance("HmacSHA256");
        judge.init(new SecretKeySpec(Tap.bytes(40, 4), "HmacSHA256"));
        byte[] code = session.signSingle(new Mechanism(PKCS11Constants.CKM_SHA256_HMAC), key, DATA);
        session.destroyObject(key);
        return Arrays.equals(code, judge.doFinal(DATA));
    }

    private static boolean digests() throws Exception {
        byte[] hash = session.digestSingle(new Mechanism(PKCS11Constants.CKM_SHA512), DATA);
        return Arrays.equals(hash, MessageDigest.getInstance("SHA-512").digest(DATA));
    }

    /* The AES key goes out under the RSA key and comes back. */
    private static boolean wraps() throws Exception {
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        cipher.init(Cipher.ENCRYPT_MODE, publicKey());
        byte[] back = session.decryptSingle(
            new Mechanism(PKCS11Constants.CKM_RSA_PKCS), rsa.getPrivateKey(), cipher.doFinal(Tap.bytes(32, 3)));
        long with = session.generateKey(new Mechanism(PKCS11Constants.CKM_AES_KEY_GEN),
            AttributeVector.newSecretKey(PKCS11Constants.CKK_AES).valueLen(32).token(false).wrap(true).unwrap(true));
        Mechanism mechanism = new Mechanism(PKCS11Constants.CKM_AES_KEY_WRAP);
        byte[] wrapped = session.wrapKey(mechanism, with, aes);
        long again = session.unwrapKey(mechanism, with, wrapped, AttributeVector.newSecretKey(PKCS11Constants.CKK_AES)
            .token(false).extractable(true).sensitive(false));
        return Arrays.equals(back, Tap.bytes(32, 3)) && Arrays.equals(
            session.getAttrValues(again, PKCS11Constants.CKA_VALUE).value(), Tap.bytes(32, 3));
    }

    private static boolean draws() throws Exception {
        return !Arrays.equals(session.generateRandom(32), session.generateRandom(32));
    }

    private static boolean destroys() throws Exception {
        session.destroyObject(rsa.getPrivateKey());
        session.destroyObject(rsa.getPublicKey());
        return session.findObjectsSingle(AttributeVector.newPrivateKey(), 10).length == 0
            && Tap.fails(PKCS11Exception.class, () -> session.destroyObject(rsa.getPrivateKey()));
    }

    public static void main(String[] arguments) throws Exception {
        PKCS11Module module = PKCS11Module.getInstance(arguments[0]);
        module.initialize();
        session = module.getSlotList(true)[0].getToken().openSession(true);
        char[] pin = arguments[1].toCharArray();
        Tap.check("a wrong PIN", () -> Tap.fails(
            PKCS11Exception.class, () -> session.login(PKCS11Constants.CKU_USER, "wrong".toCharArray())));
        session.login(PKCS11Constants.CKU_USER, pin);
        Tap.check("an RSA pair", Wrapper::generatesRsa);
        Tap.check("it is found", Wrapper::finds);
        Tap.check("its flags", Wrapper::hides);
        Tap.check("a signature", Wrapper::signs);
        Tap.check("another label", Wrapper::renames);
        Tap.check("an AES key is imported", Wrapper::imports);
        Tap.check("AES-CBC", Wrapper::encrypts);
        Tap.check("AES-GCM", Wrapper::encryptsWithGcm);
        Tap.check("HMAC", Wrapper::macs);
        Tap.check("SHA-512", Wrapper::digests);
        Tap.check("decryption, wrapping and unwrapping", Wrapper::wraps);
        Tap.check("random numbers", Wrapper::draws);
        Tap.check("keys are destroyed", Wrapper::destroys);
        session.logout();
        session.closeSession();
        module.finalize(null);
        Tap.end();
    }
}

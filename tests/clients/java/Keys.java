/* SPDX-License-Identifier: BSD-2-Clause */
/* Key pairs: generated and imported, given out again, and agreed with. */
import java.math.BigInteger;
import java.security.KeyFactory;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.interfaces.ECKey;
import java.security.interfaces.RSAKey;
import java.security.interfaces.RSAPublicKey;
import java.security.spec.AlgorithmParameterSpec;
import java.security.spec.ECGenParameterSpec;
import java.security.spec.PKCS8EncodedKeySpec;
import java.security.spec.RSAKeyGenParameterSpec;
import java.security.spec.X509EncodedKeySpec;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import javax.crypto.KeyAgreement;
import javax.crypto.interfaces.DHKey;
import javax.crypto.interfaces.DHPrivateKey;
import javax.crypto.interfaces.DHPublicKey;

final class Keys {
    private static final String[] CURVES = {"secp256r1", "secp384r1", "secp521r1"};
    private static final Map<String, KeyPair> MADE = new HashMap<>();

    private Keys() {
    }

    private static KeyPair generate(String algorithm, Provider provider) throws Exception {
        KeyPairGenerator generator = provider == null ? KeyPairGenerator.getInstance(algorithm)
                                                      : KeyPairGenerator.getInstance(algorithm, provider);
        generator.initialize(algorithm.equals("EC") ? 256 : 2048);
        return generator.generateKeyPair();
    }

    /* One pair of a type, made by the token or by software. */
    static KeyPair pair(String algorithm, boolean ofToken) throws Exception {
        String name = algorithm + ofToken;
        if (!MADE.containsKey(name)) {
            MADE.put(name, generate(algorithm, ofToken ? Services.token : null));
        }
        return MADE.get(name);
    }

    /* A public key as software knows it. */
    static PublicKey outside(PublicKey key) throws Exception {
        return KeyFactory.getInstance(key.getAlgorithm()).generatePublic(new X509EncodedKeySpec(key.getEncoded()));
    }

    private static boolean works(KeyPair pair) throws Exception {
        switch (pair.getPublic().getAlgorithm()) {
        case "DH":
            return agree(pair, Services.token, generateLike(pair), null);
        case "EC":
            return Signatures.works("SHA256withECDSA", pair);
        default:
            return Signatures.works("SHA256with" + pair.getPublic().getAlgorithm(), pair);
        }
    }

    /* A software key with the same parameters. */
    private static KeyPair generateLike(KeyPair pair) throws Exception {
        PublicKey key = outside(pair.getPublic());
        KeyPairGenerator generator = KeyPairGenerator.getInstance(key.getAlgorithm());
        generator.initialize(key instanceof DHKey ? ((DHKey) key).getParams() : ((ECKey) key).getParams());
        return generator.generateKeyPair();
    }

    private static KeyPair generate(String algorithm, AlgorithmParameterSpec parameters) throws Exception {
        KeyPairGenerator generator = KeyPairGenerator.getInstance(algorithm, Services.token);
        generator.initialize(parameters);
        return generator.generateKeyPair();
    }

    private static boolean generatesRsa() throws Exception {
        for (int bits : new int[] {1024, 2048, 3072}) {
            KeyPair pair = generate("RSA", new RSAKeyGenParameterSpec(bits, RSAKeyGenParameterSpec.F4));
            RSAKey key = (RSAKey) pair.getPublic();
            if (key.getModulus().bitLength() != bits || !works(pair)) {
                return false;
            }
        }
        KeyPair pair = generate("RSA", new RSAKeyGenParameterSpec(2048, BigInteger.valueOf(257)));
        return ((RSAPublicKey) pair.getPublic()).getPublicExponent().intValue() == 257 && works(pair);
    }

    private static boolean generatesEc() throws Exception {
        for (String curve : CURVES) {
            if (!works(generate("EC", new ECGenParameterSpec(curve)))) {
                return false;
            }
        }
        return true;
    }

    static boolean generator(String algorithm) throws Exception {
        if (!works(generate(algorithm, Services.token))) {
            return false;
        }
        switch (algorithm) {
        case "RSA":
            return generatesRsa();
        case "EC":
            return generatesEc();
        default:
            return true;
        }
    }

    /* Java's own private length, which DH keys have no attribute for, is lost on the way. */
    private static boolean same(PublicKey one, PublicKey other) {
        if (one instanceof DHPublicKey) {
            DHPublicKey a = (DHPublicKey) one;
            DHPublicKey b = (DHPublicKey) other;
            return a.getY().equals(b.getY()) && a.getParams().getP().equals(b.getParams().getP())
                && a.getParams().getG().equals(b.getParams().getG());
        }
        return Arrays.equals(one.getEncoded(), other.getEncoded());
    }

    private static boolean same(PrivateKey one, PrivateKey other) {
        if (one instanceof DHPrivateKey) {
            return ((DHPrivateKey) one).getX().equals(((DHPrivateKey) other).getX());
        }
        return Arrays.equals(one.getEncoded(), other.getEncoded());
    }

    /* A software pair goes in and comes out as it was; and so does one of the token's. */
    static boolean factory(String algorithm) throws Exception {
        KeyFactory factory = KeyFactory.getInstance(algorithm, Services.token);
        for (boolean ofToken : new boolean[] {false, true}) {
            KeyPair pair = pair(algorithm, ofToken);
            PublicKey open = factory.generatePublic(new X509EncodedKeySpec(pair.getPublic().getEncoded()));
            PrivateKey secret = factory.generatePrivate(new PKCS8EncodedKeySpec(pair.getPrivate().getEncoded()));
            PKCS8EncodedKeySpec spec = factory.getKeySpec(secret, PKCS8EncodedKeySpec.class);
            boolean holds = same(open, pair.getPublic()) && same(secret, pair.getPrivate())
                && same(factory.generatePrivate(spec), pair.getPrivate())
                && same((PrivateKey) factory.translateKey(pair.getPrivate()), pair.getPrivate())
                && works(new KeyPair(open, secret));
            if (!holds) {
                return false;
            }
        }
        return true;
    }

    private static byte[] agreed(Provider provider, PrivateKey key, PublicKey peer, String kind) throws Exception {
        String algorithm = key.getAlgorithm().equals("EC") ? "ECDH" : "DH";
        KeyAgreement agreement = provider == null ? KeyAgreement.getInstance(algorithm)
                                                  : KeyAgreement.getInstance(algorithm, provider);
        agreement.init(key);
        agreement.doPhase(peer, true);
        return kind == null ? agreement.generateSecret() : agreement.generateSecret(kind).getEncoded();
    }

    private static boolean agree(KeyPair ours, Provider provider, KeyPair peer, String kind) throws Exception {
        byte[] secret = agreed(provider, ours.getPrivate(), peer.getPublic(), kind);
        return secret.length > 0
            && Arrays.equals(secret, agreed(null, peer.getPrivate(), outside(ours.getPublic()), kind));
    }

    /* Our end in the token, with a key of its own and with a software key; the other in software. */
    private static boolean agreesAs(KeyPair ours, String kind) throws Exception {
        return agree(ours, Services.token, generateLike(ours), kind)
            && agree(generateLike(ours), Services.token, generateLike(ours), kind);
    }

    static boolean agreement(String algorithm) throws Exception {
        if (algorithm.equals("DH")) {
            KeyPair ours = pair("DH", true);
            return agreesAs(ours, null) && agreesAs(ours, "TlsPremasterSecret");
        }
        for (String curve : CURVES) {
            KeyPair ours = generate("EC", new ECGenParameterSpec(curve));
            if (!agreesAs(ours, null) || !agreesAs(ours, "TlsPremasterSecret")) {
                return false;
            }
        }
        return true;
    }
}

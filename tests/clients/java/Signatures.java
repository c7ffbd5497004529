/* SPDX-License-Identifier: BSD-2-Clause */
/* Signatures of the token's keys, verified by software, and the reverse. */
import java.nio.ByteBuffer;
import java.security.KeyPair;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.Provider;
import java.security.PublicKey;
import java.security.Signature;
import java.security.SignatureException;
import java.security.spec.MGF1ParameterSpec;
import java.security.spec.PSSParameterSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import javax.crypto.Cipher;

final class Signatures {
    private static final int[] LENGTHS = {0, 1, 64, 1000, 20000};

    private Signatures() {
    }

    private static boolean isPss(String algorithm) {
        return algorithm.endsWith("RSASSA-PSS");
    }

    static String keyType(String algorithm) {
        if (algorithm.contains("ECDSA")) {
            return "EC";
        }
        return algorithm.contains("DSA") ? "DSA" : "RSA";
    }

    /* "SHA-256" of "SHA256withRSASSA-PSS", and of "RSASSA-PSS" alone. */
    private static PSSParameterSpec parameters(String algorithm) throws Exception {
        int with = algorithm.indexOf("with");
        String hash = with < 0 ? "SHA-256" : algorithm.substring(0, with).replaceFirst("^SHA(?!3)", "SHA-");
        int length = MessageDigest.getInstance(hash).getDigestLength();
        return new PSSParameterSpec(hash, "MGF1", new MGF1ParameterSpec(hash), length, 1);
    }

    private static String softwareName(String algorithm) {
        switch (algorithm) {
        case "DSAinP1363Format":
            return "SHA1withDSAinP1363Format";
        case "RawDSA":
            return "NONEwithDSA";
        case "RawDSAinP1363Format":
            return "NONEwithDSAinP1363Format";
        default:
            return isPss(algorithm) ? "RSASSA-PSS" : algorithm;
        }
    }

    private static Signature get(String algorithm, Provider provider) throws Exception {
        Signature signature;
        if (provider != null) {
            signature = Signature.getInstance(algorithm, provider);
        } else {
            signature = Signature.getInstance(softwareName(algorithm));
        }
        if (isPss(algorithm)) {
            signature.setParameter(parameters(algorithm));
        }
        return signature;
    }

    /* SunPKCS11 lists PSS with SHA-3, but hands no parameter for it on (jMechParamToCKMechParamPtrSlow in p11_convert.c). */
    private static void initSign(Signature signature, PrivateKey key) throws Exception {
        try {
            signature.initSign(key);
        } catch (RuntimeException problem) {
            if (String.valueOf(problem.getMessage()).contains("cannot be converted to native PKCS#11 type")) {
                throw new Tap.Skipped("SunPKCS11: " + problem.getMessage());
            }
            throw problem;
        }
    }

    private static byte[] sign(String algorithm, Provider provider, PrivateKey key, byte[] data) throws Exception {
        Signature signature = get(algorithm, provider);
        initSign(signature, key);
        signature.update(data);
        return signature.sign();
    }

    /* A byte, an array, a direct buffer, one on the heap. */
    private static void updateInParts(Signature signature, byte[] data) throws Exception {
        if (data.length < 3) {
            signature.update(data);
            return;
        }
        int third = data.length / 3;
        signature.update(data[0]);
        signature.update(data, 1, third - 1);
        ByteBuffer direct = ByteBuffer.allocateDirect(third);
        direct.put(data, third, third).flip();
        signature.update(direct);
        signature.update(ByteBuffer.wrap(data, 2 * third, data.length - 2 * third));
    }

    private static byte[] signInParts(String algorithm, PrivateKey key, byte[] data) throws Exception {
        Signature signature = get(algorithm, Services.token);
        initSign(signature, key);
        updateInParts(signature, data);
        return signature.sign();
    }

    private static boolean verifies(String algorithm, Provider provider, PublicKey key, byte[] data, byte[] signed)
        throws Exception {
        Signature signature = get(algorithm, provider);
        signature.initVerify(key);
        updateInParts(signature, data);
        try {
            return signature.verify(signed);
        } catch (SignatureException refused) {
            return false;
        }
    }

    /* What CKM_DSA, CKM_ECDSA and CKM_RSA_PKCS take, as it is. */
    private static int[] lengths(String algorithm) {
        if (algorithm.startsWith("NONEwithRSA")) {
            return new int[] {0, 1, 51, 200};
        }
        if (algorithm.startsWith("NONE")) {
            return new int[] {20, 32, 48, 63}; /* Java's software takes 64 in one piece only */
        }
        return algorithm.startsWith("Raw") || algorithm.startsWith("DSA") ? new int[] {20} : LENGTHS;
    }

    /* Java has no software for it up to 24: its padding, taken off with the public key. */
    private static boolean isPadded(KeyPair pair, byte[] data, byte[] signed) throws Exception {
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding", "SunJCE");
        cipher.init(Cipher.DECRYPT_MODE, Keys.outside(pair.getPublic()));
        return Arrays.equals(cipher.doFinal(signed), data);
    }

    private static boolean raw(KeyPair pair, boolean ofToken) throws Exception {
        for (int length : lengths("NONEwithRSA")) {
            byte[] data = Tap.bytes(length, 1);
            byte[] signed = sign("NONEwithRSA", Services.token, pair.getPrivate(), data);
            if (!isPadded(pair, data, signed)
                || !verifies("NONEwithRSA", Services.token, pair.getPublic(), data, signed)) {
                return false;
            }
        }
        return true;
    }

    /* Java's software signs no SHA-1 with DSA keys of 2048 bits; it verifies them. */
    private static boolean isRefusedBySoftware(String algorithm) {
        return algorithm.startsWith("SHA1withDSA") || algorithm.startsWith("DSA");
    }

    private static boolean takesAndGives(String algorithm, KeyPair pair, boolean ofToken, byte[] data)
        throws Exception {
        PublicKey outside = Keys.outside(pair.getPublic());
        byte[] whole = sign(algorithm, Services.token, pair.getPrivate(), data);
        byte[] parts = signInParts(algorithm, pair.getPrivate(), data);
        boolean holds = verifies(algorithm, null, outside, data, whole) && verifies(algorithm, null, outside, data, parts)
            && verifies(algorithm, Services.token, pair.getPublic(), data, whole)
            && !verifies(algorithm, Services.token, pair.getPublic(), data, Tap.changed(whole, whole.length - 1));
        if (data.length > 0) {
            holds &= !verifies(algorithm, Services.token, pair.getPublic(), Tap.changed(data, 0), whole);
        }
        if (!ofToken && !isRefusedBySoftware(algorithm)) {
            byte[] judged = sign(algorithm, null, pair.getPrivate(), data);
            boolean isFixed = !isPss(algorithm) && keyType(algorithm).equals("RSA");
            holds &= verifies(algorithm, Services.token, outside, data, judged)
                && (!isFixed || Arrays.equals(judged, whole));
        }
        return holds;
    }

    static boolean works(String algorithm, KeyPair pair) throws Exception {
        return takesAndGives(algorithm, pair, true, Tap.bytes(100, 2));
    }

    static boolean use(String algorithm) throws Exception {
        for (boolean ofToken : new boolean[] {true, false}) {
            KeyPair pair = Keys.pair(keyType(algorithm), ofToken);
            if (algorithm.equals("NONEwithRSA")) {
                if (!raw(pair, ofToken)) {
                    return false;
                }
                continue;
            }
            for (int length : lengths(algorithm)) {
                if (!takesAndGives(algorithm, pair, ofToken, Tap.bytes(length, length))) {
                    System.out.println("# with " + length + " bytes, a key of " + (ofToken ? "the token" : "software"));
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean signsOften(int seed) throws Exception {
        String algorithm = seed % 2 == 0 ? "SHA256withECDSA" : "SHA512withRSA";
        for (int i = 0; i < 20; i++) {
            if (!works(algorithm, Keys.pair(keyType(algorithm), true))) {
                return false;
            }
        }
        return true;
    }

    static boolean inThreads() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(8);
        List<Callable<Boolean>> work = new ArrayList<>();
        for (int i = 0; i < 8; i++) {
            int seed = i;
            work.add(() -> signsOften(seed));
        }
        boolean holds = true;
        for (Future<Boolean> done : threads.invokeAll(work)) {
            holds &= done.get();
        }
        threads.shutdown();
        return holds;
    }
}

/* SPDX-License-Identifier: BSD-2-Clause */
/* Secret keys, message authentication codes, hashes and random numbers. */
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.security.Provider;
import java.security.SecureRandom;
import java.util.Arrays;
import java.util.List;
import javax.crypto.KeyGenerator;
import javax.crypto.Mac;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.PBEParameterSpec;
import javax.crypto.spec.SecretKeySpec;

final class Secrets {
    private static final int[] LENGTHS = {0, 1, 63, 64, 65, 127, 128, 144, 1000, 20000};

    private Secrets() {
    }

    private static List<Integer> keyBits(String algorithm) {
        switch (algorithm) {
        case "AES":
            return List.of(128, 192, 256);
        case "DES":
            return List.of(56);
        case "DESede":
            return List.of(112, 168);
        case "ChaCha20":
            return List.of(256);
        default:
            return List.of(128, 256);
        }
    }

    private static int keyBytes(String algorithm, int bits) {
        return algorithm.startsWith("DES") ? bits / 7 : bits / 8; /* DES's have a bit of parity in each byte */
    }

    static SecretKey generate(String algorithm, int bits) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance(algorithm, Services.token);
        if (bits != 0) {
            generator.init(bits);
        }
        return generator.generateKey();
    }

    static boolean generator(String algorithm) throws Exception {
        SecretKey first = generate(algorithm, 0);
        boolean holds = first.getEncoded().length > 0
            && !Arrays.equals(first.getEncoded(), generate(algorithm, 0).getEncoded());
        if (algorithm.startsWith("Hmac")) {
            return holds && macsAgree(algorithm, first);
        }
        for (int bits : keyBits(algorithm)) {
            holds &= generate(algorithm, bits).getEncoded().length == keyBytes(algorithm, bits);
        }
        return holds;
    }

    private static byte[] derived(Provider provider, String algorithm, int bits) throws Exception {
        PBEKeySpec spec = new PBEKeySpec("a password".toCharArray(), Tap.bytes(16, 3), 1000, bits);
        SecretKeyFactory factory = provider == null ? SecretKeyFactory.getInstance(algorithm, "SunJCE")
                                                    : SecretKeyFactory.getInstance(algorithm, provider);
        return factory.generateSecret(spec).getEncoded();
    }

    /* The key of PBES2 is PBKDF2's; in the token up to Java 24. */
    private static boolean passwordKey(String algorithm) throws Exception {
        int bits = Integer.parseInt(algorithm.substring(algorithm.lastIndexOf('_') + 1));
        String judge = "PBKDF2" + algorithm.substring("PBE".length(), algorithm.indexOf("And"));
        return Arrays.equals(derived(Services.token, algorithm, bits), derived(null, judge, bits));
    }

    /* The key of a PKCS #12 file's MAC, which Java's own MAC with the password must give, too. */
    private static boolean passwordMacKey(String algorithm) throws Exception {
        byte[] data = Tap.bytes(100, 4);
        PBEKeySpec spec = new PBEKeySpec("a password".toCharArray(), Tap.bytes(20, 1), 1000, 160);
        SecretKey key = SecretKeyFactory.getInstance(algorithm, Services.token).generateSecret(spec);
        Mac mac = Mac.getInstance("HmacSHA1", "SunJCE");
        mac.init(new SecretKeySpec(key.getEncoded(), "HmacSHA1"));
        return Arrays.equals(mac.doFinal(data), passwordMac(null, algorithm, data));
    }

    /* A key goes in and comes out as it was. */
    static boolean factory(String algorithm) throws Exception {
        if (algorithm.startsWith("PBKDF2")) {
            return Arrays.equals(derived(Services.token, algorithm, 256), derived(null, algorithm, 256))
                && Arrays.equals(derived(Services.token, algorithm, 1000), derived(null, algorithm, 1000));
        }
        if (algorithm.startsWith("PBE")) {
            return passwordKey(algorithm);
        }
        if (algorithm.startsWith("HmacPBE")) {
            return passwordMacKey(algorithm);
        }
        SecretKeyFactory factory = SecretKeyFactory.getInstance(algorithm, Services.token);
        for (int bits : keyBits(algorithm)) {
            byte[] value = generate(algorithm.equals("Generic") ? "AES" : algorithm, bits).getEncoded();
            SecretKeySpec outside = new SecretKeySpec(value, algorithm);
            SecretKey inside = factory.translateKey(outside);
            SecretKeySpec spec = (SecretKeySpec) factory.getKeySpec(inside, SecretKeySpec.class);
            if (!Arrays.equals(inside.getEncoded(), value) || !Arrays.equals(spec.getEncoded(), value)) {
                return false;
            }
        }
        return true;
    }

    private static byte[] inParts(Mac mac, byte[] data) {
        int half = data.length / 2;
        mac.update(data, 0, half);
        ByteBuffer direct = ByteBuffer.allocateDirect(data.length - half);
        direct.put(data, half, data.length - half).flip();
        mac.update(direct);
        return mac.doFinal();
    }

    private static boolean macsAgree(String algorithm, SecretKey key) throws Exception {
        Mac ours = Mac.getInstance(algorithm, Services.token);
        Mac judge = Mac.getInstance(algorithm, "SunJCE");
        ours.init(key);
        judge.init(new SecretKeySpec(key.getEncoded(), algorithm));
        for (int length : LENGTHS) {
            byte[] data = Tap.bytes(length, length);
            byte[] expected = judge.doFinal(data);
            if (!Arrays.equals(expected, ours.doFinal(data)) || !Arrays.equals(expected, inParts(ours, data))) {
                return false;
            }
        }
        ours.update((byte) 1);
        ours.reset();
        return Arrays.equals(ours.doFinal(), judge.doFinal());
    }

    /* The code of SSL 3.0 (RFC 6101, 5.2.3.1), which Java has in the token only. */
    private static byte[] sslMac(String hash, byte[] key, byte[] data) throws Exception {
        MessageDigest digest = MessageDigest.getInstance(hash);
        byte[] pad = new byte[hash.equals("MD5") ? 48 : 40];
        Arrays.fill(pad, (byte) 0x36);
        digest.update(key);
        digest.update(pad);
        byte[] inner = digest.digest(data);
        Arrays.fill(pad, (byte) 0x5c);
        digest.update(key);
        digest.update(pad);
        return digest.digest(inner);
    }

    private static boolean sslMacsAgree(String algorithm) throws Exception {
        String hash = algorithm.endsWith("MD5") ? "MD5" : "SHA-1";
        byte[] key = Tap.bytes(hash.equals("MD5") ? 16 : 20, 7);
        Mac ours = Mac.getInstance(algorithm, Services.token);
        ours.init(new SecretKeySpec(key, algorithm));
        for (int length : LENGTHS) {
            byte[] data = Tap.bytes(length, length);
            if (!Arrays.equals(ours.doFinal(data), sslMac(hash, key, data))) {
                return false;
            }
        }
        return true;
    }

    private static byte[] passwordMac(Provider provider, String algorithm, byte[] data) throws Exception {
        Mac mac = provider == null ? Mac.getInstance(algorithm, "SunJCE") : Mac.getInstance(algorithm, provider);
        SecretKey password = SecretKeyFactory.getInstance("PBE").generateSecret(
            new PBEKeySpec("a password".toCharArray()));
        mac.init(password, new PBEParameterSpec(Tap.bytes(20, 1), 1000));
        return mac.doFinal(data);
    }

    static boolean mac(String algorithm) throws Exception {
        if (algorithm.startsWith("SslMac")) {
            return sslMacsAgree(algorithm);
        }
        if (algorithm.startsWith("HmacPBE")) {
            byte[] data = Tap.bytes(100, 4);
            return Arrays.equals(passwordMac(Services.token, algorithm, data), passwordMac(null, algorithm, data));
        }
        for (int length : new int[] {16, 64, 144, 200}) {
            if (!macsAgree(algorithm, new SecretKeySpec(Tap.bytes(length, length), algorithm))) {
                return false;
            }
        }
        return true;
    }

    private static byte[] inParts(MessageDigest digest, byte[] data) {
        int half = data.length / 2;
        digest.update(data, 0, half);
        ByteBuffer direct = ByteBuffer.allocateDirect(data.length - half);
        direct.put(data, half, data.length - half).flip();
        digest.update(direct);
        return digest.digest();
    }

    /* The copy and what it was made of go different ways: C_GetOperationState, which takes any digest up to 8 KiB. */
    private static boolean isCloned(MessageDigest ours, MessageDigest judge) throws Exception {
        byte[] data = Tap.bytes(8000, 1);
        ours.update(data);
        MessageDigest copy = (MessageDigest) ours.clone();
        ours.update((byte) 1);
        judge.update(data);
        byte[] without = judge.digest();
        judge.update(data);
        judge.update((byte) 1);
        return Arrays.equals(judge.digest(), ours.digest()) && Arrays.equals(without, copy.digest());
    }

    static boolean digest(String algorithm) throws Exception {
        MessageDigest ours = MessageDigest.getInstance(algorithm, Services.token);
        MessageDigest judge = MessageDigest.getInstance(algorithm, "SUN");
        for (int length : LENGTHS) {
            byte[] data = Tap.bytes(length, length);
            byte[] expected = judge.digest(data);
            if (!Arrays.equals(expected, ours.digest(data)) || !Arrays.equals(expected, inParts(ours, data))) {
                return false;
            }
        }
        return ours.getDigestLength() == judge.getDigestLength() && isCloned(ours, judge);
    }

    /* Bytes come, of each value some, and never the same. */
    static boolean random(String algorithm) throws Exception {
        SecureRandom random = SecureRandom.getInstance(algorithm, Services.token);
        byte[] bytes = new byte[100000];
        int[] counts = new int[256];
        random.nextBytes(bytes);
        for (byte one : bytes) {
            counts[one & 255]++;
        }
        byte[] other = new byte[32];
        random.setSeed(Tap.bytes(32, 1));
        random.nextBytes(other);
        return Arrays.stream(counts).allMatch(count -> count > 200 && count < 600)
            && !Arrays.equals(other, Arrays.copyOf(bytes, 32)) && random.generateSeed(20).length == 20;
    }
}

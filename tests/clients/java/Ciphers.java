/* SPDX-License-Identifier: BSD-2-Clause */
/* Ciphers: what the token encrypted software decrypts, and the reverse; whole and in parts. */
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.Key;
import java.security.KeyPair;
import java.security.Provider;
import java.security.spec.AlgorithmParameterSpec;
import java.util.Arrays;
import javax.crypto.AEADBadTagException;
import javax.crypto.Cipher;
import javax.crypto.SecretKey;
import javax.crypto.SecretKeyFactory;
import javax.crypto.ShortBufferException;
import javax.crypto.spec.GCMParameterSpec;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.PBEKeySpec;
import javax.crypto.spec.PBEParameterSpec;
import javax.crypto.spec.SecretKeySpec;

final class Ciphers {
    private static int lastIv; /* GCM and ChaCha20-Poly1305 take each IV once. */

    private Ciphers() {
    }

    /* A transformation, "AES_128/CBC/PKCS5Padding", in its parts. */
    private static final class Transformation {
        final String name;
        final String key;
        final int[] sizes;
        final String mode;
        final boolean isPadded;

        Transformation(String name) {
            String[] parts = name.split("/");
            String[] keyAndBits = parts[0].split("_");
            this.name = name;
            key = parts[0].startsWith("ChaCha20") ? "ChaCha20" : keyAndBits[0];
            sizes = keyAndBits.length > 1 ? new int[] {Integer.parseInt(keyAndBits[1]) / 8} : sizesOf(key);
            mode = parts.length > 1 ? parts[1] : "";
            isPadded = parts.length > 2 && parts[2].equals("PKCS5Padding");
        }

        private static int[] sizesOf(String key) {
            switch (key) {
            case "AES":
                return new int[] {16, 24, 32};
            case "DES":
                return new int[] {8};
            case "DESede":
                return new int[] {24};
            case "ChaCha20":
                return new int[] {32};
            default:
                return new int[] {16};
            }
        }

        int block() {
            return key.equals("AES") ? 16 : 8;
        }

        boolean isAead() {
            return mode.equals("GCM") || key.equals("ChaCha20");
        }

        boolean takes(int length) {
            boolean hasBlocks = mode.equals("CBC") || mode.equals("ECB");
            return !hasBlocks || isPadded || length % block() == 0;
        }

        AlgorithmParameterSpec parameters() {
            byte[] iv = Tap.bytes(key.equals("ChaCha20") || mode.equals("GCM") ? 12 : block(), 9);
            iv[0] = (byte) ++lastIv;
            iv[1] = (byte) (lastIv >> 8);
            switch (mode) {
            case "GCM":
                return new GCMParameterSpec(lastIv % 2 == 0 ? 128 : 96, iv);
            case "CBC":
            case "CTR":
                return new IvParameterSpec(iv);
            default:
                return key.equals("ChaCha20") ? new IvParameterSpec(iv) : null;
            }
        }
    }

    private static Cipher get(String name, Provider provider) throws Exception {
        return provider == null ? Cipher.getInstance(name, "SunJCE") : Cipher.getInstance(name, provider);
    }

    private static Cipher begun(String name, Provider provider, int mode, Key key, AlgorithmParameterSpec spec)
        throws Exception {
        Cipher cipher = get(name, provider);
        if (spec == null) {
            cipher.init(mode, key);
        } else {
            cipher.init(mode, key, spec);
        }
        return cipher;
    }

    private static byte[] whole(Transformation how, Provider provider, int mode, Key key, AlgorithmParameterSpec spec,
                                byte[] data) throws Exception {
        Cipher cipher = begun(how.name, provider, mode, key, spec);
        if (how.isAead()) {
            cipher.updateAAD(Tap.bytes(33, 3));
        }
        return cipher.doFinal(data);
    }

    private static byte[] inParts(Transformation how, int mode, Key key, AlgorithmParameterSpec spec, byte[] data)
        throws Exception {
        Cipher cipher = begun(how.name, Services.token, mode, key, spec);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        if (how.isAead()) {
            cipher.updateAAD(Tap.bytes(33, 3), 0, 10);
            cipher.updateAAD(ByteBuffer.wrap(Tap.bytes(33, 3), 10, 23));
        }
        for (int at = 0, size = 1; at < data.length; at += size, size = size * 3 + 1) {
            byte[] some = cipher.update(data, at, Math.min(size, data.length - at));
            out.writeBytes(some == null ? new byte[0] : some);
        }
        out.writeBytes(data.length == 0 ? cipher.doFinal(data) : cipher.doFinal()); /* Java 17 falls over the latter */
        return out.toByteArray();
    }

    private static byte[] inBuffers(Transformation how, int mode, Key key, AlgorithmParameterSpec spec, byte[] data)
        throws Exception {
        Cipher cipher = begun(how.name, Services.token, mode, key, spec);
        if (how.isAead()) {
            cipher.updateAAD(Tap.bytes(33, 3));
        }
        ByteBuffer in = ByteBuffer.allocateDirect(data.length);
        in.put(data).flip();
        ByteBuffer out = ByteBuffer.allocateDirect(data.length + 64);
        cipher.doFinal(in, out);
        byte[] got = new byte[out.flip().remaining()];
        out.get(got);
        return got;
    }

    private static boolean refuses(Transformation how, Key key, AlgorithmParameterSpec spec, byte[] hidden) {
        return !how.isAead() || Tap.fails(AEADBadTagException.class, () -> whole(
            how, Services.token, Cipher.DECRYPT_MODE, key, spec, Tap.changed(hidden, hidden.length - 1)));
    }

    private static boolean agrees(Transformation how, Key key, byte[] data) throws Exception {
        Key outside = new SecretKeySpec(key.getEncoded(), how.key);
        AlgorithmParameterSpec spec = how.parameters();
        byte[] hidden = whole(how, null, Cipher.ENCRYPT_MODE, outside, spec, data);
        return Arrays.equals(hidden, whole(how, Services.token, Cipher.ENCRYPT_MODE, key, spec, data))
            && Arrays.equals(hidden, inParts(how, Cipher.ENCRYPT_MODE, key, spec, data))
            && Arrays.equals(hidden, inBuffers(how, Cipher.ENCRYPT_MODE, key, spec, data))
            && Arrays.equals(data, whole(how, Services.token, Cipher.DECRYPT_MODE, key, spec, hidden))
            && Arrays.equals(data, inParts(how, Cipher.DECRYPT_MODE, key, spec, hidden))
            && Arrays.equals(data, inBuffers(how, Cipher.DECRYPT_MODE, key, spec, hidden))
            && refuses(how, key, spec, hidden);
    }

    /* Where the caller gives no IV, the token's cipher says which it took. */
    private static boolean makesIv(Transformation how, Key key) throws Exception {
        Cipher cipher = begun(how.name, Services.token, Cipher.ENCRYPT_MODE, key, null);
        byte[] hidden = cipher.doFinal(Tap.bytes(64, 1));
        Cipher judge = get(how.name, null);
        judge.init(Cipher.DECRYPT_MODE, new SecretKeySpec(key.getEncoded(), how.key), cipher.getParameters());
        return Arrays.equals(judge.doFinal(hidden), Tap.bytes(64, 1));
    }

    private static boolean symmetric(String name) throws Exception {
        Transformation how = new Transformation(name);
        for (int size : how.sizes) {
            Key inside = Secrets.generate(how.key, how.key.equals("DESede") ? 168 : how.key.equals("DES") ? 56 : size * 8);
            Key outside = new SecretKeySpec(inside.getEncoded(), how.key);
            for (int length : new int[] {0, 1, 8, 15, 16, 17, 31, 32, 1000, 40000}) {
                byte[] data = Tap.bytes(length, size);
                if (how.takes(length) && (!agrees(how, inside, data) || !agrees(how, outside, data))) {
                    System.out.println("# with " + length + " bytes, a key of " + size);
                    return false;
                }
            }
            if (!makesIv(how, inside)) {
                System.out.println("# with an IV of its own");
                return false;
            }
        }
        return true;
    }

    private static byte[] once(String name, Provider provider, int mode, Key key, byte[] data) throws Exception {
        return begun(name, provider, mode, key, null).doFinal(data);
    }

    private static boolean wraps(String name, KeyPair pair) throws Exception {
        SecretKey wanted = Secrets.generate("AES", 256);
        Key outside = Keys.outside(pair.getPublic());
        byte[] ours = begun(name, Services.token, Cipher.WRAP_MODE, pair.getPublic(), null).wrap(wanted);
        byte[] theirs = begun(name, null, Cipher.WRAP_MODE, outside, null).wrap(
            new SecretKeySpec(wanted.getEncoded(), "AES"));
        for (byte[] hidden : new byte[][] {ours, theirs}) {
            Key got = begun(name, Services.token, Cipher.UNWRAP_MODE, pair.getPrivate(), null)
                .unwrap(hidden, "AES", Cipher.SECRET_KEY);
            if (!Arrays.equals(got.getEncoded(), wanted.getEncoded())) {
                return false;
            }
        }
        return true;
    }

    private static boolean rsa(String name) throws Exception {
        boolean isPadded = name.endsWith("PKCS1Padding");
        KeyPair pair = Keys.pair("RSA", true);
        Key open = pair.getPublic();
        Key outside = Keys.outside(pair.getPublic());
        for (int length : isPadded ? new int[] {0, 1, 32, 245} : new int[] {256}) {
            byte[] data = Tap.bytes(length, 1);
            if (!isPadded) {
                data[0] = 0;
            }
            byte[] ours = once(name, Services.token, Cipher.ENCRYPT_MODE, open, data);
            byte[] theirs = once(name, null, Cipher.ENCRYPT_MODE, outside, data);
            byte[] signed = once(name, Services.token, Cipher.ENCRYPT_MODE, pair.getPrivate(), data);
            boolean holds = Arrays.equals(data, once(name, Services.token, Cipher.DECRYPT_MODE, pair.getPrivate(), ours))
                && Arrays.equals(data, once(name, Services.token, Cipher.DECRYPT_MODE, pair.getPrivate(), theirs))
                && Arrays.equals(data, once(name, null, Cipher.DECRYPT_MODE, outside, signed))
                && Arrays.equals(data, once(name, Services.token, Cipher.DECRYPT_MODE, open, signed));
            if (!holds) {
                System.out.println("# with " + length + " bytes");
                return false;
            }
        }
        if (!isPadded) {
            return true;
        }
        return wraps(name, pair) && Tap.fails(GeneralSecurityException.class, () -> once(
            name, Services.token, Cipher.ENCRYPT_MODE, open, Tap.bytes(246, 1)));
    }

    /* Keys of 16, 24 and 32 bytes come back, wrapped by either side. */
    private static boolean keyWrap(String name) throws Exception {
        int[] sizes = new Transformation(name).sizes;
        for (int size : sizes) {
            SecretKey with = Secrets.generate("AES", size * 8);
            Key outside = new SecretKeySpec(with.getEncoded(), "AES");
            for (int bits : new int[] {128, 192, 256}) {
                SecretKey wanted = Secrets.generate("AES", bits);
                Key plain = new SecretKeySpec(wanted.getEncoded(), "AES");
                byte[] ours = begun(name, Services.token, Cipher.WRAP_MODE, with, null).wrap(wanted);
                byte[] theirs = begun(name, null, Cipher.WRAP_MODE, outside, null).wrap(plain);
                Key got = begun(name, Services.token, Cipher.UNWRAP_MODE, with, null)
                    .unwrap(theirs, "AES", Cipher.SECRET_KEY);
                if (!Arrays.equals(ours, theirs) || !Arrays.equals(got.getEncoded(), plain.getEncoded())) {
                    System.out.println("# " + bits + " bits wrapped with " + size + " bytes");
                    return false;
                }
            }
        }
        return true;
    }

    private static boolean password(String name) throws Exception {
        PBEKeySpec password = new PBEKeySpec("a password".toCharArray());
        Key key = SecretKeyFactory.getInstance("PBE", "SunJCE").generateSecret(password);
        AlgorithmParameterSpec spec = new PBEParameterSpec(
            Tap.bytes(16, 5), 1000, new IvParameterSpec(Tap.bytes(16, 6)));
        byte[] data = Tap.bytes(1000, 7);
        byte[] ours = begun(name, Services.token, Cipher.ENCRYPT_MODE, key, spec).doFinal(data);
        byte[] theirs = begun(name, null, Cipher.ENCRYPT_MODE, key, spec).doFinal(data);
        return Arrays.equals(ours, theirs)
            && Arrays.equals(data, begun(name, Services.token, Cipher.DECRYPT_MODE, key, spec).doFinal(theirs));
    }

    static boolean use(String name) throws Exception {
        if (name.startsWith("RSA/")) {
            return rsa(name);
        }
        if (name.startsWith("PBE")) {
            return password(name);
        }
        return name.contains("/KW") ? keyWrap(name) : symmetric(name);
    }

    /* Forty begun at once, each in a session of its own, then fed in turn; one of them with too small a buffer. */
    static boolean interleaved() throws Exception {
        Transformation how = new Transformation("AES/CBC/PKCS5Padding");
        Cipher[] ciphers = new Cipher[40];
        ByteArrayOutputStream[] outs = new ByteArrayOutputStream[ciphers.length];
        Key[] keys = new Key[ciphers.length];
        AlgorithmParameterSpec spec = how.parameters();
        for (int i = 0; i < ciphers.length; i++) {
            keys[i] = new SecretKeySpec(Tap.bytes(32, i), "AES");
            ciphers[i] = begun(how.name, Services.token, Cipher.ENCRYPT_MODE, keys[i], spec);
            outs[i] = new ByteArrayOutputStream();
        }
        for (int round = 0; round < 5; round++) {
            for (int i = 0; i < ciphers.length; i++) {
                outs[i].writeBytes(ciphers[i].update(Tap.bytes(100, round)));
            }
        }
        boolean holds = Tap.fails(ShortBufferException.class, () -> ciphers[0].doFinal(new byte[3], 0));
        byte[] data = new byte[500];
        for (int round = 0; round < 5; round++) {
            System.arraycopy(Tap.bytes(100, round), 0, data, 100 * round, 100);
        }
        for (int i = 0; i < ciphers.length; i++) {
            outs[i].writeBytes(ciphers[i].doFinal());
            holds &= Arrays.equals(outs[i].toByteArray(), whole(how, null, Cipher.ENCRYPT_MODE, keys[i], spec, data));
        }
        return holds;
    }
}

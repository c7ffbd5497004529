/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Java's SunPKCS11 provider with the secrets and keys of TLS in the token. Everything is computed
 * twice, in the token and by SunJCE; then two ends of a connection talk, whose keys are the token's.
 * Prints TAP.
 *
 * Usage: Tls CONFIGURATION PIN KEYSTORE (PKCS #12 with a key for the server, the PIN its password)
 */
import java.io.FileInputStream;
import java.nio.ByteBuffer;
import java.security.KeyStore;
import java.security.Provider;
import java.security.ProviderException;
import java.security.SecureRandom;
import java.security.Security;
import java.security.spec.AlgorithmParameterSpec;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import javax.crypto.KeyGenerator;
import javax.crypto.KeyGeneratorSpi;
import javax.crypto.SecretKey;
import javax.crypto.spec.IvParameterSpec;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLEngineResult;
import javax.net.ssl.SSLEngineResult.HandshakeStatus;
import javax.net.ssl.TrustManagerFactory;
import sun.security.internal.interfaces.TlsMasterSecret;
import sun.security.internal.spec.TlsKeyMaterialParameterSpec;
import sun.security.internal.spec.TlsKeyMaterialSpec;
import sun.security.internal.spec.TlsMasterSecretParameterSpec;
import sun.security.internal.spec.TlsPrfParameterSpec;
import sun.security.internal.spec.TlsRsaPremasterSecretParameterSpec;

public class Tls {
    private static final byte[] CLIENT = bytes(32, 5);
    private static final byte[] SERVER = bytes(32, 9);
    private static int number;
    private static boolean failed;

    private interface Check {
        boolean run() throws Exception;
    }

    private static byte[] bytes(int length, int seed) {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i++) {
            bytes[i] = (byte) (i * 7 + seed);
        }
        return bytes;
    }

    private static void check(String name, Check check) {
        boolean holds = false;
        number++;
        try {
            holds = check.run();
        } catch (Exception problem) {
            System.out.println("# " + problem + ", " + problem.getCause());
        }
        failed |= !holds;
        System.out.println((holds ? "ok " : "not ok ") + number + " - " + name);
    }

    private static String algorithm(int version, String name) {
        return (version == 0x0303 ? "SunTls12" : "SunTls") + name;
    }

    private static SecretKey master(Provider provider, int version, boolean agreed) throws Exception {
        byte[] value = bytes(48, 1);
        value[0] = 3;
        value[1] = 1;
        SecretKeySpec base = new SecretKeySpec(value, agreed ? "TlsPremasterSecret" : "TlsRsaPremasterSecret");
        KeyGenerator generator = KeyGenerator.getInstance(algorithm(version, "MasterSecret"), provider);
        generator.init(new TlsMasterSecretParameterSpec(
            base, version >> 8, version & 255, CLIENT, SERVER, "SHA-384", 48, 128));
        return generator.generateKey();
    }

    private static TlsKeyMaterialSpec material(Provider provider, SecretKey master, int version, String cipher,
                                               int key, int iv, int mac) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance(algorithm(version, "KeyMaterial"), provider);
        generator.init(new TlsKeyMaterialParameterSpec(
            master, version >> 8, version & 255, CLIENT, SERVER, cipher, key, 0, iv, mac, "SHA-384", 48, 128));
        return (TlsKeyMaterialSpec) generator.generateKey();
    }

    private static byte[] finished(Provider provider, SecretKey master, int version, String label) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance(algorithm(version, "Prf"), provider);
        generator.init(new TlsPrfParameterSpec(master, label, bytes(36, 3), 12, "SHA-384", 48, 128));
        return generator.generateKey().getEncoded();
    }

    private static boolean same(SecretKey a, SecretKey b) {
        return a == null ? b == null : b != null && Arrays.equals(a.getEncoded(), b.getEncoded());
    }

    private static boolean same(IvParameterSpec a, IvParameterSpec b) {
        return a == null ? b == null : b != null && Arrays.equals(a.getIV(), b.getIV());
    }

    private static boolean same(TlsKeyMaterialSpec a, TlsKeyMaterialSpec b) {
        return same(a.getClientMacKey(), b.getClientMacKey()) && same(a.getServerMacKey(), b.getServerMacKey())
            && same(a.getClientCipherKey(), b.getClientCipherKey())
            && same(a.getServerCipherKey(), b.getServerCipherKey()) && same(a.getClientIv(), b.getClientIv())
            && same(a.getServerIv(), b.getServerIv());
    }

    private static void compare(Provider token, Provider judge, int version, boolean agreed) {
        String what = String.format("%x, %s", version, agreed ? "agreed" : "RSA");
        SecretKey[] masters = new SecretKey[2];
        check(what + ": master secret", () -> {
            masters[0] = master(token, version, agreed);
            masters[1] = master(judge, version, agreed);
            return same(masters[0], masters[1]);
        });
        check(what + ": version of the pre-master secret", () -> {
            TlsMasterSecret secret = (TlsMasterSecret) masters[0];
            return secret.getMajorVersion() == (agreed ? -1 : 3) && secret.getMinorVersion() == (agreed ? -1 : 1);
        });
        int[][] sizes = {{16, 16, 20}, {32, 4, 0}, {0, 0, 20}};
        for (int[] size : sizes) {
            String cipher = size[0] == 0 ? "NULL" : "AES";
            check(what + ": keys and IVs, " + Arrays.toString(size), () -> same(
                material(token, masters[0], version, cipher, size[0], size[1], size[2]),
                material(judge, masters[1], version, cipher, size[0], size[1], size[2])));
        }
        for (String side : version == 0x0300 ? new String[0] : new String[] {"client finished", "server finished"}) {
            check(what + ": " + side, () -> Arrays.equals(finished(token, masters[0], version, side),
                                                          finished(judge, masters[1], version, side)));
        }
    }

    private static boolean preMaster(Provider token) throws Exception {
        KeyGenerator generator = KeyGenerator.getInstance("SunTlsRsaPremasterSecret", token);
        generator.init(new TlsRsaPremasterSecretParameterSpec(0x0303, 0x0303));
        byte[] value = generator.generateKey().getEncoded();
        return value.length == 48 && value[0] == 3 && value[1] == 3;
    }

    private static SSLEngine engine(SSLContext context, boolean isClient, String suite) {
        SSLEngine engine = context.createSSLEngine("localhost", 1);
        engine.setUseClientMode(isClient);
        engine.setEnabledProtocols(new String[] {"TLSv1.2"});
        engine.setEnabledCipherSuites(new String[] {suite});
        return engine;
    }

    /* One step of an end: takes what has come, gives what there is. */
    private static void step(SSLEngine engine, ByteBuffer in, ByteBuffer out, ByteBuffer text, List<Byte> got)
        throws Exception {
        ByteBuffer plain = ByteBuffer.allocate(engine.getSession().getApplicationBufferSize());
        in.flip();
        SSLEngineResult.Status status = SSLEngineResult.Status.OK;
        while (in.hasRemaining() && status == SSLEngineResult.Status.OK) {
            status = engine.unwrap(in, plain).getStatus();
            for (Runnable task = engine.getDelegatedTask(); task != null; task = engine.getDelegatedTask()) {
                task.run();
            }
        }
        in.compact();
        for (byte one : Arrays.copyOf(plain.array(), plain.position())) {
            got.add(one);
        }
        HandshakeStatus wants = engine.getHandshakeStatus();
        if (wants == HandshakeStatus.NEED_WRAP || wants == HandshakeStatus.NOT_HANDSHAKING) {
            engine.wrap(text, out);
        }
    }

    private static boolean talk(SSLContext context, String suite) throws Exception {
        SSLEngine[] ends = {engine(context, true, suite), engine(context, false, suite)};
        byte[][] said = {bytes(1000, 1), bytes(2000, 2)};
        ByteBuffer[] texts = {ByteBuffer.wrap(said[0]), ByteBuffer.wrap(said[1])};
        ByteBuffer[] wires = {ByteBuffer.allocate(65536), ByteBuffer.allocate(65536)};
        List<List<Byte>> got = List.of(new ArrayList<>(), new ArrayList<>());
        ends[0].beginHandshake();
        for (int i = 0; i < 60; i++) {
            int end = i % 2;
            step(ends[end], wires[end], wires[1 - end], texts[end], got.get(end));
        }
        boolean holds = ends[0].getSession().getCipherSuite().equals(suite);
        for (int end = 0; end < 2; end++) {
            byte[] other = said[1 - end];
            holds &= got.get(end).size() == other.length;
            for (int i = 0; holds && i < other.length; i++) {
                holds &= got.get(end).get(i) == other[i];
            }
        }
        return holds;
    }

    private static SSLContext context(String path, char[] password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(path)) {
            store.load(file, password);
        }
        KeyManagerFactory keys = KeyManagerFactory.getInstance("PKIX");
        keys.init(store, password);
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(store);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }

    /* Where the token fails Java would go on, unseen, with the next provider: this one, which tells. */
    public static class Next extends KeyGeneratorSpi {
        static boolean isAsked;

        private static void tell() {
            isAsked = true;
            throw new ProviderException("the token failed");
        }

        @Override
        protected void engineInit(SecureRandom random) {
            tell();
        }

        @Override
        protected void engineInit(AlgorithmParameterSpec spec, SecureRandom random) {
            tell();
        }

        @Override
        protected void engineInit(int size, SecureRandom random) {
            tell();
        }

        @Override
        protected SecretKey engineGenerateKey() {
            tell();
            return null;
        }
    }

    private static final class NextProvider extends Provider {
        private static final long serialVersionUID = 1L;

        NextProvider() {
            super("Next", "1", "tells that it was asked");
            for (String what : new String[] {"MasterSecret", "KeyMaterial", "Prf"}) {
                put("KeyGenerator.SunTls12" + what, Next.class.getName());
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        char[] pin = arguments[1].toCharArray();
        Security.setProperty("jdk.tls.disabledAlgorithms", "");
        System.setProperty("jdk.tls.useExtendedMasterSecret", "false"); /* SunPKCS11 has none */
        Provider token = Security.getProvider("SunPKCS11").configure(arguments[0]);
        Provider judge = Security.getProvider("SunJCE");
        KeyStore.getInstance("PKCS11", token).load(null, pin);
        check("pre-master secret", () -> preMaster(token));
        for (int version = 0x0300; version <= 0x0303; version++) {
            compare(token, judge, version, false);
            compare(token, judge, version, true);
        }
        SSLContext context = context(arguments[2], pin);
        Security.insertProviderAt(token, 1);
        Security.insertProviderAt(new NextProvider(), 2);
        String[] suites = {"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
                           "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_RSA_WITH_AES_256_GCM_SHA384"};
        for (String suite : suites) {
            check("a connection with " + suite, () -> talk(context, suite));
        }
        check("the token made all their secrets and keys", () -> !Next.isAsked);
        System.out.println("1.." + number);
        System.exit(failed ? 1 : 0);
    }
}

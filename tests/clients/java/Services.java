/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each service that SunPKCS11 finds in the module is used, and computed again by Java's software
 * providers: what one made the other takes, and where nothing is random both make the same. A service for
 * which there is no row here fails. Prints TAP.
 *
 * Usage: Services CONFIGURATION PIN
 */
import java.security.AlgorithmParameters;
import java.security.KeyStore;
import java.security.Provider;
import java.security.Security;
import java.util.Comparator;
import java.util.Map;
import java.util.List;
import java.util.stream.Collectors;

public class Services {
    /* Uses one algorithm of one kind of service. */
    interface Use {
        boolean holds(String algorithm) throws Exception;
    }

    static Provider token;

    private static final Map<String, Use> USES = Map.ofEntries(
        Map.entry("AlgorithmParameters", Services::parameters), Map.entry("Cipher", Ciphers::use),
        Map.entry("KDF", Services::derivation), Map.entry("KeyAgreement", Keys::agreement),
        Map.entry("KeyFactory", Keys::factory), Map.entry("KeyGenerator", Secrets::generator),
        Map.entry("KeyPairGenerator", Keys::generator), Map.entry("KeyStore", Services::store),
        Map.entry("Mac", Secrets::mac), Map.entry("MessageDigest", Secrets::digest),
        Map.entry("SecretKeyFactory", Secrets::factory), Map.entry("SecureRandom", Secrets::random),
        Map.entry("Signature", Signatures::use));

    private Services() {
    }

    /* Computed by SunPKCS11 itself; only that it is there. */
    private static boolean parameters(String algorithm) throws Exception {
        return AlgorithmParameters.getInstance(algorithm, token).getProvider() == token;
    }

    /* What Java 17 does not know is in a class of its own. */
    private static boolean derivation(String algorithm) throws Exception {
        Class<?> newer = Class.forName("Derivations");
        return (Boolean) newer.getDeclaredMethod("use", String.class).invoke(null, algorithm);
    }

    /* Store.java has the rest. */
    private static boolean store(String algorithm) throws Exception {
        KeyStore store = KeyStore.getInstance(algorithm, token);
        store.load(null, null);
        return !store.containsAlias("nobody");
    }

    /* Those of TLS are in Tls.java. */
    private static boolean isForTls(Provider.Service service) {
        return service.getAlgorithm().startsWith("SunTls");
    }

    public static void main(String[] arguments) throws Exception {
        token = Security.getProvider("SunPKCS11").configure(arguments[0]);
        KeyStore.getInstance("PKCS11", token).load(null, arguments[1].toCharArray());
        List<Provider.Service> services = token.getServices().stream().filter(service -> !isForTls(service))
            .sorted(Comparator.comparing(service -> service.getType() + service.getAlgorithm()))
            .collect(Collectors.toList());
        for (Provider.Service service : services) {
            Use use = USES.get(service.getType());
            String algorithm = service.getAlgorithm();
            Tap.check(service.getType() + " " + algorithm, () -> use != null && use.holds(algorithm));
        }
        Tap.check("many threads sign", Signatures::inThreads);
        Tap.check("many ciphers at a time", Ciphers::interleaved);
        Tap.end();
    }
}

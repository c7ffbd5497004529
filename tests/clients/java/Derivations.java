/* SPDX-License-Identifier: BSD-2-Clause */
/* HKDF, which Java knows since 25; compiled only there. */
import java.security.Provider;
import java.util.Arrays;
import javax.crypto.KDF;
import javax.crypto.SecretKey;
import javax.crypto.spec.HKDFParameterSpec;
import javax.crypto.spec.SecretKeySpec;

final class Derivations {
    private Derivations() {
    }

    private static SecretKey derive(Provider provider, String algorithm, String kind, byte[] secret, int length)
        throws Exception {
        KDF kdf = provider == null ? KDF.getInstance(algorithm, "SunJCE") : KDF.getInstance(algorithm, provider);
        return kdf.deriveKey(kind, HKDFParameterSpec.ofExtract().addIKM(new SecretKeySpec(secret, "Generic"))
            .addSalt(Tap.bytes(13, 1)).thenExpand(Tap.bytes(10, 2), length));
    }

    static boolean use(String algorithm) throws Exception {
        for (int length : new int[] {16, 32}) {
            byte[] secret = Tap.bytes(22 + length, 3);
            byte[] ours = derive(Services.token, algorithm, "AES", secret, length).getEncoded();
            if (!Arrays.equals(ours, derive(null, algorithm, "AES", secret, length).getEncoded())) {
                return false;
            }
        }
        byte[] ours = derive(Services.token, algorithm, "Generic", Tap.bytes(32, 4), 100).getEncoded();
        return Arrays.equals(ours, derive(null, algorithm, "Generic", Tap.bytes(32, 4), 100).getEncoded());
    }
}

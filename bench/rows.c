/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table: one row per figure that docs/performance.md promises.
 */
#include "bench.h"

#include <string.h>

#define NONE KK_BENCH_NO_MECHANISM
#define KEY(name) KK_BENCH_KEY_##name
#define P11(name) &kk_bench_p11_##name
#define RAW(name) &kk_bench_raw_##name
#define KIB 1024
#define SCALES true
#define ANY false

/* clang-format off */
const struct kk_bench_row kk_bench_rows[] = {
    /* name, title, mechanism, key, bytes, module, raw, ratio to raw, operations per second, scales */
    { "rsa2048-sign", "RSA-2048 sign (SHA256_RSA_PKCS)", CKM_SHA256_RSA_PKCS, KEY(RSA2048), 32, P11(sign), RAW(rsa_sign), 0.97, 0, SCALES },
    { "rsa2048-verify", "RSA-2048 verify", CKM_SHA256_RSA_PKCS, KEY(RSA2048), 32, P11(verify), RAW(rsa_verify), 0.90, 0, SCALES },
    { "p256-sign", "P-256 sign (ECDSA)", CKM_ECDSA, KEY(P256), 32, P11(sign), RAW(ec_sign), 0.93, 0, SCALES },
    { "p256-verify", "P-256 verify", CKM_ECDSA, KEY(P256), 32, P11(verify), RAW(ec_verify), 0.95, 0, SCALES },
    { "p384-sign", "P-384 sign", CKM_ECDSA, KEY(P384), 48, P11(sign), RAW(ec_sign), 0.98, 0, SCALES },
    { "ed25519-sign", "Ed25519 sign", CKM_EDDSA, KEY(ED25519), 32, P11(sign), RAW(ed_sign), 0.93, 0, SCALES },
    { "ecdh-p256", "ECDH P-256 to a session key", CKM_ECDH1_DERIVE, KEY(P256), 32, P11(ecdh), RAW(ecdh), 0.90, 0, SCALES },
    { "hmac-sha256-64", "HMAC-SHA256, 64 bytes", CKM_SHA256_HMAC, KEY(HMAC), 64, P11(sign), RAW(hmac), 0.40, 0, ANY },
    { "gcm-64", "AES-256-GCM, 64 bytes", CKM_AES_GCM, KEY(AES256), 64, P11(gcm), RAW(gcm), 0.25, 0, ANY },
    { "gcm-16k", "AES-256-GCM, 16 KiB", CKM_AES_GCM, KEY(AES256), 16 * KIB, P11(gcm), RAW(gcm), 0.92, 0, SCALES },
    { "gcm-1m", "AES-256-GCM, 1 MiB", CKM_AES_GCM, KEY(AES256), 1024 * KIB, P11(gcm), RAW(gcm), 0.97, 0, SCALES },
    { "cbc-16k", "AES-256-CBC, 16 KiB", CKM_AES_CBC, KEY(AES256), 16 * KIB, P11(cbc), RAW(cbc), 0.97, 0, ANY },
    { "sha256-64", "SHA-256, 64 bytes", CKM_SHA256, KEY(NONE), 64, P11(digest), RAW(digest), 0.40, 0, ANY },
    { "sha256-16k", "SHA-256, 16 KiB", CKM_SHA256, KEY(NONE), 16 * KIB, P11(digest), RAW(digest), 0.98, 0, ANY },
    { "random-32", "C_GenerateRandom, 32 bytes", NONE, KEY(NONE), 32, P11(random), RAW(random), 0.90, 0, ANY },
    { "p256-pair", "P-256 key pair, session objects", CKM_EC_KEY_PAIR_GEN, KEY(NONE), 0, P11(ec_pair), RAW(ec_pair), 0.80, 0, SCALES },
    { "attributes-2", "2 attributes of a private token key", NONE, KEY(P256), 0, P11(attributes), NULL, 0, 3000000, ANY },
    { "find-same", "find one by label, same query again", NONE, KEY(NONE), 0, P11(find_same), NULL, 0, 500000, ANY },
    { "find-other", "find one by label, another each time", NONE, KEY(NONE), 0, P11(find_other), NULL, 0, 60000, ANY },
    { "session", "open and close a session", NONE, KEY(NONE), 0, P11(session), NULL, 0, 2500000, ANY },
    { "create", "create, destroy token object (SQLite)", NONE, KEY(NONE), 64, P11(create), RAW(create), 0.80, 0, ANY },
};
/* clang-format on */

const size_t kk_bench_row_count = KK_BENCH_ARRAY_LEN(kk_bench_rows);

const struct kk_bench_row *kk_bench_row_find(const char *name)
{
    for (size_t i = 0; i < kk_bench_row_count; i++) {
        if (strcmp(kk_bench_rows[i].name, name) == 0) {
            return &kk_bench_rows[i];
        }
    }
    return NULL;
}

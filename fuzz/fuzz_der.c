/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as PKCS#8, as EC parameters and as a point. A PrivateKeyInfo that is taken encodes
 * again, and what that gives is taken for the same key.
 */
#include <string.h>

#include "base/memory.h"
#include "crypto/ec.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NUMBER_MAX 256u /* computing with longer numbers takes too long for a fuzzer */

static struct kk_crypto *crypto;

static bool is_quick(const struct kk_key_parts *parts)
{
    for (size_t i = 0; i < KK_PART_COUNT; i++) {
        if (kk_key_parts_get(parts, (enum kk_part)i).len > NUMBER_MAX) {
            return false;
        }
    }
    return true;
}

static void encode_again(struct kk_key_parts *parts)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *der = NULL;
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts again = {0};
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer spki = {0};
    if (!is_quick(parts) || kk_key_complete(crypto, parts) != CKR_OK ||
        kk_key_new(crypto, parts, &key) != CKR_OK) {
        return;
    }
    FUZZ_CHECK(kk_pkcs8_encode(parts, &der) == CKR_OK);
    FUZZ_CHECK(kk_pkcs8_decode(kk_secret_span(der), &again) == CKR_OK);
    FUZZ_CHECK(again.kind == parts->kind && again.is_private);
    (void)!kk_key_spki(crypto, parts, &spki);
}

static void try_pkcs8(struct kk_span der)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    CK_RV rv = kk_pkcs8_decode(der, &parts);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_WRAPPED_KEY_INVALID || rv == CKR_HOST_MEMORY);
    if (rv == CKR_OK) {
        encode_again(&parts);
    }
}

static void try_curve(struct kk_span params)
{
    struct kk_curve curve;
    CK_RV rv = kk_curve_parse(crypto, params, &curve);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_CURVE_NOT_SUPPORTED || rv == CKR_ATTRIBUTE_VALUE_INVALID);
    FUZZ_CHECK(rv != CKR_OK || (curve.oid_len > 0 && curve.oid_len <= sizeof curve.oid));
}

static void try_point(uint8_t which, struct kk_span point)
{
    static const char *const names[] = {"prime256v1", "secp521r1", "edwards25519", "curve448"};
    const char *name = names[which % KK_ARRAY_LEN(names)];
    uint8_t params[32] = {0x13, (uint8_t)strlen(name)};
    struct kk_curve curve;
    memcpy(params + 2, name, strlen(name));
    if (kk_curve_parse(crypto, KK_SPAN(params, 2 + strlen(name)), &curve) != CKR_OK) {
        return;
    }
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer attribute = {0};
    if (kk_point_parse(crypto, &curve, point, &raw) == CKR_OK) {
        FUZZ_CHECK(kk_point_format(&curve, kk_buffer_span(&raw), &attribute) == CKR_OK);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (crypto == NULL) {
        FUZZ_CHECK(kk_crypto_new(&crypto) == CKR_OK);
    }
    if (size == 0) {
        return 0;
    }
    struct kk_span rest = KK_SPAN(data + 1, size - 1);
    switch (data[0] % 4) {
    case 0:
    case 1:
        try_pkcs8(rest);
        break;
    case 2:
        try_curve(rest);
        break;
    default:
        try_point(data[0] / 4, rest);
    }
    return 0;
}

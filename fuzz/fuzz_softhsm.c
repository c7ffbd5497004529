/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reader of SoftHSM's files on any bytes, with the master key of the corpus's token: what it
 * takes must come back the same after writing and reading, and can be asked for every attribute.
 */
#include <stdlib.h>
#include <string.h>

#include "token/softhsm_internal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t master[KK_SOFTHSM_MASTER_LEN] = {
    0x26, 0x91, 0xbe, 0x26, 0xac, 0x7b, 0xbf, 0x63, 0x0f, 0xfa, 0x09, 0x2b, 0xbb, 0xd9, 0xcf, 0x0e,
    0x84, 0xe2, 0xdc, 0x14, 0x13, 0xc6, 0x76, 0x29, 0x62, 0xd9, 0x61, 0xc9, 0x80, 0xc2, 0x8f, 0x3e,
};

static const struct kk_uuid uuid = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

static struct kk_crypto *the_crypto(void)
{
    static struct kk_crypto *crypto;
    if (crypto == NULL && kk_crypto_new(&crypto) != CKR_OK) {
        abort();
    }
    return crypto;
}

static void check(bool good)
{
    if (!good) {
        abort();
    }
}

static void read_all(const struct kk_attrs *attrs)
{
    uint8_t buffer[64];
    for (size_t i = 0; i < attrs->count; i++) {
        CK_ATTRIBUTE length = {attrs->rows[i].type, NULL, 0};
        CK_ATTRIBUTE value = {attrs->rows[i].type, buffer, sizeof buffer};
        memset(buffer, 0, sizeof buffer);
        (void)!kk_policy_get(attrs, &length);
        (void)!kk_policy_get(attrs, &value);
    }
}

/* Written and read again. */
static void come_back(const struct kk_attrs *attrs, const struct kk_softhsm_keys *keys)
{
    struct kk_buffer body = {0};
    struct kk_attrs *again = NULL;
    check(kk_softhsm_encode(attrs, keys, &body) == CKR_OK);
    check(kk_softhsm_decode(kk_buffer_span(&body), keys, &again) == CKR_OK);
    check(kk_attrs_match(again, attrs) && kk_attrs_match(attrs, again));
    kk_attrs_free(again);
    kk_buffer_clear(&body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct kk_softhsm_keys keys = {the_crypto(), KK_SPAN_ARRAY(master)};
    const struct kk_softhsm_keys none = {the_crypto(), KK_SPAN(NULL, 0)};
    struct kk_softhsm_head head;
    struct kk_attrs *attrs = NULL;
    struct kk_attrs *stored = NULL;
    CK_RV rv = kk_softhsm_head(KK_SPAN(data, size), &head);
    check(rv == CKR_OK || rv == CKR_DEVICE_ERROR);
    rv = kk_softhsm_decode(KK_SPAN(data, size), &none, &attrs);
    check(rv == CKR_OK || rv == CKR_DEVICE_ERROR || rv == CKR_USER_NOT_LOGGED_IN);
    kk_attrs_free(attrs);
    attrs = NULL;
    if (kk_softhsm_decode(KK_SPAN(data, size), &keys, &attrs) != CKR_OK) {
        return 0;
    }
    come_back(attrs, &keys);
    rv = kk_softhsm_import(the_crypto(), &uuid, &attrs);
    check(rv == CKR_OK || rv == CKR_DEVICE_ERROR); /* a key that its check value denies */
    if (rv != CKR_OK) {
        kk_attrs_free(attrs);
        return 0;
    }
    read_all(attrs);
    check(kk_softhsm_export(attrs, &stored) == CKR_OK);
    come_back(stored, &keys);
    kk_attrs_free(stored);
    kk_attrs_free(attrs);
    return 0;
}

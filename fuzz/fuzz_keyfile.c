/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a file of keys and certificates: refused, or items that each have what their kind
 * says. Without a passphrase: what is encrypted is OpenSSL's alone, and a count of rounds in it
 * only costs time.
 */
#include "crypto/keyfile_bag.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_item(const struct kk_bag_item *item)
{
    bool is_key = item->kind != KK_BAG_CERTIFICATE;
    FUZZ_CHECK((item->key != NULL) == is_key && (item->certificate != NULL) == !is_key);
    if (is_key) {
        const struct kk_secret *private = item->key->parts[KK_KEYPART_PRIVATE];
        const struct kk_secret *exponent = item->key->parts[KK_KEYPART_PRIVATE_EXPONENT];
        FUZZ_CHECK((private != NULL || exponent != NULL) == (item->kind == KK_BAG_PRIVATE));
    } else {
        FUZZ_CHECK(item->certificate->certificate.len > 0 && item->certificate->subject.len > 0);
    }
}

static void read_all(const struct kk_keyfiles *files, struct kk_span content)
{
    struct kk_bag *bag = NULL;
    CK_RV rv = kk_keyfiles_read(files, content, NULL, &bag);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_DATA_INVALID || rv == CKR_MECHANISM_INVALID ||
               rv == CKR_ENCRYPTED_DATA_INVALID);
    FUZZ_CHECK((rv == CKR_OK) == (bag != NULL));
    for (size_t i = 0; bag != NULL && i < bag->count; i++) {
        check_item(&bag->items[i]);
    }
    kk_bag_free(bag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct kk_keyfiles *files;
    FUZZ_CHECK(files != NULL || kk_keyfiles_new(&files) == CKR_OK);
    read_all(files, KK_SPAN(data, size));
    return 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a JSON Web Key or a set of them: refused, or keys that are written and read again as
 * the same ones.
 */
#include "cli/json_read.h"
#include "cli/jwk.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct kk_json *json, const struct kk_jwk *jwk)
{
    struct kk_jwk_set *again = NULL;
    FUZZ_CHECK(kk_jwk_read(kk_buffer_span(&json->text), &again) == CKR_OK && again->count == 1);
    const struct kk_jwk *other = &again->keys[0];
    FUZZ_CHECK(other->is_private == jwk->is_private);
    FUZZ_CHECK(kk_span_equal(kk_buffer_span(&other->kid), kk_buffer_span(&jwk->kid)));
    FUZZ_CHECK(jwk->secret == NULL || kk_secret_equal(other->secret, jwk->secret));
    for (size_t i = 0; jwk->key != NULL && i < KK_KEYPART_COUNT; i++) {
        const struct kk_secret *part = jwk->key->parts[i];
        FUZZ_CHECK((part == NULL) == (other->key->parts[i] == NULL));
        FUZZ_CHECK(part == NULL || kk_secret_equal(part, other->key->parts[i]));
    }
    kk_jwk_set_free(again);
}

static void check_key(const struct kk_jwk *jwk)
{
    struct kk_json json = {.text = {.wipe = true}};
    struct kk_span kid = kk_buffer_span(&jwk->kid);
    FUZZ_CHECK((jwk->key == NULL) == (jwk->secret != NULL));
    CK_RV rv = jwk->key != NULL ? kk_jwk_put(&json, jwk->key, jwk->is_private, kid)
                                : kk_jwk_put_secret(&json, jwk->secret, kid);
    FUZZ_CHECK(rv == CKR_OK);
    check_again(&json, jwk);
    kk_json_clear(&json);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kk_json_tree *tree = NULL;
    struct kk_jwk_set *set = NULL;
    size_t offset = 0;
    CK_RV json = kk_json_read(KK_SPAN(data, size), &offset, &tree);
    FUZZ_CHECK(json == CKR_OK || (json == CKR_DATA_INVALID && offset <= size));
    kk_json_tree_free(tree);
    CK_RV rv = kk_jwk_read(KK_SPAN(data, size), &set);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_DATA_INVALID || rv == CKR_MECHANISM_INVALID ||
               rv == CKR_ATTRIBUTE_VALUE_INVALID);
    FUZZ_CHECK(rv != CKR_OK || (json == CKR_OK && set->count > 0));
    for (size_t i = 0; set != NULL && i < set->count; i++) {
        check_key(&set->keys[i]);
    }
    kk_jwk_set_free(set);
    return 0;
}

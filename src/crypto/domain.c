/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Domain parameters by OpenSSL's generators.
 */
#include "crypto/domain.h"

#include <openssl/core_names.h>
#include <openssl/dh.h>

#include "base/memory.h"
#include "crypto/error.h"
#include "crypto/key_internal.h"
#include "crypto/own_keys.h"

#define MIN_BITS 512
#define STEP_BITS 64 /* FIPS 186-2 */
#define MAX_FFC_BITS 4096
#define MAX_BYTES 1024

static KK_RV run(struct kk_crypto *crypto, const char *type, struct kk_pkey_params *params,
                 EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = kk_own_keys_context(crypto->libctx, type);
    KK_ENSURE(ctx != NULL, kk_crypto_error("EVP_PKEY_CTX_new_from_name", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_paramgen_init(ctx) == 1 && EVP_PKEY_CTX_set_params(ctx, params->params) == 1,
              kk_crypto_error("EVP_PKEY_paramgen_init", CKR_FUNCTION_FAILED));
    KK_ENSURE(EVP_PKEY_generate(ctx, ret_pkey) == 1,
              kk_crypto_error("EVP_PKEY_generate", CKR_FUNCTION_FAILED));
    return CKR_OK;
}

/* --- PKCS #3 ---------------------------------------------------------------------------------- */

static const char *named_group(CK_ULONG bits)
{
    static const struct {
        CK_ULONG bits;
        const char *name;
    } groups[] = {
        {1536, "modp_1536"}, {2048, "ffdhe2048"}, {3072, "ffdhe3072"},
        {4096, "ffdhe4096"}, {6144, "ffdhe6144"}, {8192, "ffdhe8192"},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(groups); i++) {
        if (groups[i].bits == bits) {
            return groups[i].name;
        }
    }
    return NULL;
}

static KK_RV generate_dh(struct kk_crypto *crypto, const struct kk_key_parts *parts,
                         EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    const char *name = named_group(parts->bits);
    int bits = (int)parts->bits;
    int generator = DH_GENERATOR_2;
    if (name != NULL) {
        kk_pkey_params_text(&params, OSSL_PKEY_PARAM_GROUP_NAME, name);
        return run(crypto, "DH", &params, ret_pkey);
    }
    KK_ENSURE(parts->bits >= MIN_BITS && parts->bits <= KK_DH_SEARCH_BITS, CKR_KEY_SIZE_RANGE);
    kk_pkey_params_text(&params, OSSL_PKEY_PARAM_FFC_TYPE, "generator");
    kk_pkey_params_int(&params, OSSL_PKEY_PARAM_FFC_PBITS, &bits);
    kk_pkey_params_int(&params, OSSL_PKEY_PARAM_DH_GENERATOR, &generator);
    return run(crypto, "DH", &params, ret_pkey);
}

/* --- DSA and X9.42 ---------------------------------------------------------------------------- */

/*= pkcs11-3.2 DSA domain parameter objects: the default of CKA_SUBPRIME_BITS by CKA_PRIME_BITS */
static CK_ULONG usual_order(CK_ULONG bits)
{
    if (bits <= 1024) {
        return 160;
    }
    return bits < 3072 ? 224 : 256;
}

/* FIPS 186-4's pairs of sizes by its own algorithm, older ones by that of FIPS 186-2. */
static const char *algorithm_of(CK_ULONG bits, CK_ULONG order_bits)
{
    bool is_new = (bits == 2048 && (order_bits == 224 || order_bits == 256)) ||
                  (bits == 3072 && order_bits == 256);
    return is_new ? "fips186_4" : "fips186_2";
}

static KK_RV generate_ffc(struct kk_crypto *crypto, struct kk_key_parts *parts, EVP_PKEY **ret_pkey)
{
    KK_CLEANUP(kk_pkey_params_clear) struct kk_pkey_params params = {0};
    int bits = (int)parts->bits;
    KK_ENSURE(parts->bits >= MIN_BITS && parts->bits <= MAX_FFC_BITS &&
                  parts->bits % STEP_BITS == 0,
              CKR_KEY_SIZE_RANGE);
    if (parts->order_bits == 0) {
        parts->order_bits = usual_order(parts->bits);
    }
    int order = (int)parts->order_bits;
    KK_ENSURE(parts->order_bits == 160 || parts->order_bits == 224 || parts->order_bits == 256,
              CKR_KEY_SIZE_RANGE);
    kk_pkey_params_text(&params, OSSL_PKEY_PARAM_FFC_TYPE,
                        algorithm_of(parts->bits, parts->order_bits));
    kk_pkey_params_int(&params, OSSL_PKEY_PARAM_FFC_PBITS, &bits);
    kk_pkey_params_int(&params, OSSL_PKEY_PARAM_FFC_QBITS, &order);
    return run(crypto, "DSA", &params, ret_pkey);
}

KK_RV kk_domain_generate(struct kk_crypto *crypto, struct kk_key_parts *parts)
{
    KK_CLEANUP(EVP_PKEY_freep) EVP_PKEY *pkey = NULL;
    if (parts->kind == KK_KEY_DH) {
        KK_TRY(generate_dh(crypto, parts, &pkey));
    } else {
        KK_TRY(generate_ffc(crypto, parts, &pkey));
        KK_TRY(kk_pkey_get_number(pkey, OSSL_PKEY_PARAM_FFC_Q, MAX_BYTES, true, parts,
                                  KK_PART_SUBPRIME));
    }
    KK_TRY(kk_pkey_get_number(pkey, OSSL_PKEY_PARAM_FFC_P, MAX_BYTES, true, parts, KK_PART_PRIME));
    return kk_pkey_get_number(pkey, OSSL_PKEY_PARAM_FFC_G, MAX_BYTES, true, parts, KK_PART_BASE);
}

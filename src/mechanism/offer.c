/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The policies, as tables over the registry's columns.
 */
#include "mechanism/offer.h"

#include <string.h>

#include "mechanism/asym.h"
#include "mechanism/families.h"
#include "mechanism/operation.h"

#include "base/banned.h"

/* --- what is legacy --------------------------------------------------------------------------- */

/* clang-format off */
/* By the beginning of row->algorithm or row->hash. `macs_stay`: a MAC, and its keys, do without
 * what the hash has lost. */
static const struct {
    const char *begin;
    bool macs_stay;
    const char *reason;
} legacy_algorithms[] = {
    {"MD5",         false, "MD5 is broken"},
    {"SHA1",        true,  "collisions of SHA-1 can be made"},
    {"RIPEMD160",   true,  "a hash of 160 bits"},
    {"BLAKE2B-160", true,  "a hash of 160 bits"},
    {"DES-",        false, "blocks of 64 bits, or a key of 56"},
    {"CAST5-",      false, "blocks of 64 bits"},
    {"BF-",         false, "blocks of 64 bits"},
    {"RC2-",        false, "blocks of 64 bits"},
    {"RC5-",        false, "blocks of 64 bits"},
    {"IDEA-",       false, "blocks of 64 bits"},
    {"RC4",         false, "RC4 is broken"},
    {"SEED-",       false, "in OpenSSL's legacy provider alone"},
};

/* By the beginning of the name, without CKM_. */
static const struct {
    const char *begin;
    const char *reason;
} legacy_names[] = {
    {"DSA",                 "FIPS 186-5 has no DSA"},
    {"RSA_X9_31",           "X9.31 is withdrawn"},
    {"RSA_9796",            "ISO 9796-1 is broken and withdrawn"},
    {"RSA_PKCS_TPM_1_1",    "TPM 1.1"},
    {"RSA_PKCS_OAEP_TPM_1", "TPM 1.1"},
    {"SSL3_",               "SSL 3.0"},
    {"WTLS_",               "WTLS"},
    {"TLS_PRE_MASTER",      "TLS with key transport by RSA"},
    {"TLS_MASTER_KEY",      "TLS 1.0 and 1.1"},
    {"TLS_KEY_AND_MAC",     "TLS 1.0 and 1.1"},
    {"TLS_PRF",             "TLS 1.0 and 1.1"},
    {"TLS10_",              "TLS 1.0 and 1.1"},
    {"PBE_",                "the schemes of PKCS #5 v1 and PKCS #12"},
    {"PBA_",                "the schemes of PKCS #12"},
    {"MD2",                 "MD2 is broken"},
    {"RC2_",                "blocks of 64 bits"},
    {"RC4",                 "RC4 is broken"},
    {"RC5_",                "blocks of 64 bits"},
    {"IDEA_",               "blocks of 64 bits"},
    {"CDMF_",               "a key of 40 bits"},
    {"CAST",                "blocks of 64 bits"},
    {"SKIPJACK_",           "blocks of 64 bits"},
    {"KEY_WRAP_",           "of 1995"},
    {"NULL",                "it protects nothing"},
};

/* Least bits of a key, of the modulus, the prime or the curve's field. */
static const struct {
    CK_KEY_TYPE key_type;
    CK_ULONG no_legacy, fips;
} floors[] = {
    {CKK_RSA,            2048, 2048},
    {CKK_DSA,            2048, 2048},
    {CKK_DH,             2048, 2048},
    {CKK_X9_42_DH,       2048, 2048},
    {CKK_EC,             224,  224},
    {CKK_GENERIC_SECRET, 0,    112},
};
/* clang-format on */

static bool begins(const char *text, const char *with)
{
    return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

/* A MAC, or the generation of its keys. */
static bool is_mac(const struct kk_mechanism *row)
{
    return row->key_type != KK_NO_KEY_TYPE && kk_key_kind_of(row->key_type) == KK_KEY_SECRET &&
           (row->sign != NULL || row->generate != NULL);
}

const char *kk_offer_legacy_reason(const struct kk_mechanism *row)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(legacy_algorithms); i++) {
        bool is_it = begins(row->algorithm, legacy_algorithms[i].begin) ||
                     begins(row->hash, legacy_algorithms[i].begin);
        if (is_it && !(legacy_algorithms[i].macs_stay && is_mac(row))) {
            return legacy_algorithms[i].reason;
        }
    }
    for (size_t i = 0; i < KK_ARRAY_LEN(legacy_names); i++) {
        if (begins(row->name + strlen("CKM_"), legacy_names[i].begin)) {
            return legacy_names[i].reason;
        }
    }
    return NULL;
}

/* --- who computes ----------------------------------------------------------------------------- */

/* Operations that hand the whole of their work to one algorithm of OpenSSL's. What is not here is
 * put together by us; so are ML-DSA and SLH-DSA, whose representative of the message is made here.
 */
static const void *const whole[] = {
    &kk_generate_pair_ops,
    &kk_generate_x931_ops,
    &kk_generate_secret_ops,
    &kk_generate_domain_ops,
    &kk_rsa_cipher_ops,
    &kk_rsa_wrap_ops,
    &kk_rsa_raw_wrap_ops,
    &kk_rsa_kem_ops,
    &kk_rsa_block_ops,
    &kk_rsa_pss_ops,
    &kk_rsa_hash_ops,
    &kk_ecdsa_ops,
    &kk_ecdsa_hash_ops,
    &kk_dsa_ops,
    &kk_eddsa_ops,
    &kk_block_ops,
    &kk_block_wrap_ops,
    &kk_block_pad_ops,
    &kk_block_pad_wrap_ops,
    &kk_gcm_ops,
    &kk_gcm_message_ops,
    &kk_gcm_wrap_ops,
    &kk_gmac_ops,
    &kk_ccm_ops,
    &kk_ccm_message_ops,
    &kk_ccm_wrap_ops,
    &kk_whole_ops,
    &kk_whole_wrap_ops,
    &kk_kw_ops,
    &kk_kw_pad_ops,
    &kk_kw_wrap_ops,
    &kk_hmac_ops,
    &kk_cmac_ops,
    &kk_kem_ops,
    &kk_ecdh_ops,
    &kk_dh_ops,
    &kk_pbkdf2_ops,
    &kk_stream_ops,
    &kk_stream_wrap_ops,
    &kk_encrypt_data_ops,
};

static bool is_whole(const void *ops)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(whole); i++) {
        if (whole[i] == ops) {
            return true;
        }
    }
    return ops == NULL;
}

/* The digests of crypto/digest.h that OpenSSL does not have, and Salsa20 and Poly1305. Their keys
 * are random bytes like others. */
static bool is_sodiums(const struct kk_mechanism *row)
{
    bool is_stream = row->key_type == CKK_SALSA20 || row->key_type == CKK_POLY1305;
    bool is_hash = begins(row->algorithm, "SHA512/") || begins(row->algorithm, "BLAKE2B-");
    return (is_stream || is_hash) && row->generate == NULL;
}

/* Modes and forms that share their operations with others and are put together here. */
static bool is_put_together(const struct kk_mechanism *row)
{
    return (row->cipher == &kk_block_ops && row->detail == KK_BLOCK_CFB64) ||
           (row->cipher == &kk_kw_pad_ops && row->detail == KK_KW_DETAIL_PKCS7);
}

enum kk_maker kk_offer_maker(const struct kk_mechanism *row)
{
    if (is_sodiums(row)) {
        return KK_MAKER_SODIUM;
    }
    bool by_openssl = is_whole(row->cipher) && is_whole(row->message) && is_whole(row->sign) &&
                      is_whole(row->generate) && is_whole(row->derive) && is_whole(row->wrap) &&
                      is_whole(row->kem);
    return by_openssl && !is_put_together(row) ? KK_MAKER_OPENSSL : KK_MAKER_OWN;
}

/* --- fips ------------------------------------------------------------------------------------- */

/* Algorithms of the validated provider: of row->algorithm all, or with `more` its beginning. */
static const struct {
    const char *name;
    bool more;
} approved[] = {
    {"SHA1", false},   {"SHA224", false}, {"SHA256", false},     {"SHA384", false},
    {"SHA512", false}, {"SHA3-", true},   {"SHA512-224", false}, {"SHA512-256", false},
    {"AES-", true},    {"RSA", false},    {"EC", false},         {"ED25519", false},
    {"DH", false},     {"ML-KEM", true},
};

static bool is_approved(const struct kk_mechanism *row)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(approved) && row->algorithm != NULL; i++) {
        if (approved[i].more ? begins(row->algorithm, approved[i].name)
                             : strcmp(row->algorithm, approved[i].name) == 0) {
            return true;
        }
    }
    /* Random bytes need no algorithm; other rows without one are ours. */
    return row->algorithm == NULL && row->generate == &kk_generate_secret_ops &&
           (row->key_type == CKK_AES || row->key_type == CKK_GENERIC_SECRET);
}

/* The operations that an approved algorithm has under the rules of FIPS 140-3: AES wraps keys by
 * SP 800-38F alone, RSA by SP 800-56B, which is OAEP; signatures come with their hash. */
static const void *const fips_operations[] = {
    &kk_generate_pair_ops,
    &kk_generate_secret_ops,
    &kk_rsa_pss_ops,
    &kk_rsa_hash_ops,
    &kk_ecdsa_ops,
    &kk_ecdsa_hash_ops,
    &kk_eddsa_ops,
    &kk_block_ops,
    &kk_block_pad_ops,
    &kk_gcm_ops,
    &kk_gcm_message_ops,
    &kk_gcm_wrap_ops,
    &kk_gmac_ops,
    &kk_ccm_ops,
    &kk_ccm_message_ops,
    &kk_ccm_wrap_ops,
    &kk_whole_ops,
    &kk_kw_ops,
    &kk_kw_pad_ops,
    &kk_kw_wrap_ops,
    &kk_hmac_ops,
    &kk_cmac_ops,
    &kk_kem_ops,
    &kk_ecdh_ops,
    &kk_dh_ops,
};

static bool is_fips(const struct kk_mechanism *row, const void *ops)
{
    bool is_oaep = row->shape == KK_PARAM_RSA_PKCS_OAEP &&
                   (ops == &kk_rsa_cipher_ops || ops == &kk_rsa_wrap_ops);
    for (size_t i = 0; i < KK_ARRAY_LEN(fips_operations); i++) {
        if (fips_operations[i] == ops) {
            return true;
        }
    }
    return is_oaep;
}

/* RSASVE, which CKM_RSA_X_509 has, is left out with the row's other raw operations. */
static bool narrow_to_fips(struct kk_mechanism *row)
{
    if (!is_approved(row) || is_put_together(row) || kk_offer_legacy_reason(row) != NULL) {
        return false;
    }
#define KEEP(member_) row->member_ = is_fips(row, row->member_) ? row->member_ : NULL
    KEEP(cipher);
    KEEP(message);
    KEEP(sign);
    KEEP(generate);
    KEEP(derive);
    KEEP(wrap);
    KEEP(kem);
#undef KEEP
    if (row->key_type == CKK_RSA && row->sign == NULL && row->cipher == NULL) {
        row->kem = NULL;
    }
    return row->cipher != NULL || row->message != NULL || row->sign != NULL ||
           row->digest != NULL || row->generate != NULL || row->derive != NULL ||
           row->wrap != NULL || row->kem != NULL;
}

bool kk_offer_is_approved(const struct kk_op *op)
{
    const struct kk_mechanism *row = op->mechanism;
    bool makes_iv_outside =
        row->shape == KK_PARAM_GCM && (op->kind == KK_OP_ENCRYPT || op->kind == KK_OP_SIGN);
    return row->policy == KK_POLICY_FIPS && !makes_iv_outside;
}

/* --- narrowing -------------------------------------------------------------------------------- */

static CK_ULONG floor_of(int policy, const struct kk_mechanism *row)
{
    bool is_secret =
        row->key_type != KK_NO_KEY_TYPE && kk_key_kind_of(row->key_type) == KK_KEY_SECRET;
    CK_KEY_TYPE key_type = is_secret ? CKK_GENERIC_SECRET : row->key_type;
    for (size_t i = 0; i < KK_ARRAY_LEN(floors); i++) {
        if (floors[i].key_type == key_type) {
            return policy == KK_POLICY_FIPS ? floors[i].fips : floors[i].no_legacy;
        }
    }
    return 0;
}

/* Sizes of secret keys are bytes in these rows, of other keys bits. */
static void raise_floor(int policy, struct kk_mechanism *row)
{
    bool in_bytes =
        row->key_type == KK_NO_KEY_TYPE || kk_key_kind_of(row->key_type) == KK_KEY_SECRET;
    row->policy = policy;
    row->floor_bits = floor_of(policy, row);
    CK_ULONG least = in_bytes ? row->floor_bits / 8 : row->floor_bits;
    if (row->max_key > 0 && row->min_key < least) {
        row->min_key = least;
    }
}

bool kk_offer_narrow(int policy, struct kk_mechanism *row)
{
    if (policy == KK_POLICY_NO_LEGACY && kk_offer_legacy_reason(row) != NULL) {
        return false;
    }
    if (policy == KK_POLICY_FIPS && !narrow_to_fips(row)) {
        return false;
    }
    if (policy != KK_POLICY_ALL) {
        raise_floor(policy, row);
    }
    return true;
}

/* --- parameters ------------------------------------------------------------------------------- */

/* Members of the parameters' structures that hold a mechanism's number. */
static const char *const mechanism_members[] = {
    "hashAlg", "hash", "prfHashMechanism", "prfMechanism", "prfType", "DigestMechanism",
};

static bool holds_mechanism(const struct kk_param_field *field)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(mechanism_members); i++) {
        if (field->kind == KK_FIELD_ULONG && strcmp(field->name, mechanism_members[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* SHA-1 stays where it is no signature's: in HMACs and in OAEP. */
static bool may_name(const struct kk_mechanism *row, CK_MECHANISM_TYPE type)
{
    const struct kk_mechanism *named = kk_registry_row(type);
    if (named == NULL || (type == CKM_SHA_1 && row->sign == NULL)) {
        return true; /* the mechanism itself says what it does not know */
    }
    struct kk_mechanism copy = *named;
    return kk_offer_narrow(row->policy, &copy);
}

static KK_RV check_members(const struct kk_mechanism *row, const struct kk_param_layout *layout,
                           const uint8_t *data)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct kk_param_field *field = &layout->fields[i];
        CK_ULONG value = 0;
        const void *nested = NULL;
        if (holds_mechanism(field)) {
            memcpy(&value, data + field->offset, sizeof value);
            KK_ENSURE(may_name(row, value), CKR_MECHANISM_PARAM_INVALID);
        } else if (field->kind == KK_FIELD_STRUCT) {
            KK_TRY(check_members(row, field->nested, data + field->offset));
        } else if (field->kind == KK_FIELD_NESTED) {
            memcpy(&nested, data + field->offset, sizeof nested);
            KK_TRY(nested != NULL ? check_members(row, field->nested, nested) : CKR_OK);
        } else if (row->policy == KK_POLICY_FIPS && strcmp(field->name, "kdf") == 0) {
            /* The derivations of X9.63 and X9.42 are ours: the secret itself is the provider's. */
            memcpy(&value, data + field->offset, sizeof value);
            KK_ENSURE(value == CKD_NULL, CKR_MECHANISM_PARAM_INVALID);
        }
    }
    return CKR_OK;
}

KK_RV kk_offer_check_param(const struct kk_mechanism *row, const struct kk_param *param)
{
    const struct kk_param_layout *layout = kk_param_layout(param->shape);
    if (row->policy == KK_POLICY_ALL || layout == NULL || !param->present) {
        return CKR_OK;
    }
    return check_members(row, layout, param->data);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Policy rows of each key type, and the list of all schemas.
 */
#include "object/policy_rules.h"

#include "base/banned.h"

/*= pkcs11-3.2 ML-DSA, ML-KEM private key objects: at least one of CKA_SEED and CKA_VALUE */
static KK_RV check_seed_or_value(const struct kk_attrs *attrs)
{
    bool has_key =
        kk_attrs_bytes(attrs, CKA_SEED).len > 0 || kk_attrs_bytes(attrs, CKA_VALUE).len > 0;
    KK_ENSURE(has_key, CKR_TEMPLATE_INCOMPLETE);
    return CKR_OK;
}

/*= pkcs11-3.2 XMSS private key objects: CKA_SENSITIVE true, CKA_EXTRACTABLE false */
static KK_RV check_stateful(const struct kk_attrs *attrs)
{
    bool stays_here =
        kk_attrs_flag(attrs, CKA_SENSITIVE, false) && !kk_attrs_flag(attrs, CKA_EXTRACTABLE, true);
    KK_ENSURE(stays_here, CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/*= pkcs11-3.2 HSS private key objects: not copyable either; as many types as levels */
static KK_RV check_hss_private(const struct kk_attrs *attrs)
{
    KK_TRY(check_stateful(attrs));
    KK_ENSURE(!kk_attrs_flag(attrs, CKA_COPYABLE, true), CKR_TEMPLATE_INCONSISTENT);
    uint64_t levels = kk_attrs_number(attrs, CKA_HSS_LEVELS, 0);
    const struct kk_attr *lms = kk_attrs_find(attrs, CKA_HSS_LMS_TYPES);
    const struct kk_attr *lmots = kk_attrs_find(attrs, CKA_HSS_LMOTS_TYPES);
    bool is_whole = lms != NULL && lmots != NULL && lms->len == levels && lmots->len == levels;
    KK_ENSURE(is_whole, CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* Only CKM_X2RATCHET_INITIALIZE and _RESPOND make these. */
static KK_RV check_ratchet(const struct kk_attrs *attrs)
{
    KK_ENSURE(kk_attrs_has(attrs, CKA_X2RATCHET_RK), CKR_TEMPLATE_INCONSISTENT);
    return CKR_OK;
}

/* Beside the standard's tables: CKA_EC_POINT of a private key, which clients give and ask for;
 * CKA_VALUE_LEN of secret keys whose type has one length, since C_UnwrapKey lets it be given for
 * any type; CKA_SUBPRIME_BITS of DSA parameters, from the text. */
/* clang-format off */
static const struct kk_attr_rule rsa_public[] = {
    { CKA_MODULUS, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_MODULUS_BITS, FN(2) | FN(3), 0, DEF_NONE, NULL },
    { CKA_PUBLIC_EXPONENT, FN(1), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule rsa_private[] = {
    { CKA_MODULUS, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_PUBLIC_EXPONENT, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_PRIVATE_EXPONENT, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PRIME_1, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PRIME_2, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_EXPONENT_1, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_EXPONENT_2, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_COEFFICIENT, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule dsa_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule dsa_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule dsa_domain[] = {
    { CKA_PRIME, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME_BITS, FN(2) | FN(3), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME_BITS, FN(2), KK_RULE_EXTRA, DEF_NONE, NULL },
};

static const struct kk_attr_rule ec_public[] = {
    { CKA_EC_PARAMS, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_EC_POINT, FN(1) | FN(4), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule ec_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_EC_PARAMS, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_EC_POINT, FN(4) | FN(6), KK_RULE_EXTRA | KK_RULE_COMPUTED, DEF_NONE, NULL },
};

static const struct kk_attr_rule dh_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule dh_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_VALUE_BITS, FN(2), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule dh_domain[] = {
    { CKA_PRIME, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME_BITS, FN(2) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule x942_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule x942_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PRIME, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule x942_domain[] = {
    { CKA_PRIME, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_BASE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PRIME_BITS, FN(2) | FN(3), 0, DEF_NONE, NULL },
    { CKA_SUBPRIME_BITS, FN(2) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule pq_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule ml_kem_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_ENCAPSULATE, FN(8) | FN(9), 0, DEF_TRUE, NULL },
};

static const struct kk_attr_rule ml_dsa_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), KK_RULE_OPTIONAL, DEF_NONE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_SEED, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule ml_kem_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), KK_RULE_OPTIONAL, DEF_NONE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_DECAPSULATE, FN(8) | FN(9), 0, DEF_TRUE, NULL },
    { CKA_SEED, FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule slh_dsa_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule hss_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_HSS_LEVELS, FN(2) | FN(4), KK_RULE_COMPUTED, DEF_NONE, NULL },
    { CKA_HSS_LMS_TYPE, FN(2) | FN(4), KK_RULE_COMPUTED, DEF_NONE, NULL },
    { CKA_HSS_LMOTS_TYPE, FN(2) | FN(4), KK_RULE_COMPUTED, DEF_NONE, NULL },
};

static const struct kk_attr_rule hss_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_SENSITIVE, FN(8) | FN(9) | FN(11), 0, DEF_TRUE, NULL },
    { CKA_EXTRACTABLE, FN(8) | FN(9) | FN(12), 0, DEF_FALSE, NULL },
    { CKA_COPYABLE, 0, KK_RULE_STICKY_FALSE, DEF_FALSE, NULL },
    { CKA_HSS_LEVELS, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_HSS_LMS_TYPES, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_HSS_LMOTS_TYPES, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_HSS_KEYS_REMAINING, FN(2) | FN(4), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule xmss_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_SENSITIVE, FN(8) | FN(9) | FN(11), 0, DEF_TRUE, NULL },
    { CKA_EXTRACTABLE, FN(8) | FN(9) | FN(12), 0, DEF_FALSE, NULL },
    { CKA_PARAMETER_SET, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule gost_public[] = {
    { CKA_VALUE, FN(1) | FN(4), 0, DEF_NONE, NULL },
    { CKA_GOSTR3410_PARAMS, FN(1) | FN(3), 0, DEF_NONE, NULL },
    { CKA_GOSTR3411_PARAMS, FN(1) | FN(3) | FN(8), 0, DEF_NONE, NULL },
    { CKA_GOST28147_PARAMS, FN(8), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule gost_private[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_GOSTR3410_PARAMS, FN(1) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_GOSTR3411_PARAMS, FN(1) | FN(4) | FN(6) | FN(8), 0, DEF_NONE, NULL },
    { CKA_GOST28147_PARAMS, FN(4) | FN(6) | FN(8), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule gost_domain[] = {
    { CKA_VALUE, FN(1), 0, DEF_NONE, NULL },
    { CKA_OBJECT_ID, FN(1), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule gost_secret[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_VALUE_LEN, FN(2), KK_RULE_EXTRA, DEF_NONE, NULL },
    { CKA_GOST28147_PARAMS, FN(1) | FN(3) | FN(5), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule sized_secret[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_VALUE_LEN, FN(2) | FN(3), 0, DEF_NONE, NULL },
};

static const struct kk_attr_rule fixed_secret[] = {
    { CKA_VALUE, FN(1) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_VALUE_LEN, FN(2), KK_RULE_EXTRA, DEF_NONE, NULL },
};

static const struct kk_attr_rule ratchet_secret[] = {
    { CKA_X2RATCHET_BAG, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_BAGSIZE, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_BOBS1STMSG, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_CKR, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_CKS, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_DHP, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_DHR, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_DHS, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_HKR, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_HKS, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_ISALICE, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_NHKR, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_NHKS, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_NR, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_NS, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_PNS, FN(2) | FN(4) | FN(6), 0, DEF_NONE, NULL },
    { CKA_X2RATCHET_RK, FN(2) | FN(4) | FN(6) | FN(7), 0, DEF_NONE, NULL },
};

static const struct kk_rule_table rsa_public_table = KK_RULE_TABLE("rsa-public", rsa_public, NULL);
static const struct kk_rule_table rsa_private_table = KK_RULE_TABLE("rsa-private", rsa_private, NULL);
static const struct kk_rule_table dsa_public_table = KK_RULE_TABLE("dsa-public", dsa_public, NULL);
static const struct kk_rule_table dsa_private_table = KK_RULE_TABLE("dsa-private", dsa_private, NULL);
static const struct kk_rule_table dsa_domain_table = KK_RULE_TABLE("dsa-domain", dsa_domain, NULL);
static const struct kk_rule_table ec_public_table = KK_RULE_TABLE("ec-public", ec_public, NULL);
static const struct kk_rule_table ec_private_table = KK_RULE_TABLE("ec-private", ec_private, NULL);
static const struct kk_rule_table dh_public_table = KK_RULE_TABLE("dh-public", dh_public, NULL);
static const struct kk_rule_table dh_private_table = KK_RULE_TABLE("dh-private", dh_private, NULL);
static const struct kk_rule_table dh_domain_table = KK_RULE_TABLE("dh-domain", dh_domain, NULL);
static const struct kk_rule_table x942_public_table = KK_RULE_TABLE("x942-public", x942_public, NULL);
static const struct kk_rule_table x942_private_table = KK_RULE_TABLE("x942-private", x942_private, NULL);
static const struct kk_rule_table x942_domain_table = KK_RULE_TABLE("x942-domain", x942_domain, NULL);
static const struct kk_rule_table pq_public_table = KK_RULE_TABLE("pq-public", pq_public, NULL);
static const struct kk_rule_table ml_kem_public_table = KK_RULE_TABLE("ml-kem-public", ml_kem_public, NULL);
static const struct kk_rule_table ml_dsa_private_table = KK_RULE_TABLE("ml-dsa-private", ml_dsa_private, check_seed_or_value);
static const struct kk_rule_table ml_kem_private_table = KK_RULE_TABLE("ml-kem-private", ml_kem_private, check_seed_or_value);
static const struct kk_rule_table slh_dsa_private_table = KK_RULE_TABLE("slh-dsa-private", slh_dsa_private, NULL);
static const struct kk_rule_table hss_public_table = KK_RULE_TABLE("hss-public", hss_public, NULL);
static const struct kk_rule_table hss_private_table = KK_RULE_TABLE("hss-private", hss_private, check_hss_private);
static const struct kk_rule_table xmss_private_table = KK_RULE_TABLE("xmss-private", xmss_private, check_stateful);
static const struct kk_rule_table gost_public_table = KK_RULE_TABLE("gost-public", gost_public, NULL);
static const struct kk_rule_table gost_private_table = KK_RULE_TABLE("gost-private", gost_private, NULL);
static const struct kk_rule_table gost_domain_table = KK_RULE_TABLE("gost-domain", gost_domain, NULL);
static const struct kk_rule_table gost_secret_table = KK_RULE_TABLE("gost-secret", gost_secret, NULL);
static const struct kk_rule_table sized_secret_table = KK_RULE_TABLE("sized-secret", sized_secret, NULL);
static const struct kk_rule_table fixed_secret_table = KK_RULE_TABLE("fixed-secret", fixed_secret, NULL);
static const struct kk_rule_table ratchet_secret_table = KK_RULE_TABLE("ratchet-secret", ratchet_secret, check_ratchet);

#define NO_SUBTYPE CK_UNAVAILABLE_INFORMATION
#define PUBLIC_KEY(type, table) { CKO_PUBLIC_KEY, type, { &kk_rules_common, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_key, &kk_rules_public_key, &table } }
#define PRIVATE_KEY(type, table) { CKO_PRIVATE_KEY, type, { &kk_rules_common, &kk_rules_storage, &kk_rules_key, &kk_rules_private_key, &table } }
#define SECRET_KEY(type, table) { CKO_SECRET_KEY, type, { &kk_rules_common, &kk_rules_storage, &kk_rules_key, &kk_rules_secret_key, &table } }
#define OTP_KEY(type, table) { CKO_OTP_KEY, type, { &kk_rules_common, &kk_rules_storage, &kk_rules_key, &kk_rules_secret_key, &kk_rules_otp_key, table } }
#define BY_TOKEN(class, type, ...) { class, type, { &kk_rules_common, __VA_ARGS__ } }
#define DOMAIN(type, table) { CKO_DOMAIN_PARAMETERS, type, { &kk_rules_common, &kk_rules_storage, &kk_rules_domain, &table } }

/* By class, then by subtype. */
const struct kk_schema kk_schemas[] = {
    { CKO_DATA, NO_SUBTYPE, { &kk_rules_common, &kk_rules_storage, &kk_rules_data } },
    { CKO_CERTIFICATE, CKC_X_509, { &kk_rules_common, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_certificate, &kk_rules_x509 } },
    { CKO_CERTIFICATE, CKC_X_509_ATTR_CERT, { &kk_rules_common, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_certificate, &kk_rules_x509_attr } },
    { CKO_CERTIFICATE, CKC_WTLS, { &kk_rules_common, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_certificate, &kk_rules_wtls } },
    PUBLIC_KEY(CKK_RSA, rsa_public_table),
    PUBLIC_KEY(CKK_DSA, dsa_public_table),
    PUBLIC_KEY(CKK_DH, dh_public_table),
    PUBLIC_KEY(CKK_EC, ec_public_table),
    PUBLIC_KEY(CKK_X9_42_DH, x942_public_table),
    PUBLIC_KEY(CKK_GOSTR3410, gost_public_table),
    PUBLIC_KEY(CKK_EC_EDWARDS, ec_public_table),
    PUBLIC_KEY(CKK_EC_MONTGOMERY, ec_public_table),
    PUBLIC_KEY(CKK_HSS, hss_public_table),
    PUBLIC_KEY(CKK_XMSS, pq_public_table),
    PUBLIC_KEY(CKK_XMSSMT, pq_public_table),
    PUBLIC_KEY(CKK_ML_KEM, ml_kem_public_table),
    PUBLIC_KEY(CKK_ML_DSA, pq_public_table),
    PUBLIC_KEY(CKK_SLH_DSA, pq_public_table),
    PRIVATE_KEY(CKK_RSA, rsa_private_table),
    PRIVATE_KEY(CKK_DSA, dsa_private_table),
    PRIVATE_KEY(CKK_DH, dh_private_table),
    PRIVATE_KEY(CKK_EC, ec_private_table),
    PRIVATE_KEY(CKK_X9_42_DH, x942_private_table),
    PRIVATE_KEY(CKK_GOSTR3410, gost_private_table),
    PRIVATE_KEY(CKK_EC_EDWARDS, ec_private_table),
    PRIVATE_KEY(CKK_EC_MONTGOMERY, ec_private_table),
    PRIVATE_KEY(CKK_HSS, hss_private_table),
    PRIVATE_KEY(CKK_XMSS, xmss_private_table),
    PRIVATE_KEY(CKK_XMSSMT, xmss_private_table),
    PRIVATE_KEY(CKK_ML_KEM, ml_kem_private_table),
    PRIVATE_KEY(CKK_ML_DSA, ml_dsa_private_table),
    PRIVATE_KEY(CKK_SLH_DSA, slh_dsa_private_table),
    SECRET_KEY(CKK_GENERIC_SECRET, sized_secret_table),
    SECRET_KEY(CKK_RC2, sized_secret_table),
    SECRET_KEY(CKK_RC4, sized_secret_table),
    SECRET_KEY(CKK_DES, fixed_secret_table),
    SECRET_KEY(CKK_DES2, fixed_secret_table),
    SECRET_KEY(CKK_DES3, fixed_secret_table),
    SECRET_KEY(CKK_CAST, sized_secret_table),
    SECRET_KEY(CKK_CAST3, sized_secret_table),
    SECRET_KEY(CKK_CAST128, sized_secret_table),
    SECRET_KEY(CKK_RC5, sized_secret_table),
    SECRET_KEY(CKK_IDEA, fixed_secret_table),
    SECRET_KEY(CKK_CDMF, fixed_secret_table),
    SECRET_KEY(CKK_AES, sized_secret_table),
    SECRET_KEY(CKK_BLOWFISH, sized_secret_table),
    SECRET_KEY(CKK_TWOFISH, sized_secret_table),
    SECRET_KEY(CKK_CAMELLIA, sized_secret_table),
    SECRET_KEY(CKK_ARIA, sized_secret_table),
    SECRET_KEY(CKK_MD5_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA_1_HMAC, sized_secret_table),
    SECRET_KEY(CKK_RIPEMD128_HMAC, sized_secret_table),
    SECRET_KEY(CKK_RIPEMD160_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA256_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA384_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA512_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA224_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SEED, fixed_secret_table),
    SECRET_KEY(CKK_GOST28147, gost_secret_table),
    SECRET_KEY(CKK_CHACHA20, sized_secret_table),
    SECRET_KEY(CKK_POLY1305, sized_secret_table),
    SECRET_KEY(CKK_AES_XTS, sized_secret_table),
    SECRET_KEY(CKK_SHA3_224_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA3_256_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA3_384_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA3_512_HMAC, sized_secret_table),
    SECRET_KEY(CKK_BLAKE2B_160_HMAC, sized_secret_table),
    SECRET_KEY(CKK_BLAKE2B_256_HMAC, sized_secret_table),
    SECRET_KEY(CKK_BLAKE2B_384_HMAC, sized_secret_table),
    SECRET_KEY(CKK_BLAKE2B_512_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SALSA20, sized_secret_table),
    SECRET_KEY(CKK_X2RATCHET, ratchet_secret_table),
    SECRET_KEY(CKK_HKDF, sized_secret_table),
    SECRET_KEY(CKK_SHA512_224_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA512_256_HMAC, sized_secret_table),
    SECRET_KEY(CKK_SHA512_T_HMAC, sized_secret_table),
    BY_TOKEN(CKO_HW_FEATURE, CKH_MONOTONIC_COUNTER, &kk_rules_hw_feature, &kk_rules_hw_counter),
    BY_TOKEN(CKO_HW_FEATURE, CKH_CLOCK, &kk_rules_hw_feature, &kk_rules_hw_clock),
    DOMAIN(CKK_DSA, dsa_domain_table),
    DOMAIN(CKK_DH, dh_domain_table),
    DOMAIN(CKK_X9_42_DH, x942_domain_table),
    DOMAIN(CKK_GOSTR3410, gost_domain_table),
    DOMAIN(CKK_GOSTR3411, gost_domain_table),
    DOMAIN(CKK_GOST28147, gost_domain_table),
    BY_TOKEN(CKO_MECHANISM, NO_SUBTYPE, &kk_rules_mechanism),
    OTP_KEY(CKK_SECURID, &kk_rules_securid),
    OTP_KEY(CKK_HOTP, &kk_rules_hotp),
    OTP_KEY(CKK_ACTI, NULL),
    BY_TOKEN(CKO_PROFILE, NO_SUBTYPE, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_profile),
    BY_TOKEN(CKO_VALIDATION, NO_SUBTYPE, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_validation),
    { CKO_TRUST, NO_SUBTYPE, { &kk_rules_common, &kk_rules_storage, &kk_rules_storage_public, &kk_rules_trust } },
};
/* clang-format on */

const size_t kk_schemas_count = KK_ARRAY_LEN(kk_schemas);

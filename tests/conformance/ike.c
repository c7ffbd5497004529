/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Keys of IKEv1 and IKEv2: which keys go in, what type and length comes out. Values are checked in
 * tests/vectors; here are the first ones of NIST, from one key to the next.
 */
#include <string.h>

#include "keys.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)
#define HIDDEN ATTR_B(CKA_SENSITIVE, CK_TRUE), ATTR_B(CKA_EXTRACTABLE, CK_FALSE)
#define GENERIC ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET)
#define NO_KEY ((CK_OBJECT_HANDLE)0x7fff4711)

static CK_BYTE ni[8], nr[8], cky_i[8], cky_r[8];

static CK_RV derive_rv(CK_MECHANISM_PTR mechanism, CK_OBJECT_HANDLE base, struct template template,
                       CK_OBJECT_HANDLE *ret_key)
{
    require_mechanism(mechanism->mechanism, CKF_DERIVE);
    return F->C_DeriveKey(S, mechanism, base, template.attributes, template.count, ret_key);
}

static CK_OBJECT_HANDLE derive_with(const char *where, CK_MECHANISM_PTR mechanism,
                                    CK_OBJECT_HANDLE base, struct template template)
{
    CK_OBJECT_HANDLE key = 0;
    CK_RV rv = derive_rv(mechanism, base, template, &key);
    if (rv != CKR_OK)
        check_fail(where, "C_DeriveKey gives %s", rv_name(rv));
    return key;
}

#define DERIVE(mechanism, base, ...) derive_with(HERE, mechanism, base, TEMPLATE(__VA_ARGS__))
#define REFUSE(mechanism, base, code, ...)                                                         \
    EXPECT(derive_rv(mechanism, base, TEMPLATE(__VA_ARGS__), &(CK_OBJECT_HANDLE){0}), code)

static CK_OBJECT_HANDLE secret(struct template extra)
{
    require_mechanism(CKM_IKE_PRF_DERIVE, CKF_DERIVE);
    return key_secret_with(HERE, CKK_GENERIC_SECRET, key_value(), 20, extra);
}

#define SECRET(...) secret(TEMPLATE(__VA_ARGS__))

static CK_OBJECT_HANDLE from_text(const char *hex)
{
    CK_BYTE bytes[128];
    CK_ULONG length = from_hex(hex, bytes);
    require_mechanism(CKM_IKE_PRF_DERIVE, CKF_DERIVE);
    return key_secret(CKK_GENERIC_SECRET, bytes, length, ANY_LABEL);
}

static void expect_hex(CK_OBJECT_HANDLE key, const char *hex)
{
    CK_BYTE value[256], right[256];
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), right,
                 from_hex(hex, right));
}

static CK_IKE_PRF_DERIVE_PARAMS ike(CK_BBOOL data_as_key, CK_BBOOL rekey, CK_OBJECT_HANDLE new_key)
{
    return (CK_IKE_PRF_DERIVE_PARAMS){CKM_SHA_1_HMAC, data_as_key, rekey,     ni,
                                      sizeof ni,      nr,          sizeof nr, new_key};
}

static CK_IKE1_PRF_DERIVE_PARAMS ike1(CK_OBJECT_HANDLE gxy, CK_OBJECT_HANDLE previous,
                                      CK_BYTE number)
{
    return (CK_IKE1_PRF_DERIVE_PARAMS){CKM_SHA_1_HMAC, previous != NO_KEY, gxy,   previous,
                                       cky_i,          sizeof cky_i,       cky_r, sizeof cky_r,
                                       number};
}

static CK_IKE2_PRF_PLUS_DERIVE_PARAMS ike2(CK_OBJECT_HANDLE seed)
{
    return (CK_IKE2_PRF_PLUS_DERIVE_PARAMS){CKM_SHA_1_HMAC, seed != NO_KEY, seed, ni, sizeof ni};
}

static CK_IKE1_EXTENDED_DERIVE_PARAMS extended(CK_OBJECT_HANDLE gxy, CK_ULONG extra)
{
    return (CK_IKE1_EXTENDED_DERIVE_PARAMS){CKM_SHA_1_HMAC, gxy != NO_KEY, gxy, ni, extra};
}

#define IKE(params) MECHANISM_P(CKM_IKE_PRF_DERIVE, params)
#define IKE1(params) MECHANISM_P(CKM_IKE1_PRF_DERIVE, params)
#define IKE2(params) MECHANISM_P(CKM_IKE2_PRF_PLUS_DERIVE, params)
#define EXTENDED(params) MECHANISM_P(CKM_IKE1_EXTENDED_DERIVE, params)

/* ---- values ---- */

static const char gxy_hex[] =
    "2a2e0bbe8da3657a83f3d35826e49e2d38e557e912a1b9e6c30c63577b3eab715466202862027f2c26f30907435555"
    "79611771db0b92bef93834432a3a7762fc8a0f4889fd281d6082770d10a40d7bad61e832f041e620d6787e7f62ab28"
    "61ddfbe272e0d9d3cdec5f1bbf750e24b8b32d6d714968ad69ce5086c32ad2742ebc";

static void ike1_chain(void)
{
    CK_OBJECT_HANDLE gxy = from_text(gxy_hex);
    from_hex("ced5635da6796075", ni);
    from_hex("6244b427712fb776", nr);
    from_hex("382e5c8b0a3fa307", cky_i);
    from_hex("ba4b7616700a2413", cky_r);
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_TRUE, CK_FALSE, NO_KEY);
    CK_OBJECT_HANDLE skeyid = DERIVE(IKE(first), gxy, READABLE, ATTR_B(CKA_DERIVE, CK_TRUE));
    expect_hex(skeyid, "dc37ac99de6dcfbd1ee74af7fb36f9b4b0a7829d");
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(gxy, NO_KEY, 0);
    CK_OBJECT_HANDLE d = DERIVE(IKE1(next), skeyid, GENERIC, READABLE, ATTR_B(CKA_DERIVE, CK_TRUE));
    expect_hex(d, "486293ed547adb562cefdaf43d3d8457b196f2b6");
    next = ike1(gxy, d, 1);
    CK_OBJECT_HANDLE a = DERIVE(IKE1(next), skeyid, GENERIC, READABLE, ATTR_B(CKA_DERIVE, CK_TRUE));
    expect_hex(a, "f4053b5ca07e59bb41b8f401037ca90b72b3917e");
    next = ike1(gxy, a, 2);
    CK_OBJECT_HANDLE e = DERIVE(IKE1(next), skeyid, READABLE, ATTR_U(CKA_KEY_TYPE, CKK_AES),
                                ATTR_U(CKA_VALUE_LEN, 16));
    expect_hex(e, "49a1d53a80fb77e663552964fbbcb450");
}

static const char gir_new_hex[] =
    "52f00ab174c25d5b7139ae5ff4e8e9eddee5992d2e36adf8a559ffd90dab1442e4fbe429d320c0f33552a17d1557fa"
    "41ea70e8fb916c4fa27ed52b5f8ebd8461afa78f1159159a64055ac5f6319e29c28eae58cbc6847770f32c3fed1d04"
    "750484f854790f95e9ec01bc5bc461f24966462e359511329305038e94deb6dd42c2";

static void ike2_rekeyed(void)
{
    CK_BYTE nonces[16], value[132];
    CK_OBJECT_HANDLE sk_d = from_text("6f1b12cad3cbe097b35430356d869d54cddb0198");
    CK_OBJECT_HANDLE gir = from_text(gir_new_hex);
    from_hex("3651fef5c9c35e93", ni);
    from_hex("c09a8b90a3f04d59", nr);
    from_hex("3651fef5c9c35e93c09a8b90a3f04d59", nonces);
    CK_IKE_PRF_DERIVE_PARAMS rekey = ike(CK_FALSE, CK_TRUE, gir);
    expect_hex(DERIVE(IKE(rekey), sk_d, READABLE), "3b03bce748c96d5e8306918d2ff89b68f0648da3");
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(gir);
    plus.pSeedData = nonces;
    plus.ulSeedDataLen = sizeof nonces;
    CK_OBJECT_HANDLE key = DERIVE(IKE2(plus), sk_d, READABLE, ATTR_U(CKA_VALUE_LEN, 132));
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), 132);
    EXPECT_BYTES(value + 120, 12, "\xa4\xa4\x08\x77\xd3\xfe\x10\x6d\xb9\x09\x70\x7b", 12);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_bool(key, CKA_LOCAL), CK_FALSE);
}

/* ---- types and lengths ---- */

static void type_of_the_prf(void)
{
    CK_IKE_PRF_DERIVE_PARAMS params = ike(CK_FALSE, CK_FALSE, NO_KEY);
    CK_OBJECT_HANDLE key = DERIVE(IKE(params), SECRET(ANY_LABEL), READABLE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 20);
    params.prfMechanism = CKM_AES_XCBC_MAC;
    key = DERIVE(IKE(params), key_aes(16, ANY_LABEL), READABLE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_AES);
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 16);
    params.prfMechanism = CKM_SHA256_HMAC;
    key = DERIVE(IKE(params), key_secret(CKK_SHA256_HMAC, key_value(), 32, ANY_LABEL),
                 ATTR_U(CKA_KEY_TYPE, CKK_SHA256_HMAC));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_SHA256_HMAC);
}

static void length_of_the_prf(void)
{
    CK_IKE_PRF_DERIVE_PARAMS params = ike(CK_FALSE, CK_FALSE, NO_KEY);
    CK_OBJECT_HANDLE base = SECRET(ANY_LABEL);
    EXPECT_EQUAL(get_ulong(DERIVE(IKE(params), base, ATTR_U(CKA_VALUE_LEN, 20)), CKA_VALUE_LEN),
                 20);
    REFUSE(IKE(params), base, CKR_KEY_SIZE_RANGE, ATTR_U(CKA_VALUE_LEN, 19));
    REFUSE(IKE(params), base, CKR_KEY_SIZE_RANGE, ATTR_U(CKA_VALUE_LEN, 21));
}

static void both_set(void)
{
    CK_IKE_PRF_DERIVE_PARAMS params = ike(CK_TRUE, CK_TRUE, SECRET(ANY_LABEL));
    REFUSE(IKE(params), SECRET(ANY_LABEL), CKR_ARGUMENTS_BAD, READABLE);
}

static void ike1_wants_a_type(void)
{
    CK_IKE1_PRF_DERIVE_PARAMS params = ike1(SECRET(ANY_LABEL), NO_KEY, 0);
    CK_OBJECT_HANDLE base = SECRET(ANY_LABEL);
    REFUSE(IKE1(params), base, CKR_TEMPLATE_INCOMPLETE, READABLE);
    REFUSE(IKE1(params), base, CKR_KEY_SIZE_RANGE, GENERIC, ATTR_U(CKA_VALUE_LEN, 21));
    CK_OBJECT_HANDLE key = DERIVE(IKE1(params), base, GENERIC, ATTR_U(CKA_VALUE_LEN, 5));
    EXPECT_EQUAL(get_ulong(key, CKA_VALUE_LEN), 5);
}

/* A type that the base key's CKA_DERIVE_TEMPLATE gives is given. */
static void type_imposed(void)
{
    CK_ATTRIBUTE imposed[] = {GENERIC};
    const CK_ATTRIBUTE attribute = {CKA_DERIVE_TEMPLATE, imposed, sizeof imposed};
    CK_IKE1_PRF_DERIVE_PARAMS params = ike1(SECRET(ANY_LABEL), NO_KEY, 0);
    CK_OBJECT_HANDLE key = DERIVE(IKE1(params), SECRET(attribute), READABLE);
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), CKK_GENERIC_SECRET);
}

static void long_keys_want_a_length(void)
{
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(NO_KEY);
    CK_IKE1_EXTENDED_DERIVE_PARAMS longer = extended(NO_KEY, sizeof ni);
    CK_OBJECT_HANDLE base = SECRET(ANY_LABEL);
    REFUSE(IKE2(plus), base, CKR_TEMPLATE_INCOMPLETE, READABLE);
    REFUSE(EXTENDED(longer), base, CKR_TEMPLATE_INCOMPLETE, READABLE);
    REFUSE(IKE2(plus), base, CKR_KEY_SIZE_RANGE, ATTR_U(CKA_VALUE_LEN, 255 * 20 + 1));
    REFUSE(EXTENDED(longer), base, CKR_KEY_SIZE_RANGE, ATTR_U(CKA_VALUE_LEN, 255 * 20 + 1));
    DERIVE(IKE2(plus), base, ATTR_U(CKA_VALUE_LEN, 255 * 20));
    DERIVE(EXTENDED(longer), base, ATTR_U(CKA_VALUE_LEN, 255 * 20));
}

/* ---- the keys that go in ---- */

static void base_of_another_type(void)
{
    CK_OBJECT_HANDLE aes = key_aes(16, ANY_LABEL), good = SECRET(ANY_LABEL);
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_FALSE, CK_FALSE, NO_KEY);
    REFUSE(IKE(first), aes, CKR_KEY_TYPE_INCONSISTENT, READABLE);
    first.prfMechanism = CKM_AES_CMAC;
    REFUSE(IKE(first), good, CKR_KEY_TYPE_INCONSISTENT, READABLE);
    first = ike(CK_TRUE, CK_FALSE, NO_KEY);
    REFUSE(IKE(first), aes, CKR_KEY_TYPE_INCONSISTENT, READABLE);
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(good, NO_KEY, 0);
    REFUSE(IKE1(next), aes, CKR_KEY_TYPE_INCONSISTENT, GENERIC);
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(NO_KEY);
    REFUSE(IKE2(plus), aes, CKR_KEY_TYPE_INCONSISTENT, ATTR_U(CKA_VALUE_LEN, 20));
    CK_IKE1_EXTENDED_DERIVE_PARAMS longer = extended(NO_KEY, sizeof ni);
    REFUSE(EXTENDED(longer), aes, CKR_KEY_TYPE_INCONSISTENT, ATTR_U(CKA_VALUE_LEN, 20));
}

static void other_key_of_another_type(void)
{
    CK_OBJECT_HANDLE aes = key_aes(16, ANY_LABEL), good = SECRET(ANY_LABEL);
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_FALSE, CK_TRUE, aes);
    REFUSE(IKE(first), good, CKR_KEY_TYPE_INCONSISTENT, READABLE);
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(aes, NO_KEY, 0);
    REFUSE(IKE1(next), good, CKR_KEY_TYPE_INCONSISTENT, GENERIC);
    next = ike1(good, aes, 0); /* the previous key may be of any type */
    DERIVE(IKE1(next), good, GENERIC);
    CK_IKE1_EXTENDED_DERIVE_PARAMS longer = extended(aes, sizeof ni);
    REFUSE(EXTENDED(longer), good, CKR_KEY_TYPE_INCONSISTENT, ATTR_U(CKA_VALUE_LEN, 20));
}

static void other_key_unknown(void)
{
    CK_OBJECT_HANDLE good = SECRET(ANY_LABEL);
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_FALSE, CK_TRUE, NO_KEY);
    REFUSE(IKE(first), good, CKR_KEY_HANDLE_INVALID, READABLE);
    first.hNewKey = CK_INVALID_HANDLE;
    REFUSE(IKE(first), good, CKR_KEY_HANDLE_INVALID, READABLE);
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(NO_KEY, NO_KEY, 0);
    REFUSE(IKE1(next), good, CKR_KEY_HANDLE_INVALID, GENERIC);
    next = ike1(good, CK_INVALID_HANDLE, 0);
    REFUSE(IKE1(next), good, CKR_KEY_HANDLE_INVALID, GENERIC);
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(CK_INVALID_HANDLE);
    REFUSE(IKE2(plus), good, CKR_KEY_HANDLE_INVALID, ATTR_U(CKA_VALUE_LEN, 20));
    CK_IKE1_EXTENDED_DERIVE_PARAMS longer = extended(CK_INVALID_HANDLE, sizeof ni);
    REFUSE(EXTENDED(longer), good, CKR_KEY_HANDLE_INVALID, ATTR_U(CKA_VALUE_LEN, 20));
}

static void other_key_not_for_deriving(void)
{
    CK_OBJECT_HANDLE good = SECRET(ANY_LABEL), barred = SECRET(ATTR_B(CKA_DERIVE, CK_FALSE));
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_FALSE, CK_TRUE, barred);
    REFUSE(IKE(first), good, CKR_KEY_FUNCTION_NOT_PERMITTED, READABLE);
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(good, barred, 0);
    REFUSE(IKE1(next), good, CKR_KEY_FUNCTION_NOT_PERMITTED, GENERIC);
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(barred);
    REFUSE(IKE2(plus), good, CKR_KEY_FUNCTION_NOT_PERMITTED, ATTR_U(CKA_VALUE_LEN, 20));
}

static void handles_that_do_not_count(void)
{
    CK_OBJECT_HANDLE good = SECRET(ANY_LABEL);
    CK_IKE_PRF_DERIVE_PARAMS first = ike(CK_FALSE, CK_FALSE, NO_KEY);
    DERIVE(IKE(first), good, READABLE);
    CK_IKE1_PRF_DERIVE_PARAMS next = ike1(good, NO_KEY, 0);
    DERIVE(IKE1(next), good, GENERIC);
    CK_IKE2_PRF_PLUS_DERIVE_PARAMS plus = ike2(NO_KEY);
    DERIVE(IKE2(plus), good, ATTR_U(CKA_VALUE_LEN, 20));
    CK_IKE1_EXTENDED_DERIVE_PARAMS longer = extended(NO_KEY, sizeof ni);
    DERIVE(EXTENDED(longer), good, ATTR_U(CKA_VALUE_LEN, 20));
}

/* ---- what is inherited ---- */

/* A key that may be a piece of a hidden one is hidden. */
static void cut_key_is_hidden(void)
{
    CK_OBJECT_HANDLE base = SECRET(HIDDEN), open = SECRET(ANY_LABEL);
    CK_IKE1_EXTENDED_DERIVE_PARAMS params = extended(NO_KEY, 0);
    for (CK_ULONG length = 10; length <= 30; length += 20) {
        REFUSE(EXTENDED(params), base, CKR_TEMPLATE_INCONSISTENT, READABLE,
               ATTR_U(CKA_VALUE_LEN, length));
        CK_OBJECT_HANDLE key = DERIVE(EXTENDED(params), base, ATTR_U(CKA_VALUE_LEN, length));
        EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_TRUE);
        EXPECT_EQUAL(get_bool(key, CKA_EXTRACTABLE), CK_FALSE);
    }
    CK_BYTE value[32];
    CK_OBJECT_HANDLE key = DERIVE(EXTENDED(params), open, READABLE, ATTR_U(CKA_VALUE_LEN, 10));
    EXPECT_BYTES(value, get_bytes(key, CKA_VALUE, value, sizeof value), key_value(), 10);
    params = extended(NO_KEY, sizeof ni); /* extra data: no piece of the base key */
    key = DERIVE(EXTENDED(params), base, READABLE, ATTR_U(CKA_VALUE_LEN, 10));
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), 10);
    EXPECT_TRUE(memcmp(value, key_value(), 10) != 0);
}

static void template_decides(void)
{
    CK_IKE_PRF_DERIVE_PARAMS params = ike(CK_FALSE, CK_FALSE, NO_KEY);
    CK_OBJECT_HANDLE key = DERIVE(IKE(params), SECRET(HIDDEN), READABLE);
    EXPECT_EQUAL(get_bool(key, CKA_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_ALWAYS_SENSITIVE), CK_FALSE);
    EXPECT_EQUAL(get_bool(key, CKA_NEVER_EXTRACTABLE), CK_FALSE);
}

/* ---- parameters ---- */

static void parameters_refused(void)
{
    CK_OBJECT_HANDLE base = SECRET(ANY_LABEL);
    CK_IKE_PRF_DERIVE_PARAMS params = ike(CK_FALSE, CK_FALSE, NO_KEY);
    static const CK_MECHANISM_TYPE types[] = {CKM_IKE_PRF_DERIVE, CKM_IKE1_PRF_DERIVE,
                                              CKM_IKE2_PRF_PLUS_DERIVE, CKM_IKE1_EXTENDED_DERIVE};
    for (size_t i = 0; i < COUNT(types); i++) {
        REFUSE(MECHANISM(types[i]), base, CKR_MECHANISM_PARAM_INVALID, GENERIC);
        REFUSE(MECHANISM_X(types[i], &params, 8), base, CKR_MECHANISM_PARAM_INVALID, GENERIC);
        REFUSE(MECHANISM_X(types[i], NULL, sizeof params), base, CKR_MECHANISM_PARAM_INVALID,
               GENERIC);
    }
    params.pNi = NULL; /* but a length */
    REFUSE(IKE(params), base, CKR_MECHANISM_PARAM_INVALID, READABLE);
    params = ike(CK_FALSE, CK_FALSE, NO_KEY);
    params.prfMechanism = CKM_SHA_1; /* no MAC */
    REFUSE(IKE(params), base, CKR_MECHANISM_PARAM_INVALID, READABLE);
    params.prfMechanism = CK_UNAVAILABLE_INFORMATION;
    REFUSE(IKE(params), base, CKR_MECHANISM_PARAM_INVALID, READABLE);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, ike1_chain, "IKEv1 PRF DERIVE", "SKEYID and what follows from it: NIST's values"),
    CHECK(FIX_USER, ike2_rekeyed, "IKEv2 PRF PLUS DERIVE", "a key for a new exchange: NIST's values"),
    CHECK(FIX_USER, type_of_the_prf, "IKE PRF DERIVE", "without CKA_KEY_TYPE the key has the type of the prf"),
    CHECK(FIX_USER, length_of_the_prf, "IKE PRF DERIVE", "CKA_VALUE_LEN equals the prf's"),
    CHECK(FIX_USER, both_set, "IKE PRF DERIVE", "CKR_ARGUMENTS_BAD for bDataAsKey with bRekey"),
    CHECK(FIX_USER, ike1_wants_a_type, "IKEv1 PRF DERIVE", "CKA_KEY_TYPE must be specified; the value is cut, not filled up"),
    CHECK(FIX_USER, type_imposed, "CKA_DERIVE_TEMPLATE", "may say the type"),
    CHECK(FIX_USER, long_keys_want_a_length, "IKEv2 PRF PLUS DERIVE", "CKA_VALUE_LEN must be set, to at most 255 times the prf's"),
    CHECK(FIX_USER, base_of_another_type, "CKR_KEY_TYPE_INCONSISTENT", "for a base key that is not of the prf's type"),
    CHECK(FIX_USER, other_key_of_another_type, "CKR_KEY_TYPE_INCONSISTENT", "for g^xy that is no generic secret"),
    CHECK(FIX_USER, other_key_unknown, "CKR_KEY_HANDLE_INVALID", "for a key in the parameter that is none"),
    CHECK(FIX_USER, other_key_not_for_deriving, "CKR_KEY_FUNCTION_NOT_PERMITTED", "for a key in the parameter without CKA_DERIVE"),
    CHECK(FIX_USER, handles_that_do_not_count, "IKE mechanism parameters", "a handle counts only when its flag is set"),
    CHECK(FIX_USER, cut_key_is_hidden, "IKEv1 Extended Derive", "a piece of a hidden key is hidden; extra data change the key"),
    CHECK(FIX_USER, template_decides, "C_DeriveKey", "CKA_SENSITIVE and CKA_EXTRACTABLE as the template says, without a history then"),
    CHECK(FIX_USER, parameters_refused, "CKR_MECHANISM_PARAM_INVALID", "for parameters that are none"),
};
/* clang-format on */

void chapter_ike(void)
{
    check_add_table("ike", checks);
}

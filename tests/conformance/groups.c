/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The older key types: DSA and Diffie-Hellman from their domain parameters on, DES keys and their
 * parity.
 */
#include <string.h>

#include "keys.h"

#define NUMBER 256 /* bytes of the longest number */

struct number {
    CK_BYTE bytes[NUMBER];
    CK_ULONG length;
};

struct group {
    CK_OBJECT_HANDLE object;
    struct number prime, subprime, base;
};

struct pair {
    CK_OBJECT_HANDLE public, private;
};

#define ATTR_N(type, number) ATTR_X(type, (number).bytes, (number).length)

static struct number number_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    struct number number;
    number.length = get_bytes(object, type, number.bytes, sizeof number.bytes);
    return number;
}

/* ---- domain parameters ---- */

struct kind {
    const char *name;
    CK_KEY_TYPE type;
    CK_MECHANISM_TYPE group, pair;
    CK_ULONG bits, order_bits; /* 0: no subprime */
};

static const struct kind kinds[] = {
    {"DSA", CKK_DSA, CKM_DSA_PARAMETER_GEN, CKM_DSA_KEY_PAIR_GEN, 1024, 160},
    {"DH", CKK_DH, CKM_DH_PKCS_PARAMETER_GEN, CKM_DH_PKCS_KEY_PAIR_GEN, 512, 0},
    {"X9.42", CKK_X9_42_DH, CKM_X9_42_DH_PARAMETER_GEN, CKM_X9_42_DH_KEY_PAIR_GEN, 1024, 160},
};

static struct group new_group(const struct kind *kind)
{
    struct group group = {0};
    require_mechanism(kind->group, CKF_GENERATE);
    struct template template =
        TEMPLATE(ATTR_U(CKA_PRIME_BITS, kind->bits), ATTR_U(CKA_SUBPRIME_BITS, kind->order_bits));
    if (kind->type != CKK_X9_42_DH)
        template.count = 1;
    group.object = generate_key(HERE, kind->group, template);
    group.prime = number_of(group.object, CKA_PRIME);
    group.base = number_of(group.object, CKA_BASE);
    if (kind->order_bits != 0)
        group.subprime = number_of(group.object, CKA_SUBPRIME);
    return group;
}

static void group_attributes(const void *argument)
{
    const struct kind *kind = argument;
    struct group group = new_group(kind);
    EXPECT_EQUAL(get_ulong(group.object, CKA_CLASS), CKO_DOMAIN_PARAMETERS);
    EXPECT_EQUAL(get_ulong(group.object, CKA_KEY_TYPE), kind->type);
    EXPECT_EQUAL(get_ulong(group.object, CKA_PRIME_BITS), kind->bits);
    EXPECT_EQUAL(get_bool(group.object, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(group.prime.length, kind->bits / 8);
    EXPECT_TRUE((group.prime.bytes[0] & 0x80) != 0);
    EXPECT_EQUAL(group.subprime.length, kind->order_bits / 8);
}

static void group_without_size(const void *argument)
{
    const struct kind *kind = argument;
    require_mechanism(kind->group, CKF_GENERATE);
    EXPECT(GENERATE_RV(kind->group, ATTR_B(CKA_TOKEN, CK_FALSE)), CKR_TEMPLATE_INCOMPLETE);
}

static void group_of_no_size(const void *argument)
{
    const struct kind *kind = argument;
    require_mechanism(kind->group, CKF_GENERATE);
    EXPECT_ANY(GENERATE_RV(kind->group, ATTR_U(CKA_PRIME_BITS, 8), ATTR_U(CKA_SUBPRIME_BITS, 160)),
               CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID, CKR_TEMPLATE_INCONSISTENT);
}

/* ---- key pairs ---- */

static CK_RV pair_rv(const struct kind *kind, const struct group *group, struct template private,
                     struct pair *ret_pair)
{
    struct template public =
        TEMPLATE(ATTR_N(CKA_PRIME, group->prime), ATTR_N(CKA_BASE, group->base),
                 ATTR_B(CKA_TOKEN, CK_FALSE), ATTR_N(CKA_SUBPRIME, group->subprime));
    if (kind->order_bits == 0)
    public.count--;
    require_mechanism(kind->pair, CKF_GENERATE_KEY_PAIR);
    return generate_pair_rv(kind->pair, public, private, &ret_pair->public, &ret_pair->private);
}

static struct pair new_pair(const struct kind *kind, const struct group *group)
{
    struct pair pair = {0, 0};
    EXPECT_OK(pair_rv(kind, group,
                      TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE),
                               ATTR_B(CKA_DERIVE, CK_TRUE)),
                      &pair));
    return pair;
}

static void pair_attributes(const void *argument)
{
    const struct kind *kind = argument;
    struct group group = new_group(kind);
    struct pair pair = new_pair(kind, &group);
    struct number value = number_of(pair.public, CKA_VALUE);
    struct number secret = number_of(pair.private, CKA_VALUE);
    struct number prime = number_of(pair.private, CKA_PRIME);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_TYPE), kind->type);
    EXPECT_TRUE(value.length > 0 && value.length <= group.prime.length);
    EXPECT_TRUE(secret.length > 0 && secret.length <= group.prime.length);
    EXPECT_BYTES(prime.bytes, prime.length, group.prime.bytes, group.prime.length);
    EXPECT_EQUAL(get_bool(pair.private, CKA_LOCAL), CK_TRUE);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_GEN_MECHANISM), kind->pair);
}

static void pair_without_group(const void *argument)
{
    const struct kind *kind = argument;
    CK_OBJECT_HANDLE public = 0, private = 0;
    require_mechanism(kind->pair, CKF_GENERATE_KEY_PAIR);
    EXPECT(generate_pair_rv(kind->pair, NO_ATTRIBUTES, NO_ATTRIBUTES, &public, &private),
           CKR_TEMPLATE_INCOMPLETE);
}

static void pair_of_bad_group(const void *argument)
{
    const struct kind *kind = argument;
    struct group group = new_group(kind);
    struct pair pair = {0, 0};
    group.prime.bytes[group.prime.length - 1] ^= 1; /* even now */
    EXPECT_ANY(pair_rv(kind, &group, NO_ATTRIBUTES, &pair), CKR_DOMAIN_PARAMS_INVALID,
               CKR_ATTRIBUTE_VALUE_INVALID);
}

/* Wrapped and unwrapped, the private key is the same. */
static void pair_wraps(const void *argument)
{
    const struct kind *kind = argument;
    static const CK_BYTE iv[16] = {1};
    CK_BYTE wrapped[1024];
    CK_ULONG length = sizeof wrapped;
    struct group group = new_group(kind);
    struct pair pair = new_pair(kind, &group);
    CK_OBJECT_HANDLE wrapping = key_aes(16, ANY_LABEL), key = 0;
    struct number secret = number_of(pair.private, CKA_VALUE);
    CK_MECHANISM *mechanism = MECHANISM_X(CKM_AES_CBC_PAD, iv, sizeof iv);
    require_mechanism(CKM_AES_CBC_PAD, CKF_WRAP | CKF_UNWRAP);
    EXPECT_OK(F->C_WrapKey(S, mechanism, wrapping, pair.private, wrapped, &length));
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, kind->type),
                 ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE));
    EXPECT_OK(F->C_UnwrapKey(S, mechanism, wrapping, wrapped, length, template.attributes,
                             template.count, &key));
    struct number got = number_of(key, CKA_VALUE);
    EXPECT_BYTES(got.bytes, got.length, secret.bytes, secret.length);
    got = number_of(key, CKA_BASE);
    EXPECT_BYTES(got.bytes, got.length, group.base.bytes, group.base.length);
}

/* ---- DSA ---- */

static void dsa_signs(void)
{
    CK_BYTE data[20] = {7}, signature[64];
    CK_ULONG length = sizeof signature;
    struct group group = new_group(&kinds[0]);
    struct pair pair = new_pair(&kinds[0], &group);
    require_mechanism(CKM_DSA, CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_DSA), pair.private));
    EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &length));
    EXPECT_EQUAL(length, 40);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_DSA), pair.public));
    EXPECT_OK(F->C_Verify(S, data, sizeof data, signature, length));
    data[0] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_DSA), pair.public));
    EXPECT(F->C_Verify(S, data, sizeof data, signature, length), CKR_SIGNATURE_INVALID);
}

static void dsa_hash_lengths(void)
{
    CK_BYTE data[64] = {7}, signature[64];
    struct group group = new_group(&kinds[0]);
    struct pair pair = new_pair(&kinds[0], &group);
    require_mechanism(CKM_DSA, CKF_SIGN);
    for (CK_ULONG bytes = 19; bytes <= 21; bytes++) {
        CK_ULONG length = sizeof signature;
        EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_DSA), pair.private));
        EXPECT(F->C_Sign(S, data, bytes, signature, &length),
               bytes == 20 ? CKR_OK : CKR_DATA_LEN_RANGE);
    }
}

/* ---- Diffie-Hellman ---- */

static CK_RV agree(CK_OBJECT_HANDLE private, struct number *peer, CK_ULONG length,
                   struct number *ret_value)
{
    CK_OBJECT_HANDLE key = 0;
    struct template template =
        TEMPLATE(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET),
                 ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE),
                 ATTR_U(CKA_VALUE_LEN, length));
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_X(CKM_DH_PKCS_DERIVE, peer->bytes, peer->length),
                              private, template.attributes, template.count, &key);
    if (rv == CKR_OK)
        *ret_value = number_of(key, CKA_VALUE);
    return rv;
}

static void dh_agrees(void)
{
    struct group group = new_group(&kinds[1]);
    struct pair a = new_pair(&kinds[1], &group), b = new_pair(&kinds[1], &group);
    struct number public_a = number_of(a.public, CKA_VALUE), one, other, end;
    struct number public_b = number_of(b.public, CKA_VALUE);
    require_mechanism(CKM_DH_PKCS_DERIVE, CKF_DERIVE);
    EXPECT_OK(agree(a.private, &public_b, 64, &one));
    EXPECT_OK(agree(b.private, &public_a, 64, &other));
    EXPECT_BYTES(one.bytes, one.length, other.bytes, other.length);
    /* "The truncation removes bytes from the leading end of the secret value." */
    EXPECT_OK(agree(a.private, &public_b, 16, &end));
    EXPECT_BYTES(end.bytes, end.length, one.bytes + 48, 16);
}

static void dh_refuses_one(void)
{
    struct group group = new_group(&kinds[1]);
    struct pair pair = new_pair(&kinds[1], &group);
    struct number one = {{1}, 1}, value;
    require_mechanism(CKM_DH_PKCS_DERIVE, CKF_DERIVE);
    EXPECT_FAILURE(agree(pair.private, &one, 16, &value));
}

static void dh_value_bits(void)
{
    struct group group = new_group(&kinds[1]);
    struct pair pair = {0, 0};
    EXPECT_OK(pair_rv(&kinds[1], &group,
                      TEMPLATE(ATTR_U(CKA_VALUE_BITS, 160), ATTR_B(CKA_SENSITIVE, CK_FALSE),
                               ATTR_B(CKA_EXTRACTABLE, CK_TRUE)),
                      &pair));
    EXPECT_EQUAL(get_ulong(pair.private, CKA_VALUE_BITS), 160);
    struct number value = number_of(pair.private, CKA_VALUE);
    EXPECT_EQUAL(value.length, 20);
    EXPECT_TRUE((value.bytes[0] & 0x80) != 0);
}

/* ---- DES ---- */

struct des {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_KEY_TYPE key_type;
    CK_ULONG length;
};

static const struct des des_kinds[] = {
    {"DES", CKM_DES_KEY_GEN, CKK_DES, 8},
    {"DES2", CKM_DES2_KEY_GEN, CKK_DES2, 16},
    {"DES3", CKM_DES3_KEY_GEN, CKK_DES3, 24},
};

static void des_parity(const void *argument)
{
    const struct des *des = argument;
    CK_BYTE value[24];
    require_mechanism(des->type, CKF_GENERATE);
    CK_OBJECT_HANDLE key =
        GENERATE(des->type, ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE));
    EXPECT_EQUAL(get_ulong(key, CKA_KEY_TYPE), des->key_type);
    EXPECT_EQUAL(get_bytes(key, CKA_VALUE, value, sizeof value), des->length);
    for (CK_ULONG i = 0; i < des->length; i++)
        EXPECT_TRUE(__builtin_parity(value[i]) == 1);
}

static void des_wrong_parity(const void *argument)
{
    const struct des *des = argument;
    CK_BYTE value[24];
    memset(value, 0x02, sizeof value); /* one bit each */
    require_mechanism(des->type, CKF_GENERATE);
    EXPECT_OK(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, des->key_type),
                        ATTR_X(CKA_VALUE, value, des->length)));
    value[des->length - 1] = 0x03;
    EXPECT_FAILURE(CREATE_RV(ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, des->key_type),
                             ATTR_X(CKA_VALUE, value, des->length)));
}

/* clang-format off */
static const struct check kind_checks[] = {
    CHECK_ROW(FIX_USER, group_attributes, "Domain parameter objects", "the generated group has the sizes asked for"),
    CHECK_ROW(FIX_USER, group_without_size, "Footnote 3", "CKA_PRIME_BITS must be specified"),
    CHECK_ROW(FIX_USER, group_of_no_size, "CKR_KEY_SIZE_RANGE", "a prime of 8 bits is refused"),
    CHECK_ROW(FIX_USER, pair_attributes, "C_GenerateKeyPair", "both keys have the group and their values"),
    CHECK_ROW(FIX_USER, pair_without_group, "Footnote 3", "the group must be specified"),
    CHECK_ROW(FIX_USER, pair_of_bad_group, "CKR_DOMAIN_PARAMS_INVALID", "an even prime is refused"),
    CHECK_ROW(FIX_USER, pair_wraps, "Wrapping private keys", "gives back the private key"),
};

static const struct check des_checks[] = {
    CHECK_ROW(FIX_USER, des_parity, "Double-length DES key generation", "the parity bits are set"),
    CHECK_ROW(FIX_USER, des_wrong_parity, "DES3 secret key objects", "a key of wrong parity is refused"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, dsa_signs, "DSA without hashing", "a signature of 40 bytes that holds for its data alone"),
    CHECK(FIX_USER, dsa_hash_lengths, "DSA without hashing", "the data is as long as a hash"),
    CHECK(FIX_USER, dh_agrees, "PKCS #3 Diffie-Hellman key derivation", "two sides agree; CKA_VALUE_LEN cuts off the leading bytes"),
    CHECK(FIX_USER, dh_refuses_one, "PKCS #3 Diffie-Hellman key derivation", "1 is no public value"),
    CHECK(FIX_USER, dh_value_bits, "PKCS #3 Diffie-Hellman key pair generation", "CKA_VALUE_BITS is the length of the private value"),
};
/* clang-format on */

void chapter_groups(void)
{
    check_add_rows("groups", kind_checks, kinds);
    check_add_rows("groups", des_checks, des_kinds);
    check_add_table("groups", checks);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rarer mechanisms of key pairs: DSA's domain parameters in two steps, XEdDSA, agreement where
 * each side has two pairs.
 */
#include <string.h>

#include "keys.h"

#define NUMBER 300

struct number {
    CK_BYTE bytes[NUMBER];
    CK_ULONG length;
};

struct pair {
    CK_OBJECT_HANDLE public, private;
};

#define ATTR_N(type, number) ATTR_X(type, (number).bytes, (number).length)
#define SECRET                                                                                     \
    ATTR_U(CKA_CLASS, CKO_SECRET_KEY), ATTR_U(CKA_KEY_TYPE, CKK_GENERIC_SECRET),                   \
        ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static struct number number_of(CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    struct number number;
    number.length = get_bytes(object, type, number.bytes, sizeof number.bytes);
    return number;
}

/* ---- DSA's domain parameters in two steps ---- */

struct way {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_ULONG seed; /* bytes of all seeds for a prime of 1024 bits */
};

static const struct way ways[] = {
    {"CKM_DSA_PROBABILISTIC_PARAMETER_GEN", CKM_DSA_PROBABILISTIC_PARAMETER_GEN, 20},
    {"CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN", CKM_DSA_SHAWE_TAYLOR_PARAMETER_GEN, 60},
};

static CK_RV generate_with(CK_MECHANISM_TYPE type, const CK_DSA_PARAMETER_GEN_PARAM *params,
                           struct template template, CK_OBJECT_HANDLE *ret_object)
{
    CK_MECHANISM mechanism = {type, (CK_VOID_PTR)params, params != NULL ? sizeof *params : 0};
    require_mechanism(type, CKF_GENERATE);
    return F->C_GenerateKey(S, &mechanism, template.attributes, template.count, ret_object);
}

/* The primes, and the seeds in `seed`. */
static CK_OBJECT_HANDLE new_primes(const struct way *way, CK_BYTE *seed)
{
    CK_OBJECT_HANDLE object = 0;
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 0};
    memset(seed, 0, way->seed);
    EXPECT_OK(generate_with(way->type, &params, TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1024)), &object));
    EXPECT_EQUAL(params.ulSeedLen, way->seed);
    return object;
}

static CK_RV base_rv(const struct number *prime, const struct number *subprime,
                     CK_DSA_PARAMETER_GEN_PARAM params, struct number *ret_base)
{
    CK_OBJECT_HANDLE object = 0;
    CK_RV rv = generate_with(CKM_DSA_FIPS_G_GEN, &params,
                             TEMPLATE(ATTR_N(CKA_PRIME, *prime), ATTR_N(CKA_SUBPRIME, *subprime)),
                             &object);
    if (rv == CKR_OK) {
        EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_DOMAIN_PARAMETERS);
        *ret_base = number_of(object, CKA_BASE);
    }
    return rv;
}

static void primes_have_their_lengths(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64], zeros[64] = {0};
    CK_OBJECT_HANDLE object = new_primes(way, seed);
    EXPECT_EQUAL(get_ulong(object, CKA_CLASS), CKO_DOMAIN_PARAMETERS);
    EXPECT_EQUAL(get_ulong(object, CKA_KEY_TYPE), CKK_DSA);
    EXPECT_EQUAL(get_ulong(object, CKA_PRIME_BITS), 1024);
    EXPECT_EQUAL(get_ulong(object, CKA_SUBPRIME_BITS), 160);
    EXPECT_EQUAL(number_of(object, CKA_PRIME).length, 128);
    EXPECT_EQUAL(number_of(object, CKA_SUBPRIME).length, 20);
    EXPECT_EQUAL(get_bool(object, CKA_LOCAL), CK_TRUE);
    EXPECT_TRUE(memcmp(seed, zeros, 20) != 0);
    EXPECT_TRUE(memcmp(seed + way->seed - 20, zeros, 20) != 0);
}

/* "CKA_BASE is not set by this call." */
static void primes_have_no_base(const void *argument)
{
    CK_BYTE seed[64], value[256];
    CK_ULONG length = sizeof value;
    CK_OBJECT_HANDLE object = new_primes(argument, seed);
    CK_RV rv = get_rv(object, CKA_BASE, value, &length);
    EXPECT_TRUE(rv == CKR_ATTRIBUTE_TYPE_INVALID || (rv == CKR_OK && length == 0));
}

static void base_follows_from_the_seed(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64];
    struct number one, again, other;
    CK_OBJECT_HANDLE object = new_primes(way, seed);
    struct number prime = number_of(object, CKA_PRIME);
    struct number subprime = number_of(object, CKA_SUBPRIME);
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 1};
    EXPECT_OK(base_rv(&prime, &subprime, params, &one));
    EXPECT_OK(base_rv(&prime, &subprime, params, &again));
    EXPECT_BYTES(one.bytes, one.length, again.bytes, again.length);
    params.ulIndex = 2;
    EXPECT_OK(base_rv(&prime, &subprime, params, &other));
    EXPECT_TRUE(memcmp(one.bytes, other.bytes, one.length) != 0);
}

static void parameters_serve(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64], data[20] = {7}, signature[64];
    CK_ULONG length = sizeof signature;
    struct number base;
    struct pair pair = {0, 0};
    CK_OBJECT_HANDLE object = new_primes(way, seed);
    struct number prime = number_of(object, CKA_PRIME);
    struct number subprime = number_of(object, CKA_SUBPRIME);
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 1};
    EXPECT_OK(base_rv(&prime, &subprime, params, &base));
    EXPECT_OK(generate_pair_rv(
        CKM_DSA_KEY_PAIR_GEN,
        TEMPLATE(ATTR_N(CKA_PRIME, prime), ATTR_N(CKA_SUBPRIME, subprime), ATTR_N(CKA_BASE, base)),
        TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE)), &pair.public, &pair.private));
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_DSA), pair.private));
    EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &length));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_DSA), pair.public));
    EXPECT_OK(F->C_Verify(S, data, sizeof data, signature, length));
}

static void primes_refuse(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64];
    CK_OBJECT_HANDLE object = 0;
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 0};
    struct template sized = TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1024));
    EXPECT(generate_with(way->type, NULL, sized, &object), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(generate_with(way->type, &params, TEMPLATE(ATTR_U(CKA_SUBPRIME_BITS, 160)), &object),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT_ANY(generate_with(way->type, &params, TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1000)), &object),
               CKR_KEY_SIZE_RANGE, CKR_ATTRIBUTE_VALUE_INVALID);
    EXPECT_ANY(
        generate_with(way->type, &params,
                      TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1024), ATTR_X(CKA_PRIME, key_value(), 128)),
                      &object),
        CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
    params.hash = CKM_SHA3_256;
    EXPECT(generate_with(way->type, &params, sized, &object), CKR_MECHANISM_PARAM_INVALID);
    params = (CK_DSA_PARAMETER_GEN_PARAM){CKM_SHA256, seed, way->seed / 20 * 19, 0};
    EXPECT(generate_with(way->type, &params, sized, &object), CKR_MECHANISM_PARAM_INVALID);
}

/* In an asynchronous session too the seed is there when the call is over. */
static void seed_comes_with_the_call(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64] = {0}, zeros[64] = {0};
    CK_OBJECT_HANDLE object = 0;
    struct template template = TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1024));
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 0};
    require_mechanism(way->type, CKF_GENERATE);
    if ((token_info().flags & CKF_ASYNC_SESSION_SUPPORTED) == 0)
        check_skip("no asynchronous sessions");
    CK_SESSION_HANDLE session = open_session(CKF_RW_SESSION | CKF_ASYNC_SESSION);
    EXPECT_OK(F->C_GenerateKey(session, MECHANISM_P(way->type, params), template.attributes,
                               template.count, &object));
    EXPECT_TRUE(memcmp(seed, zeros, way->seed) != 0);
}

static void primes_last(const void *argument)
{
    const struct way *way = argument;
    CK_BYTE seed[64];
    CK_OBJECT_HANDLE object = 0;
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, way->seed, 0};
    token_objects_made();
    EXPECT_OK(generate_with(way->type, &params,
                            TEMPLATE(ATTR_U(CKA_PRIME_BITS, 1024), ATTR_B(CKA_TOKEN, CK_TRUE),
                                     ATTR_B(CKA_PRIVATE, CK_FALSE), ATTR_S(CKA_LABEL, "primes")),
                            &object));
    struct number prime = number_of(object, CKA_PRIME);
    env_reset();
    env.session = open_session(CKF_RW_SESSION);
    object = FIND_ONE(S, ATTR_S(CKA_LABEL, "primes"));
    struct number kept = number_of(object, CKA_PRIME);
    EXPECT_BYTES(kept.bytes, kept.length, prime.bytes, prime.length);
    EXPECT_EQUAL(get_ulong(object, CKA_SUBPRIME_BITS), 160);
}

/* RFC 5114, 2.1 */
static struct number prime_1024, subprime_160, base_1024;

static void known_group(void)
{
    prime_1024.length = from_hex(
        "b10b8f96a080e01dde92de5eae5d54ec52c99fbcfb06a3c69a6a9dca52d23b616073e28675a23d189838ef1e"
        "2ee652c013ecb4aea906112324975c3cd49b83bfaccbdd7d90c4bd7098488e9c219a73724effd6fae5644738"
        "faa31a4ff55bccc0a151af5f0dc8b4bd45bf37df365c1a65e68cfda76d4da708df1fb2bc2e4a4371",
        prime_1024.bytes);
    subprime_160.length = from_hex("f518aa8781a8df278aba4e7d64b7cb9d49462353", subprime_160.bytes);
    base_1024.length = from_hex(
        "a4d1cbd5c3fd34126765a442efb99905f8104dd258ac507fd6406cff14266d31266fea1e5c41564b777e690f"
        "5504f213160217b4b01b886a5e91547f9e2749f4d7fbd7d3b9a92ee1909d0d2263f80a76a6a24c087a091f53"
        "1dbf0a0169b6a28ad662a4d18e73afa32d779d5918d08bc8858f4dcef97c2a24855e6eeb22b3b2e5",
        base_1024.bytes);
}

/* The seed is input: a caller may have it where nothing can be written. */
static void base_leaves_the_seed_alone(void)
{
    static const CK_BYTE seed[20] = {1, 2, 3};
    struct number base;
    known_group();
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, (CK_BYTE_PTR)seed, sizeof seed, 1};
    EXPECT_OK(base_rv(&prime_1024, &subprime_160, params, &base));
}

static void base_refuses(void)
{
    CK_BYTE seed[20] = {1, 2, 3};
    CK_OBJECT_HANDLE object = 0;
    struct number base;
    known_group();
    CK_DSA_PARAMETER_GEN_PARAM params = {CKM_SHA256, seed, sizeof seed, 256};
    EXPECT(base_rv(&prime_1024, &subprime_160, params, &base), CKR_MECHANISM_PARAM_INVALID);
    params.ulIndex = 1;
    subprime_160.bytes[19] ^= 2;
    EXPECT_ANY(base_rv(&prime_1024, &subprime_160, params, &base), CKR_DOMAIN_PARAMS_INVALID,
               CKR_ATTRIBUTE_VALUE_INVALID);
    subprime_160.bytes[19] ^= 2;
    EXPECT(generate_with(CKM_DSA_FIPS_G_GEN, &params, TEMPLATE(ATTR_N(CKA_PRIME, prime_1024)),
                         &object),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT_ANY(
        generate_with(CKM_DSA_FIPS_G_GEN, &params,
                      TEMPLATE(ATTR_N(CKA_PRIME, prime_1024), ATTR_N(CKA_SUBPRIME, subprime_160),
                               ATTR_N(CKA_BASE, base_1024)),
                      &object),
        CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
    EXPECT_ANY(
        generate_with(CKM_DSA_FIPS_G_GEN, &params,
                      TEMPLATE(ATTR_N(CKA_PRIME, prime_1024), ATTR_N(CKA_SUBPRIME, subprime_160),
                               ATTR_B(CKA_LOCAL, CK_TRUE)),
                      &object),
        CKR_ATTRIBUTE_READ_ONLY, CKR_TEMPLATE_INCONSISTENT);
    EXPECT(generate_with(CKM_DSA_FIPS_G_GEN, &params,
                         TEMPLATE(ATTR_N(CKA_PRIME, prime_1024), ATTR_U(CKA_PRIME_BITS, 1023),
                                  ATTR_N(CKA_SUBPRIME, subprime_160)),
                         &object),
           CKR_TEMPLATE_INCONSISTENT);
}

/* ---- XEdDSA ---- */

struct hash {
    const char *name;
    CK_XEDDSA_HASH_TYPE type;
};

#define HASH(type) {#type, type}
static const struct hash hashes[] = {HASH(CKM_BLAKE2B_256), HASH(CKM_BLAKE2B_512),
                                     HASH(CKM_SHA3_256),    HASH(CKM_SHA3_512),
                                     HASH(CKM_SHA256),      HASH(CKM_SHA512)};

static struct pair x25519_pair(void)
{
    const struct curve *curve = &curves[X25519];
    struct pair pair = {0, 0};
    require_mechanism(CKM_XEDDSA, CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(generate_pair_rv(CKM_EC_MONTGOMERY_KEY_PAIR_GEN,
                               TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
                                        ATTR_B(CKA_VERIFY, CK_TRUE)),
                               TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE), ATTR_B(CKA_DERIVE, CK_TRUE)),
                               &pair.public, &pair.private));
    return pair;
}

static void xeddsa_signs(const void *argument)
{
    const struct hash *hash = argument;
    CK_XEDDSA_PARAMS params = {hash->type};
    CK_BYTE data[100], signature[80], other[80];
    CK_ULONG length = sizeof signature, other_length = sizeof other;
    struct pair pair = x25519_pair();
    fill_bytes(data, sizeof data, 1);
    EXPECT_OK(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.private));
    EXPECT_OK(F->C_Sign(S, data, sizeof data, signature, &length));
    EXPECT_EQUAL(length, 64);
    EXPECT_OK(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.private));
    EXPECT_OK(F->C_Sign(S, data, sizeof data, other, &other_length));
    EXPECT_TRUE(memcmp(signature, other, 32) != 0);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.public));
    EXPECT_OK(F->C_Verify(S, data, sizeof data, signature, length));
    data[99] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.public));
    EXPECT(F->C_Verify(S, data, sizeof data, signature, length), CKR_SIGNATURE_INVALID);
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.public));
    EXPECT(F->C_Verify(S, data, sizeof data, signature, length - 1), CKR_SIGNATURE_LEN_RANGE);
}

/* libsignal-protocol-c's own. */
static void xeddsa_known_answer(void)
{
    const struct curve *curve = &curves[X25519];
    CK_XEDDSA_PARAMS params = {CKM_SHA512};
    CK_BYTE point[32], data[200] = {0}, signature[64];
    require_mechanism(CKM_XEDDSA, CKF_VERIFY);
    from_hex("5995f464e9d34d5ca56b9905b9a3cc37c456b2d8d313edbcf584b705b5c04955", point);
    from_hex(
        "11c7f3e6c4df9e8a5150e1db3b30f92de3a3b3aa438656545fa7390f4bcc7bb26c431d9e90643e4f0eaa0e9c"
        "557766fa69ada576d63dcaf2ac326c11d0b97702",
        signature);
    CK_OBJECT_HANDLE key =
        CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_EC_MONTGOMERY),
               ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length),
               ATTR_A(CKA_EC_POINT, point), ATTR_B(CKA_VERIFY, CK_TRUE));
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM_P(CKM_XEDDSA, params), key));
    EXPECT_OK(F->C_Verify(S, data, sizeof data, signature, sizeof signature));
}

static void xeddsa_in_parts(void)
{
    CK_XEDDSA_PARAMS params = {CKM_SHA512};
    CK_BYTE data[3] = {1, 2, 3};
    struct pair pair = x25519_pair();
    EXPECT_OK(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.private));
    EXPECT_FAILURE(F->C_SignUpdate(S, data, sizeof data));
}

static void xeddsa_refuses(void)
{
    CK_XEDDSA_PARAMS params = {CKM_SHA_1};
    struct pair pair = x25519_pair();
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_XEDDSA), pair.private), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), pair.private),
           CKR_MECHANISM_PARAM_INVALID);
    params.hash = CKM_SHA512;
    CK_OBJECT_HANDLE other = key_curve_private(&curves[P256], ANY_LABEL);
    EXPECT(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), other), CKR_KEY_TYPE_INCONSISTENT);
    other = key_curve_private(&curves[X25519], ATTR_B(CKA_SIGN, CK_FALSE));
    EXPECT(F->C_SignInit(S, MECHANISM_P(CKM_XEDDSA, params), other),
           CKR_KEY_FUNCTION_NOT_PERMITTED);
}

/* ---- two key pairs on each side ---- */

struct scheme {
    const char *name;
    CK_MECHANISM_TYPE type;
    CK_ULONG secret; /* bytes */
    bool takes_public;
};

static const struct scheme schemes[] = {
    {"CKM_X9_42_DH_HYBRID_DERIVE", CKM_X9_42_DH_HYBRID_DERIVE, 256, false},
    {"CKM_X9_42_MQV_DERIVE", CKM_X9_42_MQV_DERIVE, 128, true},
    {"CKM_ECMQV_DERIVE", CKM_ECMQV_DERIVE, 32, true},
};

struct side {
    struct pair fixed, ephemeral;
    struct number fixed_value, ephemeral_value;
};

static struct pair new_pair(const struct scheme *scheme, CK_BBOOL derives, struct number *ret_value)
{
    struct pair pair = {0, 0};
    const struct curve *curve = &curves[P256];
    struct template private = TEMPLATE(ATTR_B(CKA_DERIVE, derives));
    known_group();
    if (scheme->type == CKM_ECMQV_DERIVE) {
        EXPECT_OK(
            generate_pair_rv(CKM_EC_KEY_PAIR_GEN,
                             TEMPLATE(ATTR_X(CKA_EC_PARAMS, curve->params, curve->params_length)),
                             private, &pair.public, &pair.private));
        *ret_value = number_of(pair.public, CKA_EC_POINT);
        /* The point itself: every token takes it without DER around it. */
        memmove(ret_value->bytes, ret_value->bytes + 2, 65);
        ret_value->length = 65;
        return pair;
    }
    EXPECT_OK(
        generate_pair_rv(CKM_X9_42_DH_KEY_PAIR_GEN,
                         TEMPLATE(ATTR_N(CKA_PRIME, prime_1024), ATTR_N(CKA_SUBPRIME, subprime_160),
                                  ATTR_N(CKA_BASE, base_1024)),
                         private, &pair.public, &pair.private));
    *ret_value = number_of(pair.public, CKA_VALUE);
    return pair;
}

static struct side new_side(const struct scheme *scheme)
{
    struct side side;
    require_mechanism(scheme->type, CKF_DERIVE);
    side.fixed = new_pair(scheme, CK_TRUE, &side.fixed_value);
    side.ephemeral = new_pair(scheme, CK_TRUE, &side.ephemeral_value);
    return side;
}

/* The three structures differ in names and in their last member only. */
static CK_RV agree_with(const struct scheme *scheme, const struct side *own,
                        const struct side *other, CK_OBJECT_HANDLE public, struct number *ret_value)
{
    CK_OBJECT_HANDLE key = 0;
    struct template template = TEMPLATE(SECRET);
    CK_ECMQV_DERIVE_PARAMS params = {
        .kdf = CKD_NULL,
        .ulPublicDataLen = other->fixed_value.length,
        .pPublicData = (CK_BYTE_PTR)other->fixed_value.bytes,
        .hPrivateData = own->ephemeral.private,
        .ulPublicDataLen2 = other->ephemeral_value.length,
        .pPublicData2 = (CK_BYTE_PTR)other->ephemeral_value.bytes,
        .publicKey = public,
    };
    CK_ULONG length = scheme->takes_public ? sizeof params : sizeof(CK_X9_42_DH2_DERIVE_PARAMS);
    CK_RV rv = F->C_DeriveKey(S, MECHANISM_X(scheme->type, &params, length), own->fixed.private,
                              template.attributes, template.count, &key);
    if (rv == CKR_OK)
        *ret_value = number_of(key, CKA_VALUE);
    return rv;
}

static CK_RV agree(const struct scheme *scheme, const struct side *own, const struct side *other,
                   struct number *ret_value)
{
    return agree_with(scheme, own, other, own->ephemeral.public, ret_value);
}

static void sides_agree(const void *argument)
{
    const struct scheme *scheme = argument;
    struct side a = new_side(scheme), b = new_side(scheme);
    struct number one, other;
    EXPECT_OK(agree(scheme, &a, &b, &one));
    EXPECT_OK(agree(scheme, &b, &a, &other));
    EXPECT_EQUAL(one.length, scheme->secret);
    EXPECT_BYTES(one.bytes, one.length, other.bytes, other.length);
    /* Every pair counts. */
    struct side changed = b;
    changed.ephemeral = new_pair(scheme, CK_TRUE, &changed.ephemeral_value);
    EXPECT_OK(agree(scheme, &a, &changed, &other));
    EXPECT_TRUE(memcmp(one.bytes, other.bytes, one.length) != 0);
    changed = b;
    changed.fixed = new_pair(scheme, CK_TRUE, &changed.fixed_value);
    EXPECT_OK(agree(scheme, &a, &changed, &other));
    EXPECT_TRUE(memcmp(one.bytes, other.bytes, one.length) != 0);
}

static void second_key_is_held(const void *argument)
{
    const struct scheme *scheme = argument;
    struct side a = new_side(scheme), b = new_side(scheme);
    struct number value;
    CK_OBJECT_HANDLE public = a.ephemeral.public;
    a.ephemeral = new_pair(scheme, CK_FALSE, &value);
    EXPECT(agree(scheme, &a, &b, &value), CKR_KEY_FUNCTION_NOT_PERMITTED);
    a.ephemeral.private = public;
    EXPECT_FAILURE(agree(scheme, &a, &b, &value));
    a.ephemeral.private = 0x7fffffff;
    EXPECT(agree(scheme, &a, &b, &value), CKR_KEY_HANDLE_INVALID);
    a.ephemeral.private = key_aes(16, ATTR_B(CKA_DERIVE, CK_TRUE));
    EXPECT(agree(scheme, &a, &b, &value), CKR_KEY_TYPE_INCONSISTENT);
}

static void public_key_is_checked(const void *argument)
{
    const struct scheme *scheme = argument;
    struct side a = new_side(scheme), b = new_side(scheme);
    struct number value;
    if (!scheme->takes_public)
        check_skip("the structure has no publicKey");
    EXPECT(agree_with(scheme, &a, &b, a.fixed.public, &value), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(agree_with(scheme, &a, &b, 0x7fffffff, &value), CKR_KEY_HANDLE_INVALID);
}

static void bad_public_data(const void *argument)
{
    const struct scheme *scheme = argument;
    struct side a = new_side(scheme), b = new_side(scheme);
    struct number value;
    struct side bad = b;
    bad.fixed_value.length = 0;
    EXPECT(agree(scheme, &a, &bad, &value), CKR_MECHANISM_PARAM_INVALID);
    bad = b;
    bad.ephemeral_value.bytes[bad.ephemeral_value.length - 1] ^= 1;
    EXPECT(agree(scheme, &a, &bad, &value), CKR_MECHANISM_PARAM_INVALID);
}

/* clang-format off */
static const struct check way_checks[] = {
    CHECK_ROW(FIX_USER, primes_have_their_lengths, "DSA domain parameter generation", "primes of the lengths asked for, and the seed"),
    CHECK_ROW(FIX_USER, primes_have_no_base, "DSA domain parameter generation", "CKA_BASE is not set"),
    CHECK_ROW(FIX_USER, base_follows_from_the_seed, "DSA base domain parameter generation", "from primes, seed and index, always the same"),
    CHECK_ROW(FIX_USER, parameters_serve, "DSA key pair generation", "with parameters made in two steps"),
    CHECK_ROW(FIX_USER, seed_comes_with_the_call, "CK_DSA_PARAMETER_GEN_PARAM", "the seed is returned by an asynchronous session, too"),
    CHECK_ROW(FIX_USER, primes_last, "DSA domain parameter generation", "a token object of primes alone is there in the next session"),
    CHECK_ROW(FIX_USER, primes_refuse, "DSA domain parameter generation", "what cannot be made is refused"),
};

static const struct check hash_checks[] = {
    CHECK_ROW(FIX_USER, xeddsa_signs, "XEdDSA", "64 bytes, other ones each time, that hold for their data alone"),
};

static const struct check scheme_checks[] = {
    CHECK_ROW(FIX_USER, sides_agree, "X9.42 and EC MQV, hybrid key derivation", "both sides get the same secret, in which every pair counts"),
    CHECK_ROW(FIX_USER, second_key_is_held, "C_DeriveKey", "the second private key is held to its type and its CKA_DERIVE"),
    CHECK_ROW(FIX_USER, public_key_is_checked, "CK_ECMQV_DERIVE_PARAMS", "publicKey is that of the second private key"),
    CHECK_ROW(FIX_USER, bad_public_data, "CKR_MECHANISM_PARAM_INVALID", "a public value that is none"),
};

static const struct check checks[] = {
    CHECK(FIX_USER, base_leaves_the_seed_alone, "CK_DSA_PARAMETER_GEN_PARAM", "CKM_DSA_FIPS_G_GEN reads the seed only"),
    CHECK(FIX_USER, base_refuses, "DSA base domain parameter generation", "primes that do not fit, a base given, an index too large"),
    CHECK(FIX_USER, xeddsa_known_answer, "XEdDSA", "a signature made elsewhere verifies"),
    CHECK(FIX_USER, xeddsa_in_parts, "XEdDSA", "single-part only"),
    CHECK(FIX_USER, xeddsa_refuses, "XEdDSA", "hashes that are none of the table's, other keys, keys that may not sign"),
};
/* clang-format on */

void chapter_pairs(void)
{
    check_add_rows("pairs", way_checks, ways);
    check_add_rows("pairs", hash_checks, hashes);
    check_add_rows("pairs", scheme_checks, schemes);
    check_add_table("pairs", checks);
}

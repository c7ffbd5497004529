/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ML-DSA and SLH-DSA: key pairs, signatures pure and of hashes, contexts, hedging.
 */
#include <string.h>

#include "env.h"
#include "keys.h"

#define READABLE ATTR_B(CKA_SENSITIVE, CK_FALSE), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)

static CK_BYTE data[] = "some data to be signed";
#define DATA data, sizeof data - 1

static CK_BYTE signature[50000];
static CK_ULONG signature_length;

/* ---- every mechanism ---- */

struct row {
    const char *name;
    CK_MECHANISM_TYPE type, generate;
    CK_ULONG set, length;
    CK_ULONG public_length, private_length, seed_length;
    CK_MECHANISM_TYPE hash; /* the data is a hash, the parameter names it */
    CK_ULONG hash_length;
};

#define ML_DSA_44(type, ...)                                                                       \
    {#type "/44", type, CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_44, 2420, 1312, 2560, 32, __VA_ARGS__}
#define SLH_DSA_128F(type, ...)                                                                    \
    {#type "/SHA2-128f", type, CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHA2_128F, 17088, 32, 64, 0,  \
     __VA_ARGS__}

/* clang-format off */
static const struct row rows[] = {
    ML_DSA_44(CKM_ML_DSA, 0, 0),
    { "CKM_ML_DSA/65", CKM_ML_DSA, CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_65, 3309, 1952, 4032, 32, 0, 0 },
    { "CKM_ML_DSA/87", CKM_ML_DSA, CKM_ML_DSA_KEY_PAIR_GEN, CKP_ML_DSA_87, 4627, 2592, 4896, 32, 0, 0 },
    ML_DSA_44(CKM_HASH_ML_DSA, CKM_SHA256, 32),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA224, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA256, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA384, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA512, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA3_224, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA3_256, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA3_384, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHA3_512, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHAKE128, 0, 0),
    ML_DSA_44(CKM_HASH_ML_DSA_SHAKE256, 0, 0),
    SLH_DSA_128F(CKM_SLH_DSA, 0, 0),
    { "CKM_SLH_DSA/SHAKE-192f", CKM_SLH_DSA, CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHAKE_192F, 35664, 48, 96, 0, 0, 0 },
    { "CKM_SLH_DSA/SHAKE-256f", CKM_SLH_DSA, CKM_SLH_DSA_KEY_PAIR_GEN, CKP_SLH_DSA_SHAKE_256F, 49856, 64, 128, 0, 0, 0 },
    SLH_DSA_128F(CKM_HASH_SLH_DSA, CKM_SHA512, 64),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA224, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA256, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA384, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA512, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA3_224, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA3_256, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA3_384, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHA3_512, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHAKE128, 0, 0),
    SLH_DSA_128F(CKM_HASH_SLH_DSA_SHAKE256, 0, 0),
};
/* clang-format on */

static CK_BYTE *input(const struct row *row)
{
    static CK_BYTE hash[64];
    fill_bytes(hash, sizeof hash, 5);
    return row->hash != 0 ? hash : data;
}

static CK_ULONG input_length(const struct row *row)
{
    return row->hash != 0 ? row->hash_length : sizeof data - 1;
}

/* The row's mechanism with a context. */
static CK_MECHANISM *with(const struct row *row, CK_HEDGE_TYPE hedge, const char *context,
                          CK_ULONG context_length)
{
    static CK_MECHANISM mechanism;
    static CK_SIGN_ADDITIONAL_CONTEXT plain;
    static CK_HASH_SIGN_ADDITIONAL_CONTEXT hashed;
    plain = (CK_SIGN_ADDITIONAL_CONTEXT){hedge, (CK_BYTE_PTR)context, context_length};
    hashed =
        (CK_HASH_SIGN_ADDITIONAL_CONTEXT){hedge, (CK_BYTE_PTR)context, context_length, row->hash};
    mechanism = row->hash != 0 ? (CK_MECHANISM){row->type, &hashed, sizeof hashed}
                               : (CK_MECHANISM){row->type, &plain, sizeof plain};
    return &mechanism;
}

/* Without a parameter where there need be none. */
static CK_MECHANISM *bare(const struct row *row)
{
    CK_MECHANISM *mechanism = with(row, CKH_HEDGE_PREFERRED, NULL, 0);
    if (row->hash == 0)
        *mechanism = (CK_MECHANISM){row->type, NULL, 0};
    return mechanism;
}

struct pair {
    CK_OBJECT_HANDLE public, private;
};

static struct pair make_pair(const struct row *row)
{
    struct pair pair = {0, 0};
    require_mechanism(row->type, CKF_SIGN | CKF_VERIFY);
    EXPECT_OK(generate_pair_rv(
        row->generate, TEMPLATE(ATTR_U(CKA_PARAMETER_SET, row->set), ATTR_B(CKA_VERIFY, CK_TRUE)),
        TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE), READABLE), &pair.public, &pair.private));
    return pair;
}

static void sign(const struct row *row, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mechanism, key));
    EXPECT_OK(F->C_Sign(S, input(row), input_length(row), signature, &signature_length));
    EXPECT_EQUAL(signature_length, row->length);
}

static CK_RV verify_rv(const struct row *row, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    EXPECT_OK(F->C_VerifyInit(S, mechanism, key));
    return F->C_Verify(S, input(row), input_length(row), signature, signature_length);
}

static void verifies(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = make_pair(row);
    sign(row, bare(row), pair.private);
    EXPECT_OK(verify_rv(row, bare(row), pair.public));
    EXPECT_OK(verify_rv(row, with(row, CKH_HEDGE_REQUIRED, NULL, 0), pair.public));
    signature[row->length / 2] ^= 1;
    EXPECT(verify_rv(row, bare(row), pair.public), CKR_SIGNATURE_INVALID);
    signature_length--;
    EXPECT(verify_rv(row, bare(row), pair.public), CKR_SIGNATURE_LEN_RANGE);
}

static void other_data_and_key(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = make_pair(row), other = make_pair(row);
    CK_BYTE changed[64];
    sign(row, bare(row), pair.private);
    EXPECT(verify_rv(row, bare(row), other.public), CKR_SIGNATURE_INVALID);
    memcpy(changed, input(row), input_length(row));
    changed[3] ^= 1;
    EXPECT_OK(F->C_VerifyInit(S, bare(row), pair.public));
    EXPECT(F->C_Verify(S, changed, input_length(row), signature, signature_length),
           CKR_SIGNATURE_INVALID);
}

static void contexts(const void *argument)
{
    const struct row *row = argument;
    static const char longest[255] = {1};
    struct pair pair = make_pair(row);
    sign(row, with(row, CKH_HEDGE_PREFERRED, "context", 7), pair.private);
    EXPECT_OK(verify_rv(row, with(row, CKH_HEDGE_PREFERRED, "context", 7), pair.public));
    EXPECT(verify_rv(row, with(row, CKH_HEDGE_PREFERRED, "contexT", 7), pair.public),
           CKR_SIGNATURE_INVALID);
    EXPECT(verify_rv(row, bare(row), pair.public), CKR_SIGNATURE_INVALID);
    sign(row, with(row, CKH_HEDGE_PREFERRED, longest, 255), pair.private);
    EXPECT_OK(verify_rv(row, with(row, CKH_HEDGE_PREFERRED, longest, 255), pair.public));
}

static void hedging(const void *argument)
{
    static CK_BYTE first[sizeof signature];
    const struct row *row = argument;
    struct pair pair = make_pair(row);
    sign(row, with(row, CKH_DETERMINISTIC_REQUIRED, NULL, 0), pair.private);
    memcpy(first, signature, row->length);
    sign(row, with(row, CKH_DETERMINISTIC_REQUIRED, NULL, 0), pair.private);
    EXPECT_BYTES(signature, row->length, first, row->length);
    EXPECT_OK(verify_rv(row, bare(row), pair.public));
    sign(row, with(row, CKH_HEDGE_REQUIRED, NULL, 0), pair.private);
    EXPECT_TRUE(memcmp(signature, first, row->length) != 0);
    EXPECT_OK(verify_rv(row, with(row, CKH_DETERMINISTIC_REQUIRED, NULL, 0), pair.public));
}

static void bad_parameters(const void *argument)
{
    const struct row *row = argument;
    static const char too_long[256] = {1};
    struct pair pair = make_pair(row);
    EXPECT(F->C_SignInit(S, with(row, CKH_HEDGE_PREFERRED, too_long, 256), pair.private),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_VerifyInit(S, with(row, CKH_HEDGE_PREFERRED, too_long, 256), pair.public),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignInit(S, with(row, 0x4711, NULL, 0), pair.private), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignInit(S, with(row, CKH_HEDGE_PREFERRED, NULL, 5), pair.private),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignInit(S, MECHANISM_X(row->type, data, 3), pair.private),
           CKR_MECHANISM_PARAM_INVALID);
    EXPECT_OK(F->C_VerifyInit(S, with(row, 0x4711, NULL, 0), pair.public));
}

static void in_parts(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = make_pair(row);
    CK_MECHANISM *mechanism = with(row, CKH_DETERMINISTIC_REQUIRED, "c", 1);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, mechanism, pair.private));
    EXPECT_OK(F->C_SignUpdate(S, data, 5));
    EXPECT_OK(F->C_SignUpdate(S, data + 5, 0));
    EXPECT_OK(F->C_SignUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_SignFinal(S, signature, &signature_length));
    EXPECT_OK(verify_rv(row, mechanism, pair.public));
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    EXPECT_OK(F->C_VerifySignatureInit(S, mechanism, pair.public, signature, signature_length));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 5, sizeof data - 1 - 5));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
    EXPECT_OK(F->C_VerifySignatureInit(S, mechanism, pair.public, signature, signature_length));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT(F->C_VerifySignatureFinal(S), CKR_SIGNATURE_INVALID);
}

static void signature_lengths(const void *argument)
{
    const struct row *row = argument;
    CK_ULONG length = 0;
    struct pair pair = make_pair(row);
    EXPECT_OK(F->C_SignInit(S, bare(row), pair.private));
    EXPECT_OK(F->C_Sign(S, input(row), input_length(row), NULL, &length));
    EXPECT_EQUAL(length, row->length);
    length--;
    EXPECT(F->C_Sign(S, input(row), input_length(row), signature, &length), CKR_BUFFER_TOO_SMALL);
    signature_length = row->length;
    EXPECT_OK(F->C_Sign(S, input(row), input_length(row), signature, &signature_length));
    EXPECT_OK(verify_rv(row, bare(row), pair.public));
}

/* ---- a hash made outside is the hash made here ---- */

static void hash_outside(void)
{
    static const struct {
        CK_MECHANISM_TYPE digest, hashing;
    } pairs[] = {{CKM_SHA256, CKM_HASH_ML_DSA_SHA256}, {CKM_SHA3_512, CKM_HASH_ML_DSA_SHA3_512}};
    for (size_t i = 0; i < COUNT(pairs); i++) {
        CK_BYTE hash[64];
        CK_ULONG hash_length = sizeof hash;
        struct row row = {.type = CKM_HASH_ML_DSA, .hash = pairs[i].digest};
        struct row hashing = rows[0];
        hashing.type = pairs[i].hashing;
        struct pair pair = make_pair(&hashing);
        EXPECT_OK(F->C_DigestInit(S, MECHANISM(pairs[i].digest)));
        EXPECT_OK(F->C_Digest(S, DATA, hash, &hash_length));
        sign(&hashing, with(&hashing, CKH_HEDGE_PREFERRED, "c", 1), pair.private);
        EXPECT_OK(F->C_VerifyInit(S, with(&row, CKH_HEDGE_PREFERRED, "c", 1), pair.public));
        EXPECT_OK(F->C_Verify(S, hash, hash_length, signature, signature_length));
        EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_ML_DSA), pair.public));
        EXPECT(F->C_Verify(S, DATA, signature, signature_length), CKR_SIGNATURE_INVALID);
    }
}

static void hash_of_wrong_length(void)
{
    const struct row *row = &rows[3];
    struct pair pair = make_pair(row);
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, bare(row), pair.private));
    EXPECT(F->C_Sign(S, input(row), 31, signature, &signature_length), CKR_DATA_LEN_RANGE);
    EXPECT_OK(F->C_SignInit(S, bare(row), pair.private));
    EXPECT_FAILURE(F->C_SignUpdate(S, input(row), 32));
}

static void hash_unknown(void)
{
    struct row row = rows[3];
    struct pair pair = make_pair(&row);
    row.hash = CKM_AES_ECB;
    EXPECT(F->C_SignInit(S, bare(&row), pair.private), CKR_MECHANISM_PARAM_INVALID);
    EXPECT(F->C_SignInit(S, MECHANISM(CKM_HASH_ML_DSA), pair.private), CKR_MECHANISM_PARAM_INVALID);
}

/* ---- keys ---- */

static void pair_attributes(const void *argument)
{
    static CK_BYTE value[8192];
    const struct row *row = argument;
    CK_ULONG length = sizeof value;
    struct pair pair = make_pair(row);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_PARAMETER_SET), row->set);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_PARAMETER_SET), row->set);
    EXPECT_EQUAL(get_bytes(pair.public, CKA_VALUE, value, sizeof value), row->public_length);
    EXPECT_EQUAL(get_bytes(pair.private, CKA_VALUE, value, sizeof value), row->private_length);
    if (row->seed_length != 0)
        EXPECT_EQUAL(get_bytes(pair.private, CKA_SEED, value, sizeof value), row->seed_length);
    else
        EXPECT(get_rv(pair.private, CKA_SEED, value, &length), CKR_ATTRIBUTE_TYPE_INVALID);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_KEY_GEN_MECHANISM), row->generate);
    EXPECT_EQUAL(get_bool(pair.private, CKA_LOCAL), CK_TRUE);
}

static void pair_refused(const void *argument)
{
    const struct row *row = argument;
    CK_OBJECT_HANDLE public = 0, private = 0;
    require_mechanism(row->generate, CKF_GENERATE_KEY_PAIR);
    EXPECT(generate_pair_rv(row->generate, NO_ATTRIBUTES, NO_ATTRIBUTES, &public, &private),
           CKR_TEMPLATE_INCOMPLETE);
    EXPECT_ANY(generate_pair_rv(row->generate, TEMPLATE(ATTR_U(CKA_PARAMETER_SET, 0x4711)),
                                NO_ATTRIBUTES, &public, &private),
               CKR_PARAMETER_SET_NOT_SUPPORTED, CKR_ATTRIBUTE_VALUE_INVALID);
}

static void sensitive(const void *argument)
{
    const struct row *row = argument;
    struct pair pair = {0, 0};
    require_mechanism(row->generate, CKF_GENERATE_KEY_PAIR);
    EXPECT_OK(generate_pair_rv(row->generate, TEMPLATE(ATTR_U(CKA_PARAMETER_SET, row->set)),
                               TEMPLATE(ATTR_B(CKA_SENSITIVE, CK_TRUE)), &pair.public,
                               &pair.private));
    expect_secret(pair.private, CKA_VALUE);
    if (row->seed_length != 0)
        expect_secret(pair.private, CKA_SEED);
}

/* By seed, by value, by both, and wrapped: the same signatures. */
static void imported(const void *argument)
{
    static CK_BYTE seed[64], value[8192], right[sizeof signature], wrapped[16384];
    const struct row *row = argument;
    struct pair pair = make_pair(row);
    CK_MECHANISM *mechanism = with(row, CKH_DETERMINISTIC_REQUIRED, NULL, 0);
    CK_KEY_TYPE type = get_ulong(pair.private, CKA_KEY_TYPE);
    CK_ULONG length = get_bytes(pair.private, CKA_VALUE, value, sizeof value);
    sign(row, mechanism, pair.private);
    memcpy(right, signature, row->length);
    if (row->seed_length != 0)
        (void)get_bytes(pair.private, CKA_SEED, seed, sizeof seed);
    for (int form = 1; form <= 4; form++) {
        CK_ULONG set = row->set;
        CK_ATTRIBUTE template[10] = {ATTR_U(CKA_CLASS, CKO_PRIVATE_KEY), ATTR_U(CKA_KEY_TYPE, type),
                                     ATTR_B(CKA_SIGN, CK_TRUE)};
        CK_ULONG count = 3;
        CK_OBJECT_HANDLE key = 0;
        if (form < 4)
            template[count++] = (CK_ATTRIBUTE)ATTR_X(CKA_PARAMETER_SET, &set, sizeof set);
        if (row->seed_length != 0 && (form & 1) != 0)
            template[count++] = (CK_ATTRIBUTE)ATTR_X(CKA_SEED, seed, row->seed_length);
        if (row->seed_length == 0 || (form & 2) != 0)
            template[count++] = (CK_ATTRIBUTE)ATTR_X(CKA_VALUE, value, length);
        if (form == 4) {
            CK_ULONG wrapped_length = sizeof wrapped;
            CK_OBJECT_HANDLE by = key_aes(32, ANY_LABEL);
            EXPECT_OK(F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP_KWP), by, pair.private, wrapped,
                                   &wrapped_length));
            EXPECT_OK(F->C_UnwrapKey(S, MECHANISM(CKM_AES_KEY_WRAP_KWP), by, wrapped,
                                     wrapped_length, template, 3, &key));
            EXPECT_EQUAL(get_ulong(key, CKA_PARAMETER_SET), row->set);
        } else {
            CK_RV rv = create_rv((struct template){template, count}, &key);
            if (form < 3 && rv == CKR_TEMPLATE_INCOMPLETE)
                continue; /* a token may want both */
            EXPECT_OK(rv);
        }
        sign(row, mechanism, key);
        EXPECT_BYTES(signature, row->length, right, row->length);
    }
}

static void imported_public(const void *argument)
{
    static CK_BYTE value[8192];
    const struct row *row = argument;
    struct pair pair = make_pair(row);
    CK_KEY_TYPE type = get_ulong(pair.private, CKA_KEY_TYPE);
    CK_ULONG length = get_bytes(pair.public, CKA_VALUE, value, sizeof value);
    sign(row, bare(row), pair.private);
    CK_OBJECT_HANDLE key = CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, type),
                                  ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_U(CKA_PARAMETER_SET, row->set),
                                  ATTR_X(CKA_VALUE, value, length));
    EXPECT_OK(verify_rv(row, bare(row), key));
    EXPECT_FAILURE(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, type),
                             ATTR_U(CKA_PARAMETER_SET, row->set),
                             ATTR_X(CKA_VALUE, value, length - 1)));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, hash_outside, "HashML-DSA Signature", "of a hash made outside is that of the mechanism that hashes"),
    CHECK(FIX_USER, hash_of_wrong_length, "HashML-DSA Signature", "CKR_DATA_LEN_RANGE for what is no such hash; single-part only"),
    CHECK(FIX_USER, hash_unknown, "HashML-DSA Signature", "CKR_MECHANISM_PARAM_INVALID without a hash, or with what is none"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_USER, verifies, "ML-DSA Signature", "verifies; not with a bit changed, not a byte shorter"),
    CHECK_ROW(FIX_USER, other_data_and_key, "ML-DSA Signature", "CKR_SIGNATURE_INVALID for other data and another key"),
    CHECK_ROW(FIX_USER, contexts, "CK_SIGN_ADDITIONAL_CONTEXT", "a signature holds in its context only, of up to 255 bytes"),
    CHECK_ROW(FIX_USER, hedging, "CK_SIGN_ADDITIONAL_CONTEXT", "deterministic signatures agree, hedged ones differ, all verify"),
    CHECK_ROW(FIX_USER, bad_parameters, "CK_SIGN_ADDITIONAL_CONTEXT", "CKR_MECHANISM_PARAM_INVALID; the hedge variant is ignored when verifying"),
    CHECK_ROW(FIX_USER, signature_lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
};

static const struct check part_checks[] = {
    CHECK_ROW(FIX_USER, in_parts, "C_VerifySignatureInit", "signs in parts and verifies them"),
};

static const struct check key_checks[] = {
    CHECK_ROW(FIX_USER, pair_attributes, "ML-DSA key pair generation", "the mechanism contributes values, parameter set and seed"),
    CHECK_ROW(FIX_USER, pair_refused, "ML-DSA key pair generation", "CKA_PARAMETER_SET is needed, and must be one"),
    CHECK_ROW(FIX_USER, sensitive, "ML-DSA private key objects", "CKA_VALUE and CKA_SEED are not revealed"),
    CHECK_ROW(FIX_USER, imported, "ML-DSA private key objects", "seed, value, both, and the wrapped key are the same key"),
    CHECK_ROW(FIX_USER, imported_public, "ML-DSA public key objects", "verifies when imported; another length is refused"),
};
/* clang-format on */

void chapter_lattice(void)
{
    check_add_table("lattice", checks);
    check_add_rows("lattice", row_checks, rows);
    check_add_rows_if("lattice", part_checks, rows, row->hash == 0);
    check_add_rows_if("lattice", key_checks, rows,
                      row->type == CKM_ML_DSA || row->type == CKM_SLH_DSA);
}

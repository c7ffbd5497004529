/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSS: key pairs, what their private keys may not do, signatures, and that each takes one of the
 * keys that remain.
 */
#include <string.h>

#include "env.h"
#include "keys.h"

#define H5 5
#define W2 2
#define W4 3
#define LEAVES 32

static CK_BYTE data[] = "some data to be signed";
#define DATA data, sizeof data - 1

static CK_BYTE signature[16384];
static CK_ULONG signature_length;

struct pair {
    CK_OBJECT_HANDLE public, private;
};

#define LEVELS(count, lms, lmots)                                                                  \
    ATTR_U(CKA_HSS_LEVELS, count), ATTR_A(CKA_HSS_LMS_TYPES, lms),                                 \
        ATTR_A(CKA_HSS_LMOTS_TYPES, lmots)

static CK_ULONG one_lms[] = {H5}, one_lmots[] = {W2};
static CK_ULONG two_lms[] = {H5, H5}, two_lmots[] = {W2, W4};

static CK_RV pair_rv(struct template private_template, struct pair *pair)
{
    return generate_pair_rv(CKM_HSS_KEY_PAIR_GEN, TEMPLATE(ATTR_B(CKA_VERIFY, CK_TRUE)),
                            private_template, &pair->public, &pair->private);
}

static void require_hss(void)
{
    require_mechanism(CKM_HSS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR);
    require_mechanism(CKM_HSS, CKF_SIGN | CKF_VERIFY);
}

static struct pair make_pair(void)
{
    struct pair pair = {0, 0};
    require_hss();
    EXPECT_OK(pair_rv(TEMPLATE(ATTR_B(CKA_SIGN, CK_TRUE), LEVELS(1, one_lms, one_lmots)), &pair));
    return pair;
}

static CK_RV sign_rv(CK_OBJECT_HANDLE key)
{
    signature_length = sizeof signature;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_HSS), key));
    return F->C_Sign(S, DATA, signature, &signature_length);
}

static CK_RV verify_rv(CK_OBJECT_HANDLE key)
{
    EXPECT_OK(F->C_VerifyInit(S, MECHANISM(CKM_HSS), key));
    return F->C_Verify(S, DATA, signature, signature_length);
}

/* 4 + (levels - 1) * 56 + levels * (8 + 36 + 32 * p + 32 * h) */
static CK_ULONG length_of(CK_ULONG digits, CK_ULONG height)
{
    return 8 + 36 + 32 * digits + 32 * height;
}

static void info(void)
{
    static const CK_MECHANISM_TYPE types[] = {CKM_HSS_KEY_PAIR_GEN, CKM_HSS};
    require_hss();
    for (size_t i = 0; i < 2; i++) {
        CK_MECHANISM_INFO found;
        EXPECT_OK(F->C_GetMechanismInfo(env.slot, types[i], &found));
        EXPECT_EQUAL(found.ulMinKeySize, 0);
        EXPECT_EQUAL(found.ulMaxKeySize, 0);
    }
}

/* RFC 9708: the algorithm id-alg-hss-lms-hashsig without parameters, and the bytes of RFC 8554. */
static void public_key_info(void)
{
    static const CK_BYTE head[] = {0x30, 0x4e, 0x30, 0x0d, 0x06, 0x0b, 0x2a, 0x86, 0x48, 0x86,
                                   0xf7, 0x0d, 0x01, 0x09, 0x10, 0x03, 0x11, 0x03, 0x3d, 0x00};
    CK_BYTE right[80], value[128];
    struct pair pair = make_pair();
    CK_OBJECT_HANDLE copy = 0;
    memcpy(right, head, sizeof head);
    EXPECT_EQUAL(get_bytes(pair.public, CKA_VALUE, right + sizeof head, 60), 60);
    EXPECT_BYTES(value, get_bytes(pair.public, CKA_PUBLIC_KEY_INFO, value, sizeof value), right,
                 sizeof right);
    EXPECT_BYTES(value, get_bytes(pair.private, CKA_PUBLIC_KEY_INFO, value, sizeof value), right,
                 sizeof right);
    EXPECT(SET_RV(pair.private, ATTR_S(CKA_PUBLIC_KEY_INFO, "another key")),
           CKR_ATTRIBUTE_VALUE_INVALID);
    copy = CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HSS),
                  ATTR_X(CKA_VALUE, right + sizeof head, 60));
    EXPECT_BYTES(value, get_bytes(copy, CKA_PUBLIC_KEY_INFO, value, sizeof value), right,
                 sizeof right);
}

static void pair_attributes(void)
{
    CK_BYTE value[64];
    struct pair pair = make_pair();
    EXPECT_EQUAL(get_ulong(pair.public, CKA_HSS_LEVELS), 1);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_HSS_LMS_TYPE), H5);
    EXPECT_EQUAL(get_ulong(pair.public, CKA_HSS_LMOTS_TYPE), W2);
    EXPECT_EQUAL(get_bytes(pair.public, CKA_VALUE, value, sizeof value), 60);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_LEVELS), 1);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_KEY_GEN_MECHANISM), CKM_HSS_KEY_PAIR_GEN);
    EXPECT_EQUAL(get_bool(pair.private, CKA_SENSITIVE), CK_TRUE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_EXTRACTABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_COPYABLE), CK_FALSE);
    EXPECT_EQUAL(get_bool(pair.private, CKA_ALWAYS_SENSITIVE), CK_TRUE);
}

static void types_list(void)
{
    CK_ULONG list[4] = {0};
    struct pair pair = {0, 0};
    require_hss();
    EXPECT_OK(pair_rv(TEMPLATE(LEVELS(2, two_lms, two_lmots)), &pair));
    EXPECT_EQUAL(get_bytes(pair.private, CKA_HSS_LMOTS_TYPES, list, sizeof list),
                 2 * sizeof(CK_ULONG));
    EXPECT_EQUAL(list[0], W2);
    EXPECT_EQUAL(list[1], W4);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES * LEAVES);
}

static void stays_here(void)
{
    struct pair pair = make_pair();
    CK_BYTE wrapped[16384];
    CK_ULONG length = sizeof wrapped;
    expect_secret(pair.private, CKA_VALUE);
    EXPECT(COPY_RV(pair.private, ATTR_S(CKA_LABEL, "copy")), CKR_ACTION_PROHIBITED);
    EXPECT_ANY(SET_RV(pair.private, ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), CKR_ATTRIBUTE_READ_ONLY,
               CKR_TEMPLATE_INCONSISTENT);
    EXPECT_FAILURE(SET_RV(pair.private, ATTR_B(CKA_COPYABLE, CK_TRUE)));
    EXPECT_FAILURE(SET_RV(pair.private, ATTR_U(CKA_HSS_KEYS_REMAINING, LEAVES)));
    if (has_mechanism(CKM_AES_KEY_WRAP_KWP, CKF_WRAP)) {
        CK_OBJECT_HANDLE by = key_aes(32, ANY_LABEL);
        EXPECT_ANY(
            F->C_WrapKey(S, MECHANISM(CKM_AES_KEY_WRAP_KWP), by, pair.private, wrapped, &length),
            CKR_KEY_UNEXTRACTABLE, CKR_KEY_NOT_WRAPPABLE);
    }
}

static void pair_refused(void)
{
    static CK_ULONG high[] = {25}, three[] = {H5, H5, H5};
    struct pair pair = {0, 0};
    require_hss();
    EXPECT(pair_rv(NO_ATTRIBUTES, &pair), CKR_TEMPLATE_INCOMPLETE);
    EXPECT(pair_rv(TEMPLATE(LEVELS(2, one_lms, one_lmots)), &pair), CKR_TEMPLATE_INCONSISTENT);
    EXPECT(pair_rv(TEMPLATE(LEVELS(3, three, two_lmots)), &pair), CKR_TEMPLATE_INCONSISTENT);
    EXPECT_FAILURE(pair_rv(TEMPLATE(LEVELS(1, high, one_lmots)), &pair));
    EXPECT_FAILURE(pair_rv(TEMPLATE(LEVELS(1, one_lms, high)), &pair));
    EXPECT(
        pair_rv(TEMPLATE(LEVELS(1, one_lms, one_lmots), ATTR_B(CKA_EXTRACTABLE, CK_TRUE)), &pair),
        CKR_TEMPLATE_INCONSISTENT);
    EXPECT(pair_rv(TEMPLATE(LEVELS(1, one_lms, one_lmots), ATTR_B(CKA_SENSITIVE, CK_FALSE)), &pair),
           CKR_TEMPLATE_INCONSISTENT);
    EXPECT(pair_rv(TEMPLATE(LEVELS(1, one_lms, one_lmots), ATTR_B(CKA_COPYABLE, CK_TRUE)), &pair),
           CKR_TEMPLATE_INCONSISTENT);
}

static void signs(void)
{
    struct pair pair = make_pair();
    EXPECT_OK(sign_rv(pair.private));
    EXPECT_EQUAL(signature_length, 4 + length_of(133, 5));
    EXPECT_OK(verify_rv(pair.public));
    signature[signature_length / 2] ^= 1;
    EXPECT(verify_rv(pair.public), CKR_SIGNATURE_INVALID);
    signature[signature_length / 2] ^= 1;
    signature_length--;
    EXPECT(verify_rv(pair.public), CKR_SIGNATURE_LEN_RANGE);
    signature_length++;
    struct pair other = make_pair();
    EXPECT(verify_rv(other.public), CKR_SIGNATURE_INVALID);
}

static void signs_in_two_levels(void)
{
    struct pair pair = {0, 0};
    require_hss();
    EXPECT_OK(pair_rv(TEMPLATE(LEVELS(2, two_lms, two_lmots)), &pair));
    for (int i = 0; i < LEAVES + 2; i++) { /* into the second tree */
        EXPECT_OK(sign_rv(pair.private));
        EXPECT_EQUAL(signature_length, 4 + length_of(133, 5) + 56 + length_of(67, 5));
        EXPECT_OK(verify_rv(pair.public));
    }
}

static void each_takes_one(void)
{
    struct pair pair = make_pair();
    CK_ULONG length = 0;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_HSS), pair.private));
    EXPECT_OK(F->C_Sign(S, DATA, NULL, &length));
    EXPECT_EQUAL(length, 4 + length_of(133, 5));
    length--;
    EXPECT(F->C_Sign(S, DATA, signature, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES);
    length = sizeof signature;
    EXPECT_OK(F->C_Sign(S, DATA, signature, &length));
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES - 1);
}

/* The number of the leaf stands first in the signature of a tree. */
static void until_exhausted(CK_BBOOL is_token)
{
    static CK_BBOOL used[LEAVES];
    struct pair pair = {0, 0};
    require_hss();
    memset(used, 0, sizeof used);
    if (is_token)
        token_objects_made();
    CK_RV made =
        pair_rv(TEMPLATE(ATTR_B(CKA_TOKEN, is_token), LEVELS(1, one_lms, one_lmots)), &pair);
    if (is_token && made == CKR_ATTRIBUTE_VALUE_INVALID)
        check_skip("the token keeps no such keys");
    EXPECT_OK(made);
    for (CK_ULONG i = 0; i < LEAVES; i++) {
        EXPECT_OK(sign_rv(pair.private));
        CK_ULONG leaf = signature[7];
        EXPECT_TRUE(leaf < LEAVES && !used[leaf]);
        used[leaf] = CK_TRUE;
        EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES - 1 - i);
    }
    CK_RV rv = F->C_SignInit(S, MECHANISM(CKM_HSS), pair.private);
    if (rv == CKR_OK) {
        signature_length = sizeof signature;
        rv = F->C_Sign(S, DATA, signature, &signature_length);
    }
    EXPECT(rv, CKR_KEY_EXHAUSTED);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), 0);
}

static void exhausted(void)
{
    until_exhausted(CK_FALSE);
}

static void exhausted_token(void)
{
    until_exhausted(CK_TRUE);
}

/* Each session has seen the key before the other one signed. */
static void two_sessions(void)
{
    struct pair pair = make_pair();
    CK_SESSION_HANDLE other = open_session(CKF_RW_SESSION);
    CK_BYTE second[sizeof signature];
    CK_ULONG length = sizeof second;
    EXPECT_OK(F->C_SignInit(S, MECHANISM(CKM_HSS), pair.private));
    EXPECT_OK(F->C_SignInit(other, MECHANISM(CKM_HSS), pair.private));
    signature_length = sizeof signature;
    EXPECT_OK(F->C_Sign(S, DATA, signature, &signature_length));
    EXPECT_OK(F->C_Sign(other, DATA, second, &length));
    EXPECT_TRUE(signature[7] != second[7]);
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES - 2);
}

static void verify_later(void)
{
    struct pair pair = make_pair();
    REQUIRE_FUNCTION(C_VerifySignatureInit);
    EXPECT_OK(sign_rv(pair.private));
    EXPECT_OK(
        F->C_VerifySignatureInit(S, MECHANISM(CKM_HSS), pair.public, signature, signature_length));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data, 5));
    EXPECT_OK(F->C_VerifySignatureUpdate(S, data + 5, sizeof data - 6));
    EXPECT_OK(F->C_VerifySignatureFinal(S));
    EXPECT_OK(
        F->C_VerifySignatureInit(S, MECHANISM(CKM_HSS), pair.public, signature, signature_length));
    EXPECT(F->C_VerifySignature(S, data, 5), CKR_SIGNATURE_INVALID);
}

static void many_messages(void)
{
    struct pair pair = make_pair();
    REQUIRE_FUNCTION(C_MessageSignInit);
    CK_MECHANISM_INFO found;
    EXPECT_OK(F->C_GetMechanismInfo(env.slot, CKM_HSS, &found));
    if ((found.flags & CKF_MESSAGE_SIGN) == 0)
        check_skip("CKM_HSS signs no messages");
    EXPECT_OK(F->C_MessageSignInit(S, MECHANISM(CKM_HSS), pair.private));
    for (CK_BYTE i = 0; i < 3; i++) {
        signature_length = sizeof signature;
        EXPECT_OK(F->C_SignMessage(S, NULL, 0, DATA, signature, &signature_length));
        EXPECT_EQUAL(signature[7], i);
        EXPECT_OK(verify_rv(pair.public));
    }
    EXPECT_OK(F->C_MessageSignFinal(S));
    EXPECT_EQUAL(get_ulong(pair.private, CKA_HSS_KEYS_REMAINING), LEAVES - 3);
}

static void imported_public(void)
{
    CK_BYTE value[64];
    struct pair pair = make_pair();
    EXPECT_OK(sign_rv(pair.private));
    CK_ULONG length = get_bytes(pair.public, CKA_VALUE, value, sizeof value);
    CK_OBJECT_HANDLE key = CREATE(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HSS),
                                  ATTR_B(CKA_VERIFY, CK_TRUE), ATTR_X(CKA_VALUE, value, length));
    EXPECT_OK(verify_rv(key));
    EXPECT_EQUAL(get_ulong(key, CKA_HSS_LEVELS), 1);
    EXPECT_FAILURE(CREATE_RV(ATTR_U(CKA_CLASS, CKO_PUBLIC_KEY), ATTR_U(CKA_KEY_TYPE, CKK_HSS),
                             ATTR_X(CKA_VALUE, value, length - 1)));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, info, "HSS key pair generation", "the key sizes of the mechanisms are 0"),
    CHECK(FIX_USER, pair_attributes, "HSS key pair generation", "the mechanism contributes values, types and the keys that remain"),
    CHECK(FIX_USER, public_key_info, "HSS public key objects", "CKA_PUBLIC_KEY_INFO is the SubjectPublicKeyInfo of RFC 9708, of both keys"),
    CHECK(FIX_USER, types_list, "HSS private key objects", "a type per level, from the top"),
    CHECK(FIX_USER, stays_here, "HSS private key objects", "no value, no copy, not wrapped, nothing of that can be changed"),
    CHECK(FIX_USER, pair_refused, "HSS private key objects", "as many types as levels; sensitive, not extractable, not copyable"),
    CHECK(FIX_USER, signs, "HSS Signature", "verifies; not with a bit changed, a byte less or another key"),
    CHECK(FIX_USER, signs_in_two_levels, "HSS Signature", "also where one lower tree ends and the next begins"),
    CHECK(FIX_USER, each_takes_one, "HSS private key objects", "a signature takes one key, asking for its length none"),
    CHECK(FIX_USER, exhausted, "HSS Signature", "each leaf once, then CKR_KEY_EXHAUSTED"),
    CHECK(FIX_USER, exhausted_token, "HSS Signature", "the same with a token object"),
    CHECK(FIX_USER, two_sessions, "HSS Signature", "two sessions never sign with one leaf"),
    CHECK(FIX_USER, verify_later, "C_VerifySignatureInit", "the data may come in parts"),
    CHECK(FIX_USER, many_messages, "C_SignMessage", "each message takes a leaf of its own"),
    CHECK(FIX_USER, imported_public, "HSS public key objects", "verifies when imported; another length is refused"),
};
/* clang-format on */

void chapter_hss(void)
{
    check_add_table("hss", checks);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random numbers.
 */
#include <string.h>

#include "env.h"

static void need_rng(void)
{
    if ((token_info().flags & CKF_RNG) == 0)
        check_skip("the token has no random number generator");
}

static void generates(void)
{
    CK_BYTE random[33];
    need_rng();
    memset(random, 0, sizeof random);
    for (size_t length = 1; length < sizeof random; length++) {
        EXPECT_OK(F->C_GenerateRandom(S, random, length));
        EXPECT_EQUAL(random[32], 0);
    }
}

static void differs(void)
{
    CK_BYTE one[32], other[32];
    need_rng();
    EXPECT_OK(F->C_GenerateRandom(S, one, sizeof one));
    EXPECT_OK(F->C_GenerateRandom(S, other, sizeof other));
    EXPECT_TRUE(memcmp(one, other, sizeof one) != 0);
}

static void looks_random(void)
{
    /* The bits of 100,000 bytes: half of them ones, within eight standard deviations. */
    static CK_BYTE random[100000];
    CK_ULONG ones = 0;
    need_rng();
    EXPECT_OK(F->C_GenerateRandom(S, random, sizeof random));
    for (size_t i = 0; i < sizeof random; i++)
        ones += (CK_ULONG)__builtin_popcount(random[i]);
    EXPECT_TRUE(ones > 396400 && ones < 403600);
}

static void fills_all(void)
{
    CK_BYTE random[64] = {0};
    bool touched[64] = {false};
    need_rng();
    for (int i = 0; i < 20; i++) {
        EXPECT_OK(F->C_GenerateRandom(S, random, sizeof random));
        for (size_t k = 0; k < sizeof random; k++)
            touched[k] = touched[k] || random[k] != 0;
    }
    for (size_t k = 0; k < sizeof random; k++)
        EXPECT_TRUE(touched[k]);
}

static void nothing(void)
{
    CK_BYTE random[1] = {0x5a};
    need_rng();
    EXPECT_OK(F->C_GenerateRandom(S, random, 0));
    EXPECT_EQUAL(random[0], 0x5a);
}

static void null_argument(void)
{
    need_rng();
    EXPECT(F->C_GenerateRandom(S, NULL, 16), CKR_ARGUMENTS_BAD);
}

static void seed(void)
{
    CK_BYTE bytes[16] = "seed material..";
    need_rng();
    EXPECT_ANY(F->C_SeedRandom(S, bytes, sizeof bytes), CKR_OK, CKR_RANDOM_SEED_NOT_SUPPORTED);
}

static void seed_does_not_determine(void)
{
    CK_BYTE bytes[16] = "seed material..", one[32], other[32];
    need_rng();
    EXPECT_ANY(F->C_SeedRandom(S, bytes, sizeof bytes), CKR_OK, CKR_RANDOM_SEED_NOT_SUPPORTED);
    EXPECT_OK(F->C_GenerateRandom(S, one, sizeof one));
    EXPECT_ANY(F->C_SeedRandom(S, bytes, sizeof bytes), CKR_OK, CKR_RANDOM_SEED_NOT_SUPPORTED);
    EXPECT_OK(F->C_GenerateRandom(S, other, sizeof other));
    EXPECT_TRUE(memcmp(one, other, sizeof one) != 0);
}

static void seed_null(void)
{
    need_rng();
    EXPECT_ANY(F->C_SeedRandom(S, NULL, 16), CKR_ARGUMENTS_BAD, CKR_RANDOM_SEED_NOT_SUPPORTED);
}

static void beside_operation(void)
{
    CK_BYTE random[16], out[32];
    CK_ULONG length = sizeof out;
    need_rng();
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_GenerateRandom(S, random, sizeof random));
    EXPECT_OK(F->C_Digest(S, random, sizeof random, out, &length));
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_PUBLIC, generates, "C_GenerateRandom", "gives as many bytes as asked for and no more"),
    CHECK(FIX_PUBLIC, differs, "C_GenerateRandom", "never the same twice"),
    CHECK(FIX_PUBLIC, looks_random, "C_GenerateRandom", "half of the bits are ones"),
    CHECK(FIX_PUBLIC, fills_all, "C_GenerateRandom", "fills the whole buffer"),
    CHECK(FIX_PUBLIC, nothing, "C_GenerateRandom", "of no bytes writes none"),
    CHECK(FIX_PUBLIC, null_argument, "C_GenerateRandom", "CKR_ARGUMENTS_BAD for a NULL buffer"),
    CHECK(FIX_PUBLIC, seed, "C_SeedRandom", "works or is CKR_RANDOM_SEED_NOT_SUPPORTED"),
    CHECK(FIX_PUBLIC, seed_does_not_determine, "C_SeedRandom", "mixes in; the same seed does not give the same numbers"),
    CHECK(FIX_PUBLIC, seed_null, "C_SeedRandom", "CKR_ARGUMENTS_BAD for a NULL seed"),
    CHECK(FIX_PUBLIC, beside_operation, "C_GenerateRandom", "does not disturb an operation"),
};
/* clang-format on */

void chapter_random(void)
{
    check_add_table("random", checks);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message digests: known answers, OpenSSL's opinion, and the rules of the operation.
 */
#include <string.h>

#include "keys.h"
#include "ossl.h"

static CK_BYTE abc[] = "abc";

/* ---- every digest mechanism ---- */

struct row {
    const char *name;
    CK_MECHANISM_TYPE type;
    const char *openssl;
    CK_ULONG length;
    const char *of_abc; /* FIPS 180-4, FIPS 202 and RFC 1321 give these for "abc" */
};

/* clang-format off */
static const struct row rows[] = {
    { "CKM_MD5", CKM_MD5, "MD5", 16, "900150983cd24fb0d6963f7d28e17f72" },
    { "CKM_SHA_1", CKM_SHA_1, "SHA1", 20, "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { "CKM_SHA224", CKM_SHA224, "SHA2-224", 28, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7" },
    { "CKM_SHA256", CKM_SHA256, "SHA2-256", 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
    { "CKM_SHA384", CKM_SHA384, "SHA2-384", 48, "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7" },
    { "CKM_SHA512", CKM_SHA512, "SHA2-512", 64, "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
    { "CKM_SHA512_224", CKM_SHA512_224, "SHA2-512/224", 28, "4634270f707b6a54daae7530460842e20e37ed265ceee9a43e8924aa" },
    { "CKM_SHA512_256", CKM_SHA512_256, "SHA2-512/256", 32, "53048e2681941ef99b2e29b76b4c7dabe4c2d0c634fc6d46e0e2f13107e7af23" },
    { "CKM_SHA3_224", CKM_SHA3_224, "SHA3-224", 28, "e642824c3f8cf24ad09234ee7d3c766fc9a3a5168d0c94ad73b46fdf" },
    { "CKM_SHA3_256", CKM_SHA3_256, "SHA3-256", 32, "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532" },
    { "CKM_SHA3_384", CKM_SHA3_384, "SHA3-384", 48, "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25" },
    { "CKM_SHA3_512", CKM_SHA3_512, "SHA3-512", 64, "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0" },
};
/* clang-format on */

static void begin(const struct row *row)
{
    require_mechanism(row->type, CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(row->type)));
}

static void known_answer(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE out[64], right[64];
    CK_ULONG length = sizeof out;
    begin(row);
    EXPECT_OK(F->C_Digest(S, abc, 3, out, &length));
    EXPECT_BYTES(out, length, right, from_hex(row->of_abc, right));
}

static void empty_message(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE out[64], right[64];
    CK_ULONG length = sizeof out;
    begin(row);
    EXPECT_OK(F->C_Digest(S, abc, 0, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest(row->openssl, abc, 0, right));
    length = sizeof out;
    begin(row);
    EXPECT_OK(F->C_DigestFinal(S, out, &length));
    EXPECT_BYTES(out, length, right, row->length);
}

static void in_parts(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE data[1000], out[64], right[64];
    CK_ULONG length = sizeof out, step = 0;
    fill_bytes(data, sizeof data, 5);
    begin(row);
    for (CK_ULONG done = 0; done < sizeof data; done += step) {
        step = done % 137 + 1;
        if (step > sizeof data - done)
            step = sizeof data - done;
        EXPECT_OK(F->C_DigestUpdate(S, data + done, step));
    }
    EXPECT_OK(F->C_DigestFinal(S, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest(row->openssl, data, sizeof data, right));
}

static void lengths(const void *argument)
{
    const struct row *row = argument;
    CK_BYTE out[64];
    CK_ULONG length = 0;
    begin(row);
    EXPECT_OK(F->C_Digest(S, abc, 3, NULL, &length));
    EXPECT_EQUAL(length, row->length);
    length = row->length - 1;
    EXPECT(F->C_Digest(S, abc, 3, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, row->length);
    EXPECT_OK(F->C_Digest(S, abc, 3, out, &length));
    EXPECT_EQUAL(length, row->length);
}

/* ---- the operation, with SHA-256 ---- */

static void start(void)
{
    require_mechanism(CKM_SHA256, CKF_DIGEST);
    EXPECT_OK(F->C_DigestInit(S, MECHANISM(CKM_SHA256)));
}

static CK_RV finish_rv(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    return F->C_DigestFinal(S, out, &length);
}

static void ends_after_digest(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    start();
    EXPECT_OK(F->C_Digest(S, abc, 3, out, &length));
    EXPECT(F->C_Digest(S, abc, 3, out, &length), CKR_OPERATION_NOT_INITIALIZED);
    start();
}

static void ends_after_final(void)
{
    start();
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    EXPECT_OK(finish_rv());
    EXPECT(finish_rv(), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT(F->C_DigestUpdate(S, abc, 3), CKR_OPERATION_NOT_INITIALIZED);
}

static void query_stays_active(void)
{
    CK_BYTE out[32], right[64];
    CK_ULONG length = 0;
    start();
    EXPECT_OK(F->C_Digest(S, abc, 3, NULL, &length));
    length = sizeof out;
    EXPECT_OK(F->C_Digest(S, abc, 3, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest("SHA2-256", abc, 3, right));
}

static void final_query_stays_active(void)
{
    CK_BYTE out[32], right[64];
    CK_ULONG length = 0;
    start();
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    EXPECT_OK(F->C_DigestFinal(S, NULL, &length));
    EXPECT_EQUAL(length, 32);
    length = 31;
    EXPECT(F->C_DigestFinal(S, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_EQUAL(length, 32);
    EXPECT_OK(F->C_DigestFinal(S, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest("SHA2-256", abc, 3, right));
}

static void active(void)
{
    start();
    EXPECT(F->C_DigestInit(S, MECHANISM(CKM_SHA256)), CKR_OPERATION_ACTIVE);
    EXPECT_OK(finish_rv());
}

static void cancelled_by_null(void)
{
    start();
    CK_RV rv = F->C_DigestInit(S, NULL);
    if (rv == CKR_ARGUMENTS_BAD && env.list_3_0 == NULL)
        check_skip("a 2.40 library does not know this");
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(finish_rv(), CKR_OPERATION_NOT_INITIALIZED);
}

static void digest_after_update(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    start();
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    EXPECT_FAILURE(F->C_Digest(S, abc, 3, out, &length));
}

static void null_arguments(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    start();
    EXPECT(F->C_Digest(S, abc, 3, out, NULL), CKR_ARGUMENTS_BAD);
    env_reset();
    env_begin(FIX_USER);
    start();
    EXPECT(F->C_Digest(S, NULL, 3, out, &length), CKR_ARGUMENTS_BAD);
    env_reset();
    env_begin(FIX_USER);
    start();
    EXPECT(F->C_DigestUpdate(S, NULL, 3), CKR_ARGUMENTS_BAD);
    env_reset();
    env_begin(FIX_USER);
    start();
    EXPECT(F->C_DigestFinal(S, out, NULL), CKR_ARGUMENTS_BAD);
}

static void error_ends(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    start();
    EXPECT_FAILURE(F->C_DigestUpdate(S, NULL, 3));
    EXPECT(F->C_DigestFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void failed_init_leaves_none(void)
{
    EXPECT_FAILURE(F->C_DigestInit(S, MECHANISM(0x7fff4711)));
    EXPECT(finish_rv(), CKR_OPERATION_NOT_INITIALIZED);
}

static void parameter_given(void)
{
    require_mechanism(CKM_SHA256, CKF_DIGEST);
    EXPECT_ANY(F->C_DigestInit(S, MECHANISM_X(CKM_SHA256, "unwanted", 8)),
               CKR_MECHANISM_PARAM_INVALID, CKR_OK);
}

static void same_place(void)
{
    CK_BYTE buffer[32] = "abc", right[64];
    CK_ULONG length = sizeof buffer;
    start();
    EXPECT_OK(F->C_Digest(S, buffer, 3, buffer, &length));
    EXPECT_BYTES(buffer, length, right, ossl_digest("SHA2-256", abc, 3, right));
}

static void public_session(void)
{
    CK_BYTE out[32];
    CK_ULONG length = sizeof out;
    start();
    EXPECT_OK(F->C_Digest(S, abc, 3, out, &length));
}

static void sessions_are_independent(void)
{
    CK_BYTE one[32], other[32], right[64];
    CK_ULONG length = sizeof one, other_length = sizeof other;
    CK_SESSION_HANDLE second = open_session(0);
    start();
    EXPECT_OK(F->C_DigestInit(second, MECHANISM(CKM_SHA256)));
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    EXPECT_OK(F->C_DigestUpdate(second, abc, 1));
    EXPECT_OK(F->C_DigestFinal(S, one, &length));
    EXPECT_OK(F->C_DigestFinal(second, other, &other_length));
    EXPECT_BYTES(one, length, right, ossl_digest("SHA2-256", abc, 3, right));
    EXPECT_BYTES(other, other_length, right, ossl_digest("SHA2-256", abc, 1, right));
}

/* ---- C_DigestKey ---- */

static void key_is_digested(void)
{
    CK_BYTE out[32], right[64], data[3 + 20 + 3];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE key = key_hmac(20, CK_TRUE);
    memcpy(data, "abc", 3);
    memcpy(data + 3, key_value(), 20);
    memcpy(data + 23, "abc", 3);
    start();
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    CK_RV rv = F->C_DigestKey(S, key);
    if (rv == CKR_KEY_INDIGESTIBLE)
        check_skip("the token does not digest keys");
    EXPECT_OK(rv);
    EXPECT_OK(F->C_DigestUpdate(S, abc, 3));
    EXPECT_OK(F->C_DigestFinal(S, out, &length));
    EXPECT_BYTES(out, length, right, ossl_digest("SHA2-256", data, sizeof data, right));
}

static void key_without_init(void)
{
    EXPECT(F->C_DigestKey(S, key_hmac(20, CK_TRUE)), CKR_OPERATION_NOT_INITIALIZED);
}

static void key_invalid(void)
{
    start();
    EXPECT(F->C_DigestKey(S, 0x7fff4711), CKR_KEY_HANDLE_INVALID);
}

static void key_not_secret(void)
{
    CK_OBJECT_HANDLE key = key_rsa_public(ANY_LABEL);
    start();
    EXPECT_ANY(F->C_DigestKey(S, key), CKR_KEY_INDIGESTIBLE, CKR_KEY_HANDLE_INVALID);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, ends_after_digest, "C_Digest", "ends the operation"),
    CHECK(FIX_USER, ends_after_final, "C_DigestFinal", "ends the operation"),
    CHECK(FIX_USER, query_stays_active, "C_Digest", "a length query leaves the operation as it was"),
    CHECK(FIX_USER, final_query_stays_active, "C_DigestFinal", "a length query and CKR_BUFFER_TOO_SMALL leave the operation as it was"),
    CHECK(FIX_USER, active, "C_DigestInit", "CKR_OPERATION_ACTIVE while a digest is active, which goes on"),
    CHECK(FIX_USER, cancelled_by_null, "C_DigestInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, digest_after_update, "C_Digest", "can't end a multiple-part operation"),
    CHECK(FIX_USER, null_arguments, "C_Digest", "CKR_ARGUMENTS_BAD for NULL data, part or length"),
    CHECK(FIX_USER, error_ends, "C_DigestUpdate", "an error ends the operation"),
    CHECK(FIX_USER, failed_init_leaves_none, "C_DigestInit", "a failed call leaves no operation"),
    CHECK(FIX_USER, parameter_given, "SHA-256 digest", "a parameter is refused or ignored"),
    CHECK(FIX_USER, same_place, "C_Digest", "data and digest may be in the same place"),
    CHECK(FIX_PUBLIC, public_session, "C_DigestInit", "needs no login"),
    CHECK(FIX_USER, sessions_are_independent, "C_DigestInit", "each session has a digest of its own"),
    CHECK(FIX_USER, key_is_digested, "C_DigestKey", "digests the key's value in its turn"),
    CHECK(FIX_USER, key_without_init, "C_DigestKey", "CKR_OPERATION_NOT_INITIALIZED without C_DigestInit"),
    CHECK(FIX_USER, key_invalid, "C_DigestKey", "CKR_KEY_HANDLE_INVALID for what is no handle"),
    CHECK(FIX_USER, key_not_secret, "C_DigestKey", "refuses a public key"),
};

static const struct check row_checks[] = {
    CHECK_ROW(FIX_PUBLIC, known_answer, "C_Digest", "the digest of \"abc\""),
    CHECK_ROW(FIX_PUBLIC, empty_message, "C_Digest", "the digest of nothing, with and without C_DigestUpdate"),
    CHECK_ROW(FIX_PUBLIC, in_parts, "C_DigestUpdate", "parts of any length make OpenSSL's digest"),
    CHECK_ROW(FIX_PUBLIC, lengths, "Conventions for functions returning output in a variable-length buffer", "the length; CKR_BUFFER_TOO_SMALL for one byte less, then it works"),
};
/* clang-format on */

void chapter_digest(void)
{
    check_add_table("digest", checks);
    check_add_rows("digest", row_checks, rows);
}

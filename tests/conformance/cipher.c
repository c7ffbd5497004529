/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of encryption and decryption operations, with AES.
 */
#include <string.h>

#include "keys.h"

static CK_BYTE iv[16] = "initial vector!!";
static CK_BYTE plain[64];

static CK_MECHANISM *cbc(void)
{
    static CK_MECHANISM mechanism = {CKM_AES_CBC, iv, sizeof iv};
    require_mechanism(CKM_AES_CBC, CKF_ENCRYPT | CKF_DECRYPT);
    return &mechanism;
}

static CK_MECHANISM *cbc_pad(void)
{
    static CK_MECHANISM mechanism = {CKM_AES_CBC_PAD, iv, sizeof iv};
    require_mechanism(CKM_AES_CBC_PAD, CKF_ENCRYPT | CKF_DECRYPT);
    return &mechanism;
}

static CK_OBJECT_HANDLE key(void)
{
    fill_bytes(plain, sizeof plain, 21);
    return key_aes(16, ANY_LABEL);
}

static void start_encrypt(CK_MECHANISM *mechanism)
{
    EXPECT_OK(F->C_EncryptInit(S, mechanism, key()));
}

static void start_decrypt(CK_MECHANISM *mechanism)
{
    EXPECT_OK(F->C_DecryptInit(S, mechanism, key()));
}

static CK_RV encrypt_rv(CK_BYTE *out, CK_ULONG *length)
{
    return F->C_Encrypt(S, plain, sizeof plain, out, length);
}

static CK_ULONG encrypted(CK_MECHANISM *mechanism, CK_BYTE *out)
{
    CK_ULONG length = 128;
    start_encrypt(mechanism);
    EXPECT_OK(encrypt_rv(out, &length));
    return length;
}

/* ---- encrypting ---- */

static void encrypt_ends(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT_OK(encrypt_rv(out, &length));
    EXPECT(encrypt_rv(out, &length), CKR_OPERATION_NOT_INITIALIZED);
    start_encrypt(cbc());
}

static void encrypt_query(void)
{
    CK_BYTE out[128];
    CK_ULONG length = 0;
    start_encrypt(cbc_pad());
    EXPECT_OK(encrypt_rv(NULL, &length));
    EXPECT_TRUE(length >= 80 && length <= 128);
    EXPECT_OK(encrypt_rv(out, &length));
    EXPECT_EQUAL(length, 80);
}

static void encrypt_too_small(void)
{
    CK_BYTE out[128], right[128];
    CK_ULONG length = 63;
    encrypted(cbc(), right);
    memset(out, 0xa5, sizeof out);
    start_encrypt(cbc());
    EXPECT(encrypt_rv(out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 64);
    EXPECT_EQUAL(out[63], 0xa5);
    length = sizeof out;
    EXPECT_OK(encrypt_rv(out, &length));
    EXPECT_BYTES(out, length, right, 64);
    EXPECT_EQUAL(out[64], 0xa5);
}

static void encrypt_active(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT(F->C_EncryptInit(S, cbc(), key()), CKR_OPERATION_ACTIVE);
    EXPECT_OK(encrypt_rv(out, &length));
}

static void encrypt_cancelled(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE handle = key();
    EXPECT_OK(F->C_EncryptInit(S, cbc(), handle));
    CK_RV rv = F->C_EncryptInit(S, NULL, handle);
    if (rv == CKR_ARGUMENTS_BAD && env.list_3_0 == NULL)
        check_skip("a 2.40 library does not know this");
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(encrypt_rv(out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_final_ends(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 32, out, &length));
    EXPECT_EQUAL(length, 32);
    length = sizeof out;
    EXPECT_OK(F->C_EncryptFinal(S, out, &length));
    EXPECT_EQUAL(length, 0);
    length = sizeof out;
    EXPECT(F->C_EncryptFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_update_query(void)
{
    CK_BYTE out[128], right[128];
    CK_ULONG length = 0, total = 0;
    encrypted(cbc(), right);
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 48, NULL, &length));
    EXPECT_TRUE(length >= 48 && length <= 96);
    length = 47;
    EXPECT(F->C_EncryptUpdate(S, plain, 48, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 48);
    length = sizeof out;
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 48, out, &length));
    total = length;
    length = sizeof out - total;
    EXPECT_OK(F->C_EncryptUpdate(S, plain + 48, 16, out + total, &length));
    EXPECT_BYTES(out, total + length, right, 64);
}

static void encrypt_final_query(void)
{
    CK_BYTE out[128], right[128];
    CK_ULONG length = 0, total = 64;
    CK_ULONG right_length = encrypted(cbc_pad(), right);
    start_encrypt(cbc_pad());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, sizeof plain, out, &total));
    EXPECT_OK(F->C_EncryptFinal(S, NULL, &length));
    EXPECT_TRUE(length >= right_length - total);
    length = 1;
    EXPECT(F->C_EncryptFinal(S, out + total, &length), CKR_BUFFER_TOO_SMALL);
    length = sizeof out - total;
    EXPECT_OK(F->C_EncryptFinal(S, out + total, &length));
    EXPECT_BYTES(out, total + length, right, right_length);
}

static void encrypt_after_update(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 16, out, &length));
    length = sizeof out;
    EXPECT_FAILURE(encrypt_rv(out, &length));
}

static void encrypt_as_much_as_possible(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 20, out, &length));
    EXPECT_EQUAL(length, 16);
    length = sizeof out;
    EXPECT_OK(F->C_EncryptUpdate(S, plain + 20, 12, out + 16, &length));
    EXPECT_EQUAL(length, 16);
}

static void encrypt_not_whole_blocks(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT(F->C_Encrypt(S, plain, 17, out, &length), CKR_DATA_LEN_RANGE);
    length = sizeof out;
    EXPECT(F->C_Encrypt(S, plain, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

/* A length query may say already that there is no output for these data: it then ends the
 * operation, as an error does. Otherwise the call that hands in the buffer says it. */
static void encrypt_query_not_whole_blocks(void)
{
    CK_BYTE out[128];
    CK_ULONG length = 0;
    start_encrypt(cbc());
    CK_RV rv = F->C_Encrypt(S, plain, 17, NULL, &length);
    EXPECT_ANY(rv, CKR_OK, CKR_DATA_LEN_RANGE);
    length = sizeof out;
    EXPECT(F->C_Encrypt(S, plain, 17, out, &length),
           rv == CKR_OK ? CKR_DATA_LEN_RANGE : CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_final_not_whole_blocks(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 17, out, &length));
    length = sizeof out;
    EXPECT(F->C_EncryptFinal(S, out, &length), CKR_DATA_LEN_RANGE);
    length = sizeof out;
    EXPECT(F->C_EncryptFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_null_length(void)
{
    CK_BYTE out[128];
    start_encrypt(cbc());
    EXPECT(encrypt_rv(out, NULL), CKR_ARGUMENTS_BAD);
}

static void encrypt_null_data(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT(F->C_Encrypt(S, NULL, 16, out, &length), CKR_ARGUMENTS_BAD);
    EXPECT(encrypt_rv(out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_null_part(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    start_encrypt(cbc());
    EXPECT(F->C_EncryptUpdate(S, NULL, 16, out, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_EncryptFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_failed_init(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    EXPECT_FAILURE(F->C_EncryptInit(S, MECHANISM(0x7fff4711), key()));
    EXPECT(encrypt_rv(out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void encrypt_in_place(void)
{
    CK_BYTE right[128], buffer[64];
    CK_ULONG length = sizeof buffer;
    encrypted(cbc(), right);
    memcpy(buffer, plain, sizeof buffer);
    start_encrypt(cbc());
    EXPECT_OK(F->C_Encrypt(S, buffer, sizeof buffer, buffer, &length));
    EXPECT_BYTES(buffer, length, right, 64);
}

static void encrypt_parts_in_place(void)
{
    CK_BYTE right[128], buffer[64];
    CK_ULONG length = 32;
    encrypted(cbc(), right);
    memcpy(buffer, plain, sizeof buffer);
    start_encrypt(cbc());
    EXPECT_OK(F->C_EncryptUpdate(S, buffer, 32, buffer, &length));
    length = 32;
    EXPECT_OK(F->C_EncryptUpdate(S, buffer + 32, 32, buffer + 32, &length));
    EXPECT_BYTES(buffer, 64, right, 64);
}

static void mechanism_is_copied(void)
{
    /* The structure need not live longer than C_EncryptInit. */
    CK_BYTE right[128], out[128], vector[16];
    CK_ULONG length = sizeof out;
    encrypted(cbc(), right);
    memcpy(vector, iv, sizeof vector);
    CK_MECHANISM mechanism = {CKM_AES_CBC, vector, sizeof vector};
    EXPECT_OK(F->C_EncryptInit(S, &mechanism, key()));
    memset(vector, 0, sizeof vector);
    memset(&mechanism, 0xff, sizeof mechanism);
    EXPECT_OK(encrypt_rv(out, &length));
    EXPECT_BYTES(out, length, right, 64);
}

/* ---- decrypting ---- */

static void decrypt_ends(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc(), in), length = sizeof out;
    start_decrypt(cbc());
    EXPECT_OK(F->C_Decrypt(S, in, in_length, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
    EXPECT(F->C_Decrypt(S, in, in_length, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_query(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc_pad(), in), length = 0;
    start_decrypt(cbc_pad());
    EXPECT_OK(F->C_Decrypt(S, in, in_length, NULL, &length));
    EXPECT_TRUE(length >= 64 && length <= 96);
    EXPECT_OK(F->C_Decrypt(S, in, in_length, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
}

static void decrypt_too_small(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc(), in), length = 63;
    memset(out, 0xa5, sizeof out);
    start_decrypt(cbc());
    EXPECT(F->C_Decrypt(S, in, in_length, out, &length), CKR_BUFFER_TOO_SMALL);
    EXPECT_TRUE(length >= 64);
    EXPECT_EQUAL(out[63], 0xa5);
    length = sizeof out;
    EXPECT_OK(F->C_Decrypt(S, in, in_length, out, &length));
    EXPECT_BYTES(out, length, plain, sizeof plain);
}

static void decrypt_active(void)
{
    start_decrypt(cbc());
    EXPECT(F->C_DecryptInit(S, cbc(), key()), CKR_OPERATION_ACTIVE);
}

static void decrypt_cancelled(void)
{
    CK_BYTE in[16] = {0}, out[128];
    CK_ULONG length = sizeof out;
    CK_OBJECT_HANDLE handle = key();
    EXPECT_OK(F->C_DecryptInit(S, cbc(), handle));
    CK_RV rv = F->C_DecryptInit(S, NULL, handle);
    if (rv == CKR_ARGUMENTS_BAD && env.list_3_0 == NULL)
        check_skip("a 2.40 library does not know this");
    EXPECT_ANY(rv, CKR_OK, CKR_OPERATION_CANCEL_FAILED);
    if (rv == CKR_OK)
        EXPECT(F->C_Decrypt(S, in, sizeof in, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_in_parts(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc_pad(), in), total = 0;
    start_decrypt(cbc_pad());
    for (CK_ULONG done = 0; done < in_length; done += 10) {
        CK_ULONG length = sizeof out - total;
        CK_ULONG step = in_length - done < 10 ? in_length - done : 10;
        EXPECT_OK(F->C_DecryptUpdate(S, in + done, step, out + total, &length));
        total += length;
    }
    CK_ULONG length = sizeof out - total;
    EXPECT_OK(F->C_DecryptFinal(S, out + total, &length));
    EXPECT_BYTES(out, total + length, plain, sizeof plain);
    EXPECT(F->C_DecryptFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_holds_back_padding(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc_pad(), in), length = sizeof out;
    start_decrypt(cbc_pad());
    EXPECT_OK(F->C_DecryptUpdate(S, in, 16, out, &length));
    EXPECT_EQUAL(length, 0);
    length = sizeof out;
    EXPECT_OK(F->C_DecryptUpdate(S, in + 16, in_length - 16, out, &length));
    EXPECT_EQUAL(length, in_length - 16);
}

static void decrypt_final_query(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc_pad(), in), total = sizeof out, length = 0;
    /* 80 bytes: the last block is padding only, cut one off for a final part with data in it. */
    start_encrypt(cbc_pad());
    in_length = sizeof in;
    EXPECT_OK(F->C_Encrypt(S, plain, 60, in, &in_length));
    start_decrypt(cbc_pad());
    EXPECT_OK(F->C_DecryptUpdate(S, in, in_length, out, &total));
    EXPECT_EQUAL(total, 48);
    EXPECT_OK(F->C_DecryptFinal(S, NULL, &length));
    EXPECT_TRUE(length >= 12);
    length = 3;
    EXPECT(F->C_DecryptFinal(S, out + total, &length), CKR_BUFFER_TOO_SMALL);
    length = sizeof out - total;
    EXPECT_OK(F->C_DecryptFinal(S, out + total, &length));
    EXPECT_BYTES(out, total + length, plain, 60);
}

static void decrypt_after_update(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc(), in), length = sizeof out;
    start_decrypt(cbc());
    EXPECT_OK(F->C_DecryptUpdate(S, in, 16, out, &length));
    length = sizeof out;
    EXPECT_FAILURE(F->C_Decrypt(S, in, in_length, out, &length));
}

static void decrypt_not_whole_blocks(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG length = sizeof out;
    encrypted(cbc(), in);
    start_decrypt(cbc());
    EXPECT_ANY(F->C_Decrypt(S, in, 17, out, &length), CKR_ENCRYPTED_DATA_LEN_RANGE,
               CKR_ENCRYPTED_DATA_INVALID);
    length = sizeof out;
    EXPECT(F->C_Decrypt(S, in, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_final_not_whole_blocks(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG length = sizeof out;
    encrypted(cbc(), in);
    start_decrypt(cbc());
    EXPECT_OK(F->C_DecryptUpdate(S, in, 20, out, &length));
    length = sizeof out;
    EXPECT_ANY(F->C_DecryptFinal(S, out, &length), CKR_ENCRYPTED_DATA_LEN_RANGE,
               CKR_ENCRYPTED_DATA_INVALID);
    EXPECT(F->C_DecryptFinal(S, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_bad_padding(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG in_length = encrypted(cbc_pad(), in), length = sizeof out;
    in[in_length - 17] ^= 1; /* the last byte of the padding is no longer 16 */
    start_decrypt(cbc_pad());
    EXPECT_ANY(F->C_Decrypt(S, in, in_length, out, &length), CKR_ENCRYPTED_DATA_INVALID,
               CKR_ENCRYPTED_DATA_LEN_RANGE);
    EXPECT(F->C_Decrypt(S, in, in_length, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_null_arguments(void)
{
    CK_BYTE in[128], out[128];
    CK_ULONG length = sizeof out;
    encrypted(cbc(), in);
    start_decrypt(cbc());
    EXPECT(F->C_Decrypt(S, NULL, 16, out, &length), CKR_ARGUMENTS_BAD);
    EXPECT(F->C_Decrypt(S, in, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void decrypt_null_length(void)
{
    CK_BYTE in[128], out[128];
    encrypted(cbc(), in);
    start_decrypt(cbc());
    EXPECT(F->C_Decrypt(S, in, 16, out, NULL), CKR_ARGUMENTS_BAD);
}

static void decrypt_in_place(void)
{
    CK_BYTE buffer[128];
    CK_ULONG in_length = encrypted(cbc(), buffer), length = sizeof buffer;
    start_decrypt(cbc());
    EXPECT_OK(F->C_Decrypt(S, buffer, in_length, buffer, &length));
    EXPECT_BYTES(buffer, length, plain, sizeof plain);
}

static void decrypt_failed_init(void)
{
    CK_BYTE out[128];
    CK_ULONG length = sizeof out;
    EXPECT_FAILURE(F->C_DecryptInit(S, MECHANISM(0x7fff4711), key()));
    EXPECT(F->C_Decrypt(S, out, 16, out, &length), CKR_OPERATION_NOT_INITIALIZED);
}

static void two_sessions(void)
{
    CK_BYTE one[64], other[64], right[128];
    CK_ULONG length = 32, other_length = 32;
    CK_SESSION_HANDLE second = open_session(0);
    CK_OBJECT_HANDLE handle = key();
    encrypted(cbc(), right);
    EXPECT_OK(F->C_EncryptInit(S, cbc(), handle));
    EXPECT_OK(F->C_EncryptInit(second, cbc(), handle));
    EXPECT_OK(F->C_EncryptUpdate(S, plain, 32, one, &length));
    EXPECT_OK(F->C_EncryptUpdate(second, plain, 32, other, &other_length));
    length = other_length = 32;
    EXPECT_OK(F->C_EncryptUpdate(second, plain + 32, 32, other + 32, &other_length));
    EXPECT_OK(F->C_EncryptUpdate(S, plain + 32, 32, one + 32, &length));
    EXPECT_BYTES(one, 64, right, 64);
    EXPECT_BYTES(other, 64, right, 64);
}

/* clang-format off */
static const struct check checks[] = {
    CHECK(FIX_USER, encrypt_ends, "C_Encrypt", "ends the operation"),
    CHECK(FIX_USER, encrypt_query, "C_Encrypt", "a length query leaves the operation active"),
    CHECK(FIX_USER, encrypt_too_small, "C_Encrypt", "CKR_BUFFER_TOO_SMALL and the length; the operation stays as it was"),
    CHECK(FIX_USER, encrypt_active, "C_EncryptInit", "CKR_OPERATION_ACTIVE while one is active, which goes on"),
    CHECK(FIX_USER, encrypt_cancelled, "C_EncryptInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, encrypt_final_ends, "C_EncryptFinal", "ends the operation, with no final part in CBC"),
    CHECK(FIX_USER, encrypt_update_query, "C_EncryptUpdate", "a length query and CKR_BUFFER_TOO_SMALL take no data in"),
    CHECK(FIX_USER, encrypt_final_query, "C_EncryptFinal", "a length query and CKR_BUFFER_TOO_SMALL leave the operation active"),
    CHECK(FIX_USER, encrypt_after_update, "C_Encrypt", "can't end a multiple-part operation"),
    CHECK(FIX_USER, encrypt_as_much_as_possible, "Conventions for functions returning output in a variable-length buffer", "C_EncryptUpdate returns all whole blocks"),
    CHECK(FIX_USER, encrypt_not_whole_blocks, "C_Encrypt", "CKR_DATA_LEN_RANGE for a part of a block in CBC, which ends the operation"),
    CHECK(FIX_USER, encrypt_query_not_whole_blocks, "C_Encrypt", "a length query for a part of a block in CBC gives CKR_DATA_LEN_RANGE, or leaves it to the call after it"),
    CHECK(FIX_USER, encrypt_final_not_whole_blocks, "C_EncryptFinal", "CKR_DATA_LEN_RANGE for a part of a block in CBC, which ends the operation"),
    CHECK(FIX_USER, encrypt_null_length, "C_Encrypt", "CKR_ARGUMENTS_BAD for a NULL length"),
    CHECK(FIX_USER, encrypt_null_data, "C_Encrypt", "CKR_ARGUMENTS_BAD for NULL data, which ends the operation"),
    CHECK(FIX_USER, encrypt_null_part, "C_EncryptUpdate", "CKR_ARGUMENTS_BAD for a NULL part, which ends the operation"),
    CHECK(FIX_USER, encrypt_failed_init, "C_EncryptInit", "a failed call leaves no operation"),
    CHECK(FIX_USER, encrypt_in_place, "C_Encrypt", "plaintext and ciphertext may be in the same place"),
    CHECK(FIX_USER, encrypt_parts_in_place, "C_EncryptUpdate", "plaintext and ciphertext may be in the same place"),
    CHECK(FIX_USER, mechanism_is_copied, "C_EncryptInit", "needs the mechanism and its parameter during the call only"),
    CHECK(FIX_USER, decrypt_ends, "C_Decrypt", "gives the plaintext and ends the operation"),
    CHECK(FIX_USER, decrypt_query, "C_Decrypt", "a length query leaves the operation active"),
    CHECK(FIX_USER, decrypt_too_small, "C_Decrypt", "CKR_BUFFER_TOO_SMALL and the length; the operation stays as it was"),
    CHECK(FIX_USER, decrypt_active, "C_DecryptInit", "CKR_OPERATION_ACTIVE while one is active"),
    CHECK(FIX_USER, decrypt_cancelled, "C_DecryptInit", "a NULL mechanism ends the operation"),
    CHECK(FIX_USER, decrypt_in_parts, "C_DecryptFinal", "parts of 10 bytes make the plaintext; ends the operation"),
    CHECK(FIX_USER, decrypt_holds_back_padding, "Conventions for functions returning output in a variable-length buffer", "C_DecryptUpdate holds back what may be padding, and no more"),
    CHECK(FIX_USER, decrypt_final_query, "C_DecryptFinal", "a length query and CKR_BUFFER_TOO_SMALL leave the operation active"),
    CHECK(FIX_USER, decrypt_after_update, "C_Decrypt", "can't end a multiple-part operation"),
    CHECK(FIX_USER, decrypt_not_whole_blocks, "C_Decrypt", "CKR_ENCRYPTED_DATA_LEN_RANGE or _INVALID for a part of a block, which ends the operation"),
    CHECK(FIX_USER, decrypt_final_not_whole_blocks, "C_DecryptFinal", "CKR_ENCRYPTED_DATA_LEN_RANGE or _INVALID for a part of a block, which ends the operation"),
    CHECK(FIX_USER, decrypt_bad_padding, "C_Decrypt", "CKR_ENCRYPTED_DATA_INVALID for bad padding, which ends the operation"),
    CHECK(FIX_USER, decrypt_null_arguments, "C_Decrypt", "CKR_ARGUMENTS_BAD for NULL data, which ends the operation"),
    CHECK(FIX_USER, decrypt_null_length, "C_Decrypt", "CKR_ARGUMENTS_BAD for a NULL length"),
    CHECK(FIX_USER, decrypt_in_place, "C_Decrypt", "ciphertext and plaintext may be in the same place"),
    CHECK(FIX_USER, decrypt_failed_init, "C_DecryptInit", "a failed call leaves no operation"),
    CHECK(FIX_USER, two_sessions, "C_EncryptUpdate", "each session has an operation of its own with the same key"),
};
/* clang-format on */

void chapter_cipher(void)
{
    check_add_table("cipher", checks);
}

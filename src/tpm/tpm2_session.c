/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Salts, session keys, and commands in sessions. Hash: SHA-256. Encryption: AES-128 in CFB mode.
 */
#include "tpm/tpm2_session.h"

#include <string.h>

#include <tss2/tss2_mu.h>

#include "base/memory.h"
#include "crypto/cipher.h"
#include "crypto/ecdh.h"
#include "crypto/kdf.h"

#include "base/banned.h"

#define AES_KEY 16
#define COORDINATE 32

static const TPMT_SYM_DEF parameter_cipher = {
    .algorithm = TPM2_ALG_AES, .keyBits.aes = 8 * AES_KEY, .mode.aes = TPM2_ALG_CFB};

static const uint8_t p256_oid[] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};

/* ---- key derivation ---- */

/* KDFa (part 1, 11.4.10.2) for 256 bits. The label's zero byte is hashed. */
static KK_RV kdf_a(struct kk_tpm2_link *link, struct kk_span key, const char *label,
                   struct kk_span first, struct kk_span second, uint8_t out[KK_SHA256_SIZE])
{
    uint8_t counter[4];
    uint8_t bits[4];
    kk_store_u32(counter, 1);
    kk_store_u32(bits, 8 * KK_SHA256_SIZE);
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(counter), KK_SPAN(label, strlen(label) + 1),
                                     first, second, KK_SPAN_ARRAY(bits)};
    return kk_hmac_sha256(link->crypto, key, pieces, KK_ARRAY_LEN(pieces), out);
}

/* KDFe (part 1, 11.4.10.3) for 256 bits. */
static KK_RV kdf_e(struct kk_tpm2_link *link, struct kk_span secret, const char *label,
                   struct kk_span from, struct kk_span to, uint8_t out[KK_SHA256_SIZE])
{
    uint8_t counter[4];
    kk_store_u32(counter, 1);
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(counter), secret,
                                     KK_SPAN(label, strlen(label) + 1), from, to};
    return kk_sha256(link->crypto, pieces, KK_ARRAY_LEN(pieces), out);
}

/* ---- the salt ---- */

static KK_RV make_ephemeral(struct kk_crypto *crypto, struct kk_key_parts *parts,
                            struct kk_key **ret_key)
{
    parts->kind = KK_KEY_EC;
    KK_TRY(kk_key_parts_set(parts, KK_PART_EC_PARAMS, KK_SPAN_ARRAY(p256_oid)));
    KK_TRY(kk_key_generate(crypto, parts));
    return kk_key_new(crypto, parts, ret_key);
}

/* The primary key's point in full length. */
static KK_RV peer_point(const struct kk_tpm2_link *link, uint8_t point[1 + 2 * COORDINATE])
{
    KK_ENSURE(link->x.size <= COORDINATE && link->y.size <= COORDINATE, CKR_FUNCTION_FAILED);
    memset(point, 0, 1 + 2 * COORDINATE);
    point[0] = 4;
    memcpy(point + 1 + COORDINATE - link->x.size, link->x.buffer, link->x.size);
    memcpy(point + 1 + 2 * COORDINATE - link->y.size, link->y.buffer, link->y.size);
    return CKR_OK;
}

/* A salt by ephemeral key agreement (part 1, annex C.6.1), and the public part for the TPM. */
static KK_RV make_salt(struct kk_tpm2_link *link, uint8_t salt[KK_SHA256_SIZE],
                       TPM2B_ENCRYPTED_SECRET *encrypted)
{
    KK_CLEANUP(kk_key_parts_clear) struct kk_key_parts parts = {0};
    KK_CLEANUP(kk_key_unrefp) struct kk_key *key = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *shared = NULL;
    uint8_t peer[1 + 2 * COORDINATE];
    TPMS_ECC_POINT mine = {.x.size = COORDINATE, .y.size = COORDINATE};
    size_t len = 0;
    KK_TRY(make_ephemeral(link->crypto, &parts, &key));
    KK_TRY(peer_point(link, peer));
    KK_TRY(kk_ecdh_derive(link->crypto, key, KK_SPAN_ARRAY(peer), false, &shared));
    struct kk_span point = kk_key_parts_get(&parts, KK_PART_EC_POINT);
    KK_ENSURE(point.len == sizeof peer, CKR_FUNCTION_FAILED);
    memcpy(mine.x.buffer, point.data + 1, COORDINATE);
    memcpy(mine.y.buffer, point.data + 1 + COORDINATE, COORDINATE);
    KK_ENSURE(Tss2_MU_TPMS_ECC_POINT_Marshal(&mine, encrypted->secret, sizeof encrypted->secret,
                                             &len) == TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    encrypted->size = (uint16_t)len;
    return kdf_e(link, kk_secret_span(shared), "SECRET", KK_SPAN(mine.x.buffer, COORDINATE),
                 KK_SPAN(link->x.buffer, link->x.size), salt);
}

/* ---- starting ---- */

static KK_RV derive_session_key(struct kk_tpm2_link *link, const uint8_t salt[KK_SHA256_SIZE],
                                const TPM2B_NONCE *tpm, const TPM2B_NONCE *mine)
{
    KK_ENSURE(tpm->size == KK_TPM2_NONCE, CKR_FUNCTION_FAILED);
    memcpy(link->nonce_tpm, tpm->buffer, KK_TPM2_NONCE);
    KK_TRY(kk_secret_new(KK_SHA256_SIZE, &link->session_key));
    return kdf_a(link, KK_SPAN(salt, KK_SHA256_SIZE), "ATH", KK_SPAN(tpm->buffer, tpm->size),
                 KK_SPAN(mine->buffer, mine->size), kk_secret_data(link->session_key));
}

static KK_RV fresh_nonce(struct kk_tpm2_link *link, TPM2B_NONCE *nonce)
{
    nonce->size = KK_TPM2_NONCE;
    return kk_crypto_random(link->crypto, nonce->buffer, KK_TPM2_NONCE);
}

enum kk_tpm_result kk_tpm2_session_start(struct kk_tpm2_link *link, TPM2_SE type)
{
    KK_SECRET_ARRAY(salt, KK_SHA256_SIZE);
    TPM2B_ENCRYPTED_SECRET encrypted = {0};
    TPM2B_NONCE mine = {0};
    TPM2B_NONCE tpm = {0};
    kk_tpm2_link_flush(link, &link->session);
    kk_secret_free(link->session_key);
    link->session_key = NULL;
    KK_TPM2_TRY(kk_tpm2_link_own(link, make_salt(link, salt, &encrypted)));
    KK_TPM2_TRY(kk_tpm2_link_own(link, fresh_nonce(link, &mine)));
    TSS2_RC rc = TSS2_RC_SUCCESS;
    unsigned int tries = 0;
    do {
        rc = Tss2_Sys_StartAuthSession(link->sys, link->primary, TPM2_RH_NULL, NULL, &mine,
                                       &encrypted, type, &parameter_cipher, TPM2_ALG_SHA256,
                                       &link->session, &tpm, NULL);
    } while (kk_tpm2_link_again(rc, &tries));
    if (rc != TSS2_RC_SUCCESS) {
        link->session = 0;
        return kk_tpm2_link_check(link, rc, "the TPM begins no session");
    }
    return kk_tpm2_link_own(link, derive_session_key(link, salt, &tpm, &mine));
}

/* ---- commands ---- */

/* One command under way. The key of its HMACs, and what encryption keys come from, is the session's
 * key and the object's value behind it. */
struct run {
    struct kk_tpm2_link *link;
    const struct kk_tpm2_command *command;
    struct kk_secret *key;
    uint8_t nonce[KK_TPM2_NONCE]; /* ours */
    uint8_t code[4];
    uint8_t attributes;
};

static void run_clear(struct run *run)
{
    kk_secret_free(run->key);
}

/* A value's zeros at the end count for nothing. */
static KK_RV run_begin(struct kk_tpm2_link *link, const struct kk_tpm2_command *command,
                       struct run *run)
{
    struct kk_span auth = command->auth;
    while (auth.len > 0 && auth.data[auth.len - 1] == 0) {
        auth.len--;
    }
    run->link = link;
    run->command = command;
    run->attributes = TPMA_SESSION_CONTINUESESSION;
    run->attributes |= command->encrypts_in ? TPMA_SESSION_DECRYPT : 0;
    run->attributes |= command->encrypts_out ? TPMA_SESSION_ENCRYPT : 0;
    kk_store_u32(run->code, command->code);
    KK_TRY(kk_secret_new(KK_SHA256_SIZE + auth.len, &run->key));
    memcpy(kk_secret_data(run->key), kk_secret_span(link->session_key).data, KK_SHA256_SIZE);
    if (auth.len > 0) {
        memcpy(kk_secret_data(run->key) + KK_SHA256_SIZE, auth.data, auth.len);
    }
    return kk_crypto_random(link->crypto, run->nonce, sizeof run->nonce);
}

/* In place: out of the clear, or (`decrypt`) into it. The newer nonce stands first in the key. */
static KK_RV crypt_parameter(const struct run *run, bool decrypt, uint8_t *data, size_t len)
{
    KK_SECRET_ARRAY(key, KK_SHA256_SIZE);
    KK_SECRET_ARRAY(stream, KK_CIPHER_BLOCK);
    KK_CLEANUP(kk_cipher_freep) struct kk_cipher *cipher = NULL;
    uint8_t last[KK_CIPHER_BLOCK];
    struct kk_span mine = KK_SPAN_ARRAY(run->nonce);
    struct kk_span tpm = KK_SPAN_ARRAY(run->link->nonce_tpm);
    KK_TRY(kdf_a(run->link, kk_secret_span(run->key), "CFB", decrypt ? tpm : mine,
                 decrypt ? mine : tpm, key));
    KK_TRY(kk_cipher_new(run->link->crypto, "AES-128-ECB", KK_SPAN(key, AES_KEY), true,
                         KK_PADDING_NONE, &cipher));
    KK_TRY(kk_cipher_start(cipher, KK_SPAN(NULL, 0)));
    memcpy(last, key + AES_KEY, sizeof last); /* the IV */
    for (size_t at = 0; at < len; at += KK_CIPHER_BLOCK) {
        size_t part = KK_MIN(len - at, (size_t)KK_CIPHER_BLOCK);
        size_t made = 0;
        KK_TRY(kk_cipher_update(cipher, KK_SPAN_ARRAY(last), stream, &made));
        KK_ENSURE(made == KK_CIPHER_BLOCK, CKR_FUNCTION_FAILED);
        if (decrypt) {
            memcpy(last, data + at, part);
        }
        for (size_t i = 0; i < part; i++) {
            data[at + i] ^= stream[i];
        }
        if (!decrypt) {
            memcpy(last, data + at, part);
        }
    }
    return CKR_OK;
}

static KK_RV encrypt_command(const struct run *run)
{
    const uint8_t *clear = NULL;
    size_t len = 0;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *copy = NULL;
    if (!run->command->encrypts_in) {
        return CKR_OK;
    }
    KK_ENSURE(Tss2_Sys_GetDecryptParam(run->link->sys, &len, &clear) == TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    KK_TRY(kk_secret_from(KK_SPAN(clear, len), &copy));
    KK_TRY(crypt_parameter(run, false, kk_secret_data(copy), len));
    KK_ENSURE(Tss2_Sys_SetDecryptParam(run->link->sys, len, kk_secret_data(copy)) ==
                  TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/* HMAC(key, hash of command or answer, newer nonce, older nonce, attributes). */
static KK_RV authenticate(const struct run *run, const struct kk_span *hashed, size_t count,
                          bool is_answer, uint8_t out[KK_SHA256_SIZE])
{
    uint8_t hash[KK_SHA256_SIZE];
    struct kk_span mine = KK_SPAN_ARRAY(run->nonce);
    struct kk_span tpm = KK_SPAN_ARRAY(run->link->nonce_tpm);
    KK_TRY(kk_sha256(run->link->crypto, hashed, count, hash));
    const struct kk_span pieces[] = {KK_SPAN_ARRAY(hash), is_answer ? tpm : mine,
                                     is_answer ? mine : tpm, KK_SPAN(&run->attributes, 1)};
    return kk_hmac_sha256(run->link->crypto, kk_secret_span(run->key), pieces, KK_ARRAY_LEN(pieces),
                          out);
}

static KK_RV put_authorisation(const struct run *run)
{
    const TPM2B_NAME *name = run->command->name;
    const uint8_t *parameters = NULL;
    size_t len = 0;
    TSS2L_SYS_AUTH_COMMAND auths = {.count = 1};
    TPMS_AUTH_COMMAND *auth = &auths.auths[0];
    KK_ENSURE(Tss2_Sys_GetCpBuffer(run->link->sys, &len, &parameters) == TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    const struct kk_span hashed[] = {KK_SPAN_ARRAY(run->code), KK_SPAN(name->name, name->size),
                                     KK_SPAN(parameters, len)};
    auth->sessionHandle = run->link->session;
    auth->sessionAttributes = run->attributes;
    auth->nonce.size = KK_TPM2_NONCE;
    memcpy(auth->nonce.buffer, run->nonce, KK_TPM2_NONCE);
    auth->hmac.size = KK_SHA256_SIZE;
    KK_TRY(authenticate(run, hashed, KK_ARRAY_LEN(hashed), false, auth->hmac.buffer));
    KK_ENSURE(Tss2_Sys_SetCmdAuths(run->link->sys, &auths) == TSS2_RC_SUCCESS, CKR_FUNCTION_FAILED);
    return CKR_OK;
}

/* CKR_SIGNATURE_INVALID: the answer is not of this session. */
static KK_RV check_answer(struct run *run)
{
    static const uint8_t success[4];
    KK_SECRET_ARRAY(hmac, KK_SHA256_SIZE);
    TSS2L_SYS_AUTH_RESPONSE auths = {0};
    const uint8_t *parameters = NULL;
    size_t len = 0;
    KK_ENSURE(Tss2_Sys_GetRspAuths(run->link->sys, &auths) == TSS2_RC_SUCCESS &&
                  Tss2_Sys_GetRpBuffer(run->link->sys, &len, &parameters) == TSS2_RC_SUCCESS,
              CKR_SIGNATURE_INVALID);
    const TPMS_AUTH_RESPONSE *auth = &auths.auths[0];
    KK_ENSURE(auths.count == 1 && auth->nonce.size == KK_TPM2_NONCE &&
                  auth->hmac.size == KK_SHA256_SIZE && auth->sessionAttributes == run->attributes,
              CKR_SIGNATURE_INVALID);
    memcpy(run->link->nonce_tpm, auth->nonce.buffer, KK_TPM2_NONCE);
    const struct kk_span hashed[] = {KK_SPAN_ARRAY(success), KK_SPAN_ARRAY(run->code),
                                     KK_SPAN(parameters, len)};
    KK_TRY(authenticate(run, hashed, KK_ARRAY_LEN(hashed), true, hmac));
    KK_ENSURE(kk_ct_equal(hmac, auth->hmac.buffer, sizeof hmac), CKR_SIGNATURE_INVALID);
    return CKR_OK;
}

static KK_RV decrypt_answer(const struct run *run)
{
    const uint8_t *sealed = NULL;
    size_t len = 0;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *copy = NULL;
    if (!run->command->encrypts_out) {
        return CKR_OK;
    }
    KK_ENSURE(Tss2_Sys_GetEncryptParam(run->link->sys, &len, &sealed) == TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    KK_TRY(kk_secret_from(KK_SPAN(sealed, len), &copy));
    KK_TRY(crypt_parameter(run, true, kk_secret_data(copy), len));
    KK_ENSURE(Tss2_Sys_SetEncryptParam(run->link->sys, len, kk_secret_data(copy)) ==
                  TSS2_RC_SUCCESS,
              CKR_FUNCTION_FAILED);
    return CKR_OK;
}

enum kk_tpm_result kk_tpm2_session_run(struct kk_tpm2_link *link,
                                       const struct kk_tpm2_command *command)
{
    KK_CLEANUP(run_clear) struct run run = {0};
    TSS2_RC rc = TSS2_RC_SUCCESS;
    unsigned int tries = 0;
    KK_TPM2_TRY(kk_tpm2_link_own(link, run_begin(link, command, &run)));
    do {
        rc = command->prepare(link, command->context);
        KK_TPM2_TRY(kk_tpm2_link_check(link, rc, command->what));
        KK_TPM2_TRY(kk_tpm2_link_own(link, encrypt_command(&run)));
        KK_TPM2_TRY(kk_tpm2_link_own(link, put_authorisation(&run)));
        rc = Tss2_Sys_Execute(link->sys);
    } while (kk_tpm2_link_again(rc, &tries));
    KK_TPM2_TRY(kk_tpm2_link_check(link, rc, command->what));
    if (check_answer(&run) != CKR_OK) {
        return kk_tpm2_link_say(link, KK_TPM_REFUSED,
                                "what answers for the TPM does not know the session's key: "
                                "something stands between");
    }
    return kk_tpm2_link_own(link, decrypt_answer(&run));
}

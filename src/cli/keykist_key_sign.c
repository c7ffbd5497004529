/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key sign and verify. An ECDSA signature is a DER SEQUENCE, as openssl and certificates
 * have it, unless --format raw asks for r and s as PKCS#11 has them.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/ecdsa_value.h"
#include "cli/keykist_key_use.h"
#include "cli/report.h"

#include "base/banned.h"

#define SIGNATURE_MAX ((CK_ULONG)1 << 20)

/* Up to here a file is given to the module at once. */
#define AT_ONCE ((CK_ULONG)1 << 20)

/* Mechanisms that have no parts: they take all of the data in one call, whatever its length. */
static const CK_MECHANISM_TYPE without_parts[] = {
    CKM_EDDSA, CKM_ECDSA, CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_RSA_X_509, CKM_DSA,
};

static bool is_ecdsa(const struct kk_key_work *use)
{
    return use->type == CKK_EC &&
           (use->mechanism.mechanism == CKM_ECDSA ||
            (use->hash != NULL && use->mechanism.mechanism == use->hash->ecdsa));
}

/* ---- the form ---- */

static KK_RV check_format(const struct kk_key_work *use)
{
    const char *format = use->options->format;
    if (format == NULL) {
        return CKR_OK;
    }
    if (strcmp(format, "der") != 0 && strcmp(format, "raw") != 0) {
        return kk_cli_error("--format takes der or raw, not \"%s\"", format);
    }
    if (!is_ecdsa(use)) {
        return kk_cli_error("--format is for ECDSA: a signature by %s has one form only",
                            kk_mechanism_name(use->mechanism.mechanism).text);
    }
    return CKR_OK;
}

static bool is_raw(const struct kk_key_work *use)
{
    return use->found_raw ||
           (use->options->format != NULL && strcmp(use->options->format, "raw") == 0);
}

/* What was done, for the message. */
static void describe(const struct kk_key_work *use, const char *verb, char *text, size_t size)
{
    (void)snprintf(text, size, "%s with %s%s%s%s", verb,
                   kk_mechanism_name(use->mechanism.mechanism).text,
                   use->hash_first ? " on the hash by " : "",
                   use->hash_first ? kk_mechanism_name(use->hash->mechanism).text : "",
                   !is_ecdsa(use) ? ""
                   : is_raw(use)  ? " (r and s)"
                                  : " (DER)");
}

/* ---- what is signed ---- */

/* Data in one piece, or a stream of pieces. */
struct data {
    struct kk_use_input input;
    struct kk_secret *whole; /* NULL: in pieces */
};

static void data_clear(struct data *data)
{
    kk_use_close(&data->input);
    kk_secret_free(data->whole);
}

static CK_RV digest_piece(void *context, struct kk_span piece)
{
    const struct kk_keykist_session *session = context;
    return session->p11->C_DigestUpdate(session->handle, (CK_BYTE_PTR)(uintptr_t)piece.data,
                                        (CK_ULONG)piece.len);
}

static KK_RV hash_file(const struct kk_key_work *use, const char *path, struct kk_secret **ret_hash)
{
    KK_CLEANUP(kk_use_close) struct kk_use_input input = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *hash = NULL;
    const struct kk_keykist_session *session = &use->session;
    CK_MECHANISM mechanism = {.mechanism = use->hash->mechanism};
    CK_ULONG len = use->hash->len;
    KK_TRY(kk_use_open(path, &input));
    KK_TRY(kk_secret_new(len, &hash));
    CK_RV rv = session->p11->C_DigestInit(session->handle, &mechanism);
    if (rv == CKR_OK) {
        rv = kk_use_pieces(&input, "Hashing", digest_piece, (void *)(uintptr_t)session);
    }
    if (rv == CKR_OK) {
        rv = session->p11->C_DigestFinal(session->handle, kk_secret_data(hash), &len);
    }
    if (rv != CKR_OK || len != use->hash->len) {
        return kk_cli_has_failed() ? rv : kk_keykist_failed(rv, "Could not compute the hash");
    }
    *ret_hash = KK_STEAL(hash);
    return CKR_OK;
}

static bool has_parts(const struct kk_key_work *use)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(without_parts); i++) {
        if (without_parts[i] == use->mechanism.mechanism) {
            return false;
        }
    }
    return true;
}

static KK_RV open_data(const struct kk_key_work *use, const char *path, struct data *data)
{
    if (use->hash_first) {
        return hash_file(use, path, &data->whole);
    }
    KK_TRY(kk_use_open(path, &data->input));
    bool is_short = data->input.size > 0 && data->input.size <= AT_ONCE;
    if (!is_short && has_parts(use)) {
        return CKR_OK;
    }
    kk_use_close(&data->input);
    return kk_use_read(path, &data->whole);
}

/* ---- sign ---- */

static CK_RV sign_piece(void *context, struct kk_span piece)
{
    const struct kk_keykist_session *session = context;
    return session->p11->C_SignUpdate(session->handle, (CK_BYTE_PTR)(uintptr_t)piece.data,
                                      (CK_ULONG)piece.len);
}

static CK_RV sign_data(const struct kk_key_work *use, struct data *data, CK_BYTE *signature,
                       CK_ULONG *len)
{
    const struct kk_keykist_session *session = &use->session;
    CK_MECHANISM mechanism = use->mechanism;
    KK_TRY(session->p11->C_SignInit(session->handle, &mechanism, use->key));
    KK_TRY(kk_key_use_authenticate(use));
    if (data->whole != NULL) {
        return session->p11->C_Sign(session->handle, kk_secret_data(data->whole),
                                    (CK_ULONG)kk_secret_len(data->whole), signature, len);
    }
    KK_TRY(kk_use_pieces(&data->input, "Signing", sign_piece, (void *)(uintptr_t)session));
    return session->p11->C_SignFinal(session->handle, signature, len);
}

static KK_RV sign(const struct kk_key_work *use, struct data *data, struct kk_buffer *out)
{
    KK_CLEANUP(kk_freep) CK_BYTE *signature = NULL;
    CK_ULONG len = SIGNATURE_MAX;
    KK_TRY(kk_alloc(SIGNATURE_MAX, &signature));
    CK_RV rv = sign_data(use, data, signature, &len);
    if (rv != CKR_OK || len > SIGNATURE_MAX) {
        return kk_cli_has_failed() ? rv : kk_key_use_failed(use, rv, "sign");
    }
    if (is_ecdsa(use) && !is_raw(use)) {
        return kk_ecdsa_to_der(KK_SPAN(signature, len), out);
    }
    kk_buffer_put(out, signature, len);
    return kk_buffer_check(out);
}

/* The hash of what is in memory. */
static KK_RV hash_bytes(const struct kk_key_work *use, struct kk_span bytes,
                        struct kk_secret **ret_hash)
{
    const struct kk_keykist_session *session = &use->session;
    CK_MECHANISM mechanism = {.mechanism = use->hash->mechanism};
    CK_ULONG len = use->hash->len;
    KK_TRY(kk_secret_new(len, ret_hash));
    CK_RV rv = session->p11->C_DigestInit(session->handle, &mechanism);
    if (rv == CKR_OK) {
        rv = session->p11->C_Digest(session->handle, (CK_BYTE_PTR)(uintptr_t)bytes.data,
                                    (CK_ULONG)bytes.len, kk_secret_data(*ret_hash), &len);
    }
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not compute the hash");
}

KK_RV kk_key_use_sign(const struct kk_key_work *use, struct kk_span bytes, struct kk_buffer *out)
{
    KK_CLEANUP(data_clear) struct data data = {0};
    KK_TRY(use->hash_first ? hash_bytes(use, bytes, &data.whole)
                           : kk_secret_from(bytes, &data.whole));
    return sign(use, &data, out);
}

CK_RV kk_keykist_key_sign(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(data_clear) struct data data = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer signature = {0};
    struct kk_use_output output = {.path = options->out,
                                   .base64 = options->base64,
                                   .hex = options->hex,
                                   .force = options->force,
                                   .what = "signature"};
    char how[200];
    KK_TRY(kk_key_use_begin(&use, CKO_PRIVATE_KEY));
    KK_TRY(kk_key_use_signature(&use));
    KK_TRY(check_format(&use));
    KK_TRY(open_data(&use, keykist->operand, &data));
    KK_TRY(sign(&use, &data, &signature));
    describe(&use, "signed", how, sizeof how);
    return kk_use_write(keykist, use.session.slot, &output, kk_buffer_span(&signature), how);
}

/* ---- verify ---- */

/* r and s, whichever form the file has: a DER SEQUENCE of them never is as long as both. */
static KK_RV settle_signature(struct kk_key_work *use, struct kk_secret **signature)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer raw = {0};
    size_t half = (kk_object_type_of(&use->session, use->key).bits + 7) / 8;
    if (!is_ecdsa(use) || is_raw(use)) {
        return CKR_OK;
    }
    if (use->options->format == NULL && kk_secret_len(*signature) == 2 * half) {
        use->found_raw = true;
        return CKR_OK;
    }
    CK_RV rv = kk_ecdsa_from_der(kk_secret_span(*signature), half, &raw);
    if (rv == CKR_SIGNATURE_LEN_RANGE) {
        return rv;
    }
    KK_TRY(rv);
    kk_secret_free(*signature);
    *signature = NULL;
    return kk_secret_from(kk_buffer_span(&raw), signature);
}

static CK_RV verify_piece(void *context, struct kk_span piece)
{
    const struct kk_keykist_session *session = context;
    return session->p11->C_VerifyUpdate(session->handle, (CK_BYTE_PTR)(uintptr_t)piece.data,
                                        (CK_ULONG)piece.len);
}

static CK_RV verify_data(struct kk_key_work *use, struct data *data, struct kk_secret **signature)
{
    const struct kk_keykist_session *session = &use->session;
    CK_MECHANISM mechanism = use->mechanism;
    KK_TRY(settle_signature(use, signature));
    KK_TRY(session->p11->C_VerifyInit(session->handle, &mechanism, use->key));
    if (data->whole != NULL) {
        return session->p11->C_Verify(
            session->handle, kk_secret_data(data->whole), (CK_ULONG)kk_secret_len(data->whole),
            kk_secret_data(*signature), (CK_ULONG)kk_secret_len(*signature));
    }
    KK_TRY(kk_use_pieces(&data->input, "Verifying", verify_piece, (void *)(uintptr_t)session));
    return session->p11->C_VerifyFinal(session->handle, kk_secret_data(*signature),
                                       (CK_ULONG)kk_secret_len(*signature));
}

CK_RV kk_key_use_verify(struct kk_key_work *use, struct kk_span bytes, struct kk_span signature)
{
    KK_CLEANUP(data_clear) struct data data = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *copy = NULL;
    KK_TRY(use->hash_first ? hash_bytes(use, bytes, &data.whole)
                           : kk_secret_from(bytes, &data.whole));
    KK_TRY(kk_secret_from(signature, &copy));
    return verify_data(use, &data, &copy);
}

static KK_RV print_answer(const struct kk_keykist *keykist, bool is_good, const char *how)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    if (!keykist->options.json) {
        if (is_good) {
            printf("The signature is good (%s).\n", how);
        }
        return CKR_OK;
    }
    kk_json_object(&json, NULL);
    kk_json_text(&json, "result", how);
    kk_json_bool(&json, "good", is_good);
    kk_json_end(&json);
    return kk_json_print(&json);
}

CK_RV kk_keykist_key_verify(struct kk_keykist *keykist)
{
    const struct kk_key_use_options *options = keykist->own;
    KK_CLEANUP(kk_key_use_clear) struct kk_key_work use = {.keykist = keykist, .options = options};
    KK_CLEANUP(data_clear) struct data data = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *signature = NULL;
    char how[200];
    if (options->signature == NULL) {
        return kk_cli_error("--signature is missing: which file has it?");
    }
    KK_TRY(kk_key_use_begin(&use, CKO_PUBLIC_KEY));
    KK_TRY(kk_key_use_signature(&use));
    KK_TRY(check_format(&use));
    KK_TRY(kk_use_read(options->signature, &signature));
    KK_TRY(open_data(&use, keykist->operand, &data));
    CK_RV rv = verify_data(&use, &data, &signature);
    bool is_bad = rv == CKR_SIGNATURE_INVALID || rv == CKR_SIGNATURE_LEN_RANGE;
    if (rv != CKR_OK && !is_bad) {
        return kk_cli_has_failed() ? rv : kk_key_use_failed(&use, rv, "verify");
    }
    describe(&use, "verified", how, sizeof how);
    KK_TRY(print_answer(keykist, !is_bad, how));
    if (is_bad) {
        kk_cli_set_status(KK_CLI_STATUS_BAD_SIGNATURE);
        return kk_cli_error("the signature is not good: it is not this key's over this file by "
                            "this mechanism (%s)",
                            how);
    }
    return CKR_OK;
}

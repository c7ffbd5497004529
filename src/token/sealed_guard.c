/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TPM behind a key row. It holds a random part of the row's key and gives it out for a value
 * that follows from the PIN; it counts wrong ones itself and refuses all for a while after too
 * many. A copy of the store can therefore be tried nowhere but at this TPM, and no faster than it
 * allows.
 */
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "token/sealed_internal.h"

#include "base/banned.h"

#define NO_TPM "there is none in this process"

/* What the TPM did not do, for the caller and the log. A wrong PIN is no line of the log. */
static KK_RV say(const struct kk_sealed *sealed, const struct kk_key_row *row,
                 enum kk_tpm_result result, const struct kk_tpm_why *why)
{
    if (result == KK_TPM_WRONG) {
        return CKR_PIN_INCORRECT;
    }
    if (result == KK_TPM_LOCKED) {
        kk_log_error("token %s: key row %u: the TPM takes no PIN for now, right or wrong: too many "
                     "wrong ones. This lockout is the TPM's own and shared with everything on this "
                     "host that uses the TPM; it ends by itself, or by tpm2_dictionarylockout",
                     kk_sealed_path(sealed), row->no);
        return CKR_PIN_LOCKED;
    }
    kk_log_error("token %s: key row %u needs the TPM (pin.guard): %s", kk_sealed_path(sealed),
                 row->no, why->text);
    return CKR_DEVICE_ERROR;
}

/* The value that the TPM is shown: from what the PIN gave, bound to token, role and name. */
static KK_RV derive_auth(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                         const struct kk_key_row *row, const struct kk_secret *stretched,
                         struct kk_secret **ret_auth)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *auth = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer info = {0};
    KK_TRY(kk_secret_new(KK_TPM_AUTH_LEN, &auth));
    kk_buffer_put_span(&info, KK_SPAN_TEXT("keykist/guard"));
    kk_buffer_put(&info, serial, KK_SERIAL_LEN);
    kk_buffer_put_u8(&info, (uint8_t)row->role);
    kk_buffer_put(&info, row->name, row->name_len);
    KK_TRY(kk_buffer_check(&info));
    KK_TRY(kk_hkdf_sha512(sealed->crypto, kk_secret_span(stretched), KK_SPAN(NULL, 0),
                          kk_buffer_span(&info), auth));
    kk_secret_data(auth)[KK_TPM_AUTH_LEN - 1] |= 1; /* a TPM takes zeros off the end */
    *ret_auth = KK_STEAL(auth);
    return CKR_OK;
}

KK_RV kk_guard_make(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                    struct kk_key_row *row, const struct kk_secret *stretched,
                    struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *auth = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    struct kk_tpm_why why = {NO_TPM};
    enum kk_tpm_result result = KK_TPM_ABSENT;
    row->guarded = row->guarded || sealed->settings.pin_guard == KK_GUARD_TPM2;
    if (!row->guarded) {
        return CKR_OK;
    }
    KK_TRY(derive_auth(sealed, serial, row, stretched, &auth));
    KK_TRY(kk_secret_new(KK_KEY_LEN, &secret));
    KK_TRY(kk_crypto_random_secret(sealed->crypto, kk_secret_data(secret), KK_KEY_LEN));
    const struct kk_tpm_order order = {.secret = kk_secret_span(secret).data,
                                       .secret_len = KK_KEY_LEN,
                                       .auth = kk_secret_span(auth).data};
    if (sealed->settings.tpm != NULL) {
        result = kk_tpm_seal(sealed->settings.tpm, &order, &row->guard, &why);
    }
    if (result != KK_TPM_OK) {
        /* Nothing was shown to it that could be wrong. */
        return say(sealed, row, result == KK_TPM_WRONG ? KK_TPM_REFUSED : result, &why);
    }
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

KK_RV kk_guard_open(const struct kk_sealed *sealed, const char serial[KK_SERIAL_LEN],
                    const struct kk_key_row *row, const struct kk_secret *stretched,
                    struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *auth = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *secret = NULL;
    struct kk_tpm_why why = {NO_TPM};
    enum kk_tpm_result result = KK_TPM_ABSENT;
    if (!row->guarded) {
        return CKR_OK;
    }
    KK_TRY(derive_auth(sealed, serial, row, stretched, &auth));
    if (sealed->settings.tpm != NULL) {
        result = kk_tpm_unseal(sealed->settings.tpm, KK_SPAN(row->guard.data, row->guard.len),
                               kk_secret_span(auth), &secret, &why);
    }
    if (result == KK_TPM_OK && kk_secret_len(secret) != KK_KEY_LEN) {
        result = KK_TPM_FOREIGN;
        why = (struct kk_tpm_why){"it is damaged"};
    }
    if (result != KK_TPM_OK) {
        return say(sealed, row, result, &why);
    }
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object export: wrapping with a key that lives as long as the session.
 */
#include "cli/keykist_object_wrap.h"

#include "base/memory.h"
#include "cli/report.h"

#include "base/banned.h"

#define KEY_BYTES 32
#define IV_BYTES 16
#define WRAPPED_MAX ((CK_ULONG)1 << 20)

/* Mechanisms in the order in which they are tried. SoftHSM has RFC 5649 under the number that the
 * standard gave to another padding first. */
/* clang-format off */
static const struct method {
    CK_MECHANISM_TYPE mechanism;
    enum kk_file_wrapping wrapping;
    bool has_iv;
} methods[] = {
    {CKM_AES_KEY_WRAP_KWP, KK_WRAPPING_KWP,     false},
    {CKM_AES_KEY_WRAP_PAD, KK_WRAPPING_KWP,     false},
    {CKM_AES_CBC_PAD,      KK_WRAPPING_CBC_PAD, true},
};
/* clang-format on */

static CK_RV make_key(const struct kk_keykist_session *session, bool is_private,
                      CK_OBJECT_HANDLE *ret_key)
{
    static const CK_OBJECT_CLASS object_class = CKO_SECRET_KEY;
    static const CK_KEY_TYPE type = CKK_AES;
    static const CK_ULONG len = KEY_BYTES;
    CK_MECHANISM mechanism = {.mechanism = CKM_AES_KEY_GEN};
    struct kk_cli_template tmpl = {0};
    kk_cli_template_put_ulong(&tmpl, CKA_CLASS, &object_class);
    kk_cli_template_put_ulong(&tmpl, CKA_KEY_TYPE, &type);
    kk_cli_template_put_ulong(&tmpl, CKA_VALUE_LEN, &len);
    kk_cli_template_put_bool(&tmpl, CKA_TOKEN, false);
    kk_cli_template_put_bool(&tmpl, CKA_PRIVATE, is_private);
    kk_cli_template_put_bool(&tmpl, CKA_SENSITIVE, false);
    kk_cli_template_put_bool(&tmpl, CKA_EXTRACTABLE, true);
    kk_cli_template_put_bool(&tmpl, CKA_WRAP, true);
    return session->p11->C_GenerateKey(session->handle, &mechanism, tmpl.attributes, tmpl.count,
                                       ret_key);
}

static CK_RV wrap(const struct kk_keykist_session *session, const struct method *method,
                  CK_BYTE iv[IV_BYTES], CK_OBJECT_HANDLE wrapping_key, CK_OBJECT_HANDLE object,
                  struct kk_secret **ret_wrapped)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrapped = NULL;
    CK_MECHANISM mechanism = {.mechanism = method->mechanism};
    CK_ULONG len = 0;
    if (method->has_iv) {
        mechanism.pParameter = iv;
        mechanism.ulParameterLen = IV_BYTES;
    }
    KK_TRY(session->p11->C_WrapKey(session->handle, &mechanism, wrapping_key, object, NULL, &len));
    KK_ENSURE(len > 0 && len <= WRAPPED_MAX, CKR_GENERAL_ERROR);
    KK_TRY(kk_secret_new(len, &wrapped));
    KK_TRY(session->p11->C_WrapKey(session->handle, &mechanism, wrapping_key, object,
                                   kk_secret_data(wrapped), &len));
    KK_ENSURE(len <= kk_secret_len(wrapped), CKR_GENERAL_ERROR);
    kk_secret_truncate(wrapped, len);
    *ret_wrapped = KK_STEAL(wrapped);
    return CKR_OK;
}

/* Codes that say "not this mechanism", after which the next one is tried. */
static bool is_no_mechanism(CK_RV rv)
{
    return rv == CKR_MECHANISM_INVALID || rv == CKR_MECHANISM_PARAM_INVALID ||
           rv == CKR_FUNCTION_NOT_SUPPORTED;
}

static KK_RV get_out(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                     CK_OBJECT_HANDLE wrapping_key, const struct kk_keyfiles *files,
                     struct kk_secret **ret_plain)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *key = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *wrapped = NULL;
    CK_BYTE iv[IV_BYTES] = {0};
    CK_RV rv = kk_object_get(session, wrapping_key, CKA_VALUE, &key);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not read the wrapping key");
    }
    rv = session->p11->C_GenerateRandom(session->handle, iv, sizeof iv);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not draw an IV");
    }
    const struct method *method = methods;
    rv = wrap(session, method, iv, wrapping_key, object, &wrapped);
    while (is_no_mechanism(rv) && method + 1 < methods + KK_ARRAY_LEN(methods)) {
        method++;
        rv = wrap(session, method, iv, wrapping_key, object, &wrapped);
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not wrap the key");
    }
    rv = kk_keyfiles_unwrap(files, method->wrapping, key, KK_SPAN_ARRAY(iv),
                            kk_secret_span(wrapped), ret_plain);
    return rv == CKR_OK ? CKR_OK : kk_keykist_failed(rv, "Could not unwrap the key");
}

KK_RV kk_object_unwrapped(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                          const struct kk_keyfiles *files, struct kk_secret **ret_plain)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_RV rv = make_key(session, kk_object_flag(session, object, CKA_PRIVATE, true), &key);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not make a wrapping key");
    }
    rv = get_out(session, object, key, files, ret_plain);
    (void)session->p11->C_DestroyObject(session->handle, key);
    return rv;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Key management functions (PKCS#11 3.2 chapter 5.18).
 */
#include "session/keys.h"

#include "api/api.h"
#include "api/arguments.h"
#include "base/memory.h"
#include "session/async.h"

#include "base/banned.h"

CK_RV kk_api_C_GenerateKey(struct kk_app *app, CK_SESSION_HANDLE hSession,
                           CK_MECHANISM_PTR pMechanism, CK_ATTRIBUTE_PTR pTemplate,
                           CK_ULONG ulCount, CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phKey != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    KK_TRY(kk_template_copy(pTemplate, ulCount, KK_VERB_GENERATE, &tmpl));
    /* What goes back with the parameter goes back with this call. */
    if (kk_async_wanted(&call) && param.outs == NULL) {
        return kk_async_generate_key(&call, row, &param, &tmpl, phKey);
    }
    return kk_call_generate_key(&call, row, &param, tmpl, phKey);
}

CK_RV kk_api_C_GenerateKeyPair(struct kk_app *app, CK_SESSION_HANDLE hSession,
                               CK_MECHANISM_PTR pMechanism, CK_ATTRIBUTE_PTR pPublicKeyTemplate,
                               CK_ULONG ulPublicKeyAttributeCount,
                               CK_ATTRIBUTE_PTR pPrivateKeyTemplate,
                               CK_ULONG ulPrivateKeyAttributeCount,
                               CK_OBJECT_HANDLE_PTR phPublicKey, CK_OBJECT_HANDLE_PTR phPrivateKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *public_tmpl = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *private_tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phPublicKey != NULL && phPrivateKey != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    KK_TRY(kk_template_copy(pPublicKeyTemplate, ulPublicKeyAttributeCount, KK_VERB_GENERATE,
                            &public_tmpl));
    KK_TRY(kk_template_copy(pPrivateKeyTemplate, ulPrivateKeyAttributeCount, KK_VERB_GENERATE,
                            &private_tmpl));
    if (kk_async_wanted(&call)) {
        return kk_async_generate_pair(&call, row, &param, &public_tmpl, &private_tmpl, phPublicKey,
                                      phPrivateKey);
    }
    return kk_call_generate_pair(&call, row, &param, public_tmpl, private_tmpl, phPublicKey,
                                 phPrivateKey);
}

CK_RV kk_api_C_WrapKey(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_MECHANISM_PTR pMechanism,
                       CK_OBJECT_HANDLE hWrappingKey, CK_OBJECT_HANDLE hKey,
                       CK_BYTE_PTR pWrappedKey, CK_ULONG_PTR pulWrappedKeyLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulWrappedKeyLen != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    return kk_call_wrap(&call, row, &param, hWrappingKey, hKey,
                        &(struct kk_output){pWrappedKey, pulWrappedKeyLen});
}

CK_RV kk_api_C_UnwrapKey(struct kk_app *app, CK_SESSION_HANDLE hSession,
                         CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hUnwrappingKey,
                         CK_BYTE_PTR pWrappedKey, CK_ULONG ulWrappedKeyLen,
                         CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
                         CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    struct kk_span wrapped;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phKey != NULL && pWrappedKey != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pWrappedKey, ulWrappedKeyLen, &wrapped));
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    KK_TRY(kk_template_copy(pTemplate, ulAttributeCount, KK_VERB_UNWRAP, &tmpl));
    return kk_call_unwrap(&call, row, &param, hUnwrappingKey, wrapped, tmpl, phKey);
}

CK_RV kk_api_C_DeriveKey(struct kk_app *app, CK_SESSION_HANDLE hSession,
                         CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hBaseKey,
                         CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
                         CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    /*= pkcs11-3.2 Key and MAC derivation: the parameter phKey is unnecessary */
    KK_ENSURE(phKey != NULL || !kk_mechanism_gives_handle(row), CKR_ARGUMENTS_BAD);
    KK_TRY(kk_template_copy(pTemplate, ulAttributeCount, KK_VERB_DERIVE, &tmpl));
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    KK_TRY(kk_call_derive(&call, row, &param, hBaseKey, tmpl, &key));
    if (phKey != NULL) {
        *phKey = key;
    }
    return CKR_OK;
}

CK_RV kk_api_C_EncapsulateKey(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hPublicKey,
                              CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
                              CK_BYTE_PTR pCiphertext, CK_ULONG_PTR pulCiphertextLen,
                              CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulCiphertextLen != NULL && (phKey != NULL || pCiphertext == NULL),
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    KK_TRY(kk_template_copy(pTemplate, ulAttributeCount, KK_VERB_UNWRAP, &tmpl));
    return kk_call_encapsulate(&call, row, &param, hPublicKey, tmpl,
                               &(struct kk_output){pCiphertext, pulCiphertextLen}, phKey);
}

CK_RV kk_api_C_DecapsulateKey(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hPrivateKey,
                              CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
                              CK_BYTE_PTR pCiphertext, CK_ULONG ulCiphertextLen,
                              CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    const struct kk_mechanism *row = NULL;
    struct kk_span ciphertext;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phKey != NULL && pCiphertext != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pCiphertext, ulCiphertextLen, &ciphertext));
    KK_TRY(kk_arg_mechanism(app, pMechanism, &row, &param));
    KK_TRY(kk_template_copy(pTemplate, ulAttributeCount, KK_VERB_UNWRAP, &tmpl));
    return kk_call_decapsulate(&call, row, &param, hPrivateKey, ciphertext, tmpl, phKey);
}

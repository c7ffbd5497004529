/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * C_WrapKeyAuthenticated and C_UnwrapKeyAuthenticated (PKCS#11 3.2 chapter 5.18). Their mechanisms
 * come with the parameters of messages, and wrapping gives IV and tag back in them.
 */
#include <string.h>

#include "api/api.h"
#include "api/arguments.h"
#include "base/memory.h"
#include "mechanism/wrap_auth.h"
#include "session/keys.h"

#include "base/banned.h"

/* The caller's structure, read once, and our copy of all that it points to. */
struct given {
    const struct kk_mechanism *row;
    union kk_wrap_message_params theirs;
    struct kk_param param;
};

static void given_clear(struct given *given)
{
    kk_param_clear(&given->param);
}

static KK_RV take(struct kk_app *app, const CK_MECHANISM *mechanism, struct given *ret_given)
{
    KK_ENSURE(mechanism != NULL, CKR_ARGUMENTS_BAD);
    const struct kk_mechanism *row = kk_registry_find(app->engine->registry, mechanism->mechanism);
    KK_ENSURE(row != NULL && row->wrap != NULL && row->wrap->auth != NULL, CKR_MECHANISM_INVALID);
    CK_ULONG len = mechanism->ulParameterLen;
    KK_ENSURE(mechanism->pParameter != NULL && len > 0 && len <= sizeof ret_given->theirs,
              CKR_MECHANISM_PARAM_INVALID);
    memcpy(&ret_given->theirs, mechanism->pParameter, len);
    ret_given->row = row;
    return kk_param_copy(row->wrap->auth->shape, &ret_given->theirs, len, &ret_given->param);
}

/* IV and tag into the caller's memory, where its structure says. */
static KK_RV give_back(const struct given *given)
{
    struct kk_wrap_message ours;
    struct kk_wrap_message theirs;
    const struct kk_wrap_auth_ops *ops = given->row->wrap->auth;
    KK_TRY(ops->read(given->param.data, &ours));
    KK_TRY(ops->read(&given->theirs, &theirs));
    memcpy(theirs.iv, ours.iv, ours.iv_len);
    memcpy(theirs.tag, ours.tag, ours.tag_len);
    return CKR_OK;
}

CK_RV kk_api_C_WrapKeyAuthenticated(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                    CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hWrappingKey,
                                    CK_OBJECT_HANDLE hKey, CK_BYTE_PTR pAssociatedData,
                                    CK_ULONG ulAssociatedDataLen, CK_BYTE_PTR pWrappedKey,
                                    CK_ULONG_PTR pulWrappedKeyLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(given_clear) struct given given;
    struct kk_span aad;
    kk_param_init(&given.param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulWrappedKeyLen != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pAssociatedData, ulAssociatedDataLen, &aad));
    KK_TRY(take(app, pMechanism, &given));
    KK_TRY(kk_call_wrap_auth(&call, given.row, &given.param, hWrappingKey, hKey, aad,
                             &(struct kk_output){pWrappedKey, pulWrappedKeyLen}));
    return pWrappedKey == NULL ? CKR_OK : give_back(&given);
}

CK_RV kk_api_C_UnwrapKeyAuthenticated(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                      CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hUnwrappingKey,
                                      CK_BYTE_PTR pWrappedKey, CK_ULONG ulWrappedKeyLen,
                                      CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulAttributeCount,
                                      CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen,
                                      CK_OBJECT_HANDLE_PTR phKey)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(given_clear) struct given given;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    struct kk_span aad;
    struct kk_span wrapped;
    kk_param_init(&given.param);
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phKey != NULL && pWrappedKey != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pWrappedKey, ulWrappedKeyLen, &wrapped));
    KK_TRY(kk_arg_span(pAssociatedData, ulAssociatedDataLen, &aad));
    KK_TRY(take(app, pMechanism, &given));
    KK_TRY(kk_template_copy(pTemplate, ulAttributeCount, KK_VERB_UNWRAP, &tmpl));
    return kk_call_unwrap_auth(&call, given.row, &given.param, hUnwrappingKey, wrapped, aad, tmpl,
                               phKey);
}

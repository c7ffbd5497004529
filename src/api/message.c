/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Message-based encryption, decryption, signing and verification functions (PKCS#11 3.2 chapters
 * 5.9, 5.11, 5.14 and 5.16).
 */
#include "session/message.h"

#include <string.h>

#include "api/api.h"
#include "api/arguments.h"

#include "base/banned.h"

/* No message's structure is larger. */
#define TOP_MAX 128

/* The parameter of one message: our copy, and the caller's pointers, which are read once. */
struct message_param {
    struct kk_param copy;
    struct kk_message ours;
    struct kk_message theirs;
};

static void message_param_clear(struct message_param *param)
{
    kk_param_clear(&param->copy);
}

/* Marks an empty one, without touching the room inside. */
static void message_param_init(struct message_param *param)
{
    kk_param_init(&param->copy);
}

static KK_RV take_param(const struct kk_message_ops *ops, const void *data, CK_ULONG len,
                        struct message_param *param)
{
    _Alignas(16) uint8_t top[TOP_MAX];
    const struct kk_param_layout *layout = kk_param_layout(ops->shape);
    KK_ENSURE(data != NULL && len == layout->size && len <= sizeof top,
              CKR_MECHANISM_PARAM_INVALID);
    memcpy(top, data, layout->size);
    KK_TRY(kk_param_copy(ops->shape, top, len, &param->copy));
    KK_TRY(ops->read(param->copy.data, &param->ours));
    return ops->read(top, &param->theirs);
}

/* What encryption tells: a generated IV, and the tag once it is made. */
static void give_back(const struct message_param *param, enum kk_op_kind kind, bool tag)
{
    const struct kk_message *ours = &param->ours;
    if (kind != KK_OP_MESSAGE_ENCRYPT) {
        return;
    }
    if (ours->generator != CKG_NO_GENERATE) {
        memcpy(param->theirs.iv, ours->iv, ours->iv_len);
    }
    if (tag) {
        memcpy(param->theirs.tag, ours->tag, ours->tag_len);
    }
}

/* The mechanism of C_MessageEncryptInit and C_MessageDecryptInit. Its parameter has the form that
 * the messages' have, or is left out; each message brings its own, so that nothing is read of this
 * one.
 */
static KK_RV arg_message_mechanism(struct kk_app *app, const CK_MECHANISM *mechanism,
                                   const struct kk_mechanism **ret_row, struct kk_param *ret_param)
{
    const struct kk_mechanism *row = kk_registry_find(app->engine->registry, mechanism->mechanism);
    KK_ENSURE(row != NULL && row->message != NULL, CKR_MECHANISM_INVALID);
    KK_ENSURE(mechanism->ulParameterLen == 0 ||
                  (mechanism->pParameter != NULL &&
                   mechanism->ulParameterLen == kk_param_layout(row->message->shape)->size),
              CKR_MECHANISM_PARAM_INVALID);
    kk_param_init(ret_param);
    *ret_row = row;
    return CKR_OK;
}

/*= pkcs11-3.2 C_MessageEncryptInit: a NULL mechanism ends the process; the same for its kin */
static CK_RV start(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                   const CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_param_clear) struct kk_param param;
    const struct kk_mechanism *row = NULL;
    bool crypts = kind == KK_OP_MESSAGE_ENCRYPT || kind == KK_OP_MESSAGE_DECRYPT;
    kk_param_init(&param);
    KK_TRY(kk_call_begin(app, session, &call));
    if (mechanism == NULL) {
        return kk_operation_cancel(&call, kind);
    }
    KK_TRY((crypts ? arg_message_mechanism : kk_arg_mechanism)(app, mechanism, &row, &param));
    return kk_operation_init(&call, kind, row, &param, key);
}

static CK_RV finish(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, session, &call));
    return kk_call_message_final(&call, kind);
}

/* --- encryption and decryption ---------------------------------------------------------------- */

struct crypt_args {
    const void *parameter;
    CK_ULONG parameter_len;
    const void *aad;
    CK_ULONG aad_len;
    const void *in;
    CK_ULONG in_len;
    CK_BYTE *out;
    CK_ULONG *out_len;
};

static CK_RV crypt(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                   const struct crypt_args *args)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(message_param_clear) struct message_param param;
    const struct kk_message_ops *ops = NULL;
    struct kk_span aad;
    struct kk_span in;
    message_param_init(&param);
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_call_message_ops(&call, kind, &ops));
    KK_ENSURE(args->out_len != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(args->aad, args->aad_len, &aad));
    KK_TRY(kk_arg_span(args->in, args->in_len, &in));
    KK_TRY(take_param(ops, args->parameter, args->parameter_len, &param));
    KK_TRY(kk_call_message_crypt(&call, kind, &param.ours, aad, in,
                                 &(struct kk_output){args->out, args->out_len}));
    if (args->out != NULL) {
        give_back(&param, kind, true);
    }
    return CKR_OK;
}

static CK_RV crypt_begin(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                         const struct crypt_args *args)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(message_param_clear) struct message_param param;
    const struct kk_message_ops *ops = NULL;
    struct kk_span aad;
    message_param_init(&param);
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_call_message_ops(&call, kind, &ops));
    KK_TRY(kk_arg_span(args->aad, args->aad_len, &aad));
    KK_TRY(take_param(ops, args->parameter, args->parameter_len, &param));
    KK_TRY(kk_call_message_crypt_begin(&call, kind, &param.ours, aad));
    give_back(&param, kind, false);
    return CKR_OK;
}

/* The parameter of a part that is not the last one says nothing new and is not looked at. */
static KK_RV next_args(const struct kk_message_ops *ops, const struct crypt_args *args,
                       CK_FLAGS flags, struct message_param *param, struct kk_span *ret_in)
{
    KK_ENSURE(args->out_len != NULL && (flags & ~(CK_FLAGS)CKF_END_OF_MESSAGE) == 0,
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(args->in, args->in_len, ret_in));
    return flags == 0 ? CKR_OK : take_param(ops, args->parameter, args->parameter_len, param);
}

static CK_RV crypt_next(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                        const struct crypt_args *args, CK_FLAGS flags)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(message_param_clear) struct message_param param;
    const struct kk_message_ops *ops = NULL;
    struct kk_span in;
    message_param_init(&param);
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_call_message_ops(&call, kind, &ops));
    CK_RV rv = next_args(ops, args, flags, &param, &in);
    if (rv != CKR_OK) {
        return kk_call_message_fail(&call, kind, rv);
    }
    KK_TRY(kk_call_message_crypt_next(&call, kind, flags == 0 ? NULL : &param.ours, in,
                                      &(struct kk_output){args->out, args->out_len}));
    if (args->out != NULL && flags != 0) {
        give_back(&param, kind, true);
    }
    return CKR_OK;
}

/* --- signing and verifying -------------------------------------------------------------------- */

/* No mechanism that signs has a parameter for a message: that of ...Init holds for all. */
static KK_RV no_parameter(CK_ULONG parameter_len)
{
    KK_ENSURE(parameter_len == 0, CKR_MECHANISM_PARAM_INVALID);
    return CKR_OK;
}

static CK_RV sign_begin(struct kk_app *app, CK_SESSION_HANDLE session, enum kk_op_kind kind,
                        CK_ULONG parameter_len)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_message_ops *ops = NULL;
    KK_TRY(kk_call_begin(app, session, &call));
    KK_TRY(kk_call_message_ops(&call, kind, &ops));
    KK_TRY(no_parameter(parameter_len));
    return kk_call_message_sign_begin(&call, kind);
}

/* The data of a ...Next, or what is wrong with its arguments. */
static KK_RV sign_args(CK_ULONG parameter_len, const void *data, CK_ULONG len,
                       struct kk_span *ret_in)
{
    KK_TRY(kk_arg_span(data, len, ret_in));
    return no_parameter(parameter_len);
}

/* --- the functions ---------------------------------------------------------------------------- */

CK_RV kk_api_C_MessageEncryptInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                  CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_MESSAGE_ENCRYPT, pMechanism, hKey);
}

CK_RV kk_api_C_EncryptMessage(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                              CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen,
                              CK_BYTE_PTR pPlaintext, CK_ULONG ulPlaintextLen,
                              CK_BYTE_PTR pCiphertext, CK_ULONG_PTR pulCiphertextLen)
{
    const struct crypt_args args = {pParameter,          ulParameterLen,  pAssociatedData,
                                    ulAssociatedDataLen, pPlaintext,      ulPlaintextLen,
                                    pCiphertext,         pulCiphertextLen};
    return crypt(app, hSession, KK_OP_MESSAGE_ENCRYPT, &args);
}

CK_RV kk_api_C_EncryptMessageBegin(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                   CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                                   CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen)
{
    const struct crypt_args args = {.parameter = pParameter,
                                    .parameter_len = ulParameterLen,
                                    .aad = pAssociatedData,
                                    .aad_len = ulAssociatedDataLen};
    return crypt_begin(app, hSession, KK_OP_MESSAGE_ENCRYPT, &args);
}

CK_RV kk_api_C_EncryptMessageNext(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                  CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                                  CK_BYTE_PTR pPlaintextPart, CK_ULONG ulPlaintextPartLen,
                                  CK_BYTE_PTR pCiphertextPart, CK_ULONG_PTR pulCiphertextPartLen,
                                  CK_FLAGS flags)
{
    const struct crypt_args args = {.parameter = pParameter,
                                    .parameter_len = ulParameterLen,
                                    .in = pPlaintextPart,
                                    .in_len = ulPlaintextPartLen,
                                    .out = pCiphertextPart,
                                    .out_len = pulCiphertextPartLen};
    return crypt_next(app, hSession, KK_OP_MESSAGE_ENCRYPT, &args, flags);
}

CK_RV kk_api_C_MessageEncryptFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return finish(app, hSession, KK_OP_MESSAGE_ENCRYPT);
}

CK_RV kk_api_C_MessageDecryptInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                  CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_MESSAGE_DECRYPT, pMechanism, hKey);
}

CK_RV kk_api_C_DecryptMessage(struct kk_app *app, CK_SESSION_HANDLE hSession,
                              CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                              CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen,
                              CK_BYTE_PTR pCiphertext, CK_ULONG ulCiphertextLen,
                              CK_BYTE_PTR pPlaintext, CK_ULONG_PTR pulPlaintextLen)
{
    const struct crypt_args args = {pParameter,          ulParameterLen, pAssociatedData,
                                    ulAssociatedDataLen, pCiphertext,    ulCiphertextLen,
                                    pPlaintext,          pulPlaintextLen};
    return crypt(app, hSession, KK_OP_MESSAGE_DECRYPT, &args);
}

CK_RV kk_api_C_DecryptMessageBegin(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                   CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                                   CK_BYTE_PTR pAssociatedData, CK_ULONG ulAssociatedDataLen)
{
    const struct crypt_args args = {.parameter = pParameter,
                                    .parameter_len = ulParameterLen,
                                    .aad = pAssociatedData,
                                    .aad_len = ulAssociatedDataLen};
    return crypt_begin(app, hSession, KK_OP_MESSAGE_DECRYPT, &args);
}

CK_RV kk_api_C_DecryptMessageNext(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                  CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                                  CK_BYTE_PTR pCiphertextPart, CK_ULONG ulCiphertextPartLen,
                                  CK_BYTE_PTR pPlaintextPart, CK_ULONG_PTR pulPlaintextPartLen,
                                  CK_FLAGS flags)
{
    const struct crypt_args args = {.parameter = pParameter,
                                    .parameter_len = ulParameterLen,
                                    .in = pCiphertextPart,
                                    .in_len = ulCiphertextPartLen,
                                    .out = pPlaintextPart,
                                    .out_len = pulPlaintextPartLen};
    return crypt_next(app, hSession, KK_OP_MESSAGE_DECRYPT, &args, flags);
}

CK_RV kk_api_C_MessageDecryptFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return finish(app, hSession, KK_OP_MESSAGE_DECRYPT);
}

CK_RV kk_api_C_MessageSignInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                               CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_MESSAGE_SIGN, pMechanism, hKey);
}

CK_RV kk_api_C_SignMessage(struct kk_app *app, CK_SESSION_HANDLE hSession,
                           KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                           CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature,
                           CK_ULONG_PTR pulSignatureLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_message_ops *ops = NULL;
    struct kk_span in;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_call_message_ops(&call, KK_OP_MESSAGE_SIGN, &ops));
    KK_ENSURE(pulSignatureLen != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(sign_args(ulParameterLen, pData, ulDataLen, &in));
    return kk_call_message_sign(&call, in, &(struct kk_output){pSignature, pulSignatureLen});
}

CK_RV kk_api_C_SignMessageBegin(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen)
{
    return sign_begin(app, hSession, KK_OP_MESSAGE_SIGN, ulParameterLen);
}

CK_RV kk_api_C_SignMessageNext(struct kk_app *app, CK_SESSION_HANDLE hSession,
                               KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                               CK_BYTE_PTR pDataPart, CK_ULONG ulDataPartLen,
                               CK_BYTE_PTR pSignature, CK_ULONG_PTR pulSignatureLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_output out = {pSignature, pulSignatureLen};
    struct kk_span in;
    KK_TRY(kk_call_begin(app, hSession, &call));
    CK_RV rv = sign_args(ulParameterLen, pDataPart, ulDataPartLen, &in);
    if (rv != CKR_OK) {
        return kk_call_message_fail(&call, KK_OP_MESSAGE_SIGN, rv);
    }
    return kk_call_message_sign_next(&call, in, pulSignatureLen == NULL ? NULL : &out);
}

CK_RV kk_api_C_MessageSignFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return finish(app, hSession, KK_OP_MESSAGE_SIGN);
}

CK_RV kk_api_C_MessageVerifyInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_MECHANISM_PTR pMechanism, CK_OBJECT_HANDLE hKey)
{
    return start(app, hSession, KK_OP_MESSAGE_VERIFY, pMechanism, hKey);
}

CK_RV kk_api_C_VerifyMessage(struct kk_app *app, CK_SESSION_HANDLE hSession,
                             KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                             CK_BYTE_PTR pData, CK_ULONG ulDataLen, CK_BYTE_PTR pSignature,
                             CK_ULONG ulSignatureLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    const struct kk_message_ops *ops = NULL;
    struct kk_span in;
    struct kk_span signature;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_call_message_ops(&call, KK_OP_MESSAGE_VERIFY, &ops));
    KK_ENSURE(pSignature != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_arg_span(pSignature, ulSignatureLen, &signature));
    KK_TRY(sign_args(ulParameterLen, pData, ulDataLen, &in));
    return kk_call_message_verify(&call, in, signature);
}

CK_RV kk_api_C_VerifyMessageBegin(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                  KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen)
{
    return sign_begin(app, hSession, KK_OP_MESSAGE_VERIFY, ulParameterLen);
}

CK_RV kk_api_C_VerifyMessageNext(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 KK_UNUSED CK_VOID_PTR pParameter, CK_ULONG ulParameterLen,
                                 CK_BYTE_PTR pDataPart, CK_ULONG ulDataPartLen,
                                 CK_BYTE_PTR pSignature, CK_ULONG ulSignatureLen)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    struct kk_span in;
    struct kk_span signature;
    KK_TRY(kk_call_begin(app, hSession, &call));
    CK_RV rv = sign_args(ulParameterLen, pDataPart, ulDataPartLen, &in);
    if (rv == CKR_OK && pSignature != NULL) {
        rv = kk_arg_span(pSignature, ulSignatureLen, &signature);
    }
    if (rv != CKR_OK) {
        return kk_call_message_fail(&call, KK_OP_MESSAGE_VERIFY, rv);
    }
    return kk_call_message_verify_next(&call, in, pSignature == NULL ? NULL : &signature);
}

CK_RV kk_api_C_MessageVerifyFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    return finish(app, hSession, KK_OP_MESSAGE_VERIFY);
}

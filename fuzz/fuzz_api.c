/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sequences of C_ calls with arguments right and wrong: an input's bytes choose the calls, the
 * handles, mechanisms, parameters, templates and lengths. All that the module reads and writes lies
 * against a guard page. After each call: the code is one that the standard knows and not one that
 * says that the token is damaged, outputs keep to their room, and what may not be seen is not seen.
 */
#include <string.h>

#include "arguments.h"
#include "base/macros.h"
#include "cryptoki/names.h"

#define CALLS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world world;

typedef CK_RV call_fn(struct input *input, CK_SESSION_HANDLE session);

/* --- operations --------------------------------------------------------------------------------
 */

/* Which kind was started last: what follows goes on with it, most times. */
static enum kk_op_kind last_kind;
static CK_SESSION_HANDLE last_session;

/* How each kind is started, and which mechanisms and keys it wants. */
static const struct starter {
    CK_RV (*init)(struct kk_app *app, CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                  CK_OBJECT_HANDLE key);
    CK_FLAGS flag;
    CK_ATTRIBUTE_TYPE usage;
} starters[KK_OP_COUNT] = {
    [KK_OP_ENCRYPT] = {kk_api_C_EncryptInit, CKF_ENCRYPT, CKA_ENCRYPT},
    [KK_OP_DECRYPT] = {kk_api_C_DecryptInit, CKF_DECRYPT, CKA_DECRYPT},
    [KK_OP_SIGN] = {kk_api_C_SignInit, CKF_SIGN, CKA_SIGN},
    [KK_OP_VERIFY] = {kk_api_C_VerifyInit, CKF_VERIFY, CKA_VERIFY},
    [KK_OP_DIGEST] = {NULL, CKF_DIGEST, CKA_VERIFY},
    [KK_OP_SIGN_RECOVER] = {kk_api_C_SignRecoverInit, CKF_SIGN_RECOVER, CKA_SIGN_RECOVER},
    [KK_OP_VERIFY_RECOVER] = {kk_api_C_VerifyRecoverInit, CKF_VERIFY_RECOVER, CKA_VERIFY_RECOVER},
    [KK_OP_MESSAGE_ENCRYPT] = {kk_api_C_MessageEncryptInit, CKF_MESSAGE_ENCRYPT, CKA_ENCRYPT},
    [KK_OP_MESSAGE_DECRYPT] = {kk_api_C_MessageDecryptInit, CKF_MESSAGE_DECRYPT, CKA_DECRYPT},
    [KK_OP_MESSAGE_SIGN] = {kk_api_C_MessageSignInit, CKF_MESSAGE_SIGN, CKA_SIGN},
    [KK_OP_MESSAGE_VERIFY] = {kk_api_C_MessageVerifyInit, CKF_MESSAGE_VERIFY, CKA_VERIFY},
    [KK_OP_VERIFY_SIGNATURE] = {NULL, CKF_VERIFY, CKA_VERIFY},
};

static CK_RV start_signature(struct input *input, CK_SESSION_HANDLE session,
                             CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    struct bytes signature = pick_data(input);
    return kk_api_C_VerifySignatureInit(world.app, session, mechanism, key, signature.data,
                                        signature.len);
}

static bool is_message(enum kk_op_kind kind)
{
    return kind >= KK_OP_MESSAGE_ENCRYPT && kind <= KK_OP_MESSAGE_VERIFY;
}

static CK_RV call_start(struct input *input, CK_SESSION_HANDLE session)
{
    last_kind = (enum kk_op_kind)input_below(input, KK_OP_COUNT);
    last_session = session;
    const struct starter *starter = &starters[last_kind];
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, starter->flag);
    CK_OBJECT_HANDLE key = pick_key(input, &world, session, mechanism, starter->usage);
    if (last_kind == KK_OP_VERIFY_SIGNATURE) {
        return start_signature(input, session, mechanism, key);
    }
    if (starter->init == NULL) {
        return kk_api_C_DigestInit(world.app, session, mechanism);
    }
    /* The parameter of a process is seldom there, or not what it is for C_EncryptInit. */
    if (mechanism != NULL && is_message(last_kind) && input_u8(input) % 2 == 0) {
        mechanism->pParameter = NULL;
        mechanism->ulParameterLen = 0;
    }
    return starter->init(world.app, session, mechanism, key);
}

static CK_RV cipher(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct kk_app *app = world.app;
    struct room out = pick_room(input);
    bool encrypts = last_kind == KK_OP_ENCRYPT;
    if (input_rarely(input, 8) && out.given >= in.len && in.len > 0) {
        in.data = out.data; /* in place */
    }
    switch (input_u8(input) % 3) {
    case 0:
        return checked((encrypts ? kk_api_C_Encrypt : kk_api_C_Decrypt)(app, session, in.data,
                                                                        in.len, out.data, out.len),
                       &out);
    case 1:
        return checked((encrypts ? kk_api_C_EncryptUpdate : kk_api_C_DecryptUpdate)(
                           app, session, in.data, in.len, out.data, out.len),
                       &out);
    default:
        return checked((encrypts ? kk_api_C_EncryptFinal
                                 : kk_api_C_DecryptFinal)(app, session, out.data, out.len),
                       &out);
    }
}

static CK_RV sign(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct kk_app *app = world.app;
    struct room out = pick_room(input);
    bool digests = last_kind == KK_OP_DIGEST;
    switch (input_u8(input) % 3) {
    case 0:
        return checked((digests ? kk_api_C_Digest : kk_api_C_Sign)(app, session, in.data, in.len,
                                                                   out.data, out.len),
                       &out);
    case 1:
        return (digests ? kk_api_C_DigestUpdate : kk_api_C_SignUpdate)(app, session, in.data,
                                                                       in.len);
    default:
        return checked(
            (digests ? kk_api_C_DigestFinal : kk_api_C_SignFinal)(app, session, out.data, out.len),
            &out);
    }
}

static CK_RV verify(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct bytes signature = pick_data(input);
    switch (input_u8(input) % 3) {
    case 0:
        return kk_api_C_Verify(world.app, session, in.data, in.len, signature.data, signature.len);
    case 1:
        return kk_api_C_VerifyUpdate(world.app, session, in.data, in.len);
    default:
        return kk_api_C_VerifyFinal(world.app, session, signature.data, signature.len);
    }
}

static CK_RV verify_signature(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    switch (input_u8(input) % 3) {
    case 0:
        return kk_api_C_VerifySignature(world.app, session, in.data, in.len);
    case 1:
        return kk_api_C_VerifySignatureUpdate(world.app, session, in.data, in.len);
    default:
        return kk_api_C_VerifySignatureFinal(world.app, session);
    }
}

/* --- messages ----------------------------------------------------------------------------------
 */

static void *gcm_param(struct input *input, CK_ULONG *ret_len)
{
    static const CK_ULONG iv_lens[] = {12, 12, 12, 16, 1, 8, 128, 0, 129};
    static const CK_ULONG tags[] = {128, 128, 96, 32, 0, 7, 136};
    CK_GCM_MESSAGE_PARAMS *gcm = guarded(sizeof *gcm);
    CK_ULONG iv_len = iv_lens[input_below(input, KK_ARRAY_LEN(iv_lens))];
    CK_ULONG tag_bits = tags[input_below(input, KK_ARRAY_LEN(tags))];
    *gcm = (CK_GCM_MESSAGE_PARAMS){guarded_bytes(input, iv_len),
                                   iv_len,
                                   input_below(input, 2) == 0 ? 0 : input_u8(input),
                                   input_below(input, 6),
                                   guarded_bytes(input, (tag_bits + 7) / 8),
                                   tag_bits};
    *ret_len = sizeof *gcm;
    return gcm;
}

static void *ccm_param(struct input *input, CK_ULONG *ret_len)
{
    static const CK_ULONG nonce_lens[] = {12, 13, 7, 6, 14, 0, 128};
    static const CK_ULONG macs[] = {16, 16, 4, 8, 5, 0, 18};
    static const CK_ULONG data_lens[] = {0, 1, 16, 32, 48, 1000, 70000, ~(CK_ULONG)0};
    CK_CCM_MESSAGE_PARAMS *ccm = guarded(sizeof *ccm);
    CK_ULONG nonce_len = nonce_lens[input_below(input, KK_ARRAY_LEN(nonce_lens))];
    CK_ULONG mac_len = macs[input_below(input, KK_ARRAY_LEN(macs))];
    *ccm = (CK_CCM_MESSAGE_PARAMS){data_lens[input_below(input, KK_ARRAY_LEN(data_lens))],
                                   guarded_bytes(input, nonce_len),
                                   nonce_len,
                                   input_below(input, 2) == 0 ? 0 : input_u8(input),
                                   input_below(input, 6),
                                   guarded_bytes(input, mac_len),
                                   mac_len};
    *ret_len = sizeof *ccm;
    return ccm;
}

static void *stream_param(struct input *input, CK_ULONG *ret_len)
{
    static const CK_ULONG bits[] = {96, 64, 192, 12, 8, 24, 0, 65};
    CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *stream = guarded(sizeof *stream);
    CK_ULONG nonce = bits[input_below(input, KK_ARRAY_LEN(bits))];
    CK_ULONG len = nonce >= 64 ? (nonce + 7) / 8 : nonce;
    *stream = (CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS){
        guarded_bytes(input, len), nonce, input_rarely(input, 16) ? NULL : guarded(16)};
    *ret_len = sizeof *stream;
    return stream;
}

/* The parameter of a message, its pieces against guard pages. */
static void *message_param(struct input *input, CK_ULONG *ret_len)
{
    static void *(*const makers[])(struct input *, CK_ULONG *) = {gcm_param, gcm_param, ccm_param,
                                                                  stream_param};
    void *param = makers[input_below(input, KK_ARRAY_LEN(makers))](input, ret_len);
    if (input_rarely(input, 32)) {
        *ret_len = input_u8(input) % (*ret_len + 1);
    }
    return input_rarely(input, 32) ? NULL : param;
}

/* A message that was encrypted decrypts again, and not with a bit changed. */
static CK_RV message_round(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    uint8_t iv[12] = {input_u8(input)}, tag[16] = {0}, sealed[1024], opened[1024];
    CK_GCM_MESSAGE_PARAMS gcm = {iv, sizeof iv, 0, input_below(input, 5), tag, 128};
    CK_OBJECT_HANDLE key =
        pick_key(input, &world, session, &(CK_MECHANISM){CKM_AES_GCM, NULL, 0}, CKA_ENCRYPT);
    CK_ULONG len = sizeof sealed;
    CK_MECHANISM mechanism = {CKM_AES_GCM, NULL, 0};
    if (in.data == NULL ||
        kk_api_C_EncryptMessage(world.app, session, &gcm, sizeof gcm, NULL, 0, in.data, in.len,
                                sealed, &len) != CKR_OK ||
        kk_api_C_MessageDecryptInit(world.app, session, &mechanism, key) != CKR_OK) {
        return CKR_OK;
    }
    CK_ULONG opened_len = sizeof opened;
    CK_RV rv = kk_api_C_DecryptMessage(world.app, session, &gcm, sizeof gcm, NULL, 0, sealed, len,
                                       opened, &opened_len);
    /* the process may be one of another key */
    FUZZ_CHECK(rv == CKR_AEAD_DECRYPT_FAILED ||
               (rv == CKR_OK && opened_len == in.len && memcmp(opened, in.data, in.len) == 0));
    tag[input_below(input, 16)] ^= 1;
    opened_len = sizeof opened;
    FUZZ_CHECK(kk_api_C_DecryptMessage(world.app, session, &gcm, sizeof gcm, NULL, 0, sealed, len,
                                       opened, &opened_len) == CKR_AEAD_DECRYPT_FAILED);
    return kk_api_C_MessageDecryptFinal(world.app, session);
}

static CK_RV message_cipher(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct kk_app *app = world.app;
    bool encrypts = last_kind == KK_OP_MESSAGE_ENCRYPT;
    CK_ULONG param_len = 0;
    void *param = message_param(input, &param_len);
    struct bytes aad = pick_data(input);
    struct room out = pick_room(input);
    switch (input_u8(input) % 8) {
    case 0:
    case 1:
        return checked((encrypts ? kk_api_C_EncryptMessage : kk_api_C_DecryptMessage)(
                           app, session, param, param_len, aad.data, aad.len, in.data, in.len,
                           out.data, out.len),
                       &out);
    case 2:
    case 3:
        return (encrypts ? kk_api_C_EncryptMessageBegin : kk_api_C_DecryptMessageBegin)(
            app, session, param, param_len, aad.data, aad.len);
    case 4:
    case 5:
    case 6:
        return checked((encrypts ? kk_api_C_EncryptMessageNext : kk_api_C_DecryptMessageNext)(
                           app, session, param, param_len, in.data, in.len, out.data, out.len,
                           input_below(input, 32) == 31 ? input_u8(input) : input_u8(input) % 2),
                       &out);
    default:
        if (encrypts && input_u8(input) % 4 != 0) {
            return message_round(input, session, in);
        }
        return (encrypts ? kk_api_C_MessageEncryptFinal : kk_api_C_MessageDecryptFinal)(app,
                                                                                        session);
    }
}

static CK_RV message_sign(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct kk_app *app = world.app;
    struct room out = pick_room(input);
    CK_ULONG none = input_rarely(input, 32) ? input_u8(input) : 0;
    switch (input_u8(input) % 6) {
    case 0:
    case 1:
        return checked(
            kk_api_C_SignMessage(app, session, NULL, none, in.data, in.len, out.data, out.len),
            &out);
    case 2:
        return kk_api_C_SignMessageBegin(app, session, NULL, none);
    case 3:
        return kk_api_C_SignMessageNext(app, session, NULL, none, in.data, in.len, NULL, NULL);
    case 4:
        return checked(
            kk_api_C_SignMessageNext(app, session, NULL, none, in.data, in.len, out.data, out.len),
            &out);
    default:
        return kk_api_C_MessageSignFinal(app, session);
    }
}

static CK_RV message_verify(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct kk_app *app = world.app;
    struct bytes signature = pick_data(input);
    switch (input_u8(input) % 6) {
    case 0:
    case 1:
        return kk_api_C_VerifyMessage(app, session, NULL, 0, in.data, in.len, signature.data,
                                      signature.len);
    case 2:
        return kk_api_C_VerifyMessageBegin(app, session, NULL, 0);
    case 3:
        return kk_api_C_VerifyMessageNext(app, session, NULL, 0, in.data, in.len, NULL, 0);
    case 4:
        return kk_api_C_VerifyMessageNext(app, session, NULL, 0, in.data, in.len, signature.data,
                                          signature.len);
    default:
        return kk_api_C_MessageVerifyFinal(app, session);
    }
}

static CK_RV recover(struct input *input, CK_SESSION_HANDLE session, struct bytes in)
{
    struct room out = pick_room(input);
    return checked(
        (last_kind == KK_OP_SIGN_RECOVER ? kk_api_C_SignRecover : kk_api_C_VerifyRecover)(
            world.app, session, in.data, in.len, out.data, out.len),
        &out);
}

static CK_RV call_go_on(struct input *input, CK_SESSION_HANDLE session)
{
    static CK_RV (*const go_on[KK_OP_COUNT])(struct input *, CK_SESSION_HANDLE, struct bytes) = {
        [KK_OP_ENCRYPT] = cipher,
        [KK_OP_DECRYPT] = cipher,
        [KK_OP_SIGN] = sign,
        [KK_OP_VERIFY] = verify,
        [KK_OP_DIGEST] = sign,
        [KK_OP_SIGN_RECOVER] = recover,
        [KK_OP_VERIFY_RECOVER] = recover,
        [KK_OP_MESSAGE_ENCRYPT] = message_cipher,
        [KK_OP_MESSAGE_DECRYPT] = message_cipher,
        [KK_OP_MESSAGE_SIGN] = message_sign,
        [KK_OP_MESSAGE_VERIFY] = message_verify,
        [KK_OP_VERIFY_SIGNATURE] = verify_signature,
    };
    struct bytes in = pick_data(input);
    if (input_rarely(input, 16)) {
        last_kind = (enum kk_op_kind)input_below(input, KK_OP_COUNT);
    } else {
        session = last_session;
    }
    return go_on[last_kind](input, session, in);
}

static CK_RV call_dual(struct input *input, CK_SESSION_HANDLE session)
{
    static CK_RV (*const functions[])(struct kk_app *, CK_SESSION_HANDLE, CK_BYTE_PTR, CK_ULONG,
                                      CK_BYTE_PTR, CK_ULONG_PTR) = {
        kk_api_C_DigestEncryptUpdate, kk_api_C_DecryptDigestUpdate, kk_api_C_SignEncryptUpdate,
        kk_api_C_DecryptVerifyUpdate};
    struct bytes in = pick_data(input);
    struct room out = pick_room(input);
    if (input_u8(input) % 4 != 0) {
        session = last_session;
    }
    if (input_rarely(input, 8) && out.given >= in.len && in.len > 0) {
        in.data = out.data; /* in place */
    }
    return checked(
        functions[input_below(input, 4)](world.app, session, in.data, in.len, out.data, out.len),
        &out);
}

static CK_RV call_digest_key(struct input *input, CK_SESSION_HANDLE session)
{
    return kk_api_C_DigestKey(world.app, session, pick_object(input, &world));
}

/* A state that was saved, restored as it is, in part or with a bit changed. */
static CK_RV call_state(struct input *input, CK_SESSION_HANDLE session)
{
    static CK_BYTE saved[12288];
    static CK_ULONG saved_len;
    CK_OBJECT_HANDLE key = input_u8(input) % 4 == 0 ? pick_object(input, &world) : 0;
    if (input_u8(input) % 2 == 0) {
        struct room out = pick_room(input);
        CK_ULONG len = sizeof saved;
        if (kk_api_C_GetOperationState(world.app, session, saved, &len) == CKR_OK) {
            saved_len = len;
        }
        return checked(kk_api_C_GetOperationState(world.app, session, out.data, out.len), &out);
    }
    CK_ULONG len = input_rarely(input, 4) ? input_below(input, saved_len + 1) : saved_len;
    bool changed = len != saved_len;
    CK_BYTE *state = guarded(len);
    memcpy(state, saved, len);
    if (len > 0 && input_rarely(input, 4)) {
        state[input_below(input, len)] ^= 1;
        changed = true;
    }
    CK_RV rv = kk_api_C_SetOperationState(world.app, session, state, len, key,
                                          input_rarely(input, 16) ? key : 0);
    FUZZ_CHECK(!changed || rv != CKR_OK);
    return rv;
}

/* --- objects -----------------------------------------------------------------------------------
 */

static CK_RV remembered(CK_RV rv, CK_SESSION_HANDLE session, const CK_OBJECT_HANDLE *handle)
{
    if (rv == CKR_OK) {
        FUZZ_CHECK(*handle != CK_INVALID_HANDLE);
        world_remember(&world, session, *handle);
    }
    return rv;
}

static CK_RV call_create(struct input *input, CK_SESSION_HANDLE session)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes =
        make_template_for(input, input_u8(input) % 2 == 0 ? FOR_DATA : FOR_SECRET, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(kk_api_C_CreateObject(world.app, session, attributes, count, handle), session,
                      handle);
}

static CK_RV call_copy(struct input *input, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = pick_object(input, &world);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_CHANGE, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(kk_api_C_CopyObject(world.app, session, object, attributes, count, handle),
                      session, handle);
}

static CK_RV call_destroy(struct input *input, CK_SESSION_HANDLE session)
{
    return kk_api_C_DestroyObject(world.app, session, pick_object(input, &world));
}

static CK_RV call_set(struct input *input, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = pick_object(input, &world);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_CHANGE, &count);
    return kk_api_C_SetAttributeValue(world.app, session, object, attributes, count);
}

static CK_RV call_get(struct input *input, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = pick_object(input, &world);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template(input, 1, &count);
    CK_ULONG *size = guarded(sizeof *size);
    CK_RV rv = kk_api_C_GetObjectSize(world.app, session, object, size);
    FUZZ_CHECK(rv != CKR_OK || (*size > 0 && *size < 1u << 20));
    return kk_api_C_GetAttributeValue(world.app, session, object, attributes, count);
}

static CK_RV call_find_init(struct input *input, CK_SESSION_HANDLE session)
{
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = input_u8(input) % 2 == 0 ? NULL : make_template(input, 1, &count);
    return kk_api_C_FindObjectsInit(world.app, session, attributes, count);
}

static CK_RV call_find(struct input *input, CK_SESSION_HANDLE session)
{
    CK_ULONG max = input_below(input, 40);
    CK_OBJECT_HANDLE *handles = guarded(max * sizeof *handles);
    CK_ULONG *count = guarded(sizeof *count);
    CK_RV rv = kk_api_C_FindObjects(world.app, session, handles, max, count);
    if (rv == CKR_OK) {
        FUZZ_CHECK(*count <= max);
        for (CK_ULONG i = 0; i < *count && i < 4; i++) {
            (void)remembered(rv, session, &handles[i]);
        }
    }
    return rv;
}

static CK_RV call_find_final(KK_UNUSED struct input *input, CK_SESSION_HANDLE session)
{
    return kk_api_C_FindObjectsFinal(world.app, session);
}

/* --- keys --------------------------------------------------------------------------------------
 */

static CK_RV call_generate(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_GENERATE);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_GENERATION, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(
        kk_api_C_GenerateKey(world.app, session, mechanism, attributes, count, handle), session,
        handle);
}

static CK_RV call_generate_pair(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_GENERATE_KEY_PAIR);
    CK_ULONG count = 0;
    CK_ULONG private_count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_PAIR, &count);
    CK_ATTRIBUTE *private_attributes = make_template_for(input, FOR_CHANGE, &private_count);
    CK_OBJECT_HANDLE *handles = guarded(2 * sizeof *handles);
    CK_RV rv =
        kk_api_C_GenerateKeyPair(world.app, session, mechanism, attributes, count,
                                 private_attributes, private_count, &handles[0], &handles[1]);
    (void)remembered(rv, session, &handles[0]);
    return remembered(rv, session, &handles[1]);
}

static CK_RV call_wrap(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_WRAP);
    CK_OBJECT_HANDLE wrapping = pick_key(input, &world, session, mechanism, CKA_WRAP);
    CK_OBJECT_HANDLE key = pick_object(input, &world);
    struct room out = pick_room(input);
    return checked(
        kk_api_C_WrapKey(world.app, session, mechanism, wrapping, key, out.data, out.len), &out);
}

static CK_RV call_unwrap(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_UNWRAP);
    CK_OBJECT_HANDLE key = pick_key(input, &world, session, mechanism, CKA_UNWRAP);
    struct bytes wrapped = pick_data(input);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_UNWRAPPING, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(kk_api_C_UnwrapKey(world.app, session, mechanism, key, wrapped.data,
                                         wrapped.len, attributes, count, handle),
                      session, handle);
}

/* A key that says that it may be wrapped, if one is found at once. */
static CK_OBJECT_HANDLE pick_wrappable(struct input *input, CK_SESSION_HANDLE session)
{
    size_t count = world.handle_count < HANDLES ? world.handle_count : HANDLES;
    size_t at = input_u8(input);
    for (size_t i = 0; i < count; i++, at++) {
        CK_OBJECT_HANDLE object = world.handles[at % count];
        if (world_flag(&world, session, object, CKA_EXTRACTABLE, CK_FALSE)) {
            return object;
        }
    }
    return pick_object(input, &world);
}

/* A key wrapped and unwrapped again, as it is or with a bit changed. */
static CK_RV call_round(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_WRAP);
    CK_OBJECT_HANDLE wrapping = pick_key(input, &world, session, mechanism, CKA_WRAP);
    CK_OBJECT_HANDLE key = pick_wrappable(input, session);
    uint8_t wrapped[4096];
    CK_ULONG len = sizeof wrapped;
    CK_RV rv = kk_api_C_WrapKey(world.app, session, mechanism, wrapping, key, wrapped, &len);
    if (rv != CKR_OK) {
        return rv;
    }
    uint8_t *copy = guarded(len);
    memcpy(copy, wrapped, len);
    if (input_u8(input) % 4 == 0 && len > 0) {
        copy[input_u16(input) % len] ^= 1;
    }
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_UNWRAPPING, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(kk_api_C_UnwrapKey(world.app, session, mechanism, wrapping, copy, len,
                                         attributes, count, handle),
                      session, handle);
}

static CK_RV call_derive(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_DERIVE);
    CK_OBJECT_HANDLE base = pick_key(input, &world, session, mechanism, CKA_DERIVE);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_UNWRAPPING, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    CK_RV rv = kk_api_C_DeriveKey(world.app, session, mechanism, base, attributes, count, handle);
    if (rv == CKR_OK) {
        const struct kk_mechanism *row =
            kk_registry_find(world.app->engine->registry, mechanism->mechanism);
        FUZZ_CHECK(row != NULL);
        if (!kk_mechanism_gives_handle(row)) { /* what is made goes into the parameter */
            FUZZ_CHECK(*handle == CK_INVALID_HANDLE);
            return rv;
        }
    }
    return remembered(rv, session, handle);
}

static CK_RV call_encapsulate(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_ENCAPSULATE);
    CK_OBJECT_HANDLE key = pick_key(input, &world, session, mechanism, CKA_ENCAPSULATE);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_UNWRAPPING, &count);
    struct room out = pick_room(input);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    CK_RV rv = checked(kk_api_C_EncapsulateKey(world.app, session, mechanism, key, attributes,
                                               count, out.data, out.len, handle),
                       &out);
    return out.data == NULL ? rv : remembered(rv, session, handle);
}

static CK_RV call_decapsulate(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_DECAPSULATE);
    CK_OBJECT_HANDLE key = pick_key(input, &world, session, mechanism, CKA_DECAPSULATE);
    struct bytes in = pick_data(input);
    CK_ULONG count = 0;
    CK_ATTRIBUTE *attributes = make_template_for(input, FOR_UNWRAPPING, &count);
    CK_OBJECT_HANDLE *handle = guarded(sizeof *handle);
    return remembered(kk_api_C_DecapsulateKey(world.app, session, mechanism, key, attributes, count,
                                              in.data, in.len, handle),
                      session, handle);
}

/* The parameter of a message is none that pick_mechanism() makes: other bytes of its length. */
static CK_RV call_wrap_authenticated(struct input *input, CK_SESSION_HANDLE session)
{
    CK_MECHANISM *mechanism = pick_mechanism(input, &world, CKF_WRAP);
    CK_OBJECT_HANDLE wrapping = pick_key(input, &world, session, mechanism, CKA_WRAP);
    CK_OBJECT_HANDLE key = pick_wrappable(input, session);
    struct bytes iv = pick_data(input);
    struct bytes aad = pick_data(input);
    struct room out = pick_room(input);
    CK_BYTE *tag = guarded(16);
    CK_GCM_MESSAGE_PARAMS *gcm = guarded(sizeof *gcm);
    *gcm = (CK_GCM_MESSAGE_PARAMS){iv.data,
                                   iv.len,
                                   input_u8(input),
                                   input_u8(input) % 6,
                                   tag,
                                   input_rarely(input, 4) ? input_u8(input) % 129 : 128};
    CK_MECHANISM given = {mechanism == NULL ? CKM_AES_GCM : mechanism->mechanism, gcm, sizeof *gcm};
    if (input_u8(input) % 2 == 0) {
        given.mechanism = CKM_AES_GCM;
    }
    return checked(kk_api_C_WrapKeyAuthenticated(world.app, session, &given, wrapping, key,
                                                 aad.data, aad.len, out.data, out.len),
                   &out);
}

/* --- sessions and slots ------------------------------------------------------------------------
 */

static CK_RV call_open(struct input *input, KK_UNUSED CK_SESSION_HANDLE session)
{
    CK_SLOT_ID slot = input_rarely(input, 16) ? input_u8(input) : world.slot;
    CK_FLAGS flags = input_rarely(input, 16) ? (CK_FLAGS)input_u64(input) : CKF_SERIAL_SESSION;
    flags |= input_u8(input) % 2 == 0 ? CKF_RW_SESSION : 0;
    CK_SESSION_HANDLE *handle = guarded(sizeof *handle);
    CK_RV rv = kk_api_C_OpenSession(world.app, slot, flags, NULL, NULL, handle);
    if (rv == CKR_OK) {
        world.sessions[input_below(input, SESSIONS)] = *handle;
    }
    return rv;
}

static CK_RV call_close(struct input *input, CK_SESSION_HANDLE session)
{
    if (input_rarely(input, 16)) {
        return kk_api_C_CloseAllSessions(world.app, world.slot);
    }
    if (input_u8(input) % 4 != 0) {
        return call_open(input, session);
    }
    return kk_api_C_CloseSession(world.app, session);
}

static CK_RV call_login(struct input *input, CK_SESSION_HANDLE session)
{
    uint8_t choice = input_u8(input);
    CK_UTF8CHAR *pin = guarded(sizeof world_pin);
    memcpy(pin, world_pin, sizeof world_pin);
    pin[0] ^= choice == 255;
    if (choice % 16 < 12) {
        return kk_api_C_Login(world.app, session, choice % 2 == 0 ? CKU_USER : CKU_CONTEXT_SPECIFIC,
                              pin, sizeof world_pin);
    }
    if (choice % 16 == 13) {
        return kk_api_C_Login(world.app, session, CKU_SO, world_so_pin, sizeof world_so_pin);
    }
    return kk_api_C_Login(world.app, session, choice, NULL, choice);
}

static CK_RV call_logout(struct input *input, CK_SESSION_HANDLE session)
{
    if (input_u8(input) % 4 != 0) {
        return kk_api_C_Login(world.app, session, CKU_USER, world_pin, sizeof world_pin);
    }
    return kk_api_C_Logout(world.app, session);
}

/* Never a wrong PIN of the SO's: after each the token waits longer. */
static CK_RV call_pin(struct input *input, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = {0};
    (void)kk_api_C_GetSessionInfo(world.app, session, &info);
    bool is_so = info.state == CKS_RW_SO_FUNCTIONS;
    CK_ULONG len = is_so ? sizeof world_so_pin : sizeof world_pin;
    CK_UTF8CHAR *pin = guarded(len);
    memcpy(pin, is_so ? world_so_pin : world_pin, len);
    if (input_u8(input) % 2 == 0) {
        memcpy(pin, world_pin, sizeof world_pin);
        return kk_api_C_InitPIN(world.app, session, pin, input_below(input, 5));
    }
    return kk_api_C_SetPIN(world.app, session, pin, len, pin, is_so ? len : input_below(input, 5));
}

static CK_RV call_init_token(struct input *input, KK_UNUSED CK_SESSION_HANDLE session)
{
    CK_UTF8CHAR *label = guarded_bytes(input, 32);
    CK_UTF8CHAR *pin = guarded(sizeof world_so_pin);
    memcpy(pin, world_so_pin, sizeof world_so_pin);
    if (!input_rarely(input, 32)) {
        return kk_api_C_GetSessionInfo(world.app, session, NULL);
    }
    CK_RV rv = kk_api_C_InitToken(world.app, world.slot, pin, sizeof world_so_pin, label);
    world.is_spent = world.is_spent || rv == CKR_OK;
    return rv;
}

static CK_RV call_cancel(struct input *input, CK_SESSION_HANDLE session)
{
    return kk_api_C_SessionCancel(world.app, session, (CK_FLAGS)input_u64(input));
}

static CK_RV call_random(struct input *input, CK_SESSION_HANDLE session)
{
    struct bytes bytes = pick_data(input);
    return input_u8(input) % 2 == 0
               ? kk_api_C_GenerateRandom(world.app, session, bytes.data, bytes.len)
               : kk_api_C_SeedRandom(world.app, session, bytes.data, bytes.len);
}

static CK_RV call_info(struct input *input, KK_UNUSED CK_SESSION_HANDLE session)
{
    CK_SLOT_ID slot = input_rarely(input, 8) ? input_u8(input) : world.slot;
    CK_ULONG *count = guarded(sizeof *count);
    *count = input_below(input, 100);
    switch (input_u8(input) % 5) {
    case 0:
        return kk_api_C_GetSlotInfo(world.app, slot, guarded(sizeof(CK_SLOT_INFO)));
    case 1:
        return kk_api_C_GetTokenInfo(world.app, slot, guarded(sizeof(CK_TOKEN_INFO)));
    case 2:
        return kk_api_C_GetMechanismList(world.app, slot, guarded(*count * sizeof(CK_ULONG)),
                                         count);
    case 3:
        return kk_api_C_GetMechanismInfo(world.app, slot, input_u16(input),
                                         guarded(sizeof(CK_MECHANISM_INFO)));
    default:
        return kk_api_C_GetSlotList(world.app, CK_FALSE, guarded(*count * sizeof(CK_ULONG)), count);
    }
}

/* --- what must hold ----------------------------------------------------------------------------
 */

/* The value of a sensitive or unextractable key is not to be had. */
static void check_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    static const CK_ATTRIBUTE_TYPE secrets[] = {CKA_VALUE, CKA_PRIVATE_EXPONENT, CKA_PRIME_1};
    CK_OBJECT_CLASS class = CK_UNAVAILABLE_INFORMATION;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &class, sizeof class};
    if (kk_api_C_GetAttributeValue(world.app, session, object, &attribute, 1) != CKR_OK ||
        (class != CKO_SECRET_KEY && class != CKO_PRIVATE_KEY)) {
        return;
    }
    bool is_closed = world_flag(&world, session, object, CKA_SENSITIVE, CK_FALSE) ||
                     !world_flag(&world, session, object, CKA_EXTRACTABLE, CK_TRUE);
    for (size_t i = 0; is_closed && i < KK_ARRAY_LEN(secrets); i++) {
        uint8_t value[1024];
        CK_ATTRIBUTE secret = {secrets[i], value, sizeof value};
        CK_RV rv = kk_api_C_GetAttributeValue(world.app, session, object, &secret, 1);
        FUZZ_CHECK(rv == CKR_ATTRIBUTE_SENSITIVE || rv == CKR_ATTRIBUTE_TYPE_INVALID);
    }
}

static bool is_open(CK_SESSION_HANDLE session, CK_SESSION_INFO *ret_info)
{
    return kk_api_C_GetSessionInfo(world.app, session, ret_info) == CKR_OK;
}

/* Without a user nobody sees a private object. */
static void check_session(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_SESSION_INFO info;
    if (!is_open(session, &info)) {
        return;
    }
    bool user = info.state == CKS_RO_USER_FUNCTIONS || info.state == CKS_RW_USER_FUNCTIONS;
    FUZZ_CHECK(user || !world_flag(&world, session, object, CKA_PRIVATE, CK_FALSE));
    check_object(session, object);
}

static CK_RV call_check(struct input *input, CK_SESSION_HANDLE session)
{
    CK_OBJECT_HANDLE object = pick_object(input, &world);
    check_session(session, object);
    return CKR_OK;
}

static call_fn *const calls[] = {
    call_start,
    call_start,
    call_start,
    call_start,
    call_go_on,
    call_go_on,
    call_go_on,
    call_go_on,
    call_go_on,
    call_digest_key,
    call_create,
    call_create,
    call_copy,
    call_destroy,
    call_set,
    call_get,
    call_find_init,
    call_find,
    call_find_final,
    call_generate,
    call_generate,
    call_generate_pair,
    call_wrap,
    call_unwrap,
    call_round,
    call_derive,
    call_derive,
    call_open,
    call_close,
    call_login,
    call_logout,
    call_pin,
    call_init_token,
    call_cancel,
    call_random,
    call_info,
    call_check,
    call_check,
    call_encapsulate,
    call_decapsulate,
    call_wrap_authenticated,
    call_dual,
    call_dual,
    call_state,
    call_state,
};

static void check_code(CK_RV rv)
{
    FUZZ_CHECK(kk_names_find(KK_NAMES_CKR, rv) != NULL);
    FUZZ_CHECK(rv != CKR_GENERAL_ERROR && rv != CKR_DEVICE_ERROR && rv != CKR_FUNCTION_FAILED &&
               rv != CKR_FUNCTION_REJECTED && rv != CKR_HOST_MEMORY && rv != CKR_DEVICE_MEMORY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    world_begin(&world);
    for (int i = 0; i < CALLS_MAX && input.left > 0; i++) {
        call_fn *call = calls[input_below(&input, KK_ARRAY_LEN(calls))];
        CK_SESSION_HANDLE session = pick_session(&input, &world);
        check_code(call(&input, session));
        check_session(session, pick_object(&input, &world));
    }
    world_end(&world);
    return 0;
}

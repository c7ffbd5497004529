/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages under ChaCha20-Poly1305 and Salsa20-Poly1305. The parameter has no generator: every
 * nonce is the caller's.
 */
#include "base/memory.h"
#include "crypto/stream.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define NONCE_MAX 24

struct stream_message {
    struct kk_stream_aead *aead;
    bool encrypts;
};

static void stream_message_close(void *cipher)
{
    struct stream_message *self = cipher;
    kk_stream_aead_free(self->aead);
    kk_free(self);
}

static KK_RV stream_message_open(struct kk_op *op, void **ret_cipher)
{
    struct stream_message *self = NULL;
    struct kk_span key = {0};
    KK_CLEANUP(kk_stream_aead_freep) struct kk_stream_aead *aead = NULL;
    enum kk_stream_kind kind =
        op->mechanism->detail == KK_STREAM_DETAIL_SALSA20 ? KK_STREAM_SALSA20 : KK_STREAM_CHACHA20;
    KK_TRY(kk_secret_of(op->key, &key));
    KK_TRY(kk_stream_aead_new(op->crypto, kind, key, &aead));
    KK_TRY(kk_alloc(sizeof *self, &self));
    self->aead = KK_STEAL(aead);
    self->encrypts = op->kind == KK_OP_ENCRYPT;
    *ret_cipher = self;
    return CKR_OK;
}

static KK_RV stream_message_start(void *cipher, const struct kk_message *message,
                                  struct kk_span aad)
{
    struct stream_message *self = cipher;
    return kk_stream_aead_start(self->aead, KK_SPAN(message->iv, message->iv_len), aad);
}

static KK_RV stream_message_update(void *cipher, struct kk_span in, uint8_t *out, size_t *ret_len)
{
    struct stream_message *self = cipher;
    *ret_len = in.len;
    if (self->encrypts) {
        return kk_stream_aead_encrypt(self->aead, in, out);
    }
    CK_RV rv = kk_stream_aead_decrypt(self->aead, in, out);
    return rv == CKR_DATA_LEN_RANGE ? CKR_ENCRYPTED_DATA_LEN_RANGE : rv;
}

static KK_RV stream_message_final(void *cipher, const struct kk_message *message, struct kk_span in,
                                  uint8_t *out, size_t *ret_len)
{
    struct stream_message *self = cipher;
    uint8_t tag[KK_POLY1305_TAG];
    KK_TRY(stream_message_update(cipher, in, out, ret_len));
    kk_stream_aead_tag(self->aead, tag);
    if (self->encrypts) {
        memcpy(message->tag, tag, sizeof tag);
        return CKR_OK;
    }
    bool is_right = kk_ct_equal(tag, message->tag, sizeof tag);
    kk_wipe(tag, sizeof tag);
    if (!is_right) {
        kk_wipe(out, *ret_len);
        return CKR_ENCRYPTED_DATA_INVALID;
    }
    return CKR_OK;
}

static const struct kk_aead_ops stream_message_aead = {
    .open = stream_message_open,
    .close = stream_message_close,
    .start = stream_message_start,
    .update = stream_message_update,
    .final = stream_message_final,
};

/*= pkcs11-3.2 CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS: ulNonceLen is 64, 96 or 192 bits; programs
 * that count the bytes of all nonces give 8, 12 or 24 */
static KK_RV stream_message_read(const void *params, struct kk_message *ret_message)
{
    const CK_SALSA20_CHACHA20_POLY1305_MSG_PARAMS *stream = params;
    CK_ULONG len = stream->ulNonceLen >= 64 ? stream->ulNonceLen / 8 : stream->ulNonceLen;
    KK_ENSURE(stream->ulNonceLen < 64 || stream->ulNonceLen % 8 == 0, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(len == 8 || len == 12 || len == NONCE_MAX, CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(stream->pTag != NULL, CKR_MECHANISM_PARAM_INVALID);
    *ret_message = (struct kk_message){.iv = stream->pNonce,
                                       .iv_len = len,
                                       .generator = CKG_NO_GENERATE,
                                       .tag = stream->pTag,
                                       .tag_len = KK_POLY1305_TAG};
    return CKR_OK;
}

const struct kk_message_ops kk_stream_message_ops = {
    .shape = KK_PARAM_SALSA20_CHACHA20_POLY1305_MSG,
    .read = stream_message_read,
    .aead = &stream_message_aead,
};

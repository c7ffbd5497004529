/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Messages under AES-CCM. The mode works on whole messages: parts are kept until the last one,
 * which gives everything out; nothing comes out before the MAC was checked.
 */
#include "base/memory.h"
#include "crypto/ccm.h"
#include "mechanism/held.h"
#include "mechanism/operation.h"

#include "base/banned.h"

#define NONCE_MIN 7
#define NONCE_MAX 13

struct ccm_message {
    struct kk_crypto *crypto;
    bool encrypts;
    struct kk_ccm ccm; /* its key is the operation's, its spans point to what follows */
    uint8_t nonce[NONCE_MAX];
    struct kk_buffer aad;
    size_t data_len;
    size_t most; /* of what is held */
    struct kk_buffer held;
};

static void ccm_message_close(void *cipher)
{
    struct ccm_message *self = cipher;
    kk_buffer_clear(&self->aad);
    kk_buffer_clear(&self->held);
    kk_free(self);
}

static KK_RV ccm_message_open(struct kk_op *op, void **ret_cipher)
{
    struct ccm_message *self = NULL;
    struct kk_span key = {0};
    KK_TRY(kk_aes_key_of(op->key, &key));
    KK_TRY(kk_alloc(sizeof *self, &self));
    self->crypto = op->crypto;
    self->encrypts = op->kind == KK_OP_ENCRYPT;
    self->ccm.key = key;
    self->most = kk_aead_most(op);
    self->held.wipe = self->encrypts;
    *ret_cipher = self;
    return CKR_OK;
}

static KK_RV ccm_message_start(void *cipher, const struct kk_message *message, struct kk_span aad)
{
    struct ccm_message *self = cipher;
    kk_held_start(&self->held);
    self->aad.len = 0;
    kk_buffer_put_span(&self->aad, aad);
    KK_TRY(kk_buffer_check(&self->aad));
    memcpy(self->nonce, message->iv, message->iv_len);
    self->ccm.nonce = KK_SPAN(self->nonce, message->iv_len);
    self->ccm.aad = kk_buffer_span(&self->aad);
    self->ccm.mac_len = message->tag_len;
    self->data_len = message->data_len;
    return kk_ccm_check(&self->ccm, message->data_len);
}

static size_t ccm_message_bound(const void *cipher, enum kk_phase phase, size_t in_len)
{
    const struct ccm_message *self = cipher;
    return phase == KK_PHASE_UPDATE ? 0 : self->held.len + in_len;
}

static KK_RV ccm_message_update(void *cipher, struct kk_span in, KK_UNUSED uint8_t *out,
                                size_t *ret_len)
{
    struct ccm_message *self = cipher;
    *ret_len = 0;
    return kk_held_put(&self->held, in, KK_MIN(self->data_len, self->most),
                       self->encrypts ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE);
}

/* `sealed` is text and MAC, as they stand in the parameter's place and the caller's. */
static KK_RV ccm_seal(struct ccm_message *self, const struct kk_message *message, struct kk_span in,
                      uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    size_t len = 0;
    uint8_t *room = kk_buffer_extend(&sealed, in.len + self->ccm.mac_len);
    KK_TRY(kk_buffer_check(&sealed));
    KK_TRY(kk_ccm_seal(self->crypto, &self->ccm, in, room, &len));
    memcpy(out, room, in.len);
    memcpy(message->tag, room + in.len, self->ccm.mac_len);
    *ret_len = in.len;
    return CKR_OK;
}

static KK_RV ccm_open(struct ccm_message *self, const struct kk_message *message, struct kk_span in,
                      uint8_t *out, size_t *ret_len)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer sealed = {0};
    kk_buffer_put_span(&sealed, in);
    kk_buffer_put(&sealed, message->tag, message->tag_len);
    KK_TRY(kk_buffer_check(&sealed));
    return kk_ccm_open(self->crypto, &self->ccm, kk_buffer_span(&sealed), out, ret_len);
}

/*= pkcs11-3.2 CK_CCM_MESSAGE_PARAMS: ulDataLen is the length of the data */
static KK_RV ccm_message_final(void *cipher, const struct kk_message *message, struct kk_span in,
                               uint8_t *out, size_t *ret_len)
{
    struct ccm_message *self = cipher;
    if (self->held.len > 0) {
        KK_TRY(ccm_message_update(cipher, in, out, ret_len));
        in = kk_buffer_span(&self->held);
    }
    KK_ENSURE(in.len == self->data_len,
              self->encrypts ? CKR_DATA_LEN_RANGE : CKR_ENCRYPTED_DATA_LEN_RANGE);
    return self->encrypts ? ccm_seal(self, message, in, out, ret_len)
                          : ccm_open(self, message, in, out, ret_len);
}

static const struct kk_aead_ops ccm_message_aead = {
    .open = ccm_message_open,
    .close = ccm_message_close,
    .start = ccm_message_start,
    .bound = ccm_message_bound,
    .update = ccm_message_update,
    .final = ccm_message_final,
};

static KK_RV ccm_message_read(const void *params, struct kk_message *ret_message)
{
    const CK_CCM_MESSAGE_PARAMS *ccm = params;
    size_t data_len = 0;
    KK_ENSURE(ccm->ulNonceLen >= NONCE_MIN && ccm->ulNonceLen <= NONCE_MAX,
              CKR_MECHANISM_PARAM_INVALID);
    KK_ENSURE(ccm->ulMACLen >= 4 && ccm->ulMACLen <= KK_CCM_MAC_MAX && ccm->ulMACLen % 2 == 0,
              CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_ulong_to_size(ccm->ulDataLen, CKR_MECHANISM_PARAM_INVALID, &data_len));
    *ret_message = (struct kk_message){.iv = ccm->pNonce,
                                       .iv_len = ccm->ulNonceLen,
                                       .generator = ccm->nonceGenerator,
                                       .fixed_bits = ccm->ulNonceFixedBits,
                                       .tag = ccm->pMAC,
                                       .tag_len = ccm->ulMACLen,
                                       .data_len = data_len};
    return CKR_OK;
}

const struct kk_message_ops kk_ccm_message_ops = {
    .shape = KK_PARAM_CCM_MESSAGE,
    .read = ccm_message_read,
    .aead = &ccm_message_aead,
};

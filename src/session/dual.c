/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dual-function updates: what one operation encrypts or has decrypted goes to another one too.
 * The two stay independent: each may also be fed by itself.
 */
#include "session/operation_internal.h"

#include "base/memory.h"

#include "base/banned.h"

/* Whether encrypting into `out` may write over what is still to be digested. */
static bool overlaps(struct kk_span in, const struct kk_output *out)
{
    uintptr_t in_at = (uintptr_t)in.data;
    uintptr_t out_at = (uintptr_t)out->data;
    return out->data != NULL && in.len > 0 && out_at < in_at + in.len && in_at < out_at + *out->len;
}

/*= pkcs11-3.2 C_DigestEncryptUpdate: without output no plaintext is passed to the other operation;
 * the same for its kin */
KK_RV kk_operation_dual(struct kk_call *call, enum kk_op_kind cipher, enum kk_op_kind other,
                        struct kk_span in, const struct kk_output *out)
{
    struct kk_operation *operation = NULL;
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer copy = {.wipe = true};
    struct kk_span plain = in;
    KK_TRY(kk_operation_find(call, cipher, &operation));
    KK_TRY(kk_operation_takes_parts(call, other));
    if (cipher == KK_OP_ENCRYPT && overlaps(in, out)) {
        kk_buffer_put_span(&copy, in);
        KK_TRY(kk_buffer_check(&copy));
        plain = kk_buffer_span(&copy);
    }
    KK_TRY(kk_operation_cipher(call, cipher, KK_PHASE_UPDATE, in, out));
    if (out->data == NULL) {
        return CKR_OK;
    }
    if (cipher == KK_OP_DECRYPT) {
        plain = KK_SPAN(out->data, *out->len);
    }
    CK_RV rv = kk_operation_update(call, other, plain);
    if (rv != CKR_OK) {
        kk_wipe(out->data, *out->len);
        kk_operation_end(operation);
    }
    return rv;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token made into one of another kind: SoftHSM's own into a sealed one, or back.
 */
#pragma once

#include "token/engine.h"

struct kk_convert {
    const char *kind;                /* what it becomes: "sealed", "softhsm2" */
    struct kk_span so_pin, user_pin; /* both are checked, and stay */
    bool drops_trust;                /* CKA_TRUSTED becomes CK_FALSE in what was not proven */
    kk_finding_visit *found;         /* gets each object whose CKA_TRUSTED was not proven */
    kk_progress *progress;           /* NULL: nobody watches. Each object counts twice: copied, held
                                        against the original */
    void *context;                   /* of both */
};

struct kk_convert_result {
    size_t private_objects, public_objects;
};

/*
 * A new token with the serial number, label, PINs and objects of `token`, which is set aside when
 * all of it was found in the new one. Interrupted anywhere, the token that was there is what it
 * was, and the next try begins anew. No other program may change the token meanwhile: objects that
 * differ at the end are CKR_FUNCTION_REJECTED, and nothing has changed. The same where there is a
 * second token of its serial number that is more than what an interrupted try left.
 *
 * SoftHSM's format proves nothing: who could write its files could set CKA_TRUSTED. In a sealed
 * token it is proven from then on, so these objects are told, and named in the log.
 *
 * CKR_ARGUMENTS_BAD: it is of that kind, there is no such kind, or a user PIN is needed and not
 * given (data NULL); CKR_PIN_INCORRECT, CKR_PIN_LOCKED; CKR_ATTRIBUTE_VALUE_INVALID: an object that
 * the other kind cannot hold, which the log names; CKR_FUNCTION_NOT_SUPPORTED: tokens that lie in
 * no directory; what the watcher answered.
 */
KK_RV kk_engine_convert(struct kk_engine *engine, struct kk_token *token,
                        const struct kk_convert *convert, struct kk_convert_result *ret_result);

/* Deletes what was set aside of this token, but for audit logs. */
KK_RV kk_engine_purge(struct kk_engine *engine, struct kk_token *token, size_t *ret_count);

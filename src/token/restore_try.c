/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tries of PINs on backups, counted on the token.
 */
#include "token/restore_try.h"

#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "token/token.h"

#include "base/banned.h"

static bool is_meant(struct kk_token *token, const char serial[KK_SERIAL_LEN])
{
    return strcmp(kk_token_kind(token), "sealed") == 0 &&
           kk_mem_equal(kk_token_serial(token), KK_SERIAL_LEN, serial, KK_SERIAL_LEN);
}

static KK_RV find_token(struct kk_engine *engine, const char serial[KK_SERIAL_LEN],
                        struct kk_token **ret_token)
{
    struct kk_token **tokens = NULL;
    size_t count = 0;
    KK_TRY(kk_engine_refresh(engine));
    KK_TRY(kk_engine_tokens(engine, &tokens, &count));
    for (size_t i = 0; i < count; i++) {
        if (*ret_token == NULL && is_meant(tokens[i], serial)) {
            *ret_token = tokens[i];
        } else {
            kk_token_unref(tokens[i]);
        }
    }
    kk_free(tokens);
    return CKR_OK;
}

static struct kk_sealed *sealed_of(const struct kk_restore_try *self)
{
    return (struct kk_sealed *)kk_token_repository(self->token);
}

void kk_restore_try_clear(struct kk_restore_try *self)
{
    if (self->attempt.book != NULL) {
        kk_attempt_release(&self->attempt);
    }
    kk_token_unref(self->token);
    *self = (struct kk_restore_try){0};
}

static KK_RV mark(struct kk_restore_try *self)
{
    static const uint32_t rows[] = {[KK_ROLE_SO] = KK_KEY_ROW_SO, [KK_ROLE_USER] = KK_KEY_ROW_USER};
    enum kk_role role = self->try.role;
    KK_TRY(kk_attempt_lock(&sealed_of(self)->book, role, rows[role], &self->attempt));
    return kk_attempt_mark(&self->attempt);
}

KK_RV kk_restore_try_begin(struct kk_engine *engine, const char serial[KK_SERIAL_LEN],
                           enum kk_role role, struct kk_restore_try *ret_try)
{
    KK_CLEANUP(kk_restore_try_clear) struct kk_restore_try self = {
        .try = {.role = role, .failed = KK_AUDIT_PIN_FAILED}};
    KK_TRY(find_token(engine, serial, &self.token));
    if (self.token == NULL) {
        return CKR_OK;
    }
    CK_RV rv = mark(&self);
    if (rv == CKR_PIN_LOCKED) {
        return kk_sealed_audit_try(sealed_of(&self), &self.try, rv);
    }
    if (rv != CKR_OK) {
        kk_log_warning("token %s: a PIN that is tried on its backup cannot be counted (0x%lx)",
                       kk_token_path(self.token), rv);
        return CKR_OK;
    }
    *ret_try = self;
    self = (struct kk_restore_try){0};
    return CKR_OK;
}

KK_RV kk_restore_try_end(struct kk_restore_try *self, CK_RV rv)
{
    if (self->token == NULL || rv != CKR_PIN_INCORRECT) {
        return rv;
    }
    KK_TRY(kk_attempt_settle(&self->attempt, false));
    return kk_sealed_audit_try(sealed_of(self), &self->try, rv);
}

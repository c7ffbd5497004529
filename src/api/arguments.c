/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Argument checks.
 */
#include "api/arguments.h"

#include <string.h>

#include "base/memory.h"
#include "mechanism/offer.h"

#include "base/banned.h"

/*= pkcs11-3.2 More on relative priorities of Cryptoki errors: CKR_TOKEN_NOT_PRESENT comes before
 * what is wrong with the arguments */
KK_RV kk_arg_slot(struct kk_app *app, CK_SLOT_ID slot_id)
{
    KK_CLEANUP(kk_token_unrefp) struct kk_token *token = NULL;
    uint64_t epoch = 0;
    KK_TRY(kk_app_slot_token(app, slot_id, &token));
    CK_RV rv = token != NULL ? kk_token_fresh(token, &epoch) : CKR_OK;
    return rv == CKR_DEVICE_REMOVED ? CKR_TOKEN_NOT_PRESENT : rv;
}

KK_RV kk_arg_span(const void *data, CK_ULONG len, struct kk_span *ret_span)
{
    size_t size = 0;
    KK_TRY(kk_ulong_to_size(len, CKR_ARGUMENTS_BAD, &size));
    KK_ENSURE(data != NULL || size == 0, CKR_ARGUMENTS_BAD);
    *ret_span = KK_SPAN(data, size);
    return CKR_OK;
}

KK_RV kk_arg_mechanism(struct kk_app *app, const CK_MECHANISM *mechanism,
                       const struct kk_mechanism **ret_row, struct kk_param *ret_param)
{
    KK_ENSURE(mechanism != NULL, CKR_ARGUMENTS_BAD);
    const struct kk_mechanism *row = kk_registry_find(app->engine->registry, mechanism->mechanism);
    KK_ENSURE(row != NULL, CKR_MECHANISM_INVALID);
    KK_TRY(kk_param_copy(row->shape, mechanism->pParameter, mechanism->ulParameterLen, ret_param));
    KK_ENSURE(ret_param->present || !row->param_required, CKR_MECHANISM_PARAM_INVALID);
    KK_TRY(kk_offer_check_param(row, ret_param));
    *ret_row = row;
    return CKR_OK;
}

void kk_arg_pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
    size_t len = strnlen(text, size);
    memset(field, ' ', size);
    memcpy(field, text, len);
}

KK_RV kk_arg_list(const CK_ULONG *values, size_t count, CK_ULONG *list, CK_ULONG *list_count)
{
    CK_ULONG room = *list_count;
    *list_count = count;
    if (list == NULL) {
        return CKR_OK;
    }
    KK_ENSURE(room >= count, CKR_BUFFER_TOO_SMALL);
    memcpy(list, values, count * sizeof *values);
    return CKR_OK;
}

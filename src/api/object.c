/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Object management functions (PKCS#11 3.2 chapter 5.7).
 */
#include "session/objects.h"

#include "api/api.h"
#include "api/arguments.h"
#include "base/memory.h"
#include "session/audit.h"
#include "session/builtin.h"

#include "base/banned.h"

/* Attributes that one call may ask for; no object has 1,024 different ones. */
#define QUESTIONS_MAX 65536

CK_RV kk_api_C_CreateObject(struct kk_app *app, CK_SESSION_HANDLE hSession,
                            CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount,
                            CK_OBJECT_HANDLE_PTR phObject)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phObject != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_template_copy(pTemplate, ulCount, KK_VERB_CREATE, &tmpl));
    return kk_call_create_object(&call, tmpl, phObject);
}

CK_RV kk_api_C_CopyObject(struct kk_app *app, CK_SESSION_HANDLE hSession, CK_OBJECT_HANDLE hObject,
                          CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount,
                          CK_OBJECT_HANDLE_PTR phNewObject)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(phNewObject != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_template_copy(pTemplate, ulCount, KK_VERB_COPY, &tmpl));
    return kk_call_copy_object(&call, hObject, tmpl, phNewObject);
}

CK_RV kk_api_C_DestroyObject(struct kk_app *app, CK_SESSION_HANDLE hSession,
                             CK_OBJECT_HANDLE hObject)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin(app, hSession, &call));
    return kk_call_destroy_object(&call, hObject);
}

CK_RV kk_api_C_GetObjectSize(struct kk_app *app, CK_SESSION_HANDLE hSession,
                             CK_OBJECT_HANDLE hObject, CK_ULONG_PTR pulSize)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulSize != NULL, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_call_object(&call, hObject, &object));
    *pulSize = kk_object_size(object);
    return CKR_OK;
}

/*= pkcs11-3.2 C_GetAttributeValue: every attribute of the template is processed; the call returns
 * one of the codes that were met. A count beyond all sense is not looked into. */
CK_RV kk_api_C_GetAttributeValue(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE_PTR pTemplate,
                                 CK_ULONG ulCount)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_object_unrefp) struct kk_object *object = NULL;
    CK_RV first = CKR_OK;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pTemplate != NULL || ulCount == 0, CKR_ARGUMENTS_BAD);
    KK_ENSURE(ulCount <= QUESTIONS_MAX, CKR_ARGUMENTS_BAD);
    KK_TRY(kk_call_object(&call, hObject, &object));
    KK_TRY(kk_builtin_measure(&call, pTemplate, ulCount, &object));
    KK_TRY(kk_call_audit_export(&call, object, pTemplate, ulCount));
    for (CK_ULONG i = 0; i < ulCount; i++) {
        CK_RV rv = kk_policy_get(object->attrs, &pTemplate[i]);
        first = first == CKR_OK ? rv : first;
    }
    return first;
}

CK_RV kk_api_C_SetAttributeValue(struct kk_app *app, CK_SESSION_HANDLE hSession,
                                 CK_OBJECT_HANDLE hObject, CK_ATTRIBUTE_PTR pTemplate,
                                 CK_ULONG ulCount)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_template_copy(pTemplate, ulCount, KK_VERB_SET, &tmpl));
    return kk_call_set_attributes(&call, hObject, tmpl);
}

CK_RV kk_api_C_FindObjectsInit(struct kk_app *app, CK_SESSION_HANDLE hSession,
                               CK_ATTRIBUTE_PTR pTemplate, CK_ULONG ulCount)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *tmpl = NULL;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_TRY(kk_template_copy(pTemplate, ulCount, KK_VERB_FIND, &tmpl));
    return kk_call_find_init(&call, tmpl);
}

CK_RV kk_api_C_FindObjects(struct kk_app *app, CK_SESSION_HANDLE hSession,
                           CK_OBJECT_HANDLE_PTR phObject, CK_ULONG ulMaxObjectCount,
                           CK_ULONG_PTR pulObjectCount)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    size_t max = 0;
    size_t count = 0;
    KK_TRY(kk_call_begin(app, hSession, &call));
    KK_ENSURE(pulObjectCount != NULL && (phObject != NULL || ulMaxObjectCount == 0),
              CKR_ARGUMENTS_BAD);
    KK_TRY(kk_ulong_to_size(ulMaxObjectCount, CKR_ARGUMENTS_BAD, &max));
    KK_TRY(kk_call_find(&call, phObject, max, &count));
    *pulObjectCount = count;
    return CKR_OK;
}

CK_RV kk_api_C_FindObjectsFinal(struct kk_app *app, CK_SESSION_HANDLE hSession)
{
    KK_CLEANUP(kk_call_end) struct kk_call call = {0};
    KK_TRY(kk_call_begin_on(app, hSession, KK_CANCEL_FIND, &call));
    return kk_call_find_final(&call);
}

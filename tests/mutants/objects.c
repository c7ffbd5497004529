/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Faults of objects: attributes ignored or leaked, changes lost, searches that miss.
 */
#include <string.h>

#include "mutant.h"

/* ---- creating: an attribute is ignored ---- */

static CK_ATTRIBUTE_TYPE dropped;

static CK_RV create_without(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                            CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template less = mutant_without(template, count, dropped);
    if (less.count == 0)
        return REAL->C_CreateObject(session, template, count, ret_object);
    return REAL->C_CreateObject(session, less.attributes, less.count, ret_object);
}

#define DROPS(name, type)                                                                          \
    static void name(void)                                                                         \
    {                                                                                              \
        dropped = type;                                                                            \
        USED->C_CreateObject = create_without;                                                     \
    }
DROPS(drop_token, CKA_TOKEN)
DROPS(drop_modifiable, CKA_MODIFIABLE)
DROPS(drop_copyable, CKA_COPYABLE)
DROPS(drop_destroyable, CKA_DESTROYABLE)
DROPS(drop_sensitive, CKA_SENSITIVE)
DROPS(drop_always_authenticate, CKA_ALWAYS_AUTHENTICATE)
DROPS(drop_allowed_mechanisms, CKA_ALLOWED_MECHANISMS)
DROPS(drop_wrap_with_trusted, CKA_WRAP_WITH_TRUSTED)
DROPS(drop_id, CKA_ID)
DROPS(drop_wrap_template, CKA_WRAP_TEMPLATE)

static CK_RV create_usable(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template more = mutant_with_bool(template, count, CKA_SIGN, CK_TRUE);
    more = mutant_with_bool(more.attributes, more.count, CKA_ENCRYPT, CK_TRUE);
    return REAL->C_CreateObject(session, template == NULL ? NULL : more.attributes,
                                template == NULL ? count : more.count, ret_object);
}

static void spoil_usage(void)
{
    USED->C_CreateObject = create_usable;
}

static CK_RV create_public(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count,
                           CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template open = mutant_with_bool(template, count, CKA_PRIVATE, CK_FALSE);
    return REAL->C_CreateObject(session, template == NULL ? NULL : open.attributes,
                                template == NULL ? count : open.count, ret_object);
}

static void spoil_private(void)
{
    USED->C_CreateObject = create_public;
}

/* ---- reading ---- */

static CK_RV read_length_off(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (template[i].pValue == NULL)
            template[i].ulValueLen++;
    }
    return rv;
}

static void spoil_read_length(void)
{
    USED->C_GetAttributeValue = read_length_off;
}

static CK_RV read_secret_length(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_ATTRIBUTE_SENSITIVE && i < count; i++) {
        if (template[i].ulValueLen == CK_UNAVAILABLE_INFORMATION)
            template[i].ulValueLen = 16;
    }
    return rv;
}

static void spoil_secret_length(void)
{
    USED->C_GetAttributeValue = read_secret_length;
}

/* The value of a secret key comes out by a wrong turn: an extractable copy's. */
static CK_RV read_leaks(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    if (rv != CKR_ATTRIBUTE_SENSITIVE || count != 1 || template->type != CKA_VALUE)
        return rv;
    template->ulValueLen = 16;
    if (template->pValue != NULL)
        memset(template->pValue, 0x11, 16);
    return CKR_OK;
}

static void spoil_leak(void)
{
    USED->C_GetAttributeValue = read_leaks;
}

static CK_RV read_stops(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    /* Ends at the first attribute that can't be read. */
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV rv = REAL->C_GetAttributeValue(session, object, &template[i], 1);
        if (rv != CKR_OK)
            return rv;
    }
    return count == 0 || template == NULL
               ? REAL->C_GetAttributeValue(session, object, template, count)
               : CKR_OK;
}

static CK_RV read_stops_checked(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                                CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    if (template == NULL)
        return REAL->C_GetAttributeValue(session, object, template, count);
    return read_stops(session, object, template, count);
}

static void spoil_read_order(void)
{
    USED->C_GetAttributeValue = read_stops_checked;
}

static CK_ATTRIBUTE_TYPE flipped;

static CK_RV read_flipped(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = REAL->C_GetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
        if (template[i].type == flipped && template[i].pValue != NULL && template[i].ulValueLen > 0)
            *(CK_BYTE *)template[i].pValue ^= 1;
    }
    return rv;
}

#define FLIPS(name, type)                                                                          \
    static void name(void)                                                                         \
    {                                                                                              \
        flipped = type;                                                                            \
        USED->C_GetAttributeValue = read_flipped;                                                  \
    }
FLIPS(flip_local, CKA_LOCAL)
FLIPS(flip_always_sensitive, CKA_ALWAYS_SENSITIVE)
FLIPS(flip_never_extractable, CKA_NEVER_EXTRACTABLE)
FLIPS(flip_check_value, CKA_CHECK_VALUE)
FLIPS(flip_value_length, CKA_VALUE_LEN)
FLIPS(flip_mechanism, CKA_KEY_GEN_MECHANISM)

/* ---- changing ---- */

static CK_RV set_nothing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    (void)session;
    (void)object;
    (void)template;
    (void)count;
    return CKR_OK;
}

static void spoil_set(void)
{
    USED->C_SetAttributeValue = set_nothing;
}

/* The attributes of a template one after the other, until one is refused. */
static CK_RV set_partly(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                        CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    CK_RV rv = CKR_OK;
    if (template == NULL || count == 0)
        return REAL->C_SetAttributeValue(session, object, template, count);
    for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++)
        rv = REAL->C_SetAttributeValue(session, object, &template[i], 1);
    return rv;
}

static void spoil_set_whole(void)
{
    USED->C_SetAttributeValue = set_partly;
}

static CK_RV set_last(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_PTR template,
                      CK_ULONG count)
{
    return REAL->C_SetAttributeValue(session, object, template, count > 1 ? count - 1 : count);
}

static void spoil_set_count(void)
{
    USED->C_SetAttributeValue = set_last;
}

static CK_RV size_zero(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_ULONG_PTR size)
{
    CK_RV rv = REAL->C_GetObjectSize(session, object, size);
    if (rv == CKR_OK)
        *size = 0;
    return rv;
}

static void spoil_size(void)
{
    USED->C_GetObjectSize = size_zero;
}

static CK_RV copy_to_session(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE_PTR template, CK_ULONG count,
                             CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template brief = mutant_with_bool(template, count, CKA_TOKEN, CK_FALSE);
    if (template == NULL)
        return REAL->C_CopyObject(session, object, template, count, ret_object);
    return REAL->C_CopyObject(session, object, brief.attributes, brief.count, ret_object);
}

static void spoil_copy_token(void)
{
    USED->C_CopyObject = copy_to_session;
}

static CK_RV copy_nothing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_PTR template, CK_ULONG count,
                          CK_OBJECT_HANDLE_PTR ret_object)
{
    CK_RV rv = REAL->C_CopyObject(session, object, template, count, ret_object);
    if (rv == CKR_OK)
        *ret_object = object;
    return rv;
}

static void spoil_copy(void)
{
    USED->C_CopyObject = copy_nothing;
}

static CK_RV copy_plainly(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                          CK_ATTRIBUTE_PTR template, CK_ULONG count,
                          CK_OBJECT_HANDLE_PTR ret_object)
{
    struct mutant_template less = mutant_without(template, count, CKA_SENSITIVE);
    if (template == NULL)
        return REAL->C_CopyObject(session, object, template, count, ret_object);
    return REAL->C_CopyObject(session, object, less.attributes, less.count, ret_object);
}

static void spoil_copy_template(void)
{
    USED->C_CopyObject = copy_plainly;
}

static CK_RV destroy_nothing(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_ULONG size = 0;
    return REAL->C_GetObjectSize(session, object, &size);
}

static void spoil_destroy(void)
{
    USED->C_DestroyObject = destroy_nothing;
}

/* ---- searching ---- */

static CK_RV find_everything(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    if (template == NULL && count != 0)
        return CKR_ARGUMENTS_BAD;
    return REAL->C_FindObjectsInit(session, NULL, 0);
}

static void spoil_find_template(void)
{
    USED->C_FindObjectsInit = find_everything;
}

static CK_RV find_first_only(CK_SESSION_HANDLE session, CK_ATTRIBUTE_PTR template, CK_ULONG count)
{
    return REAL->C_FindObjectsInit(session, template, template != NULL && count > 1 ? 1 : count);
}

static void spoil_find_all(void)
{
    USED->C_FindObjectsInit = find_first_only;
}

static CK_RV find_one_less(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG room,
                           CK_ULONG_PTR count)
{
    CK_RV rv = REAL->C_FindObjects(session, objects, room, count);
    if (rv == CKR_OK && *count > 1)
        --*count;
    return rv;
}

static void spoil_find_count(void)
{
    USED->C_FindObjects = find_one_less;
}

static CK_RV find_repeats(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE_PTR objects, CK_ULONG room,
                          CK_ULONG_PTR count)
{
    static CK_OBJECT_HANDLE last;
    CK_RV rv = REAL->C_FindObjects(session, objects, room, count);
    if (rv == CKR_OK && *count > 0) {
        CK_OBJECT_HANDLE first = objects[0];
        if (last != 0 && room > 1)
            objects[0] = objects[*count - 1];
        last = first;
    }
    return rv;
}

static void spoil_find_handles(void)
{
    USED->C_FindObjects = find_repeats;
}

/* clang-format off */
static const struct mutant_fault faults[] = {
    HOOK_FAULT("create-token-ignored", "sessions,objects,login", drop_token),
    HOOK_FAULT("create-modifiable-ignored", "modify", drop_modifiable),
    HOOK_FAULT("create-copyable-ignored", "modify", drop_copyable),
    HOOK_FAULT("create-destroyable-ignored", "objects", drop_destroyable),
    HOOK_FAULT("create-sensitive-ignored", "attributes,modify", drop_sensitive),
    HOOK_FAULT("create-always-authenticate-ignored", "login", drop_always_authenticate),
    HOOK_FAULT("create-allowed-mechanisms-ignored", "usage", drop_allowed_mechanisms),
    HOOK_FAULT("create-wrap-with-trusted-ignored", "wrap,modify", drop_wrap_with_trusted),
    HOOK_FAULT("create-id-ignored", "find,modify", drop_id),
    HOOK_FAULT("create-wrap-template-ignored", "wrap,attributes", drop_wrap_template),
    HOOK_FAULT("create-usage-ignored", "usage", spoil_usage),
    HOOK_FAULT("create-private-ignored", "login,find", spoil_private),
    HOOK_FAULT("read-length-off-by-one", "attributes", spoil_read_length),
    HOOK_FAULT("read-secret-length-leaked", "attributes", spoil_secret_length),
    HOOK_FAULT("read-secret-leaked", "attributes", spoil_leak),
    HOOK_FAULT("read-stops-at-error", "attributes", spoil_read_order),
    HOOK_FAULT("read-local-wrong", "keygen,objects", flip_local),
    HOOK_FAULT("read-always-sensitive-wrong", "keygen,objects", flip_always_sensitive),
    HOOK_FAULT("read-never-extractable-wrong", "keygen,objects", flip_never_extractable),
    HOOK_FAULT("read-check-value-wrong", "attributes", flip_check_value),
    HOOK_FAULT("read-value-length-wrong", "keygen,objects", flip_value_length),
    HOOK_FAULT("read-generation-mechanism-wrong", "keygen", flip_mechanism),
    HOOK_FAULT("set-does-nothing", "modify", spoil_set),
    HOOK_FAULT("set-partly-on-error", "modify", spoil_set_whole),
    HOOK_FAULT("set-last-attribute-lost", "modify", spoil_set_count),
    HOOK_FAULT("object-size-zero", "objects", spoil_size),
    HOOK_FAULT("copy-token-ignored", "modify", spoil_copy_token),
    HOOK_FAULT("copy-gives-original", "modify", spoil_copy),
    HOOK_FAULT("copy-sensitive-ignored", "modify", spoil_copy_template),
    HOOK_FAULT("destroy-does-nothing", "objects", spoil_destroy),
    HOOK_FAULT("find-template-ignored", "find", spoil_find_template),
    HOOK_FAULT("find-one-attribute-only", "find", spoil_find_all),
    HOOK_FAULT("find-count-off-by-one", "find", spoil_find_count),
    HOOK_FAULT("find-repeats-handle", "find", spoil_find_handles),
};
/* clang-format on */

const struct mutant_table mutant_objects = {faults, sizeof faults / sizeof faults[0]};

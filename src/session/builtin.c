/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The objects that the token makes itself. They follow from the mechanism registry and the tables
 * here, and are made once per slot, when somebody first looks for one.
 */
#include "session/builtin.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"
#include "mechanism/mechanism.h"
#include "session/profile.h"

#include "base/banned.h"

struct kk_builtins {
    struct kk_object **objects;
    size_t count;
};

void kk_builtins_free(struct kk_builtins *builtins)
{
    if (builtins == NULL) {
        return;
    }
    for (size_t i = 0; i < builtins->count; i++) {
        kk_object_unref(builtins->objects[i]);
    }
    kk_free(builtins->objects);
    kk_free(builtins);
}
KK_DEFINE_CLEANUP(struct kk_builtins *, kk_builtins_free);

void kk_builtin_clock(CK_CHAR ret_time[16])
{
    char text[24] = "0000000000000000";
    struct tm tm;
    time_t now = time(NULL);
    if (gmtime_r(&now, &tm) != NULL) {
        (void)strftime(text, sizeof text, "%Y%m%d%H%M%S00", &tm);
    }
    memcpy(ret_time, text, 16);
}

/* ---- what there is ---- */

/* The attribute that tells objects of a class apart. */
static CK_ATTRIBUTE_TYPE name_of(CK_OBJECT_CLASS object_class)
{
    return object_class == CKO_HW_FEATURE  ? CKA_HW_FEATURE_TYPE
           : object_class == CKO_MECHANISM ? CKA_MECHANISM_TYPE
                                           : CKA_PROFILE_ID;
}

static uint8_t hex_pair(const char *text)
{
    unsigned int value = 0;
    for (size_t i = 0; i < 2; i++) {
        char c = text[i];
        value = value << 4 | (unsigned int)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
    }
    return (uint8_t)value;
}

/* Always the same for one token: a uuid of version 8 from serial number, class and number. */
static struct kk_uuid uuid_of(const char serial[16], CK_OBJECT_CLASS object_class, CK_ULONG number)
{
    struct kk_uuid uuid = {.bytes = {[6] = (uint8_t)(0x80 | object_class), [8] = 0x80}};
    for (size_t i = 0; i < 6; i++) {
        uuid.bytes[i] = hex_pair(serial + 2 * i);
    }
    uuid.bytes[9] = hex_pair(serial + 12);
    uuid.bytes[10] = hex_pair(serial + 14);
    kk_store_u32(uuid.bytes + 12, (uint32_t)number);
    return uuid;
}

/* Profile objects are token objects; the other classes have no storage attributes. */
static KK_RV set_storage(struct kk_attrs *attrs)
{
    KK_TRY(kk_attrs_set_flag(attrs, CKA_TOKEN, true));
    KK_TRY(kk_attrs_set_flag(attrs, CKA_PRIVATE, false));
    KK_TRY(kk_attrs_set_flag(attrs, CKA_MODIFIABLE, false));
    KK_TRY(kk_attrs_set_flag(attrs, CKA_COPYABLE, false));
    KK_TRY(kk_attrs_set_flag(attrs, CKA_DESTROYABLE, false));
    return kk_attrs_set_bytes(attrs, CKA_LABEL, KK_SPAN(NULL, 0));
}

/* The values themselves come when they are asked for. */
static KK_RV set_feature(CK_ULONG type, struct kk_attrs *attrs)
{
    KK_TRY(kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN(NULL, 0)));
    if (type == CKH_MONOTONIC_COUNTER) {
        KK_TRY(kk_attrs_set_flag(attrs, CKA_RESET_ON_INIT, false));
        KK_TRY(kk_attrs_set_flag(attrs, CKA_HAS_RESET, false));
    }
    return CKR_OK;
}

static KK_RV make_object(const struct kk_uuid *uuid, struct kk_attrs **attrs,
                         struct kk_object **ret_object)
{
    KK_TRY(kk_object_new(uuid, 0, *attrs, ret_object));
    *attrs = NULL;
    (*ret_object)->by_token = true;
    (*ret_object)->is_token = false; /* no repository has it */
    return CKR_OK;
}

static KK_RV add(struct kk_builtins *builtins, const char serial[16], CK_OBJECT_CLASS object_class,
                 CK_ULONG number)
{
    char text[KK_UUID_TEXT];
    const struct kk_uuid uuid = uuid_of(serial, object_class, number);
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_new(&attrs));
    kk_uuid_format(&uuid, text);
    KK_TRY(kk_attrs_set_number(attrs, CKA_CLASS, object_class));
    KK_TRY(kk_attrs_set_bytes(attrs, CKA_UNIQUE_ID, KK_SPAN(text, KK_UUID_TEXT - 1)));
    KK_TRY(kk_attrs_set_number(attrs, name_of(object_class), number));
    if (object_class == CKO_PROFILE) {
        KK_TRY(set_storage(attrs));
    } else if (object_class == CKO_HW_FEATURE) {
        KK_TRY(set_feature(number, attrs));
    }
    size_t count = builtins->count;
    KK_TRY(kk_realloc_array(&builtins->objects, count + 1, sizeof(struct kk_object *)));
    KK_TRY(make_object(&uuid, &attrs, &builtins->objects[count]));
    builtins->count++;
    return CKR_OK;
}

static KK_RV make_all(struct kk_call *call, struct kk_builtins **ret_builtins)
{
    struct kk_token *token = call->session->token;
    const char *serial = kk_token_serial(token);
    const struct kk_registry *registry = call->app->engine->registry;
    KK_CLEANUP(kk_builtins_freep) struct kk_builtins *made = NULL;
    KK_TRY(kk_alloc(sizeof *made, &made));
    KK_TRY(add(made, serial, CKO_HW_FEATURE, CKH_CLOCK));
    if (kk_token_has_counter(token)) {
        KK_TRY(add(made, serial, CKO_HW_FEATURE, CKH_MONOTONIC_COUNTER));
    }
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        KK_TRY(add(made, serial, CKO_MECHANISM, kk_registry_at(registry, i)->type));
    }
    for (size_t i = 0; i < kk_profiles_count; i++) {
        KK_TRY(add(made, serial, CKO_PROFILE, kk_profiles[i]));
    }
    *ret_builtins = KK_STEAL(made);
    return CKR_OK;
}

/* Those of the call's slot. They stay as long as the slot does. */
static KK_RV builtins_of(struct kk_call *call, const struct kk_builtins **ret_builtins)
{
    struct kk_slot *slot = call->session->slot;
    KK_WITH_LOCK(&call->app->state_lock)
    {
        *ret_builtins = slot->builtins;
    }
    if (*ret_builtins != NULL) {
        return CKR_OK;
    }
    KK_CLEANUP(kk_builtins_freep) struct kk_builtins *made = NULL;
    KK_TRY(make_all(call, &made));
    KK_LOCK_SCOPE(&call->app->state_lock);
    if (slot->builtins == NULL) {
        slot->builtins = KK_STEAL(made);
    }
    *ret_builtins = slot->builtins;
    return CKR_OK;
}

/* ---- finding ---- */

/*= pkcs11-3.2 Hardware feature objects: applications written to earlier versions must not meet
 * objects that they do not understand. So none of these is found unless it is asked for */
static bool is_asked_for(const struct kk_attrs *tmpl)
{
    uint64_t object_class = kk_attrs_number(tmpl, CKA_CLASS, UINT64_MAX);
    return object_class == CKO_HW_FEATURE || object_class == CKO_MECHANISM ||
           object_class == CKO_PROFILE || kk_attrs_has(tmpl, CKA_UNIQUE_ID);
}

/*= pkcs11-3.2 Profile objects: which profiles the token implements. One that does not hold at the
 * moment is not found */
static KK_RV holds(struct kk_call *call, const struct kk_object *object, bool *ret_holds)
{
    uint64_t profile = kk_attrs_number(object->attrs, CKA_PROFILE_ID, CKP_INVALID_ID);
    *ret_holds = true;
    return object->object_class != CKO_PROFILE
               ? CKR_OK
               : kk_profile_holds(call, (CK_PROFILE_ID)profile, ret_holds);
}

KK_RV kk_builtins_find(struct kk_call *call, const struct kk_attrs *tmpl,
                       CK_RV (*visit)(struct kk_object *object, void *context), void *context)
{
    const struct kk_builtins *builtins = NULL;
    if (KK_LIKELY(!is_asked_for(tmpl))) {
        return CKR_OK;
    }
    KK_TRY(builtins_of(call, &builtins));
    for (size_t i = 0; i < builtins->count; i++) {
        bool shown = kk_object_matches(builtins->objects[i], tmpl);
        if (shown) {
            KK_TRY(holds(call, builtins->objects[i], &shown));
        }
        if (shown) {
            KK_TRY(visit(builtins->objects[i], context));
        }
    }
    return CKR_OK;
}

bool kk_builtins_get(struct kk_call *call, const struct kk_uuid *uuid,
                     struct kk_object **ret_object)
{
    KK_LOCK_SCOPE(&call->app->state_lock);
    const struct kk_builtins *builtins = call->session->slot->builtins;
    for (size_t i = 0; builtins != NULL && i < builtins->count; i++) {
        if (kk_uuid_equal(&builtins->objects[i]->uuid, uuid)) {
            *ret_object = kk_object_ref(builtins->objects[i]);
            return true;
        }
    }
    return false;
}

/* ---- values that move ---- */

static bool wants_value(const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        if (wanted[i].type == CKA_VALUE) {
            return true;
        }
    }
    return false;
}

static KK_RV set_value(struct kk_call *call, struct kk_attrs *attrs)
{
    uint8_t bytes[8];
    uint64_t value = 0;
    CK_CHAR clock[16];
    if (kk_attrs_number(attrs, CKA_HW_FEATURE_TYPE, 0) == CKH_CLOCK) {
        kk_builtin_clock(clock);
        return kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN_ARRAY(clock));
    }
    KK_TRY(kk_token_counter(call->session->token, &value));
    kk_store_u64(bytes, value);
    return kk_attrs_set_bytes(attrs, CKA_VALUE, KK_SPAN_ARRAY(bytes));
}

KK_RV kk_builtin_measure(struct kk_call *call, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                         struct kk_object **object)
{
    if (KK_LIKELY(!(*object)->by_token) || (*object)->object_class != CKO_HW_FEATURE ||
        !wants_value(wanted, count)) {
        return CKR_OK;
    }
    struct kk_object *present = NULL;
    KK_CLEANUP(kk_attrs_freep) struct kk_attrs *attrs = NULL;
    KK_TRY(kk_attrs_dup((*object)->attrs, &attrs));
    KK_TRY(set_value(call, attrs));
    KK_TRY(make_object(&(*object)->uuid, &attrs, &present));
    kk_object_unref(*object);
    *object = present;
    return CKR_OK;
}

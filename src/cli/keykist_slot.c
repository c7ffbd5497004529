/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist slot: what the slots are and what is in them, and the simulated unplugging and plugging
 * of a token.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

/* clang-format off */
static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List the slots and what is in them",
     .run = kk_keykist_slot_list},
    {.name = "show", .help = "Show what the module says of one slot and of the token in it",
     .operand = "SLOT|SERIAL", .run = kk_keykist_slot_show},
    {.name = "unplug", .help = "Take a token out of its slot, as if it were unplugged",
     .more = "For all programs: their sessions with the token end, and they find its slot empty, until\n"
             "\"keykist slot plug\" puts it back. The token itself stays as it is. Programs that use\n"
             "SoftHSM itself on the same directory do not notice.\n",
     .operand = "SLOT|SERIAL", .run = kk_keykist_slot_unplug},
    {.name = "plug", .help = "Put a token back that was unplugged",
     .operand = "SLOT|SERIAL", .run = kk_keykist_slot_plug},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_slot_group = {
    "slot", "List and show slots, unplug and plug tokens", commands, KK_ARRAY_LEN(commands)};

#define SERIAL_LEN 16

/* ---- list ---- */

struct slot {
    CK_SLOT_ID id;
    const char *state;
    bool named; /* what follows is set */
    CK_UTF8CHAR label[32];
    CK_CHAR serial[SERIAL_LEN];
};

static KK_RV look_at_token(const struct kk_keykist *keykist, struct slot *slot)
{
    CK_TOKEN_INFO info = {0};
    KK_TRY(kk_token_info(&keykist->module, slot->id, &info));
    slot->named = (info.flags & CKF_TOKEN_INITIALIZED) != 0;
    slot->state = slot->named ? "present" : "free";
    memcpy(slot->label, info.label, sizeof slot->label);
    memcpy(slot->serial, info.serialNumber, sizeof slot->serial);
    return CKR_OK;
}

/* Only our own modules know whose the slot is while its token is out of it. */
static void look_behind(const struct kk_keykist *keykist, struct slot *slot)
{
    const CK_KEYKIST_FUNCTIONS *vendor = keykist->module.vendor;
    CK_KEYKIST_SLOT_INFO info = {0};
    if (vendor == NULL || vendor->version.minor < 1 ||
        vendor->slot_info(slot->id, &info) != CKR_OK ||
        (info.flags & CKF_KEYKIST_SLOT_UNPLUGGED) == 0) {
        return;
    }
    slot->state = "unplugged";
    slot->named = true;
    memcpy(slot->label, info.label, sizeof slot->label);
    memcpy(slot->serial, info.serial, sizeof slot->serial);
}

static KK_RV look_at_slot(const struct kk_keykist *keykist, CK_SLOT_ID id, struct slot *ret_slot)
{
    CK_SLOT_INFO info = {0};
    struct slot slot = {.id = id, .state = "no token"};
    KK_TRY(kk_slot_info(&keykist->module, id, &info));
    if ((info.flags & CKF_TOKEN_PRESENT) != 0) {
        KK_TRY(look_at_token(keykist, &slot));
    } else {
        look_behind(keykist, &slot);
    }
    *ret_slot = slot;
    return CKR_OK;
}

static void put_field(struct kk_table *table, bool named, const CK_UTF8CHAR *field, size_t len)
{
    if (named) {
        kk_table_bytes(table, kk_text_trim(KK_SPAN(field, len)));
    } else {
        kk_table_none(table);
    }
}

static KK_RV list_slots(const struct kk_keykist *keykist, struct kk_table *table)
{
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    KK_TRY(kk_slot_list_get(&keykist->module, CK_FALSE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        struct slot slot;
        KK_TRY(look_at_slot(keykist, slots.ids[i], &slot));
        kk_table_number(table, slot.id);
        kk_table_text(table, slot.state);
        put_field(table, slot.named, slot.label, sizeof slot.label);
        put_field(table, slot.named, slot.serial, sizeof slot.serial);
    }
    return CKR_OK;
}

CK_RV kk_keykist_slot_list(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {
        {"Slot", "slot"}, {"State", "state"}, {"Label", "label"}, {"Serial", "serial"}};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_TRY(list_slots(keykist, &table));
    if (!keykist->options.json) {
        return kk_table_print(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json(&table, &json, "slots");
    kk_json_end(&json);
    return kk_json_print(&json);
}

/* ---- show ---- */

/* A word of the length of a serial number is one: no slot has so long a number. */
static bool is_serial(const char *word)
{
    return strlen(word) == SERIAL_LEN;
}

/* The slot of that number, or the one whose token has that serial number. */
static KK_RV find_shown(const struct kk_keykist *keykist, struct slot *ret_slot)
{
    const char *wanted = keykist->operand;
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    CK_SLOT_ID number = 0;
    if (!is_serial(wanted)) {
        KK_TRY(kk_cli_parse_slot(wanted, &number));
    }
    KK_TRY(kk_slot_list_get(&keykist->module, CK_FALSE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        struct slot slot;
        if (!is_serial(wanted) && slots.ids[i] != number) {
            continue;
        }
        KK_TRY(look_at_slot(keykist, slots.ids[i], &slot));
        if (!is_serial(wanted) ||
            (slot.named && kk_mem_equal(slot.serial, sizeof slot.serial, wanted, SERIAL_LEN))) {
            *ret_slot = slot;
            return CKR_OK;
        }
    }
    return is_serial(wanted)
               ? kk_cli_error("no slot has a token with the serial number %s; \"keykist slot "
                              "list\" says which there are",
                              wanted)
               : kk_cli_error("there is no slot %lu; \"keykist slot list\" says which there are",
                              number);
}

static void put_version(struct kk_table *table, CK_VERSION version)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%u.%u", version.major, version.minor);
    kk_table_text(table, text);
}

/* What a slot says of itself; the token's own words are those of keykist token show. */
static KK_RV put_slot(const struct kk_keykist *keykist, const struct slot *slot,
                      struct kk_table *table)
{
    CK_SLOT_INFO info = {0};
    KK_TRY(kk_slot_info(&keykist->module, slot->id, &info));
    kk_table_number(table, slot->id);
    kk_table_text(table, slot->state);
    put_field(table, slot->named, slot->label, sizeof slot->label);
    put_field(table, slot->named, slot->serial, sizeof slot->serial);
    kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(info.slotDescription)));
    kk_table_bytes(table, kk_text_trim(KK_SPAN_ARRAY(info.manufacturerID)));
    put_version(table, info.hardwareVersion);
    put_version(table, info.firmwareVersion);
    kk_table_bool(table, (info.flags & CKF_REMOVABLE_DEVICE) != 0);
    kk_table_bool(table, (info.flags & CKF_HW_SLOT) != 0);
    return CKR_OK;
}

CK_RV kk_keykist_slot_show(struct kk_keykist *keykist)
{
    static const struct kk_column columns[] = {{"Slot", "slot"},
                                               {"State", "state"},
                                               {"Label", "label"},
                                               {"Serial", "serial"},
                                               {"Description", "description"},
                                               {"Manufacturer", "manufacturer"},
                                               {"Hardware version", "hardware_version"},
                                               {"Firmware version", "firmware_version"},
                                               {"Removable", "removable"},
                                               {"In hardware", "hardware"}};
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    struct slot slot;
    KK_TRY(find_shown(keykist, &slot));
    KK_TRY(put_slot(keykist, &slot, &table));
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json_record(&table, &json, "slot");
    kk_json_end(&json);
    return kk_json_print(&json);
}

/* ---- unplug, plug ---- */

struct found {
    CK_SLOT_ID slot;
    CK_KEYKIST_SLOT_INFO info;
};

static KK_RV find_slot(const struct kk_keykist *keykist, const CK_KEYKIST_FUNCTIONS *vendor,
                       struct found *ret_found)
{
    const char *wanted = keykist->operand;
    bool by_serial = is_serial(wanted);
    CK_SLOT_ID number = 0;
    KK_CLEANUP(kk_slot_list_clear) struct kk_slot_list slots = {0};
    if (!by_serial) {
        KK_TRY(kk_cli_parse_slot(wanted, &number));
    }
    KK_TRY(kk_slot_list_get(&keykist->module, CK_FALSE, &slots));
    for (CK_ULONG i = 0; i < slots.count; i++) {
        struct found found = {.slot = slots.ids[i]};
        if (vendor->slot_info(found.slot, &found.info) == CKR_OK &&
            (found.info.flags & CKF_KEYKIST_SLOT_TOKEN) != 0 &&
            (by_serial ? kk_mem_equal(found.info.serial, SERIAL_LEN, wanted, SERIAL_LEN)
                       : found.slot == number)) {
            *ret_found = found;
            return CKR_OK;
        }
    }
    return kk_cli_error("no token %s", by_serial ? "has this serial number" : "is in this slot");
}

static KK_RV set_plug(const struct kk_keykist *keykist, bool in)
{
    const CK_KEYKIST_FUNCTIONS *vendor = NULL;
    struct found found = {0};
    CK_TOKEN_INFO token = {0};
    KK_TRY(kk_keykist_vendor(keykist, 1, &vendor));
    KK_TRY(find_slot(keykist, vendor, &found));
    CK_RV rv = vendor->slot_plug(found.slot, in ? CK_TRUE : CK_FALSE);
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv,
                                 in ? "Could not plug the token" : "Could not unplug the token");
    }
    memcpy(token.label, found.info.label, sizeof token.label);
    memcpy(token.serialNumber, found.info.serial, sizeof token.serialNumber);
    return kk_keykist_say(keykist, &token, found.slot, in ? "plugged" : "unplugged");
}

CK_RV kk_keykist_slot_unplug(struct kk_keykist *keykist)
{
    return set_plug(keykist, false);
}

CK_RV kk_keykist_slot_plug(struct kk_keykist *keykist)
{
    return set_plug(keykist, true);
}

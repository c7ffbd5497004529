/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: a PKCS#11 URI in place of --token, --label, --id and their like. What it names goes to
 * the options that were not given; what no option has is compared with the token.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

/* ---- into options ---- */

static const struct kk_uri_value *part_of(const struct kk_keykist *keykist, enum kk_uri_part part)
{
    return &keykist->uri.parts[part];
}

static KK_RV fill(const char *option, const char *value, const char **member)
{
    if (*member != NULL && strcmp(*member, value) != 0) {
        return kk_cli_error("--%s and the URI name different things", option);
    }
    *member = value;
    return CKR_OK;
}

static KK_RV fill_token(struct kk_keykist *keykist)
{
    struct kk_keykist_options *options = &keykist->options;
    const struct {
        enum kk_uri_part part;
        const char *option;
        const char **member;
    } rows[] = {
        {KK_URI_TOKEN, "token", &options->token},
        {KK_URI_SERIAL, "serial", &options->serial},
        {KK_URI_SLOT_ID, "slot", &options->slot},
        {KK_URI_MODULE_PATH, "module", &options->module},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        const struct kk_uri_value *value = part_of(keykist, rows[i].part);
        if (value->text != NULL) {
            KK_TRY(fill(rows[i].option, value->text, rows[i].member));
        }
    }
    return CKR_OK;
}

/* The command's own option of that name; NULL: it has none. */
static const char **own_option(const struct kk_keykist *keykist, const char *name)
{
    const struct kk_keykist_command *command = keykist->command;
    for (size_t i = 0; i < command->option_count; i++) {
        const struct kk_option *option = &command->options[i];
        if (strcmp(option->name, name) == 0 && option->kind == KK_OPTION_TEXT) {
            return (const char **)(void *)((char *)keykist->own + option->member);
        }
    }
    return NULL;
}

/* An object's part; a command that is for tokens has no place for it. */
static KK_RV fill_own(const struct kk_keykist *keykist, const char *name, const char *value)
{
    const char **member = own_option(keykist, name);
    if (member == NULL) {
        return kk_cli_error("the URI names an object, and \"keykist %s\" works on a token",
                            kk_keykist_words(keykist->group, keykist->command).text);
    }
    return fill(name, value, member);
}

static KK_RV fill_id(struct kk_keykist *keykist)
{
    static const char digits[] = "0123456789abcdef";
    const struct kk_uri_value *id = part_of(keykist, KK_URI_ID);
    if (id->text == NULL) {
        return CKR_OK;
    }
    KK_TRY(kk_alloc_array(id->len + 1, 2, &keykist->uri_id));
    for (size_t i = 0; i < id->len; i++) {
        keykist->uri_id[2 * i] = digits[(uint8_t)id->text[i] >> 4];
        keykist->uri_id[2 * i + 1] = digits[(uint8_t)id->text[i] & 0xf];
    }
    return fill_own(keykist, "id", keykist->uri_id);
}

/* type=: commands that work on one class anyhow do not ask for it. */
static KK_RV fill_class(const struct kk_keykist *keykist)
{
    const struct kk_uri_value *type = part_of(keykist, KK_URI_TYPE);
    const char **member = own_option(keykist, "class");
    if (type->text == NULL || member == NULL) {
        return CKR_OK;
    }
    return fill("class", strcmp(type->text, "secret-key") == 0 ? "secret" : type->text, member);
}

static KK_RV fill_object(struct kk_keykist *keykist)
{
    const struct kk_uri_value *label = part_of(keykist, KK_URI_OBJECT);
    if (label->text != NULL) {
        KK_TRY(fill_own(keykist, "label", label->text));
    }
    KK_TRY(fill_id(keykist));
    return fill_class(keykist);
}

/* ---- the PIN ---- */

/* "file:/run/pin", "file:///run/pin", "/run/pin". */
static KK_RV fill_pin_source(struct kk_keykist *keykist, const char *source)
{
    static const char scheme[] = "file:";
    const char *path = source;
    if (source[0] == '|') {
        return kk_cli_error("pin-source names a program, and keykist runs none: use --pin-file or "
                            "--pin-fd");
    }
    if (strncmp(source, scheme, strlen(scheme)) == 0) {
        path += strlen(scheme);
        path += strncmp(path, "///", 3) == 0 ? 2 : 0;
    }
    keykist->options.pin.file = path;
    return CKR_OK;
}

static KK_RV fill_pin(struct kk_keykist *keykist)
{
    const struct kk_uri_value *source = part_of(keykist, KK_URI_PIN_SOURCE);
    const struct kk_uri_value *value = part_of(keykist, KK_URI_PIN_VALUE);
    if (source->text != NULL && value->text != NULL) {
        return kk_cli_error("the URI has both pin-source and pin-value");
    }
    if ((keykist->command->takes & KK_TAKES_PIN) == 0 ||
        kk_keykist_pin_is_given(&keykist->options.pin)) {
        return CKR_OK;
    }
    if (source->text != NULL) {
        return fill_pin_source(keykist, source->text);
    }
    return value->text != NULL
               ? kk_secret_from(KK_SPAN(value->text, value->len), &keykist->options.pin.value)
               : CKR_OK;
}

/* ---- all of it ---- */

KK_RV kk_keykist_uri_apply(struct kk_keykist *keykist)
{
    struct kk_uri_why why = {""};
    const char *text = keykist->options.uri;
    if (text == NULL) {
        return CKR_OK;
    }
    CK_RV rv = kk_uri_parse(text, &keykist->uri, &why);
    if (rv == CKR_DATA_INVALID) {
        return kk_cli_error("this is no PKCS#11 URI: %s", why.text);
    }
    KK_TRY(rv);
    if (part_of(keykist, KK_URI_PIN_VALUE)->text != NULL) {
        kk_wipe((char *)(uintptr_t)text, strlen(text)); /* out of the list of arguments */
    }
    if (part_of(keykist, KK_URI_MODULE_NAME)->text != NULL) {
        return kk_cli_error("module-name says not where the module is: use module-path or "
                            "--module");
    }
    KK_TRY(fill_token(keykist));
    KK_TRY(fill_object(keykist));
    return fill_pin(keykist);
}

/* ---- what no option has ---- */

static bool field_fits(const struct kk_keykist *keykist, enum kk_uri_part part, const void *field,
                       size_t len)
{
    const struct kk_uri_value *wanted = part_of(keykist, part);
    return wanted->text == NULL ||
           kk_span_equal(kk_text_trim(KK_SPAN(field, len)), KK_SPAN(wanted->text, wanted->len));
}

#define FIELD_FITS(keykist, part, field) field_fits(keykist, part, field, sizeof(field))

/* "3", "3.2" */
static bool version_fits(const struct kk_keykist *keykist, const CK_VERSION *version)
{
    const struct kk_uri_value *wanted = part_of(keykist, KK_URI_LIBRARY_VERSION);
    char text[16];
    (void)snprintf(text, sizeof text, "%u.%u", version->major, version->minor);
    if (wanted->text != NULL && strchr(wanted->text, '.') == NULL) {
        (void)snprintf(text, sizeof text, "%u", version->major);
    }
    return wanted->text == NULL || strcmp(wanted->text, text) == 0;
}

static bool library_fits(const struct kk_keykist *keykist)
{
    CK_INFO info = {0};
    CK_FUNCTION_LIST_PTR p11 = keykist->module.p11;
    if (part_of(keykist, KK_URI_LIBRARY_MANUFACTURER)->text == NULL &&
        part_of(keykist, KK_URI_LIBRARY_DESCRIPTION)->text == NULL &&
        part_of(keykist, KK_URI_LIBRARY_VERSION)->text == NULL) {
        return true;
    }
    return p11->C_GetInfo != NULL && p11->C_GetInfo(&info) == CKR_OK &&
           FIELD_FITS(keykist, KK_URI_LIBRARY_MANUFACTURER, info.manufacturerID) &&
           FIELD_FITS(keykist, KK_URI_LIBRARY_DESCRIPTION, info.libraryDescription) &&
           version_fits(keykist, &info.libraryVersion);
}

static bool slot_fits(const struct kk_keykist *keykist, CK_SLOT_ID slot)
{
    CK_SLOT_INFO info = {0};
    if (part_of(keykist, KK_URI_SLOT_DESCRIPTION)->text == NULL &&
        part_of(keykist, KK_URI_SLOT_MANUFACTURER)->text == NULL) {
        return true;
    }
    return keykist->module.p11->C_GetSlotInfo(slot, &info) == CKR_OK &&
           FIELD_FITS(keykist, KK_URI_SLOT_DESCRIPTION, info.slotDescription) &&
           FIELD_FITS(keykist, KK_URI_SLOT_MANUFACTURER, info.manufacturerID);
}

bool kk_keykist_uri_fits(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                         const CK_TOKEN_INFO *info)
{
    return FIELD_FITS(keykist, KK_URI_MANUFACTURER, info->manufacturerID) &&
           FIELD_FITS(keykist, KK_URI_MODEL, info->model) && slot_fits(keykist, slot) &&
           library_fits(keykist);
}

void kk_keykist_uri_clear(struct kk_keykist *keykist)
{
    kk_uri_clear(&keykist->uri);
    kk_free(keykist->uri_id);
    keykist->uri_id = NULL;
}

/* ---- writing ---- */

static void put_field(struct kk_buffer *out, enum kk_uri_part part, const CK_UTF8CHAR *field,
                      size_t len)
{
    kk_uri_put(out, part, kk_text_trim(KK_SPAN(field, len)));
}

void kk_keykist_uri_put_token(struct kk_buffer *out, const CK_TOKEN_INFO *info)
{
    put_field(out, KK_URI_MODEL, info->model, sizeof info->model);
    put_field(out, KK_URI_MANUFACTURER, info->manufacturerID, sizeof info->manufacturerID);
    put_field(out, KK_URI_SERIAL, info->serialNumber, sizeof info->serialNumber);
    put_field(out, KK_URI_TOKEN, info->label, sizeof info->label);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist: what an object is called: its URI, what is said of it, and giving it another name.
 */
#include <stdio.h>
#include <string.h>

#include "cli/keykist_object.h"
#include "cli/report.h"
#include "cli/text.h"

#include "base/banned.h"

/* ---- URIs ---- */

static void put_part(struct kk_buffer *out, const struct kk_keykist_session *session,
                     CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type, enum kk_uri_part part)
{
    KK_CLEANUP(kk_secret_freep) struct kk_secret *value = NULL;
    if (kk_object_get(session, object, type, &value) == CKR_OK) {
        kk_uri_put(out, part, kk_secret_span(value));
    }
}

void kk_object_put_uri(struct kk_buffer *out, const struct kk_keykist_session *session,
                       CK_OBJECT_HANDLE object, const CK_TOKEN_INFO *token)
{
    const char *type =
        kk_uri_type(kk_object_ulong(session, object, CKA_CLASS, CK_UNAVAILABLE_INFORMATION));
    kk_uri_begin(out);
    kk_keykist_uri_put_token(out, token);
    put_part(out, session, object, CKA_ID, KK_URI_ID);
    put_part(out, session, object, CKA_LABEL, KK_URI_OBJECT);
    if (type != NULL) {
        kk_uri_put(out, KK_URI_TYPE, KK_SPAN(type, strlen(type)));
    }
}

/* ---- what was done ---- */

static void put_hex(struct kk_json *json, const char *key, const struct kk_secret *value)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    static const char digits[] = "0123456789abcdef";
    struct kk_span span = kk_secret_span(value);
    for (size_t i = 0; i < span.len; i++) {
        kk_buffer_put_u8(&text, (uint8_t)digits[span.data[i] >> 4]);
        kk_buffer_put_u8(&text, (uint8_t)digits[span.data[i] & 0xf]);
    }
    kk_json_bytes(json, key, kk_buffer_span(&text));
}

static KK_RV say_json(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                      struct kk_span uri, const char *what)
{
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *label = NULL;
    KK_CLEANUP(kk_secret_freep) struct kk_secret *id = NULL;
    struct kk_object_type type = kk_object_type_of(session, object);
    kk_json_object(&json, NULL);
    kk_json_text(&json, "result", what);
    kk_json_text(&json, "class",
                 kk_object_class_word(kk_object_ulong(session, object, CKA_CLASS, 0)).text);
    kk_json_text(&json, "type", type.name != NULL ? type.name : "");
    kk_json_number(&json, "size", type.bits);
    if (kk_object_get(session, object, CKA_LABEL, &label) == CKR_OK) {
        kk_json_bytes(&json, "label", kk_secret_span(label));
    }
    if (kk_object_get(session, object, CKA_ID, &id) == CKR_OK) {
        put_hex(&json, "id", id);
    }
    kk_json_bytes(&json, "uri", uri);
    kk_json_end(&json);
    return kk_json_print(&json);
}

KK_RV kk_object_say(const struct kk_keykist *keykist, const struct kk_keykist_session *session,
                    CK_OBJECT_HANDLE object, const char *what)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer uri = {0};
    CK_TOKEN_INFO info = {0};
    KK_TRY(kk_token_info(&keykist->module, session->slot, &info));
    kk_object_put_uri(&uri, session, object, &info);
    if (keykist->options.json) {
        return say_json(session, object, kk_buffer_span(&uri), what);
    }
    KK_TRY(kk_keykist_say(keykist, &info, session->slot, what));
    KK_TRY(kk_buffer_check(&uri));
    printf("%.*s\n", (int)uri.len, (const char *)uri.data);
    return CKR_OK;
}

/* ---- label ---- */

static KK_RV check_options(const struct kk_object_label_options *own)
{
    if (own->new_label == NULL && own->new_id == NULL) {
        return kk_cli_error("what is to be changed? Use --new-label or --new-id");
    }
    if (own->filter.label == NULL && own->filter.id == NULL) {
        return kk_cli_error("which objects? Use --label or --id");
    }
    return CKR_OK;
}

static KK_RV rename_all(const struct kk_keykist_session *session, const struct kk_object_list *list,
                        struct kk_cli_template *tmpl)
{
    for (size_t i = 0; i < list->count; i++) {
        char what[64];
        CK_RV rv = session->p11->C_SetAttributeValue(session->handle, list->handles[i],
                                                     tmpl->attributes, tmpl->count);
        if (rv != CKR_OK) {
            (void)snprintf(what, sizeof what, "%zu of %zu objects changed, the next one not", i,
                           list->count);
            return kk_keykist_failed(rv, what);
        }
    }
    return CKR_OK;
}

/* A key pair and its certificate have one label: all that fit get the new one. */
CK_RV kk_keykist_object_label(struct kk_keykist *keykist)
{
    const struct kk_object_label_options *own = keykist->own;
    KK_CLEANUP(kk_keykist_close) struct kk_keykist_session session = {0};
    KK_CLEANUP(kk_object_list_clear) struct kk_object_list list = {0};
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer id = {0};
    struct kk_cli_template tmpl = {0};
    CK_TOKEN_INFO info = {0};
    CK_SLOT_ID slot = 0;
    char what[64];
    KK_TRY(check_options(own));
    if (own->new_label != NULL) {
        kk_cli_template_put(&tmpl, CKA_LABEL, own->new_label, strlen(own->new_label));
    }
    if (own->new_id != NULL) {
        KK_TRY(kk_object_parse_id(own->new_id, &id));
        kk_cli_template_put(&tmpl, CKA_ID, id.data, id.len);
    }
    KK_TRY(kk_object_begin(keykist, true, true, &session, &slot, &info));
    KK_TRY(kk_object_find(&session, &own->filter, &list));
    if (list.count == 0) {
        return kk_cli_error("no object fits");
    }
    KK_TRY(rename_all(&session, &list, &tmpl));
    (void)snprintf(what, sizeof what, "%zu object%s changed", list.count,
                   list.count == 1 ? "" : "s");
    return kk_keykist_say(keykist, &info, slot, what);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist object: what its files share. Attributes are read by C_GetAttributeValue and nothing
 * else, so that all of it works with any module.
 */
#pragma once

#include "cli/keykist.h"
#include "cli/template.h"
#include "crypto/keyfile_bag.h"

/* ---- which objects: the options that most commands have ---- */

struct kk_object_filter {
    const char *object_class;
    const char *type;
    const char *label;
    const char *id;
};

#define KK_OBJECT_FILTER_OPTIONS(structure)                                                        \
    {"class", "CLASS", KK_OPTION_TEXT, offsetof(structure, filter.object_class),                   \
     "Private, public, secret, cert or data"},                                                     \
        {"type", "TYPE", KK_OPTION_TEXT, offsetof(structure, filter.type),                         \
         "The key type: rsa, ec, aes, ... or a CKK_ name"},                                        \
        {"label", "LABEL", KK_OPTION_TEXT, offsetof(structure, filter.label), "The label"},        \
        {"id", "HEX", KK_OPTION_TEXT, offsetof(structure, filter.id), "The ID in hexadecimal"}

struct kk_object_list {
    CK_OBJECT_HANDLE *handles;
    size_t count;
};
void kk_object_list_clear(struct kk_object_list *list);

/* The token objects that fit, in the module's order. What is wrong is said. */
KK_RV kk_object_find(const struct kk_keykist_session *session,
                     const struct kk_object_filter *filter, struct kk_object_list *ret_list);

/* The same by a template of the caller's; the first `max` of them. */
KK_RV kk_object_search(const struct kk_keykist_session *session, struct kk_cli_template *tmpl,
                       size_t max, struct kk_object_list *ret_list);

/* ---- what they are ---- */

/* One attribute. CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID: it is not to be had; other
 * codes: something is wrong. Nothing is said. */
KK_RV kk_object_get(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, struct kk_secret **ret_value);

/* `otherwise` when the object has none. */
CK_ULONG kk_object_ulong(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                         CK_ATTRIBUTE_TYPE type, CK_ULONG otherwise);
bool kk_object_flag(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    CK_ATTRIBUTE_TYPE type, bool otherwise);

/* The key behind an object in parts, as a file has it; private parts of a private key only.
 * CKR_ATTRIBUTE_SENSITIVE; CKR_MECHANISM_INVALID: a kind that files have no form for. */
KK_RV kk_object_key(const struct kk_keykist_session *session, CK_OBJECT_HANDLE object,
                    struct kk_keyfile **ret_key);

/* "Private", "public" ... as --class has it; a number for a class without a name. */
struct kk_object_word {
    char text[40];
};
struct kk_object_word kk_object_class_word(CK_OBJECT_CLASS object_class);

/* Hexadecimal digits (and colons and blanks between bytes) of --id. Says what is wrong. */
KK_RV kk_object_parse_id(const char *text, struct kk_buffer *ret_id);

/* A session of the token that is meant, logged in when a PIN was given or `wants_login`. */
KK_RV kk_object_begin(const struct kk_keykist *keykist, bool writable, bool wants_login,
                      struct kk_keykist_session *ret_session, CK_SLOT_ID *ret_slot,
                      CK_TOKEN_INFO *ret_info);

/* ---- the commands ---- */

CK_RV kk_keykist_object_list(struct kk_keykist *keykist);
CK_RV kk_keykist_object_show(struct kk_keykist *keykist);
CK_RV kk_keykist_object_delete(struct kk_keykist *keykist);
CK_RV kk_keykist_object_import(struct kk_keykist *keykist);
CK_RV kk_keykist_object_export(struct kk_keykist *keykist);

struct kk_object_list_options {
    struct kk_object_filter filter;
};

struct kk_object_delete_options {
    struct kk_object_filter filter;
    bool all;
};

struct kk_object_import_options {
    const char *list; /* a file of file names */
    const char *label;
    const char *id;
    const char *type;
    const char *usage;
    struct kk_cli_pin_source passphrase;
    bool no_public;
    bool force;
    bool skip_existing;
    bool extractable;
    bool not_sensitive;
    bool not_private;
};

struct kk_object_export_options {
    struct kk_object_filter filter;
    const char *format;
    struct kk_cli_pin_source passphrase;
    bool plain;
    bool by_wrapping;
    bool force;
};

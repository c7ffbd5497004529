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

/* What a group of commands is for. */
enum kk_object_kind { KK_OBJECTS_ALL, KK_OBJECTS_KEYS, KK_OBJECTS_CERTIFICATES };

struct kk_object_filter {
    enum kk_object_kind kind; /* set by the command */
    const char *object_class;
    const char *type;
    const char *label;
    const char *id;
};

#define KK_OBJECT_FILTER_OPTIONS(structure)                                                        \
    {"class", "CLASS", KK_OPTION_TEXT, offsetof(structure, filter.object_class),                   \
     "Private, public, secret, cert or data"},                                                     \
        KK_KEY_FILTER_OPTIONS(structure)
#define KK_KEY_FILTER_OPTIONS(structure)                                                           \
    {"type", "TYPE", KK_OPTION_TEXT, offsetof(structure, filter.type),                             \
     "The key type: rsa, ec, aes, ... or a CKK_ name"},                                            \
        KK_LABEL_FILTER_OPTIONS(structure)
#define KK_LABEL_FILTER_OPTIONS(structure)                                                         \
    {"label", "LABEL", KK_OPTION_TEXT, offsetof(structure, filter.label), "The label"},            \
        {"id", "HEX", KK_OPTION_TEXT, offsetof(structure, filter.id), "The ID in hexadecimal"}

struct kk_object_list {
    CK_OBJECT_HANDLE *handles;
    size_t count;
};
void kk_object_list_clear(struct kk_object_list *list);

/* The token objects that fit, in the module's order. What is wrong is said. */
KK_RV kk_object_find(const struct kk_keykist_session *session,
                     const struct kk_object_filter *filter, struct kk_object_list *ret_list);

/* The one object that fits; what is wrong is said, in words for `what` ("key"). */
KK_RV kk_object_find_one(const struct kk_keykist *keykist, const struct kk_keykist_session *session,
                         const struct kk_object_filter *filter, const char *what,
                         CK_OBJECT_HANDLE *ret_object);

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

/* Appends the object's URI. */
void kk_object_put_uri(struct kk_buffer *out, const struct kk_keykist_session *session,
                       CK_OBJECT_HANDLE object, const CK_TOKEN_INFO *token);

/* "RSA", "P-256" ... and the size in bits, 0: none. */
struct kk_object_type {
    const char *name;
    CK_ULONG bits;
};
struct kk_object_type kk_object_type_of(const struct kk_keykist_session *session,
                                        CK_OBJECT_HANDLE object);

/* The uses of "sign,encrypt,wrap,derive" (enum kk_key_use). What is wrong is said. */
KK_RV kk_object_parse_usage(const char *text, unsigned int *ret_uses);

/* What was done with an object: a line, and its URI; with --json both and label, ID, type. */
KK_RV kk_object_say(const struct kk_keykist *keykist, const struct kk_keykist_session *session,
                    CK_OBJECT_HANDLE object, const char *what);

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
CK_RV kk_keykist_object_label(struct kk_keykist *keykist);

/* The options of two of them, for the groups that have these commands too. */
#define KK_OBJECT_IMPORT_COUNT 14u
#define KK_OBJECT_EXPORT_COUNT 11u
extern const struct kk_option kk_object_import_table[KK_OBJECT_IMPORT_COUNT];
extern const struct kk_option kk_object_export_table[KK_OBJECT_EXPORT_COUNT];

struct kk_object_list_options {
    struct kk_object_filter filter;
};

struct kk_object_delete_options {
    struct kk_object_filter filter;
    bool all;
};

struct kk_object_label_options {
    struct kk_object_filter filter;
    const char *new_label;
    const char *new_id;
};

#define KK_OBJECT_NEW_LABEL_OPTIONS                                                                \
    {"new-label", "LABEL", KK_OPTION_TEXT, offsetof(struct kk_object_label_options, new_label),    \
     "The new label"},                                                                             \
        {"new-id", "HEX", KK_OPTION_TEXT, offsetof(struct kk_object_label_options, new_id),        \
         "The new ID in hexadecimal"}

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

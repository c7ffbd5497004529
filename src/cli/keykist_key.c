/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist key: its commands. Listing, importing and deleting are what keykist object does, for
 * keys.
 */
#include "cli/keykist_key.h"

#include <string.h>

#include "base/banned.h"

#define GENERATE_MEMBER(name) offsetof(struct kk_key_generate_options, name)
#define EXTRACTABLE_HELP "It may leave the token wrapped (CKA_EXTRACTABLE)"
#define NOT_SENSITIVE_HELP "It may leave it in clear, if extractable (not CKA_SENSITIVE)"

/* clang-format off */
static const struct kk_option list_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_list_options),
};

static const struct kk_option delete_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_delete_options),
    {"all", NULL, KK_OPTION_FLAG, offsetof(struct kk_object_delete_options, all),
     "All keys that can be seen"},
};

static const struct kk_option label_options[] = {
    KK_OBJECT_FILTER_OPTIONS(struct kk_object_label_options),
    KK_OBJECT_NEW_LABEL_OPTIONS,
};

static const struct kk_option generate_options[] = {
    {"label", "LABEL", KK_OPTION_TEXT, GENERATE_MEMBER(label), "The label"},
    {"id", "HEX", KK_OPTION_TEXT, GENERATE_MEMBER(id),
     "The ID; else of a pair the SHA-1 of the public key"},
    {"usage", "LIST", KK_OPTION_TEXT, GENERATE_MEMBER(usage),
     "What it is for: sign,encrypt,wrap,derive"},
    {"extractable", NULL, KK_OPTION_FLAG, GENERATE_MEMBER(extractable), EXTRACTABLE_HELP},
    {"not-sensitive", NULL, KK_OPTION_FLAG, GENERATE_MEMBER(not_sensitive), NOT_SENSITIVE_HELP},
    {"not-private", NULL, KK_OPTION_FLAG, GENERATE_MEMBER(not_private),
     "It can be seen without login (not CKA_PRIVATE)"},
    {"force", NULL, KK_OPTION_FLAG, GENERATE_MEMBER(force),
     "Make it although there is a key with the label"},
};

#define TOKEN_AND_PIN .takes = KK_TAKES_TOKEN | KK_TAKES_PIN

static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List keys, all or those that fit",
     .more = "Private and secret keys are seen with the PIN only.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_key_list},
    {.name = "show", .help = "Show all about keys",
     .more = "Private and secret keys are seen with the PIN only.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_list_options),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options),
     .run = kk_keykist_key_show},
    {.name = "generate", .help = "Make a key or a key pair in the token",
     .more = "KIND is rsa[:BITS] (3072), ec[:CURVE] (p-256), ed25519, ed448, x25519, x448, aes[:BITS] (256),\n"
             "generic[:BITS] (256), ml-dsa-44, ml-dsa-65, ml-dsa-87, ml-kem-512, ml-kem-768 or ml-kem-1024.\n"
             "The private key is sensitive, private and not extractable.\n",
     TOKEN_AND_PIN, .operand = "KIND", .own_size = sizeof(struct kk_key_generate_options),
     .options = generate_options, .option_count = KK_ARRAY_LEN(generate_options),
     .run = kk_keykist_key_generate},
    {.name = "import", .help = "Import keys and certificates from files",
     .more = "The same as \"keykist object import\".\n",
     TOKEN_AND_PIN, .operand = "FILE...", .many_operands = true, .operand_is_optional = true,
     .own_size = sizeof(struct kk_object_import_options),
     .options = kk_object_import_table, .option_count = KK_OBJECT_IMPORT_COUNT,
     .run = kk_keykist_object_import},
    {.name = "export", .help = "Write a key to a file: the public one, unless --class says another",
     .more = "FILE may be \"-\" for standard output.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_object_export_options),
     .options = kk_object_export_table, .option_count = KK_OBJECT_EXPORT_COUNT,
     .run = kk_keykist_key_export},
    {.name = "label", .help = "Give keys another label or ID",
     .more = "All keys that fit get it: a pair's two together.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_object_label_options),
     .options = label_options, .option_count = KK_ARRAY_LEN(label_options),
     .run = kk_keykist_key_label},
    {.name = "delete", .help = "Delete keys",
     .takes = KK_TAKES_TOKEN | KK_TAKES_PIN | KK_TAKES_YES,
     .own_size = sizeof(struct kk_object_delete_options),
     .options = delete_options, .option_count = KK_ARRAY_LEN(delete_options),
     .run = kk_keykist_key_delete},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_key_group = {"key", "Make, use, list and delete keys",
                                                      commands, KK_ARRAY_LEN(commands)};

CK_RV kk_keykist_key_list(struct kk_keykist *keykist)
{
    struct kk_object_list_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_KEYS;
    return kk_keykist_object_list(keykist);
}

CK_RV kk_keykist_key_show(struct kk_keykist *keykist)
{
    struct kk_object_list_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_KEYS;
    return kk_keykist_object_show(keykist);
}

CK_RV kk_keykist_key_label(struct kk_keykist *keykist)
{
    struct kk_object_label_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_KEYS;
    return kk_keykist_object_label(keykist);
}

CK_RV kk_keykist_key_delete(struct kk_keykist *keykist)
{
    struct kk_object_delete_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_KEYS;
    return kk_keykist_object_delete(keykist);
}

CK_RV kk_keykist_key_export(struct kk_keykist *keykist)
{
    struct kk_object_export_options *own = keykist->own;
    own->filter.kind = KK_OBJECTS_KEYS;
    if (own->filter.object_class == NULL) {
        bool is_pkcs12 = own->format != NULL && strcmp(own->format, "pkcs12") == 0;
        own->filter.object_class = is_pkcs12 ? "private" : "public";
    }
    return kk_keykist_object_export(keykist);
}

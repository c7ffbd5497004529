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

#define USE_MEMBER(name) offsetof(struct kk_key_use_options, name)
#define MECHANISM_ROW                                                                              \
    {"mechanism", "NAME", KK_OPTION_TEXT, USE_MEMBER(mechanism),                                   \
     "How: sha256-rsa-pss, rsa-oaep, aes-gcm, ..., or a CKM_ name; else the key's usual one"}
#define HASH_ROW                                                                                   \
    {"hash", "NAME", KK_OPTION_TEXT, USE_MEMBER(hash), "The hash: sha256, sha384, sha512, ..."}
#define FORMAT_ROW(help) {"format", "FORMAT", KK_OPTION_TEXT, USE_MEMBER(format), help}
#define OUT_ROWS                                                                                   \
    {"out", "FILE", KK_OPTION_TEXT, USE_MEMBER(out), "Write to this file, not to standard output"}, \
        {"base64", NULL, KK_OPTION_FLAG, USE_MEMBER(base64), "As text in base64"},                 \
        {"hex", NULL, KK_OPTION_FLAG, USE_MEMBER(hex), "As text in hexadecimal"},                  \
        {"force", NULL, KK_OPTION_FLAG, USE_MEMBER(force), "Replace a file that is there"}

static const struct kk_option sign_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    MECHANISM_ROW, HASH_ROW,
    FORMAT_ROW("Of an ECDSA signature: der (default; as openssl has it) or raw (r and s)"),
    OUT_ROWS,
};

static const struct kk_option verify_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    {"signature", "FILE", KK_OPTION_TEXT, USE_MEMBER(signature), "The file with the signature"},
    MECHANISM_ROW, HASH_ROW,
    FORMAT_ROW("Of an ECDSA signature: der or raw (r and s); else it is found out"),
};

#define IV_ROW                                                                                     \
    {"iv", "HEX", KK_OPTION_TEXT, USE_MEMBER(iv),                                                  \
     "The IV; else it stands in front of the ciphertext"}
#define AAD_ROW                                                                                    \
    {"aad", "HEX", KK_OPTION_TEXT, USE_MEMBER(aad), "Further data that aes-gcm authenticates"}

static const struct kk_option cipher_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    MECHANISM_ROW,
    {"hash", "NAME", KK_OPTION_TEXT, USE_MEMBER(hash), "Of rsa-oaep: sha256 (default), sha1, ..."},
    IV_ROW, AAD_ROW, OUT_ROWS,
};

static const struct kk_option wrap_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    {"with", "LABEL", KK_OPTION_TEXT, USE_MEMBER(with), "The wrapping key: an AES or RSA key"},
    MECHANISM_ROW, HASH_ROW,
    {"iv", "HEX", KK_OPTION_TEXT, USE_MEMBER(iv), "The IV, for mechanisms that take one"},
    OUT_ROWS,
};

static const struct kk_option unwrap_options[] = {
    {"label", "LABEL", KK_OPTION_TEXT, USE_MEMBER(filter.label), "The label of the new key"},
    {"id", "HEX", KK_OPTION_TEXT, USE_MEMBER(filter.id), "Its ID in hexadecimal"},
    {"type", "TYPE", KK_OPTION_TEXT, USE_MEMBER(type),
     "What it is: aes, generic, rsa, ec, edwards or montgomery"},
    {"with", "LABEL", KK_OPTION_TEXT, USE_MEMBER(with), "The key that unwraps: an AES or RSA key"},
    MECHANISM_ROW, HASH_ROW,
    {"iv", "HEX", KK_OPTION_TEXT, USE_MEMBER(iv), "The IV, for mechanisms that take one"},
    {"usage", "LIST", KK_OPTION_TEXT, USE_MEMBER(usage),
     "What it is for: sign,encrypt,wrap,derive"},
    {"extractable", NULL, KK_OPTION_FLAG, USE_MEMBER(extractable), EXTRACTABLE_HELP},
    {"not-sensitive", NULL, KK_OPTION_FLAG, USE_MEMBER(not_sensitive), NOT_SENSITIVE_HELP},
};

#define NEW_KEY_ROWS                                                                               \
    {"new-label", "LABEL", KK_OPTION_TEXT, USE_MEMBER(new_label), "The label of the new key"},     \
        {"new-id", "HEX", KK_OPTION_TEXT, USE_MEMBER(new_id), "Its ID in hexadecimal"},            \
        {"new-type", "TYPE", KK_OPTION_TEXT, USE_MEMBER(type),                                     \
         "What it is: generic[:BITS] (256) or aes[:BITS] (256)"},                                  \
        {"usage", "LIST", KK_OPTION_TEXT, USE_MEMBER(usage),                                       \
         "What it is for: sign,encrypt,wrap,derive"},                                              \
        {"extractable", NULL, KK_OPTION_FLAG, USE_MEMBER(extractable), EXTRACTABLE_HELP},          \
        {"not-sensitive", NULL, KK_OPTION_FLAG, USE_MEMBER(not_sensitive), NOT_SENSITIVE_HELP}
#define KDF_ROW                                                                                    \
    {"kdf", "NAME", KK_OPTION_TEXT, USE_MEMBER(kdf),                                               \
     "Of ECDH: none (default), or the hash of ANSI X9.63's: sha256, ..."}

static const struct kk_option derive_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    MECHANISM_ROW,
    {"peer", "FILE", KK_OPTION_TEXT, USE_MEMBER(peer), "ECDH: the other side's public key"},
    KDF_ROW,
    {"hash", "NAME", KK_OPTION_TEXT, USE_MEMBER(hash), "Of HKDF: sha256 (default), sha384, ..."},
    {"salt", "HEX", KK_OPTION_TEXT, USE_MEMBER(salt), "Of HKDF"},
    {"info", "HEX", KK_OPTION_TEXT, USE_MEMBER(info), "Of HKDF, or what a --kdf takes along"},
    NEW_KEY_ROWS,
};

static const struct kk_option encapsulate_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    MECHANISM_ROW,
    {"hash", "NAME", KK_OPTION_TEXT, USE_MEMBER(hash), "Of rsa-oaep: sha256 (default), sha1, ..."},
    KDF_ROW, NEW_KEY_ROWS, OUT_ROWS,
};

static const struct kk_option decapsulate_options[] = {
    KK_KEY_FILTER_OPTIONS(struct kk_key_use_options),
    MECHANISM_ROW,
    {"hash", "NAME", KK_OPTION_TEXT, USE_MEMBER(hash), "Of rsa-oaep: sha256 (default), sha1, ..."},
    KDF_ROW, NEW_KEY_ROWS,
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
    {.name = "sign", .help = "Sign a file, or compute its MAC, with a private or secret key",
     .more = "FILE may be \"-\" for standard input. Without --mechanism: RSA keys sign with sha256-rsa-pkcs,\n"
             "EC keys with ECDSA and a hash of the curve's size, AES keys with aes-cmac, generic ones with\n"
             "sha256-hmac. \"rsa\", \"rsa-pss\", \"ecdsa\" and \"hmac\" take their hash from --hash.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = sign_options, .option_count = KK_ARRAY_LEN(sign_options),
     .run = kk_keykist_key_sign},
    {.name = "verify", .help = "Verify the signature of a file with a public or secret key",
     .more = "Exit status 0: it is good; 3: it is not; 1: it could not be verified. The mechanism is chosen as\n"
             "for \"keykist key sign\".\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = verify_options, .option_count = KK_ARRAY_LEN(verify_options),
     .run = kk_keykist_key_verify},
    {.name = "encrypt", .help = "Encrypt a file with a public or secret key",
     .more = "FILE may be \"-\" for standard input, and has 64 MiB at most. Without --mechanism: RSA keys encrypt\n"
             "with rsa-pkcs-oaep and SHA-256, AES keys with aes-gcm. A new IV is drawn, and written in front of\n"
             "the ciphertext; of aes-gcm the tag of 16 bytes stands behind it.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = cipher_options, .option_count = KK_ARRAY_LEN(cipher_options),
     .run = kk_keykist_key_encrypt},
    {.name = "decrypt", .help = "Decrypt a file with a private or secret key",
     .more = "The mechanism is chosen, and the IV found, as \"keykist key encrypt\" writes them.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = cipher_options, .option_count = KK_ARRAY_LEN(cipher_options),
     .run = kk_keykist_key_decrypt},
    {.name = "wrap", .help = "Write a key encrypted with another one",
     .more = "Without --mechanism an AES key wraps by RFC 5649 (aes-key-wrap-kwp), an RSA key with rsa-pkcs-oaep.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_key_use_options),
     .options = wrap_options, .option_count = KK_ARRAY_LEN(wrap_options),
     .run = kk_keykist_key_wrap},
    {.name = "unwrap", .help = "Make a key of a file that \"keykist key wrap\" or another program wrote",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = unwrap_options, .option_count = KK_ARRAY_LEN(unwrap_options),
     .run = kk_keykist_key_unwrap},
    {.name = "derive", .help = "Make a secret key of another key",
     .more = "A private EC, X25519 or X448 key agrees on one with the other side (ECDH, --peer); without\n"
             "--new-type all of the secret is the new key. A secret key is put through HKDF.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_key_use_options),
     .options = derive_options, .option_count = KK_ARRAY_LEN(derive_options),
     .run = kk_keykist_key_derive},
    {.name = "encapsulate", .help = "Make a secret key that the owner of a public key can make too",
     .more = "The new key is in the token; what goes to the owner is the ciphertext. ML-KEM keys do that, and\n"
             "X25519, X448, EC (their ciphertext is a public key) and RSA keys made with --usage encapsulate.\n",
     TOKEN_AND_PIN, .own_size = sizeof(struct kk_key_use_options),
     .options = encapsulate_options, .option_count = KK_ARRAY_LEN(encapsulate_options),
     .run = kk_keykist_key_encapsulate},
    {.name = "decapsulate", .help = "Make the secret key of a ciphertext, with the private key",
     .more = "With ML-KEM a ciphertext that was changed gives another key, and no error: that is its design.\n",
     TOKEN_AND_PIN, .operand = "FILE", .own_size = sizeof(struct kk_key_use_options),
     .options = decapsulate_options, .option_count = KK_ARRAY_LEN(decapsulate_options),
     .run = kk_keykist_key_decapsulate},
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

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Prints docs/mechanisms.md: the registry's rows whatever this OpenSSL has of them, what the
 * policies leave of each, where its known answers are and where those come from, and the rest of
 * the standard's mechanisms with the reason why they are not there.
 *
 * mechanism_table VECTORS            prints it
 * mechanism_table VECTORS DOCUMENT   compares it (TAP), and what it says of OpenSSL's versions with
 *                                    the OpenSSL at hand
 */
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/bytes.h"
#include "base/memory.h"
#include "cryptoki/names.h"
#include "mechanism/offer.h"
#include "mechanism/operation.h"

#define ROWS_MAX 1024
#define FILES_MAX 256
#define LINE_MAX_LEN 8192

static struct kk_buffer document;

__attribute__((format(printf, 1, 2))) static void put(const char *format, ...)
{
    char text[2048];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (len < 0 || (size_t)len >= sizeof text) {
        (void)fprintf(stderr, "a line is too long\n");
        exit(2);
    }
    kk_buffer_put(&document, text, (size_t)len);
}

static bool begins(const char *text, const char *with)
{
    return text != NULL && strncmp(text, with, strlen(with)) == 0;
}

/* ---- the known answers ---- */

struct vector_file {
    char *name; /* without .txt */
    char *text;
};

static struct vector_file files[FILES_MAX];
static size_t file_count;

static char *read_all(const char *path)
{
    struct kk_buffer buffer = {0};
    uint8_t chunk[65536];
    size_t got = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        exit(2);
    }
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        kk_buffer_put(&buffer, chunk, got);
    }
    (void)fclose(file);
    kk_buffer_put_u8(&buffer, 0);
    return (char *)buffer.data;
}

static int is_vector_file(const struct dirent *entry)
{
    size_t len = strlen(entry->d_name);
    return len > 4 && strcmp(entry->d_name + len - 4, ".txt") == 0;
}

static void read_vectors(const char *directory)
{
    struct dirent **entries = NULL;
    int count = scandir(directory, &entries, is_vector_file, alphasort);
    if (count <= 0 || count > FILES_MAX) {
        (void)fprintf(stderr, "no vectors in %s\n", directory);
        exit(2);
    }
    for (int i = 0; i < count; i++) {
        char path[4096];
        (void)snprintf(path, sizeof path, "%s/%s", directory, entries[i]->d_name);
        files[file_count].text = read_all(path);
        entries[i]->d_name[strlen(entries[i]->d_name) - 4] = '\0';
        files[file_count++].name = strdup(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

static bool has_case(const struct vector_file *file, const char *mechanism)
{
    char line[128];
    (void)snprintf(line, sizeof line, "mechanism = %s\n", mechanism);
    return strstr(file->text, line) != NULL;
}

static void put_files(const char *mechanism)
{
    const char *between = "";
    for (size_t i = 0; i < file_count; i++) {
        if (has_case(&files[i], mechanism)) {
            put("%s%s", between, files[i].name);
            between = ", ";
        }
    }
    put("%s", *between == '\0' ? "-" : "");
}

/* The comment at the head of a file, as one line. */
static void put_source(const struct vector_file *file)
{
    const char *between = "";
    for (const char *line = file->text; *line == '#'; line = strchr(line, '\n') + 1) {
        size_t len = strcspn(line, "\n");
        if (len > 2 && !begins(line, "# SPDX")) {
            put("%s%.*s", between, (int)(len - 2), line + 2);
            between = " ";
        }
    }
}

/* ---- the rows ---- */

static const struct {
    CK_FLAGS flag;
    const char *name;
} functions[] = {
    {CKF_ENCRYPT, "encrypt"},
    {CKF_MESSAGE_ENCRYPT, "messages"},
    {CKF_DIGEST, "digest"},
    {CKF_SIGN, "sign"},
    {CKF_SIGN_RECOVER, "recover"},
    {CKF_GENERATE, "generate"},
    {CKF_GENERATE_KEY_PAIR, "generate pair"},
    {CKF_WRAP, "wrap"},
    {CKF_DERIVE, "derive"},
    {CKF_ENCAPSULATE, "encapsulate"},
};

static void put_functions(CK_FLAGS flags)
{
    const char *between = "";
    for (size_t i = 0; i < KK_ARRAY_LEN(functions); i++) {
        if ((flags & functions[i].flag) != 0) {
            put("%s%s", between, functions[i].name);
            between = ", ";
        }
    }
}

static void put_key_type(CK_KEY_TYPE type, const char *before)
{
    static const struct {
        CK_KEY_TYPE type;
        const char *text;
    } groups[] = {
        {KK_ANY_SECRET, "any secret"},
        {KK_ANY_PAIR, "any pair"},
        {KK_ANY_DES, "any DES"},
        {KK_ANY_KEY, "any key"},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(groups); i++) {
        if (groups[i].type == type) {
            put("%s%s", before, groups[i].text);
            return;
        }
    }
    if (type != KK_NO_KEY_TYPE) {
        put("%s%s", before, kk_names_find(KK_NAMES_CKK, type) + strlen("CKK_"));
    }
}

static void put_keys(const struct kk_mechanism *row)
{
    if (row->key_type == KK_NO_KEY_TYPE) {
        put("-");
        return;
    }
    put_key_type(row->key_type, "");
    put_key_type(row->key_type2, ", ");
    if (row->max_key > 0 && row->min_key == row->max_key) {
        put(" %lu", row->min_key);
    } else if (row->max_key > 0) {
        put(" %lu to %lu", row->min_key, row->max_key);
    }
}

/* What OpenSSL has not had ever since 3.0, or has elsewhere than in its default provider. */
static const struct {
    const char *begin; /* of the algorithm */
    int major, minor;
    bool legacy;
} origins[] = {
    {"ML-", 3, 5, false},    {"SLH-", 3, 5, false},   {"DES-ECB", 3, 0, true},
    {"DES-CBC", 3, 0, true}, {"DES-OFB", 3, 0, true}, {"DES-CFB", 3, 0, true},
    {"CAST5-", 3, 0, true},  {"BF-", 3, 0, true},     {"SEED-", 3, 0, true},
    {"RC2-", 3, 0, true},    {"RC4", 3, 0, true},     {"RC5-", 3, 0, true},
    {"IDEA-", 3, 0, true},   {"", 3, 0, false},
};

static size_t origin_of(const struct kk_mechanism *row)
{
    size_t i = 0;
    while (row->algorithm != NULL && !begins(row->algorithm, origins[i].begin)) {
        i++;
    }
    return row->algorithm != NULL ? i : KK_ARRAY_LEN(origins) - 1;
}

static void put_maker(const struct kk_mechanism *row)
{
    size_t origin = origin_of(row);
    enum kk_maker maker = kk_offer_maker(row);
    if (maker == KK_MAKER_SODIUM) {
        put("libsodium");
        return;
    }
    if (maker == KK_MAKER_OWN && row->needs == KK_ALGORITHM_NONE) {
        put("own");
        return;
    }
    put("%sOpenSSL %d.%d%s", maker == KK_MAKER_OWN ? "own, on " : "", origins[origin].major,
        origins[origin].minor, origins[origin].legacy ? " legacy" : "");
}

static void put_least(const struct kk_mechanism *row, const struct kk_mechanism *narrowed)
{
    if (narrowed->min_key != row->min_key) {
        put("from %lu", narrowed->min_key);
    } else {
        put("yes");
    }
}

static void put_no_legacy(const struct kk_mechanism *row)
{
    struct kk_mechanism copy = *row;
    const char *reason = kk_offer_legacy_reason(row);
    if (reason != NULL) {
        put("no: %s", reason);
        return;
    }
    (void)kk_offer_narrow(KK_POLICY_NO_LEGACY, &copy);
    put_least(row, &copy);
}

static void put_fips(const struct kk_mechanism *row)
{
    struct kk_mechanism copy = *row;
    if (!kk_offer_narrow(KK_POLICY_FIPS, &copy)) {
        put("no");
        return;
    }
    put_least(row, &copy);
    if (kk_mechanism_flags(&copy) != kk_mechanism_flags(row)) {
        put(": ");
        put_functions(kk_mechanism_flags(&copy));
    }
}

static const struct kk_mechanism *rows[ROWS_MAX];
static size_t row_count;

static int by_type(const void *a, const void *b)
{
    const struct kk_mechanism *left = *(const struct kk_mechanism *const *)a;
    const struct kk_mechanism *right = *(const struct kk_mechanism *const *)b;
    return (left->type > right->type) - (left->type < right->type);
}

static void collect_rows(void)
{
    for (; kk_registry_any(row_count) != NULL; row_count++) {
        if (row_count == ROWS_MAX) {
            exit(2);
        }
        rows[row_count] = kk_registry_any(row_count);
    }
    qsort(rows, row_count, sizeof rows[0], by_type);
}

static void put_rows(void)
{
    put("| mechanism | functions | keys | by | `no-legacy` | `fips` | known answers |\n"
        "|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < row_count; i++) {
        put("| `%s` | ", rows[i]->name);
        put_functions(kk_mechanism_flags(rows[i]));
        put(" | ");
        put_keys(rows[i]);
        put(" | ");
        put_maker(rows[i]);
        put(" | ");
        put_no_legacy(rows[i]);
        put(" | ");
        put_fips(rows[i]);
        put(" | ");
        put_files(rows[i]->name);
        put(" |\n");
    }
}

/* ---- what is not there ---- */

/* By the beginning of the name, without CKM_; the first that fits. What has a row by now is not
 * looked up here. */
static const struct {
    const char *begin;
    const char *reason;
} absent[] = {
    {"RSA_9796", "ISO 9796-1 is broken and withdrawn"},
    {"RIPEMD128", "no library here has it"},
    {"MD2", "MD2 is broken, and OpenSSL is built without it"},
    {"SHA512_T_HMAC_GENERAL", "it would need t and a length, and its parameter is one number"},
    {"RC2_", "historical: weak"},
    {"RC4", "historical: broken"},
    {"RC5_", "historical, and OpenSSL is built without it"},
    {"IDEA_", "historical"},
    {"CDMF_", "historical: keys of 40 bits"},
    {"CAST", "historical; CAST128 is there"},
    {"SKIPJACK_", "historical: of hardware that is gone"},
    {"KEA_", "historical: of hardware that is gone"},
    {"FORTEZZA", "historical: of hardware that is gone"},
    {"BATON_", "historical: of hardware that is gone, and secret"},
    {"JUNIPER_", "historical: of hardware that is gone, and secret"},
    {"FASTHASH", "historical: of hardware that is gone"},
    {"KEY_WRAP_", "historical: nobody uses it"},
    {"PBE_", "PKCS #5 v1 and keys of CAST: historical"},
    {"TLS10_MAC", "numbers without a text: nobody has said what their parameter is"},
    {"SECURID", "a vendor's secret algorithm"},
    {"ACTI", "a vendor's algorithm"},
    {"CMS_SIG", "the token would put a CMS SignerInfo together: the applications' work"},
    {"KIP_", "CT-KIP has no users left"},
    {"CAMELLIA_CTR", "the standard lists the number and describes no mechanism"},
    {"TWOFISH_", "neither OpenSSL nor libsodium has it"},
    {"GOST", "OpenSSL has GOST by a third party's provider alone"},
    {"X3DH_",
     "the text says neither what the KDF is computed over nor how a responder finds its keys"},
    {"X2RATCHET_",
     "the text gives no form to headers and messages, and no rule to the keys kept for late ones"},
    {"XMSS", "stateful hash signatures: no library here has them"},
};

static bool has_row(CK_ULONG type)
{
    return kk_registry_row(type) != NULL;
}

static size_t reason_of(const char *name)
{
    size_t i = 0;
    while (i < KK_ARRAY_LEN(absent) && !begins(name + strlen("CKM_"), absent[i].begin)) {
        i++;
    }
    return i;
}

/* Present names alone: those of before follow theirs in the table. Counts those of a reason, or
 * (KK_ARRAY_LEN(absent)) without one. */
static size_t put_absent(size_t reason, bool print)
{
    size_t count = 0;
    size_t found = 0;
    const struct kk_name *names = kk_names_table(KK_NAMES_CKM, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_other_name = i > 0 && names[i - 1].value == names[i].value;
        if (!is_other_name && !has_row(names[i].value) && reason_of(names[i].name) == reason) {
            if (print) {
                put("%s`%s`", found == 0 ? "" : ", ", names[i].name);
            }
            found++;
        }
    }
    return found;
}

static void put_all_absent(void)
{
    put("| not there | why |\n|---|---|\n");
    for (size_t i = 0; i < KK_ARRAY_LEN(absent); i++) {
        if (put_absent(i, false) > 0) {
            put("| ");
            put_absent(i, true);
            put(" | %s |\n", absent[i].reason);
        }
    }
}

/* ---- the whole ---- */

static void make_document(void)
{
    put("<!-- SPDX-License-Identifier: BSD-2-Clause -->\n"
        "# Mechanisms\n\n"
        "`make mechanisms` writes this page from the registry (`src/mechanism/table_*.c`); a test "
        "compares the two. What a\nmodule offers is what its OpenSSL has of these rows, less what "
        "`slots.mechanisms` and `mechanisms.policy` take away.\n\n"
        "- *keys*: types, and the sizes of C_GetMechanismInfo in the unit that the standard has "
        "for "
        "the mechanism.\n"
        "- *by*: who computes it. OpenSSL the whole of it, from this version on, in its default "
        "provider or its legacy one;\n  \"own\" is put together by us, on OpenSSL's algorithm "
        "where "
        "one is named.\n"
        "- *`no-legacy`*, *`fips`*: what these policies leave of it; a number is the least key "
        "size "
        "then. `softhsm2.conf(5)`\n  has the rules.\n"
        "- *known answers*: files of `tests/vectors`. Random keys and domain parameters have "
        "none.\n\n");
    put_rows();
    put("\n## Where the known answers come from\n\n| file | source |\n|---|---|\n");
    for (size_t i = 0; i < file_count; i++) {
        put("| %s | ", files[i].name);
        put_source(&files[i]);
        put(" |\n");
    }
    put("\n## What is not there\n\n");
    put_all_absent();
}

/* ---- tests ---- */

static bool document_is(const char *path)
{
    KK_CLEANUP(kk_freep) char *there = read_all(path);
    return strlen(there) == document.len && memcmp(there, document.data, document.len) == 0;
}

static bool all_absent_have_reasons(void)
{
    return put_absent(KK_ARRAY_LEN(absent), false) == 0;
}

/* A row that is said to be in this OpenSSL's default provider is there; one that is said to come
 * later is not. The legacy provider may lack. */
static bool origins_are_true(struct kk_crypto *crypto)
{
    bool all = true;
    unsigned int version = OPENSSL_version_major() * 100 + OPENSSL_version_minor();
    for (size_t i = 0; i < row_count; i++) {
        char name[KK_ALGORITHM_NAME];
        size_t origin = origin_of(rows[i]);
        bool is_due =
            version >= (unsigned int)(origins[origin].major * 100 + origins[origin].minor);
        if (rows[i]->needs == KK_ALGORITHM_NONE || (origins[origin].legacy && is_due)) {
            continue;
        }
        kk_mechanism_algorithm(rows[i], 128, name);
        if (kk_crypto_has(crypto, rows[i]->needs, name) != is_due) {
            printf("# %s: said to be in OpenSSL from %d.%d on, this is %s\n", rows[i]->name,
                   origins[origin].major, origins[origin].minor, kk_crypto_version());
            all = false;
        }
    }
    return all;
}

/* Every file's head says where its answers are from. */
static bool all_files_have_sources(void)
{
    bool all = true;
    for (size_t i = 0; i < file_count; i++) {
        size_t before = document.len;
        put_source(&files[i]);
        if (document.len < before + 10) {
            printf("# tests/vectors/%s.txt begins with no comment on its source\n", files[i].name);
            all = false;
        }
        document.len = before;
    }
    return all;
}

static void report(unsigned int no, bool ok, const char *what)
{
    printf("%sok %u - %s\n", ok ? "" : "not ", no, what);
}

static int compare(const char *path)
{
    struct kk_crypto *crypto = NULL;
    if (kk_crypto_new(&crypto) != CKR_OK) {
        return 2;
    }
    printf("1..4\n");
    report(1, document_is(path), "docs/mechanisms.md is what \"make mechanisms\" writes");
    report(2, all_absent_have_reasons(), "every mechanism that is not there has a reason");
    report(3, origins_are_true(crypto), "versions of OpenSSL are said truly");
    report(4, all_files_have_sources(), "every file of known answers says where they are from");
    kk_crypto_free(crypto);
    return 0;
}

int main(int argc, char **argv)
{
    int result = 0;
    if (argc != 2 && argc != 3) {
        (void)fprintf(stderr, "mechanism_table VECTORS [DOCUMENT]\n");
        return 2;
    }
    read_vectors(argv[1]);
    collect_rows();
    make_document();
    if (kk_buffer_check(&document) != CKR_OK) {
        return 2;
    }
    if (argc == 2) {
        result = fwrite(document.data, 1, document.len, stdout) == document.len ? 0 : 2;
    } else {
        result = compare(argv[2]);
    }
    kk_buffer_clear(&document);
    for (size_t i = 0; i < file_count; i++) {
        free(files[i].name);
        kk_free(files[i].text);
    }
    return result;
}

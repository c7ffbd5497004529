/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist mechanism: what a token computes.
 */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/mechanism_name.h"
#include "cli/report.h"

#include "base/banned.h"

static CK_RV run_list(struct kk_keykist *keykist);
static CK_RV run_show(struct kk_keykist *keykist);

struct use_option {
    const char *use;
};

/* clang-format off */
static const struct {
    CK_FLAGS flag;
    const char *word;
} uses[] = {
    {CKF_ENCRYPT,            "encrypt"},
    {CKF_DECRYPT,            "decrypt"},
    {CKF_DIGEST,             "digest"},
    {CKF_SIGN,               "sign"},
    {CKF_SIGN_RECOVER,       "sign-recover"},
    {CKF_VERIFY,             "verify"},
    {CKF_VERIFY_RECOVER,     "verify-recover"},
    {CKF_GENERATE,           "generate"},
    {CKF_GENERATE_KEY_PAIR,  "generate-pair"},
    {CKF_WRAP,               "wrap"},
    {CKF_UNWRAP,             "unwrap"},
    {CKF_DERIVE,             "derive"},
    {CKF_ENCAPSULATE,        "encapsulate"},
    {CKF_DECAPSULATE,        "decapsulate"},
    {CKF_MESSAGE_ENCRYPT,    "message-encrypt"},
    {CKF_MESSAGE_DECRYPT,    "message-decrypt"},
    {CKF_MESSAGE_SIGN,       "message-sign"},
    {CKF_MESSAGE_VERIFY,     "message-verify"},
};

static const struct kk_option list_options[] = {
    {"for", "USE", KK_OPTION_TEXT, offsetof(struct use_option, use),
     "Those for this: sign, encrypt, digest, generate, wrap, derive, ..."},
};

static const struct kk_keykist_command commands[] = {
    {.name = "list", .help = "List the mechanisms of a token",
     .takes = KK_TAKES_TOKEN, .own_size = sizeof(struct use_option),
     .options = list_options, .option_count = KK_ARRAY_LEN(list_options), .run = run_list},
    {.name = "show", .help = "Show a mechanism of a token",
     .takes = KK_TAKES_TOKEN, .operand = "NAME", .run = run_show},
};
/* clang-format on */

const struct kk_keykist_group kk_keykist_mechanism_group = {
    "mechanism", "List what a token computes", commands, KK_ARRAY_LEN(commands)};

static const struct kk_column columns[] = {{"Name", "name"},     {"Mechanism", "mechanism"},
                                           {"From", "min_size"}, {"To", "max_size"},
                                           {"For", "for"},       {"Number", "number"}};
#define ONLY_IN_RECORDS 1

/* ---- words ---- */

static bool is_for(CK_FLAGS flags, const char *use)
{
    for (size_t i = 0; i < KK_ARRAY_LEN(uses); i++) {
        if ((flags & uses[i].flag) != 0 && strncmp(uses[i].word, use, strlen(use)) == 0) {
            return true;
        }
    }
    return false;
}

static KK_RV check_use(const char *use)
{
    for (size_t i = 0; use != NULL && i < KK_ARRAY_LEN(uses); i++) {
        if (strncmp(uses[i].word, use, strlen(use)) == 0 && use[0] != '\0') {
            return CKR_OK;
        }
    }
    return use == NULL ? CKR_OK
                       : kk_cli_error("--for takes encrypt, decrypt, digest, sign, verify, "
                                      "generate, wrap, unwrap, derive, encapsulate or "
                                      "decapsulate, not \"%s\"",
                                      use);
}

static void put_uses(struct kk_table *table, CK_FLAGS flags)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer words = {0};
    for (size_t i = 0; i < KK_ARRAY_LEN(uses); i++) {
        if ((flags & uses[i].flag) != 0) {
            kk_buffer_put(&words, ",", words.len > 0 ? 1 : 0);
            kk_buffer_put(&words, uses[i].word, strlen(uses[i].word));
        }
    }
    table->failed = table->failed || words.failed;
    if (words.len > 0) {
        kk_table_bytes(table, kk_buffer_span(&words));
    } else {
        kk_table_none(table);
    }
}

static void put_size(struct kk_table *table, CK_ULONG size, bool is_there)
{
    if (is_there && size != CK_UNAVAILABLE_INFORMATION) {
        kk_table_number(table, size);
    } else {
        kk_table_none(table);
    }
}

static void put_row(struct kk_table *table, CK_MECHANISM_TYPE type, const CK_MECHANISM_INFO *info)
{
    char number[24];
    bool has_sizes = info->ulMaxKeySize > 0;
    (void)snprintf(number, sizeof number, "0x%lx", type);
    kk_table_text(table, kk_mechanism_word(type).text);
    kk_table_text(table, kk_mechanism_name(type).text);
    put_size(table, info->ulMinKeySize, has_sizes);
    put_size(table, info->ulMaxKeySize, has_sizes);
    put_uses(table, info->flags);
    kk_table_text(table, number);
}

/* ---- list ---- */

static KK_RV get_list(const struct kk_keykist *keykist, CK_SLOT_ID slot,
                      CK_MECHANISM_TYPE **ret_types, CK_ULONG *ret_count)
{
    CK_FUNCTION_LIST_PTR p11 = keykist->module.p11;
    KK_CLEANUP(kk_freep) CK_MECHANISM_TYPE *types = NULL;
    CK_ULONG count = 0;
    CK_RV rv = p11->C_GetMechanismList(slot, NULL, &count);
    if (rv == CKR_OK) {
        KK_TRY(kk_alloc_array(count, sizeof *types, &types));
        rv = p11->C_GetMechanismList(slot, types, &count);
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not list the mechanisms");
    }
    *ret_types = KK_STEAL(types);
    *ret_count = count;
    return CKR_OK;
}

static CK_RV run_list(struct kk_keykist *keykist)
{
    static const size_t order[] = {0};
    const struct use_option *options = keykist->own;
    KK_CLEANUP(kk_freep) CK_MECHANISM_TYPE *types = NULL;
    KK_CLEANUP(kk_table_clear) struct kk_table table = {
        .columns = columns, .column_count = KK_ARRAY_LEN(columns), .only_json = ONLY_IN_RECORDS};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    CK_TOKEN_INFO token = {0};
    CK_SLOT_ID slot = 0;
    CK_ULONG count = 0;
    KK_TRY(check_use(options->use));
    KK_TRY(kk_keykist_find_token(keykist, &slot, &token));
    KK_TRY(get_list(keykist, slot, &types, &count));
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info = {0};
        if (keykist->module.p11->C_GetMechanismInfo(slot, types[i], &info) == CKR_OK &&
            (options->use == NULL || is_for(info.flags, options->use))) {
            put_row(&table, types[i], &info);
        }
    }
    kk_table_sort(&table, order, KK_ARRAY_LEN(order));
    if (!keykist->options.json) {
        return kk_table_print(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json(&table, &json, "mechanisms");
    kk_json_end(&json);
    return kk_json_print(&json);
}

/* ---- show ---- */

static CK_RV run_show(struct kk_keykist *keykist)
{
    KK_CLEANUP(kk_table_clear) struct kk_table table = {.columns = columns,
                                                        .column_count = KK_ARRAY_LEN(columns)};
    KK_CLEANUP(kk_json_clear) struct kk_json json = {0};
    CK_MECHANISM_INFO info = {0};
    CK_MECHANISM_TYPE type = 0;
    CK_TOKEN_INFO token = {0};
    CK_SLOT_ID slot = 0;
    if (!kk_mechanism_parse(keykist->operand, &type)) {
        return kk_cli_error("there is no mechanism \"%s\"; \"keykist mechanism list\" says what "
                            "the token has",
                            keykist->operand);
    }
    KK_TRY(kk_keykist_find_token(keykist, &slot, &token));
    CK_RV rv = keykist->module.p11->C_GetMechanismInfo(slot, type, &info);
    if (rv == CKR_MECHANISM_INVALID) {
        return kk_cli_error("the token has no %s", kk_mechanism_name(type).text);
    }
    if (rv != CKR_OK) {
        return kk_keykist_failed(rv, "Could not ask for the mechanism");
    }
    put_row(&table, type, &info);
    if (!keykist->options.json) {
        return kk_table_print_record(&table);
    }
    kk_json_object(&json, NULL);
    kk_table_json_record(&table, &json, "mechanism");
    kk_json_end(&json);
    return kk_json_print(&json);
}

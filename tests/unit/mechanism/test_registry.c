/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registry: order, look-up, slots.mechanisms, and what every row must say. The list of what it
 * offers is compared with tests/snapshot/mechanisms.txt; with KEYKIST_WRITE_SNAPSHOT set in the
 * environment the file is written anew (with the marks of the old one lost).
 */
#include "fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "cryptoki/names.h"
#include "mechanism/families.h"

#define LINE 512

/* clang-format off */
static const struct kk_mechanism_family *const families[] = {
    &kk_family_digest,
    &kk_family_hmac,
    &kk_family_aes,
    &kk_family_secret,
    &kk_family_rsa,
    &kk_family_ec,
    &kk_family_stream,
    &kk_family_des,
    &kk_family_derive,
    &kk_family_cipher,
    &kk_family_dsa,
    &kk_family_dh,
    &kk_family_pq,
    &kk_family_tls,
};
/* clang-format on */

static void test_families_are_sorted_and_types_are_unique(void **state)
{
    (void)state;
    for (size_t i = 0; i < KK_ARRAY_LEN(families); i++) {
        assert_true(families[i]->count > 0);
        for (size_t j = 1; j < families[i]->count; j++) {
            assert_true(families[i]->rows[j - 1].type < families[i]->rows[j].type);
        }
    }
    for (size_t i = 1; i < kk_registry_count(registry); i++) {
        assert_true(kk_registry_at(registry, i - 1)->type < kk_registry_at(registry, i)->type);
    }
}

static void test_find_answers_for_every_number(void **state)
{
    size_t found = 0;
    (void)state;
    for (CK_MECHANISM_TYPE type = 0; type < 0x10000; type++) {
        const struct kk_mechanism *row = kk_registry_find(registry, type);
        assert_true(row == NULL || row->type == type);
        found += row != NULL;
    }
    assert_int_equal(found, kk_registry_count(registry));
    assert_null(kk_registry_find(registry, CK_UNAVAILABLE_INFORMATION));
    assert_null(kk_registry_find(registry, CKM_VENDOR_DEFINED));
}

static void test_every_row_has_its_name_a_use_and_a_layout(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        CK_MECHANISM_TYPE named = 0;
        assert_true(kk_names_lookup(KK_NAMES_CKM, row->name, &named));
        assert_int_equal(named, row->type);
        assert_int_not_equal(kk_mechanism_flags(row), row->extra_flags);
        assert_true(row->shape < KK_PARAM_COUNT);
        assert_true(row->shape == KK_PARAM_NONE || row->shape == KK_PARAM_BYTES ||
                    kk_param_layout(row->shape) != NULL);
        assert_true(row->min_key <= row->max_key);
        assert_true(row->needs == KK_ALGORITHM_NONE || row->algorithm != NULL);
    }
}

/* A member left out of a row is CKK_RSA: this finds it. */
static void test_key_types_are_meant(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        assert_int_not_equal(row->key_type2, CKK_RSA);
        assert_int_equal(row->key_type == CKK_RSA, strstr(row->name, "RSA") != NULL);
        assert_true(row->key_type != KK_NO_KEY_TYPE || row->digest != NULL);
    }
}

static void test_every_row_with_a_key_knows_its_kind(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        assert_true(row->key_type == KK_NO_KEY_TYPE || kk_key_kind_of(row->key_type) != 0);
        assert_true(row->key_type == KK_NO_KEY_TYPE || kk_mechanism_takes(row, row->key_type));
        assert_false(kk_mechanism_takes(row, KK_NO_KEY_TYPE));
    }
}

static void test_operations_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->cipher != NULL) {
            assert_true(row->cipher->init != NULL && row->cipher->bound != NULL);
            assert_true(row->cipher->single != NULL || row->cipher->update != NULL);
            assert_int_equal(row->cipher->update == NULL, row->cipher->final == NULL);
        }
        if (row->sign != NULL) {
            assert_true(row->sign->init != NULL && row->sign->length != NULL);
            assert_non_null(row->sign->single);
            assert_int_equal(row->sign->update == NULL, row->sign->final == NULL);
        }
        if (row->wrap != NULL) {
            assert_true(row->wrap->length != NULL && row->wrap->wrap != NULL);
            assert_non_null(row->wrap->unwrap);
        }
        if (row->derive != NULL) {
            bool is_public = row->derive->makes == KK_DERIVED_PUBLIC;
            assert_int_equal(row->derive->publish != NULL, is_public);
            assert_int_equal(row->derive->derive == NULL, is_public);
        }
        if (row->kem != NULL) {
            assert_true(row->kem->length != NULL && row->kem->encapsulate != NULL);
            assert_non_null(row->kem->decapsulate);
        }
    }
}

/* --- slots.mechanisms ------------------------------------------------------------------------- */

static struct kk_registry *registry_of(const char *allowed)
{
    struct kk_registry *made = NULL;
    assert_ok(kk_registry_new(crypto, allowed, &made));
    return made;
}

static void expect_offered(const char *allowed, size_t count)
{
    struct kk_registry *made = registry_of(allowed);
    assert_int_equal(kk_registry_count(made), count);
    kk_registry_free(made);
}

static void test_all_and_nothing_mean_everything(void **state)
{
    size_t all = kk_registry_count(registry);
    (void)state;
    expect_offered(NULL, all);
    expect_offered("", all);
    expect_offered("  ", all);
    expect_offered("ALL", all);
    expect_offered(" ALL ", all);
    expect_offered("-ALL", all);
    expect_offered("-", all);
}

static void test_a_list_allows_what_it_names(void **state)
{
    (void)state;
    struct kk_registry *made = registry_of("CKM_AES_CBC, CKM_SHA256 ,\tCKM_MD5");
    assert_int_equal(kk_registry_count(made), 3);
    assert_non_null(kk_registry_find(made, CKM_AES_CBC));
    assert_non_null(kk_registry_find(made, CKM_SHA256));
    assert_non_null(kk_registry_find(made, CKM_MD5));
    assert_null(kk_registry_find(made, CKM_AES_GCM));
    kk_registry_free(made);
}

static void test_a_list_behind_a_minus_takes_away(void **state)
{
    (void)state;
    struct kk_registry *made = registry_of("-CKM_AES_CBC, CKM_SHA256");
    assert_int_equal(kk_registry_count(made), kk_registry_count(registry) - 2);
    assert_null(kk_registry_find(made, CKM_AES_CBC));
    assert_null(kk_registry_find(made, CKM_SHA256));
    assert_non_null(kk_registry_find(made, CKM_AES_GCM));
    kk_registry_free(made);
    expect_offered(" - CKM_AES_CBC", kk_registry_count(registry) - 1);
}

static void test_unknown_empty_and_repeated_names_do_no_harm(void **state)
{
    (void)state;
    expect_offered("CKM_AES_CBC,,CKM_NO_SUCH,CKM_AES_CBC,", 1);
    expect_offered("AES_CBC", 0);
    expect_offered("ckm_aes_cbc", 0);
    expect_offered(",", 0);
    expect_offered("CKM_SKIPJACK_ECB64", 0);
    expect_offered("CKM_0123456789012345678901234567890123456789012345678901234567890123456789", 0);
    expect_offered("-CKM_NO_SUCH", kk_registry_count(registry));
}

static void test_an_empty_registry_finds_nothing(void **state)
{
    (void)state;
    struct kk_registry *made = registry_of(",");
    for (CK_MECHANISM_TYPE type = 0; type < 0x5000; type++) {
        assert_null(kk_registry_find(made, type));
    }
    kk_registry_free(made);
}

static void test_no_memory_is_said(void **state)
{
    struct kk_registry *made = NULL;
    unsigned long n = 1;
    (void)state;
    for (;; n++) {
        kk_alloc_fail_at(n);
        CK_RV rv = kk_registry_new(crypto, "CKM_AES_CBC,CKM_MD5", &made);
        kk_alloc_fail_at(0);
        if (rv == CKR_OK) {
            break;
        }
        assert_rv(rv, CKR_HOST_MEMORY);
        assert_null(made);
    }
    assert_true(n > 3);
    kk_registry_free(made);
}

/* --- vectors ---------------------------------------------------------------------------------- */

static bool file_has_case(const char *path, const char *name)
{
    char line[LINE];
    char want[LINE];
    bool found = false;
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    (void)snprintf(want, sizeof want, "mechanism = %s\n", name);
    while (!found && fgets(line, sizeof line, file) != NULL) {
        found = strcmp(line, want) == 0;
    }
    fclose(file);
    return found;
}

static bool has_case(const char *name)
{
    bool found = false;
    DIR *folder = opendir(KK_VECTORS_DIR);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL && !found; entry = readdir(folder)) {
        char path[LINE];
        if (strstr(entry->d_name, ".txt") != NULL) {
            (void)snprintf(path, sizeof path, "%s/%s", KK_VECTORS_DIR, entry->d_name);
            found = file_has_case(path, name);
        }
    }
    closedir(folder);
    return found;
}

/* Generation has no known answer; every other row has one. */
static void test_every_row_has_a_known_answer(void **state)
{
    size_t missing = 0;
    (void)state;
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        const struct kk_mechanism *row = kk_registry_at(registry, i);
        if (row->generate == NULL && !has_case(row->name)) {
            print_error("no case in tests/vectors: %s\n", row->name);
            missing++;
        }
    }
    assert_int_equal(missing, 0);
}

/* --- the snapshot ----------------------------------------------------------------------------- */

static const struct {
    CK_FLAGS flag;
    const char *name;
} flag_names[] = {
    {CKF_ENCRYPT, "encrypt"},
    {CKF_DECRYPT, "decrypt"},
    {CKF_MESSAGE_ENCRYPT, "message-encrypt"},
    {CKF_MESSAGE_DECRYPT, "message-decrypt"},
    {CKF_DIGEST, "digest"},
    {CKF_SIGN, "sign"},
    {CKF_SIGN_RECOVER, "sign-recover"},
    {CKF_VERIFY, "verify"},
    {CKF_VERIFY_RECOVER, "verify-recover"},
    {CKF_GENERATE, "generate"},
    {CKF_GENERATE_KEY_PAIR, "generate-pair"},
    {CKF_WRAP, "wrap"},
    {CKF_UNWRAP, "unwrap"},
    {CKF_DERIVE, "derive"},
    {CKF_ENCAPSULATE, "encapsulate"},
    {CKF_DECAPSULATE, "decapsulate"},
    {CKF_EC_F_P, "ec-f-p"},
    {CKF_EC_F_2M, "ec-f-2m"},
    {CKF_EC_ECPARAMETERS, "ec-parameters"},
    {CKF_EC_OID, "ec-oid"},
    {CKF_EC_UNCOMPRESS, "ec-uncompress"},
    {CKF_EC_COMPRESS, "ec-compress"},
    {CKF_EC_CURVENAME, "ec-curve-name"},
};

static void append(char *line, const char *text)
{
    size_t len = strlen(line);
    assert_true(len + strlen(text) < LINE);
    memcpy(line + len, text, strlen(text) + 1);
}

static void append_key_type(char *line, CK_KEY_TYPE type)
{
    if (type == KK_ANY_KEY) {
        append(line, " any-key");
    } else if (type == KK_ANY_SECRET) {
        append(line, " any-secret");
    } else if (type == KK_ANY_PAIR) {
        append(line, " any-pair");
    } else if (type == KK_ANY_DES) {
        append(line, " any-des");
    } else if (type != KK_NO_KEY_TYPE) {
        append(line, " ");
        append(line, kk_names_find(KK_NAMES_CKK, type));
    }
}

static const char *shape_name(const struct kk_mechanism *row)
{
    const struct kk_param_layout *layout = kk_param_layout(row->shape);
    if (layout != NULL) {
        return layout->name;
    }
    return row->shape == KK_PARAM_NONE ? "-" : "bytes";
}

static void print_row(const struct kk_mechanism *row, char line[LINE])
{
    /* Whatever signs also signs messages, and all messages may come in parts: not printed. */
    CK_FLAGS rest = kk_mechanism_flags(row) &
                    ~(CK_FLAGS)(CKF_MESSAGE_SIGN | CKF_MESSAGE_VERIFY | CKF_MULTI_MESSAGE);
    (void)snprintf(line, LINE, "0x%08lx %s [%lu..%lu]", row->type, row->name, row->min_key,
                   row->max_key);
    append_key_type(line, row->key_type);
    append_key_type(line, row->key_type2);
    append(line, " ");
    append(line, shape_name(row));
    append(line, row->param_required ? " required" : "");
    for (size_t i = 0; i < KK_ARRAY_LEN(flag_names); i++) {
        if ((rest & flag_names[i].flag) != 0) {
            append(line, " ");
            append(line, flag_names[i].name);
            rest &= ~flag_names[i].flag;
        }
    }
    assert_int_equal(rest, 0);
}

static void write_snapshot(void)
{
    char line[LINE];
    FILE *file = fopen(KK_SNAPSHOT, "w");
    assert_non_null(file);
    fputs(
        "# SPDX-License-Identifier: BSD-2-Clause\n"
        "# What the registry offers on OpenSSL 3.0: number, name, key sizes, key types, "
        "parameter,\n"
        "# flags. A row that a later OpenSSL alone can compute begins with \"+ \", one that needs\n"
        "# the legacy provider with \"~ \".\n",
        file);
    for (size_t i = 0; i < kk_registry_count(registry); i++) {
        print_row(kk_registry_at(registry, i), line);
        fprintf(file, "%s\n", line);
    }
    fclose(file);
}

/* The next line that is no comment, without its end; false at the end of the file. `*may_lack`
 * says that it is a row of a later OpenSSL, or of the legacy provider. */
static bool next_line(FILE *file, char line[LINE], bool *may_lack)
{
    char whole[LINE];
    while (fgets(whole, sizeof whole, file) != NULL) {
        whole[strcspn(whole, "\n")] = '\0';
        if (whole[0] != '#' && whole[0] != '\0') {
            *may_lack = strncmp(whole, "+ ", 2) == 0 || strncmp(whole, "~ ", 2) == 0;
            (void)snprintf(line, LINE, "%s", whole + (*may_lack ? 2 : 0));
            return true;
        }
    }
    return false;
}

static void test_registry_is_that_of_the_snapshot(void **state)
{
    char want[LINE];
    char got[LINE];
    bool may_lack = false;
    size_t i = 0;
    (void)state;
    if (getenv("KEYKIST_WRITE_SNAPSHOT") != NULL) {
        write_snapshot();
    }
    FILE *file = fopen(KK_SNAPSHOT, "r");
    assert_non_null(file);
    while (next_line(file, want, &may_lack)) {
        got[0] = '\0';
        if (i < kk_registry_count(registry)) {
            print_row(kk_registry_at(registry, i), got);
        }
        if (may_lack && strcmp(got, want) != 0) {
            continue;
        }
        assert_string_equal(got, want);
        i++;
    }
    fclose(file);
    assert_int_equal(i, kk_registry_count(registry));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families_are_sorted_and_types_are_unique),
        cmocka_unit_test(test_find_answers_for_every_number),
        cmocka_unit_test(test_every_row_has_its_name_a_use_and_a_layout),
        cmocka_unit_test(test_key_types_are_meant),
        cmocka_unit_test(test_every_row_with_a_key_knows_its_kind),
        cmocka_unit_test(test_operations_are_complete),
        cmocka_unit_test(test_all_and_nothing_mean_everything),
        cmocka_unit_test(test_a_list_allows_what_it_names),
        cmocka_unit_test(test_a_list_behind_a_minus_takes_away),
        cmocka_unit_test(test_unknown_empty_and_repeated_names_do_no_harm),
        cmocka_unit_test(test_an_empty_registry_finds_nothing),
        cmocka_unit_test(test_no_memory_is_said),
        cmocka_unit_test(test_every_row_has_a_known_answer),
        cmocka_unit_test(test_registry_is_that_of_the_snapshot),
    };
    return cmocka_run_group_tests_name("registry", tests, set_up, tear_down);
}

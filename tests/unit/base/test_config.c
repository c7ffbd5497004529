/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include "base/config.h"
#include "base/log.h"
#include "base/memory.h"
#include "paths.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A directory of the test's own, the configuration in it, and the log. */
static char directory[] = "/tmp/kk-config-XXXXXX";
static char conf[PATH_MAX];
static char log_path[PATH_MAX];
static char log_text[65536];

static void write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

/* The log lines since the last call. */
static const char *take_log(void)
{
    FILE *file = fopen(log_path, "re");
    assert_non_null(file);
    log_text[fread(log_text, 1, sizeof log_text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    assert_int_equal(truncate(log_path, 0), 0);
    return log_text;
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part)) {
        found++;
    }
    return found;
}

static CK_RV load_bytes(const void *data, size_t len, struct kk_config **ret_config)
{
    write_file(conf, data, len);
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, log_path);
    return kk_config_load_file(conf, ret_config);
}

static struct kk_config *load_text(const char *text)
{
    struct kk_config *config = NULL;
    assert_int_equal(load_bytes(text, strlen(text), &config), CKR_OK);
    return config;
}

static int set_up(void **state)
{
    (void)state;
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    (void)snprintf(conf, sizeof conf, "%s/softhsm2.conf", directory);
    (void)snprintf(log_path, sizeof log_path, "%s/log", directory);
    (void)unsetenv("SOFTHSM2_CONF");
    kk_log_configure(KK_LOG_INFO, KK_LOG_FILE, log_path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    char home_conf[PATH_MAX];
    (void)snprintf(home_conf, sizeof home_conf, "%.100s/.config/softhsm2/softhsm2.conf", directory);
    for (char *end = home_conf + strlen(home_conf);
         end != NULL && end > home_conf + sizeof directory; end = strrchr(home_conf, '/')) {
        *end = '\0';
        (void)remove(home_conf);
    }
    (void)unlink(conf);
    (void)unlink(log_path);
    kk_log_configure(KK_LOG_WARNING, KK_LOG_STDERR, NULL);
    return rmdir(directory);
}

static void check_defaults(const struct kk_config *config)
{
    assert_string_equal(config->tokendir, KK_DEFAULT_TOKENDIR);
    assert_int_equal(config->backend, KK_BACKEND_SQLITE);
    assert_false(config->backend_is_set);
    assert_int_equal(config->umask, 0077);
    assert_int_equal(config->log_level, KK_LOG_INFO);
    assert_int_equal(config->log_target, KK_LOG_SYSLOG);
    assert_string_equal(config->log_file, "");
    assert_string_equal(config->log_trace, "");
    assert_false(config->slots_removable);
    assert_string_equal(config->slots_mechanisms, "ALL");
    assert_int_equal(config->policy, KK_POLICY_ALL);
    assert_string_equal(config->fips_config, "");
    assert_int_equal(config->fips_certificate, 0);
    assert_true(config->reset_on_fork);
    assert_int_equal(config->identity, KK_IDENTITY_SOFTHSM);
    assert_int_equal(config->pin_kdf, KK_KDF_DEFAULT);
    assert_int_equal(config->pin_max_tries, 10);
    assert_int_equal(config->pin_min_length, 4);
    assert_string_equal(config->pepper, "none");
    assert_true(config->so_recovery);
    assert_int_equal(config->integrity, KK_INTEGRITY_NORMAL);
    assert_int_equal(config->audit_log, KK_AUDIT_LOG_OFF);
    assert_int_equal(config->audit_on_error, KK_AUDIT_REFUSE);
    assert_int_equal(config->audit_max_size, 16384);
    assert_int_equal(config->audit_keep, 0);
    assert_int_equal(config->cache_keys, 4096);
    assert_int_equal(config->cache_objects, 65536);
    assert_int_equal(config->aead_buffer, 65536);
}

static void test_defaults(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    assert_int_equal(kk_config_new(&config), CKR_OK);
    check_defaults(config);
    assert_string_equal(config->path, "");
    kk_config_free(NULL);
}

static void test_an_empty_file_is_all_defaults_and_logs_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "\n\n", "# only a comment",
                                        "  \t \n#\n  # x = y\n\r\n"};
    for (size_t i = 0; i < KK_ARRAY_LEN(texts); i++) {
        KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text(texts[i]);
        check_defaults(config);
        assert_string_equal(config->path, conf);
        assert_string_equal(take_log(), "");
    }
}

static void test_every_key(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config =
        load_text("directories.tokendir = /some/where\n"
                  "objectstore.backend = memory\n"
                  "objectstore.umask = 0027\n"
                  "log.level = DEBUG\n"
                  "log.target = stderr\n"
                  "log.file = /var/log/x\n"
                  "log.trace = /var/log/calls\n"
                  "slots.removable = true\n"
                  "slots.mechanisms = -CKM_RSA_X_509, CKM_MD5\n"
                  "mechanisms.policy = no-legacy\n"
                  "mechanisms.fips_config = /etc/fips.cnf\n"
                  "mechanisms.fips_certificate = 4711\n"
                  "library.reset_on_fork = false\n"
                  "token.identity = keykist\n"
                  "pin.kdf = strong\n"
                  "pin.max_tries = 0\n"
                  "pin.min_length = 255\n"
                  "pin.guard = tpm2\n"
                  "pin.auto = credential:token-pin\n"
                  "tpm2.tcti = swtpm:host=localhost,port=2321\n"
                  "token.pepper = file:/etc/pepper\n"
                  "token.so_recovery = off\n"
                  "token.integrity = strict\n"
                  "cache.keys = 17\n"
                  "cache.objects = 0\n"
                  "limits.aead_buffer = 1\n");
    assert_string_equal(config->tokendir, "/some/where");
    assert_int_equal(config->backend, KK_BACKEND_MEMORY);
    assert_true(config->backend_is_set);
    assert_int_equal(config->umask, 0027);
    assert_int_equal(config->log_level, KK_LOG_DEBUG);
    assert_int_equal(config->log_target, KK_LOG_STDERR);
    assert_string_equal(config->log_file, "/var/log/x");
    assert_string_equal(config->log_trace, "/var/log/calls");
    assert_true(config->slots_removable);
    assert_string_equal(config->slots_mechanisms, "-CKM_RSA_X_509, CKM_MD5");
    assert_int_equal(config->policy, KK_POLICY_NO_LEGACY);
    assert_string_equal(config->fips_config, "/etc/fips.cnf");
    assert_int_equal(config->fips_certificate, 4711);
    assert_false(config->reset_on_fork);
    assert_int_equal(config->identity, KK_IDENTITY_KEYKIST);
    assert_int_equal(config->pin_kdf, KK_KDF_STRONG);
    assert_int_equal(config->pin_max_tries, 0);
    assert_int_equal(config->pin_min_length, 255);
    assert_int_equal(config->pin_guard, KK_GUARD_TPM2);
    assert_string_equal(config->pin_auto, "credential:token-pin");
    assert_string_equal(config->tcti, "swtpm:host=localhost,port=2321");
    assert_string_equal(config->pepper, "file:/etc/pepper");
    assert_false(config->so_recovery);
    assert_int_equal(config->integrity, KK_INTEGRITY_STRICT);
    assert_int_equal(config->cache_keys, 17);
    assert_int_equal(config->cache_objects, 0);
    assert_int_equal(config->aead_buffer, 1);
    assert_string_equal(take_log(), "");
}

/* A line, and the member that it must give. */
static int member(const struct kk_config *config, const char *name)
{
    static const struct {
        const char *name;
        size_t offset;
    } words[] = {
        {"backend", offsetof(struct kk_config, backend)},
        {"level", offsetof(struct kk_config, log_level)},
        {"target", offsetof(struct kk_config, log_target)},
        {"identity", offsetof(struct kk_config, identity)},
        {"kdf", offsetof(struct kk_config, pin_kdf)},
        {"integrity", offsetof(struct kk_config, integrity)},
        {"umask", offsetof(struct kk_config, umask)},
        {"policy", offsetof(struct kk_config, policy)},
        {"audit", offsetof(struct kk_config, audit_log)},
        {"audit_on_error", offsetof(struct kk_config, audit_on_error)},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(words); i++) {
        if (strcmp(words[i].name, name) == 0) {
            return *(const int *)((const uint8_t *)config + words[i].offset);
        }
    }
    return strcmp(name, "removable") == 0 ? config->slots_removable : config->so_recovery;
}

static void test_every_word(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        const char *member;
        int value;
    } rows[] = {
        {"objectstore.backend = sqlite", "backend", KK_BACKEND_SQLITE},
        {"objectstore.backend = db", "backend", KK_BACKEND_SQLITE},
        {"objectstore.backend = file", "backend", KK_BACKEND_FILE},
        {"objectstore.backend = memory", "backend", KK_BACKEND_MEMORY},
        {"log.level = ERROR", "level", KK_LOG_ERROR},
        {"log.level = WARNING", "level", KK_LOG_WARNING},
        {"log.level = INFO", "level", KK_LOG_INFO},
        {"log.level = DEBUG", "level", KK_LOG_DEBUG},
        {"log.target = syslog", "target", KK_LOG_SYSLOG},
        {"log.target = stderr", "target", KK_LOG_STDERR},
        {"token.identity = softhsm", "identity", KK_IDENTITY_SOFTHSM},
        {"pin.kdf = default", "kdf", KK_KDF_DEFAULT},
        {"pin.kdf = test", "kdf", KK_KDF_TEST},
        {"token.integrity = normal", "integrity", KK_INTEGRITY_NORMAL},
        {"mechanisms.policy = all", "policy", KK_POLICY_ALL},
        {"mechanisms.policy = no-legacy", "policy", KK_POLICY_NO_LEGACY},
        {"mechanisms.policy = fips", "policy", KK_POLICY_FIPS},
        {"audit.log = off", "audit", KK_AUDIT_LOG_OFF},
        {"audit.log = on", "audit", KK_AUDIT_LOG_ON},
        {"audit.log = no-use", "audit", KK_AUDIT_LOG_NO_USE},
        {"audit.on_error = refuse", "audit_on_error", KK_AUDIT_REFUSE},
        {"audit.on_error = continue", "audit_on_error", KK_AUDIT_GO_ON},
        {"slots.removable = TRUE", "removable", 1},
        {"slots.removable = True", "removable", 1},
        {"slots.removable = fAlSe", "removable", 0},
        {"token.so_recovery = OFF", "so_recovery", 0},
        {"token.so_recovery = false", "so_recovery", 0},
        {"token.so_recovery = on", "so_recovery", 1},
        {"token.so_recovery = true", "so_recovery", 1},
        {"objectstore.umask = 0", "umask", 0},
        {"objectstore.umask = 777", "umask", 0777},
        {"objectstore.umask = 0000077", "umask", 077},
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(rows); i++) {
        KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text(rows[i].line);
        assert_int_equal(member(config, rows[i].member), rows[i].value);
        assert_string_equal(take_log(), "");
    }
}

static void test_bad_values_are_warned_of_and_the_default_holds(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "slots.removable = yes",
        "slots.removable = 1",
        "library.reset_on_fork = on",
        "token.so_recovery = maybe",
        "objectstore.umask = 0778",
        "objectstore.umask = 1000",
        "objectstore.umask = 0x77",
        "objectstore.umask = -1",
        "objectstore.umask = 77777777777777777777777777",
        "objectstore.umask = 0 77",
        "log.target = nowhere",
        "log.target = STDERR",
        "token.identity = other",
        "pin.kdf = weak",
        "token.integrity = lax",
        "audit.log = true",
        "audit.on_error = ignore",
        "audit.max_size = 63",
        "audit.keep = all",
        "pin.max_tries = -1",
        "pin.max_tries = ten",
        "pin.max_tries = 99999999999999999999999",
        "pin.min_length = 0",
        "pin.min_length = 256",
        "cache.keys = 1e3",
        "cache.objects = +5",
        "cache.keys = 1000000001",
        "limits.aead_buffer = 0",
        "limits.aead_buffer = 2097152",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(lines); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "\n\n%s\n", lines[i]);
        KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text(text);
        check_defaults(config);
        const char *log = take_log();
        char where[PATH_MAX + 10];
        char key[40] = {0};
        (void)snprintf(where, sizeof where, "%s:3: ", conf);
        memcpy(key, lines[i], strcspn(lines[i], " "));
        assert_int_equal(count(log, "\n"), 1);
        assert_non_null(strstr(log, "WARNING: "));
        assert_non_null(strstr(log, where));
        assert_non_null(strstr(log, key));
    }
}

static void test_malformed_lines_are_warned_of_and_skipped(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "slots.removable",
        "slots.removable true",
        "slots.removable =",
        "slots.removable = # true",
        "= true",
        "=",
        "slots.removable = true = true",
        "slots.removable == true",
        "Slots.Removable = true",
        "no.such.key = 1",
        "slots removable = true",
        "\xff\xfe=\x01",
    };
    for (size_t i = 0; i < KK_ARRAY_LEN(lines); i++) {
        char text[200];
        (void)snprintf(text, sizeof text, "%s\nlog.level = ERROR\n", lines[i]);
        KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text(text);
        assert_false(config->slots_removable);
        assert_int_equal(config->log_level, KK_LOG_ERROR);
        const char *log = take_log();
        assert_int_equal(count(log, "\n"), 1);
        assert_non_null(strstr(log, "WARNING: "));
        assert_non_null(strstr(log, ":1: "));
    }
}

static void test_space_and_comments_are_trimmed(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config =
        load_text(" \t directories.tokendir=\t/with space/dir \v\f # a comment = x\r\n"
                  "slots.removable\t=\ttrue\rlog.level = nonsense\n"
                  "  #slots.removable = false\n"
                  "pin.max_tries=5");
    assert_string_equal(config->tokendir, "/with space/dir");
    assert_true(config->slots_removable);
    assert_int_equal(config->pin_max_tries, 5);
    assert_string_equal(take_log(), "");
}

static void test_the_last_of_two_lines_holds(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config =
        load_text("directories.tokendir = /one\ndirectories.tokendir = /two\npin.max_tries = 3\n"
                  "pin.max_tries = bad\n");
    assert_string_equal(config->tokendir, "/two");
    assert_int_equal(config->pin_max_tries, 3);
}

/* What is said of the settings: value, and where it comes from. */
static void assert_said(const struct kk_config *config, const char *name, const char *value,
                        unsigned long line)
{
    struct kk_config_setting setting = {0};
    for (size_t n = 0; kk_config_setting(config, n, &setting) == CKR_OK; n++) {
        bool is_it = strcmp(setting.name, name) == 0;
        if (is_it) {
            assert_string_equal((const char *)setting.value.data, value);
            assert_int_equal(setting.line, line);
        }
        kk_buffer_clear(&setting.value);
        if (is_it) {
            return;
        }
    }
    fail_msg("no setting %s", name);
}

static void test_settings_are_said_again(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config =
        load_text("# a comment\n"
                  "directories.tokendir = /tokens\n"
                  "objectstore.umask = 7\n"
                  "token.so_recovery = off\n"
                  "pin.max_tries = 3\n"
                  "pin.max_tries = 5\n"
                  "pin.kdf = nonsense\n"
                  "slots.removable = true\n"
                  "objectstore.backend = db\n");
    assert_said(config, "directories.tokendir", "/tokens", 2);
    assert_said(config, "objectstore.umask", "0007", 3);
    assert_said(config, "token.so_recovery", "off", 4);
    assert_said(config, "pin.max_tries", "5", 6);
    assert_said(config, "pin.kdf", "default", 0);
    assert_said(config, "slots.removable", "true", 8);
    assert_said(config, "objectstore.backend", "sqlite", 9);
    assert_said(config, "log.level", "INFO", 0);
}

/* Each default as the table has it is what is said of a configuration without lines. */
static void test_defaults_are_said_as_they_are_written(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text("");
    struct kk_config_setting setting = {0};
    size_t n = 0;
    for (; kk_config_setting(config, n, &setting) == CKR_OK; n++) {
        assert_string_equal((const char *)setting.value.data, setting.fallback);
        kk_buffer_clear(&setting.value);
    }
    assert_true(n > 20);
}

static void test_fatal_keys(void **state)
{
    (void)state;
    static const char *const lines[] = {"mechanisms.policy = FIPS",  "mechanisms.policy = strict",
                                        "log.level = info",          "log.level = 5",
                                        "log.level = TRACE",         "objectstore.backend = oracle",
                                        "objectstore.backend = File"};
    for (size_t i = 0; i < KK_ARRAY_LEN(lines); i++) {
        struct kk_config *config = NULL;
        assert_int_equal(load_bytes(lines[i], strlen(lines[i]), &config), CKR_GENERAL_ERROR);
        assert_null(config);
        const char *log = take_log();
        assert_int_equal(count(log, "ERROR: "), 1);
        assert_non_null(strstr(log, conf));
        assert_non_null(strstr(log, ":1: "));
    }
}

static void test_where_the_log_goes(void **state)
{
    (void)state;
    KK_CLEANUP(kk_config_freep) struct kk_config *file = load_text("log.file = /x/y\n");
    assert_int_equal(file->log_target, KK_LOG_FILE);
    KK_CLEANUP(kk_config_freep) struct kk_config *both =
        load_text("log.file = /x/y\nlog.target = syslog\n");
    assert_int_equal(both->log_target, KK_LOG_SYSLOG);
    KK_CLEANUP(kk_config_freep) struct kk_config *swapped =
        load_text("log.target = file\nlog.file = /x/y\n");
    assert_int_equal(swapped->log_target, KK_LOG_FILE);
    assert_string_equal(take_log(), "");
    KK_CLEANUP(kk_config_freep) struct kk_config *missing = load_text("log.target = file\n");
    assert_int_equal(missing->log_target, KK_LOG_SYSLOG);
    assert_non_null(strstr(take_log(), "there is no log.file"));
}

static void test_long_lines(void **state)
{
    (void)state;
    static char text[8000];
    static char value[5001];
    memset(value, 'a', sizeof value - 1);
    (void)snprintf(text, sizeof text, "slots.mechanisms = %s\npin.max_tries = 7\n", value);
    KK_CLEANUP(kk_config_freep) struct kk_config *config = load_text(text);
    assert_string_equal(config->slots_mechanisms, value);
    assert_int_equal(config->pin_max_tries, 7);
    assert_string_equal(take_log(), "");

    (void)snprintf(text, sizeof text, "%s\npin.max_tries = 8\n", value);
    KK_CLEANUP(kk_config_freep) struct kk_config *other = load_text(text);
    assert_int_equal(other->pin_max_tries, 8);
    assert_int_equal(count(take_log(), "\n"), 1);

    (void)snprintf(text, sizeof text, "# %s pin.max_tries = 9\npin.max_tries = 9", value);
    KK_CLEANUP(kk_config_freep) struct kk_config *third = load_text(text);
    assert_int_equal(third->pin_max_tries, 9);
    assert_string_equal(take_log(), "");
}

static void test_zero_bytes_do_not_hide_later_lines(void **state)
{
    (void)state;
    static const char bytes[] = "slots.rem\0ovable = true\npin.max_tries = 6\0 7\n\0\n"
                                "pin.min_length = 9\n";
    KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
    assert_int_equal(load_bytes(bytes, sizeof bytes - 1, &config), CKR_OK);
    assert_false(config->slots_removable);
    assert_int_equal(config->pin_max_tries, 6);
    assert_int_equal(config->pin_min_length, 9);
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    struct kk_config *config = NULL;
    assert_int_equal(kk_config_load_file("/nonexistent/conf", &config), CKR_GENERAL_ERROR);
    assert_non_null(strstr(take_log(), "/nonexistent/conf cannot be read: No such file"));
    assert_int_equal(kk_config_load_file(directory, &config), CKR_GENERAL_ERROR);
    assert_non_null(strstr(take_log(), "cannot be read: Is a directory"));
    assert_int_equal(kk_config_load_file("/dev/zero", &config), CKR_GENERAL_ERROR);
    assert_non_null(strstr(take_log(), "cannot be read: File too large"));
    assert_null(config);
    assert_int_equal(kk_config_load_file("/dev/null", &config), CKR_OK);
    check_defaults(config);
    kk_config_free(config);
}

static void check_found(const char *expected)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    assert_int_equal(kk_config_find(&path), CKR_OK);
    assert_string_equal(path, expected);
}

/* Makes the file that $HOME leads to. */
static void make_home_conf(char home_conf[PATH_MAX])
{
    char at[PATH_MAX];
    (void)snprintf(at, sizeof at, "%.100s/.config", directory);
    assert_int_equal(mkdir(at, 0700), 0);
    (void)snprintf(at, sizeof at, "%.100s/.config/softhsm2", directory);
    assert_int_equal(mkdir(at, 0700), 0);
    (void)snprintf(home_conf, PATH_MAX, "%.100s/.config/softhsm2/softhsm2.conf", directory);
    write_file(home_conf, "pin.max_tries = 2\n", 18);
}

static void test_search_order(void **state)
{
    (void)state;
    char home_conf[PATH_MAX];
    assert_int_equal(setenv("HOME", directory, 1), 0);
    check_found(KK_DEFAULT_CONFIG);
    make_home_conf(home_conf);
    check_found(home_conf);
    assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
    check_found(conf); /* whether it exists or not */
    struct kk_config *config = NULL;
    assert_int_equal(kk_config_load(&config), CKR_GENERAL_ERROR);
    assert_non_null(strstr(take_log(), conf));

    assert_int_equal(unsetenv("SOFTHSM2_CONF"), 0);
    assert_int_equal(kk_config_load(&config), CKR_OK);
    assert_int_equal(config->pin_max_tries, 2);
    assert_string_equal(config->path, home_conf);
    kk_config_free(config);
    assert_int_equal(unlink(home_conf), 0);
    check_found(KK_DEFAULT_CONFIG);
}

static void test_an_empty_variable_is_no_configuration(void **state)
{
    (void)state;
    struct kk_config *config = NULL;
    char *path = NULL;
    assert_int_equal(setenv("SOFTHSM2_CONF", "", 1), 0);
    assert_int_equal(kk_config_find(&path), CKR_GENERAL_ERROR);
    assert_int_equal(kk_config_load(&config), CKR_GENERAL_ERROR);
    assert_null(path);
    assert_null(config);
    assert_int_equal(count(take_log(), "SOFTHSM2_CONF is empty"), 2);
}

/* The expected path when $HOME says nothing. */
static void test_home_from_the_password_database(void **state)
{
    (void)state;
    const struct passwd *entry = getpwuid(geteuid());
    char expected[PATH_MAX];
    (void)snprintf(expected, sizeof expected, "%s/.config/softhsm2/softhsm2.conf",
                   entry != NULL ? entry->pw_dir : "");
    const char *found = access(expected, R_OK) == 0 ? expected : KK_DEFAULT_CONFIG;
    assert_int_equal(setenv("HOME", "", 1), 0);
    check_found(found);
    assert_int_equal(unsetenv("HOME"), 0);
    check_found(found);
}

static void test_every_failing_allocation_is_reported(void **state)
{
    (void)state;
    static const char text[] = "directories.tokendir = /some/where\nslots.mechanisms = ALL\n";
    assert_int_equal(setenv("SOFTHSM2_CONF", conf, 1), 0);
    write_file(conf, text, sizeof text - 1);
    unsigned long nth = 0;
    CK_RV rv = CKR_HOST_MEMORY;
    while (rv == CKR_HOST_MEMORY) {
        KK_CLEANUP(kk_config_freep) struct kk_config *config = NULL;
        kk_alloc_fail_at(++nth);
        rv = kk_config_load(&config);
        kk_alloc_fail_at(0);
        assert_true(rv == CKR_HOST_MEMORY ? config == NULL : config != NULL);
    }
    assert_int_equal(rv, CKR_OK);
    assert_true(nth > 8);
}

#define CONFIG_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIG_TEST(test_defaults),
        CONFIG_TEST(test_an_empty_file_is_all_defaults_and_logs_nothing),
        CONFIG_TEST(test_every_key),
        CONFIG_TEST(test_every_word),
        CONFIG_TEST(test_bad_values_are_warned_of_and_the_default_holds),
        CONFIG_TEST(test_malformed_lines_are_warned_of_and_skipped),
        CONFIG_TEST(test_space_and_comments_are_trimmed),
        CONFIG_TEST(test_the_last_of_two_lines_holds),
        CONFIG_TEST(test_settings_are_said_again),
        CONFIG_TEST(test_defaults_are_said_as_they_are_written),
        CONFIG_TEST(test_fatal_keys),
        CONFIG_TEST(test_where_the_log_goes),
        CONFIG_TEST(test_long_lines),
        CONFIG_TEST(test_zero_bytes_do_not_hide_later_lines),
        CONFIG_TEST(test_files_that_cannot_be_read),
        CONFIG_TEST(test_search_order),
        CONFIG_TEST(test_an_empty_variable_is_no_configuration),
        CONFIG_TEST(test_home_from_the_password_database),
        CONFIG_TEST(test_every_failing_allocation_is_reported),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * src/token/unattended.c: the pepper that a TPM sealed, and the PIN of pin.auto.
 */
#include "engine_test.h"
#include "token/unattended.h"

#include <sys/stat.h>

static void put_file(const char *dir, const char *name, const void *data, size_t len)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void set_text(char **member, const char *text)
{
    kk_free(*member);
    assert_ok(kk_strdup(text, member));
}

/* What is sealed by the fake TPM of that name, in a file. */
static void put_sealed(const struct house *house, const char *name, const char *tcti,
                       const void *secret, size_t len)
{
    KK_CLEANUP(kk_tpm_freep) struct kk_tpm *tpm = NULL;
    struct kk_tpm_why why = {""};
    struct kk_tpm_blob blob = {0};
    const struct kk_tpm_order order = {.secret = secret, .secret_len = len};
    assert_ok(kk_tpm_new(tcti, &tpm));
    assert_int_equal(kk_tpm_seal(tpm, &order, &blob, &why), KK_TPM_OK);
    put_file(house->dir, name, blob.data, blob.len);
}

/* An engine with these settings; NULL leaves one as it is. Borrowed path: the house's own file. */
static struct kk_engine *engine_with(const struct house *house, const char *pepper,
                                     const char *pin_auto, const char *tcti)
{
    char path[128];
    struct kk_engine *engine = NULL;
    struct kk_config *config = house_config(house);
    (void)snprintf(path, sizeof path, "%s/softhsm2.conf", house->dir);
    set_text(&config->path, path);
    set_text(&config->pepper, pepper);
    set_text(&config->pin_auto, pin_auto);
    set_text(&config->tcti, tcti);
    assert_ok(kk_engine_new(config, &engine));
    return engine;
}

static const uint8_t pepper_bytes[32] = "thirty-two bytes of a pepper....";

static void test_a_pepper_of_the_tpm(void **state)
{
    (void)state;
    struct house house;
    char named[128];
    house_open(&house);
    put_sealed(&house, "keykist-pepper.tpm2", "fake:one", pepper_bytes, 32);
    put_sealed(&house, "other", "fake:one", pepper_bytes, 32);
    put_sealed(&house, "short", "fake:one", pepper_bytes, 31);
    (void)snprintf(named, sizeof named, "tpm2:%s/other", house.dir);
    const char *good[] = {"tpm2", named};
    for (size_t i = 0; i < 2; i++) {
        KK_CLEANUP(kk_engine_freep) struct kk_engine *engine =
            engine_with(&house, good[i], "none", "fake:one");
        assert_false(engine->settings.pepper_missing);
        assert_true(
            kk_span_equal(kk_secret_span(engine->settings.pepper), KK_SPAN_ARRAY(pepper_bytes)));
    }
    char too_short[128];
    char nowhere[128];
    (void)snprintf(too_short, sizeof too_short, "tpm2:%s/short", house.dir);
    (void)snprintf(nowhere, sizeof nowhere, "tpm2:%s/nowhere", house.dir);
    const char *bad[][3] = {{"tpm2", "fake:two", "another TPM's"},
                            {"tpm2", "fake:gone", "there is no TPM"},
                            {too_short, "fake:one", "is no pepper"},
                            {nowhere, "fake:one", "cannot read"}};
    for (size_t i = 0; i < KK_ARRAY_LEN(bad); i++) {
        KK_CLEANUP(kk_engine_freep) struct kk_engine *engine =
            engine_with(&house, bad[i][0], "none", bad[i][1]);
        assert_true(engine->settings.pepper_missing);
        assert_null(engine->settings.pepper);
        assert_true(house_log_has(&house, bad[i][2]));
    }
    house_close(&house);
}

/* *said NULL: the PIN must be `pin`. */
static void auto_pin_is(const struct house *house, const char *source, const char *pin,
                        const char *said)
{
    KK_CLEANUP(kk_engine_freep) struct kk_engine *engine =
        engine_with(house, "none", source, "fake:one");
    KK_CLEANUP(kk_secret_freep) struct kk_secret *got = NULL;
    assert_true(kk_engine_has_auto_pin(engine));
    assert_rv(kk_engine_auto_pin(engine, &got), said == NULL ? CKR_OK : CKR_DEVICE_ERROR);
    if (said == NULL) {
        assert_true(kk_span_equal(kk_secret_span(got), text_span(pin)));
    } else {
        struct house copy = *house;
        assert_true(house_log_has(&copy, said));
    }
}

static void test_a_pin_of_a_credential(void **state)
{
    (void)state;
    struct house house;
    char longest[KK_PIN_MAX + 1] = "";
    char too_long[400];
    house_open(&house);
    memset(longest, 'p', KK_PIN_MAX);
    memset(too_long, 'p', sizeof too_long);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", house.dir, 1), 0);
    put_file(house.dir, "plain", "1234", 4);
    put_file(house.dir, "line", "1234\n", 5);
    put_file(house.dir, "dos", "1234\r\n", 6);
    put_file(house.dir, "longest", longest, KK_PIN_MAX);
    put_file(house.dir, "empty", "\n", 1);
    put_file(house.dir, "long", too_long, sizeof too_long);
    put_file(house.dir, "longer", too_long, KK_PIN_MAX + 1);
    auto_pin_is(&house, "credential:plain", "1234", NULL);
    auto_pin_is(&house, "credential:line", "1234", NULL);
    auto_pin_is(&house, "credential:dos", "1234", NULL);
    auto_pin_is(&house, "credential:longest", longest, NULL);
    auto_pin_is(&house, "credential:empty", NULL, "holds no PIN");
    auto_pin_is(&house, "credential:long", NULL, "is too long");
    auto_pin_is(&house, "credential:longer", NULL, "credential:longer holds no PIN");
    auto_pin_is(&house, "credential:nowhere", NULL, "cannot read");
    auto_pin_is(&house, "credential:../x", NULL, "no credential \"../x\"");
    auto_pin_is(&house, "credential:a/b", NULL, "no credential \"a/b\"");
    auto_pin_is(&house, "env:X", NULL, "does not know \"env:X\"");
    assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
    auto_pin_is(&house, "credential:plain", NULL, "CREDENTIALS_DIRECTORY is not set");
    house_close(&house);
}

static void test_a_pin_of_the_tpm(void **state)
{
    (void)state;
    struct house house;
    char source[128];
    house_open(&house);
    (void)snprintf(source, sizeof source, "tpm2:%s/pin", house.dir);
    auto_pin_is(&house, source, NULL, "cannot read");
    put_sealed(&house, "pin", "fake:one", "4321", 4);
    auto_pin_is(&house, source, "4321", NULL);
    put_sealed(&house, "pin", "fake:two", "4321", 4);
    auto_pin_is(&house, source, NULL, "another TPM's");
    house_close(&house);
}

static int plugin_setup(void **state)
{
    return setenv("KEYKIST_TPM2_PLUGIN", getenv("KK_FAKE_PLUGIN"), 1) == 0 ? crypto_setup(state)
                                                                           : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_pepper_of_the_tpm),
        cmocka_unit_test(test_a_pin_of_a_credential),
        cmocka_unit_test(test_a_pin_of_the_tpm),
    };
    return cmocka_run_group_tests(tests, plugin_setup, crypto_teardown);
}

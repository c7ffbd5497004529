/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FIPS provider wants figures of its installation, which OpenSSL gives it from a configuration
 * file only: the one that `openssl fipsinstall` wrote, with a few lines of ours before it that say
 * which section is the provider's. It goes into our library context and no other.
 */
#include "crypto/fips.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include "base/log.h"
#include "base/memory.h"
#include "crypto/error.h"

#include "base/banned.h"

#define FILE_NAME "fipsmodule.cnf"
#define SECTION "fips_sect" /* what fipsinstall calls it */
#define START "keykist_fips"
#define FILE_SIZE_MAX ((size_t)65536)

KK_DEFINE_CLEANUP(CONF *, NCONF_free);
KK_DEFINE_CLEANUP(BIO *, BIO_vfree);

/* Where the file is: as told, or beside openssl.cnf. */
static KK_RV path_of(const char *config, char **ret_path)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer path = {0};
    const char *directory = OPENSSL_info(OPENSSL_INFO_CONFIG_DIR);
    if (config[0] != '\0') {
        return kk_strdup(config, ret_path);
    }
    KK_ENSURE(directory != NULL, CKR_GENERAL_ERROR);
    kk_buffer_put(&path, directory, strlen(directory));
    kk_buffer_put_span(&path, KK_SPAN_ARRAY("/" FILE_NAME));
    KK_TRY(kk_buffer_check(&path));
    return kk_strdup((const char *)path.data, ret_path);
}

/* CKR_GENERAL_ERROR with errno set. */
static KK_RV append_file(const char *path, struct kk_buffer *text)
{
    char chunk[4096];
    size_t got = 0;
    FILE *file = fopen(path, "re");
    KK_ENSURE(file != NULL, CKR_GENERAL_ERROR);
    do {
        got = fread(chunk, 1, sizeof chunk, file);
        kk_buffer_put(text, chunk, got);
    } while (got > 0 && text->len < FILE_SIZE_MAX);
    int failed = ferror(file);
    (void)fclose(file);
    KK_ENSURE(!failed, CKR_GENERAL_ERROR);
    return kk_buffer_check(text);
}

/* Our lines, then the file: OpenSSL reads one text into a CONF, not two. */
static KK_RV read_text(const char *path, struct kk_buffer *text)
{
    kk_buffer_put_span(text,
                       KK_SPAN_TEXT(START " = " START "_init\n"
                                          "[" START "_init]\nproviders = " START "_providers\n"
                                          "[" START "_providers]\nfips = " SECTION "\n"
                                          "[default]\n"));
    CK_RV rv = append_file(path, text);
    if (rv == CKR_GENERAL_ERROR) {
        kk_log_error(
            "mechanisms.policy = fips: %s cannot be read: %s; \"openssl fipsinstall\" makes it",
            path, strerror(errno));
    }
    return rv;
}

static KK_RV read_config(OSSL_LIB_CTX *libctx, const char *path, CONF **ret_conf)
{
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer text = {0};
    KK_TRY(read_text(path, &text));
    KK_CLEANUP(NCONF_freep) CONF *conf = NCONF_new_ex(libctx, NULL);
    KK_CLEANUP(BIO_vfreep) BIO *bio = BIO_new_mem_buf(text.data, (int)text.len);
    long line = 0;
    KK_ENSURE(conf != NULL && bio != NULL, CKR_HOST_MEMORY);
    if (NCONF_load_bio(conf, bio, &line) != 1 || NCONF_get_section(conf, SECTION) == NULL) {
        kk_log_error(
            "mechanisms.policy = fips: %s is not what \"openssl fipsinstall\" writes, which "
            "has a section [" SECTION "]",
            path);
        return CKR_GENERAL_ERROR;
    }
    *ret_conf = KK_STEAL(conf);
    return CKR_OK;
}

static KK_RV load(OSSL_LIB_CTX *libctx, const char *path, OSSL_PROVIDER **ret_provider)
{
    KK_CLEANUP(NCONF_freep) CONF *conf = NULL;
    KK_TRY(read_config(libctx, path, &conf));
    /* Whether it took effect shows in the provider. */
    (void)CONF_modules_load(conf, START, 0);
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(libctx, "fips");
    if (provider == NULL || OSSL_PROVIDER_self_test(provider) != 1 ||
        EVP_set_default_properties(libctx, "fips=yes") != 1) {
        char reason[160];
        ERR_error_string_n(ERR_peek_last_error(), reason, sizeof reason);
        kk_log_error(
            "mechanisms.policy = fips: OpenSSL's FIPS provider does not load with %s (%s): "
            "is the package there (openssl-provider-fips), and the file made anew with "
            "\"openssl fipsinstall\" since it was last updated?",
            path, reason);
        if (provider != NULL) {
            OSSL_PROVIDER_unload(provider);
        }
        return CKR_GENERAL_ERROR;
    }
    *ret_provider = provider;
    return CKR_OK;
}

KK_RV kk_fips_load(OSSL_LIB_CTX *libctx, const char *config, OSSL_PROVIDER **ret_provider)
{
    KK_CLEANUP(kk_freep) char *path = NULL;
    KK_TRY(path_of(config, &path));
    return load(libctx, path, ret_provider);
}

KK_RV kk_fips_describe(OSSL_PROVIDER *provider, char ret_text[KK_FIPS_TEXT])
{
    char *name = NULL;
    char *version = NULL;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_NAME, &name, 0),
        OSSL_PARAM_construct_utf8_ptr(OSSL_PROV_PARAM_VERSION, &version, 0),
        OSSL_PARAM_END,
    };
    KK_ENSURE(OSSL_PROVIDER_get_params(provider, params) == 1 && name != NULL && version != NULL,
              kk_crypto_error("OSSL_PROVIDER_get_params", CKR_FUNCTION_FAILED));
    (void)snprintf(ret_text, KK_FIPS_TEXT, "%s %s", name, version);
    return CKR_OK;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a private key file of BIND: a key with all the parts of its kind, or none. What the
 * parser says goes nowhere.
 */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/bind_file.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_part(const struct kk_keyfile *keyfile, enum kk_keyfile_part part)
{
    FUZZ_CHECK(keyfile->parts[part] != NULL && kk_secret_len(keyfile->parts[part]) > 0);
}

static void check_key(const struct kk_keyfile *keyfile)
{
    FUZZ_CHECK(keyfile->algorithm != NULL);
    if (keyfile->kind == KK_KEYFILE_RSA) {
        check_part(keyfile, KK_KEYPART_MODULUS);
        check_part(keyfile, KK_KEYPART_COEFFICIENT);
        return;
    }
    check_part(keyfile, KK_KEYPART_PRIVATE);
    if (keyfile->kind == KK_KEYFILE_DSA) {
        check_part(keyfile, KK_KEYPART_PRIME);
        return;
    }
    FUZZ_CHECK(keyfile->kind == KK_KEYFILE_EC || keyfile->kind == KK_KEYFILE_EDWARDS);
    check_part(keyfile, KK_KEYPART_EC_PARAMS);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int nowhere = -1;
    static int errors = -1;
    if (nowhere < 0) {
        nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
        errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    }
    struct kk_secret_stats before;
    struct kk_secret_stats after;
    struct kk_keyfile *keyfile = NULL;
    kk_secret_stats(&before);
    FUZZ_CHECK(dup2(nowhere, STDERR_FILENO) == STDERR_FILENO);
    CK_RV rv = kk_bind_file_parse(KK_SPAN(data, size), &keyfile);
    FUZZ_CHECK(dup2(errors, STDERR_FILENO) == STDERR_FILENO);
    FUZZ_CHECK((rv == CKR_OK) == (keyfile != NULL));
    if (keyfile != NULL) {
        check_key(keyfile);
    }
    kk_keyfile_free(keyfile);
    kk_secret_stats(&after);
    FUZZ_CHECK(after.in_use == before.in_use);
    return 0;
}

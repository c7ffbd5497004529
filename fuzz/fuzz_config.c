/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Any bytes as a configuration file: it is read, with warnings, or refused; what comes out is
 * complete and within its bounds.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/config.h"
#include "base/log.h"
#include "input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct kk_config *config)
{
    FUZZ_CHECK(config->tokendir != NULL && config->slots_mechanisms != NULL);
    FUZZ_CHECK(config->backend >= KK_BACKEND_SQLITE && config->backend <= KK_BACKEND_FILE);
    FUZZ_CHECK(config->identity >= 0 && config->identity <= KK_IDENTITY_KEYKIST);
    FUZZ_CHECK(config->pin_kdf >= 0 && config->pin_kdf <= KK_KDF_TEST);
    FUZZ_CHECK(config->pin_min_length >= 1 && config->pin_min_length <= 255);
    FUZZ_CHECK(config->umask <= 0777);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct kk_config *config = NULL;
    static int fd = -1;
    if (fd < 0) {
        kk_log_configure(KK_LOG_ERROR, KK_LOG_FILE, "/dev/null");
        fd = memfd_create("config", MFD_CLOEXEC);
    }
    FUZZ_CHECK(fd >= 0 && ftruncate(fd, 0) == 0);
    FUZZ_CHECK(pwrite(fd, data, size, 0) == (ssize_t)size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    CK_RV rv = kk_config_load_file(path, &config);
    FUZZ_CHECK(rv == CKR_OK || rv == CKR_GENERAL_ERROR);
    if (rv == CKR_OK) {
        check(config);
        kk_config_free(config);
    }
    return 0;
}

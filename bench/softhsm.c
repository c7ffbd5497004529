/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Finding SoftHSM where distributions put it. Keykist may lie there in its stead: it is known by
 * the name of its own interface, which its file contains.
 */
#include "cryptoki/vendor.h"
#include "options.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const places[] = {
    "/usr/lib/softhsm/libsofthsm2.so",       "/usr/lib64/softhsm/libsofthsm2.so",
    "/usr/lib64/pkcs11/libsofthsm2.so",      "/usr/lib/pkcs11/libsofthsm2.so",
    "/usr/local/lib/softhsm/libsofthsm2.so",
};

/* Whether there is a file that does not have the name in it. */
static bool is_another(const char *path)
{
    struct stat status;
    bool found = true;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    if (fstat(fd, &status) == 0 && status.st_size > 0) {
        size_t size = (size_t)status.st_size;
        void *bytes = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (bytes != MAP_FAILED) {
            found = memmem(bytes, size, KK_VENDOR_INTERFACE, sizeof(KK_VENDOR_INTERFACE)) != NULL;
            munmap(bytes, size);
        }
    }
    close(fd);
    return !found;
}

static bool is_given(const struct kk_bench_options *options, const char *path)
{
    for (size_t i = 0; i < options->module_count; i++) {
        if (strcmp(options->module[i], path) == 0) {
            return true;
        }
    }
    return false;
}

void kk_bench_add_softhsm(struct kk_bench_options *options)
{
    for (size_t i = 0; i < KK_BENCH_ARRAY_LEN(places); i++) {
        if (options->module_count < KK_BENCH_MODULES && is_another(places[i])) {
            if (!is_given(options, places[i])) {
                options->module[options->module_count++] = places[i];
            }
            return;
        }
    }
}

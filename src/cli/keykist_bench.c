/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * keykist bench: the benchmark is a program of its own (bench/), which gets all words.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "cli/keykist.h"
#include "cli/report.h"
#include "paths.h"

#include "base/banned.h"

#define PATH_SIZE 4096

static CK_RV run_bench(struct kk_keykist *keykist);

static const struct kk_keykist_command commands[] = {
    {.name = "",
     .help = "Measure modules beside raw OpenSSL",
     .passes_on = true,
     .alone = true,
     .run = run_bench},
};

const struct kk_keykist_group kk_keykist_bench_group = {
    "bench", "Measure this module, and others, beside raw OpenSSL", commands,
    KK_ARRAY_LEN(commands)};

static size_t modules_in(const struct kk_keykist *keykist)
{
    size_t count = 0;
    for (size_t i = 0; i < keykist->operand_count; i++) {
        count += strcmp(keykist->operands[i], "--module") == 0 ||
                 strncmp(keykist->operands[i], "--module=", 9) == 0;
    }
    return count;
}

/* Without a module it is Keykist's own; with no other beside it SoftHSM's comes too, where it is
 * installed. */
static KK_RV make_arguments(const struct kk_keykist *keykist, const char ***ret_arguments)
{
    size_t count = 0;
    size_t modules = modules_in(keykist);
    const char **arguments = NULL;
    KK_TRY(kk_alloc_array(keykist->operand_count + 5, sizeof *arguments, &arguments));
    arguments[count++] = "keykist-bench";
    if (modules == 0) {
        arguments[count++] = "--module";
        arguments[count++] = KK_DEFAULT_MODULE;
    }
    if (modules <= 1) {
        arguments[count++] = "--softhsm";
    }
    for (size_t i = 0; i < keykist->operand_count; i++) {
        arguments[count++] = keykist->operands[i];
    }
    *ret_arguments = arguments;
    return CKR_OK;
}

/* Does not return when there is a benchmark. */
static CK_RV run_bench(struct kk_keykist *keykist)
{
    char path[PATH_SIZE];
    KK_CLEANUP(kk_freep) const char **arguments = NULL;
    const char *folder = secure_getenv("KEYKIST_LIBEXEC");
    int len = snprintf(path, sizeof path, "%s/keykist-bench",
                       folder != NULL && folder[0] != '\0' ? folder : KK_LIBEXEC_PATH);
    if (len < 0 || (size_t)len >= sizeof path || make_arguments(keykist, &arguments) != CKR_OK) {
        return kk_cli_error("the benchmark cannot be started");
    }
    (void)execv(path, (char *const *)(uintptr_t)arguments);
    return kk_cli_error("the benchmark cannot be started: %s: %s", path, strerror(errno));
}

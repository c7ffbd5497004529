/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over files and folders of files (its corpus), and over each file cut short and
 * with each byte changed in turn, so that corpora run as ordinary tests with any compiler.
 * --random=N before them: N inputs from a generator that always begins alike; --random=N:M skips
 * to the M-th.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20)
#define RANDOM_MAX 768u
#define MUTATED_MAX 4096 /* longer inputs run as they are only */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t runs;

/* In memory of exactly this size, so that sanitizers see a read beyond it. */
static void run_one(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);
    if (copy == NULL) {
        abort();
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
    runs++;
}

static void run_mutations(uint8_t *data, size_t size)
{
    static const uint8_t flips[] = {0x01, 0x80, 0xff};
    for (size_t i = 0; i < size; i++) {
        run_one(data, i);
        for (size_t j = 0; j < sizeof flips; j++) {
            data[i] ^= flips[j];
            run_one(data, size);
            data[i] ^= flips[j];
        }
    }
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Input number n, the same whatever ran before. */
static void run_random(unsigned long n)
{
    static uint8_t data[RANDOM_MAX];
    uint64_t state = n * UINT64_C(0x2545f4914f6cdd1d);
    size_t size = (size_t)(splitmix(&state) % RANDOM_MAX);
    for (size_t i = 0; i < size; i++) {
        data[i] = (uint8_t)splitmix(&state);
    }
    run_one(data, size);
}

static void run_randoms(const char *numbers)
{
    char *rest = NULL;
    unsigned long count = strtoul(numbers, &rest, 10);
    unsigned long first = *rest == ':' ? strtoul(rest + 1, NULL, 10) : 0;
    for (unsigned long i = first; i < first + count; i++) {
        if (getenv("FUZZ_VERBOSE") != NULL) {
            fprintf(stderr, "random input %lu\n", i);
        }
        run_random(i);
    }
}

static int run_file(const char *path)
{
    static uint8_t data[INPUT_MAX];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    run_one(data, size);
    if (size <= MUTATED_MAX) {
        run_mutations(data, size);
    }
    return 0;
}

static int run_folder(const char *path)
{
    char name[4096];
    int failed = 0;
    DIR *folder = opendir(path);
    if (folder == NULL) {
        perror(path);
        return 1;
    }
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
            failed |= run_file(name);
        }
    }
    closedir(folder);
    return failed;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        struct stat status;
        if (strncmp(argv[i], "--random=", 9) == 0) {
            run_randoms(argv[i] + 9);
            continue;
        }
        bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        failed |= is_folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%zu inputs\n", runs);
    return failed != 0 || runs == 0 ? 1 : 0;
}

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Runs a fuzz target over files and folders of files (its corpus), and over each file cut short and
 * with each byte changed in turn, so that corpora run as ordinary tests with any compiler.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define INPUT_MAX (1u << 20)
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
        bool is_folder = stat(argv[i], &status) == 0 && S_ISDIR(status.st_mode);
        failed |= is_folder ? run_folder(argv[i]) : run_file(argv[i]);
    }
    printf("%zu inputs\n", runs);
    return failed != 0 || runs == 0 ? 1 : 0;
}

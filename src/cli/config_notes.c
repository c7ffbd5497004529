/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the configuration's reader says, taken from a log of our own for once.
 */
#include "cli/config_notes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#include "base/banned.h"

/* A line of the log without its time and process; NULL when it is none. */
static const char *log_text(const char *line)
{
    static const char *const marks[] = {" WARNING: ", " ERROR: "};
    for (size_t i = 0; i < KK_ARRAY_LEN(marks); i++) {
        const char *at = strstr(line, marks[i]);
        if (at != NULL) {
            return at + strlen(marks[i]);
        }
    }
    return NULL;
}

static KK_RV add(struct kk_config_notes *notes, const char *text)
{
    KK_TRY(kk_realloc_array(&notes->lines, notes->count + 1, sizeof *notes->lines));
    KK_TRY(kk_strdup(text, &notes->lines[notes->count]));
    notes->count++;
    return CKR_OK;
}

static KK_RV collect(FILE *file, struct kk_config_notes *notes)
{
    char line[1200];
    while (fgets(line, sizeof line, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        const char *text = log_text(line);
        if (text != NULL) {
            KK_TRY(add(notes, text));
        }
    }
    return CKR_OK;
}

KK_RV kk_config_read(struct kk_config **ret_config, struct kk_config_notes *notes)
{
    char path[] = "/tmp/keykist-config-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0) {
        return kk_config_load(ret_config);
    }
    kk_log_configure(KK_LOG_WARNING, KK_LOG_FILE, path);
    CK_RV rv = kk_config_load(ret_config);
    kk_log_configure(KK_LOG_WARNING, KK_LOG_SYSLOG, NULL);
    FILE *file = fdopen(fd, "r");
    CK_RV noted = file != NULL ? collect(file, notes) : CKR_OK;
    (void)(file != NULL ? fclose(file) : close(fd));
    (void)unlink(path);
    return rv == CKR_OK ? noted : rv;
}

void kk_config_notes_clear(struct kk_config_notes *notes)
{
    for (size_t i = 0; i < notes->count; i++) {
        kk_free(notes->lines[i]);
    }
    kk_free(notes->lines);
    *notes = (struct kk_config_notes){0};
}

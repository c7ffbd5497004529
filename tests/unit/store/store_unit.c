/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Helpers of the store tests.
 */
#include "store_unit.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"

char *unit_new_dir(void)
{
    const char *top = getenv("TMPDIR");
    char *dir = malloc(4096);
    assert_non_null(dir);
    (void)snprintf(dir, 4096, "%s/keykist-store-XXXXXX", top == NULL ? "/tmp" : top);
    assert_non_null(mkdtemp(dir));
    return dir;
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *walk)
{
    (void)status;
    (void)kind;
    (void)walk;
    return remove(path);
}

void unit_remove_dir(char *dir)
{
    (void)nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    free(dir);
}

const char *unit_path(const char *dir, const char *name)
{
    static char paths[8][4096];
    static size_t next;
    char *path = paths[next++ % 8];
    (void)snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    return path;
}

struct kk_uuid unit_uuid(uint32_t number)
{
    struct kk_uuid uuid = {{0}};
    kk_store_u32(uuid.bytes + 4, number);
    uuid.bytes[15] = (uint8_t)number;
    return uuid;
}

struct kk_store_tx *unit_begin(struct kk_store *store, enum kk_store_access access)
{
    struct kk_store_tx *tx = NULL;
    assert_ok(store->ops->begin(store, access, &tx));
    assert_non_null(tx);
    return tx;
}

void unit_put_row(struct kk_store_tx *tx, uint32_t table, uint32_t no, uint64_t generation,
                  const char *text)
{
    struct kk_store_row row = {.table = table, .no = no, .generation = generation};
    memset(row.tag, (int)(no & 0xff), sizeof row.tag);
    row.blob = KK_SPAN(text, strlen(text));
    assert_ok(tx->ops->row_put(tx, &row));
}

bool unit_row_is(struct kk_store_tx *tx, uint32_t table, uint32_t no, const char *text)
{
    struct kk_store_row row;
    struct kk_buffer blob = {0};
    CK_RV rv = tx->ops->row_get(tx, table, no, &row, &blob);
    bool is_it = rv == CKR_OK && kk_span_equal(kk_buffer_span(&blob), KK_SPAN(text, strlen(text)));
    kk_buffer_clear(&blob);
    return is_it;
}

struct kk_store *unit_new_token(struct kk_store_env *env, const char *name, const char *text)
{
    struct kk_store *store = NULL;
    assert_ok(env->ops->create(env, name, &store));
    unit_commit_row(store, 1, text);
    return store;
}

void unit_commit_row(struct kk_store *store, uint32_t no, const char *text)
{
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_WRITE);
    unit_put_row(tx, 1, no, 1, text);
    assert_ok(store->ops->commit(tx));
}

bool unit_reads_row(struct kk_store *store, uint32_t no, const char *text)
{
    struct kk_store_tx *tx = unit_begin(store, KK_STORE_READ);
    bool is_it = unit_row_is(tx, 1, no, text);
    store->ops->rollback(tx);
    return is_it;
}

void unit_put_object(struct kk_store_tx *tx, uint32_t number, bool is_private,
                     const int64_t columns[KK_STORE_COLUMNS])
{
    struct kk_store_object object = {.uuid = unit_uuid(number), .generation = number};
    object.is_private = is_private;
    memset(object.tag, (int)(number & 0xff), sizeof object.tag);
    for (uint32_t i = 0; i < KK_STORE_COLUMNS; i++) {
        if (columns[i] >= 0) {
            object.columns_set |= 1u << i;
            object.columns[i] = (uint64_t)columns[i];
        }
    }
    uint8_t bytes[4];
    kk_store_u32(bytes, number);
    object.blob = KK_SPAN_ARRAY(bytes);
    assert_ok(tx->ops->object_put(tx, &object));
}

pid_t unit_start_child(int (*function)(void *context), void *context)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)alarm(60); /* a child that hangs must not outlive the test */
        /* Not _exit(): a thread sanitizer counts threads there that exist in the parent alone. */
        (void)syscall(SYS_exit_group, function(context));
    }
    return child;
}

int unit_wait(pid_t child)
{
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int unit_in_child(int (*function)(void *context), void *context)
{
    return unit_wait(unit_start_child(function, context));
}

void unit_write_file(const char *path, const void *data, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

void unit_log_to(const char *path)
{
    kk_log_configure(KK_LOG_DEBUG, KK_LOG_FILE, path);
}

bool unit_file_holds(const char *path, const char *text)
{
    static char content[1 << 20];
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    size_t len = fread(content, 1, sizeof content - 1, file);
    assert_int_equal(fclose(file), 0);
    content[len] = '\0';
    return strstr(content, text) != NULL;
}

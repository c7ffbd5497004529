/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Recording and rebuilding. Nodes are files and directories by their inode, whatever their names;
 * records are what was done to them, in order.
 */
#include "disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io.h"

#define NODES_MAX 4096u
#define NO_NODE UINT32_MAX
#define SECTOR 512u

enum record_kind {
    RECORD_WRITE,
    RECORD_SIZE,
    RECORD_SYNC,
    RECORD_LINK,
    RECORD_UNLINK,
    RECORD_MOVE
};

struct record {
    enum record_kind kind;
    uint32_t node; /* the file, or the directory that a name is in */
    uint32_t child;
    char *name;
    char *to; /* RECORD_MOVE, in the same directory */
    off_t offset;
    size_t len;
    uint8_t *data;
};

struct node {
    dev_t device;
    ino_t inode;
    bool is_directory;
};

static struct node nodes[NODES_MAX];
static uint32_t node_count;
static struct record *records;
static unsigned record_count;
static unsigned record_room;

/* What the hook in front of a call leaves for the one behind it. */
static bool was_there;
static uint32_t moved;
static off_t write_offset;

static void *have(void *pointer)
{
    if (pointer == NULL) {
        guest_bail("no memory");
    }
    return pointer;
}

/* --- nodes ------------------------------------------------------------------------------------ */

static uint32_t add_node(const struct stat *status)
{
    if (node_count == NODES_MAX) {
        guest_bail("too many files");
    }
    nodes[node_count] = (struct node){.device = status->st_dev,
                                      .inode = status->st_ino,
                                      .is_directory = S_ISDIR(status->st_mode)};
    return node_count++;
}

/* The latest one: inodes are used again. */
static uint32_t node_of(const struct stat *status)
{
    for (uint32_t i = node_count; i-- > 0;) {
        if (nodes[i].inode == status->st_ino && nodes[i].device == status->st_dev) {
            return i;
        }
    }
    return NO_NODE;
}

static uint32_t node_of_fd(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? node_of(&status) : NO_NODE;
}

static uint32_t node_of_path(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? node_of(&status) : NO_NODE;
}

/* The directory that a path's last part is in. */
static uint32_t parent_of(const char *path, const char **ret_name)
{
    char dir[4200];
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        return NO_NODE;
    }
    (void)snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
    *ret_name = slash + 1;
    return node_of_path(dir);
}

/* --- recording -------------------------------------------------------------------------------- */

static void add_record(struct record record)
{
    if (record_count == record_room) {
        record_room = record_room * 2 + 64;
        records = have(realloc(records, record_room * sizeof *records));
    }
    records[record_count++] = record;
}

static void record_new(const char *path)
{
    struct stat status;
    const char *name = NULL;
    uint32_t parent = parent_of(path, &name);
    if (parent != NO_NODE && lstat(path, &status) == 0) {
        add_record((struct record){.kind = RECORD_LINK,
                                   .node = parent,
                                   .child = add_node(&status),
                                   .name = have(strdup(name))});
    }
}

static void record_write(const struct io_call *call, size_t len)
{
    uint32_t node = node_of_fd(call->fd);
    if (node != NO_NODE) {
        struct record record = {
            .kind = RECORD_WRITE, .node = node, .offset = write_offset, .len = len};
        record.data = have(malloc(len + 1));
        memcpy(record.data, call->data, len);
        add_record(record);
    }
}

static void record_name(const struct io_call *call)
{
    const char *name = call->path;
    uint32_t parent = call->fd >= 0 ? node_of_fd(call->fd) : parent_of(call->path, &name);
    if (parent == NO_NODE) {
        return;
    }
    struct record record = {.kind = RECORD_UNLINK, .node = parent, .name = have(strdup(name))};
    if (call->to != NULL) {
        const char *to = NULL;
        if (parent_of(call->to, &to) != parent) {
            guest_bail("the model has no renames into another directory: %s", call->to);
        }
        record.kind = RECORD_MOVE;
        record.child = moved;
        record.to = have(strdup(to));
    }
    add_record(record);
}

static int look_before(const struct io_call *call)
{
    struct stat status;
    if (call->path != NULL && call->fd < 0) {
        was_there = lstat(call->path, &status) == 0;
        moved = was_there ? node_of(&status) : NO_NODE;
    }
    if (call->kind == IO_WRITE) {
        write_offset = call->offset >= 0 ? call->offset : lseek(call->fd, 0, SEEK_CUR);
    }
    return 0;
}

static void note_after(const struct io_call *call, long result)
{
    if (result < 0) {
        return;
    }
    uint32_t node = NO_NODE;
    switch (call->kind) {
    case IO_CREATE:
        record_new(call->path);
        break;
    case IO_WRITE:
        record_write(call, (size_t)result);
        break;
    case IO_SIZE:
    case IO_SYNC:
        node = node_of_fd(call->fd);
        if (node != NO_NODE) {
            add_record((struct record){.kind = call->kind == IO_SYNC ? RECORD_SYNC : RECORD_SIZE,
                                       .node = node,
                                       .len = call->len});
        }
        break;
    case IO_NAME:
    case IO_REMOVE:
        if (strcmp(call->name, "mkdir") == 0) {
            record_new(call->path);
        } else {
            record_name(call);
        }
        break;
    case IO_OPEN:
    case IO_CHANGE:
    case IO_READ:
    case IO_LOOK:
    case IO_LOCK:
    case IO_MAP:
    case IO_PAGES:
    case IO_MEMORY:
    case IO_KINDS:
        break;
    }
}

static const struct io_hooks recorder = {.before = look_before, .after = note_after};

void disk_record(const char *root)
{
    struct stat status;
    if (stat(root, &status) != 0) {
        guest_bail("cannot look at %s", root);
    }
    (void)add_node(&status);
    io_hook(&recorder);
}

void disk_stop(void)
{
    io_hook(NULL);
}

unsigned disk_calls(void)
{
    return record_count;
}

bool disk_is_sync(unsigned boundary)
{
    return boundary > 0 && records[boundary - 1].kind == RECORD_SYNC;
}

/* --- building --------------------------------------------------------------------------------- */

struct building {
    unsigned boundary;
    enum disk_loss loss;
    uint32_t chance;            /* of 100, that something not synced is there */
    unsigned synced[NODES_MAX]; /* records of a node before this one are on the disk */
    bool *kept;                 /* per record */
};

static bool is_name_record(const struct record *record)
{
    return record->kind == RECORD_LINK || record->kind == RECORD_UNLINK ||
           record->kind == RECORD_MOVE;
}

static bool is_by_luck(const struct building *building, bool is_name)
{
    switch (building->loss) {
    case DISK_LOSES_ALL:
        return false;
    case DISK_LOSES_NOTHING:
        return true;
    case DISK_LOSES_NAMES:
        return !is_name && guest_random(100) < building->chance;
    case DISK_LOSES_SOME:
    case DISK_LOSSES:
        break;
    }
    return guest_random(100) < building->chance;
}

static void choose(struct building *building)
{
    memset(building->synced, 0, sizeof building->synced);
    building->kept = have(calloc(building->boundary + 1, sizeof *building->kept));
    building->chance = 10 + 40 * guest_random(3);
    for (unsigned i = 0; i < building->boundary; i++) {
        if (records[i].kind == RECORD_SYNC) {
            building->synced[records[i].node] = i;
        }
    }
    for (unsigned i = 0; i < building->boundary; i++) {
        building->kept[i] = i < building->synced[records[i].node] ||
                            is_by_luck(building, is_name_record(&records[i]));
    }
}

static void write_sectors(const struct building *building, int file, const struct record *record,
                          bool is_whole)
{
    for (size_t at = 0; at < record->len;) {
        size_t end = is_whole ? record->len
                              : (((size_t)record->offset + at) / SECTOR + 1) * SECTOR -
                                    (size_t)record->offset;
        end = end < record->len ? end : record->len;
        if ((is_whole || guest_random(100) < building->chance) &&
            pwrite(file, record->data + at, end - at, record->offset + (off_t)at) < 0) {
            guest_bail("cannot build a file: %s", strerror(errno));
        }
        at = end;
    }
}

/* A write that was not synced may be there in part. */
static void build_content(const struct building *building, uint32_t node, const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (file < 0) {
        guest_bail("cannot build %s: %s", path, strerror(errno));
    }
    for (unsigned i = 0; i < building->boundary; i++) {
        const struct record *record = &records[i];
        if (record->node != node || !building->kept[i]) {
            continue;
        }
        if (record->kind == RECORD_WRITE) {
            bool is_whole = i < building->synced[node] || building->loss == DISK_LOSES_NOTHING ||
                            guest_random(2) == 0;
            write_sectors(building, file, record, is_whole);
        } else if (record->kind == RECORD_SIZE && ftruncate(file, (off_t)record->len) != 0) {
            guest_bail("cannot build %s: %s", path, strerror(errno));
        }
    }
    (void)close(file);
}

/* What was stored through a mapping is there, or not, or rubbish: nobody may rely on it. */
static void spoil(const char *path)
{
    struct stat status;
    uint8_t rubbish[8];
    int file = open(path, O_RDWR | O_CLOEXEC);
    if (file >= 0 && fstat(file, &status) == 0 && guest_random(2) == 0) {
        uint32_t blocks = status.st_size > 4096 ? (uint32_t)(status.st_size / 64) : 1;
        for (unsigned i = 0; i < 64 && status.st_size > 0; i++) {
            for (size_t j = 0; j < sizeof rubbish; j++) {
                rubbish[j] = (uint8_t)guest_random(256);
            }
            off_t at = status.st_size == 4096 ? 0 : (off_t)guest_random(blocks) * 64;
            (void)!pwrite(file, rubbish, sizeof rubbish, at);
        }
    }
    if (file >= 0) {
        (void)close(file);
    }
}

static bool is_volatile(const char *name)
{
    for (const char *const *file = guest_kind()->volatile_files; *file != NULL; file++) {
        if (strcmp(*file, name) == 0) {
            return true;
        }
    }
    return false;
}

#define NAMES_MAX 512u

struct names {
    const char *names[NAMES_MAX];
    uint32_t nodes[NAMES_MAX];
    size_t count;
};

static void drop_name(struct names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->names[i], name) == 0) {
            names->names[i] = names->names[--names->count];
            names->nodes[i] = names->nodes[names->count];
            return;
        }
    }
}

static void put_name(struct names *names, const char *name, uint32_t node)
{
    drop_name(names, name);
    if (node == NO_NODE || names->count == NAMES_MAX) {
        guest_bail("a name the model does not know: %s", name);
    }
    names->names[names->count] = name;
    names->nodes[names->count++] = node;
}

static void build_directory(const struct building *building, uint32_t directory, const char *path)
{
    struct names names = {.count = 0};
    char child[4300];
    if (mkdir(path, 0700) != 0) {
        guest_bail("cannot build %s: %s", path, strerror(errno));
    }
    for (unsigned i = 0; i < building->boundary; i++) {
        const struct record *record = &records[i];
        if (record->node != directory || !building->kept[i] || !is_name_record(record)) {
            continue;
        }
        if (record->kind == RECORD_LINK) {
            put_name(&names, record->name, record->child);
        } else {
            drop_name(&names, record->name);
        }
        if (record->kind == RECORD_MOVE) {
            put_name(&names, record->to, record->child);
        }
    }
    for (size_t i = 0; i < names.count; i++) {
        (void)snprintf(child, sizeof child, "%s/%s", path, names.names[i]);
        if (nodes[names.nodes[i]].is_directory) {
            build_directory(building, names.nodes[i], child);
        } else {
            build_content(building, names.nodes[i], child);
            if (is_volatile(names.names[i])) {
                spoil(child);
            }
        }
    }
}

void disk_build(unsigned boundary, enum disk_loss loss, const char *to)
{
    static struct building building;
    building.boundary = boundary;
    building.loss = loss;
    choose(&building);
    build_directory(&building, 0, to);
    free(building.kept);
}

void disk_delete(const char *path)
{
    char child[4300];
    DIR *dir = opendir(path);
    const struct dirent *entry = NULL;
    while (dir != NULL && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            (void)snprintf(child, sizeof child, "%s/%s", path, entry->d_name);
            if (unlink(child) != 0) {
                disk_delete(child);
            }
        }
    }
    if (dir != NULL) {
        (void)closedir(dir);
    }
    (void)rmdir(path);
}

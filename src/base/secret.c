/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The arena of secrets: regions of locked pages between two guard pages, each cut into slots of one
 * size. A slot holds the secret's bytes and, right behind them, the canary. Which slots are free is
 * written in ordinary memory. A free slot is all zeroes.
 */
#include "base/secret.h"

#include "base/lock.h"
#include "base/memory.h"

#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/banned.h"

#define CANARY_SIZE 16
#define SMALLEST_SLOT 32
#define CLASS_COUNT 12 /* 32 << 11 is 64 KiB */
#define REGION_SIZE ((size_t)64 * 1024)
#define REGION_SIZE_MAX ((size_t)1024 * 1024)
#define OWN_MAPPING CLASS_COUNT /* the class of what is larger */

struct region {
    struct region *next;
    struct region *previous;
    uint8_t *slots; /* the first byte after the guard page */
    size_t size;    /* without the guard pages */
    size_t slot_size;
    unsigned int class;
    bool is_locked;
    bool is_wiped_on_fork;
    size_t slot_count;
    size_t free_count;
    uint16_t free_slots[]; /* a stack of free_count numbers */
};

struct kk_secret {
    uint8_t *data;
    size_t len;
    size_t capacity; /* the canary's place */
    struct region *region;
    unsigned int generation;
};

/* Regions with a free slot stand before those without, so the first one answers. */
struct region_list {
    struct region *first;
    struct region *last;
    size_t count;
    size_t empty_count; /* regions that hold no secret */
};

static struct {
    struct kk_mutex lock;
    struct region_list classes[CLASS_COUNT + 1];
    uint8_t canary[CANARY_SIZE];
    bool has_canary;
    pid_t pid;
    bool is_relock_due;      /* a forked child inherits no locked pages */
    unsigned int generation; /* counts forks: older secrets read as zeroes, canary and all */
    size_t in_use;
    size_t mapped;
    size_t unlocked; /* regions that could not be locked */
} arena = {.lock = KK_MUTEX_INITIALIZER(KK_RANK_ARENA)};

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void before_fork(void)
{
    (void)pthread_mutex_lock(&arena.lock.mutex);
}

static void after_fork_in_parent(void)
{
    (void)pthread_mutex_unlock(&arena.lock.mutex);
}

/* Where the kernel does not wipe for us, we do. The lock is this thread's: it took it before. */
static void after_fork_in_child(void)
{
    for (size_t class = 0; class <= CLASS_COUNT; class ++) {
        for (struct region *region = arena.classes[class].first; region != NULL;
             region = region->next) {
            if (!region->is_wiped_on_fork) {
                kk_wipe(region->slots, region->size);
            }
        }
    }
    arena.pid = getpid();
    arena.generation++;
    arena.is_relock_due = true;
    (void)pthread_mutex_unlock(&arena.lock.mutex);
}

/* At load, before any other layer's handlers: see log.c. */
static void __attribute__((constructor)) register_fork_handlers(void)
{
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void list_remove(struct region_list *list, struct region *region)
{
    *(region->previous != NULL ? &region->previous->next : &list->first) = region->next;
    *(region->next != NULL ? &region->next->previous : &list->last) = region->previous;
    region->next = NULL;
    region->previous = NULL;
    list->count--;
}

static void list_add_first(struct region_list *list, struct region *region)
{
    region->next = list->first;
    *(list->first != NULL ? &list->first->previous : &list->last) = region;
    list->first = region;
    list->count++;
}

static void list_add_last(struct region_list *list, struct region *region)
{
    region->previous = list->last;
    *(list->last != NULL ? &list->last->next : &list->first) = region;
    list->last = region;
    list->count++;
}

static void lock_pages(struct region *region)
{
    region->is_locked = mlock(region->slots, region->size) == 0;
    arena.unlocked += !region->is_locked;
}

static KK_RV map_pages(size_t size, uint8_t **ret_slots)
{
    size_t guard = page_size();
    size_t whole = 0;
    KK_ENSURE(kk_add(size, 2 * guard, &whole), CKR_HOST_MEMORY);
    uint8_t *start = mmap(NULL, whole, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    KK_ENSURE(start != MAP_FAILED, CKR_HOST_MEMORY);
    if (mprotect(start + guard, size, PROT_READ | PROT_WRITE) != 0) {
        (void)munmap(start, whole);
        return CKR_HOST_MEMORY;
    }
    *ret_slots = start + guard;
    return CKR_OK;
}

/* Caller holds the arena's lock, as everywhere below that takes a region. */
static void region_free(struct region *region)
{
    size_t guard = page_size();
    struct region_list *list = &arena.classes[region->class];
    list_remove(list, region);
    list->empty_count--;
    arena.mapped -= region->size;
    arena.unlocked -= !region->is_locked;
    (void)munmap(region->slots - guard, region->size + 2 * guard);
    kk_free(region);
}

static KK_RV region_new(unsigned int class, size_t slot_size, size_t size)
{
    size_t slot_count = size / slot_size;
    KK_CLEANUP(kk_freep) struct region *region = NULL;
    KK_TRY(kk_alloc(sizeof *region + slot_count * sizeof region->free_slots[0], &region));
    KK_TRY(map_pages(size, &region->slots));
    region->size = size;
    region->slot_size = slot_size;
    region->class = class;
    region->slot_count = slot_count;
    for (size_t i = slot_count; i-- > 0;) {
        region->free_slots[region->free_count++] = (uint16_t)i;
    }
    (void)madvise(region->slots, size, MADV_DONTDUMP);
    region->is_wiped_on_fork = madvise(region->slots, size, MADV_WIPEONFORK) == 0;
    lock_pages(region);
    arena.mapped += size;
    arena.classes[class].empty_count++;
    list_add_first(&arena.classes[class], KK_STEAL(region));
    return CKR_OK;
}

/* Each further region of a class is twice as large, so that a million secrets make hundreds of
 * mappings, not tens of thousands. */
static size_t region_size(unsigned int class)
{
    size_t size = REGION_SIZE;
    for (size_t i = 0; i < arena.classes[class].count && size < REGION_SIZE_MAX; i++) {
        size *= 2;
    }
    return size;
}

static KK_RV class_for(size_t needed, unsigned int *ret_class, size_t *ret_slot_size)
{
    size_t slot_size = SMALLEST_SLOT;
    for (unsigned int class = 0; class < CLASS_COUNT; class ++, slot_size *= 2) {
        if (needed <= slot_size) {
            *ret_class = class;
            *ret_slot_size = slot_size;
            return CKR_OK;
        }
    }
    size_t page = page_size();
    KK_ENSURE(needed <= PTRDIFF_MAX - page, CKR_HOST_MEMORY);
    *ret_class = OWN_MAPPING;
    *ret_slot_size = (needed + page - 1) / page * page;
    return CKR_OK;
}

static KK_RV region_with_room(size_t needed, struct region **ret_region)
{
    unsigned int class = 0;
    size_t slot_size = 0;
    KK_TRY(class_for(needed, &class, &slot_size));
    struct region_list *list = &arena.classes[class];
    if (class == OWN_MAPPING) {
        KK_TRY(region_new(class, slot_size, slot_size));
    } else if (list->first == NULL || list->first->free_count == 0) {
        KK_TRY(region_new(class, slot_size, region_size(class)));
    }
    *ret_region = list->first;
    return CKR_OK;
}

static uint8_t *slot_take(struct region *region)
{
    struct region_list *list = &arena.classes[region->class];
    list->empty_count -= region->free_count == region->slot_count;
    size_t slot = region->free_slots[--region->free_count];
    if (region->free_count == 0) {
        list_remove(list, region);
        list_add_last(list, region);
    }
    arena.in_use++;
    return region->slots + slot * region->slot_size;
}

/* Of several regions that hold nothing, one is kept for the next secret. */
static void slot_give_back(struct region *region, const uint8_t *data)
{
    struct region_list *list = &arena.classes[region->class];
    size_t slot = (size_t)(data - region->slots) / region->slot_size;
    region->free_slots[region->free_count++] = (uint16_t)slot;
    if (region->free_count == 1) {
        list_remove(list, region);
        list_add_first(list, region);
    }
    arena.in_use--;
    if (region->free_count == region->slot_count) {
        list->empty_count++;
        if (list->empty_count > 1 || region->class == OWN_MAPPING) {
            region_free(region);
        }
    }
}

/* The canary finds overruns. It is no secret itself, so a weak one is better than none. */
static void make_canary(void)
{
    if (!arena.has_canary) {
        memset(arena.canary, 0xc5, sizeof arena.canary);
        (void)!getrandom(arena.canary, sizeof arena.canary, GRND_NONBLOCK);
        arena.pid = getpid();
        arena.has_canary = true;
    }
}

static void relock_after_fork(void)
{
    if (!arena.is_relock_due) {
        return;
    }
    arena.is_relock_due = false;
    arena.unlocked = 0;
    for (size_t class = 0; class <= CLASS_COUNT; class ++) {
        for (struct region *region = arena.classes[class].first; region != NULL;
             region = region->next) {
            lock_pages(region);
        }
    }
}

static KK_RV secret_place(struct kk_secret *secret, size_t len)
{
    size_t needed = 0;
    KK_ENSURE(kk_add(len, CANARY_SIZE, &needed), CKR_HOST_MEMORY);
    KK_LOCK_SCOPE(&arena.lock);
    relock_after_fork();
    make_canary();
    KK_TRY(region_with_room(needed, &secret->region));
    secret->data = slot_take(secret->region);
    secret->generation = arena.generation;
    return CKR_OK;
}

KK_RV kk_secret_new(size_t len, struct kk_secret **ret_secret)
{
    KK_CLEANUP(kk_freep) struct kk_secret *secret = NULL;
    KK_TRY(kk_alloc(sizeof *secret, &secret));
    KK_TRY(secret_place(secret, len));
    secret->len = len;
    secret->capacity = len;
    memcpy(secret->data + len, arena.canary, CANARY_SIZE);
    *ret_secret = KK_STEAL(secret);
    return CKR_OK;
}

KK_RV kk_secret_from(struct kk_span span, struct kk_secret **ret_secret)
{
    struct kk_secret *secret = NULL;
    KK_TRY(kk_secret_new(span.len, &secret));
    if (span.len > 0) {
        memcpy(secret->data, span.data, span.len);
    }
    *ret_secret = secret;
    return CKR_OK;
}

KK_RV kk_secret_dup(const struct kk_secret *secret, struct kk_secret **ret_secret)
{
    return kk_secret_from(kk_secret_span(secret), ret_secret);
}

/* A child's inherited secrets read as zeroes. The process id tells a child that came about without
 * the fork handlers, by a system call of the application's own. */
static bool is_sound(const struct kk_secret *secret)
{
    return memcmp(secret->data + secret->capacity, arena.canary, CANARY_SIZE) == 0 ||
           secret->generation != arena.generation || getpid() != arena.pid;
}

void kk_secret_free(struct kk_secret *secret)
{
    if (secret == NULL) {
        return;
    }
    KK_ASSERT(is_sound(secret));
    kk_wipe(secret->data, secret->capacity + CANARY_SIZE);
    KK_WITH_LOCK(&arena.lock)
    {
        slot_give_back(secret->region, secret->data);
    }
    kk_free(secret);
}

void kk_secret_view(const struct kk_secret *secret, const uint8_t **ret_data, size_t *ret_len)
{
    *ret_data = secret->data;
    *ret_len = secret->len;
}

struct kk_span kk_secret_span(const struct kk_secret *secret)
{
    return KK_SPAN(secret->data, secret->len);
}

uint8_t *kk_secret_data(struct kk_secret *secret)
{
    return secret->data;
}

size_t kk_secret_len(const struct kk_secret *secret)
{
    return secret->len;
}

void kk_secret_truncate(struct kk_secret *secret, size_t len)
{
    KK_ASSERT(len <= secret->len);
    kk_wipe(secret->data + len, secret->len - len);
    secret->len = len;
}

bool kk_secret_equal(const struct kk_secret *a, const struct kk_secret *b)
{
    return a->len == b->len && kk_ct_equal(a->data, b->data, a->len);
}

void kk_secret_stats(struct kk_secret_stats *ret_stats)
{
    KK_LOCK_SCOPE(&arena.lock);
    *ret_stats = (struct kk_secret_stats){
        .in_use = arena.in_use,
        .mapped = arena.mapped,
        .locked = arena.unlocked == 0 && !arena.is_relock_due,
    };
}

void kk_wipe_range(struct kk_wipe_range *range)
{
    kk_wipe(range->data, range->len);
}

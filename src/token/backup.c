/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A token into a backup, and the first look at one.
 */
#include "token/backup.h"

#include <time.h>

#include "token/backup_file.h"
#include "token/token.h"

#include "base/banned.h"

KK_RV kk_backup_write(struct kk_token *token, const struct kk_backup_key *key,
                      const struct kk_backup_stream *to, struct kk_backup_info *ret_info)
{
    const struct kk_engine *engine = kk_token_engine(token);
    KK_CLEANUP(kk_buffer_clear) struct kk_buffer header = {0};
    KK_CLEANUP(kk_secret_freep) struct kk_secret *file_key = NULL;
    KK_CLEANUP(kk_backup_chunks_clear) struct kk_backup_chunks chunks = {0};
    struct kk_backup_info info = {.made_at = (uint64_t)time(NULL)};
    KK_TRY(kk_backup_header_make(engine->crypto, engine->settings.pin_kdf, key, &header,
                                 &info.sealing, &file_key));
    KK_TRY(kk_backup_chunks_begin(engine->crypto, file_key, to, &chunks));
    KK_TRY(to->write(to->context, kk_buffer_span(&header)));
    KK_TRY(kk_token_backup(token, &chunks, &info));
    *ret_info = info;
    return CKR_OK;
}

KK_RV kk_backup_look(const struct kk_backup_stream *from, struct kk_backup_sealing *ret_sealing)
{
    KK_CLEANUP(kk_backup_header_clear) struct kk_backup_header header = {0};
    KK_TRY(kk_backup_header_read(from, &header));
    *ret_sealing = header.sealing;
    return CKR_OK;
}

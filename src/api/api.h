/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The C_ functions, each with the application it is called for. Argument checks happen here, and
 * callers' templates and parameters are copied here; nothing below sees a caller's structure.
 */
#pragma once

#include "cryptoki/functions.h"
#include "session/app.h"

#define KK_API_DECLARE(name, params, app_params, args) CK_RV kk_api_##name app_params;
KK_CALLS(KK_API_DECLARE)
#undef KK_API_DECLARE

/* C_GetInfo for one interface version. */
CK_RV kk_api_get_info(struct kk_app *app, CK_VERSION version, CK_INFO *info);

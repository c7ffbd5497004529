/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sessions opened, users logged in.
 */
#include "cli/start.h"

#include "cli/report.h"

#include "base/banned.h"

KK_RV kk_cli_open_session(CK_FUNCTION_LIST_PTR p11, CK_SLOT_ID slot, CK_SESSION_HANDLE *ret_session)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = p11->C_OpenSession(slot, flags, NULL, NULL, ret_session);
    if (rv == CKR_SLOT_ID_INVALID) {
        return kk_cli_error("ERROR: The given slot does not exist.");
    }
    return rv == CKR_OK ? rv : kk_cli_error("ERROR: Could not open a session on the given slot.");
}

KK_RV kk_cli_log_in(CK_FUNCTION_LIST_PTR p11, CK_SESSION_HANDLE session, struct kk_secret *pin)
{
    CK_RV rv = p11->C_Login(session, CKU_USER, kk_secret_data(pin), (CK_ULONG)kk_secret_len(pin));
    if (rv == CKR_PIN_INCORRECT) {
        return kk_cli_error("ERROR: The given user PIN does not match the one in the token.");
    }
    if (rv != CKR_OK) {
        (void)kk_cli_error("ERROR: Could not log in on the token.");
        kk_cli_explain(rv);
    }
    return rv;
}

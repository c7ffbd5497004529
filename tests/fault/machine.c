/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * swtpm, and the commands of an administrator by tpm2-tss.
 */
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#include "guest.h"

/* ---- on and off ---- */

bool machine_possible(void)
{
    return system("swtpm --version >/dev/null 2>&1") == 0; /* NOLINT: a name in PATH is meant */
}

static void run_swtpm(const struct machine *machine)
{
    char state[4300];
    char server[4300];
    char control[4300];
    int nowhere = open("/dev/null", O_RDWR);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that ends leaves none behind */
    (void)dup2(nowhere, 1);
    (void)dup2(nowhere, 2);
    (void)snprintf(state, sizeof state, "dir=%s", machine->folder);
    (void)snprintf(server, sizeof server, "type=unixio,path=%s/s", machine->folder);
    (void)snprintf(control, sizeof control, "type=unixio,path=%s/s.ctrl", machine->folder);
    (void)execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state, "--server", server,
                 "--ctrl", control, "--flags", "not-need-init,startup-clear", (char *)NULL);
    _exit(127);
}

/* ---- talking with it ---- */

struct talk {
    TSS2_TCTI_CONTEXT *tcti;
    ESYS_CONTEXT *esys;
};

static bool begin(const struct machine *machine, struct talk *talk)
{
    *talk = (struct talk){0};
    if (Tss2_TctiLdr_Initialize(machine->tcti, &talk->tcti) != TSS2_RC_SUCCESS) {
        return false;
    }
    if (Esys_Initialize(&talk->esys, talk->tcti, NULL) != TSS2_RC_SUCCESS) {
        Tss2_TctiLdr_Finalize(&talk->tcti);
        return false;
    }
    return true;
}

static void end(struct talk *talk)
{
    Esys_Finalize(&talk->esys);
    Tss2_TctiLdr_Finalize(&talk->tcti);
}

static void need(TSS2_RC rc, const char *what)
{
    if (rc != TSS2_RC_SUCCESS) {
        guest_bail("swtpm: %s: 0x%x", what, rc);
    }
}

static void need_begin(const struct machine *machine, struct talk *talk)
{
    if (!begin(machine, talk)) {
        guest_bail("swtpm does not answer");
    }
}

void machine_on(struct machine *machine)
{
    struct talk talk;
    machine->pid = fork();
    if (machine->pid == 0) {
        run_swtpm(machine);
    }
    for (int i = 0; i < 500; i++) {
        if (begin(machine, &talk)) {
            end(&talk);
            return;
        }
        guest_sleep_ms(20);
    }
    guest_bail("swtpm does not start");
}

void machine_off(struct machine *machine)
{
    if (machine->pid > 0) {
        (void)kill(machine->pid, SIGKILL);
        (void)guest_wait(machine->pid);
        machine->pid = 0;
    }
}

void machine_make(struct machine *machine, const char *name)
{
    (void)snprintf(machine->folder, sizeof machine->folder, "%s/%s", guest_folder(), name);
    (void)snprintf(machine->tcti, sizeof machine->tcti, "swtpm:path=%s/s", machine->folder);
    if (mkdir(machine->folder, 0700) != 0) {
        guest_bail("cannot make %s", machine->folder);
    }
    machine_on(machine);
}

/* ---- what an administrator asks ---- */

static uint32_t property(const struct machine *machine, TPM2_PT which)
{
    struct talk talk;
    TPMI_YES_NO more = 0;
    TPMS_CAPABILITY_DATA *data = NULL;
    need_begin(machine, &talk);
    need(Esys_GetCapability(talk.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                            TPM2_CAP_TPM_PROPERTIES, which, 1, &more, &data),
         "properties");
    uint32_t value = data->data.tpmProperties.tpmProperty[0].value;
    Esys_Free(data);
    end(&talk);
    return value;
}

uint32_t machine_failures(const struct machine *machine)
{
    return property(machine, TPM2_PT_LOCKOUT_COUNTER);
}

bool machine_locked(const struct machine *machine)
{
    return (property(machine, TPM2_PT_PERMANENT) & TPMA_PERMANENT_INLOCKOUT) != 0;
}

void machine_unlock(const struct machine *machine)
{
    struct talk talk;
    need_begin(machine, &talk);
    need(Esys_DictionaryAttackLockReset(talk.esys, ESYS_TR_RH_LOCKOUT, ESYS_TR_PASSWORD,
                                        ESYS_TR_NONE, ESYS_TR_NONE),
         "unlocking");
    end(&talk);
}

void machine_extend(const struct machine *machine, uint32_t pcr)
{
    struct talk talk;
    TPML_DIGEST_VALUES values = {.count = 1};
    values.digests[0].hashAlg = TPM2_ALG_SHA256;
    need_begin(machine, &talk);
    need(Esys_PCR_Extend(talk.esys, ESYS_TR_PCR0 + pcr, ESYS_TR_PASSWORD, ESYS_TR_NONE,
                         ESYS_TR_NONE, &values),
         "extending");
    end(&talk);
}

uint32_t machine_left_behind(const struct machine *machine)
{
    /* Of objects, loaded and saved sessions; TSS's own names for them shift a sign bit. */
    static const uint32_t kinds[] = {0x80000000u, 0x02000000u, 0x03000000u};
    struct talk talk;
    uint32_t count = 0;
    need_begin(machine, &talk);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        TPMI_YES_NO more = 0;
        TPMS_CAPABILITY_DATA *data = NULL;
        need(Esys_GetCapability(talk.esys, ESYS_TR_NONE, ESYS_TR_NONE, ESYS_TR_NONE,
                                TPM2_CAP_HANDLES, kinds[i], 16, &more, &data),
             "handles");
        count += data->data.handles.count;
        Esys_Free(data);
    }
    end(&talk);
    return count;
}

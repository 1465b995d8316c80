/*
 * What the benchmark's host is: processor, kernel, and whether its KVM is hardware's.
 *
 * Source: Linux, /proc/cpuinfo (the flags vmx and svm are VT-x and AMD-V as this kernel sees them) and /sys/module.
 * KVM without either is a software KVM: a hypervisor that traps or translates privileged code.
 */
#include "ui/bench_host.h"

#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "accel/accel.h"
#include "ui/version.h"

/* The value of the first line of /proc/cpuinfo with this key. */
static bool cpuinfo(const char *key, char *value, size_t size)
{
    char *line = NULL;
    size_t room = 0;
    bool found = false;
    FILE *file = fopen("/proc/cpuinfo", "re");
    while (file && !found && getline(&line, &room, file) > 0) {
        char *colon = strchr(line, ':');
        if (!colon || strncmp(line, key, strlen(key)) != 0)
            continue;
        snprintf(value, size, "%s", colon + 1 + strspn(colon + 1, " \t"));
        value[strcspn(value, "\n")] = 0;
        found = true;
    }
    free(line);
    if (file)
        fclose(file);
    return found;
}

static bool has_flag(const char *flags, const char *flag)
{
    size_t length = strlen(flag);
    for (const char *at = strstr(flags, flag); at; at = strstr(at + 1, flag))
        if ((at == flags || at[-1] == ' ') && (at[length] == ' ' || !at[length]))
            return true;
    return false;
}

static const struct engine *find_engine(const char *name)
{
    for (unsigned i = 0; engines[i]; i++)
        if (!strcmp(engines[i]->name, name))
            return engines[i];
    return NULL;
}

static void describe_kvm(struct bench_table *table)
{
    static char flags[8192];
    struct error why = {""};
    const struct engine *kvm = find_engine("kvm");
    bool pvm = access("/sys/module/kvm_pvm", F_OK) == 0;
    if (!kvm || kvm->probe(&why) < 0) {
        snprintf(table->kvm_kind, sizeof(table->kvm_kind), "none");
        snprintf(table->kvm, sizeof(table->kvm), "none (%.150s)", kvm ? why.text : "not in this build");
        return;
    }
    if (cpuinfo("flags", flags, sizeof(flags)) && (has_flag(flags, "vmx") || has_flag(flags, "svm"))) {
        snprintf(table->kvm_kind, sizeof(table->kvm_kind), "hardware");
        snprintf(table->kvm, sizeof(table->kvm), "hardware (%s)", has_flag(flags, "vmx") ? "VT-x" : "AMD-V");
        return;
    }
    snprintf(table->kvm_kind, sizeof(table->kvm_kind), "software");
    snprintf(table->kvm, sizeof(table->kvm),
             "software (%sno vmx or svm in /proc/cpuinfo): says nothing about hardware KVM", pvm ? "kvm_pvm; " : "");
}

void bench_describe_host(struct bench_table *table)
{
    struct utsname name;
    char model[80] = "unknown processor";
    cpuinfo("model name", model, sizeof(model));
    snprintf(table->processor, sizeof(table->processor), "%s", model);
    snprintf(table->system, sizeof(table->system), "Linux");
    if (uname(&name) == 0)
        snprintf(table->system, sizeof(table->system), "%.20s %.60s", name.sysname, name.release);
    snprintf(table->version, sizeof(table->version), "%s", CLUTCH_VERSION);
    describe_kvm(table);
}

/*
 * What the benchmark's host is: processor, kernel, whether its KVM is hardware's, and what else it does.
 *
 * Source: Linux, /proc/cpuinfo (the flags vmx and svm are VT-x and AMD-V as this kernel sees them) and /sys/module;
 * Documentation/filesystems/proc.rst, "Miscellaneous kernel statistics in /proc/stat".
 * KVM without either is a software KVM: a hypervisor that traps or translates privileged code.
 */
#include "ui/bench_host.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "accel/accel.h"

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

static void describe_kvm(struct bench_host *host)
{
    static char flags[8192];
    struct error why = {""};
    const struct engine *kvm = find_engine("kvm");
    bool pvm = access("/sys/module/kvm_pvm", F_OK) == 0;
    if (!kvm || kvm->probe(&why) < 0) {
        snprintf(host->kvm_kind, sizeof(host->kvm_kind), "none");
        snprintf(host->kvm, sizeof(host->kvm), "none (%.150s)", kvm ? why.text : "not in this build");
        return;
    }
    if (cpuinfo("flags", flags, sizeof(flags)) && (has_flag(flags, "vmx") || has_flag(flags, "svm"))) {
        snprintf(host->kvm_kind, sizeof(host->kvm_kind), "hardware");
        snprintf(host->kvm, sizeof(host->kvm), "hardware (%s)", has_flag(flags, "vmx") ? "VT-x" : "AMD-V");
        return;
    }
    snprintf(host->kvm_kind, sizeof(host->kvm_kind), "software");
    snprintf(host->kvm, sizeof(host->kvm),
             "software (%sno vmx or svm in /proc/cpuinfo): says nothing about hardware KVM", pvm ? "kvm_pvm; " : "");
}

/* The first line of a file. */
static bool first_line(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    bool found = file && fgets(text, (int)size, file);
    if (file)
        fclose(file);
    if (found)
        text[strcspn(text, "\n")] = 0;
    return found;
}

static void describe_processors(struct bench_host *host)
{
    static char flags[8192];
    cpu_set_t set;
    snprintf(host->processor, sizeof(host->processor), "unknown processor");
    cpuinfo("model name", host->processor, sizeof(host->processor));
    host->virtual = cpuinfo("flags", flags, sizeof(flags)) && has_flag(flags, "hypervisor");
    host->online = (int)sysconf(_SC_NPROCESSORS_ONLN);
    host->processors = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : host->online;
    first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", host->governor, sizeof(host->governor));
}

void bench_describe_host(struct bench_host *host)
{
    struct utsname name;
    snprintf(host->system, sizeof(host->system), "Linux");
    if (uname(&name) == 0)
        snprintf(host->system, sizeof(host->system), "%.20s %.60s", name.sysname, name.release);
    if (getloadavg(&host->load, 1) != 1)
        host->load = -1;
    host->others = host->stolen = -1;
    describe_processors(host);
    describe_kvm(host);
}

/* --- who else was busy --------------------------------------------------------------------------------------------- */

static double seconds_of(struct timeval time)
{
    return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

bool bench_usage(struct bench_usage *usage)
{
    char text[512];
    double user, nice, system, idle, wait, irq, soft, stolen, tick = 1.0 / (double)sysconf(_SC_CLK_TCK);
    struct rusage own, children;
    if (!first_line("/proc/stat", text, sizeof(text)) ||
        sscanf(text, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle, &wait, &irq, &soft, &stolen) != 8)
        return false;
    getrusage(RUSAGE_SELF, &own);
    getrusage(RUSAGE_CHILDREN, &children);
    usage->own = seconds_of(own.ru_utime) + seconds_of(own.ru_stime) + seconds_of(children.ru_utime) +
                 seconds_of(children.ru_stime);
    usage->busy = (user + nice + system + irq + soft) * tick;
    usage->stolen = stolen * tick;
    usage->all = usage->busy + usage->stolen + (idle + wait) * tick;
    return true;
}

void bench_describe_disturbance(struct bench_host *host, const struct bench_usage *from, const struct bench_usage *to)
{
    double all = to->all - from->all;
    if (all < 1) /* too few clock ticks */
        return;
    host->others = MAX(0.0, (to->busy - from->busy) - (to->own - from->own)) / all;
    host->stolen = (to->stolen - from->stolen) / all;
}

/*
 * Is there a KVM on this host, may we use it, and is it new enough?  What to do about it if not.
 *
 * Source: Linux kernel documentation, virt/kvm/api: KVM_GET_API_VERSION, KVM_CHECK_EXTENSION; Debian's and systemd's rules for
 *   /dev/kvm (group kvm).
 */
#include <config.h>

#if CONFIG_KVM

#include "accel/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEVICE "/dev/kvm"

/* --- what to do about it --- */

/* Does a word stand in the line of /proc/cpuinfo that begins with `key`? */
static bool cpuinfo_has(const char *cpuinfo, const char *key, const char *word)
{
    const char *line = strstr(cpuinfo, key), *end = line ? strchr(line, '\n') : NULL;
    for (const char *at = line; at && (at = strstr(at, word)) && (!end || at < end); at++)
        if ((at[-1] == ' ' || at[-1] == '\t') && (!at[strlen(word)] || strchr(" \n", at[strlen(word)])))
            return true;
    return false;
}

const char *kvm_open_remedy(const char *cpuinfo, bool container)
{
    if (container)
        return "a container gets it by --device /dev/kvm, if its host has it";
    if (cpuinfo_has(cpuinfo, "flags", "vmx"))
        return "load its module: sudo modprobe kvm_intel (if that says 'not supported', the firmware has VT-x off)";
    if (cpuinfo_has(cpuinfo, "flags", "svm"))
        return "load its module: sudo modprobe kvm_amd (if that says 'not supported', the firmware has SVM off)";
    if (cpuinfo_has(cpuinfo, "flags", "hypervisor"))
        return "this is a virtual machine without nested virtualization: its host has to switch that on";
    return "the processor shows no virtualization: switch on VT-x or AMD-V (SVM) in the firmware, then modprobe kvm_intel or "
           "kvm_amd";
}

static bool in_container(void)
{
    return getenv("container") || access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

static int not_there(int code, struct error *why)
{
    char cpuinfo[8192] = "";
    FILE *file = fopen("/proc/cpuinfo", "re");
    size_t length = file ? fread(cpuinfo, 1, sizeof(cpuinfo) - 1, file) : 0;
    cpuinfo[length] = '\0';
    if (file)
        fclose(file);
    return error_set(why, code, DEVICE " is %s; %s", code == ENOENT ? "not there" : "a file without a KVM behind it",
                     kvm_open_remedy(cpuinfo, in_container()));
}

/* In the list of members, though not in the groups of this login. */
static bool is_member(const struct group *group)
{
    const struct passwd *user = getpwuid(geteuid());
    for (char **name = group->gr_mem; user && *name; name++)
        if (!strcmp(*name, user->pw_name))
            return true;
    return false;
}

/* Who may use it: a group, as most distributions have it, or its owner only. */
static int no_permission(struct error *why)
{
    struct stat status;
    bool shared = stat(DEVICE, &status) == 0 && (status.st_mode & 060) == 060;
    const struct group *group = shared ? getgrgid(status.st_gid) : NULL;
    if (!group)
        return error_set(why, EACCES, DEVICE ": permission denied; only its owner may use it (sudo setfacl -m u:$USER:rw "
                                      DEVICE ", or run with access to it)");
    if (is_member(group))
        return error_set(why, EACCES, DEVICE ": permission denied; you are in the group %s since this login began: log in again "
                                      "(or: newgrp %s)", group->gr_name, group->gr_name);
    return error_set(why, EACCES, DEVICE ": permission denied; join the group %s (sudo usermod -aG %s $USER, then log in "
                                  "again)", group->gr_name, group->gr_name);
}

/* --- is it there? --- */

int kvm_open(struct error *why)
{
    int fd = kvm_host->open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    switch (errno) {
    case ENOENT: /* ENODEV, ENXIO: the file alone, which systemd makes */
    case ENODEV:
    case ENXIO: return not_there(errno, why);
    case EACCES: return no_permission(why);
    case EPERM: /* control groups and sandboxes answer so */
        return error_set(why, EPERM, DEVICE ": not permitted here; %s",
                         in_container() ? kvm_open_remedy("", true) : "a container or sandbox has to be given it");
    default: return error_set(why, errno, DEVICE ": %s", strerror(errno));
    }
}

bool kvm_has(int fd, int capability) { return kvm_host->ioctl(fd, KVM_CHECK_EXTENSION, capability) > 0; }

int kvm_check(int fd, struct error *why)
{
    static const struct {
        int capability;
        const char *name;
    } needed[] = {{KVM_CAP_USER_MEMORY, "user memory"},
                  {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
                  {KVM_CAP_READONLY_MEM, "read-only memory"}};
    if (kvm_host->ioctl(fd, KVM_GET_API_VERSION, 0) != KVM_API_VERSION)
        return error_set(why, ENOTSUP, DEVICE ": not the KVM interface of version %d", KVM_API_VERSION);
    for (unsigned i = 0; i < ARRAY_SIZE(needed); i++)
        if (!kvm_has(fd, needed[i].capability))
            return error_set(why, ENOTSUP, DEVICE ": the host's KVM is too old (%s)", needed[i].name);
    return 0;
}

int kvm_probe(struct error *why)
{
    int fd = kvm_open(why);
    if (fd < 0)
        return fd;
    int r = kvm_check(fd, why);
    kvm_host->close(fd);
    return r;
}

#endif

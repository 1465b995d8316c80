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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#define DEVICE "/dev/kvm"

/* Who may use it: a group, as most distributions have it, or its owner only. */
static int no_permission(struct error *why)
{
    struct stat status;
    bool shared = stat(DEVICE, &status) == 0 && (status.st_mode & 060) == 060;
    const struct group *group = shared ? getgrgid(status.st_gid) : NULL;
    if (!group)
        return error_set(why, EACCES, DEVICE ": permission denied; only its owner may use it (sudo setfacl -m u:$USER:rw "
                                      DEVICE ", or run with access to it)");
    return error_set(why, EACCES, DEVICE ": permission denied; join the group %s (sudo usermod -aG %s $USER, then log in "
                                  "again) or run with access to it", group->gr_name, group->gr_name);
}

int kvm_open(struct error *why)
{
    int fd = kvm_host->open(DEVICE, O_RDWR | O_CLOEXEC);
    if (fd >= 0)
        return fd;
    switch (errno) {
    case ENOENT: /* ENODEV, ENXIO: the file alone, which systemd makes */
    case ENODEV:
    case ENXIO:
        return error_set(why, errno, DEVICE " is %s: load the module kvm_intel or kvm_amd, and enable virtualization "
                                     "in the firmware (in a virtual machine: nested)",
                         errno == ENOENT ? "not there" : "a file without a KVM behind it");
    case EACCES:
    case EPERM: return no_permission(why);
    default: return error_set(why, errno, DEVICE ": %s", strerror(errno));
    }
}

static bool has(int fd, int capability) { return kvm_host->ioctl(fd, KVM_CHECK_EXTENSION, capability) > 0; }

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
        if (!has(fd, needed[i].capability))
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

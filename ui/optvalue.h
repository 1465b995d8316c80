/*
 * The options whose values have a grammar of their own: key=value lists, sizes, drives.
 */
#ifndef UI_OPTVALUE_H
#define UI_OPTVALUE_H

#include "ui/options.h"

/* "64", "64M", "1G", "512K", "1.5G": bytes, a bare number in units of `unit`.  0, or -EINVAL. */
int optvalue_size(const char *text, u64 unit, u64 *bytes);
/* Decimal or 0x number up to max.  0, or -EINVAL and err, which names the option. */
int optvalue_number(const char *option, const char *text, u64 max, u64 *number, struct error *err);
/* Index of text in a NULL-terminated list, or -EINVAL and err with the nearest one. */
int optvalue_choice(const char *option, const char *text, const char *const *choices, struct error *err);
int optvalue_bool(const char *option, const char *text, bool *on, struct error *err);
/* Takes "key=value" up to a comma off *cursor; ",," stands for a comma.  A piece without "=" has value NULL. */
bool optvalue_pair(char **cursor, char **key, char **value);
/* A copy that lives as long as the options. */
char *optvalue_keep(struct options *options, const char *text);

/* Each fills options->machine from one option's value.  0, or -EINVAL and err. */
int optvalue_memory(struct options *options, const char *value, struct error *err);
int optvalue_machine(struct options *options, const char *value, struct error *err);
int optvalue_accel(struct options *options, const char *value, struct error *err); /* ui/optaccel.c */
int optvalue_add_accel(struct options *options, const char *name, struct error *err);
int optvalue_cpu(struct options *options, const char *value, struct error *err);
int optvalue_smp(struct options *options, const char *value, struct error *err);
int optvalue_drive(struct options *options, const char *value, struct error *err);
int optvalue_boot(struct options *options, const char *value, struct error *err);
int optvalue_rtc(struct options *options, const char *value, struct error *err);
int optvalue_icount(struct options *options, const char *value, struct error *err);
int optvalue_device(struct options *options, const char *value, struct error *err);
int optvalue_fw_cfg(struct options *options, const char *value, struct error *err);
int optvalue_smbios(struct options *options, const char *value, struct error *err);
int optvalue_name(struct options *options, const char *value, struct error *err);
int optvalue_global(struct options *options, const char *value, struct error *err);

/* -hda and its like.  `option` is the spelling the user gave. */
int optvalue_add_drive(struct options *options, const char *option, const struct drive_config *drive,
                       struct error *err);

extern const char *const optvalue_devices[];
extern const char *const optvalue_accels[];
extern const char *const optvalue_machines[];

#endif

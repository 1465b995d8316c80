/*
 * The monitor's switches of tracing: log, logfile, trace, info trace.
 */
#include <stdio.h>
#include <string.h>

#include "machine/trace.h"
#include "ui/monitor_commands.h"

static void select_categories(struct monitor *monitor, const char *list)
{
    struct error err;
    if (trace_select(list, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

/* log int,pic: these and no others. */
void monitor_log(struct monitor *monitor, char *args)
{
    char list[LINEEDIT_SIZE + 8];
    if (!*args) {
        monitor_print(monitor, "log which categories? e.g. log int,ide; log none; info trace lists them\n");
        return;
    }
    snprintf(list, sizeof(list), "-all,%s", args);
    select_categories(monitor, list);
}

/* trace ide on: one more or one less. */
void monitor_trace(struct monitor *monitor, char *args)
{
    char *name = monitor_word(&args), *how = monitor_word(&args), list[LINEEDIT_SIZE + 2];
    bool off = !strcmp(how, "off");
    if (!*name || *args || (*how && !off && strcmp(how, "on"))) {
        monitor_print(monitor, "write it as: trace CATEGORY on|off\n");
        return;
    }
    snprintf(list, sizeof(list), "%s%s", off ? "-" : "", name);
    select_categories(monitor, list);
}

void monitor_logfile(struct monitor *monitor, char *args)
{
    struct error err;
    char *path = monitor_word(&args);
    if (!*path)
        monitor_print(monitor, "log into which file?\n");
    else if (trace_open(path, &err) < 0)
        monitor_print(monitor, "%s\n", err.text);
}

void monitor_info_trace(struct monitor *monitor, char *args)
{
#define X(id, name, help)                                                                                              \
    monitor_print(monitor, "%-12s %-3s %s\n", name, trace_mask & 1ull << TRACE_##id ? "on" : "off", help);
    TRACE_CATEGORIES(X)
#undef X
}

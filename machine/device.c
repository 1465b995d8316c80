/*
 * The machine's list of chips, in the order in which they were added: reset goes through it front to back.
 */
#include "machine/device.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

void device_add(struct device_list *list, struct device *device, const struct device_ops *ops, void *state,
                const char *id)
{
    assert(!device_find(list, id));
    device->ops = ops;
    device->state = state;
    device->next = NULL;
    snprintf(device->id, sizeof(device->id), "%s", id);
    if (!list->last)
        list->last = &list->first;
    *list->last = device;
    list->last = &device->next;
}

void device_reset_all(struct device_list *list)
{
    for (struct device *device = list->first; device; device = device->next)
        if (device->ops->reset)
            device->ops->reset(device->state);
}

struct device *device_find(struct device_list *list, const char *id)
{
    for (struct device *device = list->first; device; device = device->next)
        if (!strcmp(device->id, id))
            return device;
    return NULL;
}

/*
 * A small writer of ACPI Machine Language, and of the resource descriptors inside it.
 *
 * Source: ACPI specification 2.0c, "ACPI Machine Language (AML) Specification", "Resource Data Types for ACPI".
 * Running out of memory sets `failed`, which is looked at once, at the end.
 */
#ifndef MACHINE_PC_AML_H
#define MACHINE_PC_AML_H

#include "machine/types.h"

#define AML_DEPTH 16

struct aml {
    u8 *data; /* malloc; the user's */
    u32 size, capacity;
    bool failed;
    int depth;
    u32 open[AML_DEPTH]; /* where each open package's length goes */
};

enum aml_op {
    AML_STORE = 0x70,
    AML_AND = 0x7b,
    AML_OR = 0x7d,
    AML_CREATE_DWORD_FIELD = 0x8a,
    AML_RETURN = 0xa4,
    AML_ARG0 = 0x68,
    AML_NO_TARGET = 0x00,
};

void aml_bytes(struct aml *aml, const void *data, u32 size);
void aml_byte(struct aml *aml, u8 value);
void aml_le(struct aml *aml, u64 value, unsigned bytes);

/* Terms.  A name string may start with a backslash and have parts divided by dots; parts are padded to four. */
void aml_name(struct aml *aml, const char *name);
void aml_int(struct aml *aml, u32 value);
void aml_string(struct aml *aml, const char *text);
void aml_eisa_id(struct aml *aml, const char *id); /* "PNP0303" */
void aml_buffer(struct aml *aml, const struct aml *content);

/* Name(n, ...): the value follows.  The others are whole. */
void aml_name_op(struct aml *aml, const char *name);
void aml_name_int(struct aml *aml, const char *name, u32 value);
void aml_name_eisa_id(struct aml *aml, const char *name, const char *id);
/* Name(n, ResourceTemplate), from descriptors written by res_*: appends the end tag and frees them. */
void aml_name_resources(struct aml *aml, const char *name, struct aml *resources);
void aml_resources(struct aml *aml, struct aml *resources);

/* Things with content: until aml_end. */
void aml_scope(struct aml *aml, const char *name);
void aml_device(struct aml *aml, const char *name);
void aml_method(struct aml *aml, const char *name, unsigned args, bool serialized);
void aml_package(struct aml *aml, u8 elements);
void aml_if(struct aml *aml); /* the condition follows */
void aml_end(struct aml *aml);

void aml_processor(struct aml *aml, const char *name, u8 id);
/* OperationRegion(name, PCI_Config, offset, length). */
void aml_pci_region(struct aml *aml, const char *name, u32 offset, u32 length);
/* Field(region, ByteAcc) { names[0], 8, ... } */
void aml_byte_fields(struct aml *aml, const char *region, const char *const *names, int count);

/* Resource descriptors. */
void res_io(struct aml *res, u16 base, u8 length);
void res_irq(struct aml *res, unsigned irq);        /* edge, active high: an ISA device's */
void res_dma(struct aml *res, unsigned channel);    /* 8 bits, not a bus master */
void res_pci_irqs(struct aml *res, const u32 *irqs, u8 count); /* level, active high, shared */
void res_bus_window(struct aml *res, u16 first, u16 last);
void res_io_window(struct aml *res, u16 first, u16 last);
void res_memory_window(struct aml *res, u32 first, u32 last, bool cacheable);

#endif

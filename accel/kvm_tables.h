/*
 * Page tables that stand in for the guest's while a KVM that gets user code only executes (kvm_tables.c).
 */
#ifndef ACCEL_KVM_TABLES_H
#define ACCEL_KVM_TABLES_H

#include "accel/kvm.h"

int kvm_tables_create(struct kvm *kvm, struct error *err);
void kvm_tables_destroy(struct kvm *kvm);
/* Makes the tables of the guest's CR3 ready, all entries being the guest's.  False: KVM has to forget old ones first. */
bool kvm_tables_select(struct kvm *kvm);
/* Guest physical address of what was selected. */
u64 kvm_tables_root(const struct kvm *kvm);
/* After an exit, machine lock not held: was a page missing that the guest maps?  Then it is there now. */
bool kvm_tables_resolve(struct kvm *kvm);
/* Has someone else written to pages with code since kvm_tables_select? */
bool kvm_tables_code_written(const struct kvm *kvm);
/* The memory map changed: nothing in the tables counts.  False: there was nothing. */
bool kvm_tables_forget_all(struct kvm *kvm);
/* Is an instruction in it, beginning in its first `starts` bytes, that would answer for the host's processor? */
bool kvm_tables_foreign(const u8 *code, size_t size, size_t starts);

#endif

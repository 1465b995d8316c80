/*
 * The block cache: decodes runs of instructions into ops, finds them again by physical address and mode, and forgets
 * them when their bytes are written.
 *
 * Blocks are keyed by physical address, so they survive task switches and shared pages; what depends on the linear
 * address is kept out of them (branches are relative to the block's start, EIP offsets are in the ops).  All memory
 * comes from one arena that is flushed as a whole when it is full.
 */
#include "cpu/block.h"
#include "cpu/coverage.h"
#include "cpu/system.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ARENA_SIZE (48u << 20)
/* Head, 32 ops (each with its coverage op), a pseudo-op and a link, a check and a breakpoint; and the bytes that they were decoded
 * from. */
#define BLOCK_SPACE (sizeof(struct block) + (2 * BLOCK_MAX_INSNS + 5) * sizeof(struct op))
#define CODE_SPACE (BLOCK_MAX_INSNS * 15)
#define NEW_PAGE_SPACE (2 * sizeof(struct code_page))

/* A physical page with decoded code in it. */
struct code_page {
    u64 phys;
    u64 granules; /* bit per 64 bytes that some block was made from */
    struct block *first;
    struct code_page *next;
};

_Static_assert(sizeof(struct link) == sizeof(struct op), "a link takes the place of an op");
_Static_assert(BLOCK_SPACE <= SCRATCH_SIZE, "the scratch block must hold a full one");
_Static_assert((u64)MODE_STEP << MODE_SHIFT < 1ull << EPOCH_SHIFT, "a mode is 5 bits");

struct block_cache *block_cache_create(void)
{
    struct block_cache *cache = calloc(1, sizeof(*cache));
    if (!cache)
        return NULL;
    cache->arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cache->scratch = calloc(1, SCRATCH_SIZE);
    if (cache->arena == MAP_FAILED || !cache->scratch) {
        if (cache->arena != MAP_FAILED)
            munmap(cache->arena, ARENA_SIZE);
        free(cache->scratch);
        free(cache);
        return NULL;
    }
    return cache;
}

void block_cache_destroy(struct block_cache *cache)
{
    if (!cache)
        return;
    munmap(cache->arena, ARENA_SIZE);
    free(cache->scratch);
    free(cache);
}

void block_flush_all(struct cpu *cpu)
{
    struct block_cache *cache = cpu->blocks;
    cache->used = 0;
    cache->flushes++;
    memset(cache->hash, 0, sizeof(cache->hash));
    memset(cache->pages, 0, sizeof(cache->pages));
    cpu->stats.flushes++;
}

/* --- pages with code --- */

static struct code_page **page_bucket(struct block_cache *cache, u64 phys)
{
    return &cache->pages[(phys >> 12) & (ARRAY_SIZE(cache->pages) - 1)];
}

static struct code_page *find_page(struct block_cache *cache, u64 phys)
{
    struct code_page *page = *page_bucket(cache, phys);
    while (page && page->phys != phys)
        page = page->next;
    return page;
}

static void *take(struct block_cache *cache, size_t size)
{
    void *memory = cache->arena + cache->used;
    cache->used += (size + 15) & ~(size_t)15;
    return memory;
}

static struct code_page *need_page(struct block_cache *cache, u64 phys)
{
    struct code_page *page = find_page(cache, phys);
    if (page)
        return page;
    struct code_page **bucket = page_bucket(cache, phys);
    page = take(cache, sizeof(*page));
    *page = (struct code_page){.phys = phys, .next = *bucket};
    return *bucket = page;
}

static u64 granule_mask(unsigned first, unsigned last)
{
    u64 up_to_last = last >> 6 == 63 ? ~0ull : (1ull << ((last >> 6) + 1)) - 1;
    return up_to_last & ~((1ull << (first >> 6)) - 1);
}

/* First and last byte of the block inside one of its pages. */
static void extent(const struct block *block, u64 page, unsigned *first, unsigned *last)
{
    unsigned offset = block->key & 0xfff;
    *first = page == block->page ? offset : 0;
    *last = page == block->page ? MIN(offset + block->bytes - 1, 4095u) : offset + block->bytes - 1 - 4096;
}

static struct block **page_link(struct block *block, u64 page) { return &block->page_next[page != block->page]; }

/* The page now holds decoded code: stores must be noticed. */
static void watch_page(struct cpu *cpu, const struct cpu_page *memory, u64 phys)
{
    if (memory->flags && !(__atomic_fetch_or(memory->flags, CPU_PAGE_CODE, __ATOMIC_SEQ_CST) & CPU_PAGE_CODE))
        tlb_protect_code(cpu, phys);
}

void cpu_watch_code(struct cpu *cpu, u64 phys)
{
    struct cpu_page memory;
    cpu->bus->page(cpu->board, phys & ~0xfffull, &memory);
    watch_page(cpu, &memory, phys & ~0xfffull);
}

static void add_to_page(struct cpu *cpu, struct block *block, u64 phys)
{
    struct code_page *page = need_page(cpu->blocks, phys);
    unsigned first, last;
    extent(block, phys, &first, &last);
    page->granules |= granule_mask(first, last);
    *page_link(block, phys) = page->first;
    page->first = block;
    struct cpu_page memory;
    cpu->bus->page(cpu->board, phys, &memory);
    watch_page(cpu, &memory, phys);
}

static void remove_from_page(struct block_cache *cache, struct block *block, u64 phys)
{
    struct code_page *page = find_page(cache, phys);
    for (struct block **at = &page->first; *at; at = page_link(*at, phys))
        if (*at == block) {
            *at = *page_link(block, phys);
            return;
        }
}

/* --- killing --- */

static void kill(struct cpu *cpu, struct block *block)
{
    struct block_cache *cache = cpu->blocks;
    for (struct block **at = &cache->hash[BLOCK_HASH(block->key & ((1ull << MODE_SHIFT) - 1))]; *at;
         at = &(*at)->hash_next)
        if (*at == block) {
            *at = block->hash_next;
            break;
        }
    remove_from_page(cache, block, block->page);
    if (block->page2 != block->page)
        remove_from_page(cache, block, block->page2);
    block->count = BLOCK_DEAD_COUNT;
    for (unsigned i = 0; i < block->op_count; i++)
        block->ops[i].fn = exec_stale;
    cpu->stats.blocks_killed++;
}

static void recompute_granules(struct code_page *page)
{
    page->granules = 0;
    for (struct block *block = page->first; block; block = *page_link(block, page->phys)) {
        unsigned first, last;
        extent(block, page->phys, &first, &last);
        page->granules |= granule_mask(first, last);
    }
}

/* One page's part of a write. */
static void written(struct cpu *cpu, u64 phys, unsigned length)
{
    u64 base = phys & ~0xfffull;
    unsigned from = phys & 0xfff, to = from + length - 1;
    struct code_page *page = find_page(cpu->blocks, base);
    if (page && !(page->granules & granule_mask(from, to)) && cpu->blocks->scratch->page != base)
        return;
    bool killed = false;
    struct block *next;
    for (struct block *block = page ? page->first : NULL; block; block = next) {
        unsigned first, last;
        next = *page_link(block, base);
        extent(block, base, &first, &last);
        if (from <= last && to >= first) {
            kill(cpu, block);
            killed = true;
        }
    }
    if (killed) {
        recompute_granules(page);
        cpu_trace(SMC, "code written at %llx, %u bytes", (unsigned long long)phys, length);
    }
    struct block *scratch = cpu->blocks->scratch;
    bool in_scratch = scratch->op_count && (scratch->page == base || scratch->page2 == base);
    if (in_scratch)
        for (unsigned i = 0; i < scratch->op_count; i++)
            scratch->ops[i].fn = exec_stale;
    if ((!page || !page->first) && !in_scratch && !cpu->bus->code_written) {
        struct cpu_page memory;
        cpu->bus->page(cpu->board, base, &memory);
        if (memory.flags)
            __atomic_and_fetch(memory.flags, (u8)~CPU_PAGE_CODE, __ATOMIC_SEQ_CST);
    }
}

void block_written(struct cpu *cpu, u64 phys, unsigned length)
{
    cpu->code_writes++;
    while (length) {
        unsigned part = MIN(length, 4096 - (unsigned)(phys & 0xfff));
        written(cpu, phys, part);
        phys += part;
        length -= part;
    }
}

/* --- lowering: a decoded instruction to an op --- */

extern const struct impl impl_mov_G_E, impl_mov_Z_I64;

static u8 register_operand(const struct insn *insn, enum reg_class class, u8 number)
{
    bool byte = class == CLASS_GPR8 || (class == CLASS_GPR && insn->size == SIZE_8);
    if (byte && !insn->rex && number >= 4 && number < 8)
        return (number - 4) * 8 + 1;
    return class >= CLASS_GPR && class <= CLASS_GPR64 ? number * 8 : number;
}

/* A displacement that an op can hold: 32 bits, sign-extended where addresses are wider. */
static bool displacement_fits(const struct insn *insn, i64 disp)
{
    return insn->address_size != SIZE_64 || disp == (i32)disp;
}

/* RIP-relative operands count from the block's start, so that cpu->rip serves as their base register. */
static void lower_memory(const struct insn *insn, unsigned offset, struct op *op)
{
    bool rip_relative = insn->base == BASE_RIP, vsib = insn->opcode->attr & ATTR_VSIB;
    i64 disp = insn->disp + (rip_relative ? offset + insn->length : 0);
    op->rm = (rip_relative ? RIP_SLOT : insn->base == NO_REG ? REG_ZERO : insn->base) * 8;
    op->index = (insn->index == NO_REG || vsib ? REG_ZERO : insn->index) * 8;
    if (vsib)
        op->imm |= insn->index;
    op->mem = OP_MEMORY | (insn->index == NO_REG ? 0 : insn->scale) | insn->segment << 2 |
              (rip_relative ? OP_RIP_RELATIVE : 0);
    op->disp = disp;
}

static unsigned form_of(const struct cpu *cpu, const struct insn *insn)
{
    if (!insn->memory) {
        if (!(insn->opcode->attr & ATTR_STACK))
            return FORM_REG;
        return cpu->mode & MODE_CODE64 ? FORM_REG64 : cpu->mode & MODE_FLAT ? FORM_REG : FORM_REG_SEG;
    }
    if (cpu->mode & MODE_CODE64)
        return insn->address_size == SIZE_64 && insn->segment < FS ? FORM_M64 : FORM_M64X;
    bool flat = (cpu->mode & MODE_FLAT) && insn->address_size == SIZE_32 &&
                (insn->segment == DS || insn->segment == ES || insn->segment == SS);
    return !flat ? FORM_SEG : insn->index == NO_REG ? FORM_BD : FORM_SIB;
}

/* `start` and `target` are offsets in the block's page. */
static unsigned branch_form(const struct cpu *cpu, const struct insn *insn, i64 next, i64 target)
{
    bool cross = target < 0 || target > 4095 || ((insn->opcode->attr & ATTR_COND) && next > 4095);
    if (cpu->mode & MODE_CODE64)
        return cross ? BRANCH_CROSS64 : BRANCH_NEAR64;
    if (cpu->mode & MODE_FLAT)
        return cross ? BRANCH_CROSS : BRANCH_NEAR;
    return cross ? BRANCH_CROSS_SEG : BRANCH_NEAR_SEG;
}

/* `page_offset`: of the block's first byte; `offset`: of the instruction in the block. */
static void lower(struct cpu *cpu, const struct insn *insn, unsigned page_offset, unsigned offset, struct op *op)
{
    const struct opcode *opcode = insn->opcode;
    *op = (struct op){
        .reg = register_operand(insn, opcode->reg_class, insn->reg),
        .ip = offset,
        .length = insn->length,
        .size = insn->size,
        .address = insn->address_size,
        .rep = insn->rep,
        .lock = insn->lock,
        .rex = insn->rex != 0,
        .l = insn->vex.l,
        .imm = insn->imm,
        .index = REG_ZERO * 8,
        .mem = insn->segment << 2,
    };
    unsigned form;
    if (insn->memory)
        lower_memory(insn, offset, op);
    else
        op->rm = register_operand(insn, opcode->rm_class, insn->rm), op->disp = insn->disp;
    if (opcode->attr & ATTR_BRANCH) {
        op->imm = offset + insn->length + insn->imm;
        op->disp = offset + insn->length;
        form = branch_form(cpu, insn, (i64)page_offset + op->disp, (i64)page_offset + (i32)op->imm);
    } else {
        form = form_of(cpu, insn);
        if (opcode->impl == &impl_mov_Z_I64)
            op->disp = insn->imm >> 32;
        if (insn->imm2)
            op->disp = insn->imm2;
        if (opcode->attr & ATTR_X87) /* the last opcode, as FNSTENV stores it */
            op->imm = (insn->opcode_byte & 7) << 8 | insn->modrm;
    }
    op->fn = opcode->impl->fn[insn->size][form];
    if (insn->memory && !displacement_fits(insn, insn->disp)) { /* MOV with a 64-bit absolute address */
        op->imm = (u64)insn->disp >> 32;
        op->fn = opcode->impl == &impl_mov_G_E ? exec_load_absolute : exec_store_absolute;
    }
    if (!op->fn) {
        cpu_trace(UNIMP, "no handler for %s (size %u, form %u)", opcode->mnemonic, insn->size, form);
        op->fn = opcode_invalid.impl->fn[SIZE_32][FORM_REG];
    }
}

/* --- building --- */

struct builder {
    struct cpu *cpu;
    struct block *block;
    struct decoder decoder;
    struct cpu_page page; /* the page being decoded */
    u64 phys;             /* of the block's first byte */
    u64 linear;
    u64 page2;
    unsigned count, ops, bytes, max;
    bool cached, exact_limit;
    bool ended; /* by a branch or an END op: no fall-through */
};

static void read_code(struct cpu *cpu, const struct cpu_page *page, u64 phys, u8 *bytes, unsigned length)
{
    for (unsigned i = 0; i < length; i++)
        bytes[i] = page->host ? page->host[(phys + i) & 0xfff] : cpu->bus->read(cpu->board, phys + i, 1);
}

/* Decodes the instruction at `offset` in the block.  False: it does not belong into this block. */
static bool next_instruction(struct builder *b, struct insn *insn)
{
    struct cpu *cpu = b->cpu;
    unsigned at = (b->phys & 0xfff) + b->bytes;
    unsigned available = at < 4096 ? MIN(15u, 4096 - at) : 0;
    u8 bytes[16];
    if (!available)
        return false;
    const u8 *code = bytes;
    if (b->page.host)
        code = b->page.host + at;
    else
        read_code(cpu, &b->page, (b->phys & ~0xfffull) + at, bytes, available);
    if (decode(&b->decoder, code, available, insn))
        return true;
    if (b->count) /* crosses into the next page: a block of its own */
        return false;
    if ((cpu->mode & MODE_LIMIT) && cpu->rip + available > cpu->seg[CS].limit)
        raise_gp(cpu, 0); /* before its page is looked at */
    u64 next = (b->linear + available) & cpu->code_mask;
    struct cpu_page second;
    if (code != bytes)
        memcpy(bytes, code, available);
    b->page2 = mmu_fetch(cpu, next) & ~0xfffull;
    cpu->bus->page(cpu->board, b->page2, &second);
    if (!second.host)
        b->cached = false;
    read_code(cpu, &second, b->page2, bytes + available, 15 - available);
    b->max = 1;
    if (!decode(&b->decoder, bytes, 15, insn))
        insn->opcode = &opcode_too_long, insn->length = 15;
    return true;
}

/* SDM vol. 3A, "Limit Checking": every byte of an instruction must lie within CS.limit. */
static bool beyond_limit(const struct builder *b, const struct insn *insn)
{
    const struct cpu *cpu = b->cpu;
    if (!b->exact_limit || (cpu->mode & MODE_CODE64))
        return false;
    return cpu->rip + b->bytes + insn->length - 1 > cpu->seg[CS].limit;
}

static void append_pseudo(struct builder *b, void (*fn)(void), unsigned left)
{
    b->block->ops[b->ops++] = (struct op){.fn = fn, .ip = b->bytes, .left = left, .disp = b->bytes};
}

/* Rows that the table does not have, and what coverage.h says of faults. */
static void append_coverage(struct builder *b, const struct insn *insn)
{
    unsigned row = insn->opcode - opcode_table;
    if (insn->opcode == &opcode_invalid || insn->opcode == &opcode_too_long)
        return;
    unsigned at = coverage_index(row, b->decoder.code_size - SIZE_16);
    append_pseudo(b, exec_cover, 0);
    b->block->ops[b->ops - 1].imm = at;
    b->block->ops[b->ops - 1].reg = (insn->opcode->attr & ATTR_FAULTS) != 0;
}

static void append_instruction(struct builder *b, const struct insn *insn)
{
    if (unlikely(coverage_map != NULL))
        append_coverage(b, insn);
    lower(b->cpu, insn, b->phys & 0xfff, b->bytes, &b->block->ops[b->ops++]);
    b->bytes += insn->length;
    b->count++;
    b->ended = insn->opcode->attr & (ATTR_END | ATTR_BRANCH | ATTR_INDIRECT);
}

static void finish(struct builder *b)
{
    struct block *block = b->block;
    if (!b->ended) {
        bool cross = (b->phys & 0xfff) + b->bytes > 4095;
        append_pseudo(b, !b->cached ? exec_leave : cross ? exec_fallthrough_cross : exec_fallthrough_near, 0);
    }
    struct link *link = (struct link *)&block->ops[b->ops];
    *link = (struct link){{NULL, NULL}, 0};
    unsigned left = b->count;
    for (unsigned i = 0; i < b->ops; i++) {
        if (block->ops[i].length)
            block->ops[i].left = left--;
        else if (block->ops[i].fn == exec_cover || block->ops[i].fn == exec_breakpoint)
            block->ops[i].left = left;
    }
    block->count = b->count;
    block->bytes = b->bytes;
    block->op_count = b->ops;
    block->page = b->phys & ~0xfffull;
    block->page2 = b->page2;
    block->key = b->phys | b->cpu->mode_key;
}

static void trace_block(struct cpu *cpu, const struct builder *b)
{
    unsigned at = 0;
    cpu_trace_line(CPU_TRACE_IN_ASM, "block at %llx (physical %llx), mode %x", (unsigned long long)cpu->rip,
                   (unsigned long long)b->phys, cpu->mode);
    for (unsigned i = 0; i < b->count; i++) {
        struct insn insn;
        char text[120];
        u8 bytes[15];
        for (unsigned k = 0; k < sizeof(bytes); k++)
            if (!cpu_read_debug(cpu, (b->linear + at + k) & cpu->code_mask, &bytes[k], 1))
                bytes[k] = 0;
        if (!decode(&b->decoder, bytes, 15, &insn))
            break;
        disassemble(&insn, cpu->rip + at, text, sizeof(text));
        cpu_trace_line(CPU_TRACE_IN_ASM, "  %08llx: %s", (unsigned long long)(cpu->rip + at), text);
        at += insn.length;
    }
}

/* A debugger's breakpoint may lie at the next instruction, which then begins a block. */
static bool may_break(const struct builder *b)
{
    const struct debugger *debugger = &b->cpu->debugger;
    return unlikely(debugger->breakpoints) && debugger_breaks_at_offset(debugger, b->phys + b->bytes);
}

static struct block *build(struct cpu *cpu, u64 linear, u64 phys, unsigned max, bool cached)
{
    struct builder b = {
        .cpu = cpu,
        .phys = phys,
        .linear = linear,
        .page2 = phys & ~0xfffull,
        .max = max,
        .cached = cached,
        .exact_limit = !cached,
        .decoder = {.code_size = SIZE_16 + (cpu->mode & MODE_CODE), .features = cpu->features},
    };
    cpu->bus->page(cpu->board, phys & ~0xfffull, &b.page);
    if (!b.page.host)
        b.cached = false, b.exact_limit = true;
    struct insn insn;
    bool first = next_instruction(&b, &insn); /* may fault */
    (void)first;
    if (beyond_limit(&b, &insn))
        raise_gp(cpu, 0);
    bool check = b.cached && ((cpu->mode & MODE_LIMIT) || b.page2 != (phys & ~0xfffull));
    b.block = b.cached ? (struct block *)(cpu->blocks->arena + cpu->blocks->used) : cpu->blocks->scratch;
    if (check)
        append_pseudo(&b, exec_check, 0);
    if (cached && may_break(&b)) /* block_build_short is for who has looked */
        append_pseudo(&b, exec_breakpoint, 0);
    do
        append_instruction(&b, &insn);
    while (!b.ended && b.count < b.max && !may_break(&b) && next_instruction(&b, &insn) && !beyond_limit(&b, &insn));
    finish(&b);
    if (!b.cached && b.count > 1) /* it may write into itself */
        watch_page(cpu, &b.page, phys & ~0xfffull);
    if (check)
        b.block->ops[0].left = b.count;
    if (cpu_tracing(IN_ASM))
        trace_block(cpu, &b);
    return b.block;
}

/* --- blocks from before another engine ran --- */

static u8 *code_of(struct block *block) { return (u8 *)&block->ops[block->op_count + 1]; }

static const u8 *host_page(struct cpu *cpu, u64 phys)
{
    struct cpu_page page;
    cpu->bus->page(cpu->board, phys, &page);
    return page.host;
}

/* Keeps the bytes that the block was made from. */
static void save_code(struct cpu *cpu, struct block *block)
{
    unsigned offset = block->key & 0xfff, first = MIN(block->bytes, 4096 - offset);
    memcpy(code_of(block), host_page(cpu, block->page) + offset, first);
    if (first < block->bytes)
        memcpy(code_of(block) + first, host_page(cpu, block->page2), block->bytes - first);
}

static bool same_code(struct cpu *cpu, struct block *block)
{
    unsigned offset = block->key & 0xfff, first = MIN(block->bytes, 4096 - offset);
    const u8 *host = host_page(cpu, block->page);
    if (!host || memcmp(code_of(block), host + offset, first))
        return false;
    if (first == block->bytes)
        return true;
    host = host_page(cpu, block->page2);
    return host && !memcmp(code_of(block) + first, host, block->bytes - first);
}

/* Is it still what memory holds?  Its links may lead to blocks that are not, so they are made anew. */
static bool renew(struct cpu *cpu, struct block *block)
{
    if (!same_code(cpu, block)) {
        kill(cpu, block);
        return false;
    }
    struct link *link = (struct link *)&block->ops[block->op_count];
    link->to[0] = link->to[1] = NULL;
    block->key = (block->key & ~EPOCH_MASK) | (cpu->mode_key & EPOCH_MASK);
    return true;
}

void cpu_memory_changed(struct cpu *cpu)
{
    cpu->blocks->epoch++;
    if (!(cpu->blocks->epoch << EPOCH_SHIFT)) /* keys have no room for more */
        block_flush_all(cpu);
    cpu->mode_key = block_mode_key(cpu);
}

/* Takes the block just built at the end of the arena into the cache. */
static void keep(struct cpu *cpu, struct block *block)
{
    struct block_cache *cache = cpu->blocks;
    take(cache, sizeof(*block) + (block->op_count + 1) * sizeof(struct op) + block->bytes);
    save_code(cpu, block);
    struct block **bucket = &cache->hash[BLOCK_HASH(block->key & ((1ull << MODE_SHIFT) - 1))];
    block->hash_next = *bucket;
    *bucket = block;
    add_to_page(cpu, block, block->page);
    if (block->page2 != block->page)
        add_to_page(cpu, block, block->page2);
    cpu->stats.blocks_built++;
}

struct block *block_find(struct cpu *cpu)
{
    u64 linear = (cpu->code_base + cpu->rip) & cpu->code_mask;
    u64 phys = mmu_fetch(cpu, linear);
    u64 key = phys | cpu->mode_key;
    for (struct block *block = cpu->blocks->hash[BLOCK_HASH(phys)]; block; block = block->hash_next)
        if (!((block->key ^ key) & ~EPOCH_MASK)) {
            if (likely(block->key == key) || renew(cpu, block))
                return block;
            break;
        }
    if (cpu->blocks->used + BLOCK_SPACE + CODE_SPACE + NEW_PAGE_SPACE > ARENA_SIZE)
        block_flush_all(cpu);
    struct block *block = build(cpu, linear, phys, BLOCK_MAX_INSNS, true);
    if (block != cpu->blocks->scratch)
        keep(cpu, block);
    return block;
}

struct block *block_build_short(struct cpu *cpu, unsigned limit)
{
    u64 linear = (cpu->code_base + cpu->rip) & cpu->code_mask;
    return build(cpu, linear, mmu_fetch(cpu, linear), MIN(limit, BLOCK_MAX_INSNS), false);
}

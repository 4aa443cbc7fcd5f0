/* Executed instructions by layer, for qemu's user mode: a plugin for `fit_arm_cost.py`, which says what it is for.

   gcc -O2 -shared -fPIC -o layer_counts.so layer_counts.c
   qemu-aarch64 -plugin ./layer_counts.so,start=0xADDRESS,end=0xADDRESS PROGRAM

   Between `start` and `end` lies the function that calls the layers one after the other. Whatever runs belongs to the last call
   that left it, but for its own instructions, which belong to a call at address 0. At the end, a line for each such call in the order of their first execution: its address, how often it was
   executed, and all instructions since; on standard error. The few functions of the plugin interface are declared here, so that
   no header of the emulator is needed. */

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
struct qemu_plugin_insn;
struct qemu_info_t;
typedef void (*translated)(plugin_id, struct qemu_plugin_tb *);
typedef void (*executed)(unsigned, void *);
typedef void (*ended)(plugin_id, void *);

void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, translated);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *, executed, int, void *);
void qemu_plugin_register_atexit_cb(plugin_id, ended, void *);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *, size_t);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *);

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

/* A call in the function, or the function itself. */
struct call {
    uint64_t address, times, instructions;
};

/* How often a call executed a block. */
struct share {
    const struct call *call;
    uint64_t times;
    struct share *next;
};

/* Instructions without a jump between them, and the call that they end with, if they lie in the function. */
struct block {
    uint64_t address, instructions;
    struct call call;
    bool calls, seen;
    struct share *shares;
    struct block *next;
};

static uint64_t start, end;
static struct call own;
static struct call *current = &own;
static struct call *order[4096];
static size_t calls;
static struct block *blocks;

/* The last call's share is the first of the list: most blocks run many times in a row for one call. */
static void count(struct block *block) {
    struct share **at = &block->shares;
    struct share *found;
    while (*at && (*at)->call != current) at = &(*at)->next;
    found = *at ? *at : calloc(1, sizeof *found);
    if (*at) *at = found->next;
    found->call = current;
    found->times++;
    found->next = block->shares;
    block->shares = found;
}

static void run(unsigned cpu, void *data) {
    struct block *block = data;
    (void)cpu;
    if (block->address >= start && block->address < end) current = &own;
    current->instructions += block->instructions;
    count(block);
    if (block->calls) {
        if (!block->seen && calls < sizeof order / sizeof *order) {
            block->seen = true;
            order[calls++] = &block->call;
        }
        block->call.times++;
        current = &block->call;
    }
}

static void translate(plugin_id id, struct qemu_plugin_tb *tb) {
    struct block *block = calloc(1, sizeof *block);
    size_t length = qemu_plugin_tb_n_insns(tb);
    uint32_t last;
    (void)id;
    memcpy(&last, qemu_plugin_insn_data(qemu_plugin_tb_get_insn(tb, length - 1)), sizeof last);
    block->instructions = length;
    block->call.address = qemu_plugin_tb_vaddr(tb) + 4 * (length - 1);
    /* bl */
    block->calls = block->call.address >= start && block->call.address < end && last >> 26 == 0x25;
    block->address = qemu_plugin_tb_vaddr(tb);
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, run, 0, block);
}

static void report(plugin_id id, void *data) {
    (void)id;
    (void)data;
    fprintf(stderr, "call 0 1 %" PRIu64 "\n", own.instructions);
    for (size_t i = 0; i < calls; i++) {
        fprintf(stderr, "call %" PRIx64 " %" PRIu64 " %" PRIu64 "\n", order[i]->address, order[i]->times, order[i]->instructions);
    }
    for (const struct block *block = blocks; block; block = block->next) {
        for (const struct share *share = block->shares; share; share = share->next) {
            fprintf(stderr, "block %" PRIx64 " %" PRIu64 " %" PRIu64 " %" PRIx64 "\n", block->address, block->instructions, share->times,
                    share->call->address);
        }
    }
}

__attribute__((visibility("default"))) int qemu_plugin_install(plugin_id id, const struct qemu_info_t *info, int argc, char **argv) {
    (void)info;
    for (int i = 0; i < argc; i++) {
        sscanf(argv[i], "start=%" SCNx64, &start);
        sscanf(argv[i], "end=%" SCNx64, &end);
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
    qemu_plugin_register_atexit_cb(id, report, NULL);
    return 0;
}

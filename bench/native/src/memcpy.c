/* memcpy within one process: how long a copy of so many bytes takes, from a source and to a target that rotate through 4 MiB, as the
 * rings of the benchmark do. It is a publisher with nobody to send to. */
#include "side.h"

static char *from, *to;
static size_t slots, slot;

static void peer_open(const char *out, const char *in) {
    (void)out;
    (void)in;
    slots = (4u << 20) / opt.size;
    if (slots < 4) slots = 4;
    from = memory(opt.size);
    to = memory(slots * opt.size);
}

static void *peer_room(bool *fresh) {
    *fresh = false;
    return from;
}

static void peer_send(void) {
    memcpy(to + slot * opt.size, from, opt.size);
    slot = (slot + 1) % slots;
}

static const void *peer_take(void) { return to; }
static void peer_give(void) {}
static void peer_close(void) {}

/* The life of a process of the benchmark, for peers in C and C++; package peers has the same in Go. A peer has to define the functions
 * declared here, and include this file once. */
#ifndef SIDE_H
#define SIDE_H

#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
    bool publisher, latency, spin;
    size_t size;
    int pubs, subs, index, queue; /* queue: messages that a subscriber's queue holds, for those who can be told; 0: as many as it likes */
    const char *dir, *addr;
} opt;

/* peer_open connects, and returns when the other side is there. out and in are channels, or NULL. */
static void peer_open(const char *out, const char *in);
/* peer_room is where the next message is to be; *fresh says that it may hold anything. */
static void *peer_room(bool *fresh);
static void peer_send(void);
/* peer_take waits for the next message, which is good until peer_give. */
static const void *peer_take(void);
static void peer_give(void);
static void peer_close(void);

/* fail is the last word of a process. */
static void fail(const char *what, const char *why) {
    printf("{\"err\":\"%s: %s\"}\n", what, why);
    fflush(stdout);
    exit(1);
}

/* memory is all there when it is returned. Pages that nothing was ever stored to are one page of zeros, which lies in the nearest cache. The compiler
 * must not take the stores for needless. */
static void *memory(size_t n) {
    volatile char *b = (volatile char *)calloc(1, n);
    if (!b) fail("calloc", "there is no memory");
    for (size_t i = 0; i < n; i += 4096) b[i] = 0;
    return (void *)b;
}

/* relax is what a spinning loop does. */
static inline void relax(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb");
#endif
}

static inline int senders(const char *channel) { return *channel == 'a' ? opt.pubs : 1; }
static inline int receivers(const char *channel) { return *channel == 'a' ? opt.subs : 1; }

static uint64_t now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The histogram of shmbus/internal/bench: 128 buckets for each power of two. */
#define FINE_BITS 7
#define FINE (1 << FINE_BITS)
#define BUCKETS ((64 - FINE_BITS + 1) * FINE)
static struct {
    uint64_t counts[BUCKETS], n, min, max;
} hist;

static void record(uint64_t v) {
    if (hist.n == 0 || v < hist.min) hist.min = v;
    if (v > hist.max) hist.max = v;
    hist.n++;
    int i = (int)v;
    if (v >= FINE) {
        int shift = 63 - __builtin_clzll(v) - FINE_BITS;
        i = (shift + 1) * FINE + (int)(v >> shift) - FINE;
    }
    hist.counts[i]++;
}

static void forget(void) { memset(&hist, 0, sizeof hist); }

static void print_hist(void) {
    printf("{\"Min\":%" PRIu64 ",\"Max\":%" PRIu64 ",\"Buckets\":[", hist.min, hist.max);
    const char *comma = "";
    for (int i = 0; i < BUCKETS; i++)
        if (hist.counts[i]) {
            printf("%s[%d,%" PRIu64 "]", comma, i, hist.counts[i]);
            comma = ",";
        }
    printf("]}");
}

/* timing is what it costs to time one round trip and to count it. */
static uint64_t timing(void) {
    uint64_t least = UINT64_MAX;
    for (int i = 0; i < 16; i++) {
        uint64_t first = now(), last = first;
        for (int j = 0; j < 256; j++) {
            uint64_t t = now();
            record(t - last);
            last = t;
        }
        if ((last - first) / 256 < least) least = (last - first) / 256;
    }
    forget();
    return least;
}

#define WHO_BITS 48
static uint64_t sent;
static uint64_t next[64]; /* by publisher */

static void send_one(void) {
    bool fresh = false;
    char *b = (char *)peer_room(&fresh);
    if (fresh) memset(b, 0, opt.size);
    uint64_t word = (uint64_t)opt.index << WHO_BITS | ++sent;
    memcpy(b, &word, 8);
    memcpy(b + opt.size - 8, &word, 8);
    peer_send();
}

static void take_one(void) {
    const char *b = (const char *)peer_take();
    uint64_t word, sum = 0, w;
    memcpy(&word, b, 8);
    for (size_t i = 0; i + 8 <= opt.size; i += 8) {
        memcpy(&w, b + i, 8);
        sum += w;
    }
    uint64_t who = word >> WHO_BITS, count = word & ((UINT64_C(1) << WHO_BITS) - 1);
    if (who >= (uint64_t)opt.pubs) fail("checking", "a message of nobody has come");
    if (count != ++next[who]) fail("checking", "a message is missing, or came twice");
    if (sum != 2 * word) fail("checking", "a message is not what was sent");
    peer_give();
}

static void run(uint64_t n) {
    uint64_t start = now(), count = n;
    if (opt.latency && opt.publisher) {
        uint64_t cost = timing();
        start = now();
        uint64_t last = start;
        for (uint64_t i = 0; i < n; i++) {
            send_one();
            take_one();
            uint64_t t = now(), took = t - last;
            record(took > cost ? took - cost : 0);
            last = t;
        }
    } else if (opt.latency) {
        for (uint64_t i = 0; i < n; i++) {
            take_one();
            send_one();
        }
    } else if (opt.publisher) {
        count = n / (uint64_t)opt.pubs;
        for (uint64_t i = 0; i < count; i++) send_one();
    } else {
        for (uint64_t i = 0; i < n; i++) take_one();
    }
    printf("{");
    if (opt.publisher) printf("\"start\":%" PRIu64 ",", start);
    printf("\"end\":%" PRIu64 ",\"count\":%" PRIu64, now(), count);
    if (hist.n) {
        printf(",\"hist\":");
        print_hist();
        forget();
    }
    printf("}\n");
    fflush(stdout);
}

static void option(const char *word) {
    const char *v = strchr(word, '=');
    if (!v) fail("options", word);
    size_t n = (size_t)(v++ - word);
#define IS(name) (n == sizeof name - 1 && !strncmp(word, name, n))
    if (IS("role")) opt.publisher = !strcmp(v, "pub");
    else if (IS("mode")) opt.latency = !strcmp(v, "latency");
    else if (IS("wait")) opt.spin = !strcmp(v, "spin");
    else if (IS("size")) opt.size = (size_t)atoll(v);
    else if (IS("pubs")) opt.pubs = atoi(v);
    else if (IS("subs")) opt.subs = atoi(v);
    else if (IS("index")) opt.index = atoi(v);
    else if (IS("queue")) opt.queue = atoi(v);
    else if (IS("dir")) opt.dir = v;
    else if (IS("addr")) opt.addr = v;
    else if (!IS("peer")) fail("options", word);
#undef IS
}

int main(int argc, char **argv) {
    signal(SIGINT, SIG_IGN); /* these are told to all processes; the leader ends the others */
    signal(SIGHUP, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    for (int i = 1; i < argc; i++) option(argv[i]);
    if (opt.size < 16 || opt.size % 8 || opt.pubs < 1 || opt.pubs > 64) fail("options", "a size or a number is out of range");
    bool out = opt.publisher || opt.latency, in = !opt.publisher || opt.latency;
    peer_open(out ? opt.publisher ? "a" : "b" : NULL, in ? opt.publisher ? "b" : "a" : NULL);
    printf("{\"ready\":true}\n");
    fflush(stdout);
    uint64_t n;
    while (scanf(" go %" SCNu64, &n) == 1) run(n);
    peer_close();
    return 0;
}

#endif

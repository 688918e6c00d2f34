// Contract frames in C, with sd_notify. Build it with: cc -O2 -o counter counter.c
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// publish writes one frame: a length, the kind (0: bytes, 1: msgpack), the topic, the payload.
static void publish(const char *topic, uint8_t kind, const void *payload, size_t size) {
    uint8_t name = strlen(topic);
    uint32_t n = 2 + name + size;
    uint8_t head[6] = {n >> 24, n >> 16, n >> 8, n, kind, name};
    fwrite(head, sizeof head, 1, stdout);
    fwrite(topic, name, 1, stdout);
    fwrite(payload, size, 1, stdout);
    if (fflush(stdout) != 0)
        exit(1);
}

// notify tells the runner how we are.
static void notify(const char *state) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (!path || strlen(path) >= sizeof to.sun_path)
        return;
    strcpy(to.sun_path, path);
    socklen_t len = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (path[0] == '@')
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        sendto(fd, state, strlen(state), 0, (struct sockaddr *)&to, len);
        close(fd);
    }
}

int main(void) {
    notify("READY=1");
    for (unsigned long n = 0;; n++) {
        char text[32];
        publish("example/counter", 0, text, snprintf(text, sizeof text, "%lu", n));
        notify("WATCHDOG=1");
        usleep(100000);
    }
}

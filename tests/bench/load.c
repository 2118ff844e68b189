/* The two ends of a measurement of DNS servers on the loopback address.
 *
 * load PORT FILE SECONDS OUTSTANDING   asks for the names of FILE (one a line) in turn, as fast as they are answered
 * answer PORT                          answers any question with 192.0.2.1 for a day, until killed
 *
 * `load` prints: answers, lost, seconds, and the answers with NXDOMAIN or without any record.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum { SOCKETS = 4, BATCH = 16, LONGEST = 300, ROOM = 2048 };

static struct mmsghdr out[BATCH], in[BATCH];
static struct iovec out_piece[BATCH], in_piece[BATCH];
static unsigned char out_bytes[BATCH][LONGEST], in_bytes[BATCH][ROOM];

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec * 1e-9;
}

static int udp(int port, int serve) {
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), size = 4 << 20;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    if ((serve ? bind : connect)(fd, (struct sockaddr *)&at, sizeof at)) {
        perror("socket");
        exit(1);
    }
    return fd;
}

/* A query for the address of a name, without its id. */
static int write_query(const char *name, unsigned char *to) {
    static const unsigned char head[12] = {0, 0, 1, 0, 0, 1};
    int at = 12;
    memcpy(to, head, 12);
    while (*name) {
        int length = strcspn(name, ".");
        to[at] = length;
        memcpy(to + at + 1, name, length);
        at += length + 1;
        name += length + (name[length] == '.');
    }
    memcpy(to + at, "\0\0\1\0\1", 5);
    return at + 5;
}

static void answer(int port) {
    static const unsigned char record[16] = {0xc0, 12, 0, 1, 0, 1, 0, 1, 0x51, 0x80, 0, 4, 192, 0, 2, 1};
    int fd = udp(port, 1);
    unsigned char message[ROOM];
    for (;;) {
        struct sockaddr_in from;
        socklen_t size = sizeof from;
        int length = recvfrom(fd, message, ROOM - 16, 0, (struct sockaddr *)&from, &size), end = 12;
        if (length < 17) continue;
        while (end < length - 5 && message[end]) end += message[end] + 1;
        end += 5;
        message[2] |= 0x80, message[3] = 0x80;
        memset(message + 6, 0, 6);
        if (message[end - 3] == 1) {
            message[7] = 1;
            memcpy(message + end, record, 16), end += 16;
        }
        sendto(fd, message, end, 0, (struct sockaddr *)&from, size);
    }
}

int main(int count, char **words) {
    if (count == 3 && !strcmp(words[1], "answer")) answer(atoi(words[2]));
    if (count != 6 || strcmp(words[1], "load")) return 2;
    int port = atoi(words[2]), most = atoi(words[5]) / SOCKETS;
    double seconds = atof(words[4]);
    FILE *file = fopen(words[3], "r");
    static unsigned char(*queries)[LONGEST];
    static int *lengths;
    size_t names = 0, room = 0, next = 0;
    char line[LONGEST];
    if (!file) return 1;
    while (fgets(line, LONGEST - 20, file)) {
        if (names == room) {
            room = room ? room * 2 : 1024;
            queries = realloc(queries, room * sizeof *queries);
            lengths = realloc(lengths, room * sizeof *lengths);
        }
        line[strcspn(line, "\n")] = 0;
        lengths[names] = write_query(line, queries[names]);
        names++;
    }
    if (!names) return 1;
    for (int i = 0; i < BATCH; i++) {
        out_piece[i].iov_base = out_bytes[i];
        in_piece[i] = (struct iovec){in_bytes[i], ROOM};
        out[i].msg_hdr = (struct msghdr){.msg_iov = &out_piece[i], .msg_iovlen = 1};
        in[i].msg_hdr = (struct msghdr){.msg_iov = &in_piece[i], .msg_iovlen = 1};
    }
    int fd[SOCKETS], waiting[SOCKETS] = {0};
    double heard[SOCKETS], begun = now(), time = begun;
    unsigned short id = 0;
    unsigned long answers = 0, lost = 0, blocked = 0;
    for (int s = 0; s < SOCKETS; s++) fd[s] = udp(port, 0), heard[s] = begun;
    while (time < begun + seconds) {
        for (int s = 0; s < SOCKETS; s++) {
            int some = most - waiting[s] < BATCH ? most - waiting[s] : BATCH;
            for (int i = 0; i < some; i++) {
                memcpy(out_bytes[i], queries[next], out_piece[i].iov_len = lengths[next]);
                out_bytes[i][0] = ++id >> 8, out_bytes[i][1] = id;
                next = (next + 1) % names;
            }
            if (some > 0 && (some = sendmmsg(fd[s], out, some, 0)) > 0) waiting[s] += some;
            int got = recvmmsg(fd[s], in, BATCH, MSG_DONTWAIT, NULL);
            time = now();
            for (int i = 0; i < got; i++) blocked += (in_bytes[i][3] & 15) == 3 || !(in_bytes[i][6] | in_bytes[i][7]);
            if (got > 0) answers += got, waiting[s] -= got, heard[s] = time;
            else if (waiting[s] && time > heard[s] + 0.2) lost += waiting[s], waiting[s] = 0, heard[s] = time;
        }
    }
    printf("%lu %lu %f %lu\n", answers, lost, now() - begun, blocked);
    return 0;
}

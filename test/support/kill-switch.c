// Preloaded into the daemon by the crash tests: ends it with SIGKILL at a chosen writing step. The steps are counted across all threads, in
// the order in which they happen. How many writes to files stand in a row depends on how full the database's pages are, so a step is found by
// its row: the row ends with the next step that is no write to a file. The test writes the switch's file: see kill-switch.ts.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { BEFORE = 0, AFTER = 1, HALF = 2 };
enum { LOG_LENGTH = 65536 };

struct control {
    int64_t at_row;   // the row to die in, counted from 1; 0: none
    int64_t at_write; // which write of it, counted from 1; 0: the step that ends it
    int64_t when;     // BEFORE, AFTER or in the middle of it
    int64_t hit;      // it was reached
    int64_t taken;
    int64_t rows;
    int64_t writes; // in this row
    int64_t last;   // kind of the last step
    char kinds[LOG_LENGTH];
};

static struct control *control;
static pid_t self;

static ssize_t (*real_write)(int, const void *, size_t);
static ssize_t (*real_writev)(int, const struct iovec *, int);
static ssize_t (*real_pwrite64)(int, const void *, size_t, off64_t);
static ssize_t (*real_sendmsg)(int, const struct msghdr *, int);
static int (*real_fsync)(int);
static int (*real_fdatasync)(int);
static int (*real_ftruncate64)(int, off64_t);
static int (*real_rename)(const char *, const char *);
static int (*real_unlink)(const char *);

__attribute__((constructor)) static void start(void)
{
    real_write = dlsym(RTLD_NEXT, "write");
    real_writev = dlsym(RTLD_NEXT, "writev");
    real_pwrite64 = dlsym(RTLD_NEXT, "pwrite64");
    real_sendmsg = dlsym(RTLD_NEXT, "sendmsg");
    real_fsync = dlsym(RTLD_NEXT, "fsync");
    real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
    real_ftruncate64 = dlsym(RTLD_NEXT, "ftruncate64");
    real_rename = dlsym(RTLD_NEXT, "rename");
    real_unlink = dlsym(RTLD_NEXT, "unlink");
    const char *path = getenv("KILL_SWITCH");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) return;
    void *mapped = mmap(NULL, sizeof(struct control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (mapped == MAP_FAILED) abort();
    control = mapped;
    self = getpid();
}

static void die(void)
{
    kill(self, SIGKILL);
    for (;;) pause();
}

static char turn;

// Whether this is the step to die at. `kind` is a letter for the log.
static int step(char kind)
{
    while (__atomic_test_and_set(&turn, __ATOMIC_ACQUIRE)) sched_yield();
    // A key that was not used before is opened first: that is one frame more, and changes nothing that stays.
    int merged = kind == 's' && control->last == 's';
    if (control->taken < LOG_LENGTH) control->kinds[control->taken] = kind;
    control->taken += 1;
    control->last = kind;
    int hit = !merged && control->at_row == control->rows + 1 && control->at_write == (kind == 'w' ? control->writes + 1 : 0);
    if (kind == 'w') {
        control->writes += 1;
    } else if (!merged) {
        control->rows += 1;
        control->writes = 0;
    }
    if (hit) control->hit = control->taken;
    __atomic_clear(&turn, __ATOMIC_RELEASE);
    return hit;
}

// 'w' a file, 's' a signer, 'c' a client, 0 nothing that stays or leaves: the log, an eventfd, a thread's pipe.
static char kind_of(int fd)
{
    // A forked child, before it becomes a signer.
    if (control == NULL || fd <= 2 || getpid() != self) return 0;
    struct stat facts;
    if (fstat(fd, &facts) != 0) return 0;
    if (S_ISREG(facts.st_mode)) return 'w';
    if (!S_ISSOCK(facts.st_mode)) return 0;
    struct sockaddr_un name;
    socklen_t length = sizeof name;
    if (getsockname(fd, (struct sockaddr *)&name, &length) != 0 || name.sun_family != AF_UNIX) return 0;
    return length > sizeof(sa_family_t) ? 'c' : 's';
}

#define AT_STEP(letter, halfway, call)                         \
    do {                                                       \
        char kind = (letter);                                  \
        if (kind == 0 || !step(kind)) return (call);           \
        if (control->when == HALF) (void)!(halfway);           \
        if (control->when == AFTER) (void)!(call);             \
        die();                                                 \
        return -1;                                             \
    } while (0)

ssize_t write(int fd, const void *bytes, size_t length)
{
    AT_STEP(kind_of(fd), real_write(fd, bytes, length / 2), real_write(fd, bytes, length));
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    AT_STEP(kind_of(fd), real_writev(fd, parts, count / 2), real_writev(fd, parts, count));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset)
{
    AT_STEP(kind_of(fd), real_pwrite64(fd, bytes, length / 2, offset), real_pwrite64(fd, bytes, length, offset));
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    AT_STEP(kind_of(fd), 0, real_sendmsg(fd, message, flags));
}

static char for_file(int fd, char letter)
{
    return kind_of(fd) == 0 ? 0 : letter;
}

int fsync(int fd)
{
    AT_STEP(for_file(fd, 'f'), 0, real_fsync(fd));
}

int fdatasync(int fd)
{
    AT_STEP(for_file(fd, 'f'), 0, real_fdatasync(fd));
}

int ftruncate64(int fd, off64_t length)
{
    AT_STEP(for_file(fd, 't'), 0, real_ftruncate64(fd, length));
}

int rename(const char *from, const char *to)
{
    AT_STEP(control == NULL || getpid() != self ? 0 : 'n', 0, real_rename(from, to));
}

int unlink(const char *path)
{
    AT_STEP(control == NULL || getpid() != self ? 0 : 'u', 0, real_unlink(path));
}

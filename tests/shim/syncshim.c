/*
 * A disk that is slow, failing or full, for a program that runs unchanged.
 *
 * Build:  gcc -std=c11 -O2 -Wall -Wextra -Werror -fPIC -shared -o syncshim.so syncshim.c
 * Use:    LD_PRELOAD=./syncshim.so HOOKSEAL_SYNC_PATH=hookseal-data HOOKSEAL_SYNC_CONTROL=/tmp/control hookseal serve
 *
 * HOOKSEAL_SYNC_PATH     only files whose path (the link in /proc/self/fd) contains this text are affected; unset or
 *                        empty: none
 * HOOKSEAL_SYNC_CONTROL  a file that is read again at every call; a missing or empty one means `pass`
 * HOOKSEAL_SYNC_COUNT    a file that grows by one byte for every fsync and fdatasync of an affected file: `.` if it
 *                        succeeded, `x` if not (optional)
 *
 * The control file holds one of these, with or without a newline. Replace it by a rename, so that no call reads half of it:
 *
 *   pass        as without the shim
 *   delay MS    fsync and fdatasync wait that many milliseconds (at most 600000), then sync
 *   fail        fsync and fdatasync return EIO, and nothing is synced
 *   full        write, pwrite and pwrite64 to regular files return ENOSPC, and nothing is written
 *
 * Anything else ends the process with SIGABRT: a test must not pass because its control file was misspelt.
 *
 * For 64-bit Linux and programs that link the C library dynamically. Not interposed: writev, pwritev, the writes of
 * stdio, memory maps, fallocate, io_uring.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert(sizeof(off_t) == 8, "pwrite and pwrite64 are one function here");

enum { DELAY_MAX_MS = 600000 };

enum mode { PASS, DELAY, FAIL, FULL };

struct control {
    enum mode mode;
    long delay_ms;
};

/* Read once: another thread may call setenv while a lookup is under way. */
static const char *affected_path;
static const char *control_path;
static const char *count_path;

static int synced(long number, int fd);
static ssize_t written_at(int fd, const void *bytes, size_t length, off_t offset);
static bool is_affected(int fd);
static bool is_full(int fd);
static struct control read_control(void);
static struct control parse_control(const char *text);
static void wait_ms(long ms);
static void count_sync(bool succeeded);
static void complain_and_abort(const char *text);

__attribute__((constructor)) static void read_environment(void)
{
    affected_path = getenv("HOOKSEAL_SYNC_PATH");
    control_path = getenv("HOOKSEAL_SYNC_CONTROL");
    count_path = getenv("HOOKSEAL_SYNC_COUNT");
}

int fsync(int fd)
{
    return synced(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return synced(SYS_fdatasync, fd);
}

ssize_t write(int fd, const void *bytes, size_t length)
{
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, length);
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t offset)
{
    return written_at(fd, bytes, length, offset);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off_t offset)
{
    return written_at(fd, bytes, length, offset);
}

/* The system calls are made directly, so that nothing here depends on how libraries resolve each other. */
static int synced(long number, int fd)
{
    if (!is_affected(fd)) {
        return (int)syscall(number, fd);
    }
    struct control control = read_control();
    if (control.mode == DELAY) {
        wait_ms(control.delay_ms);
    }
    int result;
    if (control.mode == FAIL) {
        errno = EIO;
        result = -1;
    } else {
        result = (int)syscall(number, fd);
    }
    count_sync(result == 0);
    return result;
}

static ssize_t written_at(int fd, const void *bytes, size_t length, off_t offset)
{
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, length, offset);
}

static bool is_full(int fd)
{
    if (!is_affected(fd) || read_control().mode != FULL) {
        return false;
    }
    int before = errno;
    struct stat about;
    bool is_regular = fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    errno = before;
    return is_regular;
}

static bool is_affected(int fd)
{
    if (affected_path == NULL || affected_path[0] == '\0') {
        return false;
    }
    int before = errno;
    char link[32];
    char path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = before;
    if (length < 0) {
        return false;
    }
    path[length] = '\0';
    return strstr(path, affected_path) != NULL;
}

static struct control read_control(void)
{
    struct control pass = {.mode = PASS};
    if (control_path == NULL) {
        return pass;
    }
    int before = errno;
    char text[64];
    ssize_t length = -1;
    int fd = open(control_path, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        length = read(fd, text, sizeof text - 1);
        close(fd);
    } else if (errno != ENOENT) {
        complain_and_abort("cannot open the control file");
    }
    errno = before;
    if (length <= 0) {
        return pass;
    }
    if (text[length - 1] == '\n') {
        length--;
    }
    text[length] = '\0';
    return parse_control(text);
}

static struct control parse_control(const char *text)
{
    struct control control = {.mode = PASS};
    if (strncmp(text, "delay ", 6) == 0) {
        char *end;
        control.mode = DELAY;
        control.delay_ms = strtol(text + 6, &end, 10);
        if (end == text + 6 || *end != '\0' || control.delay_ms < 0 || control.delay_ms > DELAY_MAX_MS) {
            complain_and_abort("the control file has a delay that is no number from 0 to 600000");
        }
    } else if (strcmp(text, "fail") == 0) {
        control.mode = FAIL;
    } else if (strcmp(text, "full") == 0) {
        control.mode = FULL;
    } else if (strcmp(text, "pass") != 0) {
        complain_and_abort("the control file holds no known word");
    }
    return control;
}

static void wait_ms(long ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
        /* A signal does not shorten the delay. */
    }
}

/* One byte a call, appended: threads and processes need no lock, and the file's size is the number of calls. */
static void count_sync(bool succeeded)
{
    if (count_path == NULL) {
        return;
    }
    int before = errno;
    int fd = open(count_path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || syscall(SYS_write, fd, succeeded ? "." : "x", 1) != 1) {
        complain_and_abort("cannot append to the count file");
    }
    close(fd);
    errno = before;
}

static void complain_and_abort(const char *text)
{
    char line[128];
    int length = snprintf(line, sizeof line, "syncshim: %s\n", text);
    if (syscall(SYS_write, STDERR_FILENO, line, (size_t)length) != length) {
        /* The abort itself says enough. */
    }
    abort();
}

/* The wall clock as a process sees it, set forth or back while it runs: loaded before the C library (LD_PRELOAD), it adds the
 * seconds that the file named by WALL_CLOCK_SHIFT holds to the wall clock, and leaves monotonic clocks alone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) {
        real = dlsym(RTLD_NEXT, "clock_gettime");
    }
    int failed = real(clock, now);
    const char *file = getenv("WALL_CLOCK_SHIFT");
    if (failed || clock != CLOCK_REALTIME || !file) {
        return failed;
    }
    char text[32] = {0};
    int shift = open(file, O_RDONLY | O_CLOEXEC);
    if (shift >= 0) {
        if (read(shift, text, sizeof text - 1) > 0) {
            now->tv_sec += atol(text);
        }
        close(shift);
    }
    return 0;
}

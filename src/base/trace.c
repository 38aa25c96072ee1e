/* trace.c - see trace.h */
#include "base/trace.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/io.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct appender lines;
static double began;

static _Thread_local struct {
    doing_told *told;
    void *ctx;
} watch;

static void open_file(void)
{
    const char *path = getenv("VACCINE_LOG");

    began = clock_now();
    if (path && *path)
        app_open(&lines, path, NULL);
}

bool trace_on(void)
{
    pthread_once(&once, open_file);
    return lines.fd > 0;
}

void trace_line(const char *format, ...)
{
    struct strbuf s = {0};
    char text[512];
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    sb_printf(&s, "%.6f %ld %s", clock_now() - began, (long)getpid(), text);
    if (sb_ok(&s, NULL) == 0)
        app_put(&lines, s.s, s.len, NULL);
    sb_done(&s);
}

void doing_watch(doing_told *told, void *ctx)
{
    watch.told = told;
    watch.ctx = ctx;
}

int doing(const char *what, const char *file, uint64_t done, uint64_t all, struct vac_err *err)
{
    if (!watch.told || watch.told(watch.ctx, what, file, done, all))
        return 0;
    return err_set(err, VAC_ERR_STOPPED, "left while it was %s %s", what, file);
}

/* replay.c - what a power cut or a kill leaves, after every single call that record.c has written down.
 *
 *     replay LOG FOLDER COMMAND EVERY [killed]
 *
 * A kill leaves what was done so far. For a power cut two disks are thought of. On the first one only what was synced survives: a file's bytes as they
 * were when the file was synced, a folder's names as they were when the folder was. On the second one
 * names are kept in order, as a file system with a journal keeps them, and bytes only when synced.
 * For every EVERYth of the states that differ from the one before, FOLDER is made to hold it and COMMAND is run with
 * "POINT DISK" behind it; when that fails, the state is kept and told. Prints the counts at the end; exit
 * status 1 when a command failed. */
#define _GNU_SOURCE
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct bytes {
    char *v;
    size_t n;
};
struct node {
    bool folder;
    struct bytes now, safe;    /* of a file */
    struct names *here, *sure; /* of a folder */
};
struct names {
    size_t n;
    struct name {
        char text[256];
        struct node *node;
    } v[256];
};

static const char *log_at, *log_end, *folder;

static void die(const char *why)
{
    fprintf(stderr, "replay: %s\n", why);
    exit(2);
}

static void *need(void *p)
{
    if (!p)
        die("out of memory");
    return p;
}

static struct node *node_new(bool is_folder)
{
    struct node *x = need(calloc(1, sizeof *x));

    x->folder = is_folder;
    if (is_folder) {
        x->here = need(calloc(1, sizeof *x->here));
        x->sure = need(calloc(1, sizeof *x->sure));
    }
    return x;
}

static struct name *find(struct names *l, const char *text)
{
    for (size_t i = 0; i < l->n; i++)
        if (!strcmp(l->v[i].text, text))
            return &l->v[i];
    return NULL;
}

static void put_name(struct names *l, const char *text, struct node *x)
{
    struct name *e = find(l, text);

    if (!e) {
        if (l->n == sizeof l->v / sizeof *l->v)
            die("too many names in a folder");
        e = &l->v[l->n++];
        snprintf(e->text, sizeof e->text, "%s", text);
    }
    e->node = x;
}

static void drop_name(struct names *l, const char *text)
{
    struct name *e = find(l, text);

    if (e)
        *e = l->v[--l->n];
}

/* The folder that the path lies in, as it is now, and the last name. NULL = it is gone. */
static struct node *parent(struct node *root, const char *path, const char **last)
{
    struct node *at = root;
    const char *slash;

    while ((slash = strchr(path, '/'))) {
        char text[256];
        struct name *e;

        snprintf(text, sizeof text, "%.*s", (int)(slash - path), path);
        e = find(at->here, text);
        if (!e || !e->node->folder)
            return NULL;
        at = e->node;
        path = slash + 1;
    }
    *last = path;
    return at;
}

static struct node *lookup(struct node *root, const char *path)
{
    const char *last = path;
    struct node *dir = parent(root, path, &last);
    struct name *e;

    if (!*path)
        return root;
    e = dir ? find(dir->here, last) : NULL;
    return e ? e->node : NULL;
}

static const char *take_text(void)
{
    const char *s = log_at;

    log_at += strlen(s) + 1;
    return s;
}

static uint64_t take_number(void)
{
    uint64_t n;

    memcpy(&n, log_at, sizeof n);
    log_at += sizeof n;
    return n;
}

static void resize(struct bytes *b, size_t n)
{
    b->v = need(realloc(b->v, n + 1));
    if (n > b->n)
        memset(b->v + b->n, 0, n - b->n);
    b->n = n;
}

static void apply(struct node *root)
{
    char op = *log_at++;
    const char *a = take_text(), *b = op == 'R' || op == 'X' || op == 'L' ? take_text() : NULL, *x,
               *y;
    struct node *p = parent(root, a, &x), *q = b ? parent(root, b, &y) : NULL, *n = lookup(root, a),
                *m;
    uint64_t at = 0, k;

    switch (op) {
    case 'C':
    case 'M':
        if (!*a)
            break; /* the root itself */
        if (p)
            put_name(p->here, x, node_new(op == 'M'));
        break;
    case 'W':
    case 'T':
        if (op == 'W')
            at = take_number();
        k = take_number();
        if (n && !n->folder && op == 'T')
            resize(&n->now, k);
        if (n && !n->folder && op == 'W') {
            if (at + k > n->now.n)
                resize(&n->now, at + k);
            memcpy(n->now.v + at, log_at, k);
        }
        if (op == 'W')
            log_at += k;
        break;
    case 'S':
        if (n && n->folder)
            *n->sure = *n->here;
        else if (n) {
            resize(&n->safe, n->now.n);
            if (n->now.n)
                memcpy(n->safe.v, n->now.v, n->now.n);
        }
        break;
    case 'U':
        if (p)
            drop_name(p->here, x);
        break;
    case 'R':
        if (p && q && n) {
            drop_name(p->here, x);
            put_name(q->here, y, n);
        }
        break;
    case 'L':
        if (q && n)
            put_name(q->here, y, n);
        break;
    case 'X':
        m = lookup(root, b);
        if (p && q && n && m) {
            put_name(p->here, x, m);
            put_name(q->here, y, n);
        }
        break;
    default:
        die("the log is damaged");
    }
}

/* --- what survives --- */

static uint64_t mix(uint64_t h, const void *p, size_t n)
{
    const unsigned char *s = p;

    for (size_t i = 0; i < n; i++)
        h = (h ^ s[i]) * UINT64_C(1099511628211);
    return h;
}

enum disk { SYNCED, ORDERED, KILLED };
static const char *const disks[] = {"synced", "ordered", "killed"};

static const struct names *names_on(const struct node *x, enum disk disk)
{
    return disk == SYNCED ? x->sure : x->here;
}

static const struct bytes *bytes_on(const struct node *x, enum disk disk)
{
    return disk == KILLED ? &x->now : &x->safe;
}

static uint64_t digest(const struct node *x, enum disk disk, uint64_t h)
{
    const struct names *l = names_on(x, disk);
    const struct bytes *b = bytes_on(x, disk);

    if (!x->folder)
        return mix(mix(h, &b->n, sizeof b->n), b->v, b->n);
    for (size_t i = 0; i < l->n; i++)
        h = digest(l->v[i].node, disk, mix(h, l->v[i].text, strlen(l->v[i].text) + 1));
    return mix(h, "/", 1);
}

static void make(const struct node *x, enum disk disk, const char *path)
{
    const struct names *l = names_on(x, disk);
    const struct bytes *b = bytes_on(x, disk);
    FILE *f;

    if (!x->folder) {
        f = fopen(path, "w");
        if (!f || fwrite(b->v ? b->v : "", 1, b->n, f) != b->n || fclose(f))
            die("cannot write a file of a state");
        return;
    }
    if (mkdir(path, 0777))
        die("cannot make a folder of a state");
    for (size_t i = 0; i < l->n; i++) {
        char *sub;

        if (asprintf(&sub, "%s/%s", path, l->v[i].text) < 0)
            die("out of memory");
        make(l->v[i].node, disk, sub);
        free(sub);
    }
}

static int run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int run(const char *fmt, ...)
{
    char *line;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    if (vasprintf(&line, fmt, ap) < 0)
        die("out of memory");
    va_end(ap);
    rc = system(line);
    free(line);
    return rc;
}

int main(int argc, char **argv)
{
    struct node *root = node_new(true);
    uint64_t last[KILLED + 1] = {0};
    long point = 0, states = 0, tried = 0, bad = 0, every;
    size_t n = 0, cap = 1 << 20, k;
    char *text = need(malloc(cap));
    bool kill = argc == 6 && !strcmp(argv[5], disks[KILLED]);
    FILE *f;

    if ((argc != 5 && !kill) || (every = atol(argv[4])) < 1)
        die("usage: replay LOG FOLDER COMMAND EVERY [killed]");
    folder = argv[2];
    f = fopen(argv[1], "r");
    if (!f)
        die("no log");
    while ((k = fread(text + n, 1, cap - n, f)) > 0) {
        n += k;
        if (n == cap)
            text = need(realloc(text, cap *= 2));
    }
    fclose(f);
    log_at = text;
    log_end = text + n;
    for (point = 1; log_at < log_end; point++) {
        apply(root);
        for (enum disk disk = kill ? KILLED : SYNCED; disk <= (kill ? KILLED : ORDERED); disk++) {
            uint64_t h = digest(root, disk, UINT64_C(1469598103934665603));

            if (h == last[disk])
                continue;
            last[disk] = h;
            if (states++ % every)
                continue;
            tried++;
            run("rm -rf '%s'", folder);
            make(root, disk, folder);
            if (run("%s %ld %s", argv[3], point, disks[disk])) {
                bad++;
                run("mv '%s' '%s.bad-%ld-%s'", folder, folder, point, disks[disk]);
            }
        }
    }
    printf("%ld calls, %ld states, %ld tried, %ld bad\n", point - 1, states, tried, bad);
    return bad > 0;
}

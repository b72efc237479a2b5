/*
 * The benchmark's load generator: the loops that must not be dominated by an interpreter.
 *
 *   load [-C DIR] [-j PROCESSES] [-n COUNT] [-s BYTES] LOOP ARGUMENT...
 *
 * Loops over a list (one path per line, relative to DIR): stat absent cat append create rename unlink.
 * Loops over one file: seqread seqwrite randread randwrite appends fsyncs.  `run OUT COMMAND...` times a
 * command with its standard output in OUT.  Prints "MS COUNT BYTES SUM": SUM depends on the data that was
 * read or written, so that a fast wrong answer shows.  Any failing call ends the program with status 1.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096u
#define CHUNK (128u * 1024u)
struct result { uint64_t count, bytes, sum; };
struct job {
  int part, parts;              /* this process takes every parts-th line, from part on */
  long count; uint64_t size;    /* -n, -s */
  char **paths; long lines;     /* list loops */
  char **args;                  /* all other arguments */
};
static unsigned char buffer[CHUNK];
static void fail(const char *what) { perror(what); _exit(1); }
static int must_open(const char *path, int flags) {
  int fd = open(path, flags, 0644);
  if (fd < 0) fail(path);
  return fd;
}
static void must_close(int fd) { if (close(fd)) fail("close"); }

/* What the word at the start of the block at `offset` holds in every file that this program writes. */
static uint64_t mark(uint64_t offset) { return (offset / BLOCK + 1) * 0x9e3779b97f4a7c15u; }
static uint64_t word_at(const unsigned char *p) { uint64_t w; memcpy(&w, p, 8); return w; }
static uint64_t next_random(uint64_t *s) { *s ^= *s << 13; *s ^= *s >> 7; *s ^= *s << 17; return *s; }

#define EACH(job, path) \
  const char *path; \
  for (long i_ = (job)->part; i_ < (job)->lines && (path = (job)->paths[i_]); i_ += (job)->parts)

static void do_stat(struct job *j, struct result *r) {
  struct stat st;
  EACH(j, p) { if (lstat(p, &st)) fail(p); r->count++; r->bytes += st.st_size; }
}
static void do_absent(struct job *j, struct result *r) {
  struct stat st;
  EACH(j, p) { if (lstat(p, &st) == 0 || errno != ENOENT) fail(p); r->count++; }
}
static void do_cat(struct job *j, struct result *r) {
  EACH(j, p) {
    int fd = must_open(p, O_RDONLY);
    ssize_t n;
    while ((n = read(fd, buffer, CHUNK)) > 0) { r->bytes += n; r->sum += buffer[0] + 257u * buffer[n - 1]; }
    if (n < 0) fail(p);
    must_close(fd); r->count++;
  }
}
static void do_append(struct job *j, struct result *r) {
  EACH(j, p) {
    int fd = must_open(p, O_WRONLY | O_APPEND);
    if (write(fd, "+", 1) != 1) fail(p);
    must_close(fd); r->count++; r->bytes++;
  }
}
static void do_create(struct job *j, struct result *r) {
  memset(buffer, 'c', j->size);
  EACH(j, p) {
    int fd = must_open(p, O_WRONLY | O_CREAT | O_EXCL);
    if (write(fd, buffer, j->size) != (ssize_t)j->size) fail(p);
    must_close(fd); r->count++; r->bytes += j->size;
  }
}
static void do_rename(struct job *j, struct result *r) {
  char to[4096];
  EACH(j, p) { snprintf(to, sizeof to, "%s.renamed", p); if (rename(p, to)) fail(p); r->count++; }
}
static void do_unlink(struct job *j, struct result *r) {
  EACH(j, p) { if (unlink(p)) fail(p); r->count++; }
}
static void do_seqread(struct job *j, struct result *r) {
  int fd = must_open(j->args[0], O_RDONLY);
  ssize_t n;
  while ((n = read(fd, buffer, CHUNK)) > 0) {
    for (ssize_t at = 0; at + 8 <= n; at += BLOCK) r->sum += word_at(buffer + at);
    r->bytes += n; r->count++;
  }
  if (n < 0) fail("read");
  must_close(fd);
}
static void do_seqwrite(struct job *j, struct result *r) {
  int fd = must_open(j->args[0], O_WRONLY | O_CREAT | O_TRUNC);
  for (uint64_t offset = 0; offset < j->size; offset += CHUNK) {
    for (uint64_t at = 0; at < CHUNK; at += BLOCK) {
      uint64_t w = mark(offset + at);
      memcpy(buffer + at, &w, 8); r->sum += w;
    }
    if (write(fd, buffer, CHUNK) != CHUNK) fail("write");
    r->bytes += CHUNK; r->count++;
  }
  must_close(fd);
}
/* Both random loops visit the same blocks in the same order; -s is the size of the file. */
static void random_blocks(struct job *j, struct result *r, int writing) {
  int fd = must_open(j->args[0], writing ? O_RDWR : O_RDONLY);
  uint64_t seed = 88172645463325252u + j->part;
  for (long i = 0; i < j->count; i++) {
    uint64_t offset = next_random(&seed) % (j->size / BLOCK) * BLOCK, w = mark(offset);
    if (writing) memcpy(buffer, &w, 8);
    ssize_t n = writing ? pwrite(fd, buffer, BLOCK, offset) : pread(fd, buffer, BLOCK, offset);
    if (n != BLOCK) fail("4 KiB block");
    r->count++; r->bytes += n; r->sum += word_at(buffer);
  }
  must_close(fd);
}
static void do_randread(struct job *j, struct result *r) { random_blocks(j, r, 0); }
static void do_randwrite(struct job *j, struct result *r) { random_blocks(j, r, 1); }
static void small_writes(struct job *j, struct result *r, int sync) {
  int fd = must_open(j->args[0], O_WRONLY | O_CREAT | O_APPEND);
  memset(buffer, 'a', j->size);
  for (long i = 0; i < j->count; i++) {
    if (write(fd, buffer, j->size) != (ssize_t)j->size) fail("write");
    if (sync && fsync(fd)) fail("fsync");
    r->count++; r->bytes += j->size;
  }
  must_close(fd);
}
static void do_appends(struct job *j, struct result *r) { small_writes(j, r, 0); }
static void do_fsyncs(struct job *j, struct result *r) { small_writes(j, r, 1); }
static void do_run(struct job *j, struct result *r) {
  for (long i = 0; i < j->count; i++) {
    int status, out = must_open(j->args[0], O_WRONLY | O_CREAT | O_TRUNC);
    pid_t pid = fork();
    if (pid == 0) { dup2(out, 1); execvp(j->args[1], j->args + 1); fail(j->args[1]); }
    if (pid < 0 || waitpid(pid, &status, 0) < 0) fail("fork");
    if (status) { fprintf(stderr, "%s: wait status %d\n", j->args[1], status); _exit(1); }
    close(out); r->count++;
  }
}

static const struct loop { const char *name; void (*go)(struct job *, struct result *); int list; } LOOPS[] = {
  {"stat", do_stat, 1}, {"absent", do_absent, 1}, {"cat", do_cat, 1}, {"append", do_append, 1},
  {"create", do_create, 1}, {"rename", do_rename, 1}, {"unlink", do_unlink, 1},
  {"seqread", do_seqread, 0}, {"seqwrite", do_seqwrite, 0}, {"randread", do_randread, 0},
  {"randwrite", do_randwrite, 0}, {"appends", do_appends, 0}, {"fsyncs", do_fsyncs, 0}, {"run", do_run, 0},
};

static void read_list(struct job *j, const char *file) {
  FILE *f = fopen(file, "r");
  char *line = NULL; size_t room = 0;
  if (!f) fail(file);
  for (ssize_t n; (n = getline(&line, &room, f)) > 0; j->lines++) {
    if ((j->lines & (j->lines - 1)) == 0 && !(j->paths = realloc(j->paths, (2 * j->lines + 1) * sizeof(char *))))
      fail("realloc");
    line[n - 1] = 0;
    j->paths[j->lines] = strdup(line);
  }
  fclose(f);
}

int main(int argc, char **argv) {
  struct job job = {.parts = 1, .count = 1, .size = 64};
  const char *dir = NULL; const struct loop *loop = NULL;
  struct timespec from, to;
  for (int c; (c = getopt(argc, argv, "+C:j:n:s:")) != -1;) {
    if (c == 'C') dir = optarg;
    else if (c == 'j') job.parts = atoi(optarg); else if (c == 'n') job.count = atol(optarg);
    else if (c == 's') job.size = strtoull(optarg, NULL, 10);
    else return 2;
  }
  for (size_t i = 0; optind + 1 < argc && i < sizeof LOOPS / sizeof *LOOPS; i++)
    if (!strcmp(LOOPS[i].name, argv[optind])) loop = &LOOPS[i];
  if (!loop || job.parts < 1 || (loop->list && job.size > CHUNK)) { fprintf(stderr, "load: bad usage\n"); return 2; }
  job.args = argv + optind + 1;
  if (loop->list) read_list(&job, job.args[0]);
  if (dir && chdir(dir)) fail(dir);
  struct result *results = mmap(NULL, job.parts * sizeof *results, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  clock_gettime(CLOCK_MONOTONIC, &from);
  for (job.part = 1; job.part < job.parts; job.part++)
    if (fork() == 0) { loop->go(&job, &results[job.part]); _exit(0); }
  job.part = 0;
  loop->go(&job, &results[0]);
  for (int status; wait(&status) > 0;) if (status) return 1;
  clock_gettime(CLOCK_MONOTONIC, &to);
  for (int i = 1; i < job.parts; i++) {
    results[0].count += results[i].count; results[0].bytes += results[i].bytes; results[0].sum += results[i].sum;
  }
  printf("%.3f %lu %lu %lu\n", (to.tv_sec - from.tv_sec) * 1e3 + (to.tv_nsec - from.tv_nsec) / 1e6,
         results[0].count, results[0].bytes, results[0].sum);
  return 0;
}

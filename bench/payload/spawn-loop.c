// spawn-loop [-n COUNT] [-l LANES] [-o inside|before -L LOWER -S SCRATCH] COMMAND [ARG...]
// spawn-loop [-n COUNT] [-o ...] -c CREATE... -- START... -- DELETE...
// Starts a command so many times, one after another, in so many lanes at once; in C, so that nothing of Node's own
// process creation is counted against a peer. `{}` in an argument stands for the lane's number.
// Prints for each start two nanosecond figures: from before the spawn to the CLOCK_MONOTONIC stamp that the container's
// payload printed, and to the end of the command; at the end, `wall` and the nanoseconds that all took together.
// With -c it prints what create, start (to the stamp) and delete took by themselves.
// -o mounts an overlay with a fresh upper folder on SCRATCH/LANE/root for each start, with the clock running or before
// it does, as the caller of an OCI runtime has to. Its removal is never within a start's figures.
#define _GNU_SOURCE
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

enum Overlay { noOverlay, overlayInside, overlayBefore };

struct Job {
  char** command;
  enum Overlay overlay;
  const char* lower;
  const char* scratch;
  int lane;
};

typedef long long Nanoseconds;

static Nanoseconds now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static void die(const char* what) {
  perror(what);
  exit(1);
}

static const char* inLane(const struct Job* job, const char* name) {
  static char paths[4][PATH_MAX];
  static int next;
  char* path = paths[next++ % 4];
  snprintf(path, PATH_MAX, "%s/%d%s%s", job->scratch, job->lane, *name ? "/" : "", name);
  return path;
}

static void mountOverlay(const struct Job* job) {
  char options[3 * PATH_MAX];
  const char* upper = inLane(job, "upper");
  const char* work = inLane(job, "work");
  if (mkdir(upper, 0755) != 0 || mkdir(work, 0700) != 0) die(upper);
  snprintf(options, sizeof options, "lowerdir=%s,upperdir=%s,workdir=%s", job->lower, upper, work);
  if (mount("overlay", inLane(job, "root"), "overlay", 0, options) != 0) die("mount overlay");
}

static int removeEntry(const char* path, const struct stat* info, int type, struct FTW* walk) {
  (void)info, (void)type, (void)walk;
  return remove(path);
}

static void removeOverlay(const struct Job* job) {
  if (umount2(inLane(job, "root"), MNT_DETACH) != 0) die("umount overlay");
  nftw(inLane(job, "upper"), removeEntry, 16, FTW_DEPTH | FTW_PHYS);
  nftw(inLane(job, "work"), removeEntry, 16, FTW_DEPTH | FTW_PHYS);
}

/// Spawns a command with its standard output as given.
static pid_t spawn(char** command, int output, int closed) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (output >= 0) posix_spawn_file_actions_adddup2(&actions, output, 1);
  if (output >= 0) posix_spawn_file_actions_addclose(&actions, output);
  if (closed >= 0) posix_spawn_file_actions_addclose(&actions, closed);
  pid_t pid;
  int failed = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) fprintf(stderr, "spawn-loop: cannot start %s: %s\n", command[0], strerror(failed)), exit(1);
  return pid;
}

static void waitFor(pid_t pid, const char* name, const char* said) {
  int status;
  if (waitpid(pid, &status, 0) != pid) die("waitpid");
  if (status != 0) fprintf(stderr, "spawn-loop: %s ended with status %d and said: %s\n", name, status, said), exit(1);
}

/// Reads to the end of the stream: the stamp, which is all that the payload prints.
static Nanoseconds readStamp(int stream, char text[256]) {
  size_t size = 0;
  for (ssize_t got; size < 255 && (got = read(stream, text + size, 255 - size)) > 0;) size += (size_t)got;
  text[size] = 0;
  return atoll(text);
}

static void startOnce(const struct Job* job) {
  int ends[2];
  char text[256];
  if (pipe(ends) != 0) die("pipe");
  if (job->overlay == overlayBefore) mountOverlay(job);
  Nanoseconds before = now();
  if (job->overlay == overlayInside) mountOverlay(job);
  pid_t pid = spawn(job->command, ends[1], ends[0]);
  close(ends[1]);
  Nanoseconds stamp = readStamp(ends[0], text);
  waitFor(pid, job->command[0], text);
  Nanoseconds after = now();
  close(ends[0]);
  if (job->overlay != noOverlay) removeOverlay(job);
  if (stamp < before) fprintf(stderr, "spawn-loop: %s said: %s\n", job->command[0], text), exit(1);
  printf("%lld %lld\n", stamp - before, after - before);
}

/// The three steps of an OCI runtime. The container's process becomes a child of this one, so that its end is seen.
static void createStartDelete(const struct Job* job, char** create, char** start, char** delete) {
  int ends[2];
  char text[256];
  if (pipe(ends) != 0) die("pipe");
  if (job->overlay == overlayBefore) mountOverlay(job);
  Nanoseconds before = now();
  if (job->overlay == overlayInside) mountOverlay(job);
  pid_t pid = spawn(create, ends[1], ends[0]);
  close(ends[1]);
  waitFor(pid, create[0], "");
  Nanoseconds created = now();
  pid = spawn(start, -1, ends[0]);
  Nanoseconds stamp = readStamp(ends[0], text);
  waitFor(pid, start[0], text);
  while (waitpid(-1, NULL, 0) > 0) {
  }
  Nanoseconds ended = now();
  waitFor(spawn(delete, -1, ends[0]), delete[0], "");
  Nanoseconds deleted = now();
  close(ends[0]);
  if (job->overlay != noOverlay) removeOverlay(job);
  if (stamp < before) fprintf(stderr, "spawn-loop: %s said: %s\n", create[0], text), exit(1);
  printf("%lld %lld %lld\n", created - before, stamp - created, deleted - ended);
}

/// Cuts a list at the next `--`; the part behind it, NULL where there is none.
static char** cut(char** list) {
  for (; *list; list++) {
    if (strcmp(*list, "--") == 0) {
      *list = NULL;
      return list + 1;
    }
  }
  return NULL;
}

static void numberLane(char** command, int lane) {
  for (; *command; command++) {
    char* place = strstr(*command, "{}");
    if (!place) continue;
    char* text;
    if (asprintf(&text, "%.*s%d%s", (int)(place - *command), *command, lane, place + 2) < 0) die("asprintf");
    *command = text;
  }
}

static void runLane(struct Job job, int count) {
  numberLane(job.command, job.lane);
  for (; count > 0; count--) startOnce(&job);
}

static void runLanes(const struct Job* job, int lanes, int count) {
  fflush(stdout);
  for (int lane = 0; lane < lanes; lane++) {
    pid_t pid = fork();
    if (pid < 0) die("fork");
    if (pid > 0) continue;
    struct Job own = *job;
    own.lane = lane;
    // The lanes share the count as evenly as it goes.
    runLane(own, count / lanes + (lane < count % lanes));
    exit(0);
  }
  int failed = 0;
  for (int status; wait(&status) > 0;) failed |= status;
  if (failed) exit(1);
}

int main(int argc, char** argv) {
  struct Job job = {0};
  int count = 1, lanes = 1, split = 0;
  for (int option; (option = getopt(argc, argv, "+n:l:o:L:S:c")) != -1;) {
    switch (option) {
      case 'n':
        count = atoi(optarg);
        break;
      case 'l':
        lanes = atoi(optarg);
        break;
      case 'o':
        job.overlay = strcmp(optarg, "before") == 0 ? overlayBefore : overlayInside;
        break;
      case 'L':
        job.lower = optarg;
        break;
      case 'S':
        job.scratch = optarg;
        break;
      case 'c':
        split = 1;
        break;
      default:
        return 2;
    }
  }
  job.command = argv + optind;
  if (!job.command[0] || (job.overlay != noOverlay && (!job.lower || !job.scratch))) {
    fprintf(stderr,
            "usage: spawn-loop [-n COUNT] [-l LANES] [-o inside|before -L LOWER -S SCRATCH] COMMAND [ARG...]\n");
    return 2;
  }
  for (job.lane = 0; job.overlay != noOverlay && job.lane < lanes; job.lane++) {
    if (mkdir(inLane(&job, ""), 0755) == 0 && mkdir(inLane(&job, "root"), 0755) != 0) die("mkdir");
  }
  job.lane = 0;
  // Lines of several lanes must not mix.
  setlinebuf(stdout);

  Nanoseconds before = now();
  if (split) {
    char** create = job.command;
    char** start = cut(create);
    char** delete = start ? cut(start) : NULL;
    if (!delete) return fprintf(stderr, "spawn-loop: -c takes three commands, with -- between\n"), 2;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    numberLane(create, 0), numberLane(start, 0), numberLane(delete, 0);
    for (; count > 0; count--) createStartDelete(&job, create, start, delete);
  } else if (lanes == 1) {
    runLane(job, count);
  } else {
    runLanes(&job, lanes, count);
  }
  printf("wall %lld\n", now() - before);
  return 0;
}

// spawn-loop COUNT COMMAND [ARG...]: starts COMMAND so many times, one after another, and prints for each the
// nanoseconds from before the spawn to the CLOCK_MONOTONIC stamp that COMMAND printed. In C, so that nothing of Node's
// own process creation is counted against a peer.
#define _GNU_SOURCE
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static long long now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ll + time.tv_nsec;
}

static int once(char** command) {
  int ends[2];
  if (pipe(ends) != 0) return perror("pipe"), -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t pid;
  long long before = now();
  int failed = posix_spawnp(&pid, command[0], &actions, NULL, command, environ);
  close(ends[1]);
  posix_spawn_file_actions_destroy(&actions);
  if (failed) return fprintf(stderr, "spawn-loop: cannot start %s\n", command[0]), -1;

  char text[256];
  size_t size = 0;
  for (ssize_t got; size < sizeof text - 1 && (got = read(ends[0], text + size, sizeof text - 1 - size)) > 0;)
    size += (size_t)got;
  text[size] = 0;
  close(ends[0]);
  int status;
  waitpid(pid, &status, 0);
  long long stamp = atoll(text);
  if (status != 0 || stamp < before) {
    return fprintf(stderr, "spawn-loop: %s ended with status %d and said: %s\n", command[0], status, text), -1;
  }
  printf("%lld\n", stamp - before);
  return 0;
}

int main(int argc, char** argv) {
  if (argc < 3) return fprintf(stderr, "usage: spawn-loop COUNT COMMAND [ARG...]\n"), 2;
  for (int left = atoi(argv[1]); left > 0; left--) {
    if (once(argv + 2) != 0) return 1;
  }
  return 0;
}

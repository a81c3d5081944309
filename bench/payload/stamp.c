// The container's program: notes CLOCK_MONOTONIC in its first instructions and prints it, in nanoseconds.
// No C library, so that nothing of its start-up stands between exec and the stamp.
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

static long call3(long number, long a, long b, long c) {
#if defined(__x86_64__)
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
#else
#error "no system call convention for this architecture"
#endif
}

void _start(void) {
  struct timespec now;
  call3(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&now, 0);
  unsigned long value = (unsigned long)now.tv_sec * 1000000000ul + (unsigned long)now.tv_nsec;
  char text[24];
  size_t at = sizeof text;
  text[--at] = '\n';
  for (; value > 0; value /= 10) text[--at] = (char)('0' + value % 10);
  call3(SYS_write, 1, (long)(text + at), (long)(sizeof text - at));
  call3(SYS_exit_group, 0, 0, 0);
  __builtin_unreachable();
}

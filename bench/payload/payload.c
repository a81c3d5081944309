// What containers of benchmarks and tests run:
// `payload [stamp | pause | spin MS THREADS | flood BYTES | eat BYTES | burn MS | hold BYTES MS]`.
// No C library, so that nothing of its start-up stands between exec and the first instruction.
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>

#define SIGCHLD 17
#define SIGTERM 15
#define SIG_BLOCK 0
#define PROT_READ_WRITE 3
#define MAP_PRIVATE_ANONYMOUS 0x22

enum { stepBytes = 256 * 1024, pageBytes = 4096, lineBytes = 100 };

#if defined(__x86_64__)
__asm__(".globl _start\n_start:\n xor %ebp, %ebp\n mov %rsp, %rdi\n and $-16, %rsp\n call begin\n");
static long call4(long number, long a, long b, long c, long d) {
  long result;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10) : "rcx", "r11", "memory");
  return result;
}
static long map(size_t size) {
  long result;
  register long r10 __asm__("r10") = MAP_PRIVATE_ANONYMOUS;
  register long r8 __asm__("r8") = -1;
  register long r9 __asm__("r9") = 0;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(SYS_mmap), "D"(0), "S"(size), "d"(PROT_READ_WRITE), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
#elif defined(__aarch64__)
__asm__(".globl _start\n_start:\n mov x29, #0\n mov x0, sp\n bl begin\n");
static long call6(long number, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = number;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5) : "memory");
  return x0;
}
static long call4(long number, long a, long b, long c, long d) { return call6(number, a, b, c, d, 0, 0); }
static long map(size_t size) { return call6(SYS_mmap, 0, (long)size, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1, 0); }
#else
#error "no system call convention for this architecture"
#endif

static __attribute__((noreturn)) void leave(int code) {
  call4(SYS_exit_group, code, 0, 0, 0);
  __builtin_unreachable();
}

static unsigned long now(void) {
  struct timespec time;
  call4(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&time, 0, 0);
  return (unsigned long)time.tv_sec * 1000000000ul + (unsigned long)time.tv_nsec;
}

static void writeAll(const char* data, size_t size) {
  while (size > 0) {
    long wrote = call4(SYS_write, 1, (long)data, (long)size, 0);
    if (wrote <= 0) leave(1);
    data += wrote;
    size -= (size_t)wrote;
  }
}

static void print(unsigned long value) {
  char text[24];
  size_t at = sizeof text;
  text[--at] = '\n';
  do text[--at] = (char)('0' + value % 10);
  while ((value /= 10) > 0);
  writeAll(text + at, sizeof text - at);
}

static unsigned long number(const char* text) {
  unsigned long value = 0;
  for (; text != NULL && *text >= '0' && *text <= '9'; text++) value = value * 10 + (unsigned long)(*text - '0');
  return value;
}

// Waits for SIGTERM: the first process of a pid namespace gets only the signals that it asks for.
static void waitForEnd(void) {
  unsigned long set = 1ul << (SIGTERM - 1);
  call4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&set, 0, sizeof set);
  while (call4(SYS_rt_sigtimedwait, (long)&set, 0, 0, sizeof set) != SIGTERM) {
  }
}

// Keeps so many processes busy.
static void spin(unsigned long milliseconds, unsigned long processes) {
  unsigned long end = now() + milliseconds * 1000000ul;
  for (unsigned long i = 1; i < processes; i++) {
    if (call4(SYS_clone, SIGCHLD, 0, 0, 0) == 0) break;
  }
  while (now() < end) {
  }
}

static unsigned long cpuTime(void) {
  struct timespec time;
  call4(SYS_clock_gettime, CLOCK_PROCESS_CPUTIME_ID, (long)&time, 0, 0);
  return (unsigned long)time.tv_sec * 1000000000ul + (unsigned long)time.tv_nsec;
}

// Uses up so much CPU time by its own clock, and prints what it has used, in ns.
static void burn(unsigned long milliseconds) {
  while (cpuTime() < milliseconds * 1000000ul) {
    for (volatile int i = 0; i < 10000; i++) {
    }
  }
  print(cpuTime());
}

// Writes lines, many at a time, as a program with buffered output does.
static void flood(unsigned long bytes) {
  static char block[lineBytes * 640];
  for (size_t i = 0; i < sizeof block; i++) block[i] = i % lineBytes == lineBytes - 1 ? '\n' : (char)('a' + i % 26);
  for (unsigned long left = bytes; left > 0;) {
    size_t size = left < sizeof block ? left : sizeof block;
    writeAll(block, size);
    left -= size;
  }
}

// Touches memory step by step and prints the time after each, so that the last line tells how far it came, and when.
static void eat(unsigned long bytes) {
  for (unsigned long done = 0; done < bytes; done += stepBytes) {
    char* memory = (char*)map(stepBytes);
    if ((long)memory < 0 && (long)memory > -4096) leave(1);
    for (size_t i = 0; i < stepBytes; i += pageBytes) ((volatile char*)memory)[i] = 1;
    print(now());
  }
}

// Touches memory, prints how many ns that took, and keeps it for a while.
static void hold(unsigned long bytes, unsigned long milliseconds) {
  unsigned long begun = now();
  volatile char* memory = (volatile char*)map(bytes);
  if ((long)memory < 0 && (long)memory > -4096) leave(1);
  for (size_t i = 0; i < bytes; i += pageBytes) memory[i] = 1;
  print(now() - begun);
  struct timespec left = {(long)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000};
  call4(SYS_nanosleep, (long)&left, 0, 0, 0);
}

__attribute__((used, noreturn)) void begin(long* stack) {
  unsigned long first = now();
  const char** argv = (const char**)(stack + 1);
  const char* verb = stack[0] > 1 ? argv[1] : "stamp";
  const char* one = stack[0] > 2 ? argv[2] : NULL;
  const char* two = stack[0] > 3 ? argv[3] : NULL;
  // Initials tell the verbs apart, but for the two that begin with an s.
  switch (verb[0] == 's' ? verb[1] : verb[0]) {
    case 't':
      print(first);
      break;
    case 'p':
      if (verb[0] == 's')
        spin(number(one), number(two));
      else
        waitForEnd();
      break;
    case 'f':
      flood(number(one));
      break;
    case 'e':
      eat(number(one));
      break;
    case 'b':
      burn(number(one));
      break;
    case 'h':
      hold(number(one), number(two));
      break;
    default:
      leave(2);
  }
  leave(0);
}

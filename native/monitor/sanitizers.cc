// What the sanitizers of the sanitized build ask of the program they are in; empty in any other build.
#ifdef __SANITIZE_ADDRESS__

#include <unistd.h>

#include <cstring>

// The runtime, a shared library, looks for these by name.
#pragma GCC visibility push(default)

extern "C" {

/// A monitor's standard error is /dev/null: reports go to files, which the test runner looks for.
const char* __asan_default_options() { return "abort_on_error=1:log_path=" GRANULE_SANITIZER_REPORTS "/monitor"; }

const char* __ubsan_default_options() {
  return "halt_on_error=1:print_stacktrace=1:log_path=" GRANULE_SANITIZER_REPORTS "/monitor";
}

/// LeakSanitizer looks for leaks from a helper process that has to find its parent in its own pid namespace, and waits
/// for it for ever where it does not: a monitor that entered a container's has children there alone.
int __lsan_is_turned_off() {
  char own[64] = {};
  char children[64] = {};
  if (::readlink("/proc/self/ns/pid", own, sizeof own - 1) < 0) return 1;
  if (::readlink("/proc/self/ns/pid_for_children", children, sizeof children - 1) < 0) return 1;
  return std::strcmp(own, children) != 0 ? 1 : 0;
}

}  // extern "C"

#pragma GCC visibility pop

#endif

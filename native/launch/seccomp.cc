#include "seccomp.h"

#include <linux/seccomp.h>
#include <seccomp.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "seccomp_program.h"

namespace granule {
namespace {

struct NamedCall {
  std::string_view name;
  int number;
};

/// Calls newer than the libseccomp this is built with. Numbers from 424 on are the same for every ABI (syscalls(2)).
constexpr NamedCall kNewCalls[] = {
    {"cachestat", 451},         {"fchmodat2", 452},         {"map_shadow_stack", 453}, {"futex_wake", 454},
    {"futex_wait", 455},        {"futex_requeue", 456},     {"statmount", 457},        {"listmount", 458},
    {"lsm_get_self_attr", 459}, {"lsm_set_self_attr", 460}, {"lsm_list_modules", 461}, {"mseal", 462},
    {"setxattrat", 463},        {"getxattrat", 464},        {"listxattrat", 465},      {"removexattrat", 466},
    {"open_tree_attr", 467},    {"file_getattr", 468},      {"file_setattr", 469},
};

/// Calls that i386 has had of its own since Linux 4.3 and 5.1, where libseccomp only knows the older ones that take
/// them by pointer; from arch/x86/entry/syscalls/syscall_32.tbl.
constexpr NamedCall kI386Calls[] = {
    {"socket", 359},   {"socketpair", 360}, {"bind", 361},        {"connect", 362},  {"listen", 363},
    {"accept4", 364},  {"getsockopt", 365}, {"setsockopt", 366},  {"sendto", 369},   {"sendmsg", 370},
    {"recvfrom", 371}, {"recvmsg", 372},    {"getsockname", 367}, {"shutdown", 373}, {"getpeername", 368},
    {"semget", 393},   {"semctl", 394},     {"shmget", 395},      {"shmctl", 396},   {"shmat", 397},
    {"shmdt", 398},    {"msgget", 399},     {"msgsnd", 400},      {"msgrcv", 401},   {"msgctl", 402},
};

std::optional<int> find(std::span<const NamedCall> calls, std::string_view name) {
  for (const auto& call : calls) {
    if (call.name == name) return call.number;
  }
  return std::nullopt;
}

/// Negative where the ABI has no such call.
int callNumber(std::uint32_t audit, const std::string& name) {
  const int known = seccomp_syscall_resolve_name_arch(audit, name.c_str());
  if (known >= 0) return known;
  const auto own = audit == SCMP_ARCH_X86 ? find(kI386Calls, name) : std::nullopt;
  return own.value_or(find(kNewCalls, name).value_or(known));
}

std::uint64_t bitsOf(const Napi::Value& value) {
  bool lossless = false;
  const std::uint64_t bits = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (!lossless) throw Napi::RangeError::New(value.Env(), "an argument's mask or value has more than 64 bits");
  return bits;
}

std::uint32_t answerErrno(std::uint32_t error) { return SECCOMP_RET_ERRNO | (error & SECCOMP_RET_DATA); }

SeccompClause clauseOf(const Napi::Object& rule) {
  const Napi::Value action = rule.Get("action");
  SeccompClause clause;
  clause.action = action.IsNumber() ? answerErrno(action.As<Napi::Number>().Uint32Value()) : SECCOMP_RET_ALLOW;
  if (rule.Get("args").IsUndefined()) return clause;
  const auto args = rule.Get("args").As<Napi::Array>();
  for (std::uint32_t i = 0; i < args.Length(); i++) {
    const auto arg = args.Get(i).As<Napi::Object>();
    const std::uint32_t index = arg.Get("index").As<Napi::Number>().Uint32Value();
    if (index > 5) throw Napi::RangeError::New(rule.Env(), "a system call has six arguments");
    clause.conditions.push_back({index, bitsOf(arg.Get("mask")), bitsOf(arg.Get("value"))});
  }
  return clause;
}

void addRule(std::vector<SeccompArchitecture>& architectures, const Napi::Object& rule) {
  const SeccompClause clause = clauseOf(rule);
  const auto names = rule.Get("names").As<Napi::Array>();
  for (std::uint32_t i = 0; i < names.Length(); i++) {
    const std::string name = names.Get(i).As<Napi::String>();
    for (auto& architecture : architectures) {
      const int number = callNumber(architecture.audit, name);
      if (number >= 0) architecture.calls[static_cast<std::uint32_t>(number)].push_back(clause);
    }
  }
}

std::vector<SeccompArchitecture> architecturesOfBuild() {
  std::vector<SeccompArchitecture> architectures{{seccomp_arch_native(), {}}};
#ifdef __x86_64__
  architectures.push_back({SCMP_ARCH_X86, {}});
#endif
  return architectures;
}

}  // namespace

Napi::Value compileSeccomp(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsNumber() || !info[1].IsArray()) {
    throw Napi::TypeError::New(env, "compileSeccomp needs an errno and a list of rules");
  }
  auto architectures = architecturesOfBuild();
  const auto rules = info[1].As<Napi::Array>();
  for (std::uint32_t i = 0; i < rules.Length(); i++) addRule(architectures, rules.Get(i).As<Napi::Object>());
  const BpfProgram program = seccompProgram(architectures, answerErrno(info[0].As<Napi::Number>().Uint32Value()));
  if (program.size() > BPF_MAXINSNS) throw Napi::RangeError::New(env, "the system call filter is too long");
  return Napi::Buffer<std::uint8_t>::Copy(env, reinterpret_cast<const std::uint8_t*>(program.data()),
                                          program.size() * sizeof(sock_filter));
}

}  // namespace granule

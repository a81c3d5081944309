#include "launch/device_filter.h"

#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <utility>

#include "kernel/fd.h"

namespace granule {

namespace {

constexpr std::size_t kMaxInstructions = 1024;
constexpr std::size_t kRuleNumbers = 5;

/// The few BPF instructions that a device filter needs. Registers: 1 context, 2 type, 3 access, 4 major, 5 minor.
class Program {
 public:
  void load(int to, std::size_t offset) {
    put({BPF_LDX | BPF_W | BPF_MEM, static_cast<__u8>(to), 1, static_cast<__s16>(offset), 0});
  }
  void copy(int to, int from) {
    put({BPF_ALU | BPF_MOV | BPF_X, static_cast<__u8>(to), static_cast<__u8>(from), 0, 0});
  }
  void mask(int reg, std::int32_t bits) { put({BPF_ALU | BPF_AND | BPF_K, static_cast<__u8>(reg), 0, 0, bits}); }
  void shiftRight(int reg, std::int32_t by) { put({BPF_ALU | BPF_RSH | BPF_K, static_cast<__u8>(reg), 0, 0, by}); }
  /// Jumps to the end of the rule where `reg` differs from `value`.
  void skipUnless(int reg, std::int32_t value) {
    skips_[skipCount_++] = size_;
    put({BPF_JMP | BPF_JNE | BPF_K, static_cast<__u8>(reg), 0, 0, value});
  }
  void verdict(bool allow) {
    put({BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, allow ? 1 : 0});
    put({BPF_JMP | BPF_EXIT, 0, 0, 0, 0});
  }
  void endRule() {
    while (skipCount_ > 0) {
      const std::size_t at = skips_[--skipCount_];
      code_[at].off = static_cast<__s16>(size_ - at - 1);
    }
  }
  [[nodiscard]] bool full() const { return size_ + 16 > kMaxInstructions; }
  [[nodiscard]] const bpf_insn* code() const { return code_.data(); }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  void put(bpf_insn instruction) { code_[size_++] = instruction; }

  std::array<bpf_insn, kMaxInstructions> code_{};
  std::array<std::size_t, 4> skips_{};
  std::size_t size_ = 0;
  std::size_t skipCount_ = 0;
};

int bpf(bpf_cmd command, bpf_attr& attributes) {
  return static_cast<int>(::syscall(SYS_bpf, command, &attributes, sizeof attributes));
}

void addRule(Program& program, const OpView& op, std::size_t at) {
  const auto type = static_cast<char>(op.number(at + 1));
  const auto access = static_cast<std::int32_t>(op.number(at + 4));
  if (type != 'a') program.skipUnless(2, type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
  if ((access & 7) != 7) {
    // The rule holds only where nothing beyond its access is asked for.
    program.copy(0, 3);
    program.mask(0, ~access);
    program.skipUnless(0, 0);
  }
  if (op.number(at + 2) != UINT64_MAX) program.skipUnless(4, static_cast<std::int32_t>(op.number(at + 2)));
  if (op.number(at + 3) != UINT64_MAX) program.skipUnless(5, static_cast<std::int32_t>(op.number(at + 3)));
  program.verdict(op.number(at) != 0);
  program.endRule();
}

/// A descriptor of the loaded program, or -1 with errno.
int loadProgram(const OpView& op) {
  Program program;
  program.load(2, offsetof(bpf_cgroup_dev_ctx, access_type));
  program.copy(3, 2);
  program.mask(2, 0xffff);
  program.shiftRight(3, 16);
  program.load(4, offsetof(bpf_cgroup_dev_ctx, major));
  program.load(5, offsetof(bpf_cgroup_dev_ctx, minor));
  for (std::size_t at = 1; at + kRuleNumbers <= op.numbers(); at += kRuleNumbers) {
    if (program.full()) {
      errno = E2BIG;
      return -1;
    }
    addRule(program, op, at);
  }
  program.verdict(op.number(0) != 0);
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<std::uintptr_t>(program.code());
  attributes.insn_cnt = static_cast<__u32>(program.size());
  attributes.license = reinterpret_cast<std::uintptr_t>("MIT");
  return bpf(BPF_PROG_LOAD, attributes);
}

/// The program of these rules, loaded at first use and held for the life of the process.
int programFor(const OpView& op) {
  static std::mutex mutex;
  static std::map<std::string, Fd> programs;
  const std::string rules(reinterpret_cast<const char*>(op.data() - op.numbers() * 8), op.numbers() * 8);
  const std::lock_guard<std::mutex> lock(mutex);
  const auto found = programs.find(rules);
  if (found != programs.end()) return found->second.get();
  Fd loaded(loadProgram(op));
  if (!loaded.valid()) return -1;
  return programs.emplace(rules, std::move(loaded)).first->second.get();
}

}  // namespace

bool applyDeviceFilter(const PlanView& plan, Report& report) {
  const char* cgroup = nullptr;
  plan.each([&](const OpView& op) {
    if (op.kind() == Op::Cgroup) cgroup = op.first();
    return true;
  });
  plan.each([&](const OpView& op) {
    if (op.kind() != Op::DeviceFilter) return true;
    const Fd folder(cgroup == nullptr ? -1 : ::open(cgroup, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const int program = folder.valid() ? programFor(op) : -1;
    bpf_attr attributes{};
    attributes.target_fd = static_cast<__u32>(folder.get());
    attributes.attach_bpf_fd = static_cast<__u32>(program);
    attributes.attach_type = BPF_CGROUP_DEVICE;
    attributes.attach_flags = BPF_F_ALLOW_MULTI;
    if (program >= 0 && bpf(BPF_PROG_ATTACH, attributes) == 0) return true;
    report.fail(Op::DeviceFilter, errno, cgroup == nullptr ? "" : cgroup);
    return false;
  });
  return report.error == 0;
}

}  // namespace granule

#include "launch/low_slots.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <vector>

namespace granule {

namespace {

/// So many processes are started at once; a further start waits.
constexpr std::size_t kBlocks = 4;

/// Open for as long as the process lives.
class Pool {
 public:
  using Block = std::array<int, LowSlots::kSlots>;

  Pool() {
    for (Block& block : blocks_) block.fill(-1);
  }

  Block* take() {
    std::unique_lock lock(mutex_);
    if (null_ < 0 && !reserve()) return nullptr;
    freed_.wait(lock, [this] { return !free_.empty(); });
    Block* block = free_.back();
    free_.pop_back();
    return block;
  }

  void giveBack(Block* block) {
    {
      const std::lock_guard lock(mutex_);
      free_.push_back(block);
    }
    freed_.notify_one();
  }

  [[nodiscard]] int null() const { return null_; }

 private:
  bool reserve() {
    null_ = ::open("/dev/null", O_RDWR | O_CLOEXEC);
    for (Block& block : blocks_) {
      for (int& slot : block) {
        slot = null_ < 0 ? -1 : ::fcntl(null_, F_DUPFD_CLOEXEC, 0);
        if (slot < 0) return release();
      }
    }
    for (Block& block : blocks_) free_.push_back(&block);
    return true;
  }

  bool release() {
    const int error = errno;
    for (Block& block : blocks_) {
      for (int& slot : block) {
        if (slot >= 0) ::close(slot);
        slot = -1;
      }
    }
    if (null_ >= 0) ::close(null_);
    null_ = -1;
    errno = error;
    return false;
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  std::array<Block, kBlocks> blocks_;
  std::vector<Block*> free_;
  int null_ = -1;
};

Pool& pool() {
  // Never destroyed: at the end of the process threads may still stand in it.
  static auto& only = *new Pool();
  return only;
}

}  // namespace

LowSlots::LowSlots() : slots_(pool().take()) {}

LowSlots::~LowSlots() {
  if (!valid()) return;
  for (std::size_t index = 0; index < used_; ++index) ::dup3(pool().null(), (*slots_)[index], O_CLOEXEC);
  pool().giveBack(slots_);
}

int LowSlots::put(int descriptor) {
  if (used_ == kSlots - 1) {
    errno = EMFILE;
    return -1;
  }
  const int slot = (*slots_)[used_];
  if (::dup3(descriptor, slot, O_CLOEXEC) != slot) return -1;
  ++used_;
  return slot;
}

int LowSlots::highest() const { return *std::max_element(slots_->begin(), slots_->end()); }

}  // namespace granule

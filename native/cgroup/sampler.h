#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_map>
#include <vector>

#include "cgroup/row.h"
#include "cgroup/target.h"
#include "kernel/fd.h"

namespace granule {

/// Reads all targets on each whole second of CLOCK_REALTIME, on one thread of its own, and hands over their rows in
/// one buffer of kColumns doubles a row. A clock that is set moves the next tick to the next whole second.
class Sampler {
 public:
  /// Takes over the rows of a tick, on the sampler's thread; false ends the thread.
  using OnTick = std::function<bool(std::vector<double>)>;

  /// Starts the thread. Throws std::system_error.
  explicit Sampler(OnTick onTick);
  ~Sampler() { stop(); }
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;

  /// Adds a target, in place of one with its key. Throws OpenFailure.
  void add(std::uint32_t key, const TargetPaths& paths);
  void remove(std::uint32_t key);

  /// Reads one target now, on the caller's thread; without values where the key is unknown.
  [[nodiscard]] Row read(std::uint32_t key) const;

  /// Ends the thread and closes every descriptor. Safe to call again.
  void stop();

 private:
  struct Entry {
    Target target;
    std::optional<Row> last;  ///< of the last tick; touched by the sampler's thread alone
  };

  void run();
  void arm();
  [[nodiscard]] std::vector<double> readAll() const;

  const OnTick onTick_;
  Fd timer_;
  Fd wake_;
  mutable std::mutex mutex_;  ///< guards targets_; held for a copy at most, never while files are read
  std::unordered_map<std::uint32_t, std::shared_ptr<Entry>> targets_;
  std::thread thread_;
};

}  // namespace granule

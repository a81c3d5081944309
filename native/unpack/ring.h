#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace granule::unpack {

/// A bounded set of buffers that go from the thread that decompresses to the threads that write files. A buffer is free
/// again once the last reference to it goes, in whichever order that happens.
class Ring {
 public:
  static constexpr size_t kBufferSize = 512 * 1024;
  static constexpr size_t kBuffers = 12;

  struct Buffer {
    std::unique_ptr<uint8_t[]> data;
    size_t size = 0;
    Ring* home = nullptr;
    std::atomic<unsigned> references = 0;
  };

  /// Keeps a filled buffer; the ring must outlive it.
  class Reference {
   public:
    Reference() = default;
    explicit Reference(Buffer* buffer) : buffer_(buffer) {
      if (buffer_) buffer_->references.fetch_add(1, std::memory_order_relaxed);
    }
    Reference(const Reference& other) : Reference(other.buffer_) {}
    Reference(Reference&& other) noexcept : buffer_(std::exchange(other.buffer_, nullptr)) {}
    Reference& operator=(Reference other) noexcept {
      std::swap(buffer_, other.buffer_);
      return *this;
    }
    ~Reference() {
      if (buffer_ && buffer_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) buffer_->home->free(buffer_);
    }
    const Buffer* get() const { return buffer_; }

   private:
    Buffer* buffer_ = nullptr;
  };

  explicit Ring(size_t buffers = kBuffers, size_t buffer_size = kBufferSize);

  size_t bufferSize() const { return buffer_size_; }
  /// Producer: waits for a free buffer; null once the consumer has given up.
  Buffer* acquire();
  /// Producer: hands over a buffer.
  void commit(Buffer* buffer);
  /// Producer: nothing comes after this; `failure` is thrown to the consumer once it has read all before it.
  void finish(std::exception_ptr failure = nullptr);

  /// Consumer: waits for the next buffer; empty at the end.
  Reference next();
  /// Consumer: wants no more.
  void abandon();

 private:
  void free(Buffer* buffer);

  const size_t buffer_size_;
  const std::unique_ptr<Buffer[]> buffers_;
  std::mutex mutex_;
  std::condition_variable filled_changed_;
  std::condition_variable free_changed_;
  // All below are guarded by mutex_.
  std::vector<Buffer*> free_;
  std::deque<Buffer*> filled_;
  bool finished_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
};

}  // namespace granule::unpack

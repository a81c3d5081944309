#pragma once

#include <array>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>

namespace granule::unpack {

/// A bounded ring of buffers between the thread that decompresses and the thread that writes files.
class Ring {
 public:
  static constexpr size_t kBufferSize = 256 * 1024;
  static constexpr size_t kBuffers = 16;

  struct Buffer {
    std::unique_ptr<uint8_t[]> data = std::make_unique_for_overwrite<uint8_t[]>(kBufferSize);
    size_t size = 0;
  };

  /// Producer: waits for a free buffer; null once the consumer has given up.
  Buffer* acquire();
  /// Producer: hands over the buffer acquired last.
  void commit();
  /// Producer: nothing comes after this; `failure` is thrown to the consumer once it has read all before it.
  void finish(std::exception_ptr failure = nullptr);

  /// Consumer: frees the buffer it had and waits for the next; null at the end.
  const Buffer* next();
  /// Consumer: wants no more.
  void abandon();

 private:
  std::array<Buffer, kBuffers> buffers_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::condition_variable freed_;
  // All below are guarded by mutex_.
  size_t head_ = 0;
  size_t tail_ = 0;
  bool held_ = false;
  bool finished_ = false;
  bool abandoned_ = false;
  std::exception_ptr failure_;
};

}  // namespace granule::unpack

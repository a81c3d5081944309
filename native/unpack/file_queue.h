#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "kernel/fd.h"
#include "unpack/byte_stream.h"
#include "unpack/tar_entry.h"

namespace granule::unpack {

/// A regular file that was created and lacks content and attributes.
struct OpenFile {
  OpenFile(Fd descriptor, TarEntry&& description) : file(std::move(descriptor)), entry(std::move(description)) {}

  Fd file;
  TarEntry entry;
  /// Pieces not yet written, the last one of them counted from the start. Who takes it to 0 completes the file.
  std::atomic<uint32_t> pieces = 1;
};

/// A part of a file's content.
struct FilePiece {
  std::shared_ptr<OpenFile> file;
  Bytes bytes;
  uint64_t offset = 0;
};

/// Fills files and sets their attributes on threads of its own, all by descriptor: names are the caller's alone, so
/// that the order in which files are filled matters to nobody. Bounded; a caller ahead of the threads does their work.
class FileQueue {
 public:
  explicit FileQueue(unsigned threads);
  ~FileQueue();

  /// Takes a piece; after the one that is `last`, attributes are set. Throws what any piece before has met.
  void add(FilePiece piece, bool last);
  /// Waits until every piece is written. Throws as add() does.
  void finish();
  /// Extended attributes that the file system does not support; complete after finish().
  uint64_t skippedXattrs() const { return skipped_xattrs_; }

 private:
  using Batch = std::vector<FilePiece>;

  void flush();
  void work();
  void run(Batch& batch);
  void write(FilePiece& piece);
  void throwFailure();

  Batch batch_;
  size_t batch_bytes_ = 0;
  std::atomic<uint64_t> skipped_xattrs_ = 0;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;
  std::condition_variable work_changed_;
  std::condition_variable idle_changed_;
  // All below are guarded by mutex_.
  std::deque<Batch> waiting_;
  size_t running_ = 0;
  bool stopped_ = false;
  std::exception_ptr failure_;
  std::vector<std::thread> threads_;
};

}  // namespace granule::unpack

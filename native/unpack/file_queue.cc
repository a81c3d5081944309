#include "unpack/file_queue.h"

#include <unistd.h>

#include <cerrno>

#include "unpack/attributes.h"
#include "unpack/error.h"

namespace granule::unpack {

namespace {

/// A hand-over costs a wake-up, and each piece waiting holds a descriptor and a part of the ring.
constexpr size_t kBatchPieces = 32;
constexpr size_t kBatchBytes = 256 * 1024;
constexpr size_t kWaitingMax = 6;

void writeAll(const OpenFile& file, std::span<const uint8_t> bytes, uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file.file.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) throwSystem("pwrite", file.entry.name);
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += static_cast<uint64_t>(written);
  }
}

}  // namespace

FileQueue::FileQueue(unsigned threads) {
  for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
}

FileQueue::~FileQueue() {
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    waiting_.clear();
  }
  work_changed_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void FileQueue::add(FilePiece piece, bool last) {
  if (failed_.load(std::memory_order_relaxed)) throwFailure();
  if (!last) piece.file->pieces.fetch_add(1, std::memory_order_relaxed);
  batch_bytes_ += piece.bytes.span.size();
  batch_.push_back(std::move(piece));
  if (batch_.size() >= kBatchPieces || batch_bytes_ >= kBatchBytes) flush();
}

void FileQueue::flush() {
  Batch batch = std::exchange(batch_, {});
  batch_.reserve(kBatchPieces);
  batch_bytes_ = 0;
  {
    std::lock_guard lock(mutex_);
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(std::move(batch));
      batch = {};
    }
  }
  if (batch.empty())
    work_changed_.notify_one();
  else
    run(batch);
}

void FileQueue::finish() {
  if (!batch_.empty()) flush();
  std::unique_lock lock(mutex_);
  while (!waiting_.empty()) {
    Batch batch = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    run(batch);
    lock.lock();
  }
  idle_changed_.wait(lock, [this] { return running_ == 0; });
  if (failure_) std::rethrow_exception(failure_);
}

void FileQueue::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_changed_.wait(lock, [this] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    {
      Batch batch = std::move(waiting_.front());
      waiting_.pop_front();
      ++running_;
      lock.unlock();
      run(batch);
    }
    lock.lock();
    if (--running_ == 0) idle_changed_.notify_one();
  }
}

void FileQueue::run(Batch& batch) {
  try {
    for (FilePiece& piece : batch) {
      if (failed_.load(std::memory_order_relaxed)) break;
      write(piece);
    }
  } catch (...) {
    std::lock_guard lock(mutex_);
    if (!failure_) failure_ = std::current_exception();
    failed_ = true;
  }
}

void FileQueue::write(FilePiece& piece) {
  OpenFile& file = *piece.file;
  writeAll(file, piece.bytes.span, piece.offset);
  piece.bytes = {};
  if (file.pieces.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    const TarEntry& entry = file.entry;
    // A hole at the end has no piece.
    if (entry.sparse && ftruncate(file.file.get(), static_cast<off_t>(entry.sparse->real_size)) != 0)
      throwSystem("ftruncate", entry.name);
    uint64_t skipped = 0;
    setAttributes(file.file.get(), entry, skipped);
    if (skipped > 0) skipped_xattrs_ += skipped;
  }
  piece.file.reset();
}

void FileQueue::throwFailure() {
  std::lock_guard lock(mutex_);
  std::rethrow_exception(failure_);
}

}  // namespace granule::unpack

#include "unpack/layer_source.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr size_t kInputSize = 256 * 1024;
/// Small archives are mostly padding and compress beyond any ratio; they hurt nobody.
constexpr uint64_t kRatioFreeBytes = 16 * 1024 * 1024;

}  // namespace

Fd openLayer(const std::string& path) {
  Fd file(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.valid()) throwSystem("open", path);
  struct stat status;
  if (fstat(file.get(), &status) != 0) throwSystem("fstat", path);
  if (!S_ISREG(status.st_mode)) throwFormat("", "the layer is not a regular file");
  posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
  return file;
}

LayerSource::LayerSource(const LayerOptions& options)
    : options_(options),
      decompressor_(makeDecompressor(options.compression)),
      input_(std::make_unique_for_overwrite<uint8_t[]>(kInputSize)) {}

void LayerSource::run(Ring& ring) {
  try {
    pump(ring);
    ring.finish();
  } catch (...) {
    ring.finish(std::current_exception());
  }
}

void LayerSource::pump(Ring& ring) {
  for (bool ended = false; !ended;) {
    Ring::Buffer* buffer = ring.acquire();
    if (!buffer) return;
    ended = fill(*buffer, ring.bufferSize());
    tar_hash_.update(buffer->data.get(), buffer->size);
    written_ += buffer->size;
    if (written_ > kRatioFreeBytes && static_cast<double>(written_) > options_.max_ratio * static_cast<double>(read_)) {
      throwLimit("", "the layer expands to more than the allowed multiple of its size");
    }
    if (buffer->size > 0) ring.commit(buffer);
  }
  if (!decompressor_->complete()) throwFormat("", "the compressed stream is truncated");
}

bool LayerSource::fill(Ring::Buffer& buffer, size_t size) {
  buffer.size = 0;
  while (buffer.size < size) {
    if (input_at_ == input_size_ && !input_ended_) readInput();
    const Progress progress = decompressor_->run(input_.get() + input_at_, input_size_ - input_at_,
                                                 buffer.data.get() + buffer.size, size - buffer.size);
    input_at_ += progress.consumed;
    buffer.size += progress.produced;
    if (progress.consumed > 0 || progress.produced > 0) continue;
    if (input_at_ < input_size_) throwFormat("", "the compressed stream is corrupt");
    if (input_ended_) return true;
  }
  return false;
}

void LayerSource::readInput() {
  if (isCancelled(options_)) throwCancelled();
  const size_t most = readableBytes();
  ssize_t size;
  do {
    size = pread(options_.source.get(), input_.get(), most, static_cast<off_t>(read_));
  } while (size < 0 && errno == EINTR);
  if (size < 0) throwSystem("pread", "");
  if (size == 0 && most > 0 && options_.growth) throw UnpackError("growth", 0, "", "its file became shorter");
  input_at_ = 0;
  input_size_ = static_cast<size_t>(size);
  input_ended_ = size == 0;
  read_ += input_size_;
  if (options_.hash_source) compressed_hash_.update(input_.get(), input_size_);
  if (options_.control) __atomic_store_n(options_.control + 1, static_cast<int64_t>(read_), __ATOMIC_RELAXED);
}

size_t LayerSource::readableBytes() {
  if (!options_.growth) return kInputSize;
  const uint64_t end = options_.growth->waitBeyond(read_, [this] { return isCancelled(options_); });
  return std::min<uint64_t>(kInputSize, end - read_);
}

void LayerSource::report(LayerResult& result) {
  if (options_.hash_source) result.digest = compressed_hash_.finish();
  result.diff_id = tar_hash_.finish();
  result.compressed_bytes = read_;
}

}  // namespace granule::unpack

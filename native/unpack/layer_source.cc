#include "unpack/layer_source.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr size_t kInputSize = 256 * 1024;
/// Small archives are mostly padding and compress beyond any ratio; they hurt nobody.
constexpr uint64_t kRatioFreeBytes = 16 * 1024 * 1024;

}  // namespace

LayerSource::LayerSource(const LayerOptions& options)
    : options_(options),
      file_(open(options.source.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)),
      decompressor_(makeDecompressor(options.compression)),
      input_(std::make_unique_for_overwrite<uint8_t[]>(kInputSize)) {
  if (!file_.valid()) throwSystem("open", options.source);
  struct stat status;
  if (fstat(file_.get(), &status) != 0) throwSystem("fstat", options.source);
  if (!S_ISREG(status.st_mode)) throwFormat("", "the layer is not a regular file");
  posix_fadvise(file_.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
}

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
  if (options_.control && __atomic_load_n(reinterpret_cast<int32_t*>(options_.control), __ATOMIC_RELAXED) == 1)
    throwCancelled();
  ssize_t size;
  do {
    size = read(file_.get(), input_.get(), kInputSize);
  } while (size < 0 && errno == EINTR);
  if (size < 0) throwSystem("read", options_.source);
  input_at_ = 0;
  input_size_ = static_cast<size_t>(size);
  input_ended_ = size == 0;
  read_ += input_size_;
  if (options_.hash_source) compressed_hash_.update(input_.get(), input_size_);
  if (options_.control) __atomic_store_n(options_.control + 1, static_cast<int64_t>(read_), __ATOMIC_RELAXED);
}

void LayerSource::report(LayerResult& result) {
  if (options_.hash_source) result.digest = compressed_hash_.finish();
  result.diff_id = tar_hash_.finish();
  result.compressed_bytes = read_;
}

}  // namespace granule::unpack

#pragma once

#include <memory>

#include "kernel/fd.h"
#include "unpack/decompressor.h"
#include "unpack/layer.h"
#include "unpack/ring.h"
#include "unpack/sha256.h"

namespace granule::unpack {

/// The producer's half: file -> sha256 -> decompressor -> sha256 -> ring.
class LayerSource {
 public:
  explicit LayerSource(const LayerOptions& options);

  /// Runs to the end of the file, or until the ring's consumer gives up; errors go through the ring.
  void run(Ring& ring);
  /// After run(): digests and size.
  void report(LayerResult& result);

 private:
  void pump(Ring& ring);
  /// Fills a buffer; whether the stream has ended.
  bool fill(Ring::Buffer& buffer, size_t size);
  void readInput();
  /// How much may be read at once; waits where the file is still growing. 0 is its end.
  size_t readableBytes();

  const LayerOptions& options_;
  std::unique_ptr<Decompressor> decompressor_;
  std::unique_ptr<uint8_t[]> input_;
  size_t input_at_ = 0;
  size_t input_size_ = 0;
  bool input_ended_ = false;
  uint64_t read_ = 0;
  uint64_t written_ = 0;
  Sha256 compressed_hash_;
  Sha256 tar_hash_;
};

}  // namespace granule::unpack

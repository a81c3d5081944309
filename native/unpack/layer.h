#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "kernel/fd.h"
#include "unpack/growth.h"

namespace granule::unpack {

/// Shared memory with the caller: the first Int32 set to 1 cancels, the second Int64 counts compressed bytes read.
using Control = int64_t;

struct LayerOptions {
  /// Of openLayer().
  Fd source;
  /// Where the file is still being written.
  std::shared_ptr<Growth> growth;
  std::string target;
  std::string compression;
  uint64_t max_entries = 0;
  uint64_t max_bytes = 0;
  double max_ratio = 0;
  bool end_optional = false;
  /// Whether the digest of the file as it stands is wanted.
  bool hash_source = true;
  /// Threads that fill files, beside the one that reads the archive and the one that decompresses.
  unsigned threads = 1;
  /// Two cells, or null.
  Control* control = nullptr;
};

/// Whether the caller has cancelled.
inline bool isCancelled(const LayerOptions& options) {
  return options.control && __atomic_load_n(reinterpret_cast<int32_t*>(options.control), __ATOMIC_RELAXED) == 1;
}

struct LayerResult {
  /// Empty where it was not wanted.
  std::string digest;
  std::string diff_id;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t compressed_bytes = 0;
  uint64_t skipped_xattrs = 0;
};

/// Opens a layer's file, which must be a regular one; throws UnpackError.
Fd openLayer(const std::string& path);

/// Unpacks a layer into an empty folder: one thread reads, decompresses and hashes, the caller's makes names, and
/// others fill files. Throws UnpackError; what was written until then stays for the caller to remove.
LayerResult unpackLayer(const LayerOptions& options);

}  // namespace granule::unpack

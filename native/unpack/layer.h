#pragma once

#include <cstdint>
#include <string>

namespace granule::unpack {

/// Shared memory with the caller: the first Int32 set to 1 cancels, the second Int64 counts compressed bytes read.
using Control = int64_t;

struct LayerOptions {
  std::string source;
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

struct LayerResult {
  /// Empty where it was not wanted.
  std::string digest;
  std::string diff_id;
  uint64_t entries = 0;
  uint64_t bytes = 0;
  uint64_t compressed_bytes = 0;
  uint64_t skipped_xattrs = 0;
};

/// Unpacks a layer into an empty folder: one thread reads, decompresses and hashes, the caller's makes names, and
/// others fill files. Throws UnpackError; what was written until then stays for the caller to remove.
LayerResult unpackLayer(const LayerOptions& options);

}  // namespace granule::unpack

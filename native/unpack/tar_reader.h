#pragma once

#include <optional>
#include <string>

#include "unpack/byte_stream.h"
#include "unpack/tar_entry.h"
#include "unpack/tar_header.h"

namespace granule::unpack {

/// Reads a tar stream entry by entry: ustar, PAX, GNU (long names, sparse files, base-256 numbers), v7 and star.
/// Anything that readers disagree on (data on links, global overrides, bytes after the end) is an error.
class TarReader {
 public:
  /// `end_optional`: the stream may end after a whole body, without padding and end marker, as some writers leave it.
  TarReader(ByteStream& stream, bool end_optional) : stream_(stream), end_optional_(end_optional) {}

  /// The next entry; empty after the end-of-archive marker, once the stream is read to its end.
  std::optional<TarEntry> next();
  /// The next bytes of the current entry's body; empty once it is read.
  Bytes body();

 private:
  struct Extensions;

  bool readBlock(uint8_t* block);
  std::string readExtension(const TarHeader& header);
  void readExtensionInto(Extensions& extensions, const TarHeader& header);
  TarEntry finishEntry(const TarHeader& header, const uint8_t* block, const Extensions& extensions);
  void readSparseInto(TarEntry& entry, const TarHeader& header, const uint8_t* block, const Extensions& extensions);
  void skipBody();
  void expectEnd();

  ByteStream& stream_;
  const bool end_optional_;
  std::string name_;
  uint64_t body_left_ = 0;
  uint64_t padding_left_ = 0;
};

}  // namespace granule::unpack

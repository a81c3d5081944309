/// libFuzzer target: decompressors, tar parser and name cleaning, without a file system.
/// The first byte says how to read the others: bits 0 and 1 the compression, bit 2 a missing end marker.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "mend.h"
#include "unpack/decompressor.h"
#include "unpack/entry_path.h"
#include "unpack/error.h"
#include "unpack/ring.h"
#include "unpack/tar_reader.h"

namespace {

using namespace granule::unpack;

// Small, so that everything crosses from one to the next.
constexpr size_t kBufferSize = 1000;
constexpr size_t kMost = 128 * 1024;

std::vector<uint8_t> decompress(const char* compression, std::span<const uint8_t> input) {
  std::vector<uint8_t> output(kMost);
  const auto decompressor = makeDecompressor(compression);
  size_t done = 0;
  while (done < output.size()) {
    const Progress progress = decompressor->run(input.data(), input.size(), output.data() + done,
                                                std::min<size_t>(777, output.size() - done));
    if (progress.consumed == 0 && progress.produced == 0) break;
    if (progress.consumed > input.size()) std::abort();
    input = input.subspan(progress.consumed);
    done += progress.produced;
  }
  output.resize(done);
  return output;
}

void readAll(const std::vector<uint8_t>& tar, bool end_optional) {
  Ring ring(kMost / kBufferSize + 1, kBufferSize);
  for (size_t at = 0; at < tar.size(); at += kBufferSize) {
    Ring::Buffer* buffer = ring.acquire();
    buffer->size = std::min(kBufferSize, tar.size() - at);
    std::copy_n(tar.begin() + static_cast<std::ptrdiff_t>(at), buffer->size, buffer->data.get());
    ring.commit(buffer);
  }
  ring.finish();
  ByteStream stream(ring);
  TarReader reader(stream, end_optional);
  while (auto entry = reader.next()) {
    const EntryPath path = EntryPath::parse(entry->name);
    // What holds for every name that passes.
    const std::string bounded = "/" + path.whole() + "/";
    if (bounded.find("/../") != std::string::npos || bounded.find("/./") != std::string::npos) std::abort();
    if (bounded.find('\0') != std::string::npos || entry->link.find('\0') != std::string::npos) std::abort();
    uint64_t bytes = 0;
    for (Bytes body = reader.body(); !body.empty(); body = reader.body()) bytes += body.span.size();
    if (bytes != entry->size) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr const char* kCompressions[] = {"none", "gzip", "zstd", "none"};
  try {
    std::vector<uint8_t> tar = decompress(kCompressions[data[0] & 3], {data + 1, size - 1});
    mendChecksums(tar);
    readAll(tar, data[0] & 4);
  } catch (const UnpackError& refused) {
    if (refused.message.empty()) std::abort();
  }
  return 0;
}

#include "unpack/layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <thread>

#include "unpack/byte_stream.h"
#include "unpack/error.h"
#include "unpack/layer_source.h"
#include "unpack/layer_writer.h"
#include "unpack/tar_reader.h"

namespace granule::unpack {

namespace {

Fd openTarget(const std::string& target) {
  Fd root(open(target.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!root.valid()) throwSystem("open", target);
  // A layer without an entry for the root leaves it as every reader does.
  if (fchmod(root.get(), 0755) != 0) throwSystem("fchmod", target);
  return root;
}

void writeEntries(Ring& ring, LayerWriter& writer, const LayerOptions& options, LayerResult& result) {
  ByteStream stream(ring);
  TarReader reader(stream, options.end_optional);
  while (auto entry = reader.next()) {
    if (isCancelled(options)) throwCancelled();
    if (++result.entries > options.max_entries) {
      throwLimit(entry->name, "the layer has more than " + std::to_string(options.max_entries) + " entries");
    }
    if (entry->fileSize() > options.max_bytes - result.bytes) {
      throwLimit(entry->name, "the layer's files exceed " + std::to_string(options.max_bytes) + " bytes");
    }
    result.bytes += entry->fileSize();
    writer.write(std::move(*entry), [&] { return reader.body(); });
  }
  writer.finish();
  result.skipped_xattrs = writer.skippedXattrs();
}

}  // namespace

LayerResult unpackLayer(const LayerOptions& options) {
  LayerResult result;
  // The writer's threads hold buffers of the ring, and so go before it.
  Ring ring;
  LayerSource source(options);
  LayerWriter writer(openTarget(options.target), options.threads);
  std::thread producer([&] { source.run(ring); });
  try {
    writeEntries(ring, writer, options, result);
  } catch (...) {
    ring.abandon();
    producer.join();
    throw;
  }
  producer.join();
  source.report(result);
  return result;
}

}  // namespace granule::unpack

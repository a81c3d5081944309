#include "unpack/tar_reader.h"

#include <algorithm>

#include "unpack/error.h"
#include "unpack/pax.h"
#include "unpack/sparse.h"

namespace granule::unpack {

namespace {

constexpr uint64_t kPaxSizeMax = 1024 * 1024;
constexpr uint64_t kLongNameMax = 8192;
/// A global header, an extended one, a long name and a long link are the most that a writer puts before an entry.
constexpr int kExtensionsMax = 4;
constexpr uint64_t kTrailerMax = 64 * 1024 * 1024;

EntryType typeOf(const TarHeader& header, const TarEntry& entry) {
  switch (header.type) {
    case '\0':
    case '0':
    case '7':
    case 'S':
      // v7 has no type for directories (tar(5)).
      return entry.name.ends_with('/') ? EntryType::kDirectory : EntryType::kFile;
    case '1':
      return EntryType::kHardLink;
    case '2':
      return EntryType::kSymlink;
    case '3':
      return EntryType::kCharDevice;
    case '4':
      return EntryType::kBlockDevice;
    case '5':
      return EntryType::kDirectory;
    case '6':
      return EntryType::kFifo;
    default:
      throwFormat(entry.name,
                  std::string("its type \"") + printable(std::string(1, header.type)) + "\" is not supported");
  }
}

uint32_t id32(uint64_t value, const std::string& entry, const char* what) {
  // The largest means "unchanged" to chown(2).
  if (value >= UINT32_MAX) throwFormat(entry, std::string("its ") + what + " is out of range");
  return static_cast<uint32_t>(value);
}

}  // namespace

/// What the extension headers before an entry said.
struct TarReader::Extensions {
  PaxRecords pax;
  std::string long_name;
  std::string long_link;
  int count = 0;
};

std::optional<TarEntry> TarReader::next() {
  skipBody();
  Extensions extensions;
  uint8_t block[kTarBlock];
  for (;;) {
    if (!readBlock(block)) {
      if (end_optional_ && extensions.count == 0) return std::nullopt;
      throwFormat(name_, "the archive is truncated: it has no end-of-archive marker");
    }
    if (isZeroBlock(block)) {
      if (extensions.count > 0) throwFormat(name_, "the archive is truncated: it ends in the middle of an entry");
      expectEnd();
      return std::nullopt;
    }
    TarHeader header = parseTarHeader(block);
    if (header.type != 'x' && header.type != 'g' && header.type != 'L' && header.type != 'K') {
      return finishEntry(header, block, extensions);
    }
    if (++extensions.count > kExtensionsMax) throwLimit(header.name, "too many extension headers before one entry");
    readExtensionInto(extensions, header);
  }
}

Bytes TarReader::body() {
  if (body_left_ == 0) return {};
  Bytes bytes = stream_.share(std::min<uint64_t>(body_left_, Ring::kBufferSize));
  if (bytes.empty()) throwFormat(name_, "the archive is truncated: it ends in the middle of an entry");
  body_left_ -= bytes.span.size();
  return bytes;
}

bool TarReader::readBlock(uint8_t* block) {
  size_t size = stream_.read(block, kTarBlock);
  if (size != 0 && size != kTarBlock) throwFormat(name_, "the archive is truncated: it ends in the middle of a header");
  return size == kTarBlock;
}

void TarReader::readExtensionInto(Extensions& extensions, const TarHeader& header) {
  const bool long_name = header.type == 'L' || header.type == 'K';
  if (header.size > (long_name ? kLongNameMax : kPaxSizeMax))
    throwLimit(header.name, "an extension header is too large");
  std::string data = readExtension(header);
  if (long_name) {
    const size_t length = std::min(data.find('\0'), data.size());
    if (data.find_first_not_of('\0', length) != std::string::npos)
      throwFormat(header.name, "a long name holds a NUL byte");
    data.resize(length);
    std::string& target = header.type == 'L' ? extensions.long_name : extensions.long_link;
    if (data.empty() || !target.empty()) throwFormat(header.name, "a long name is empty or given twice");
    target = std::move(data);
    return;
  }
  PaxRecords records = parsePax(data, header.name);
  if (header.type == 'x') {
    if (!extensions.pax.empty()) throwFormat(header.name, "two PAX headers stand before one entry");
    extensions.pax = std::move(records);
    return;
  }
  for (const auto& record : records) {
    if (isHonouredPax(record.first)) throwFormat(header.name, "a global PAX header sets " + printable(record.first));
  }
}

std::string TarReader::readExtension(const TarHeader& header) {
  std::string data(header.size, '\0');
  const size_t padding = (kTarBlock - header.size % kTarBlock) % kTarBlock;
  uint8_t rest[kTarBlock];
  if (stream_.read(reinterpret_cast<uint8_t*>(data.data()), data.size()) != data.size() ||
      stream_.read(rest, padding) != padding) {
    throwFormat(header.name, "the archive is truncated: it ends in the middle of an extension header");
  }
  return data;
}

TarEntry TarReader::finishEntry(const TarHeader& header, const uint8_t* block, const Extensions& extensions) {
  TarEntry entry;
  entry.name = extensions.long_name.empty() ? header.name : extensions.long_name;
  entry.link = extensions.long_link.empty() ? header.link : extensions.long_link;
  entry.mode = static_cast<mode_t>(header.mode & 07777);
  entry.size = header.size;
  entry.mtime.tv_sec = header.mtime;
  const std::string short_name = entry.name;
  // Checked below, so that an overflowed header field may be mended by a PAX record.
  uint64_t uid = header.uid, gid = header.gid;
  entry.uid = entry.gid = UINT32_MAX;
  applyPax(extensions.pax, entry);
  if (!extensions.long_name.empty() && entry.name != short_name)
    throwFormat(entry.name, "it has a GNU and a PAX name that differ");
  entry.uid = entry.uid == UINT32_MAX ? id32(uid, entry.name, "uid") : entry.uid;
  entry.gid = entry.gid == UINT32_MAX ? id32(gid, entry.name, "gid") : entry.gid;
  entry.device_major = id32(header.device_major, entry.name, "device major");
  entry.device_minor = id32(header.device_minor, entry.name, "device minor");
  entry.type = typeOf(header, entry);
  // Readers disagree on whether a body follows: whoever trusts the wrong one sees other files.
  if (entry.type != EntryType::kFile && entry.size != 0)
    throwFormat(entry.name, "it carries data, and is not a regular file");
  padding_left_ = (kTarBlock - entry.size % kTarBlock) % kTarBlock;
  if (header.type == 'S' || isPaxSparse(extensions.pax)) readSparseInto(entry, header, block, extensions);
  name_ = entry.name;
  body_left_ = entry.size;
  return entry;
}

void TarReader::readSparseInto(TarEntry& entry, const TarHeader& header, const uint8_t* block,
                               const Extensions& extensions) {
  if (entry.type != EntryType::kFile) throwFormat(entry.name, "it has a sparse map, and is not a regular file");
  if (header.type == 'S' && isPaxSparse(extensions.pax)) throwFormat(entry.name, "it has two sparse maps");
  uint8_t more[kTarBlock];
  const NextBlock next = [&] {
    if (!readBlock(more)) throwFormat(entry.name, "the archive is truncated: it ends in the middle of a sparse map");
    return more;
  };
  entry.sparse =
      header.type == 'S' ? readGnuSparse(block, next, entry.name) : readPaxSparse(extensions.pax, next, entry);
  checkSparse(*entry.sparse, entry);
}

void TarReader::skipBody() {
  while (!body().empty()) {
  }
  while (padding_left_ > 0) {
    auto bytes = stream_.take(padding_left_);
    if (bytes.empty() && end_optional_) return;
    if (bytes.empty()) throwFormat(name_, "the archive is truncated: it ends in the middle of an entry");
    padding_left_ -= bytes.size();
  }
}

void TarReader::expectEnd() {
  uint64_t trailer = 0;
  for (auto bytes = stream_.take(Ring::kBufferSize); !bytes.empty(); bytes = stream_.take(Ring::kBufferSize)) {
    if (std::any_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; })) {
      throwFormat("", "data stands after the end-of-archive marker");
    }
    if ((trailer += bytes.size()) > kTrailerMax)
      throwLimit("", "more than 64 MiB of padding follow the end-of-archive marker");
  }
}

}  // namespace granule::unpack

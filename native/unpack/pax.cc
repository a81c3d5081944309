#include "unpack/pax.h"

#include <algorithm>

#include "unpack/error.h"

namespace granule::unpack {

namespace {

constexpr std::string_view kXattrPrefix = "SCHILY.xattr.";
constexpr std::string_view kGnuSparsePrefix = "GNU.sparse.";
/// Longest xattr name the kernel takes (xattr(7)).
constexpr size_t kXattrNameMax = 255;
constexpr size_t kXattrSizeMax = 65536;

/// Seconds with an optional fraction, possibly negative; the fraction is cut at nanoseconds.
timespec parseTime(std::string_view text, const std::string& entry) {
  const bool negative = text.starts_with('-');
  if (negative) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  timespec time{};
  time.tv_sec = static_cast<time_t>(parseDecimal<uint64_t>(text.substr(0, point), entry, "mtime") & INT64_MAX);
  std::string_view fraction = point < text.size() ? text.substr(point + 1) : std::string_view();
  long scale = 100'000'000;
  for (char digit : fraction) {
    if (digit < '0' || digit > '9') throwFormat(entry, "its PAX mtime is no number");
    time.tv_nsec += (digit - '0') * scale;
    scale /= 10;
  }
  if (!negative) return time;
  time.tv_sec = -time.tv_sec;
  if (time.tv_nsec > 0) {
    time.tv_sec -= 1;
    time.tv_nsec = 1'000'000'000 - time.tv_nsec;
  }
  return time;
}

void setXattr(TarEntry& entry, std::string name, const std::string& value) {
  if (name.empty() || name.size() > kXattrNameMax || name.find('\0') != std::string::npos) {
    throwFormat(entry.name, "an extended attribute's name is invalid");
  }
  if (value.size() > kXattrSizeMax) throwLimit(entry.name, "an extended attribute is larger than 64 KiB");
  auto same =
      std::find_if(entry.xattrs.begin(), entry.xattrs.end(), [&](const auto& one) { return one.first == name; });
  if (same != entry.xattrs.end())
    same->second = value;
  else
    entry.xattrs.emplace_back(std::move(name), value);
}

}  // namespace

std::string parsePaxName(const std::string& value, const std::string& entry, const std::string& key) {
  if (value.find('\0') != std::string::npos) throwFormat(entry, "its PAX " + key + " holds a NUL byte");
  return value;
}

PaxRecords parsePax(std::string_view data, const std::string& entry) {
  PaxRecords records;
  while (!data.empty()) {
    const size_t space = data.find(' ');
    if (space == std::string_view::npos || space == 0 || space > 10) throwFormat(entry, "a PAX record has no length");
    const auto length = parseDecimal<size_t>(data.substr(0, space), entry, "record length");
    if (length > data.size() || length < space + 4 || data[length - 1] != '\n') {
      throwFormat(entry, "a PAX record's length is wrong");
    }
    const std::string_view record = data.substr(space + 1, length - space - 2);
    const size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) throwFormat(entry, "a PAX record has no key");
    records.emplace_back(record.substr(0, equals), record.substr(equals + 1));
    data.remove_prefix(length);
  }
  return records;
}

bool isHonouredPax(std::string_view key) {
  return key == "path" || key == "linkpath" || key == "size" || key == "uid" || key == "gid" || key == "mtime" ||
         key == "SCHILY.realsize" || key.starts_with(kXattrPrefix) || key.starts_with(kGnuSparsePrefix);
}

void applyPax(const PaxRecords& records, TarEntry& entry) {
  for (const auto& [key, value] : records) {
    // Not to be passed over: without its map a sparse file would come out as something else.
    if (key == "SCHILY.realsize") throwFormat(entry.name, "sparse files in star's format are not supported in layers");
    if (key.starts_with(kXattrPrefix)) {
      setXattr(entry, key.substr(kXattrPrefix.size()), value);
      continue;
    }
    if (value.empty()) continue;
    if (key == "path") entry.name = parsePaxName(value, entry.name, key);
    if (key == "linkpath") entry.link = parsePaxName(value, entry.name, key);
    if (key == "size") entry.size = parseDecimal<uint64_t>(value, entry.name, key);
    if (key == "uid") entry.uid = parseDecimal<uid_t>(value, entry.name, key);
    if (key == "gid") entry.gid = parseDecimal<gid_t>(value, entry.name, key);
    if (key == "mtime") entry.mtime = parseTime(value, entry.name);
  }
}

}  // namespace granule::unpack

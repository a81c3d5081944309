#include "unpack/error.h"

#include <cerrno>
#include <cstring>

namespace granule::unpack {

namespace {

constexpr size_t kLongestShown = 200;

std::string subject(const std::string& entry) { return entry.empty() ? "" : "entry \"" + printable(entry) + "\": "; }

}  // namespace

std::string printable(const std::string& name) {
  std::string shown = name.substr(0, kLongestShown);
  for (char& c : shown) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) c = '?';
  }
  // Cutting must not split a UTF-8 sequence.
  if (name.size() > kLongestShown) {
    while (!shown.empty() && (static_cast<unsigned char>(shown.back()) & 0xc0) == 0x80) shown.pop_back();
    if (!shown.empty() && static_cast<unsigned char>(shown.back()) >= 0xc0) shown.pop_back();
    shown += "...";
  }
  return shown;
}

void throwFormat(const std::string& entry, const std::string& why) {
  throw UnpackError("format", 0, printable(entry), subject(entry) + why);
}

void throwLimit(const std::string& entry, const std::string& why) {
  throw UnpackError("limit", 0, printable(entry), subject(entry) + why);
}

void throwSystem(const char* call, const std::string& entry) { throwSystem(call, entry, errno); }

void throwSystem(const char* call, const std::string& entry, int number) {
  throw UnpackError(call, number, printable(entry), subject(entry) + call + ": " + strerrordesc_np(number));
}

void throwCancelled() { throw UnpackError("cancel", ECANCELED, "", "cancelled"); }

}  // namespace granule::unpack

#pragma once

#include <cstdarg>
#include <exception>
#include <string>

namespace granule::unpack {

/// Why a layer was not unpacked. `number` is 0 where no system call failed: the archive is at fault.
struct UnpackError : std::exception {
  UnpackError(std::string failed_step, int error, std::string where, std::string text)
      : step(std::move(failed_step)), number(error), path(std::move(where)), message(std::move(text)) {}
  const char* what() const noexcept override { return message.c_str(); }

  std::string step;
  int number;
  std::string path;
  std::string message;
};

/// An archive that breaks its format.
[[noreturn]] void throwFormat(const std::string& entry, const std::string& why);
/// An archive that breaks a cap.
[[noreturn]] void throwLimit(const std::string& entry, const std::string& why);
/// A failed system call; `number` is errno unless told.
[[noreturn]] void throwSystem(const char* call, const std::string& entry);
[[noreturn]] void throwSystem(const char* call, const std::string& entry, int number);
[[noreturn]] void throwCancelled();

/// An entry name for messages: cut to a readable length, control bytes shown as `?`.
std::string printable(const std::string& name);

}  // namespace granule::unpack

#include "launch/bindings.h"

#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "kernel/fd.h"
#include "kernel/syscalls.h"
#include "launch/seccomp.h"
#include "launch/spawn_bindings.h"

namespace granule {

namespace {

[[noreturn]] void throwErrno(Napi::Env env, const char* syscall, const std::string& path) {
  const int error = errno;
  Napi::Error thrown = Napi::Error::New(env, std::string(syscall) + " " + path + ": " + std::strerror(error));
  thrown.Set("code", Napi::String::New(env, strerrorname_np(error)));
  thrown.Set("syscall", Napi::String::New(env, syscall));
  thrown.Set("path", Napi::String::New(env, path));
  throw thrown;
}

Napi::Value lockFile(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>();
  Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file.valid()) throwErrno(info.Env(), "open", path);
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return Napi::Number::New(info.Env(), -1);
    throwErrno(info.Env(), "flock", path);
  }
  return Napi::Number::New(info.Env(), file.release());
}

void unlockFile(const Napi::CallbackInfo& info) {
  const Fd file(info[0].As<Napi::Number>().Int32Value());
  // Closing is not enough: a monitor that is being started holds the same open file until its exec.
  ::flock(file.get(), LOCK_UN);
}

Napi::Value boottimeNs(const Napi::CallbackInfo& info) {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto seconds = static_cast<std::uint64_t>(now.tv_sec);
  return Napi::BigInt::New(info.Env(), seconds * 1'000'000'000U + static_cast<std::uint64_t>(now.tv_nsec));
}

/// Supplementary groups of the process at the other end, as they were when it connected.
Napi::Array peerGroups(Napi::Env env, int descriptor) {
  std::vector<gid_t> groups(64);
  socklen_t size = 0;
  for (;;) {
    size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) break;
    // ERANGE tells the size that it takes.
    if (errno != ERANGE) throwErrno(env, "getsockopt", "SO_PEERGROUPS");
    groups.resize(size / sizeof(gid_t));
  }
  Napi::Array array = Napi::Array::New(env, size / sizeof(gid_t));
  for (std::uint32_t index = 0; index < array.Length(); ++index) array.Set(index, static_cast<double>(groups[index]));
  return array;
}

Napi::Value peerCredentials(const Napi::CallbackInfo& info) {
  const int descriptor = info[0].As<Napi::Number>().Int32Value();
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    throwErrno(info.Env(), "getsockopt", "SO_PEERCRED");
  }
  Napi::Object object = Napi::Object::New(info.Env());
  object.Set("pid", peer.pid);
  object.Set("uid", static_cast<double>(peer.uid));
  object.Set("gid", static_cast<double>(peer.gid));
  object.Set("groups", peerGroups(info.Env(), descriptor));
  return object;
}

/// Where a unix socket is bound; undefined for a socket of another family.
Napi::Value unixSocketPath(const Napi::CallbackInfo& info) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  auto* bound = reinterpret_cast<sockaddr*>(&address);
  if (::getsockname(info[0].As<Napi::Number>().Int32Value(), bound, &size) != 0) {
    throwErrno(info.Env(), "getsockname", "");
  }
  if (address.sun_family != AF_UNIX) return info.Env().Undefined();
  const std::size_t length = size - offsetof(sockaddr_un, sun_path);
  const bool abstract = length > 0 && address.sun_path[0] == '\0';
  if (abstract) address.sun_path[0] = '@';
  // A path ends with its NUL, an abstract name with its length.
  return Napi::String::New(info.Env(), address.sun_path, abstract ? length : ::strnlen(address.sun_path, length));
}

/// One datagram to a unix socket by its path, or by its abstract name after an `@`, as sd_notify(3) sends it.
void sendDatagram(const Napi::CallbackInfo& info) {
  std::string path = info[0].As<Napi::String>();
  const std::string text = info[1].As<Napi::String>();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    throwErrno(info.Env(), "sendto", path);
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path[0] == '@') address.sun_path[0] = '\0';
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
  const Fd socket(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) throwErrno(info.Env(), "socket", path);
  const auto* to = reinterpret_cast<const sockaddr*>(&address);
  if (::sendto(socket.get(), text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT, to, size) < 0) {
    throwErrno(info.Env(), "sendto", path);
  }
}

}  // namespace

void exportLaunch(Napi::Env env, Napi::Object exports) {
  exportSpawn(env, exports);
  exports.Set("compileSeccomp", Napi::Function::New(env, compileSeccomp, "compileSeccomp"));
  exports.Set("lockFile", Napi::Function::New(env, lockFile, "lockFile"));
  exports.Set("unlockFile", Napi::Function::New(env, unlockFile, "unlockFile"));
  exports.Set("boottimeNs", Napi::Function::New(env, boottimeNs, "boottimeNs"));
  exports.Set("peerCredentials", Napi::Function::New(env, peerCredentials, "peerCredentials"));
  exports.Set("unixSocketPath", Napi::Function::New(env, unixSocketPath, "unixSocketPath"));
  exports.Set("sendDatagram", Napi::Function::New(env, sendDatagram, "sendDatagram"));
}

}  // namespace granule

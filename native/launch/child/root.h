#pragma once

#include <sched.h>
#include <sys/types.h>

#include "kernel/fd.h"
#include "launch/child/child.h"

namespace granule {

/// Lets no mount of this mount namespace show in another.
bool makeMountsPrivate();

/// The root file system while it is put together. Every path inside is resolved by openat2 with RESOLVE_IN_ROOT, once,
/// and then used by descriptor, so that no image and no racing process can redirect a mount (CVE-2021-30465).
class Root {
 public:
  /// Makes a tmpfs the root of this process's mount namespace, for what is mounted before there is a real root.
  /// @param hostNamespace the mount namespace that the plan's host paths are of
  StepResult stage(const OpView& op, Fd hostNamespace);
  StepResult adopt(const OpView& op);
  StepResult overlay(const OpView& op);
  StepResult bindRoot(const OpView& op);
  StepResult mount(const OpView& op);
  StepResult bind(const OpView& op);
  StepResult volume(const OpView& op);
  StepResult device(const OpView& op);
  StepResult symlink(const OpView& op);
  StepResult directory(const OpView& op);
  StepResult mask(const OpView& op);
  StepResult readOnlyPath(const OpView& op);
  StepResult writeFile(const OpView& op);
  StepResult readOnly();
  StepResult pivot();

  /// Opens the container's own terminal multiplexer, binds the terminal to `op`'s path where there is one, and hands
  /// back both ends. Only a devpts multiplexer is taken (CVE-2025-52565).
  StepResult console(const OpView& op, Fd& master, Fd& terminal);

  /// Does something where paths are the host's: at once, or for a staged root, whose namespace has none of the host's
  /// mounts any more, within the host's own. What it opens can be attached afterwards.
  template <typename Act>
  [[nodiscard]] StepResult inHost(Act act) const {
    if (!hostNamespace_.valid()) return act();
    if (::setns(hostNamespace_.get(), CLONE_NEWNS) != 0) return failed("setns");
    const StepResult result = act();
    return ::setns(ownNamespace_.get(), CLONE_NEWNS) == 0 ? result : failed("setns");
  }

  /// Opens a path in the root: O_PATH without `flags`.
  [[nodiscard]] Fd open(const char* path, int flags = 0) const;

 private:
  [[nodiscard]] StepResult makeOverlay(const OpView& op, Fd& mount) const;
  [[nodiscard]] StepResult cloneHostTree(const char* path, unsigned flags, Fd& mount) const;
  [[nodiscard]] StepResult replaceHostRoot() const;
  StepResult attachRoot(Fd mount, const char* path);
  StepResult attach(int mount, int target, const char* path) const;
  /// The folder that holds `path`'s last component, made where missing; `name` is that component.
  [[nodiscard]] Fd parent(const char* path, const char*& name) const;
  [[nodiscard]] Fd makeDirectory(const char* path, mode_t mode) const;
  /// Covers a file with one of the tmpfs `memory`: some three times faster than making it on a disk's overlay.
  StepResult coverFile(const Fd& target, const Fd& memory, const OpView& op) const;

  Fd root_;
  Fd stage_;  ///< the root that file systems were mounted in before there was a real one
  Fd hostNamespace_;
  Fd ownNamespace_;
  Fd nullDevice_;
  Fd emptyFolder_;
};

}  // namespace granule

#pragma once

#include <sys/types.h>

#include "kernel/fd.h"
#include "launch/child/child.h"

namespace granule {

/// The root file system while it is put together. Every path inside is resolved by openat2 with RESOLVE_IN_ROOT, once,
/// and then used by descriptor, so that no image and no racing process can redirect a mount (CVE-2021-30465).
class Root {
 public:
  StepResult stage(const OpView& op);
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

  /// Opens a path in the root: O_PATH without `flags`.
  [[nodiscard]] Fd open(const char* path, int flags = 0) const;

 private:
  StepResult pivotAhead(const char* path);
  StepResult attachRoot(Fd mount, const char* path);
  StepResult attach(int mount, int target, const char* path) const;
  /// The folder that holds `path`'s last component, made where missing; `name` is that component.
  [[nodiscard]] Fd parent(const char* path, const char*& name) const;
  [[nodiscard]] Fd makeDirectory(const char* path, mode_t mode) const;
  /// Covers a file with one of the tmpfs `memory`: some three times faster than making it on a disk's overlay.
  StepResult coverFile(const Fd& target, const Fd& memory, const OpView& op) const;

  Fd root_;
  Fd stage_;  ///< the root that file systems were mounted in before there was a real one
  Fd host_;   ///< the host's root, while the stage is that of the namespace
  Fd nullDevice_;
  Fd emptyFolder_;
};

}  // namespace granule

#pragma once

#include <cstdint>
#include <string>

#include "unpack/tar_entry.h"

namespace granule::unpack {

/// Sets owner, mode, extended attributes and, except for folders, times: in the order in which none undoes another
/// (chown clears setuid and capabilities). `skipped_xattrs` counts those that the file system does not support.
/// Attributes of overlayfs itself are dropped: an archive must not forge them.
void setAttributes(int descriptor, const TarEntry& entry, uint64_t& skipped_xattrs);

/// The same for what cannot be opened: symlinks, devices and FIFOs.
void setAttributesAt(int parent, const char* base, const TarEntry& entry, uint64_t& skipped_xattrs);

/// Removes the extended attributes of a folder that comes a second time, except overlayfs's own.
void clearXattrs(int descriptor, const std::string& entry);

}  // namespace granule::unpack

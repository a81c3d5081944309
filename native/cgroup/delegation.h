#pragma once

#include <string>

namespace granule {

/// Whether systemd marked a cgroup as delegated (systemd: CGROUP_DELEGATION, "xattr trusted.delegate", and
/// user.delegate from 251 on): the attribute's value is "1".
bool isDelegatedCgroup(const std::string& path);

}  // namespace granule

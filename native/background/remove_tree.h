#pragma once

#include <string>

namespace granule {

/// Removes a folder and all in it, crossing no symbolic link, however deep it is. False where something stays.
bool removeTree(const std::string& path);

}  // namespace granule

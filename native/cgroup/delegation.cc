#include "cgroup/delegation.h"

#include <sys/xattr.h>

namespace granule {

bool isDelegatedCgroup(const std::string& path) {
  for (const char* name : {"trusted.delegate", "user.delegate"}) {
    char value = 0;
    if (getxattr(path.c_str(), name, &value, 1) == 1 && value == '1') return true;
  }
  return false;
}

}  // namespace granule

/// libFuzzer target: whole layers into a folder on tmpfs. Whatever the archive holds, nothing beside that folder may
/// change. The bytes are an uncompressed tar. GRANULE_FUZZ_FOLDER is an empty folder to work in.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "mend.h"
#include "unpack/error.h"
#include "unpack/layer.h"

namespace {

namespace fs = std::filesystem;
using namespace granule::unpack;

const fs::path& home() {
  static const fs::path folder = [] {
    const char* given = std::getenv("GRANULE_FUZZ_FOLDER");
    if (given == nullptr) std::abort();
    fs::path made = fs::path(given) / std::to_string(getpid());
    fs::create_directories(made);
    std::ofstream(made / "secret") << "untouched";
    return made;
  }();
  return folder;
}

void checkSurroundings() {
  std::ifstream secret(home() / "secret");
  const std::string text{std::istreambuf_iterator<char>(secret), {}};
  struct stat status;
  if (text != "untouched" || stat((home() / "secret").c_str(), &status) != 0 || status.st_nlink != 1) std::abort();
  for (const auto& entry : fs::directory_iterator(home())) {
    const fs::path name = entry.path().filename();
    if (name != "secret" && name != "layer" && name != "root") std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const fs::path layer = home() / "layer";
  const fs::path root = home() / "root";
  std::vector<uint8_t> tar(data, data + size);
  mendChecksums(tar);
  std::ofstream(layer, std::ios::binary)
      .write(reinterpret_cast<const char*>(tar.data()), static_cast<std::streamsize>(tar.size()));
  fs::create_directory(root);
  LayerOptions options;
  options.source = openLayer(layer);
  options.target = root;
  options.compression = "none";
  options.max_entries = 64;
  options.max_bytes = 1024 * 1024;
  options.max_ratio = 100;
  options.end_optional = true;
  options.hash_source = false;
  options.threads = 2;
  try {
    unpackLayer(options);
  } catch (const UnpackError& refused) {
    if (refused.message.empty()) std::abort();
  }
  checkSurroundings();
  fs::remove_all(root);
  return 0;
}

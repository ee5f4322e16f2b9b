#include "base/shared_module.h"

#include <dlfcn.h>

#include <filesystem>
#include <vector>

namespace qed {
namespace {

std::vector<std::filesystem::path> PlacesOf(const std::string& file) {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto folder = program.parent_path();
  return {folder / file, folder / "../lib/qed" / file, folder / "../.." / file};
}

}  // namespace

Result<void*> FindModuleEntry(const SharedModule& module) {
  const std::string file = module.file;
  for (const std::filesystem::path& place : PlacesOf(file)) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) continue;
    const int scope = module.shares_symbols ? RTLD_GLOBAL : RTLD_LOCAL;
    void* library = ::dlopen(place.c_str(), RTLD_NOW | scope);
    if (library == nullptr) return Unsupported(file + ": " + ::dlerror());
    void* entry = ::dlsym(library, module.entry);
    if (entry == nullptr) return OtherBuild(module);
    return entry;
  }
  return Unsupported(module.missing);
}

Status OtherBuild(const SharedModule& module) {
  return Unsupported(std::string(module.file) +
                     " belongs to another build of QED: build both again");
}

}  // namespace qed

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

Result<void*> OpenSharedModule(const std::string& file, const char* entry, ModuleSymbols symbols,
                               const std::string& missing) {
  for (const std::filesystem::path& place : PlacesOf(file)) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) continue;
    const int scope = symbols == ModuleSymbols::kShared ? RTLD_GLOBAL : RTLD_LOCAL;
    void* library = ::dlopen(place.c_str(), RTLD_NOW | scope);
    if (library == nullptr) return Unsupported(file + ": " + ::dlerror());
    void* address = ::dlsym(library, entry);
    if (address == nullptr) return OtherBuild(file);
    return address;
  }
  return Unsupported(missing);
}

Status OtherBuild(const std::string& file) {
  return Unsupported(file + " belongs to another build of QED: build both again");
}

}  // namespace qed

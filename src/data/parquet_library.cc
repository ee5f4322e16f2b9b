#include <dlfcn.h>

#include <filesystem>
#include <vector>

#include "data/parquet_module.h"
#include "data/row.h"

namespace qed {
namespace {

constexpr char kModuleFile[] = "libqed_parquet.so";

// Beside the program, where an installation has it, and in the build folder for the
// tests' programs, which lie two folders down.
std::vector<std::filesystem::path> ModulePlaces() {
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return {};
  const auto folder = program.parent_path();
  return {folder / kModuleFile, folder / "../lib/qed" / kModuleFile,
          folder / "../.." / kModuleFile};
}

Result<const ParquetModule*> OpenModule() {
  for (const std::filesystem::path& place : ModulePlaces()) {
    std::error_code error;
    if (!std::filesystem::exists(place, error)) continue;
    void* library = ::dlopen(place.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) {
      return Unsupported("Parquet files cannot be read: " + std::string(::dlerror()));
    }
    using Entry = const ParquetModule* (*)(int);
    const auto entry = reinterpret_cast<Entry>(::dlsym(library, "QedParquetModule"));
    const ParquetModule* module = entry == nullptr ? nullptr : entry(kParquetModuleVersion);
    if (module == nullptr) {
      return Unsupported(place.string() + " belongs to another build of QED: build both again");
    }
    return module;
  }
  return Unsupported(
      "this build of QED does without Parquet files (libqed_parquet.so is not beside it): run "
      "scripts/get-arrow, configure and build again");
}

}  // namespace

Result<const ParquetModule*> LoadParquetModule() {
  static const Result<const ParquetModule*> module = OpenModule();
  return module;
}

Result<std::unique_ptr<TableReader>> OpenParquet(const std::string& path) {
  const Result<const ParquetModule*> module = LoadParquetModule();
  if (!module.ok()) return module.status().WithPrefix(path);
  return (*module)->Open(path);
}

}  // namespace qed

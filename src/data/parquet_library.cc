#include "base/shared_module.h"
#include "data/parquet_module.h"
#include "data/row.h"

namespace qed {
namespace {

Result<const ParquetModule*> OpenModule() {
  constexpr char kFile[] = "libqed_parquet.so";
  QED_ASSIGN_OR_RETURN(
      void* const address,
      OpenSharedModule(kFile, "QedParquetModule", ModuleSymbols::kOwn,
                       "this build of QED does without Parquet files (libqed_parquet.so is not "
                       "beside it): run scripts/get-arrow, configure and build again"));
  using Entry = const ParquetModule* (*)(int);
  const ParquetModule* module = reinterpret_cast<Entry>(address)(kParquetModuleVersion);
  if (module == nullptr) return OtherBuild(kFile);
  return module;
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

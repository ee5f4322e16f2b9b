#include "base/shared_module.h"
#include "data/parquet_module.h"
#include "data/row.h"

namespace qed {

Result<const ParquetModule*> LoadParquetModule() {
  static const Result<const ParquetModule*> module = LoadSharedModule<ParquetModule>(
      {.file = "libqed_parquet.so",
       .entry = "QedParquetModule",
       .version = kParquetModuleVersion,
       .missing = "this build of QED does without Parquet files (libqed_parquet.so is not beside "
                  "it): run scripts/get-arrow, configure and build again"});
  return module;
}

Result<std::unique_ptr<TableReader>> OpenParquet(const std::string& path) {
  const Result<const ParquetModule*> module = LoadParquetModule();
  if (!module.ok()) return module.status().WithPrefix(path);
  return (*module)->Open(path);
}

}  // namespace qed

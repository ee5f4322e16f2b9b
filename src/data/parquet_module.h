// Parquet files through Arrow's C++ library.
//
// libarrow has 50 MB and is not a package of Debian or Ubuntu, so the program does not
// link it: what needs it is the shared object libqed_parquet.so, which is opened when the
// first Parquet file is. A program whose module is not there does all else.
// Private to src/data.
#ifndef QED_DATA_PARQUET_MODULE_H_
#define QED_DATA_PARQUET_MODULE_H_

#include <memory>
#include <string>

#include "base/status.h"
#include "data/table_reader.h"
#include "data/text_table_writer.h"

namespace qed {

// Raised with every change of this interface or of what it shows: the module must be
// of the same build as the program.
inline constexpr int kParquetModuleVersion = 1;

class ParquetModule {
 public:
  virtual Result<std::unique_ptr<TableReader>> Open(const std::string& path) const = 0;
  // Writes `path` itself, with nothing else beside it.
  virtual Result<std::unique_ptr<TextTableWriter>> Create(const std::string& path,
                                                          const std::string& column) const = 0;

 protected:
  ~ParquetModule() = default;
};

// The module, or kUnsupported where it cannot be opened. Lives as long as the program.
Result<const ParquetModule*> LoadParquetModule();

}  // namespace qed

// What the module exports. Null if `version` is not its own.
extern "C" const qed::ParquetModule* QedParquetModule(int version);

#endif  // QED_DATA_PARQUET_MODULE_H_

// Rows that were no JSON in their file. Private to src/data.
#ifndef QED_DATA_ROW_H_
#define QED_DATA_ROW_H_

#include <cstdint>
#include <memory>
#include <string>

#include "base/status.h"
#include "data/line_reader.h"
#include "data/table_reader.h"
#include "nlohmann/json.hpp"

namespace qed {

// The row `number` with these columns, which keep their order in its JSON. Bytes that
// are not UTF-8 become U+FFFD.
Result<TableRow> MakeRow(int64_t number, const nlohmann::ordered_json& columns);

// The first line is read here: it names the columns.
Result<std::unique_ptr<TableReader>> OpenCsv(LineReader lines, char separator);

// By the module that holds Arrow (data/parquet_module.h).
Result<std::unique_ptr<TableReader>> OpenParquet(const std::string& path);

}  // namespace qed

#endif  // QED_DATA_ROW_H_

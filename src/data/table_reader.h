// Tables of problems and texts, read row by row: JSONL, CSV, TSV and Parquet.
#ifndef QED_DATA_TABLE_READER_H_
#define QED_DATA_TABLE_READER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/status.h"
#include "nlohmann/json.hpp"

namespace qed {

inline constexpr size_t kMaxRowBytes = size_t{64} << 20;

struct TableRow {
  int64_t number = 0;  // the line in which it begins, from 1; of Parquet the row, from 1
  std::string json;    // the row as a JSON object on one line; of JSONL the line itself
  nlohmann::json object;
};

// One pass over a file, in memory for a few rows (Parquet: for some pages of each column).
// Not thread-safe.
class TableReader {
 public:
  virtual ~TableReader() = default;

  // The next row, or none at the end. Errors name the file and the line or row; after an
  // error there is nothing more to read.
  virtual Result<std::optional<TableRow>> Next() = 0;
  // "line" or "row": what TableRow::number counts.
  virtual const char* unit() const = 0;
};

// Opens a file by what it holds and how it is called:
//   - Parquet by its first bytes. A build without Arrow says so (kUnsupported).
//   - *.csv and *.tsv (RFC 4180, the first line names the columns; each value is a string,
//     null where the cell is empty and not quoted).
//   - everything else is JSONL: a JSON object in each line, blank lines left out.
// kNotFound, kIoError, kInvalidArgument, kCorrupt; messages name the file.
Result<std::unique_ptr<TableReader>> OpenTable(const std::string& path);

// The names of a row's columns, for messages: "id, question, answer".
std::string ColumnList(const nlohmann::json& row);

// The texts in one column of a file, the first `max_rows` of them (0: all).
// kInvalidArgument: a row lacks the column or has no string there, or there are no rows.
Result<std::vector<std::string>> ReadTextColumn(const std::string& path, const std::string& column,
                                                int64_t max_rows);

}  // namespace qed

#endif  // QED_DATA_TABLE_READER_H_

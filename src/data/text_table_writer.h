// Writes a table of one column of texts, as Parquet or JSONL.
#ifndef QED_DATA_TEXT_TABLE_WRITER_H_
#define QED_DATA_TEXT_TABLE_WRITER_H_

#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

// Not thread-safe. Without Finish nothing is left of it.
class TextTableWriter {
 public:
  virtual ~TextTableWriter() = default;

  virtual Status Append(std::string_view text) = 0;
  // Writes what is left and gives the file its name. The last call, also after an error.
  virtual Status Finish() = 0;
};

// `path` ends with .parquet (kUnsupported in a build without Arrow) or .jsonl, else it
// is kInvalidArgument. What is written lies beside it as "<path>.part" until Finish.
Result<std::unique_ptr<TextTableWriter>> CreateTextTable(const std::string& path,
                                                         const std::string& column);

}  // namespace qed

#endif  // QED_DATA_TEXT_TABLE_WRITER_H_

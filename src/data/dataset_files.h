// The files of a data set's split.
#ifndef QED_DATA_DATASET_FILES_H_
#define QED_DATA_DATASET_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace qed {

// The tables (*.parquet, *.jsonl, *.csv, *.tsv) of a split, in the order of their names, as
// data sets of a hub have them: data/tir-00000-of-00020.parquet, tir.jsonl,
// default/tir/0000.parquet. `path` may be a file: then it is the split. An empty `split`
// means the only one. Errors list the splits that there are.
Result<std::vector<std::string>> FindSplit(const std::string& path, const std::string& split);

// The split to which a file of a data set belongs; empty if it is no table.
// "data/tir-00000-of-00020.parquet" is of "tir".
std::string SplitOf(std::string_view relative_path);

}  // namespace qed

#endif  // QED_DATA_DATASET_FILES_H_

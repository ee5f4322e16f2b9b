#include "data/row.h"

#include "base/json.h"

namespace qed {

Result<TableRow> MakeRow(int64_t number, const nlohmann::ordered_json& columns) {
  TableRow row;
  row.number = number;
  row.json = DumpJson(columns);
  QED_ASSIGN_OR_RETURN(row.object, ParseJson(row.json, {2 * kMaxRowBytes, 64}));
  return row;
}

}  // namespace qed

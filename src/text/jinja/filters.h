// The filters on lists (sequence_filters.cc); the table of all is in filters.cc.
#ifndef QED_TEXT_JINJA_FILTERS_H_
#define QED_TEXT_JINJA_FILTERS_H_

#include "text/jinja/builtins.h"

namespace qed::jinja {

// item.a.b for the path "a.b"; numbers in it are list positions.
Result<Value> GetAttributePath(const Value& item, const Value& path, Budget& budget);

Result<Value> ListFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> ItemsFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> FirstFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> LastFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> ReverseFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> SortFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> DictSortFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> UniqueFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> SumFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> MinFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> MaxFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> MapFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> SelectFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> RejectFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> SelectAttrFilter(const Value& input, const Arguments& arguments, Budget& budget);
Result<Value> RejectAttrFilter(const Value& input, const Arguments& arguments, Budget& budget);

}  // namespace qed::jinja

#endif  // QED_TEXT_JINJA_FILTERS_H_

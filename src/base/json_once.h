// nlohmann::json compiled once (json_once.cc) instead of in every file: precompiled for files that
// are not optimized, where nothing of it is inlined anyway.
#ifndef QED_BASE_JSON_ONCE_H_
#define QED_BASE_JSON_ONCE_H_

#include <nlohmann/json.hpp>

extern template class nlohmann::basic_json<>;

#endif  // QED_BASE_JSON_ONCE_H_

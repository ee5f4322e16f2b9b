// JSON of any kind: what parses must print and parse again to the same value.
#include <cstdlib>

#include "base/json.h"
#include "nlohmann/json.hpp"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = qed::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!value.ok()) return 0;
  const auto again = qed::ParseJson(qed::DumpJson(*value));
  if (!again.ok() || *again != *value) std::abort();
  return 0;
}

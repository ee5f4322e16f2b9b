// JSON of any kind: what parses must print and parse again to the same value.
#include <cstdlib>

#include "base/json.h"
#include "nlohmann/json.hpp"
#include "tests/fuzz/fuzz_input.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  qed::WriteSeeds(*argc, *argv,
                  {R"({"a": [1, -2.5e-3, true, null, "\u00e9\ud83d\ude00\n"], "b": {}})",
                   "[[[[18446744073709551616, 1e999]]]]", "\"\xc3\xa9\""});
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = qed::ParseJson({reinterpret_cast<const char*>(data), size});
  if (!value.ok()) return 0;
  const auto again = qed::ParseJson(qed::DumpJson(*value));
  if (!again.ok() || *again != *value) std::abort();
  return 0;
}

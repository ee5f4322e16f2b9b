// Fields of a JSON object, each checked for type and range and read once. null
// is as good as absent. The first thing that is wrong is kept and all later
// reads do nothing, so that a caller reads everything and then asks for the error.
#ifndef QED_SERVE_FIELD_READER_H_
#define QED_SERVE_FIELD_READER_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"
#include "serve/api_error.h"

namespace qed {

class FieldReader {
 public:
  using Json = nlohmann::ordered_json;

  // `object` must outlive the reader; `prefix` is put before field names
  // ("stream_options."). Anything but an object is an error.
  explicit FieldReader(const Json& object, std::string prefix = "");

  // Each says whether the field was there, and sets `out` only if it was right.
  bool Bool(const char* name, bool* out);
  bool Int(const char* name, int64_t min, int64_t max, int64_t* out);
  bool Int(const char* name, int32_t min, int32_t max, int32_t* out);
  bool Number(const char* name, double min, double max, double* out);
  bool Number(const char* name, double min, double max, float* out);
  bool String(const char* name, size_t max_bytes, std::string* out);
  // Token ids in [0, vocab_size).
  bool TokenIds(const char* name, size_t max_count, int32_t vocab_size, std::vector<int32_t>* out);
  // The value itself, for the caller to check; null where it is absent.
  const Json* Any(const char* name);

  void Fail(std::string_view name, const std::string& message);
  bool failed() const { return error_.has_value(); }
  // Takes over the error of a reader of an object within this one.
  void Adopt(std::optional<ApiError> error) {
    if (!failed()) error_ = std::move(error);
  }
  // The first error; a field that nobody asked for is one.
  std::optional<ApiError> Finish();

 private:
  const Json* Find(const char* name);

  const Json& object_;
  const std::string prefix_;
  std::set<std::string_view> known_;
  std::optional<ApiError> error_;
};

// Parses the body of a request.
std::optional<ApiError> ParseBody(std::string_view body, nlohmann::ordered_json* out);

// Appends the ids of a JSON array. False: not an array of whole numbers in
// [0, vocab_size).
bool ReadTokenIds(const nlohmann::ordered_json& array, int32_t vocab_size,
                  std::vector<int32_t>* out);

}  // namespace qed

#endif  // QED_SERVE_FIELD_READER_H_

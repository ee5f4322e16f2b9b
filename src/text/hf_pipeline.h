// The parts of tokenizer.json around its model: normalizer, pre-tokenizer,
// post-processor, decoder. Each reader takes the part's JSON and says in one
// line what it cannot do.
#ifndef QED_TEXT_HF_PIPELINE_H_
#define QED_TEXT_HF_PIPELINE_H_

#include "base/status.h"
#include "nlohmann/json_fwd.hpp"
#include "text/tokenizer_definition.h"

namespace qed {

// The member, or nullptr where it is missing or null, or `object` is no object.
const nlohmann::json* FindMember(const nlohmann::json& object, const char* key);

// The member as a bool or string, `fallback` where it is missing or null.
Result<bool> BoolMember(const nlohmann::json& object, const char* key, bool fallback);
Result<std::string> StringMember(const nlohmann::json& object, const char* key,
                                 const std::string& fallback);

// Read normalizer, pre_tokenizer, post_processor (which may set
// `bos_token_id`) and decoder of the whole file `root`.
Status ReadHfPipeline(const nlohmann::json& root, TokenizerDefinition& out);

}  // namespace qed

#endif  // QED_TEXT_HF_PIPELINE_H_

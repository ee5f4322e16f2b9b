// HF folders: config.json, tokenizer files, and safetensors in one file or in
// shards with an index.
#ifndef QED_CHECKPOINT_HF_CHECKPOINT_H_
#define QED_CHECKPOINT_HF_CHECKPOINT_H_

#include <string>

#include "base/status.h"
#include "checkpoint/checkpoint.h"

namespace qed {

// Everything but checkpoint.path. Errors name the file inside the folder.
Result<Checkpoint> OpenHfFolder(const std::string& folder);

// tokenizer.json, tokenizer_config.json and chat_template.jinja, where they are.
Status ReadHfTokenizerFiles(const std::string& folder, TokenizerSpec& spec);

}  // namespace qed

#endif  // QED_CHECKPOINT_HF_CHECKPOINT_H_

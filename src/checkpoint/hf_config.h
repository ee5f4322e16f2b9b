// config.json and generation_config.json of HF folders.
#ifndef QED_CHECKPOINT_HF_CONFIG_H_
#define QED_CHECKPOINT_HF_CONFIG_H_

#include <string_view>

#include "base/status.h"
#include "checkpoint/checkpoint.h"

namespace qed {

// Fills checkpoint.config. kUnsupported for networks QED does not run, with the
// key that says so.
Status ReadHfConfig(std::string_view config_json, Checkpoint& checkpoint);

// Sampling defaults and, where it names them, the end-of-sequence ids.
Status ReadHfGenerationConfig(std::string_view generation_config_json, Checkpoint& checkpoint);

}  // namespace qed

#endif  // QED_CHECKPOINT_HF_CONFIG_H_

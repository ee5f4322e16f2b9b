// The settings that a run's samples depend on, kept beside its results so that
// a resumed run cannot mix samples made in different ways.
#ifndef QED_SOLVE_RUN_SETTINGS_H_
#define QED_SOLVE_RUN_SETTINGS_H_

#include <map>
#include <string>
#include <string_view>

#include "base/status.h"

namespace qed {

// By name: a flag without its dashes where one sets it.
using RunSettings = std::map<std::string, std::string>;

std::string ToJsonText(const RunSettings& settings);
// `name` stands for the file in errors.
Result<RunSettings> ParseRunSettings(std::string_view text, const std::string& name);

// kInvalidArgument naming the first setting that differs and both values.
Status CheckSameSettings(const RunSettings& then, const RunSettings& now);

// 64 bits over `bytes` (FNV-1a), as hexadecimal digits: tells changed input, not
// malice.
std::string Fingerprint(std::string_view bytes);

}  // namespace qed

#endif  // QED_SOLVE_RUN_SETTINGS_H_

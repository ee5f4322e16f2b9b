// One declaration per knob. A config struct lists its fields once, in
// `VisitKnobs(config, visitor)`; command-line flags, help, validation and
// printing all come from that list.
#ifndef QED_CONFIG_KNOB_H_
#define QED_CONFIG_KNOB_H_

#include <sstream>
#include <string>

#include "base/status.h"

namespace qed {

// What is known of a knob beside its value. The default is the value in a
// default-constructed config struct.
struct Knob {
  const char* name;  // As a flag, without dashes: "max-batch-size".
  const char* unit;  // "tokens", "s", "" where the name says it all.
  const char* help;  // One line.
};

// A range both ends of which are allowed.
template <typename T>
struct KnobRange {
  T min;
  T max;
};

// Checks every knob of `config` against its range. The error names the knob,
// the value and the range.
template <typename Config>
Status ValidateKnobs(const Config& config) {
  Status status;
  VisitKnobs(const_cast<Config&>(config), [&](const Knob& knob, auto& value, const auto& range) {
    if constexpr (requires { range.min; }) {
      if (status.ok() && !(value >= range.min && value <= range.max)) {
        std::ostringstream message;
        message << "--" << knob.name << " is " << value << "; it must be from " << range.min
                << " to " << range.max;
        status = InvalidArgument(message.str());
      }
    }
  });
  return status;
}

// For knobs without a range (text, switches).
struct NoRange {};

}  // namespace qed

#endif  // QED_CONFIG_KNOB_H_

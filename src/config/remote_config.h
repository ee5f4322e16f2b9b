// Which servers samples come from, where the model is not in this process.
#ifndef QED_CONFIG_REMOTE_CONFIG_H_
#define QED_CONFIG_REMOTE_CONFIG_H_

#include <cstdint>
#include <string>

#include "config/knob.h"

namespace qed {

struct RemoteConfig {
  std::string server;        // URLs with commas between them; empty: no server
  std::string server_model;  // empty: the first that the server names
  int32_t server_samples = 0;
  double server_timeout = 300;  // seconds
  double server_patience = 60;  // seconds
};

template <typename Visitor>
void VisitKnobs(RemoteConfig& c, Visitor&& visit) {
  visit(Knob{"server", "", "URLs of LLM servers, with commas between them, instead of --model"},
        c.server, NoRange{});
  visit(Knob{"server-model", "", "the model's name there; empty takes the first it has"},
        c.server_model, NoRange{});
  visit(Knob{"server-samples", "samples", "most at a time at each server; 0 asks the server"},
        c.server_samples, KnobRange<int32_t>{0, 4096});
  visit(Knob{"server-timeout", "s", "without a word from a server until it counts as dead"},
        c.server_timeout, KnobRange<double>{0.1, 1e5});
  visit(Knob{"server-patience", "s", "without any server until the run ends"}, c.server_patience,
        KnobRange<double>{0, 1e6});
}

}  // namespace qed

#endif  // QED_CONFIG_REMOTE_CONFIG_H_

// Who may ask an HTTP server of ours: the same flags for each of them.
#ifndef QED_CONFIG_ACCESS_CONFIG_H_
#define QED_CONFIG_ACCESS_CONFIG_H_

#include <string>
#include <vector>

#include "config/knob.h"

namespace qed {

// net/request_guard.h says what they mean.
struct AccessConfig {
  std::vector<std::string> allowed_host;
  std::vector<std::string> cors_origin;
  std::string api_key;  // the path of a file
};

template <typename Visitor>
void VisitKnobs(AccessConfig& c, Visitor&& visit) {
  visit(Knob{"allowed-host", "NAME,NAME",
             "by which clients may ask too, beside --host and loopback names; * is any"},
        c.allowed_host, NoRange{});
  visit(Knob{"cors-origin", "ORIGIN,ORIGIN",
             "of web pages that may ask, like http://localhost:3000; * is any"},
        c.cors_origin, NoRange{});
  visit(Knob{"api-key", "FILE",
             "with the key that every request must bring; else QED_API_KEY is it, if set"},
        c.api_key, NoRange{});
}

}  // namespace qed

#endif  // QED_CONFIG_ACCESS_CONFIG_H_

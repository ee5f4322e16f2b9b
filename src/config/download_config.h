// How files come from a hub. Where that is, and who asks, the environment says
// (fetch/hub.h).
#ifndef QED_CONFIG_DOWNLOAD_CONFIG_H_
#define QED_CONFIG_DOWNLOAD_CONFIG_H_

#include <cstdint>

#include "config/knob.h"

namespace qed {

struct DownloadConfig {
  int32_t connections = 8;
  double patience = 60;  // seconds
};

template <typename Visitor>
void VisitKnobs(DownloadConfig& c, Visitor&& visit) {
  visit(Knob{"connections", "", "files and parts of files that are fetched at a time"},
        c.connections, KnobRange<int32_t>{1, 64});
  visit(Knob{"patience", "s", "how long a hub may fail, or be silent, before QED gives up"},
        c.patience, KnobRange<double>{0, 86400});
}

}  // namespace qed

#endif  // QED_CONFIG_DOWNLOAD_CONFIG_H_

// `qed serve --replicas N`, the process in front of the replicas.
#ifndef QED_CLI_SERVE_REPLICAS_H_
#define QED_CLI_SERVE_REPLICAS_H_

#include <string>

#include "base/status.h"
#include "cli/model_session.h"
#include "config/serve_config.h"

namespace qed {

// Starts this process's command line serve.replicas times and answers in front of them until it is
// interrupted. `name`: of the model, for people. `runs_programs`: there is a sandbox.
Status ServeReplicas(const ModelFlags& model, const ServeConfig& serve, const std::string& name,
                     bool runs_programs);

}  // namespace qed

#endif  // QED_CLI_SERVE_REPLICAS_H_

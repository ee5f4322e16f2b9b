// Fields that clients send and that change nothing here: what they ask for is done
// anyway, or says nothing to an engine.
#ifndef QED_SERVE_IGNORED_FIELDS_H_
#define QED_SERVE_IGNORED_FIELDS_H_

#include "serve/field_reader.h"

namespace qed {

// Accepts them. One that would change something with another value is an error with
// that value. docs/server.md lists them.
void IgnoreFields(FieldReader& fields, bool chat);

// Those of "stream_options".
void IgnoreStreamOptions(FieldReader& options);

}  // namespace qed

#endif  // QED_SERVE_IGNORED_FIELDS_H_

// Names for files that are finished: what WriteFileAtomic (base/file.h) does for a whole
// text, for files that are written piece by piece.
#ifndef QED_BASE_PUBLISH_FILE_H_
#define QED_BASE_PUBLISH_FILE_H_

#include <string>

#include "base/status.h"

namespace qed {

// Syncs `temporary`, renames it to `path` (in the same folder) and syncs the folder. Where
// that fails, `temporary` is removed.
Status PublishFile(const std::string& temporary, const std::string& path);

// Makes a new name in the folder of `path` survive a crash.
Status SyncFolderOf(const std::string& path);

}  // namespace qed

#endif  // QED_BASE_PUBLISH_FILE_H_

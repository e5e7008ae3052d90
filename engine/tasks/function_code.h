#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "engine/tasks/function_host.h"
#include "engine/tasks/function_user.h"

namespace millrace {

// The two parts of "package.module.function".
struct HandlerName {
  std::string module;    // dotted
  std::string function;  // its last part

  // A function that is called just `handler` gets its event as JSON text; all others as an object.
  bool takes_text() const { return function == "handler"; }
};

// INVALID_ARGUMENT unless it has two or more identifiers, of ASCII letters, digits and "_", and the
// module is none that Python has loaded before any function's: it would be called in its place.
absl::StatusOr<HandlerName> ParseHandlerName(absl::string_view handler);

// Checks what can be known without running the code: it has either source or a zip archive, the
// handler's name is well formed, its limits are positive, and the archive can be unpacked and holds
// the handler's module. INVALID_ARGUMENT names the rule.
absl::Status ValidateFunctionCode(const FunctionCode& code);

// The code of DIR/NAME.py with the handler NAME.main_handler if the file defines main_handler at
// its top level, else NAME.handler; "-" in NAME is "_" in the module's. NOT_FOUND if there is no
// such file.
absl::StatusOr<std::shared_ptr<FunctionCode>> LoadFunctionFile(const std::string& path);

// A new folder with a function's code, as the working directory of its process. Removed with the
// object, whatever else was put there meanwhile; and locked as long, so that what a killed server
// has left can be told from what is in use.
class CodeFolder {
 public:
  // Removes the folders in `parent` that nobody has locked.
  static void RemoveLeftovers(const std::string& parent);

  // `reader` may read the folder beside its owner, and is this folder's until its end. The error
  // says what is wrong with the code, or is UNAVAILABLE if the folder could not be written.
  static absl::StatusOr<CodeFolder> Make(const FunctionCode& code, const std::string& parent,
                                         std::optional<FunctionUser> reader);
  CodeFolder(CodeFolder&& other) noexcept
      : path_(std::exchange(other.path_, {})),
        lock_(std::exchange(other.lock_, -1)),
        reader_(std::move(other.reader_)) {}
  CodeFolder& operator=(CodeFolder&& other) noexcept;
  ~CodeFolder() { Remove(); }

  const std::string& path() const { return path_; }
  std::optional<uid_t> reader() const {
    return reader_ ? std::optional(reader_->id()) : std::nullopt;
  }

 private:
  explicit CodeFolder(std::string path) : path_(std::move(path)) {}
  absl::Status Lock();
  void Remove();

  std::string path_;
  int lock_ = -1;  // the folder, open and locked
  std::optional<FunctionUser> reader_;
};

}  // namespace millrace

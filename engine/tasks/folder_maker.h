#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "engine/tasks/function_code.h"

namespace millrace {

// Makes and removes the folders of functions' processes, in the order asked. On a thread of its
// own, because unpacking a large archive would hold up the answers of all other functions.
class FolderMaker {
 public:
  using Made = std::function<void(absl::StatusOr<CodeFolder>)>;

  // Folders go below `parent`, or the system's folder for temporary files if that is empty.
  explicit FolderMaker(std::string parent);
  // Finishes what is under way, and drops what is not without calling back.
  ~FolderMaker();

  // With a user of the function's own as the folder's reader, where this process is root's. `made`
  // is called on the maker's thread.
  void Make(std::shared_ptr<const FunctionCode> code, Made made);
  void Remove(CodeFolder folder);

 private:
  struct Order {
    std::shared_ptr<const FunctionCode> code;  // null: remove `old_folder`
    Made made;
    std::optional<CodeFolder> old_folder;
  };

  void Run();
  void Add(Order order);

  const std::string parent_;
  // Between those who order and the maker's thread; never held during work on files.
  // Guards the orders and the order to stop.
  std::mutex mutex_;
  std::condition_variable has_work_;
  std::deque<Order> orders_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace millrace

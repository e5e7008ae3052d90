#include "engine/tasks/folder_maker.h"

#include <filesystem>
#include <utility>

#include "engine/base/status_macros.h"
#include "engine/tasks/function_user.h"

namespace millrace {
namespace {

std::string FolderOrDefault(std::string folder) {
  if (!folder.empty()) return folder;
  std::error_code error;
  const std::filesystem::path found = std::filesystem::temp_directory_path(error);
  return error ? "/tmp" : found.string();
}

absl::StatusOr<CodeFolder> MakeWithReader(const FunctionCode& code, const std::string& parent) {
  MILLRACE_ASSIGN_OR_RETURN(std::optional<FunctionUser> reader,
                            FunctionUser::Take(code.version_key));
  return CodeFolder::Make(code, parent, std::move(reader));
}

}  // namespace

FolderMaker::FolderMaker(std::string parent)
    : parent_(FolderOrDefault(std::move(parent))), thread_([this] { Run(); }) {}

FolderMaker::~FolderMaker() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  has_work_.notify_one();
  thread_.join();
}

void FolderMaker::Make(std::shared_ptr<const FunctionCode> code, Made made) {
  Add({.code = std::move(code), .made = std::move(made)});
}

void FolderMaker::Remove(CodeFolder folder) { Add({.old_folder = std::move(folder)}); }

void FolderMaker::Add(Order order) {
  {
    const std::lock_guard lock(mutex_);
    orders_.push_back(std::move(order));
  }
  has_work_.notify_one();
}

void FolderMaker::Run() {
  CodeFolder::RemoveLeftovers(parent_);
  while (true) {
    Order order;
    {
      std::unique_lock lock(mutex_);
      has_work_.wait(lock, [this] { return stopping_ || !orders_.empty(); });
      if (stopping_) return;
      order = std::move(orders_.front());
      orders_.pop_front();
    }
    if (order.code) order.made(MakeWithReader(*order.code, parent_));
  }
}

}  // namespace millrace

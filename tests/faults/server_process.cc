#include "tests/faults/server_process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"

namespace millrace::testing {
namespace {

// The first line of a postmaster.pid file below `folder`; 0 if there is none.
pid_t PostmasterOf(const std::string& folder) {
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().filename() != "postmaster.pid") continue;
    std::ifstream file(entry.path());
    pid_t pid = 0;
    file >> pid;
    return pid;
  }
  return 0;
}

}  // namespace

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof(address);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
  EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length), 0);
  close(fd);
  return ntohs(address.sin_port);
}

ServerProcess::ServerProcess(std::string data_dir, int port)
    : data_dir_(std::move(data_dir)), port_(port), log_path_(absl::StrCat(data_dir_, ".log")) {}

ServerProcess::~ServerProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
}

void ServerProcess::Start() {
  const char* binary = std::getenv("MILLRACE_BINARY");
  ASSERT_NE(binary, nullptr);
  const std::string listen = absl::StrCat("--listen=127.0.0.1:", port_);
  const std::string data = absl::StrCat("--data-dir=", data_dir_);
  const int log = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  pid_ = fork();
  ASSERT_GE(pid_, 0);
  if (pid_ == 0) {
    dup2(log, STDERR_FILENO);
    dup2(log, STDOUT_FILENO);
    execl(binary, binary, "serve", listen.c_str(), data.c_str(), nullptr);
    _exit(127);
  }
  close(log);
  const auto channel = NewChannel();
  ASSERT_TRUE(channel->WaitForConnected(std::chrono::system_clock::now() + std::chrono::minutes(1)))
      << "the server does not answer; its log is " << log_path_;
}

void ServerProcess::Kill(bool with_postmaster) {
  if (with_postmaster) KillPostmaster();
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

void ServerProcess::KillPostmaster() {
  const pid_t postmaster = PostmasterOf(data_dir_);
  ASSERT_GT(postmaster, 1);
  kill(postmaster, SIGKILL);
}

std::shared_ptr<grpc::Channel> ServerProcess::NewChannel() const {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  // Channels to the same address would share one connection otherwise.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port_),
                                   grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace millrace::testing

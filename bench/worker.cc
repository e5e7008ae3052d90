// The worker of the workloads in bench/load.cc: gives each task's input back.
#include <signal.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "service/client/worker.h"

namespace {

int Main(int argc, char** argv) {
  CLI::App app("Does the tasks of the queue 'step' until it is stopped");
  millrace::client::WorkerOptions options{.queues = {"step"}, .items_max = 10'000, .threads = 0};
  app.add_option("--address", options.address, "Of the server")->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  options.on_problem = [](const std::string& problem) {
    std::fprintf(stderr, "worker: %s\n", problem.c_str());
  };
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  millrace::client::Worker worker(options, [](const millrace::client::Task& task) {
    return millrace::client::Outcome::Done(task.input);
  });
  int signal = 0;
  sigwait(&signals, &signal);
  worker.Stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) { return Main(argc, argv); }

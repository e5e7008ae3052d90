#include "engine/tasks/python_host.h"

#include <utility>

#include "engine/tasks/function_code.h"
#include "engine/tasks/python_loop.h"

namespace millrace {

PythonHost::PythonHost(PythonHostOptions options)
    : loop_(std::make_unique<PythonLoop>(std::move(options))), thread_([this] { loop_->Run(); }) {}

PythonHost::~PythonHost() {
  loop_->Stop();
  thread_.join();
}

void PythonHost::Invoke(std::shared_ptr<const FunctionCode> code, Json event,
                        InvocationContext context, InvocationDone done) {
  const absl::StatusOr<HandlerName> handler = ParseHandlerName(code->handler);
  if (!handler.ok()) {
    return done(AslError{.name = "Function.HandlerNotFound",
                         .cause = std::string(handler.status().message())});
  }
  const uint64_t number = next_number_++;
  loop_->Add(std::move(code), {.number = number,
                               .id = context.call_id,
                               .frame = MakeRequestFrame(number, *handler, event, context),
                               .done = std::move(done)});
}

void PythonHost::Cancel(const std::string& call_id) { loop_->Cancel(call_id); }

}  // namespace millrace
